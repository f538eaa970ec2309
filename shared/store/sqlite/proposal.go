package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

func proposalsOf(t directory.TenantID) []any { return key(t, "proposals", "", "") }

// proposalStore implements directory.Proposals.
type proposalStore struct{ *Store }

func (s proposalStore) ListProposals(ctx context.Context, t directory.TenantID) (directory.ProposalList, error) {
	c, err := readRecord[directory.ProposalList](ctx, s.Store, "proposals", documents.get, proposalsOf(t)...)
	return c, directory.IgnoreNotFound(err)
}

func (s proposalStore) UpdateProposals(
	ctx context.Context, t directory.TenantID, update directory.Update[directory.ProposalList],
) (directory.ProposalList, error) {
	return updateRecord(ctx, s.Store, t, "proposals", documents, proposalsOf(t), 0, update)
}
