package dynamo_test

import (
	"testing"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
	"rollcall/shared/store/storetest"
)

func TestRekey(t *testing.T) {
	t.Parallel()
	s := open(t, newTable(t))
	storetest.Rekey(t, s.Ports(), func(tenant directory.TenantID, u directory.User) {
		if err := s.PlantUserName(t.Context(), tenant, u, casefold.Fold(u.UserName)); err != nil {
			t.Fatal(err)
		}
	}, func(g directory.Group) {
		if err := s.PlantGroupName(t.Context(), g, casefold.Fold(g.DisplayName)); err != nil {
			t.Fatal(err)
		}
	})
}
