package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// replayStore implements directory.Replays.
type replayStore struct{ *Store }

func (s replayStore) BeginReplay(
	ctx context.Context, t directory.TenantID, r directory.Replay, now time.Time,
) (old directory.Replay, found bool, err error) {
	err = s.write(ctx, func() error {
		err := s.exec(`SELECT request, answer, expires FROM replays WHERE tenant = ? AND key = ? AND expires > ?`, func(row *sqlite.Stmt) error {
			found = true
			old = directory.Replay{Key: r.Key, Request: row.ColumnText(0), Answer: columnBytes(row, 1), Expires: fromMillis(row.ColumnInt64(2))}
			return nil
		}, string(t), r.Key, millis(now))
		if err != nil || found {
			return err
		}
		if err := s.exec(`DELETE FROM replays WHERE expires <= ?`, nil, millis(now)); err != nil {
			return err
		}
		return s.exec(`INSERT INTO replays (tenant, key, request, answer, expires) VALUES (?,?,?,?,?)`, nil, string(t), r.Key, r.Request,
			blob(r.Answer), millis(r.Expires))
	})
	return old, found, err
}

func (s replayStore) FinishReplay(ctx context.Context, t directory.TenantID, r directory.Replay) error {
	return s.write(ctx, func() error {
		if r.Answer == nil {
			return s.exec(`DELETE FROM replays WHERE tenant = ? AND key = ?`, nil, string(t), r.Key)
		}
		return s.exec(`UPDATE replays SET answer = ?, expires = ? WHERE tenant = ? AND key = ?`, nil, r.Answer, millis(r.Expires), string(t),
			r.Key)
	})
}
