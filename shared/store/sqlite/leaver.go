package sqlite

import (
	"context"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// maxRestorable limits the removed users with one externalId that create is offered.
const maxRestorable = 10

// CreateOrRestoreUser implements directory.Leavers.
func (s *Store) CreateOrRestoreUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, externalID string, admit directory.Admit,
	create func(directory.Provider, []directory.User) (directory.User, directory.LogEntry, error),
) (u directory.User, err error) {
	err = s.write(ctx, func() error {
		rec, err := s.admitted(t, p, admit)
		if err != nil {
			return err
		}
		removed, err := s.users(`SELECT `+userColumns+` FROM users WHERE home = ? AND external_id = ? ORDER BY removed_at DESC LIMIT ?+0`,
			home(t, p, true), externalID, maxRestorable)
		if err != nil {
			return err
		}
		var e directory.LogEntry
		if u, e, err = create(rec, removed); err != nil {
			return err
		}
		if err := s.nameFree(t, u); err != nil {
			return err
		}
		for _, old := range removed {
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

// dueBatch is the number of due users in one read.
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
func (s *Store) PendingUsers(
	ctx context.Context, t directory.TenantID, q directory.PendingQuery,
) (out []directory.User, next string, err error) {
	at, uid := int64(0), ""
	if q.After != "" {
		due, id, ok := strings.Cut(q.After, " ")
		at, err = strconv.ParseInt(due, 10, 64)
		if err != nil || !ok {
			return nil, "", directory.Errorf(directory.Invalid, "not a position in this list")
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

// The values of column gate: what delays a user's deactivation.
const (
	gateNone   = 0
	gateOpen   = 1 // only its time
	gateHeld   = 2 // a legal hold
	gateFrozen = 3 // a guard, perhaps also a legal hold
)
