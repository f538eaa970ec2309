package storetest

import "rollcall/shared/directory"

var watchlistChapter = []promise{
	{"watchlists/are kept, listed and removed", watchlists},
}

func (w *world) putWatchlist(id directory.WatchlistID, n directory.Watchlist) {
	w.Helper()
	put := func(directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
		e := w.adminEntry(directory.WatchlistUpdated, string(id))
		return n, &e, nil
	}
	_, err := w.Watchlists.UpdateWatchlist(w.ctx, w.tenant, id, nil, put)
	w.must(err)
}

func (w *world) watchlists() []directory.Watchlist {
	w.Helper()
	ws, err := w.Watchlists.ListWatchlists(w.ctx, w.tenant)
	w.must(err)
	return ws
}

func watchlists(w *world) {
	full := directory.Watchlist{
		ID: "w2", Type: "custom", Title: "Títle",
		Groups:      []directory.WatchlistGroup{{Provider: w.p, MappedGroup: directory.MappedGroup{ID: "g1", Name: "n", ExternalID: "x"}}},
		Departments: []string{"d"}, Included: []directory.UserID{"u1"}, Excluded: []directory.UserID{"u2"}, Version: 3, Created: w.now(),
		Modified: w.now(),
	}
	bare := directory.Watchlist{ID: "w1", Title: "bare"}
	w.putWatchlist("w2", full)
	w.putWatchlist("w1", bare)
	w.equal("all, by id", w.watchlists(), []directory.Watchlist{bare, full})
	w.putWatchlist("w2", directory.Watchlist{})
	w.equal("after a removal", w.watchlists(), []directory.Watchlist{bare})
}

func (x intruder) watchlistsRows() map[string]func() {
	ctx, t := x.ctx, x.tenant
	return map[string]func(){
		"Watchlists.ListWatchlists": func() { x.empty("Watchlists", len(x.watchlists()), nil) },
		"Watchlists.UpdateWatchlist": func() {
			_, err := x.Watchlists.UpdateWatchlist(ctx, t, "w1", nil, func(w directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
				x.equal("passed to update", w, directory.Watchlist{})
				return w, nil, nil
			})
			x.must(err)
		},
	}
}
