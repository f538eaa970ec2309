package dynamo

import (
	"cmp"
	"context"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// taskStore implements directory.Tasks.
type taskStore struct{ *Store }

func (s taskStore) Task(ctx context.Context, t directory.TenantID, id directory.TaskID) (k directory.Task, err error) {
	if schema.Usable(string(id)) {
		_, err = s.record(ctx, schema.TaskKey(t, id), &k)
	}
	return k, err
}

func (s taskStore) UpdateTask(
	ctx context.Context, t directory.TenantID, id directory.TaskID, update func(directory.Task) (directory.Task, error),
) (directory.Task, error) {
	return updatePlaced(ctx, s.Store, "task", schema.TaskKey(t, id), update, taskItem)
}

// taskItem is a task without its JSON; nil for none.
func taskItem(k directory.Task) item {
	switch {
	case k.ID == "":
		return nil
	case k.DueAt.IsZero():
		return item{}
	}
	return item{"due": str(schema.DueTasks(schema.Spread(string(k.ID), schema.DueTaskShards))), "dueAt": str(schema.DueText(k.DueAt))}
}

// ListTasks implements directory.Tasks: only ids of long work begin with a "t" and a digit.
func (s taskStore) ListTasks(
	ctx context.Context, t directory.TenantID, before directory.TaskID, count int,
) ([]directory.Task, error) {
	const first, end = "t0", "t:"
	if before = cmp.Or(before, end); count < 1 || before < first {
		return nil, nil
	}
	its, err := s.newest(ctx, schema.TaskKey(t, "").PK, "", first, min(schema.Escape(string(before)), end), count)
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.Task](its)
}

func (s taskStore) DueTasks(ctx context.Context, now time.Time, count int) (out []directory.DueTask, err error) {
	its, err := s.due(ctx, schema.DueTaskShards, schema.DueTasks, now, count)
	for _, it := range its {
		id := directory.TaskID(schema.Unescape(text(it, "SK")))
		out = append(out, directory.DueTask{Tenant: schema.TenantOfDelivery(text(it, "PK")), ID: id})
	}
	return out, err
}
