package directory

import (
	"context"
	"reflect"
	"slices"
	"strings"
)

// NewWatchlist is what an administrator chooses for a watchlist. Groups are ids of any provider of the tenant.
type NewWatchlist struct {
	Type, Title        string
	Groups             []GroupID
	Departments        []string
	Included, Excluded []UserID
}

// WatchlistPatch is a change of a watchlist; nil fields stay.
type WatchlistPatch struct {
	Type, Title        *string
	Groups             *[]GroupID
	Departments        *[]string
	Included, Excluded *[]UserID
}

// ListWatchlists reads all watchlists by id, and how many people are on each.
func (s *Service) ListWatchlists(ctx context.Context, a Admin) ([]Watchlist, map[WatchlistID]int, error) {
	ws, err := s.Settings.Watchlists(ctx, a.Tenant)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]WatchlistID, len(ws))
	for i, w := range ws {
		ids[i] = w.ID
	}
	n, err := talliesOf(ctx, s, a, ids, listTally)
	return ws, n, err
}

// WatchlistsOf reads the watchlists that a group of the provider feeds: they lose it with the provider.
func (s *Service) WatchlistsOf(ctx context.Context, a Admin, p ProviderID) ([]Watchlist, error) {
	ws, err := s.Settings.Watchlists(ctx, a.Tenant)
	return slices.DeleteFunc(ws, func(w Watchlist) bool {
		return !slices.ContainsFunc(w.Groups, func(g WatchedGroup) bool { return g.Provider == p })
	}), err
}

// WatchlistByID reads one.
// Errors: NotFound.
func (s *Service) WatchlistByID(ctx context.Context, a Admin, id WatchlistID) (Watchlist, int, error) {
	ws, n, err := s.ListWatchlists(ctx, a)
	i := slices.IndexFunc(ws, func(w Watchlist) bool { return w.ID == id })
	if err == nil && i < 0 {
		err = Errorf(NotFound, "no such watchlist")
	}
	if err != nil {
		return Watchlist{}, 0, err
	}
	return ws[i], n[id], nil
}

// CreateWatchlist makes a watchlist; its people are found in the background.
// Errors: Invalid; TooMany.
func (s *Service) CreateWatchlist(ctx context.Context, a Admin, n NewWatchlist) (Watchlist, error) {
	ws, err := s.Settings.Watchlists(ctx, a.Tenant)
	if err != nil {
		return Watchlist{}, err
	}
	if len(ws) >= MaxWatchlists {
		return Watchlist{}, Errorf(TooMany, "a tenant has at most %d watchlists", MaxWatchlists)
	}
	id := WatchlistID("w" + s.newID())
	return s.updateWatchlist(ctx, a, id, false, func(Watchlist) error { return nil }, WatchlistPatch{
		&n.Type, &n.Title, &n.Groups, &n.Departments, &n.Included, &n.Excluded,
	})
}

// PatchWatchlist changes a watchlist; check sees it first.
// Errors: NotFound; Invalid; what check returns.
func (s *Service) PatchWatchlist(ctx context.Context, a Admin, id WatchlistID, check func(Watchlist) error, n WatchlistPatch) (Watchlist, error) {
	return s.updateWatchlist(ctx, a, id, true, check, n)
}

// DeleteWatchlist removes a watchlist; people leave it in the background.
// Errors: NotFound; what check returns.
func (s *Service) DeleteWatchlist(ctx context.Context, a Admin, id WatchlistID, check func(Watchlist) error) error {
	return s.storeWatchlist(ctx, a, id, func(old Watchlist) (Watchlist, error) {
		if old.ID == "" {
			return old, Errorf(NotFound, "no such watchlist")
		}
		return Watchlist{}, check(old)
	}, new(Watchlist))
}

func (s *Service) updateWatchlist(ctx context.Context, a Admin, id WatchlistID, exists bool, check func(Watchlist) error, n WatchlistPatch) (w Watchlist, err error) {
	var groups []WatchedGroup
	if n.Groups != nil {
		if len(*n.Groups) > MaxWatchlistSources {
			return w, Watchlist{Type: "custom", Title: "x", Groups: make([]WatchedGroup, MaxWatchlistSources+1)}.check()
		}
		if groups, err = s.watchedGroups(ctx, a, id, *n.Groups); err != nil {
			return w, err
		}
	}
	err = s.storeWatchlist(ctx, a, id, func(old Watchlist) (Watchlist, error) {
		if exists && old.ID == "" {
			return old, Errorf(NotFound, "no such watchlist")
		}
		if err := check(old); err != nil {
			return old, err
		}
		l := old
		if l.ID = id; !exists {
			l.Created = s.Now()
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
				l.Departments = append(l.Departments, OrgName(d))
			}
		}
		return l, l.check()
	}, &w)
	return w, err
}

// watchedGroups finds the groups of some ids; those of a list that were deleted since stay as they are.
func (s *Service) watchedGroups(ctx context.Context, a Admin, id WatchlistID, ids []GroupID) (out []WatchedGroup, err error) {
	ps, err := s.Providers.ListProviders(ctx, a.Tenant)
	if err != nil {
		return nil, err
	}
	old, _, err := s.WatchlistByID(ctx, a, id)
	if err != nil && !IsKind(err, NotFound) {
		return nil, err
	}
	for _, g := range ids {
		if i := slices.IndexFunc(old.Groups, func(w WatchedGroup) bool { return w.ID == g }); i >= 0 {
			out = append(out, old.Groups[i])
			continue
		}
		found := false
		for _, p := range ps {
			v, err := s.Groups.ReadGroup(ctx, a.Tenant, p.ID, g, GroupWant{}, nil)
			if IsKind(err, NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			out, found = append(out, WatchedGroup{p.ID, MappedGroup{v.ID, v.DisplayName, v.ExternalID}}), true
		}
		if !found {
			return nil, errUnknownGroup("groups")
		}
	}
	return out, nil
}

func errUnknownGroup(attr string) *Error {
	return &Error{Kind: Invalid, Attr: attr, Detail: attr + " must hold ids of groups that exist"}
}

// storeWatchlist runs an edit, or tries it in a dry run; out gets what is stored then.
func (s *Service) storeWatchlist(ctx context.Context, a Admin, id WatchlistID, edit func(Watchlist) (Watchlist, error), out *Watchlist) error {
	apply := func(old Watchlist) (Watchlist, *LogEntry, error) {
		w, err := edit(old)
		if err != nil || reflect.DeepEqual(old, w) {
			return old, nil, err
		}
		e := s.adminEntry(a, WatchlistUpdated)
		e.Target, e.Name = string(id), w.Title
		was, is := any(old), any(w)
		if old.ID == "" {
			was = nil
		}
		if w.ID == "" {
			e.Name, is = old.Title, nil
		} else {
			w.Version, w.Modified = old.Version+1, later(old.Modified, s.Now())
		}
		e.Version, e.Changes = old.Version+1, []Change{change("watchlist", was, is)}
		return w, &e, nil
	}
	if a.DryRun {
		old, _, err := s.WatchlistByID(ctx, a, id)
		if err != nil && !IsKind(err, NotFound) {
			return err
		}
		*out, _, err = apply(old)
		return err
	}
	var err error
	*out, err = s.Settings.UpdateWatchlist(ctx, a.Tenant, id, apply)
	return err
}
