package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

// apiKeyStore implements directory.APIKeys.
type apiKeyStore struct{ *Store }

const selectAPIKeys = `SELECT record FROM api_keys WHERE tenant = ? ORDER BY id`

func (s apiKeyStore) CreateAPIKey(
	ctx context.Context, t directory.TenantID, k directory.APIKey, check directory.Check[directory.APIKey], e directory.LogEntry,
) error {
	return s.write(ctx, func() error {
		if err := checking(s.Store, check, selectAPIKeys, string(t))(); err != nil {
			return err
		}
		err := s.putRecord(`INSERT INTO api_keys (tenant, id, hash, record) VALUES (?,?,?,?)`, k, string(t), string(k.ID), k.Hash[:])
		if err != nil {
			return err
		}
		return s.append(t, e)
	})
}

func (s apiKeyStore) APIKeyByHash(ctx context.Context, t directory.TenantID, h directory.TokenHash) (directory.APIKey, error) {
	return readRecord[directory.APIKey](ctx, s.Store, "API key", `SELECT record FROM api_keys WHERE hash = ? AND tenant = ?`, h[:], string(t))
}

func (s apiKeyStore) ListAPIKeys(ctx context.Context, t directory.TenantID) ([]directory.APIKey, error) {
	return readRecords[directory.APIKey](ctx, s.Store, selectAPIKeys, string(t))
}

func (s apiKeyStore) UpdateAPIKey(
	ctx context.Context, t directory.TenantID, id directory.CredentialID, check directory.Check[directory.APIKey],
	update directory.Update[directory.APIKey],
) (directory.APIKey, error) {
	return changeRecord(ctx, s.Store, t, func() (directory.APIKey, error) {
		return record[directory.APIKey](s.Store, "API key", `SELECT record FROM api_keys WHERE tenant = ? AND id = ?`, key(t, id)...)
	}, mustExist, update, func(_, k directory.APIKey) error {
		return s.putRecord(`UPDATE api_keys SET record = ?3 WHERE tenant = ?1 AND id = ?2`, k, key(t, id)...)
	}, checking(s.Store, check, selectAPIKeys, string(t)))
}
