package follow

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
)

// followWatchlist resolves all users of the tenant after a watchlist changed.
func (x *portion) followWatchlist(ctx context.Context) error {
	r, err := x.s.resolver(ctx, x.tenant, "", fromEntry(x.entry))
	if err != nil {
		return err
	}
	return x.eachUser(ctx, directory.UserSearch{}, false, func(ctx context.Context, u directory.User) error {
		if u.Removed() {
			return nil
		}
		return r.resolve(ctx, r.user(u.ID), directory.OnEvent)
	})
}

// watchlistsFor returns the watchlists that a user with these groups is on, by id.
func watchlistsFor(u directory.User, groups []directory.GroupID, lists []directory.Watchlist) []directory.OnWatchlist {
	department := directory.AttributeValue(u.Attributes, directory.AttrDepartment)
	var out []directory.OnWatchlist
	for _, w := range lists {
		if why := whyOn(w, u, groups, department); why != "" {
			out = append(out, directory.OnWatchlist{List: w.ID, Why: why})
		}
	}
	slices.SortFunc(out, func(a, b directory.OnWatchlist) int { return strings.Compare(string(a.List), string(b.List)) })
	return out
}

// whyOn returns why a user is on a watchlist, "" if not.
func whyOn(w directory.Watchlist, u directory.User, groups []directory.GroupID, department string) string {
	if slices.Contains(w.Excluded, u.ID) {
		return ""
	}
	if slices.Contains(w.Included, u.ID) {
		return "included"
	}
	for _, g := range w.Groups {
		if u.Provider == g.Provider && slices.Contains(groups, g.ID) {
			return "group:" + string(g.ID)
		}
	}
	if department == "" {
		return ""
	}
	for _, d := range w.Departments {
		if casefold.Equal(d, department) {
			return "department:" + d
		}
	}
	return ""
}
