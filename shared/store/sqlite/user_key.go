package sqlite

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// hidesEnds reports whether a userName has ends that cannot be seen: its key may be from before they were left out (C28).
func hidesEnds(u directory.User) bool {
	_, hidden := directory.OldNameKey(u.UserName)
	return hidden
}

// RekeyUser implements directory.Users.
func (s userStore) RekeyUser(ctx context.Context, t directory.TenantID, u directory.User) error {
	if u.Removed() || !hidesEnds(u) {
		return nil
	}
	return s.write(ctx, func() error {
		if err := s.nameFree(t, u); err != nil {
			return err
		}
		return s.exec(`UPDATE users SET name_key = ? WHERE home = ? AND uid = ? AND user_name = ?`, nil,
			directory.UserNameKey(u.UserName), s.homeOf(t, u), string(u.ID), u.UserName)
	})
}

// addLookups adds the look-ups that u needs and old did not.
func (s *Store) addLookups(h string, old, u directory.User) error {
	was := old.AllLookups()
	for _, l := range u.AllLookups() {
		if u.FoundByName(l) || slices.Contains(was, l) && !old.FoundByName(l) {
			continue
		}
		if err := s.exec(`INSERT OR IGNORE INTO lookups (home, attr, value, uid) VALUES (?,?,?,?)`, nil,
			h, lookupCode(l.Attr), l.Value, string(u.ID)); err != nil {
			return err
		}
	}
	return nil
}

// findByEmail looks at the look-ups and at the name that equals the e-mail, whose user may have another e-mail.
func (s *Store) findByEmail(t directory.TenantID, h string, key directory.Lookup, limit int) ([]directory.User, error) {
	us, err := s.users(`SELECT `+userColumns+` FROM users WHERE home = ?1 AND uid IN (
			SELECT uid FROM (SELECT uid FROM lookups WHERE home = ?1 AND attr = ?2 AND value = ?3 ORDER BY uid LIMIT ?4+0)
			UNION ALL SELECT uid FROM users WHERE tenant = ?5 AND name_key = ?3 AND removed_at = 0
		) ORDER BY uid`, h, lookupCode(key.Attr), key.Value, limit, string(t))
	us = slices.DeleteFunc(us, func(u directory.User) bool { return !slices.Contains(u.Lookups, key) })
	return us[:min(limit, len(us))], err
}

func (s *Store) dropLookups(h string, id directory.UserID, ls []directory.Lookup) error {
	for _, l := range ls {
		if err := s.exec(`DELETE FROM lookups WHERE home = ? AND attr = ? AND value = ? AND uid = ?`, nil, h, lookupCode(l.Attr), l.Value,
			string(id)); err != nil {
			return err
		}
	}
	return nil
}

// byName finds records by the key of a name. One with invisible ends may still have its key of before (C28), which is its
// own.
func byName[T any](name string, find func(key string) ([]T, error)) ([]T, error) {
	if before, other := directory.OldNameKey(name); other {
		if found, err := find(before); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return find(directory.UserNameKey(name))
}

// UserIDs implements directory.Users.
func (s userStore) UserIDs(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, key directory.Lookup, limit int,
) (ids []directory.UserID, err error) {
	h := home(t, p, false)
	query, args := `SELECT uid FROM lookups WHERE home = ? AND attr = ? AND value = ? ORDER BY uid LIMIT ?+0`,
		[]any{h, lookupCode(key.Attr), key.Value, limit}
	if key.Attr == directory.AttrManager {
		query, args = `SELECT uid FROM users INDEXED BY users_manager WHERE home = ? AND manager_key = ? AND manager_key <> '' ORDER BY uid `+
			`LIMIT ?+0`, []any{h, key.Value, limit}
	}
	err = s.read(ctx, func() error {
		return s.exec(query, func(r *sqlite.Stmt) error {
			ids = append(ids, directory.UserID(r.ColumnText(0)))
			return nil
		}, args...)
	})
	return ids, err
}

// joinLookups encodes look-ups as netstrings (5:hello,), which can have any text.
func joinLookups(ls []directory.Lookup) string {
	var b []byte
	for _, l := range ls {
		for _, text := range []string{l.Attr, l.Value} {
			b = append(strconv.AppendInt(b, int64(len(text)), 10), ':')
			b = append(append(b, text...), ',')
		}
	}
	return string(b)
}

func splitLookups(s string) []directory.Lookup {
	var parts []string
	for s != "" {
		size, rest, _ := strings.Cut(s, ":")
		n, err := strconv.Atoi(size)
		if err != nil || n < 0 || n >= len(rest) {
			break // the file is damaged
		}
		parts, s = append(parts, rest[:n]), rest[n+1:]
	}
	var ls []directory.Lookup
	for i := 0; i+1 < len(parts); i += 2 {
		ls = append(ls, directory.Lookup{Attr: parts[i], Value: parts[i+1]})
	}
	return ls
}
