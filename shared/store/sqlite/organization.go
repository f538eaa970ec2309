package sqlite

import (
	"context"
	"maps"
	"slices"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

func (s *Store) organizations(query string, args ...any) (out []directory.Organization, err error) {
	err = s.exec(query, func(r *sqlite.Stmt) error {
		var o directory.Organization
		err := decode(columnBytes(r, 0), &o)
		out = append(out, o)
		return err
	}, args...)
	return out, err
}

func (s *Store) organization(t directory.TenantID, id directory.OrgID) (directory.Organization, error) {
	os, err := s.organizations(`SELECT record FROM organizations WHERE tenant = ? AND id = ?`, string(t), string(id))
	if err == nil && len(os) == 0 {
		err = notFound("organization")
	}
	if err != nil {
		return directory.Organization{}, err
	}
	return os[0], nil
}

// nameHolder returns the id of the organization with the name or alias, "" for none.
func (s *Store) nameHolder(t directory.TenantID, key string) (id directory.OrgID, err error) {
	err = s.exec(`SELECT id FROM organization_names WHERE tenant = ? AND key = ?`, func(r *sqlite.Stmt) error {
		id = directory.OrgID(r.ColumnText(0))
		return nil
	}, string(t), key)
	return id, err
}

// namesFree returns a TakenError when another organization has a name of o.
func (s *Store) namesFree(t directory.TenantID, o directory.Organization) error {
	for _, key := range o.NameKeys() {
		id, err := s.nameHolder(t, key)
		if err != nil {
			return err
		}
		if id != "" && id != o.ID {
			return &directory.TakenError{Attr: "name", Holder: string(id)}
		}
	}
	return nil
}

// putOrganization stores o in place of old.
func (s *Store) putOrganization(t directory.TenantID, old, o directory.Organization) error {
	b, err := encode(o)
	if err != nil {
		return err
	}
	err = s.exec(`INSERT INTO organizations (tenant, id, record) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET record = ?3`, nil, string(t), string(o.ID), b)
	if err != nil {
		return err
	}
	if old.ID != "" {
		for _, key := range old.NameKeys() {
			if err := s.exec(`DELETE FROM organization_names WHERE tenant = ? AND key = ?`, nil, string(t), key); err != nil {
				return err
			}
		}
	}
	for _, key := range o.NameKeys() {
		if err := s.exec(`INSERT OR IGNORE INTO organization_names (tenant, key, id) VALUES (?,?,?)`, nil, string(t), key, string(o.ID)); err != nil {
			return err
		}
	}
	return nil
}

// CreateOrganization implements directory.Organizations.
func (s *Store) CreateOrganization(ctx context.Context, t directory.TenantID, o directory.Organization, q *directory.Quota, e directory.LogEntry) error {
	return s.write(ctx, func() error {
		if _, err := s.organization(t, o.ID); !directory.IsKind(err, directory.NotFound) {
			if err == nil {
				err = directory.Errorf(directory.Conflict, "the organization's id is taken")
			}
			return err
		}
		if err := s.namesFree(t, o); err != nil {
			return err
		}
		if q != nil {
			used := 0
			err := s.exec(`SELECT used FROM quotas WHERE tenant = ? AND key = ?`, func(r *sqlite.Stmt) error { used = int(r.ColumnInt64(0)); return nil }, string(t), q.Key)
			if err != nil {
				return err
			}
			if used >= q.Max {
				return directory.Errorf(directory.TooMany, "no more organizations are made today")
			}
			if err := s.exec(`INSERT INTO quotas (tenant, key, used) VALUES (?,?,1) ON CONFLICT DO UPDATE SET used = used + 1`, nil, string(t), q.Key); err != nil {
				return err
			}
		}
		if err := s.putOrganization(t, directory.Organization{}, o); err != nil {
			return err
		}
		return s.append(t, e)
	})
}

// UpdateOrganization implements directory.Organizations.
func (s *Store) UpdateOrganization(ctx context.Context, t directory.TenantID, id directory.OrgID, update func(directory.Organization) (directory.Organization, *directory.LogEntry, error)) (o directory.Organization, err error) {
	err = s.write(ctx, func() error {
		old, err := s.organization(t, id)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if o, e, err = update(old); err != nil || e == nil {
			o = old
			return err
		}
		if err := s.namesFree(t, o); err != nil {
			return err
		}
		if err := s.putOrganization(t, old, o); err != nil {
			return err
		}
		return s.append(t, *e)
	})
	return o, err
}

// OrganizationsByID implements directory.Organizations.
func (s *Store) OrganizationsByID(ctx context.Context, t directory.TenantID, ids []directory.OrgID) (map[directory.OrgID]directory.Organization, error) {
	out := map[directory.OrgID]directory.Organization{}
	err := s.read(ctx, func() error {
		for _, id := range ids {
			o, err := s.organization(t, id)
			if directory.IsKind(err, directory.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			out[id] = o
		}
		return nil
	})
	return out, err
}

// OrganizationByName implements directory.Organizations.
func (s *Store) OrganizationByName(ctx context.Context, t directory.TenantID, key string) (o directory.Organization, err error) {
	err = s.read(ctx, func() error {
		id, err := s.nameHolder(t, key)
		if err != nil {
			return err
		}
		o, err = s.organization(t, id)
		return err
	})
	return o, err
}

// ListOrganizations implements directory.Organizations.
func (s *Store) ListOrganizations(ctx context.Context, t directory.TenantID, after directory.OrgID, count int) (out []directory.Organization, err error) {
	err = s.read(ctx, func() error {
		out, err = s.organizations(`SELECT record FROM organizations WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?+0`, string(t), string(after), count)
		return err
	})
	return out, err
}

// tally adds what an entry counts, inside the transaction that counts it.
func (s *Store) tally(t directory.TenantID, e directory.LogEntry) error {
	tally := e.Tally()
	for _, key := range slices.Sorted(maps.Keys(tally)) {
		if err := s.exec(`INSERT INTO tallies (tenant, key, n) VALUES (?1,?2,?3) ON CONFLICT DO UPDATE SET n = n + ?3`, nil, string(t), key, tally[key]); err != nil {
			return err
		}
	}
	return nil
}

// Tallies implements directory.Follow.
func (s *Store) Tallies(ctx context.Context, t directory.TenantID, keys []string) (map[string]int, error) {
	out := map[string]int{}
	err := s.read(ctx, func() error {
		for _, key := range keys {
			err := s.exec(`SELECT n FROM tallies WHERE tenant = ? AND key = ?`, func(r *sqlite.Stmt) error { out[key] = int(r.ColumnInt64(0)); return nil }, string(t), key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
