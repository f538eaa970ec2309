package dynamo

import (
	"cmp"
	"context"
	"time"

	"rollcall/shared/directory"
)

// taskStore implements directory.Tasks.
type taskStore struct{ *Store }

func (s taskStore) Task(ctx context.Context, t directory.TenantID, id directory.TaskID) (k directory.Task, err error) {
	if usable(string(id)) {
		_, err = s.record(ctx, taskKey(t, id), &k)
	}
	return k, err
}

func (s taskStore) UpdateTask(
	ctx context.Context, t directory.TenantID, id directory.TaskID, update func(directory.Task) (directory.Task, error),
) (directory.Task, error) {
	return updatePlaced(ctx, s.Store, "task", taskKey(t, id), update, taskItem)
}

// taskItem is a task without its JSON; nil for none.
func taskItem(k directory.Task) item {
	switch {
	case k.ID == "":
		return nil
	case k.DueAt.IsZero():
		return item{}
	}
	return item{"due": str(dueTasks(spread(string(k.ID), dueTaskShards))), "dueAt": str(dueText(k.DueAt))}
}

// ListTasks implements directory.Tasks: only ids of long work begin with a "t" and a digit.
func (s taskStore) ListTasks(
	ctx context.Context, t directory.TenantID, before directory.TaskID, count int,
) ([]directory.Task, error) {
	const first, end = "t0", "t:"
	if before = cmp.Or(before, end); count < 1 || before < first {
		return nil, nil
	}
	its, err := s.newest(ctx, taskKey(t, "").pk, "", first, min(escaper.Replace(string(before)), end), count)
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.Task](its)
}

func (s taskStore) DueTasks(ctx context.Context, now time.Time, count int) (out []directory.DueTask, err error) {
	its, err := s.due(ctx, dueTaskShards, dueTasks, now, count)
	for _, it := range its {
		out = append(out, directory.DueTask{Tenant: tenantOfDelivery(text(it, "PK")), ID: directory.TaskID(unescaper.Replace(text(it, "SK")))})
	}
	return out, err
}
