package sqlite

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

func (s *Store) loadProviders() error {
	s.providers = map[directory.ProviderID]directory.Provider{}
	return s.exec(`SELECT record FROM providers`, func(r *sqlite.Stmt) error {
		p := directory.BeforeMappings()
		if err := decode(columnBytes(r, 0), &p); err != nil {
			return err
		}
		s.providers[p.ID] = p
		return nil
	})
}

// putProvider stores a provider. It returns a TakenError when another one of the tenant has its display name.
func (s *Store) putProvider(p directory.Provider) error {
	for id, q := range s.providers {
		if id != p.ID && q.Tenant == p.Tenant && q.DisplayNameKey() == p.DisplayNameKey() {
			return &directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(id), Provider: id}
		}
	}
	b, err := encode(p)
	if err != nil {
		return err
	}
	return s.exec(`INSERT INTO providers (id, tenant, name_key, record) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT DO UPDATE SET name_key = ?3, record = ?4`, nil, string(p.ID), string(p.Tenant), p.DisplayNameKey(), b)
}

// writeProvider runs fn as a transaction and keeps the provider it returns in memory, or removes the provider id if it
// returns none. After a commit that fails, memory is read from the file again.
func (s *Store) writeProvider(
	ctx context.Context, id directory.ProviderID, fn func() (directory.Provider, error),
) (p directory.Provider, err error) {
	err = s.write(ctx, func() error {
		if p, err = fn(); err != nil {
			return err
		}
		s.providers[id] = p
		if p.ID == "" {
			delete(s.providers, id)
		}
		return nil
	})
	return p, err
}

// providerStore implements directory.Providers.
type providerStore struct{ *Store }

func (s providerStore) CreateProvider(ctx context.Context, t directory.TenantID, p directory.Provider, e directory.LogEntry) error {
	_, err := s.writeProvider(ctx, p.ID, func() (directory.Provider, error) {
		if _, exists := s.providers[p.ID]; exists || p.Tenant != t {
			return p, directory.Errorf(directory.Conflict, "the provider's id is taken")
		}
		if err := s.putProvider(p); err != nil {
			return p, err
		}
		return p, s.append(t, e)
	})
	return err
}

func (s providerStore) Provider(ctx context.Context, t directory.TenantID, id directory.ProviderID) (p directory.Provider, err error) {
	err = s.read(ctx, func() error {
		p, err = s.provider(t, id)
		return err
	})
	return p, err
}

func (s *Store) provider(t directory.TenantID, id directory.ProviderID) (directory.Provider, error) {
	if p := s.providers[id]; p.Tenant == t && t != "" {
		return p, nil
	}
	return directory.Provider{}, notFound("provider")
}

func (s providerStore) ListProviders(ctx context.Context, t directory.TenantID) (out []directory.Provider, err error) {
	err = s.read(ctx, func() error {
		for _, id := range slices.Sorted(maps.Keys(s.providers)) {
			if s.providers[id].Tenant == t {
				out = append(out, s.providers[id])
			}
		}
		return nil
	})
	return out, err
}

func (s providerStore) UpdateProvider(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, update directory.Update[directory.Provider],
) (directory.Provider, error) {
	return s.writeProvider(ctx, id, func() (directory.Provider, error) {
		old, err := s.provider(t, id)
		if err != nil {
			return old, err
		}
		p, e, err := update(old)
		if err != nil || e == nil {
			return old, err
		}
		if err := s.putProvider(p); err != nil {
			return old, err
		}
		return p, s.append(t, *e)
	})
}

// archiveOf is the key of a deleted provider.
func archiveOf(t directory.TenantID, id directory.ProviderID) []any {
	return key(t, "archive", "", string(id))
}

func (s providerStore) RemoveProvider(ctx context.Context, t directory.TenantID, id directory.ProviderID, e directory.LogEntry) error {
	_, err := s.writeProvider(ctx, id, func() (directory.Provider, error) {
		none := directory.Provider{}
		p, err := s.provider(t, id)
		if err != nil {
			return none, err
		}
		for _, kind := range []string{"users", "groups"} {
			if s.total(home(t, id, false), kind) > 0 {
				return none, directory.Errorf(directory.Conflict, "the provider still has users or groups")
			}
		}
		// Its deleted users are kept, in a list that does not need the provider.
		if err := s.exec(`UPDATE users SET home = ? WHERE home = ?`, nil, home(t, "", true), home(t, id, true)); err != nil {
			return none, err
		}
		if err := s.exec(`DELETE FROM providers WHERE id = ?`, nil, string(id)); err != nil {
			return none, err
		}
		if err := s.putRecord(documents.put, directory.ArchivedProvider{Provider: p, RemovedAt: e.At}, archiveOf(t, id)...); err != nil {
			return none, err
		}
		return none, s.append(t, e)
	})
	return err
}

func (s providerStore) ArchivedProviders(ctx context.Context, t directory.TenantID) ([]directory.ArchivedProvider, error) {
	return readRecords[directory.ArchivedProvider](ctx, s.Store, documents.after, string(t), "archive", "", "", -1)
}

func (s providerStore) RestoreProvider(
	ctx context.Context, t directory.TenantID, id directory.ProviderID,
	update func(directory.ArchivedProvider) (directory.Provider, directory.LogEntry, error),
) (directory.Provider, error) {
	return s.writeProvider(ctx, id, func() (directory.Provider, error) {
		a, err := record[directory.ArchivedProvider](s.Store, "deleted provider", documents.get, archiveOf(t, id)...)
		if err != nil {
			return a.Provider, err
		}
		p, e, err := update(a)
		if err != nil {
			return p, err
		}
		if err := s.putProvider(p); err != nil {
			return p, err
		}
		if err := s.exec(documents.remove, nil, archiveOf(t, id)...); err != nil {
			return p, err
		}
		err = s.exec(`UPDATE users SET home = ? WHERE home = ? AND provider = ?`, nil, home(t, id, true), home(t, "", true), string(id))
		if err != nil {
			return p, err
		}
		return p, s.append(t, e)
	})
}

func (s providerStore) PutArchivePage(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, page directory.ArchivePage, _ time.Time,
) error {
	return s.write(ctx, func() error {
		return s.putRecord(documents.put, page, key(t, "archived", string(id), page.Key)...)
	})
}

func (s providerStore) ArchivePages(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, after string, count int,
) ([]directory.ArchivePage, error) {
	return readRecords[directory.ArchivePage](ctx, s.Store, documents.after, string(t), "archived", string(id), after, count)
}

func (s providerStore) DropArchive(ctx context.Context, t directory.TenantID, id directory.ProviderID) error {
	return s.write(ctx, func() error {
		err := s.exec(`DELETE FROM documents WHERE tenant = ? AND kind = 'archived' AND owner = ?`, nil, string(t), string(id))
		if err != nil {
			return err
		}
		_, err = record[directory.ArchivedProvider](s.Store, "deleted provider", documents.get, archiveOf(t, id)...)
		if err != nil {
			return directory.IgnoreNotFound(err)
		}
		return errors.Join(s.exec(documents.remove, nil, archiveOf(t, id)...), s.exec(documents.remove, nil, mappingsOf(t, id)...))
	})
}
