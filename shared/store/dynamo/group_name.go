package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// RekeyGroup implements directory.Groups.
func (s groupStore) RekeyGroup(ctx context.Context, t directory.TenantID, g directory.Group) error {
	h := homeFor(t, g.Provider, false)
	before, odd := displayName(h, g).folded()
	if !odd || !usable(string(g.ID)) {
		return nil
	}
	x, k := &tx{}, h.groupName(g.DisplayNameKey())
	x.delete(s.Store, before, always, nil)
	x.put(s.Store, k, groupIndex(h, g)[k], when("attribute_not_exists(#PK) OR #gid = :gid", item{":gid": str(string(g.ID))}),
		displayNameTaken(g.Provider))
	x.check(s.Store, h.group(g.ID), when("#name = :name", item{":name": str(g.DisplayName)}), changedSince)
	return unlessChanged(s.commitOnce(ctx, "rekey group", x))
}
