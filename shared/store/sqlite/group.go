package sqlite

import (
	"cmp"
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

const groupColumns = `gid, provider, display_name, external_id, attributes, members, version, created, modified`

func (s *Store) groups(query string, args ...any) (out []directory.Group, err error) {
	err = s.exec(query, func(r *sqlite.Stmt) error {
		out = append(out, directory.Group{
			ID: directory.GroupID(r.ColumnText(0)), Provider: directory.ProviderID(r.ColumnText(1)),
			GroupProfile: directory.GroupProfile{DisplayName: r.ColumnText(2), ExternalID: r.ColumnText(3), Attributes: columnBytes(r, 4)},
			MemberCount:  int(r.ColumnInt64(5)), Version: r.ColumnInt64(6), Created: fromMillis(r.ColumnInt64(7)),
			Modified: fromMillis(r.ColumnInt64(8)),
		})
		return nil
	}, args...)
	return out, err
}

func (s *Store) group(h string, id directory.GroupID) (directory.Group, error) {
	gs, err := s.groups(`SELECT `+groupColumns+` FROM groups WHERE home = ? AND gid = ?`, h, string(id))
	if err == nil && len(gs) == 0 {
		err = notFound("group")
	}
	if err != nil {
		return directory.Group{}, err
	}
	return gs[0], nil
}

// groupView adds the parts of g that want asks for; shown counts the members of one answer.
func (s *Store) groupView(h string, g directory.Group, want directory.GroupWant, shown *int) (v directory.GroupView, err error) {
	v.Group = g
	if want.AllMembers {
		*shown += g.MemberCount
		if *shown > directory.MaxMembersShown {
			return v, directory.ErrTooManyMembers(g.ID)
		}
		if v.Members, err = s.members(h, g.ID, "", -1); err != nil {
			return v, err
		}
		v.Present = make(map[directory.ScimID]bool, len(v.Members))
		for _, m := range v.Members {
			v.Present[m] = true
		}
	} else if len(want.Named) > 0 {
		v.Present = map[directory.ScimID]bool{}
		for _, m := range want.Named {
			err = s.exec(`SELECT 1 FROM memberships WHERE home = ? AND gid = ? AND member = ?`, func(*sqlite.Stmt) error {
				v.Present[m] = true
				return nil
			}, h, string(g.ID), string(m))
			if err != nil {
				return v, err
			}
		}
	}
	if want.Ancestors {
		v.Ancestors, err = s.ancestors(h, g.ID)
	}
	return v, err
}

func (s *Store) members(h string, g directory.GroupID, after directory.ScimID, limit int) (ms []directory.ScimID, err error) {
	err = s.exec(`SELECT member FROM memberships WHERE home = ? AND gid = ? AND member > ? ORDER BY member LIMIT ?+0`,
		func(r *sqlite.Stmt) error {
			ms = append(ms, directory.ScimID(r.ColumnText(0)))
			return nil
		}, h, string(g), string(after), limit)
	return ms, err
}

func (s *Store) ancestors(h string, g directory.GroupID) (map[directory.GroupID]bool, error) {
	out := map[directory.GroupID]bool{}
	err := s.exec(`WITH RECURSIVE up(id) AS (
			SELECT gid FROM memberships WHERE home = ?1 AND member = ?2
			UNION SELECT m.gid FROM memberships m JOIN up ON m.home = ?1 AND m.member = up.id)
		SELECT id FROM up`, func(r *sqlite.Stmt) error {
		out[directory.GroupID(r.ColumnText(0))] = true
		return nil
	}, h, string(g))
	return out, err
}

// groupStore implements directory.Groups.
type groupStore struct{ *Store }

func (s groupStore) ReadGroup(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GroupID, want directory.GroupWant, admit directory.Admit,
) (v directory.GroupView, err error) {
	err = s.read(ctx, func() error {
		if _, err := s.admitted(t, p, admit); err != nil {
			return err
		}
		h, shown := home(t, p, false), 0
		g, err := s.group(h, id)
		if err != nil {
			return err
		}
		v, err = s.groupView(h, g, want, &shown)
		return err
	})
	return v, err
}

func (s groupStore) FindGroups(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, key directory.Lookup, limit int, want directory.GroupWant,
	admit directory.Admit,
) (vs []directory.GroupView, err error) {
	err = s.read(ctx, func() error {
		if _, err := s.admitted(t, p, admit); err != nil {
			return err
		}
		h := home(t, p, false)
		var gs []directory.Group
		switch key.Attr {
		case directory.AttrDisplayName:
			gs, err = byName(key.Value, func(name string) ([]directory.Group, error) {
				return s.groups(`SELECT `+groupColumns+` FROM groups WHERE home = ? AND name_key = ? LIMIT ?+0`, h, name, limit)
			})
		case directory.AttrExternalID:
			gs, err = s.groups(`SELECT `+groupColumns+
				` FROM groups WHERE home = ? AND external_id = ? AND external_id <> '' ORDER BY gid LIMIT ?+0`, h, key.Value, limit)
		case directory.AttrMember:
			gs, err = s.groups(`SELECT `+groupColumns+` FROM groups WHERE home = ?1 AND gid IN
				(SELECT gid FROM memberships WHERE home = ?1 AND member = ?2 ORDER BY gid LIMIT ?3+0) ORDER BY gid`, h, key.Value, limit)
		}
		if err != nil {
			return err
		}
		vs, err = s.groupViews(h, gs, want)
		return err
	})
	return vs, err
}

func (s *Store) groupViews(h string, gs []directory.Group, want directory.GroupWant) ([]directory.GroupView, error) {
	vs, shown := make([]directory.GroupView, len(gs)), 0
	for i, g := range gs {
		v, err := s.groupView(h, g, want, &shown)
		if err != nil {
			return nil, err
		}
		vs[i] = v
	}
	return vs, nil
}

func (s groupStore) ListGroups(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, page directory.Page, want directory.GroupWant, admit directory.Admit,
) (out directory.GroupPage, err error) {
	err = s.read(ctx, func() error {
		if _, err := s.admitted(t, p, admit); err != nil {
			return err
		}
		h := home(t, p, false)
		var gs []directory.Group
		out.Total, out.More, err = s.list(h, "groups", page, func(after string, skip, limit int) (string, int, error) {
			gs, err = s.groups(`SELECT `+groupColumns+` FROM groups WHERE home = ? AND gid > ? ORDER BY gid LIMIT ?+0 OFFSET ?`, h, after, limit,
				skip)
			if len(gs) == 0 {
				return "", 0, err
			}
			return string(gs[min(len(gs), page.Count)-1].ID), len(gs), err
		})
		if err != nil {
			return err
		}
		out.Groups, err = s.groupViews(h, gs[:min(len(gs), page.Count)], want)
		return err
	})
	return out, err
}

func (s groupStore) Members(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GroupID, after directory.ScimID, count int,
) (ms []directory.ScimID, err error) {
	err = s.read(ctx, func() error {
		h := home(t, p, false)
		if _, err := s.group(h, id); err != nil {
			return err
		}
		ms, err = s.members(h, id, after, count)
		return err
	})
	return ms, err
}

func (s groupStore) CreateGroup(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, admit directory.Admit,
	create func(directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error),
) (g directory.Group, err error) {
	err = s.write(ctx, func() error {
		rec, err := s.admitted(t, p, admit)
		if err != nil {
			return err
		}
		var members []directory.ScimID
		var e directory.LogEntry
		if g, members, e, err = create(rec); err != nil {
			return err
		}
		h := home(t, p, false)
		if err := s.displayNameFree(h, g); err != nil {
			return err
		}
		if err := s.membersExist(h, members); err != nil {
			return err
		}
		last, err := s.lastNumber(t, g)
		if err != nil {
			return err
		}
		e.Version = last + 1
		err = s.exec(`INSERT INTO groups (home, name_key, `+groupColumns+`, entries) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`, nil,
			h, g.DisplayNameKey(), string(g.ID), string(g.Provider), g.DisplayName, g.ExternalID, blob(g.Attributes), len(members),
			g.Version, millis(g.Created), millis(g.Modified), e.Version)
		if err != nil {
			return err
		}
		if err := s.changeMembers(h, g.ID, members, nil); err != nil {
			return err
		}
		s.addTotal(h, "groups", 1)
		return s.append(t, e)
	})
	return g, err
}

// lastNumber returns the number of the newest entry of a group that is created: 0 but for one that is restored.
func (s *Store) lastNumber(t directory.TenantID, g directory.Group) (n int64, err error) {
	if g.Version <= 1 {
		return 0, nil
	}
	err = s.exec(`SELECT max(json_extract(entry, '$.Version')) FROM log WHERE gid = ? AND gid IS NOT NULL AND tenant = ?`,
		func(r *sqlite.Stmt) error { n = r.ColumnInt64(0); return nil }, string(g.ID), string(t))
	return cmp.Or(n, g.Version-1), err
}

func blob(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// displayNameFree returns a TakenError when another group of the provider has g's displayName.
func (s *Store) displayNameFree(h string, g directory.Group) error {
	gs, err := s.groups(`SELECT `+groupColumns+` FROM groups WHERE home = ? AND name_key = ?`, h, g.DisplayNameKey())
	if err == nil && len(gs) == 1 && gs[0].ID != g.ID {
		return &directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(gs[0].ID), Provider: g.Provider}
	}
	return err
}

// membersExist returns Invalid when one of the ids is not a user or group of the provider.
func (s *Store) membersExist(h string, ids []directory.ScimID) error {
	for _, id := range ids {
		found := false
		query := `SELECT 1 FROM users WHERE home = ?1 AND uid = ?2 AND scim_id = ?2 UNION ALL SELECT 1 FROM users WHERE home = ?1 ` +
			`AND scim_id = ?2 AND scim_id <> uid`
		if id.IsGroup() {
			query = `SELECT 1 FROM groups WHERE home = ? AND gid = ?`
		}
		if err := s.exec(query, func(*sqlite.Stmt) error { found = true; return nil }, h, string(id)); err != nil {
			return err
		}
		if !found {
			return directory.ErrUnknownMember(id)
		}
	}
	return nil
}

// MissingMembers implements directory.Groups.
func (s groupStore) MissingMembers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, ids []directory.ScimID,
) (former, unknown []directory.ScimID, err error) {
	err = s.read(ctx, func() error {
		h := home(t, p, false)
		for _, id := range ids {
			err := s.membersExist(h, []directory.ScimID{id})
			if err == nil {
				continue
			}
			if !directory.IsKind(err, directory.Invalid) {
				return err
			}
			once := false
			err = s.exec(`SELECT 1 FROM former_ids WHERE home = ?1 AND id = ?2
				UNION ALL SELECT 1 FROM log WHERE gid = ?2 AND tenant = ?3 AND provider = ?4
				UNION ALL SELECT 1 FROM log WHERE uid = ?2 AND tenant = ?3 AND provider = ?4 LIMIT 1`,
				func(*sqlite.Stmt) error { once = true; return nil }, h, string(id), string(t), string(p))
			switch {
			case err != nil:
				return err
			case once:
				former = append(former, id)
			default:
				unknown = append(unknown, id)
			}
		}
		return nil
	})
	return former, unknown, err
}

func (s *Store) giveBack(h string, id directory.ScimID) error {
	return s.exec(`INSERT OR IGNORE INTO former_ids (home, id) VALUES (?,?)`, nil, h, string(id))
}

func (s *Store) changeMembers(h string, g directory.GroupID, add, remove []directory.ScimID) error {
	for _, m := range add {
		s.cache.forget(h, m)
		if err := s.exec(`INSERT INTO memberships (home, gid, member) VALUES (?,?,?)`, nil, h, string(g), string(m)); err != nil {
			return err
		}
	}
	for _, m := range remove {
		s.cache.forget(h, m)
		if err := s.exec(`DELETE FROM memberships WHERE home = ? AND gid = ? AND member = ?`, nil, h, string(g), string(m)); err != nil {
			return err
		}
	}
	return nil
}

// UpdateGroup implements directory.Groups. The view is read again inside the transaction if the group has changed
// since, and always for a cycle check, which other groups affect.
func (s groupStore) UpdateGroup(
	ctx context.Context, t directory.TenantID, old directory.GroupView, want directory.GroupWant,
	update func(directory.GroupView) (directory.GroupChange, error),
) (g directory.Group, err error) {
	err = s.write(ctx, func() error {
		h := home(t, old.Provider, false)
		now, err := s.group(h, old.ID)
		if err != nil {
			return err
		}
		if now.Version != old.Version || want.Ancestors {
			shown := 0
			if old, err = s.groupView(h, now, want, &shown); err != nil {
				return err
			}
		}
		ch, err := update(old)
		g = old.Group
		if err != nil || ch.Entry == nil {
			return err
		}
		g.GroupProfile = ch.GroupProfile
		g.MemberCount += len(ch.Add) - len(ch.Remove)
		g.Version++
		if ch.Entry.At.After(g.Modified) {
			g.Modified = ch.Entry.At
		}
		number, renamed := int64(0), g.DisplayName != old.DisplayName
		if renamed {
			if err := s.displayNameFree(h, g); err != nil {
				return err
			}
		}
		if err := s.membersExist(h, ch.Add); err != nil {
			return err
		}
		err = s.exec(`UPDATE groups SET name_key = iif(?, ?, name_key), display_name = ?, external_id = ?, attributes = ?, members = ?, `+
			`version = ?, modified = ?, entries = entries + 1 WHERE home = ? AND gid = ? RETURNING entries`,
			func(r *sqlite.Stmt) error { number = r.ColumnInt64(0); return nil }, renamed, g.DisplayNameKey(), g.DisplayName,
			g.ExternalID, blob(g.Attributes), g.MemberCount, g.Version, millis(g.Modified), h,
			string(g.ID))
		if err != nil {
			return err
		}
		if err := s.changeMembers(h, g.ID, ch.Add, ch.Remove); err != nil {
			return err
		}
		e := *ch.Entry
		e.Version = number
		err = s.append(t, e)
		if !want.Pins(ch) {
			g.Version = 0
		}
		return err
	})
	return g, err
}

// RekeyGroup implements directory.Groups.
func (s groupStore) RekeyGroup(ctx context.Context, t directory.TenantID, g directory.Group) error {
	if _, hidden := directory.OldNameKey(g.DisplayName); !hidden {
		return nil
	}
	h := home(t, g.Provider, false)
	return s.write(ctx, func() error {
		if err := s.displayNameFree(h, g); err != nil {
			return err
		}
		return s.exec(`UPDATE groups SET name_key = ? WHERE home = ? AND gid = ? AND display_name = ?`, nil, g.DisplayNameKey(), h,
			string(g.ID), g.DisplayName)
	})
}

func (s groupStore) DeleteGroup(
	ctx context.Context, t directory.TenantID, old directory.Group, del func(directory.Group) (directory.LogEntry, error),
) error {
	return s.write(ctx, func() error {
		h := home(t, old.Provider, false)
		g, err := s.group(h, old.ID)
		if err != nil {
			return err
		}
		e, err := del(g)
		if err != nil {
			return err
		}
		var number int64
		err = s.exec(`SELECT entries FROM groups WHERE home = ? AND gid = ?`,
			func(r *sqlite.Stmt) error { number = r.ColumnInt64(0); return nil }, h, string(g.ID))
		if err != nil {
			return err
		}
		if err := s.leaveGroups(h, directory.ScimID(g.ID), e.At); err != nil {
			return err
		}
		s.cache.forgetAll() // its members' groups
		for _, q := range []string{`DELETE FROM memberships WHERE home = ? AND gid = ?`, `DELETE FROM groups WHERE home = ? AND gid = ?`} {
			if err := s.exec(q, nil, h, string(g.ID)); err != nil {
				return err
			}
		}
		if err := s.giveBack(h, directory.ScimID(g.ID)); err != nil {
			return err
		}
		s.addTotal(h, "groups", -1)
		e.Version = number + 1
		return s.append(t, e)
	})
}

// leaveGroups removes a member from every group that has it.
func (s *Store) leaveGroups(h string, member directory.ScimID, at time.Time) error {
	err := s.exec(`UPDATE groups SET members = members - 1, version = version + 1, modified = max(modified, ?3)
		WHERE home = ?1 AND gid IN (SELECT gid FROM memberships WHERE home = ?1 AND member = ?2)`, nil, h, string(member), millis(at))
	if err != nil {
		return err
	}
	return s.exec(`DELETE FROM memberships WHERE home = ? AND member = ?`, nil, h, string(member))
}
