package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// taskStore implements directory.Tasks.
type taskStore struct{ *Store }

func (s taskStore) Task(ctx context.Context, t directory.TenantID, id directory.TaskID) (k directory.Task, err error) {
	_, err = s.record(ctx, taskKey(t, id), &k)
	return k, err
}

func (s taskStore) UpdateTask(
	ctx context.Context, t directory.TenantID, id directory.TaskID, update func(directory.Task) directory.Task,
) error {
	_, err := rewriteRecord(ctx, s.Store, "task", taskKey(t, id), func(old directory.Task) (directory.Task, error) { return update(old), nil })
	return err
}
