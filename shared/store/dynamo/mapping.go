package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// mappingStore implements directory.Mappings.
type mappingStore struct{ *Store }

func (s mappingStore) MappingSet(ctx context.Context, t directory.TenantID, p directory.ProviderID) (m directory.MappingSet, err error) {
	if !schema.Usable(string(p)) {
		return m, nil
	}
	_, err = s.record(ctx, schema.MappingsKey(t, p), &m)
	return m, err
}

// Ground implements directory.Mappings. Of a chain without a block since marks are beside the number, it reads the head.
func (s mappingStore) Ground(ctx context.Context, t directory.TenantID, id directory.ProviderID) (g directory.Ground, err error) {
	keys := []schema.Key{schema.RulesKey(t)}
	if schema.Usable(string(id)) {
		keys = append(keys, schema.ProviderKey(t, id))
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return g, err
	}
	it := got[schema.RulesKey(t)]
	g.Rules, g.Mark = number(it, "n"), text(it, schema.MarkAttr(id))
	g.NamesManagers = it[schema.NamingAttr] == nil || number(it, schema.NamingAttr) > 0
	if g.Provider, err = decodeProvider(got[schema.ProviderKey(t, id)]); err != nil || g.Mark != "" {
		return g, err
	}
	head, err := s.Ports().Chains.ChainHead(ctx, t, id)
	g.Mark = head.Mark
	return g, err
}

func (s mappingStore) UpdateMappings(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, update directory.MappingUpdate,
) (p directory.Provider, m directory.MappingSet, err error) {
	err = s.rerun(ctx, "mappings", func(int) error {
		old, rev, err := s.provider(ctx, t, id)
		if err != nil {
			return err
		}
		var was directory.MappingSet
		mrev, err := s.record(ctx, schema.MappingsKey(t, id), &was)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if p, m, e, err = update(old, was); err != nil || e == nil {
			p, m = old, was
			return err
		}
		it, err := encodeProvider(p, rev+1)
		if err != nil {
			return err
		}
		x := &tx{}
		x.put(s.Store, schema.ProviderKey(t, id), it, when("#rev = :rev", item{":rev": num(rev)}), nil)
		x.putRecord(s.Store, schema.MappingsKey(t, id), m, mrev)
		x.log(s.Store, t, *e, remainder{})
		return s.commit(ctx, "update mappings", x)
	})
	return p, m, err
}
