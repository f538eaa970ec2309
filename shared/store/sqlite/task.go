package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

func taskOf(t directory.TenantID, id directory.TaskID) []any { return key(t, "task", "", string(id)) }

// taskStore implements directory.Tasks.
type taskStore struct{ *Store }

func (s taskStore) Task(ctx context.Context, t directory.TenantID, id directory.TaskID) (directory.Task, error) {
	k, err := readRecord[directory.Task](ctx, s.Store, "task", documents.get, taskOf(t, id)...)
	return k, directory.IgnoreNotFound(err)
}

func (s taskStore) UpdateTask(
	ctx context.Context, t directory.TenantID, id directory.TaskID, update func(directory.Task) directory.Task,
) error {
	_, err := rewriteRecord(ctx, s.Store, taskOf(t, id), func(old directory.Task) (directory.Task, error) { return update(old), nil })
	return err
}
