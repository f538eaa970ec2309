package dynamo

import (
	"context"
	"errors"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// providerRecord is a provider in its stored form, with hashes as text: otherwise seven credentials would not fit in 4
// KB.
type providerRecord struct {
	directory.Provider
	Credentials []credentialRecord `json:",omitempty"`
}

type credentialRecord struct {
	directory.Credential
	Hash []byte
}

func encodeProvider(p directory.Provider, rev int64) (item, error) {
	rec := providerRecord{Provider: p}
	for _, c := range p.Credentials {
		rec.Credentials = append(rec.Credentials, credentialRecord{c, c.Hash[:]})
	}
	it := item{"v": num(schemaVersion), "rev": num(rev)}
	return it, putJSON(it, "r", rec)
}

// decodeProvider reads a record; the zero provider for none.
func decodeProvider(it item) (directory.Provider, error) {
	if it["r"] == nil {
		return directory.Provider{}, nil
	}
	rec := providerRecord{Provider: directory.BeforeMappings()}
	if err := checkVersion(it); err != nil {
		return directory.Provider{}, err
	}
	if err := getJSON(it, "r", &rec); err != nil {
		return directory.Provider{}, err
	}
	p := rec.Provider
	for _, c := range rec.Credentials {
		copy(c.Credential.Hash[:], c.Hash)
		p.Credentials = append(p.Credentials, c.Credential)
	}
	return p, nil
}

// providerTaken returns the error for a display name whose guard exists.
func providerTaken(old item) error {
	id := text(old, "p")
	return &directory.TakenError{Attr: directory.AttrDisplayName, Holder: id, Provider: directory.ProviderID(id)}
}

func conflict(detail string) func(item) error {
	return func(item) error { return directory.Errorf(directory.Conflict, "%s", detail) }
}

// providerStore implements directory.Providers.
type providerStore struct{ *Store }

func (s providerStore) CreateProvider(ctx context.Context, t directory.TenantID, p directory.Provider, e directory.LogEntry) error {
	taken := conflict("the provider's id is taken")
	// An id contains its tenant: one of another tenant must not be created, even if the records would not conflict.
	if of, ok := p.ID.Tenant(); !ok || of != t || p.Tenant != t {
		return taken(nil)
	}
	it, err := encodeProvider(p, 1)
	if err != nil {
		return err
	}
	x := &tx{}
	x.put(s.Store, schema.ProviderKey(t, p.ID), it, absent, taken)
	x.put(s.Store, schema.ProviderName(t, p.DisplayNameKey()), item{"p": str(string(p.ID))}, absent, providerTaken)
	x.log(s.Store, t, e, remainder{})
	return s.commitOnce(ctx, "create provider", x)
}

func (s providerStore) Provider(ctx context.Context, t directory.TenantID, id directory.ProviderID) (directory.Provider, error) {
	p, _, err := s.provider(ctx, t, id)
	return p, err
}

// provider reads a provider and the revision of its record.
func (s *Store) provider(ctx context.Context, t directory.TenantID, id directory.ProviderID) (directory.Provider, int64, error) {
	if !schema.Usable(string(id)) || t == "" {
		return directory.Provider{}, 0, notFound("provider")
	}
	it, err := s.getOne(ctx, schema.ProviderKey(t, id))
	if err != nil {
		return directory.Provider{}, 0, err
	}
	p, err := decodeProvider(it)
	if err == nil && p.ID == "" {
		err = notFound("provider")
	}
	return p, number(it, "rev"), err
}

func (s providerStore) ListProviders(ctx context.Context, t directory.TenantID) ([]directory.Provider, error) {
	its, _, err := s.query(ctx, span{pk: schema.Providers(t)})
	if err != nil {
		return nil, err
	}
	var out []directory.Provider
	for _, it := range its {
		p, err := decodeProvider(it)
		if err != nil {
			return nil, err
		}
		if p.ID != "" {
			out = append(out, p)
		}
	}
	return out, nil
}

func (s providerStore) UpdateProvider(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, update directory.Update[directory.Provider],
) (p directory.Provider, err error) {
	err = s.rerun(ctx, "provider", func(int) error {
		old, rev, err := s.provider(ctx, t, id)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if p, e, err = update(old); err != nil || e == nil {
			p = old
			return err
		}
		it, err := encodeProvider(p, rev+1)
		if err != nil {
			return err
		}
		x := &tx{}
		x.put(s.Store, schema.ProviderKey(t, id), it, when("#rev = :rev", item{":rev": num(rev)}), nil)
		if was, is := schema.ProviderName(t, old.DisplayNameKey()), schema.ProviderName(t, p.DisplayNameKey()); was != is {
			x.delete(s.Store, was, always, nil)
			x.put(s.Store, is, item{"p": str(string(id))}, absent, providerTaken)
		}
		x.log(s.Store, t, *e, remainder{})
		return s.commit(ctx, "update provider", x)
	})
	return p, err
}

func (s providerStore) RemoveProvider(ctx context.Context, t directory.TenantID, id directory.ProviderID, e directory.LogEntry) error {
	return s.rerun(ctx, "provider", func(int) error {
		p, rev, err := s.provider(ctx, t, id)
		if err != nil {
			return err
		}
		h := schema.HomeFor(t, id, false)
		its, _, err := s.query(ctx, span{pk: h.Totals()})
		if err != nil {
			return err
		}
		for _, it := range its {
			if number(it, "n") > 0 {
				return directory.Errorf(directory.Conflict, "the provider still has users or groups")
			}
		}
		removed, _, err := s.query(ctx, span{pk: schema.HomeFor(t, id, true).Users(), limit: 1})
		if err != nil {
			return err
		}
		x := &tx{}
		x.delete(s.Store, schema.ProviderKey(t, id), when("#rev = :rev", item{":rev": num(rev)}), nil)
		x.delete(s.Store, schema.ProviderName(t, p.DisplayNameKey()), always, nil)
		archived, err := encodeProvider(p, 1)
		if err != nil {
			return err
		}
		archived["removed"] = num(e.At.UnixMilli())
		x.put(s.Store, schema.ArchiveKey(t, id), archived, always, nil)
		if len(removed) > 0 {
			x.put(s.Store, schema.EmptiedKey(t, id), item{"emptied": str(string(id))}, always, nil)
		}
		x.log(s.Store, t, e, remainder{})
		return s.commit(ctx, "remove provider", x)
	})
}

func (s providerStore) ArchivedProviders(ctx context.Context, t directory.TenantID) ([]directory.ArchivedProvider, error) {
	its, _, err := s.query(ctx, span{pk: schema.Archives(t)})
	if err != nil {
		return nil, err
	}
	out := make([]directory.ArchivedProvider, len(its))
	for i, it := range its {
		if out[i].Provider, err = decodeProvider(it); err != nil {
			return nil, err
		}
		out[i].RemovedAt = timeOf(it, "removed")
	}
	return out, nil
}

func (s providerStore) RestoreProvider(
	ctx context.Context, t directory.TenantID, id directory.ProviderID,
	update func(directory.ArchivedProvider) (directory.Provider, directory.LogEntry, error),
) (p directory.Provider, err error) {
	if !schema.Usable(string(id)) {
		return p, notFound("deleted provider")
	}
	err = s.rerun(ctx, "deleted provider", func(int) error {
		old, err := s.getOne(ctx, schema.ArchiveKey(t, id))
		if err == nil && old == nil {
			err = notFound("deleted provider")
		}
		if err != nil {
			return err
		}
		a := directory.ArchivedProvider{RemovedAt: timeOf(old, "removed")}
		if a.Provider, err = decodeProvider(old); err != nil {
			return err
		}
		var e directory.LogEntry
		if p, e, err = update(a); err != nil {
			return err
		}
		it, err := encodeProvider(p, 1)
		if err != nil {
			return err
		}
		x := &tx{}
		x.delete(s.Store, schema.ArchiveKey(t, id), exists, nil)
		x.delete(s.Store, schema.EmptiedKey(t, id), always, nil)
		x.put(s.Store, schema.ProviderKey(t, id), it, absent, nil)
		x.put(s.Store, schema.ProviderName(t, p.DisplayNameKey()), item{"p": str(string(id))}, absent, providerTaken)
		x.log(s.Store, t, e, remainder{})
		return s.commit(ctx, "restore provider", x)
	})
	return p, err
}

func (s providerStore) PutArchivePage(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, page directory.ArchivePage, until time.Time,
) error {
	it := item{"v": num(schemaVersion), "ttl": num(until.Unix())}
	if err := putJSON(it, "r", page); err != nil {
		return err
	}
	return s.put(ctx, "put page of an archive", schema.Key{PK: schema.ArchivePages(t, id), SK: schema.Escape(page.Key)}, it)
}

func (s providerStore) ArchivePages(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, from string, count int,
) ([]directory.ArchivePage, error) {
	if !schema.Usable(string(id)) {
		return nil, nil
	}
	return page[directory.ArchivePage](ctx, s.Store, span{pk: schema.ArchivePages(t, id), lo: after(schema.Escape(from)), limit: count})
}

func (s providerStore) DropArchive(ctx context.Context, t directory.TenantID, id directory.ProviderID) error {
	if !schema.Usable(string(id)) {
		return nil
	}
	for more := true; more; {
		its, left, err := s.query(ctx, span{pk: schema.ArchivePages(t, id), limit: maxBatchWrite})
		if err != nil {
			return err
		}
		keys := make([]schema.Key, len(its))
		for i, it := range its {
			keys[i] = keyOf(it)
		}
		if err := s.erase(ctx, "drop archive", keys); err != nil {
			return err
		}
		more = left
	}
	x := &tx{}
	x.delete(s.Store, schema.ArchiveKey(t, id), exists, func(item) error { return errDone })
	x.delete(s.Store, schema.MappingsKey(t, id), always, nil)
	if err := s.commitOnce(ctx, "drop archive", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}
