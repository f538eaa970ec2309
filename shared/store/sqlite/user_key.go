package sqlite

import (
	"context"

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

func (s *Store) addLookup(h string, id directory.UserID, l directory.Lookup) error {
	return s.exec(`INSERT OR IGNORE INTO lookups (home, attr, value, uid) VALUES (?,?,?,?)`, nil, h, lookupCode(l.Attr), l.Value, string(id))
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
