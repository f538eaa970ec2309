package dynamo

import (
	"context"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// MissingMembers implements directory.Groups.
func (s groupStore) MissingMembers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, ids []directory.ScimID,
) (former, unknown []directory.ScimID, err error) {
	h := schema.HomeFor(t, p, false)
	var keys []schema.Key
	for _, id := range ids {
		if schema.Usable(string(id)) && (id.IsUser() || id.IsGroup()) {
			keys = append(keys, h.Member(id), h.Former(id))
		}
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return nil, nil, err
	}
	asked := 0
	for _, id := range ids {
		switch it := got[h.Member(id)]; {
		case it != nil && it["sid"] == nil:
			continue
		case got[h.Former(id)] != nil:
			former = append(former, id)
			continue
		}
		once := false
		if asked++; asked <= maxAskedOfLog && (id.IsUser() || id.IsGroup()) {
			if once, err = s.inLog(ctx, t, p, id); err != nil {
				return nil, nil, err
			}
		}
		if once {
			former = append(former, id)
		} else {
			unknown = append(unknown, id)
		}
	}
	return former, unknown, nil
}

// maxAskedOfLog is for how many ids of one request the log is asked, each a query.
const maxAskedOfLog = 25

// inLog reports whether the newest entry about a user or group is in the log of a provider.
func (s *Store) inLog(ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.ScimID) (bool, error) {
	lo, hi := bounds(directory.LogQuery{})
	found, err := s.newest(ctx, schema.Subject(t, string(id)), indexSubject, lo, hi, 1)
	return err == nil && len(found) > 0 && strings.HasPrefix(keyOf(found[0]).PK, schema.Join(string(t), "L", string(p), "")), err
}

// RekeyGroup implements directory.Groups.
func (s groupStore) RekeyGroup(ctx context.Context, t directory.TenantID, g directory.Group) error {
	h := schema.HomeFor(t, g.Provider, false)
	before, odd := displayName(h, g).folded()
	if !odd || !schema.Usable(string(g.ID)) {
		return nil
	}
	x, k := &tx{}, h.GroupName(g.DisplayNameKey())
	x.delete(s.Store, before, always, nil)
	x.put(s.Store, k, groupIndex(h, g)[k], when("attribute_not_exists(#PK) OR #gid = :gid", item{":gid": str(string(g.ID))}),
		displayNameTaken(g.Provider))
	x.check(s.Store, h.Group(g.ID), when("#name = :name", item{":name": str(g.DisplayName)}), changedSince)
	return unlessChanged(s.commitOnce(ctx, "rekey group", x))
}
