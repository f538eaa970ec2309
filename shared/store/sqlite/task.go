package sqlite

import (
	"cmp"
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// taskStore implements directory.Tasks.
type taskStore struct{ *Store }

const selectTask = `SELECT record FROM tasks WHERE tenant = ? AND id = ?`

func (s taskStore) Task(ctx context.Context, t directory.TenantID, id directory.TaskID) (directory.Task, error) {
	k, err := readRecord[directory.Task](ctx, s.Store, "task", selectTask, key(t, id)...)
	return k, directory.IgnoreNotFound(err)
}

func (s taskStore) UpdateTask(
	ctx context.Context, t directory.TenantID, id directory.TaskID, update func(directory.Task) (directory.Task, error),
) (k directory.Task, err error) {
	err = s.write(ctx, func() error {
		old, err := record[directory.Task](s.Store, "task", selectTask, key(t, id)...)
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
		if k, err = update(old); err != nil {
			return err
		}
		if k.ID == "" {
			return s.exec(`DELETE FROM tasks WHERE tenant = ? AND id = ?`, nil, key(t, id)...)
		}
		due := int64(0)
		if !k.DueAt.IsZero() {
			due = millis(k.DueAt)
		}
		return s.putRecord(`INSERT INTO tasks (tenant, id, kind, due_at, record) VALUES (?1,?2,?3,?4,?5)
			ON CONFLICT DO UPDATE SET kind = ?3, due_at = ?4, record = ?5`, k, string(t), string(id), string(k.Kind), due)
	})
	return k, err
}

// ListTasks implements directory.Tasks: only ids of long work begin with a "t" and a digit.
func (s taskStore) ListTasks(
	ctx context.Context, t directory.TenantID, before directory.TaskID, count int,
) ([]directory.Task, error) {
	return readRecords[directory.Task](ctx, s.Store,
		`SELECT record FROM tasks WHERE tenant = ?1 AND id >= 't0' AND id < ?2 ORDER BY id DESC LIMIT ?3+0`,
		string(t), min(cmp.Or(string(before), "t:"), "t:"), count)
}

func (s taskStore) DueTasks(ctx context.Context, now time.Time, count int) (out []directory.DueTask, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT tenant, id FROM tasks WHERE due_at > 0 AND due_at <= ? ORDER BY due_at LIMIT ?+0`, func(r *sqlite.Stmt) error {
			out = append(out, directory.DueTask{Tenant: directory.TenantID(r.ColumnText(0)), ID: directory.TaskID(r.ColumnText(1))})
			return nil
		}, millis(now), count)
	})
	return out, err
}
