package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// document names a record of the documents table.
type document struct {
	tenant          directory.TenantID
	kind, owner, id string
}

func (s *Store) getDocument(d document, v any) error {
	return s.exec(`SELECT record FROM documents WHERE tenant = ? AND kind = ? AND owner = ? AND id = ?`,
		func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), v) }, string(d.tenant), d.kind, d.owner, d.id)
}

func (s *Store) putDocument(d document, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return s.exec(`INSERT INTO documents (tenant, kind, owner, id, record) VALUES (?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE SET record = ?5`,
		nil, string(d.tenant), d.kind, d.owner, d.id, b)
}

// listDocuments reads records of an owner by id, after one.
func listDocuments[T any](s *Store, d document, count int) (out []T, err error) {
	err = s.exec(`SELECT record FROM documents WHERE tenant = ? AND kind = ? AND owner = ? AND id > ? ORDER BY id LIMIT ?+0`, func(r *sqlite.Stmt) error {
		var v T
		err := decode(columnBytes(r, 0), &v)
		out = append(out, v)
		return err
	}, string(d.tenant), d.kind, d.owner, d.id, count)
	return out, err
}

// updateDocument replaces a record by update(old), with its entry; without one it stores nothing.
func updateDocument[T any](ctx context.Context, s *Store, d document, update func(T) (T, *directory.LogEntry, error)) (v T, err error) {
	err = s.write(ctx, func() error {
		var old T
		if err := s.getDocument(d, &old); err != nil {
			return err
		}
		var e *directory.LogEntry
		if v, e, err = update(old); err != nil || e == nil {
			v = old
			return err
		}
		if err := s.putDocument(d, v); err != nil {
			return err
		}
		return s.append(d.tenant, *e)
	})
	return v, err
}

// Catalogue implements directory.Settings.
func (s *Store) Catalogue(ctx context.Context, t directory.TenantID) (c directory.Catalogue, err error) {
	err = s.read(ctx, func() error { return s.getDocument(document{t, "roles", "", ""}, &c) })
	return c, err
}

// UpdateCatalogue implements directory.Settings.
func (s *Store) UpdateCatalogue(ctx context.Context, t directory.TenantID, update func(directory.Catalogue) (directory.Catalogue, *directory.LogEntry, error)) (directory.Catalogue, error) {
	return updateDocument(ctx, s, document{t, "roles", "", ""}, update)
}

func mappingsOf(t directory.TenantID, p directory.ProviderID) document {
	return document{t, "mappings", string(p), ""}
}

// Mappings implements directory.Settings.
func (s *Store) Mappings(ctx context.Context, t directory.TenantID, p directory.ProviderID) (m directory.Mappings, err error) {
	err = s.read(ctx, func() error { return s.getDocument(mappingsOf(t, p), &m) })
	return m, err
}

// UpdateMappings implements directory.Settings.
func (s *Store) UpdateMappings(ctx context.Context, t directory.TenantID, id directory.ProviderID, update func(directory.Provider, directory.Mappings) (directory.Provider, directory.Mappings, *directory.LogEntry, error)) (p directory.Provider, m directory.Mappings, err error) {
	p, err = s.writeProvider(ctx, id, func() (directory.Provider, error) {
		old, err := s.provider(t, id)
		if err != nil {
			return old, err
		}
		var was directory.Mappings
		if err := s.getDocument(mappingsOf(t, id), &was); err != nil {
			return old, err
		}
		var e *directory.LogEntry
		var n directory.Provider
		if n, m, e, err = update(old, was); err != nil || e == nil {
			m = was
			return old, err
		}
		if err := s.putProvider(n); err != nil {
			return old, err
		}
		if err := s.putDocument(mappingsOf(t, id), m); err != nil {
			return old, err
		}
		return n, s.append(t, *e)
	})
	return p, m, err
}

// Watchlists implements directory.Settings.
func (s *Store) Watchlists(ctx context.Context, t directory.TenantID) (out []directory.Watchlist, err error) {
	err = s.read(ctx, func() error {
		out, err = listDocuments[directory.Watchlist](s, document{t, "watchlist", "", ""}, -1)
		return err
	})
	return out, err
}

// UpdateWatchlist implements directory.Settings.
func (s *Store) UpdateWatchlist(ctx context.Context, t directory.TenantID, id directory.WatchlistID, update func(directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error)) (w directory.Watchlist, err error) {
	d := document{t, "watchlist", "", string(id)}
	err = s.write(ctx, func() error {
		var old directory.Watchlist
		if err := s.getDocument(d, &old); err != nil {
			return err
		}
		var e *directory.LogEntry
		if w, e, err = update(old); err != nil || e == nil {
			w = old
			return err
		}
		if w.ID == "" {
			err = s.exec(`DELETE FROM documents WHERE tenant = ? AND kind = ? AND owner = ? AND id = ?`, nil, string(t), d.kind, d.owner, d.id)
		} else {
			err = s.putDocument(d, w)
		}
		if err != nil {
			return err
		}
		return s.append(t, *e)
	})
	return w, err
}

// UpdateCountryValue implements directory.Reports.
func (s *Store) UpdateCountryValue(ctx context.Context, t directory.TenantID, p directory.ProviderID, value string, update func(directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error)) (directory.CountryValue, error) {
	return updateDocument(ctx, s, document{t, "country", string(p), value}, update)
}

// CountryValues implements directory.Reports.
func (s *Store) CountryValues(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) (out []directory.CountryValue, err error) {
	err = s.read(ctx, func() error {
		out, err = listDocuments[directory.CountryValue](s, document{t, "country", string(p), ""}, count)
		return err
	})
	return out, err
}

// peopleWindow is how many places in the order of arrival one read of People looks at: whoever is in another list
// is passed over, and nobody else gets the connection meanwhile.
const peopleWindow = 2000

// People implements directory.ApplyRuns: all users are in part 0, in the order of arrival, as they are stored.
func (s *Store) People(ctx context.Context, t directory.TenantID, p directory.ProviderID, part int, after string, count int) (vs []directory.UserView, next string, err error) {
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
		err := s.exec(`SELECT `+userColumns+`, arrival FROM users NOT INDEXED WHERE arrival > ? AND arrival <= ? AND home = ? ORDER BY arrival LIMIT ?+0`,
			func(r *sqlite.Stmt) error {
				u, err := scanUser(r)
				if us = append(us, u); len(us) == count {
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

// Run implements directory.ApplyRuns.
func (s *Store) Run(ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID) (r directory.ApplyRun, err error) {
	err = s.read(ctx, func() error {
		err := s.getDocument(document{t, "run", string(p), string(id)}, &r)
		if err == nil && r.ID == "" {
			err = notFound("apply run")
		}
		return err
	})
	return r, err
}

// UpdateRun implements directory.ApplyRuns.
func (s *Store) UpdateRun(ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID, update func(directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error)) (r directory.ApplyRun, err error) {
	d := document{t, "run", string(p), string(id)}
	err = s.write(ctx, func() error {
		var old directory.ApplyRun
		if err := s.getDocument(d, &old); err != nil {
			return err
		}
		var e *directory.LogEntry
		if r, e, err = update(old); err != nil || r == old {
			return err
		}
		if err := s.putDocument(d, r); err != nil || e == nil {
			return err
		}
		return s.append(t, *e)
	})
	return r, err
}

// ListRuns implements directory.ApplyRuns.
func (s *Store) ListRuns(ctx context.Context, t directory.TenantID, p directory.ProviderID, before directory.RunID, count int) (out []directory.ApplyRun, err error) {
	if before == "" {
		before = "~" // after every id
	}
	err = s.read(ctx, func() error {
		return s.exec(`SELECT record FROM documents WHERE tenant = ? AND kind = 'run' AND owner = ? AND id < ? ORDER BY id DESC LIMIT ?+0`, func(r *sqlite.Stmt) error {
			var v directory.ApplyRun
			err := decode(columnBytes(r, 0), &v)
			out = append(out, v)
			return err
		}, string(t), string(p), string(before), count)
	})
	return out, err
}

// Ranges implements directory.ApplyRuns.
func (s *Store) Ranges(ctx context.Context, t directory.TenantID, id directory.RunID) (out []directory.RunRange, err error) {
	err = s.read(ctx, func() error {
		out, err = listDocuments[directory.RunRange](s, document{t, "range", string(id), ""}, -1)
		return err
	})
	return out, err
}

// rangeKey sorts as the number does.
func rangeKey(n int) string { return strconv.Itoa(100 + n) }

// UpdateRange implements directory.ApplyRuns.
func (s *Store) UpdateRange(ctx context.Context, t directory.TenantID, id directory.RunID, n int, update func(directory.RunRange) (directory.RunRange, error)) (r directory.RunRange, err error) {
	d := document{t, "range", string(id), rangeKey(n)}
	err = s.write(ctx, func() error {
		var old directory.RunRange
		if err := s.getDocument(d, &old); err != nil {
			return err
		}
		if r, err = update(old); err != nil {
			return err
		}
		return s.putDocument(d, r)
	})
	return r, err
}

// PutPage implements directory.ApplyRuns.
func (s *Store) PutPage(ctx context.Context, t directory.TenantID, id directory.RunID, page directory.RunPage) error {
	return s.write(ctx, func() error { return s.putDocument(document{t, "page", string(id), page.Key()}, page) })
}

// Pages implements directory.ApplyRuns.
func (s *Store) Pages(ctx context.Context, t directory.TenantID, id directory.RunID, after string, count int) (out []directory.RunPage, err error) {
	err = s.read(ctx, func() error {
		out, err = listDocuments[directory.RunPage](s, document{t, "page", string(id), after}, count)
		return err
	})
	return out, err
}

// Task implements directory.Tasks.
func (s *Store) Task(ctx context.Context, t directory.TenantID, id string) (k directory.Task, err error) {
	err = s.read(ctx, func() error { return s.getDocument(document{t, "task", "", id}, &k) })
	return k, err
}

// UpdateTask implements directory.Tasks.
func (s *Store) UpdateTask(ctx context.Context, t directory.TenantID, id string, update func(directory.Task) directory.Task) error {
	return rewriteDocument(ctx, s, document{t, "task", "", id}, update)
}

// rewriteDocument replaces a document by update(old), without an entry; old is zero when there is none.
func rewriteDocument[T any](ctx context.Context, s *Store, d document, update func(T) T) error {
	return s.write(ctx, func() error {
		var old T
		if err := s.getDocument(d, &old); err != nil {
			return err
		}
		return s.putDocument(d, update(old))
	})
}

// AddAlias implements directory.Aliases. Expired ones go on the way.
func (s *Store) AddAlias(ctx context.Context, t directory.TenantID, key string, id directory.UserID, until time.Time) error {
	return s.write(ctx, func() error {
		if err := s.exec(`INSERT INTO aliases (tenant, key, uid, until) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET until = max(until, ?4)`,
			nil, string(t), key, string(id), millis(until)); err != nil {
			return err
		}
		return s.exec(`DELETE FROM aliases WHERE until < ?`, nil, millis(time.Now()))
	})
}

// AliasesOf implements directory.Aliases.
func (s *Store) AliasesOf(ctx context.Context, t directory.TenantID, key string, now time.Time, count int) (ids []directory.UserID, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT uid FROM aliases WHERE tenant = ? AND key = ? AND until >= ? ORDER BY uid LIMIT ?+0`, func(r *sqlite.Stmt) error {
			ids = append(ids, directory.UserID(r.ColumnText(0)))
			return nil
		}, string(t), key, millis(now), count)
	})
	return ids, err
}

// AddUsage implements directory.Usages.
func (s *Store) AddUsage(ctx context.Context, t directory.TenantID, p directory.ProviderID, u directory.Usage) error {
	return rewriteDocument(ctx, s, document{t, "usage", string(p), ""}, func(old directory.Usage) directory.Usage { return old.And(u) })
}

// Usage implements directory.Usages.
func (s *Store) Usage(ctx context.Context, t directory.TenantID, p directory.ProviderID) (u directory.Usage, err error) {
	err = s.read(ctx, func() error { return s.getDocument(document{t, "usage", string(p), ""}, &u) })
	return u, err
}
