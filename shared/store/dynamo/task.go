package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// Task implements directory.Tasks.
func (s *Store) Task(ctx context.Context, t directory.TenantID, id directory.TaskID) (k directory.Task, err error) {
	_, err = s.record(ctx, taskKey(t, id), &k)
	return k, err
}

// UpdateTask implements directory.Tasks.
func (s *Store) UpdateTask(
	ctx context.Context, t directory.TenantID, id directory.TaskID, update func(directory.Task) directory.Task,
) error {
	_, err := rewriteRecord(ctx, s, "task", taskKey(t, id), func(old directory.Task) (directory.Task, error) { return update(old), nil })
	return err
}
