package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

func rolesOf(t directory.TenantID) []any { return key(t, "roles", "", "") }

// roleStore implements directory.Roles.
type roleStore struct{ *Store }

func (s roleStore) Catalogue(ctx context.Context, t directory.TenantID) (directory.Catalogue, error) {
	c, err := readRecord[directory.Catalogue](ctx, s.Store, "roles", documents.get, rolesOf(t)...)
	return c, directory.IgnoreNotFound(err)
}

func (s roleStore) UpdateCatalogue(
	ctx context.Context, t directory.TenantID, update directory.Update[directory.Catalogue],
) (directory.Catalogue, error) {
	return updateRecord(ctx, s.Store, t, "roles", documents, rolesOf(t), 0, update)
}
