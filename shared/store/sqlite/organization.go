package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

var organizations = tableOf("organizations", "tenant", "id")

func (s *Store) organization(t directory.TenantID, id directory.OrgID) (directory.Organization, error) {
	return record[directory.Organization](s, "organization", organizations.get, key(t, id)...)
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

// putOrganization replaces old with o.
func (s *Store) putOrganization(t directory.TenantID, old, o directory.Organization) error {
	if err := s.putRecord(organizations.put, o, key(t, o.ID)...); err != nil {
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
		if err := s.exec(`INSERT OR IGNORE INTO organization_names (tenant, key, id) VALUES (?,?,?)`, nil, string(t), key,
			string(o.ID)); err != nil {
			return err
		}
	}
	return nil
}

// CreateOrganization implements directory.Organizations.
func (s *Store) CreateOrganization(
	ctx context.Context, t directory.TenantID, o directory.Organization, q *directory.Quota, e directory.LogEntry,
) error {
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
			err := s.exec(`SELECT used FROM quotas WHERE tenant = ? AND key = ?`,
				func(r *sqlite.Stmt) error { used = int(r.ColumnInt64(0)); return nil }, string(t), q.Key)
			if err != nil {
				return err
			}
			if used >= q.Max {
				return directory.Errorf(directory.TooMany, "no more organizations are created today")
			}
			if err := s.exec(`INSERT INTO quotas (tenant, key, used) VALUES (?,?,1) ON CONFLICT DO UPDATE SET used = used + 1`, nil, string(t),
				q.Key); err != nil {
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
func (s *Store) UpdateOrganization(
	ctx context.Context, t directory.TenantID, id directory.OrgID, update directory.Update[directory.Organization],
) (directory.Organization, error) {
	return changeRecord(ctx, s, t, func() (directory.Organization, error) { return s.organization(t, id) }, mustExist, update,
		func(old, o directory.Organization) error {
			if err := s.namesFree(t, o); err != nil {
				return err
			}
			return s.putOrganization(t, old, o)
		})
}

// OrganizationsByID implements directory.Organizations.
func (s *Store) OrganizationsByID(
	ctx context.Context, t directory.TenantID, ids []directory.OrgID,
) (map[directory.OrgID]directory.Organization, error) {
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
func (s *Store) ListOrganizations(
	ctx context.Context, t directory.TenantID, after directory.OrgID, count int,
) ([]directory.Organization, error) {
	return readRecords[directory.Organization](ctx, s, organizations.after, string(t), string(after), count)
}
