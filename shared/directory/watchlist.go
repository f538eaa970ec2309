package directory

import "time"

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

// Watchlist is a list of users who need attention: the members of groups, the users of departments and those included
// by an administrator, without those excluded.
type Watchlist struct {
	ID          WatchlistID
	Type        string
	Title       string
	Groups      []WatchlistGroup
	Departments []string
	Included    []UserID
	Excluded    []UserID

	Version           int64
	Created, Modified time.Time
}

// WatchlistGroup is a linked group and its provider.
type WatchlistGroup struct {
	Provider ProviderID
	MappedGroup
}

// OnWatchlist is one watchlist a user is on, and why: "included", "group:<id>" or "department:<name>".
type OnWatchlist struct {
	List WatchlistID
	Why  string
}
