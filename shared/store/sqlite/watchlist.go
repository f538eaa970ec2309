package sqlite

import (
	"context"

	"rollcall/shared/directory"
)

// watchlistStore implements directory.Watchlists.
type watchlistStore struct{ *Store }

func (s watchlistStore) ListWatchlists(ctx context.Context, t directory.TenantID) ([]directory.Watchlist, error) {
	return readRecords[directory.Watchlist](ctx, s.Store, documents.after, string(t), "watchlist", "", "", -1)
}

func (s watchlistStore) UpdateWatchlist(
	ctx context.Context, t directory.TenantID, id directory.WatchlistID, check directory.Check[directory.Watchlist],
	update directory.Update[directory.Watchlist],
) (directory.Watchlist, error) {
	return updateRecord(ctx, s.Store, t, "watchlist", documents, key(t, "watchlist", "", string(id)), zeroRemoves, update,
		checking(s.Store, check, documents.after, string(t), "watchlist", "", "", -1))
}
