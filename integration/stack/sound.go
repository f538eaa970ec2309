package stack

import (
	"context"
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/fsck"
)

// sound fails the test if anything is broken in the stored data of the stack's tenant. Every stack ends with it.
func (s *Stack) sound(t testing.TB, ports directory.Ports) {
	if s.Damaged {
		return
	}
	err := fsck.CheckTenant(context.Background(), ports, fsck.Options{Now: s.Clock.Now()}, s.Admin.Tenant, func(f fsck.Finding) {
		t.Errorf("not sound at the end: %s", f)
	})
	if err != nil {
		t.Errorf("check at the end: %v", err)
	}
}
