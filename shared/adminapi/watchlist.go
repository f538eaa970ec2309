package adminapi

import (
	"encoding/json"
	"net/http"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func watchlistRoutes() []route {
	return []route{
		{Route{get, "/watchlists", "listWatchlists", userReaders}, nil, (*request).listWatchlists},
		{Route{post, "/watchlists", "createWatchlist", administrators}, dryQuery, (*request).createWatchlist},
		{Route{get, "/watchlists/{id}", "getWatchlist", userReaders}, nil, (*request).getWatchlist},
		{Route{patch, "/watchlists/{id}", "updateWatchlist", administrators}, dryQuery, (*request).updateWatchlist},
		{Route{del, "/watchlists/{id}", "deleteWatchlist", administrators}, dryQuery, (*request).deleteWatchlist},
		{Route{get, "/watchlists/{id}/members", "listWatchlistMembers", userReaders}, pageQuery, (*request).listWatchlistMembers},
	}
}

type watchlist struct {
	ID          directory.WatchlistID `json:"id,omitempty"`
	Type        string                `json:"type"`
	Title       string                `json:"title"`
	Groups      []watchedGroup        `json:"groups"`
	Departments []string              `json:"departments"`
	Included    []directory.UserID    `json:"included"`
	Excluded    []directory.UserID    `json:"excluded"`
	MemberCount int                   `json:"memberCount"`
	Version     int64                 `json:"version"`
	CreatedAt   instant               `json:"createdAt"`
	ModifiedAt  instant               `json:"modifiedAt"`
	DryRun      bool                  `json:"dryRun,omitempty"`
}

type watchedGroup struct {
	Provider    directory.ProviderID `json:"provider"`
	ID          directory.GroupID    `json:"id"`
	DisplayName string               `json:"displayName"`
	Deleted     bool                 `json:"deleted"` // in the directory
}

func (r *request) viewWatchlist(w directory.Watchlist, members int) (watchlist, error) {
	v := watchlist{
		ID: w.ID, Type: w.Type, Title: w.Title, Groups: []watchedGroup{}, Departments: nonNil(w.Departments), Included: nonNil(w.Included),
		Excluded:    nonNil(w.Excluded),
		MemberCount: members, Version: w.Version, CreatedAt: instant{w.Created}, ModifiedAt: instant{w.Modified}, DryRun: r.admin.DryRun,
	}
	for _, g := range w.Groups {
		now, err := r.as().Groups.ByID(r.ctx(), g.Provider, g.ID)
		removed := directory.IsKind(err, directory.NotFound)
		if err != nil && !removed {
			return v, err
		}
		name := g.Name
		if !removed {
			name = now.DisplayName
		}
		v.Groups = append(v.Groups, watchedGroup{g.Provider, g.ID, name, removed})
	}
	return v, nil
}

func (r *request) answerWatchlist(status int, w directory.Watchlist, members int, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	v, err := r.viewWatchlist(w, members)
	if status == http.StatusCreated && r.admin.DryRun {
		v.ID = ""
	}
	return answer{status: status, version: w.Version, location: "/watchlists/" + string(w.ID), body: v}, err
}

func (r *request) listWatchlists() (answer, error) {
	ws, n, err := r.as().Watchlists.List(r.ctx())
	if err != nil {
		return answer{}, err
	}
	out := page[watchlist]{Items: make([]watchlist, len(ws))}
	for i, w := range ws {
		if out.Items[i], err = r.viewWatchlist(w, n[w.ID]); err != nil {
			return answer{}, err
		}
	}
	return answer{body: out}, nil
}

// watchlistMembers returns the readers of a watchlist.
func watchlistMembers(n *administration.WatchlistPatch) members {
	departments := func(to func([]string)) reader {
		return func(at string, raw json.RawMessage) []fieldError {
			out := []string{}
			bad := list(directory.MaxWatchlistSources, text(func(s string) { out = append(out, s) }, 1, 255))(at, raw)
			to(out)
			return bad
		}
	}
	return members{
		"type": word(setPtr(&n.Type), directory.WatchlistTypes()...), "title": text(setPtr(&n.Title), 1, 100),
		"groups":      ids(setPtr(&n.Groups), directory.MaxWatchlistSources),
		"departments": departments(setPtr(&n.Departments)),
		"included":    userIDs(setPtr(&n.Included)), "excluded": userIDs(setPtr(&n.Excluded)),
	}
}

// userIDs reads the users of a watchlist.
func userIDs(to func([]directory.UserID)) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		out := []directory.UserID{}
		bad := list(directory.MaxWatchlistPeople, func(at string, raw json.RawMessage) []fieldError {
			var id string
			if bad := text(set(&id), 1, 32)(at, raw); len(bad) > 0 {
				return bad
			}
			if !wellFormed(id) {
				return refuse(at, "must be the id of a user")
			}
			out = append(out, directory.UserID(id))
			return nil
		})(at, raw)
		to(out)
		return bad
	}
}

func (r *request) createWatchlist() (answer, error) {
	var n administration.WatchlistPatch
	if err := r.read(watchlistMembers(&n), "type", "title"); err != nil {
		return answer{}, err
	}
	w, err := r.as().Watchlists.Create(r.ctx(), administration.NewWatchlist{
		Type: *n.Type, Title: *n.Title, Groups: orEmpty(n.Groups), Departments: orEmpty(n.Departments), Included: orEmpty(n.Included),
		Excluded: orEmpty(n.Excluded),
	})
	return r.answerWatchlist(http.StatusCreated, w, 0, err)
}

func orEmpty[T any](v *[]T) []T {
	if v == nil {
		return nil
	}
	return *v
}

func (r *request) watchlistID() (directory.WatchlistID, error) {
	return pathID[directory.WatchlistID](r, 0, "watchlist")
}

func (r *request) getWatchlist() (answer, error) {
	id, err := r.watchlistID()
	if err != nil {
		return answer{}, err
	}
	w, n, err := r.as().Watchlists.ByID(r.ctx(), id)
	return r.answerWatchlist(0, w, n, err)
}

func (r *request) checkWatchlist(w directory.Watchlist) error { return r.ifMatch(w.Version) }

func (r *request) updateWatchlist() (answer, error) {
	id, err := r.watchlistID()
	if err != nil {
		return answer{}, err
	}
	var n administration.WatchlistPatch
	if err := r.read(watchlistMembers(&n)); err != nil {
		return answer{}, err
	}
	_, count, err := r.as().Watchlists.ByID(r.ctx(), id)
	if err != nil {
		return answer{}, err
	}
	w, err := r.as().Watchlists.Patch(r.ctx(), id, r.checkWatchlist, n)
	return r.answerWatchlist(0, w, count, err)
}

func (r *request) deleteWatchlist() (answer, error) {
	id, err := r.watchlistID()
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	w, n, err := r.as().Watchlists.ByID(r.ctx(), id)
	if err == nil {
		err = r.as().Watchlists.Delete(r.ctx(), id, r.checkWatchlist)
	}
	return r.answerWatchlist(0, w, n, err)
}

func (r *request) listWatchlistMembers() (answer, error) {
	id, err := r.watchlistID()
	if err != nil {
		return answer{}, err
	}
	if _, _, err := r.as().Watchlists.ByID(r.ctx(), id); err != nil {
		return answer{}, err
	}
	return r.listMatching(directory.UserSearch{List: id})
}
