package dynamo

import (
	"context"
	"errors"

	"rollcall/shared/directory"
)

// CreateAPIKey implements directory.APIKeys.
func (s *Store) CreateAPIKey(ctx context.Context, t directory.TenantID, k directory.APIKey, e directory.LogEntry) error {
	x := &tx{}
	x.putRecord(s, apiKeyKey(t, k.ID), k, 0)
	x.put(s, apiKeyHash(t, k.Hash), item{"id": str(string(k.ID))}, absent, nil)
	x.log(s, t, e, remainder{})
	err := s.commit(ctx, "create API key", x)
	if errors.Is(err, errStale) {
		return directory.Errorf(directory.Conflict, "the key's id is taken")
	}
	return err
}

// APIKeyByHash implements directory.APIKeys.
func (s *Store) APIKeyByHash(ctx context.Context, t directory.TenantID, h directory.TokenHash) (k directory.APIKey, err error) {
	it, err := s.getOne(ctx, apiKeyHash(t, h))
	if err == nil && it == nil {
		err = notFound("API key")
	}
	if err != nil {
		return k, err
	}
	_, err = s.record(ctx, apiKeyKey(t, directory.CredentialID(text(it, "id"))), &k)
	if err == nil && k.Hash != h {
		err = notFound("API key")
	}
	return k, err
}

// ListAPIKeys implements directory.APIKeys.
func (s *Store) ListAPIKeys(ctx context.Context, t directory.TenantID) ([]directory.APIKey, error) {
	return all[directory.APIKey](ctx, s, span{pk: apiKeys(t)})
}

// UpdateAPIKey implements directory.APIKeys. A key's hash never changes.
func (s *Store) UpdateAPIKey(
	ctx context.Context, t directory.TenantID, id directory.CredentialID, update directory.Update[directory.APIKey],
) (directory.APIKey, error) {
	if !usable(string(id)) {
		return directory.APIKey{}, notFound("API key")
	}
	return updateRecord(ctx, s, t, "API key", apiKeyKey(t, id), mustExist, update)
}
