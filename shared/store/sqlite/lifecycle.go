package sqlite

import (
	"context"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// maxRestorable is how many gone users with one externalId are looked at.
const maxRestorable = 10

// CreateOrRestoreUser implements directory.Leavers.
func (s *Store) CreateOrRestoreUser(ctx context.Context, t directory.TenantID, p directory.ProviderID, externalID string, admit directory.Admit, make func(directory.Provider, []directory.User) (directory.User, directory.LogEntry, error)) (u directory.User, err error) {
	err = s.write(ctx, func() error {
		rec, err := s.admitted(t, p, admit)
		if err != nil {
			return err
		}
		gone, err := s.users(`SELECT `+userColumns+` FROM users WHERE home = ? AND external_id = ? ORDER BY gone_at DESC LIMIT ?+0`,
			home(t, p, true), externalID, maxRestorable)
		if err != nil {
			return err
		}
		var e directory.LogEntry
		if u, e, err = make(rec, gone); err != nil {
			return err
		}
		if err := s.nameFree(t, u); err != nil {
			return err
		}
		for _, old := range gone {
			if old.ID == u.ID {
				if err := s.replaceUser(t, old, u, e); err != nil {
					return err
				}
				return s.append(t, e)
			}
		}
		if err := s.insertUser(t, u); err != nil {
			return err
		}
		return s.append(t, e)
	})
	return u, err
}

// dueBatch is how many due users are read at once.
const dueBatch = 500

// DueUsers implements directory.Leavers.
func (s *Store) DueUsers(ctx context.Context, until time.Time, fn func(context.Context, []directory.DueUser) error) error {
	at, uid := int64(0), ""
	for {
		var us []directory.DueUser
		err := s.read(ctx, func() error {
			return s.exec(`SELECT `+userColumns+`, tenant, due_at FROM users INDEXED BY users_due
				WHERE gate = 1 AND gate > 0 AND (due_at, uid) > (?, ?) AND due_at <= ? ORDER BY due_at, uid LIMIT ?+0`, func(r *sqlite.Stmt) error {
				u, err := scanUser(r)
				us = append(us, directory.DueUser{Tenant: directory.TenantID(r.ColumnText(14)), User: u})
				at, uid = r.ColumnInt64(15), string(u.ID)
				return err
			}, at, uid, until.UnixMilli(), dueBatch)
		})
		if err != nil || len(us) == 0 {
			return err
		}
		if err := fn(ctx, us); err != nil {
			return err
		}
	}
}

// PendingUsers implements directory.Leavers.
func (s *Store) PendingUsers(ctx context.Context, t directory.TenantID, q directory.PendingQuery) (out []directory.User, next string, err error) {
	at, uid := int64(0), ""
	if q.After != "" {
		due, id, ok := strings.Cut(q.After, " ")
		if at, err = strconv.ParseInt(due, 10, 64); err != nil || !ok {
			return nil, "", directory.Errorf(directory.Invalid, "no position in this list")
		}
		uid = id
	}
	index := "users_pending WHERE gate > 0"
	if q.Gate == directory.GateGuard {
		index = "users_frozen WHERE gate = 3"
	}
	for {
		var us []directory.User
		err := s.read(ctx, func() error {
			us, err = s.users(`SELECT `+userColumns+` FROM users INDEXED BY `+index+`
				AND tenant = ? AND (due_at, uid) > (?, ?) ORDER BY due_at, uid LIMIT ?+0`, string(t), at, uid, dueBatch)
			return err
		})
		if err != nil || len(us) == 0 {
			return out, "", err
		}
		for _, u := range us {
			if u.WaitsFor(q.Gate) && (q.Provider == "" || u.Pending.Provider == q.Provider) {
				if len(out) == q.Count {
					return out, strconv.FormatInt(at, 10) + " " + uid, nil
				}
				out = append(out, u)
			}
			at, uid = millis(u.Pending.DueAt), string(u.ID)
		}
	}
}

// UpdateMatter implements directory.Holds.
func (s *Store) UpdateMatter(ctx context.Context, t directory.TenantID, id string, update func(directory.Matter) (directory.Matter, *directory.LogEntry, error)) (m directory.Matter, err error) {
	err = s.write(ctx, func() error {
		old, err := s.matter(t, id)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if m, e, err = update(old); err != nil || e == nil {
			return err
		}
		if err := s.putRecord(`INSERT INTO matters (tenant, id, record) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET record = ?3`, m, string(t), id); err != nil {
			return err
		}
		return s.append(t, *e)
	})
	return m, err
}

// putRecord runs a statement whose last parameter is the JSON of v.
func (s *Store) putRecord(query string, v any, args ...any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return s.exec(query, nil, append(args, b)...)
}

// matter reads a matter; the zero one when there is none.
func (s *Store) matter(t directory.TenantID, id string) (m directory.Matter, err error) {
	err = s.exec(`SELECT record FROM matters WHERE tenant = ? AND id = ?`, func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), &m) }, string(t), id)
	return m, err
}

// ListMatters implements directory.Holds.
func (s *Store) ListMatters(ctx context.Context, t directory.TenantID, after string, count int) (out []directory.Matter, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT record FROM matters WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?+0`, func(r *sqlite.Stmt) error {
			out = append(out, directory.Matter{})
			return decode(columnBytes(r, 0), &out[len(out)-1])
		}, string(t), after, count)
	})
	return out, err
}

// UpdateCustodian implements directory.Holds.
func (s *Store) UpdateCustodian(ctx context.Context, t directory.TenantID, matter string, id directory.UserID, update func(directory.Matter, directory.Custodian, directory.User) (directory.Custodian, directory.User, *directory.LogEntry, error)) (c directory.Custodian, u directory.User, err error) {
	err = s.write(ctx, func() error {
		m, err := s.matter(t, matter)
		if err == nil && m.ID == "" {
			err = notFound("legal hold")
		}
		if err != nil {
			return err
		}
		old, err := s.userByID(t, id)
		if err != nil {
			return err
		}
		var was directory.Custodian
		err = s.exec(`SELECT record FROM custodians WHERE tenant = ? AND matter = ? AND uid = ?`, func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), &was) },
			string(t), matter, string(id))
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if c, u, e, err = update(m, was, old); err != nil || e == nil {
			return err
		}
		if err := s.replaceUser(t, old, u, *e); err != nil {
			return err
		}
		if err := s.putRecord(`INSERT INTO custodians (tenant, matter, uid, record) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET record = ?4`,
			c, string(t), matter, string(id)); err != nil {
			return err
		}
		return s.append(t, *e)
	})
	return c, u, err
}

// Custodians implements directory.Holds.
func (s *Store) Custodians(ctx context.Context, t directory.TenantID, matter string, after directory.UserID, count int) (out []directory.Custodian, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT record FROM custodians WHERE tenant = ? AND matter = ? AND uid > ? ORDER BY uid LIMIT ?+0`, func(r *sqlite.Stmt) error {
			out = append(out, directory.Custodian{})
			return decode(columnBytes(r, 0), &out[len(out)-1])
		}, string(t), matter, string(after), count)
	})
	return out, err
}

// UpdateGuard implements directory.Guards.
func (s *Store) UpdateGuard(ctx context.Context, t directory.TenantID, p directory.ProviderID, event string, update func(directory.Provider, directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error)) (v directory.GuardEvent, err error) {
	_, err = s.writeProvider(ctx, p, func() (directory.Provider, error) {
		old, err := s.provider(t, p)
		if err != nil {
			return directory.Provider{}, err
		}
		var was directory.GuardEvent
		err = s.exec(`SELECT record FROM guard_events WHERE tenant = ? AND provider = ? AND id = ?`, func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), &was) },
			string(t), string(p), event)
		if err != nil {
			return old, err
		}
		rec, is, e, err := update(old, was)
		if v = is; err != nil || e == nil {
			return old, err
		}
		if err := s.putProvider(rec); err != nil {
			return old, err
		}
		if err := s.putRecord(`INSERT INTO guard_events (tenant, provider, id, record) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET record = ?4`,
			is, string(t), string(p), event); err != nil {
			return old, err
		}
		return rec, s.append(t, *e)
	})
	return v, err
}

// GuardEvents implements directory.Guards.
func (s *Store) GuardEvents(ctx context.Context, t directory.TenantID, p directory.ProviderID, before string, count int) (out []directory.GuardEvent, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT record FROM guard_events WHERE tenant = ?1 AND provider = ?2 AND (?3 = '' OR id < ?3) ORDER BY id DESC LIMIT ?4+0`, func(r *sqlite.Stmt) error {
			out = append(out, directory.GuardEvent{})
			return decode(columnBytes(r, 0), &out[len(out)-1])
		}, string(t), string(p), before, count)
	})
	return out, err
}
