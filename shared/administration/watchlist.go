package administration

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"rollcall/shared/directory"

	"golang.org/x/sync/errgroup"
)

// NewWatchlist is the input for a new watchlist. Groups are ids of groups of any provider of the tenant.
type NewWatchlist struct {
	Type, Title        string
	Groups             []directory.GroupID
	Departments        []string
	Included, Excluded []directory.UserID
}

// WatchlistPatch is a change of a watchlist; nil fields do not change.
type WatchlistPatch struct {
	Type, Title        *string
	Groups             *[]directory.GroupID
	Departments        *[]string
	Included, Excluded *[]directory.UserID
}

// List reads all watchlists by id, and how many users are on each.
func (s Watchlists) List(ctx context.Context) ([]directory.Watchlist, map[directory.WatchlistID]int, error) {
	ws, err := s.ports.Watchlists.ListWatchlists(ctx, s.tenant)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]directory.WatchlistID, len(ws))
	for i, w := range ws {
		ids[i] = w.ID
	}
	n, err := talliesOf(ctx, s.session, ids, directory.ListTally)
	return ws, n, err
}

// Of reads the watchlists with a group of the provider, which they lose when the provider is deleted.
func (s Watchlists) Of(ctx context.Context, p directory.ProviderID) ([]directory.Watchlist, error) {
	ws, err := s.ports.Watchlists.ListWatchlists(ctx, s.tenant)
	return slices.DeleteFunc(ws, func(w directory.Watchlist) bool {
		return !slices.ContainsFunc(w.Groups, func(g directory.WatchlistGroup) bool { return g.Provider == p })
	}), err
}

// ByID reads one, and how many users are on it.
// Errors: NotFound.
func (s Watchlists) ByID(ctx context.Context, id directory.WatchlistID) (directory.Watchlist, int, error) {
	ws, n, err := s.List(ctx)
	i := slices.IndexFunc(ws, func(w directory.Watchlist) bool { return w.ID == id })
	if err == nil && i < 0 {
		err = directory.Errorf(directory.NotFound, "no such watchlist")
	}
	if err != nil {
		return directory.Watchlist{}, 0, err
	}
	return ws[i], n[id], nil
}

// Create creates a watchlist; its users are found in the background.
// Errors: Invalid; TooMany.
func (s Watchlists) Create(ctx context.Context, n NewWatchlist) (directory.Watchlist, error) {
	id := directory.WatchlistID("w" + s.rt.NewID())
	return s.updateWatchlist(ctx, id, false, Unchecked, WatchlistPatch{
		&n.Type, &n.Title, &n.Groups, &n.Departments, &n.Included, &n.Excluded,
	})
}

// Patch changes a watchlist; check sees it first.
// Errors: NotFound; Invalid; what check returns.
func (s Watchlists) Patch(
	ctx context.Context, id directory.WatchlistID, check func(directory.Watchlist) error, n WatchlistPatch,
) (directory.Watchlist, error) {
	return s.updateWatchlist(ctx, id, true, check, n)
}

// Delete removes a watchlist; its users are taken off it in the background.
// Errors: NotFound; what check returns.
func (s Watchlists) Delete(ctx context.Context, id directory.WatchlistID, check func(directory.Watchlist) error) error {
	_, err := s.storeWatchlist(ctx, id, nil, func(old directory.Watchlist) (directory.Watchlist, error) {
		if old.ID == "" {
			return old, directory.Errorf(directory.NotFound, "no such watchlist")
		}
		return directory.Watchlist{}, check(old)
	})
	return err
}

func (s Watchlists) updateWatchlist(
	ctx context.Context, id directory.WatchlistID, exists bool, check func(directory.Watchlist) error, n WatchlistPatch,
) (w directory.Watchlist, err error) {
	now := directory.Watchlist{}
	if exists {
		if now, _, err = s.ByID(ctx, id); err != nil {
			return w, err
		}
	}
	var groups []directory.WatchlistGroup
	if n.Groups != nil {
		if groups, err = s.watchlistGroups(ctx, now, *n.Groups); err != nil {
			return w, err
		}
	}
	if err := s.checkPeople(ctx, "included", n.Included, now.Included); err != nil {
		return w, err
	}
	if err := s.checkPeople(ctx, "excluded", n.Excluded, now.Excluded); err != nil {
		return w, err
	}
	var room directory.Check[directory.Watchlist]
	if !exists {
		room = func(all []directory.Watchlist) error {
			if len(all) >= directory.MaxWatchlists {
				return directory.Errorf(directory.TooMany, "a tenant has at most %d watchlists", directory.MaxWatchlists)
			}
			return nil
		}
	}
	return s.storeWatchlist(ctx, id, room, func(old directory.Watchlist) (directory.Watchlist, error) {
		if exists && old.ID == "" {
			return old, directory.Errorf(directory.NotFound, "no such watchlist")
		}
		if err := check(old); err != nil {
			return old, err
		}
		l := old
		l.ID = id
		if !exists {
			l.Created = s.rt.Time()
		}
		setIf(&l.Type, n.Type)
		setIf(&l.Included, n.Included)
		setIf(&l.Excluded, n.Excluded)
		if n.Title != nil {
			l.Title = strings.TrimSpace(*n.Title)
		}
		if n.Groups != nil {
			l.Groups = groups
		}
		if n.Departments != nil {
			l.Departments = nil
			for _, d := range *n.Departments {
				l.Departments = append(l.Departments, directory.OrgName(d))
			}
		}
		return l, checkWatchlist(l)
	})
}

// watchlistGroups finds groups by id; a group that the watchlist already has need not exist any more.
func (s Watchlists) watchlistGroups(
	ctx context.Context, old directory.Watchlist, ids []directory.GroupID,
) (out []directory.WatchlistGroup, err error) {
	if len(ids) > directory.MaxWatchlistSources {
		return nil, errTooManyGroups()
	}
	ps, err := s.ports.Providers.ListProviders(ctx, s.tenant)
	if err != nil {
		return nil, err
	}
	var unknown []directory.GroupID
	for _, g := range ids {
		if i := slices.IndexFunc(old.Groups, func(w directory.WatchlistGroup) bool { return w.ID == g }); i >= 0 {
			out = append(out, old.Groups[i])
			continue
		}
		found := false
		for _, p := range ps {
			v, err := s.ports.Groups.ReadGroup(ctx, s.tenant, p.ID, g, directory.GroupWant{}, nil)
			if directory.IsKind(err, directory.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			out, found = append(out,
				directory.WatchlistGroup{Provider: p.ID, MappedGroup: directory.MappedGroup{ID: v.ID, Name: v.DisplayName, ExternalID: v.ExternalID}}),
				true
		}
		if !found {
			unknown = append(unknown, g)
		}
	}
	return out, noneOf("groups", "must hold ids of groups that exist", unknown)
}

// checkPeople refuses people whom the tenant does not have; those on the list already may be gone.
func (s Watchlists) checkPeople(ctx context.Context, attr string, ids *[]directory.UserID, old []directory.UserID) error {
	if ids == nil {
		return nil
	}
	if len(*ids) > directory.MaxWatchlistPeople {
		return errTooManyPeople(attr)
	}
	known := map[directory.UserID]bool{}
	for _, id := range old {
		known[id] = true
	}
	missing := make([]bool, len(*ids))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(16)
	for i, id := range *ids {
		if known[id] {
			continue
		}
		work.Go(func() error {
			_, err := s.ports.Users.UserByID(ctx, s.tenant, id)
			if missing[i] = directory.IsKind(err, directory.NotFound); missing[i] {
				return nil
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	var unknown []directory.UserID
	for i, id := range *ids {
		if missing[i] {
			unknown = append(unknown, id)
		}
	}
	return noneOf(attr, "must hold ids of people of the tenant", unknown)
}

// storeWatchlist runs an edit and returns the stored watchlist.
func (s Watchlists) storeWatchlist(
	ctx context.Context, id directory.WatchlistID, check directory.Check[directory.Watchlist],
	edit func(directory.Watchlist) (directory.Watchlist, error),
) (directory.Watchlist, error) {
	apply := func(old directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
		w, err := edit(old)
		if err != nil || reflect.DeepEqual(old, w) {
			return old, nil, err
		}
		e := s.entry(directory.WatchlistUpdated)
		e.Target, e.Name = string(id), w.Title
		was, is := any(old), any(w)
		if old.ID == "" {
			was = nil
		}
		if w.ID == "" {
			e.Name, is = old.Title, nil
		} else {
			w.Version, w.Modified = old.Version+1, directory.Latest(old.Modified, s.rt.Time())
		}
		e.Version, e.Changes = old.Version+1, []directory.Change{directory.NewChange("watchlist", was, is)}
		return w, &e, nil
	}
	return s.ports.Watchlists.UpdateWatchlist(ctx, s.tenant, id, check, apply)
}

func checkWatchlist(w directory.Watchlist) error {
	bad := func(attr, detail string) error {
		return &directory.Error{Kind: directory.Invalid, Attr: attr, Detail: detail}
	}
	n := utf8.RuneCountInString(w.Title)
	switch {
	case !slices.Contains(directory.WatchlistTypes(), w.Type):
		return bad("type", "type must be one of "+strings.Join(directory.WatchlistTypes(), ", "))
	case n < 1 || n > 100 || strings.ContainsFunc(w.Title, directory.IsControl):
		return bad("title", "title must have 1 to 100 characters and no control characters")
	case len(w.Groups) > directory.MaxWatchlistSources:
		return errTooManyGroups()
	case len(w.Departments) > directory.MaxWatchlistSources:
		return bad("departments", "a watchlist has at most 200 departments")
	case len(w.Included) > directory.MaxWatchlistPeople:
		return errTooManyPeople("included")
	case len(w.Excluded) > directory.MaxWatchlistPeople:
		return errTooManyPeople("excluded")
	}
	return nil
}

func errTooManyPeople(attr string) *directory.Error {
	return &directory.Error{Kind: directory.Invalid, Attr: attr, Detail: attr + " holds at most 1000 people"}
}

func errTooManyGroups() *directory.Error {
	return &directory.Error{Kind: directory.Invalid, Attr: "groups", Detail: "a watchlist has at most 200 groups"}
}
