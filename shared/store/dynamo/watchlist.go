package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// ListWatchlists implements directory.Watchlists.
func (s *Store) ListWatchlists(ctx context.Context, t directory.TenantID) ([]directory.Watchlist, error) {
	return all[directory.Watchlist](ctx, s, span{pk: watchlists(t)})
}

// UpdateWatchlist implements directory.Watchlists.
func (s *Store) UpdateWatchlist(
	ctx context.Context, t directory.TenantID, id directory.WatchlistID, update directory.Update[directory.Watchlist],
) (directory.Watchlist, error) {
	if !usable(string(id)) {
		return directory.Watchlist{}, notFound("watchlist")
	}
	return updateRecord(ctx, s, t, "watchlist", watchlistKey(t, id), zeroRemoves, update)
}
