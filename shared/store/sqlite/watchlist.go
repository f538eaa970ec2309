package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

// ListWatchlists implements directory.Watchlists.
func (s *Store) ListWatchlists(ctx context.Context, t directory.TenantID) ([]directory.Watchlist, error) {
	return readRecords[directory.Watchlist](ctx, s, documents.after, string(t), "watchlist", "", "", -1)
}

// UpdateWatchlist implements directory.Watchlists.
func (s *Store) UpdateWatchlist(
	ctx context.Context, t directory.TenantID, id directory.WatchlistID, update directory.Update[directory.Watchlist],
) (directory.Watchlist, error) {
	return updateRecord(ctx, s, t, "watchlist", documents, key(t, "watchlist", "", string(id)), zeroRemoves, update)
}
