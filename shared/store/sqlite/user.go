package sqlite

import (
	"context"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

const userColumns = `uid, provider, scim_id, user_name, external_id, active, manager, attributes, lookups, account, version, ` +
	`created, modified, removed_at`

func scanUser(r *sqlite.Stmt) (directory.User, error) {
	u := directory.User{
		ID: directory.UserID(r.ColumnText(0)), Provider: directory.ProviderID(r.ColumnText(1)), ScimID: directory.ScimID(r.ColumnText(2)),
		Profile: directory.Profile{
			UserName: r.ColumnText(3), ExternalID: r.ColumnText(4), Active: r.ColumnInt64(5) != 0,
			Manager: r.ColumnText(6), Attributes: columnBytes(r, 7),
		},
		Version: r.ColumnInt64(10), Created: fromMillis(r.ColumnInt64(11)), Modified: fromMillis(r.ColumnInt64(12)),
		RemovedAt: fromMillis(r.ColumnInt64(13)),
	}
	u.Lookups = splitLookups(r.ColumnText(8))
	if b := columnBytes(r, 9); b != nil {
		if err := decode(b, &u.Account); err != nil {
			return u, err
		}
	}
	return u, nil
}

// users runs a query over userColumns.
func (s *Store) users(query string, args ...any) (us []directory.User, err error) {
	err = s.exec(query, func(r *sqlite.Stmt) error {
		u, err := scanUser(r)
		us = append(us, u)
		return err
	}, args...)
	return us, err
}

// presentUser reads a user of a home by SCIM id.
func (s *Store) presentUser(h string, id directory.ScimID) (directory.User, bool, error) {
	us, err := s.users(`SELECT `+userColumns+` FROM users WHERE home = ? AND uid = ?`, h, string(id))
	if err == nil && len(us) == 1 && us[0].ScimID == id {
		return us[0], true, nil
	}
	if err == nil {
		us, err = s.users(`SELECT `+userColumns+` FROM users WHERE home = ? AND scim_id = ? AND scim_id <> uid`, h, string(id))
	}
	if err != nil || len(us) == 0 {
		return directory.User{}, false, err
	}
	return us[0], true, nil
}

func (s *Store) view(h string, u directory.User, want directory.UserWant) (directory.UserView, error) {
	v := directory.UserView{User: u}
	if want.Groups && u.ScimID != "" {
		err := s.exec(`SELECT gid FROM memberships WHERE home = ? AND member = ? ORDER BY gid`, func(r *sqlite.Stmt) error {
			v.Groups = append(v.Groups, directory.GroupID(r.ColumnText(0)))
			return nil
		}, h, string(u.ScimID))
		if err != nil {
			return v, err
		}
	}
	return v, s.addManager(h, &v, want)
}

func (s *Store) addManager(h string, v *directory.UserView, want directory.UserWant) error {
	if !want.ManagerName || !directory.ScimID(v.User.Manager).IsUser() {
		return nil
	}
	m, ok, err := s.presentUser(h, directory.ScimID(v.User.Manager))
	if ok {
		v.Manager = &m
	}
	return err
}

// admitted calls admit with the provider, the zero provider if t has none with the id.
func (s *Store) admitted(t directory.TenantID, p directory.ProviderID, admit directory.Admit) (directory.Provider, error) {
	rec := s.providers[p]
	if rec.Tenant != t {
		rec = directory.Provider{}
	}
	if admit == nil {
		return rec, nil
	}
	return rec, admit(rec)
}

// userStore implements directory.Users.
type userStore struct{ *Store }

func (s userStore) ReadUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.ScimID, want directory.UserWant, admit directory.Admit,
) (v directory.UserView, err error) {
	err = s.read(ctx, func() error {
		if _, err := s.admitted(t, p, admit); err != nil {
			return err
		}
		h := home(t, p, false)
		var ok bool
		if v, ok = s.cache.get(h, id); !ok {
			u, ok, err := s.presentUser(h, id)
			if err != nil {
				return err
			}
			if !ok || p == "" {
				return notFound("user")
			}
			if v, err = s.view(h, u, directory.UserWant{Groups: true}); err != nil {
				return err
			}
			s.cache.keep(h, v)
		}
		if !want.Groups {
			v.Groups = nil
		}
		return s.addManager(h, &v, want)
	})
	return v, err
}

func (s userStore) PresentUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, ids []string, groups bool,
) (map[string]directory.UserView, error) {
	out := map[string]directory.UserView{}
	err := s.read(ctx, func() error {
		h := home(t, p, false)
		for _, id := range ids {
			us, err := s.users(`SELECT `+userColumns+` FROM users WHERE home = ? AND uid = ?`, h, id)
			if err == nil && len(us) == 0 && id != "" {
				us, err = s.users(`SELECT `+userColumns+` FROM users WHERE home = ? AND scim_id = ? AND scim_id <> uid`, h, id)
			}
			if err != nil {
				return err
			}
			if len(us) > 0 {
				if out[id], err = s.view(h, us[0], directory.UserWant{Groups: groups}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return out, err
}

func (s userStore) FindUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, key directory.Lookup, limit int, want directory.UserWant,
	admit directory.Admit,
) (vs []directory.UserView, err error) {
	err = s.read(ctx, func() error {
		if _, err := s.admitted(t, p, admit); err != nil {
			return err
		}
		h := home(t, p, false)
		var us []directory.User
		switch key.Attr {
		case directory.AttrUserName:
			us, err = byName(key.Value, func(name string) ([]directory.User, error) {
				return s.users(`SELECT `+userColumns+` FROM users WHERE tenant = ? AND name_key = ? AND removed_at = 0 AND home = ? LIMIT ?+0`,
					string(t), name, h, limit)
			})
		case directory.AttrManager:
			us, err = s.users(`SELECT `+userColumns+
				` FROM users INDEXED BY users_manager WHERE home = ? AND manager_key = ? AND manager_key <> '' ORDER BY uid LIMIT ?+0`,
				h, key.Value, limit)
		case directory.AttrWorkEmail:
			us, err = s.findByEmail(t, h, key, limit)
		default:
			us, err = s.users(`SELECT `+userColumns+` FROM users WHERE home = ?1 AND uid IN
				(SELECT uid FROM lookups WHERE home = ?1 AND attr = ?2 AND value = ?3 ORDER BY uid LIMIT ?4+0) ORDER BY uid`, h, lookupCode(key.Attr),
				key.Value, limit)
		}
		if err != nil {
			return err
		}
		vs, err = s.views(h, us, want)
		return err
	})
	return vs, err
}

func (s *Store) views(h string, us []directory.User, want directory.UserWant) ([]directory.UserView, error) {
	vs := make([]directory.UserView, len(us))
	for i, u := range us {
		v, err := s.view(h, u, want)
		if err != nil {
			return nil, err
		}
		vs[i] = v
	}
	return vs, nil
}

func (s userStore) CreateUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, admit directory.Admit,
	create func(directory.Provider) (directory.User, directory.LogEntry, error),
) (u directory.User, err error) {
	err = s.write(ctx, func() error {
		rec, err := s.admitted(t, p, admit)
		if err != nil {
			return err
		}
		var e directory.LogEntry
		if u, e, err = create(rec); err != nil {
			return err
		}
		if err := s.nameFree(t, u); err != nil {
			return err
		}
		if err := s.insertUser(t, u); err != nil {
			return err
		}
		return s.append(t, e)
	})
	return u, err
}

// nameFree returns a TakenError when another user of the tenant has u's userName.
func (s *Store) nameFree(t directory.TenantID, u directory.User) error {
	if u.Removed() {
		return nil
	}
	var taken *directory.TakenError
	err := s.exec(`SELECT uid, provider FROM users WHERE tenant = ? AND name_key = ? AND removed_at = 0`, func(r *sqlite.Stmt) error {
		if id := r.ColumnText(0); id != string(u.ID) {
			taken = &directory.TakenError{Attr: directory.AttrUserName, Holder: id, Provider: directory.ProviderID(r.ColumnText(1))}
		}
		return nil
	}, string(t), directory.UserNameKey(u.UserName))
	if err == nil && taken != nil {
		return taken
	}
	return err
}

func (s *Store) insertUser(t directory.TenantID, u directory.User) error {
	h := s.homeOf(t, u)
	err := s.exec(`INSERT INTO users (`+valueColumns+`, `+gateColumns+`, `+keyColumns+`, tenant, home, uid)
		VALUES (?,?,?,?,?,?,?,?,?, ?,?, ?,?,?,?,?,?, ?,?,?)`, nil,
		slices.Concat(userValues(u), userGate(u), userKeys(u), []any{string(t), h, string(u.ID)})...)
	if err != nil {
		return err
	}
	s.addTotal(h, "users", 1)
	return s.addLookups(h, directory.User{}, u)
}

// The columns of a user that can change, grouped by the cost of a change: those without an index, those of the due
// indexes, and those of the other indexes. SQLite rewrites an index whenever one of its columns is set.
const (
	valueColumns = `user_name, external_id, active, attributes, lookups, account, version, created, modified`
	gateColumns  = `gate, due_at`
	keyColumns   = `scim_id, provider, manager, manager_key, removed_at, name_key`
)

func userValues(u directory.User) []any {
	var lookups, account, attributes any
	if len(u.Lookups) > 0 {
		lookups = joinLookups(u.Lookups)
	}
	if !u.Account.IsZero() {
		account = string(u.Account.AppendJSON(make([]byte, 0, 512)))
	}
	if len(u.Attributes) > 0 {
		attributes = u.Attributes
	}
	return []any{u.UserName, u.ExternalID, u.Active, attributes, lookups, account, u.Version, millis(u.Created), millis(u.Modified)}
}

func userGate(u directory.User) []any {
	switch p := u.Pending; {
	case p == nil:
		return []any{gateNone, 0}
	case p.Frozen:
		return []any{gateFrozen, millis(p.DueAt)}
	case u.Open():
		return []any{gateOpen, millis(p.DueAt)}
	default:
		return []any{gateHeld, millis(p.DueAt)}
	}
}

func userKeys(u directory.User) []any {
	return []any{string(u.ScimID), string(u.Provider), u.Manager, directory.ManagerKey(u.Manager), millis(u.RemovedAt),
		directory.UserNameKey(u.UserName)}
}

func (s userStore) UpdateUser(
	ctx context.Context, t directory.TenantID, old directory.User, update directory.Update[directory.User],
) (u directory.User, err error) {
	err = s.write(ctx, func() error {
		if old, err = s.current(t, old); err != nil {
			return err
		}
		var e *directory.LogEntry
		if u, e, err = update(old); err != nil || e == nil {
			return err
		}
		if s.homeOf(t, u) != s.homeOf(t, old) || u.UserName != old.UserName {
			if err := s.nameFree(t, u); err != nil {
				return err
			}
		}
		if err := s.replaceUser(t, old, u, *e); err != nil {
			return err
		}
		return s.append(t, *e)
	})
	return u, err
}

// current returns old, or the user as stored if old is not.
func (s *Store) current(t directory.TenantID, old directory.User) (directory.User, error) {
	h := s.homeOf(t, old)
	if cached, ok := s.cache.get(h, old.ScimID); ok && cached.ID == old.ID && same(cached.User, old) {
		return old, nil
	}
	var stored directory.User
	err := s.exec(`SELECT version, lookups FROM users WHERE home = ? AND uid = ?`, func(r *sqlite.Stmt) error {
		stored.Version, stored.Lookups = r.ColumnInt64(0), splitLookups(r.ColumnText(1))
		return nil
	}, h, string(old.ID))
	if err != nil || stored.Version > 0 && same(stored, old) {
		return old, err
	}
	return s.userByID(t, old.ID)
}

// same reports whether two copies of a user are equal. IndexUser changes the look-ups alone, and not the version.
func same(a, b directory.User) bool {
	return a.Version == b.Version && slices.Equal(a.Lookups, b.Lookups)
}

// IndexUser implements directory.Users.
func (s userStore) IndexUser(
	ctx context.Context, t directory.TenantID, old directory.User, keys func(directory.User) []directory.Lookup,
) error {
	return s.write(ctx, func() (err error) {
		if old, err = s.current(t, old); err != nil {
			return err
		}
		u := old
		if u.Lookups = keys(old); slices.Equal(u.Lookups, old.Lookups) {
			return nil
		}
		return s.replaceUser(t, old, u, directory.LogEntry{})
	})
}

// replaceUser replaces old with u; a user that leaves the provider's list also leaves its groups.
func (s *Store) replaceUser(t directory.TenantID, old, u directory.User, e directory.LogEntry) error {
	from, to := s.homeOf(t, old), s.homeOf(t, u)
	if from != to || old.ScimID != u.ScimID {
		s.cache.forget(from, old.ScimID)
	}
	if from != to {
		if err := s.leave(t, from, old, e); err != nil {
			return err
		}
		if err := s.exec(`DELETE FROM users WHERE home = ? AND uid = ?`, nil, from, string(old.ID)); err != nil {
			return err
		}
		if err := s.dropLookups(from, old.ID, old.AllLookups()); err != nil {
			return err
		}
		s.addTotal(from, "users", -1)
		return s.insertUser(t, u)
	}
	columns, values := valueColumns, userValues(u)
	if gate := userGate(u); !slices.Equal(gate, userGate(old)) {
		columns, values = columns+", "+gateColumns, append(values, gate...)
	}
	if keys := userKeys(u); !slices.Equal(keys, userKeys(old)) || hidesEnds(old) {
		written := keyColumns
		if u.UserName == old.UserName { // another user may have its key (RekeyUser)
			written, keys = strings.TrimSuffix(keyColumns, ", name_key"), keys[:len(keys)-1]
		}
		columns, values = columns+", "+written, append(values, keys...)
	}
	err := s.exec(`UPDATE users SET (`+columns+`) = (?`+strings.Repeat(",?", len(values)-1)+`) WHERE home = ? AND uid = ?`, nil,
		append(values, to, string(u.ID))...)
	if err != nil {
		return err
	}
	s.cache.replace(to, u)
	is := u.AllLookups()
	if err := s.dropLookups(to, u.ID,
		slices.DeleteFunc(slices.Clone(old.AllLookups()), func(l directory.Lookup) bool { return slices.Contains(is, l) })); err != nil {
		return err
	}
	return s.addLookups(to, old, u)
}

// leave ends u's memberships in the home's groups and clears it as the manager of others.
func (s *Store) leave(t directory.TenantID, h string, u directory.User, e directory.LogEntry) error {
	if u.ScimID == "" || u.Removed() {
		return nil
	}
	if err := s.leaveGroups(h, u.ScimID, e.At); err != nil {
		return err
	}
	if err := s.giveBack(h, u.ScimID); err != nil {
		return err
	}
	reports, err := s.users(`SELECT `+userColumns+
		` FROM users INDEXED BY users_manager WHERE home = ? AND manager_key = ? AND manager_key <> '' ORDER BY uid`, h, string(u.ScimID))
	if err != nil {
		return err
	}
	for _, r := range reports {
		if r.ID == u.ID {
			continue
		}
		n, entry := directory.ManagerCleared(r, e)
		if err := s.replaceUser(t, r, n, entry); err != nil {
			return err
		}
		if err := s.append(t, entry); err != nil {
			return err
		}
	}
	return nil
}

// userByID reads any user of the tenant: present, local or removed.
func (s *Store) userByID(t directory.TenantID, id directory.UserID) (directory.User, error) {
	homes := []string{home(t, "", false)}
	for _, p := range s.providers {
		if p.Tenant == t {
			homes = append(homes, home(t, p.ID, false), home(t, p.ID, true))
		}
	}
	homes = append(homes, home(t, "", true))
	for _, h := range homes {
		us, err := s.users(`SELECT `+userColumns+` FROM users WHERE home = ? AND uid = ?`, h, string(id))
		if err != nil {
			return directory.User{}, err
		}
		if len(us) == 1 {
			return us[0], nil
		}
	}
	return directory.User{}, notFound("user")
}

func (s userStore) UserByID(ctx context.Context, t directory.TenantID, id directory.UserID) (v directory.UserView, err error) {
	err = s.read(ctx, func() error {
		u, err := s.userByID(t, id)
		if err != nil {
			return err
		}
		v, err = s.view(s.homeOf(t, u), u, directory.UserWant{Groups: true})
		return err
	})
	return v, err
}

// lookupCode shortens the most frequent attributes in keys.
func lookupCode(attr string) string {
	switch attr {
	case directory.AttrExternalID:
		return "x"
	case directory.AttrWorkEmail:
		return "w"
	}
	return attr
}
