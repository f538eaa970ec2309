package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// peopleWindow is the number of positions in the order of arrival that one read of People scans: users of other lists
// are skipped, and no other call gets the connection meanwhile.
const peopleWindow = 2000

// People implements directory.ApplyRuns: all users are in part 0, in the order of arrival.
func (s *Store) People(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, part int, after string, count int,
) (vs []directory.UserView, next string, err error) {
	from, err := strconv.ParseInt(cmp.Or(after, "0"), 10, 64)
	if err != nil || part != 0 || count < 1 {
		return nil, "", nil
	}
	err = s.read(ctx, func() error {
		h, to, end := home(t, p, false), from+peopleWindow, int64(0)
		if err := s.exec(`SELECT max(arrival) FROM users`, func(r *sqlite.Stmt) error { end = r.ColumnInt64(0); return nil }); err != nil {
			return err
		}
		var us []directory.User
		err := s.exec(`SELECT `+userColumns+
			`, arrival FROM users NOT INDEXED WHERE arrival > ? AND arrival <= ? AND home = ? ORDER BY arrival LIMIT ?+0`,
			func(r *sqlite.Stmt) error {
				u, err := scanUser(r)
				us = append(us, u)
				if len(us) == count {
					to = r.ColumnInt64(r.ColumnCount() - 1)
				}
				return err
			}, from, to, h, count)
		if err != nil {
			return err
		}
		if to < end {
			next = fmt.Sprintf("%019d", to)
		}
		vs, err = s.views(h, us, directory.UserWant{Groups: true})
		return err
	})
	return vs, next, err
}

func runOf(t directory.TenantID, p directory.ProviderID, id directory.RunID) []any {
	return key(t, "run", string(p), string(id))
}

// Run implements directory.ApplyRuns.
func (s *Store) Run(ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID) (directory.ApplyRun, error) {
	return readRecord[directory.ApplyRun](ctx, s, "apply run", documents.get, runOf(t, p, id)...)
}

// UpdateRun implements directory.ApplyRuns.
func (s *Store) UpdateRun(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID, update directory.Update[directory.ApplyRun],
) (directory.ApplyRun, error) {
	return updateRecord(ctx, s, t, "apply run", documents, runOf(t, p, id), entryOptional, update)
}

// ListRuns implements directory.ApplyRuns.
func (s *Store) ListRuns(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, before directory.RunID, count int,
) ([]directory.ApplyRun, error) {
	return readRecords[directory.ApplyRun](ctx, s,
		`SELECT record FROM documents WHERE tenant = ? AND kind = 'run' AND owner = ? AND id < ? ORDER BY id DESC LIMIT ?+0`,
		string(t), string(p), cmp.Or(string(before), "~"), count) // "~" sorts after every id
}

// Ranges implements directory.ApplyRuns.
func (s *Store) Ranges(ctx context.Context, t directory.TenantID, id directory.RunID) ([]directory.RunRange, error) {
	return readRecords[directory.RunRange](ctx, s, documents.after, string(t), "range", string(id), "", -1)
}

// UpdateRange implements directory.ApplyRuns.
func (s *Store) UpdateRange(
	ctx context.Context, t directory.TenantID, id directory.RunID, n int, update func(directory.RunRange) (directory.RunRange, error),
) (directory.RunRange, error) {
	sorted := strconv.Itoa(100 + n) // sorts as text like the number
	return rewriteRecord(ctx, s, key(t, "range", string(id), sorted), update)
}

// PutPage implements directory.ApplyRuns.
func (s *Store) PutPage(ctx context.Context, t directory.TenantID, id directory.RunID, page directory.RunPage) error {
	return s.write(ctx, func() error { return s.putRecord(documents.put, page, key(t, "page", string(id), page.Key())...) })
}

// Pages implements directory.ApplyRuns.
func (s *Store) Pages(
	ctx context.Context, t directory.TenantID, id directory.RunID, after string, count int,
) ([]directory.RunPage, error) {
	return readRecords[directory.RunPage](ctx, s, documents.after, string(t), "page", string(id), after, count)
}
