package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// aliasStore implements directory.Aliases.
type aliasStore struct{ *Store }

// sum is the hash that stands for a name: the key of an alias outlives the erasure of its person.
func sum(name string) string {
	h := sha256.Sum256([]byte(name))
	return hex.EncodeToString(h[:])
}

// AddAlias implements directory.Aliases. It also deletes expired ones.
func (s aliasStore) AddAlias(ctx context.Context, t directory.TenantID, key string, id directory.UserID, until time.Time) error {
	return s.write(ctx, func() error {
		if err := s.exec(`INSERT INTO aliases (tenant, key, uid, until) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET until = max(until, ?4)`,
			nil, string(t), sum(key), string(id), millis(until)); err != nil {
			return err
		}
		return s.exec(`DELETE FROM aliases WHERE until < ?`, nil, millis(s.now()))
	})
}

func (s aliasStore) AliasesOf(
	ctx context.Context, t directory.TenantID, key string, now time.Time, count int,
) (ids []directory.UserID, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT uid FROM aliases WHERE tenant = ? AND key = ? AND until >= ? ORDER BY uid LIMIT ?+0`, func(r *sqlite.Stmt) error {
			ids = append(ids, directory.UserID(r.ColumnText(0)))
			return nil
		}, string(t), sum(key), millis(now), count)
	})
	return ids, err
}
