package sqlite_test

import (
	"testing"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest"
)

func TestRekey(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Memory)
	exec := func(query string, args ...any) {
		t.Helper()
		if err := s.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Rekey(t, s.Ports(), func(_ directory.TenantID, u directory.User) {
		exec("UPDATE users SET name_key = ? WHERE uid = ?", casefold.Fold(u.UserName), string(u.ID))
	}, func(g directory.Group) {
		exec("UPDATE groups SET name_key = ? WHERE gid = ?", casefold.Fold(g.DisplayName), string(g.ID))
	})
}
