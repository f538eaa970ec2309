package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

func rolesOf(t directory.TenantID) []any { return key(t, "roles", "", "") }

// Catalogue implements directory.Roles.
func (s *Store) Catalogue(ctx context.Context, t directory.TenantID) (directory.Catalogue, error) {
	c, err := readRecord[directory.Catalogue](ctx, s, "roles", documents.get, rolesOf(t)...)
	return c, directory.IgnoreNotFound(err)
}

// UpdateCatalogue implements directory.Roles.
func (s *Store) UpdateCatalogue(
	ctx context.Context, t directory.TenantID, update directory.Update[directory.Catalogue],
) (directory.Catalogue, error) {
	return updateRecord(ctx, s, t, "roles", documents, rolesOf(t), 0, update)
}
