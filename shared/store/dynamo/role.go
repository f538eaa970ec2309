package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// roleStore implements directory.Roles.
type roleStore struct{ *Store }

func (s roleStore) Catalogue(ctx context.Context, t directory.TenantID) (c directory.Catalogue, err error) {
	_, err = s.record(ctx, schema.CatalogueKey(t), &c)
	return c, err
}

func (s roleStore) UpdateCatalogue(
	ctx context.Context, t directory.TenantID, update directory.Update[directory.Catalogue],
) (directory.Catalogue, error) {
	return updateRecord(ctx, s.Store, t, "roles", schema.CatalogueKey(t), 0, update)
}
