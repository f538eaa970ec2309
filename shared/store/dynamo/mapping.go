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

func (s mappingStore) Rules(ctx context.Context, t directory.TenantID, id directory.ProviderID) (p directory.Provider, n int64, err error) {
	keys := []schema.Key{schema.RulesKey(t)}
	if schema.Usable(string(id)) {
		keys = append(keys, schema.ProviderKey(t, id))
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return p, 0, err
	}
	p, err = decodeProvider(got[schema.ProviderKey(t, id)])
	return p, number(got[schema.RulesKey(t)], "n"), err
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
