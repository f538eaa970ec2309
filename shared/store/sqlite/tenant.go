package sqlite

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

var tenants = tableOf("tenants", "id")

// tenantStore implements directory.Tenants.
type tenantStore struct{ *Store }

func (s tenantStore) CreateTenant(ctx context.Context, t directory.Tenant, e directory.LogEntry) error {
	return s.write(ctx, func() error {
		_, err := record[directory.Tenant](s.Store, "tenant", tenants.get, string(t.ID))
		if err == nil {
			return directory.ErrTenantTaken()
		}
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
		if err := s.putRecord(tenants.put, t, string(t.ID)); err != nil {
			return err
		}
		return s.append(t.ID, e)
	})
}

func (s tenantStore) Tenant(ctx context.Context, id directory.TenantID) (directory.Tenant, error) {
	return readRecord[directory.Tenant](ctx, s.Store, "tenant", tenants.get, string(id))
}

func (s tenantStore) ListTenants(ctx context.Context, after directory.TenantID, count int) ([]directory.Tenant, error) {
	return readRecords[directory.Tenant](ctx, s.Store, tenants.after, string(after), count)
}

func (s tenantStore) UpdateTenant(
	ctx context.Context, id directory.TenantID, update directory.Update[directory.Tenant],
) (directory.Tenant, error) {
	return updateRecord(ctx, s.Store, id, "tenant", tenants, key[string](id), mustExist|entryOptional, update)
}

func (s tenantStore) RemoveTenant(ctx context.Context, id directory.TenantID, e directory.LogEntry) error {
	return s.write(ctx, func() error {
		if _, err := record[directory.Tenant](s.Store, "tenant", tenants.get, string(id)); err != nil {
			return err
		}
		if err := s.exec(tenants.remove, nil, string(id)); err != nil {
			return err
		}
		return s.append(directory.OperatorScope, e)
	})
}

// EraseTenant implements directory.Tenants.
func (s tenantStore) EraseTenant(ctx context.Context, id directory.TenantID, after string) (next string, n int, err error) {
	if !id.Valid() {
		return "", 0, notFound("tenant")
	}
	next, found, err := s.EraseRest(ctx, []directory.TenantID{id}, after)
	return next, found[id], err
}

// EraseRest implements directory.Tenants: a step is a table. It finds the tables by their column "tenant" or "home",
// so that it cannot miss one that is newer than this function.
func (s tenantStore) EraseRest(
	ctx context.Context, ids []directory.TenantID, after string,
) (next string, found map[directory.TenantID]int, err error) {
	err = s.write(ctx, func() error {
		found = map[directory.TenantID]int{}
		var column string
		err := s.exec(`SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
			WHERE t.type = 'table' AND t.name > ? AND c.name IN ('tenant', 'home') ORDER BY t.name, c.name DESC LIMIT 1`,
			func(r *sqlite.Stmt) error { next, column = r.ColumnText(0), r.ColumnText(1); return nil }, after)
		if err != nil || next == "" {
			return err
		}
		erased := 0
		for _, id := range ids {
			from, to := string(id), string(id)
			if column == "home" { // a home begins with the tenant and a slash; "0" is the next character
				from, to = from+"/", to+"0"
			}
			if err := s.exec(`DELETE FROM `+next+` WHERE `+column+` BETWEEN ? AND ?`, nil, from, to); err != nil {
				return err
			}
			found[id] = s.conn.Changes()
			erased += found[id]
		}
		if erased > 0 {
			if err := errors.Join(s.noteErased(), s.followNext()); err != nil {
				return err
			}
		}
		return s.forgetRows()
	})
	if err != nil {
		return "", nil, err
	}
	return next, found, nil
}

// forgetRows reads the copies in memory again, since rows were deleted.
func (s *Store) forgetRows() error {
	s.cache.forgetAll()
	s.recent.forget()
	s.bookmarks = bookmarks{}
	if err := s.loadProviders(); err != nil {
		return err
	}
	return s.loadTotals()
}
