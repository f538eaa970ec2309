package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// apiKeyStore implements directory.APIKeys.
type apiKeyStore struct{ *Store }

func (s apiKeyStore) CreateAPIKey(
	ctx context.Context, t directory.TenantID, k directory.APIKey, check directory.Check[directory.APIKey], e directory.LogEntry,
) error {
	return s.rerun(ctx, "API key", func(int) error {
		x := &tx{}
		if err := s.checkKeys(t, check)(ctx, x); err != nil {
			return err
		}
		taken := conflict("the key's id is taken")
		x.putRecord(s.Store, schema.APIKeyKey(t, k.ID), k, 0)
		x.ops[len(x.ops)-1].fail = taken
		x.put(s.Store, schema.APIKeyHash(t, k.Hash), item{"id": str(string(k.ID))}, absent, taken)
		x.log(s.Store, t, e, remainder{})
		return s.commit(ctx, "create API key", x)
	})
}

func (s apiKeyStore) checkKeys(t directory.TenantID, check directory.Check[directory.APIKey]) func(context.Context, *tx) error {
	return checking(s.Store, check, schema.CheckNumber(t, "api-keys"), schema.APIKeys(t))
}

func (s apiKeyStore) APIKeyByHash(ctx context.Context, t directory.TenantID, h directory.TokenHash) (k directory.APIKey, err error) {
	it, err := s.getOne(ctx, schema.APIKeyHash(t, h))
	if err == nil && it == nil {
		err = notFound("API key")
	}
	if err != nil {
		return k, err
	}
	_, err = s.record(ctx, schema.APIKeyKey(t, directory.CredentialID(text(it, "id"))), &k)
	if err == nil && k.Hash != h {
		err = notFound("API key")
	}
	return k, err
}

func (s apiKeyStore) ListAPIKeys(ctx context.Context, t directory.TenantID) ([]directory.APIKey, error) {
	return all[directory.APIKey](ctx, s.Store, span{pk: schema.APIKeys(t)})
}

// UpdateAPIKey implements directory.APIKeys. A key's hash never changes.
func (s apiKeyStore) UpdateAPIKey(
	ctx context.Context, t directory.TenantID, id directory.CredentialID, check directory.Check[directory.APIKey],
	update directory.Update[directory.APIKey],
) (directory.APIKey, error) {
	if !schema.Usable(string(id)) {
		return directory.APIKey{}, notFound("API key")
	}
	return updateRecord(ctx, s.Store, t, "API key", schema.APIKeyKey(t, id), mustExist, update, s.checkKeys(t, check))
}
