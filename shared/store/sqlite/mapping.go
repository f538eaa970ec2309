package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

func mappingsOf(t directory.TenantID, p directory.ProviderID) []any {
	return key(t, "mappings", string(p), "")
}

// mappingStore implements directory.Mappings.
type mappingStore struct{ *Store }

func (s mappingStore) MappingSet(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.MappingSet, error) {
	m, err := readRecord[directory.MappingSet](ctx, s.Store, "mappings", documents.get, mappingsOf(t, p)...)
	return m, directory.IgnoreNotFound(err)
}

func (s mappingStore) Ground(ctx context.Context, t directory.TenantID, id directory.ProviderID) (g directory.Ground, err error) {
	err = s.read(ctx, func() error {
		if g.Provider, err = s.provider(t, id); directory.IgnoreNotFound(err) != nil {
			return err
		}
		head, err := s.chain(t, id)
		g.Rules, g.Mark, g.NamesManagers = s.rules[t], head.Mark, true
		return err
	})
	return g, err
}

func (s mappingStore) UpdateMappings(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, update directory.MappingUpdate,
) (p directory.Provider, m directory.MappingSet, err error) {
	p, err = s.writeProvider(ctx, id, func() (directory.Provider, error) {
		old, err := s.provider(t, id)
		if err != nil {
			return old, err
		}
		was, err := record[directory.MappingSet](s.Store, "mappings", documents.get, mappingsOf(t, id)...)
		if directory.IgnoreNotFound(err) != nil {
			return old, err
		}
		n, is, e, err := update(old, was)
		if err != nil || e == nil {
			m = was
			return old, err
		}
		m = is
		if err := s.putProvider(n); err != nil {
			return old, err
		}
		if err := s.putRecord(documents.put, m, mappingsOf(t, id)...); err != nil {
			return old, err
		}
		return n, s.append(t, *e)
	})
	return p, m, err
}
