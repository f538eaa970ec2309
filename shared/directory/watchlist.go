package directory

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/shared/casefold"
)

// WatchlistTypes are the types a watchlist may have.
func WatchlistTypes() []string {
	return []string{
		"departing", "contractor", "new-hire", "high-impact", "elevated-access", "flight-risk", "performance-concerns",
		"poor-security-practices", "suspicious-system-activity", "custom",
	}
}

// Limits of watchlists.
const (
	MaxWatchlists       = 200 // of a tenant
	MaxWatchlistSources = 200 // groups, and likewise departments
	MaxWatchlistPeople  = 1000
)

// Watchlist is a list of people to look after: the members of groups, the people of departments, and whoever
// an administrator includes, without those excluded.
type Watchlist struct {
	ID          WatchlistID
	Type        string
	Title       string
	Groups      []WatchedGroup
	Departments []string
	Included    []UserID
	Excluded    []UserID

	Version           int64
	Created, Modified time.Time
}

// WatchedGroup is a linked group of some provider.
type WatchedGroup struct {
	Provider ProviderID
	MappedGroup
}

// Watched is one watchlist a person is on, and why: "included", "group:<id>" or "department:<name>".
type Watched struct {
	List WatchlistID
	Why  string
}

// watchlistsOf is the watchlists a person with these groups is on, by id.
func watchlistsOf(u User, groups []GroupID, lists []Watchlist) []Watched {
	department := attributeValue(u.Attributes, attrDepartment)
	var out []Watched
	for _, w := range lists {
		if why := w.why(u, groups, department); why != "" {
			out = append(out, Watched{w.ID, why})
		}
	}
	slices.SortFunc(out, func(a, b Watched) int { return strings.Compare(string(a.List), string(b.List)) })
	return out
}

func (w Watchlist) why(u User, groups []GroupID, department string) string {
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

func (w Watchlist) check() error {
	bad := func(attr, detail string) error { return &Error{Kind: Invalid, Attr: attr, Detail: detail} }
	n := utf8.RuneCountInString(w.Title)
	switch {
	case !slices.Contains(WatchlistTypes(), w.Type):
		return bad("type", "type must be one of "+strings.Join(WatchlistTypes(), ", "))
	case n < 1 || n > 100 || strings.ContainsFunc(w.Title, isControl):
		return bad("title", "title must have 1 to 100 characters and no control characters")
	case len(w.Groups) > MaxWatchlistSources:
		return bad("groups", "a watchlist has at most 200 groups")
	case len(w.Departments) > MaxWatchlistSources:
		return bad("departments", "a watchlist has at most 200 departments")
	case len(w.Included) > MaxWatchlistPeople:
		return bad("included", "a watchlist includes at most 1000 people one by one")
	case len(w.Excluded) > MaxWatchlistPeople:
		return bad("excluded", "a watchlist excludes at most 1000 people one by one")
	}
	return nil
}
