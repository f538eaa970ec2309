package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

func proposalsKey(t directory.TenantID) schema.Key {
	return schema.Key{PK: schema.Join(string(t), "RQ"), SK: "RQ"}
}

// proposalStore implements directory.Proposals.
type proposalStore struct{ *Store }

func (s proposalStore) ListProposals(ctx context.Context, t directory.TenantID) (c directory.ProposalList, err error) {
	_, err = s.record(ctx, proposalsKey(t), &c)
	return c, err
}

func (s proposalStore) UpdateProposals(
	ctx context.Context, t directory.TenantID, update directory.Update[directory.ProposalList],
) (directory.ProposalList, error) {
	return updateRecord(ctx, s.Store, t, "proposals", proposalsKey(t), 0, update)
}
