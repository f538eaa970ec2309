package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// Catalogue implements directory.Roles.
func (s *Store) Catalogue(ctx context.Context, t directory.TenantID) (c directory.Catalogue, err error) {
	_, err = s.record(ctx, catalogueKey(t), &c)
	return c, err
}

// UpdateCatalogue implements directory.Roles.
func (s *Store) UpdateCatalogue(
	ctx context.Context, t directory.TenantID, update directory.Update[directory.Catalogue],
) (directory.Catalogue, error) {
	return updateRecord(ctx, s, t, "roles", catalogueKey(t), 0, update)
}
