package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// MappingSet implements directory.Mappings.
func (s *Store) MappingSet(ctx context.Context, t directory.TenantID, p directory.ProviderID) (m directory.MappingSet, err error) {
	if !usable(string(p)) {
		return m, nil
	}
	_, err = s.record(ctx, mappingsKey(t, p), &m)
	return m, err
}

// UpdateMappings implements directory.Mappings.
func (s *Store) UpdateMappings(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, update directory.MappingUpdate,
) (p directory.Provider, m directory.MappingSet, err error) {
	err = s.rerun(ctx, "mappings", func(int) error {
		old, rev, err := s.provider(ctx, t, id)
		if err != nil {
			return err
		}
		var was directory.MappingSet
		mrev, err := s.record(ctx, mappingsKey(t, id), &was)
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
		x.put(s, providerKey(t, id), it, when("#rev = :rev", item{":rev": num(rev)}), nil)
		x.putRecord(s, mappingsKey(t, id), m, mrev)
		x.log(s, t, *e, remainder{})
		return s.commit(ctx, "update mappings", x)
	})
	return p, m, err
}
