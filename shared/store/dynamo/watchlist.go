package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// watchlistStore implements directory.Watchlists.
type watchlistStore struct{ *Store }

func (s watchlistStore) ListWatchlists(ctx context.Context, t directory.TenantID) ([]directory.Watchlist, error) {
	return all[directory.Watchlist](ctx, s.Store, span{pk: watchlists(t)})
}

func (s watchlistStore) UpdateWatchlist(
	ctx context.Context, t directory.TenantID, id directory.WatchlistID, check directory.Check[directory.Watchlist],
	update directory.Update[directory.Watchlist],
) (directory.Watchlist, error) {
	if !usable(string(id)) {
		return directory.Watchlist{}, notFound("watchlist")
	}
	return updateRecord(ctx, s.Store, t, "watchlist", watchlistKey(t, id), zeroRemoves, update,
		checking(s.Store, check, checkNumber(t, "watchlists"), watchlists(t)))
}
