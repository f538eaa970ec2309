package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// watchlistStore implements directory.Watchlists.
type watchlistStore struct{ *Store }

func (s watchlistStore) ListWatchlists(ctx context.Context, t directory.TenantID) ([]directory.Watchlist, error) {
	return all[directory.Watchlist](ctx, s.Store, span{pk: schema.Watchlists(t)})
}

func (s watchlistStore) UpdateWatchlist(
	ctx context.Context, t directory.TenantID, id directory.WatchlistID, check directory.Check[directory.Watchlist],
	update directory.Update[directory.Watchlist],
) (directory.Watchlist, error) {
	if !schema.Usable(string(id)) {
		return directory.Watchlist{}, notFound("watchlist")
	}
	return updateRecord(ctx, s.Store, t, "watchlist", schema.WatchlistKey(t, id), zeroRemoves, update,
		checking(s.Store, check, schema.CheckNumber(t, "watchlists"), schema.Watchlists(t)))
}
