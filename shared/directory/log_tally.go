package directory

import (
	"encoding/json"
	"slices"
)

// The attributes of log entries about what Rollcall itself keeps about a person.
const (
	AttrOrganization       = "organization"       // an id
	AttrOrganizationSource = "organizationSource" // why: the source, and the group that decided
	AttrRoleGrants         = "roleGrants"         // roles with their sources
	AttrWatchlists         = "watchlists"         // ids
	AttrPinned             = "organizationPinned"
	attrWatchlistReasons   = "watchlistReasons" // ids, each with why
)

// Tallies are kept under these keys: how many people are in an organization, have a role, are on a watchlist.
func orgTally(id OrgID) string        { return "org/" + string(id) }
func roleTally(id RoleID) string      { return "role/" + string(id) }
func listTally(id WatchlistID) string { return "list/" + string(id) }

// Tally is what the entry adds to the tallies of its tenant; never zero.
func (e LogEntry) Tally() map[string]int {
	if e.User == "" {
		return nil
	}
	out := map[string]int{}
	for _, c := range e.Changes {
		for _, key := range tallied(c.Attr, c.Before) {
			out[key]--
		}
		for _, key := range tallied(c.Attr, c.After) {
			out[key]++
		}
	}
	for key, n := range out {
		if n == 0 {
			delete(out, key)
		}
	}
	return out
}

// tallied are the keys that a value of the attribute counts under.
func tallied(attr string, value json.RawMessage) (keys []string) {
	switch attr {
	case AttrOrganization:
		var id OrgID
		if json.Unmarshal(value, &id) == nil && id != "" {
			keys = append(keys, orgTally(id))
		}
	case AttrRoleGrants:
		var grants []loggedGrant
		_ = json.Unmarshal(value, &grants)
		for _, g := range grants {
			if key := roleTally(g.Role); !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	case AttrUnknownCountry:
		var c sentCountry
		if json.Unmarshal(value, &c) == nil && c.Value != "" {
			keys = append(keys, countryTally(c))
		}
	case AttrWatchlists:
		var lists []WatchlistID
		_ = json.Unmarshal(value, &lists)
		for _, id := range lists {
			keys = append(keys, listTally(id))
		}
	}
	return keys
}

// loggedGrant is a role in a log entry.
type loggedGrant struct {
	Role   RoleID `json:"role"`
	Source string `json:"source"`
}

// placementChanges are the changes of organization, roles and watchlists from one account to another, and the
// effects they are.
func placementChanges(before, after Account) (changes []Change, effects []Effect) {
	if before.OrgID != after.OrgID {
		changes = append(changes, change(AttrOrganization, orNil(before.OrgID), orNil(after.OrgID)))
		effects = append(effects, EffectMoved)
	}
	if before.OrgSource != after.OrgSource {
		changes = append(changes, change(AttrOrganizationSource, source(before), source(after)))
	}
	if before.OrgPinned != after.OrgPinned {
		changes = append(changes, change(AttrPinned, before.OrgPinned, after.OrgPinned))
	}
	if !slices.EqualFunc(before.RoleGrants, after.RoleGrants, RoleGrant.same) {
		changes = append(changes, change(AttrRoleGrants, logged(before.RoleGrants), logged(after.RoleGrants)))
		effects = append(effects, EffectRoles)
	}
	if !slices.Equal(before.Watchlists, after.Watchlists) {
		if ids, now := watched(before.Watchlists), watched(after.Watchlists); !slices.Equal(ids, now) {
			changes = append(changes, change(AttrWatchlists, ids, now))
			effects = append(effects, EffectWatchlists)
		}
		changes = append(changes, change(attrWatchlistReasons, before.Watchlists, after.Watchlists))
	}
	return changes, effects
}

func orNil[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return s
}

// source is why an account is in its organization, as a log entry tells it.
func source(a Account) any {
	if a.OrgSource == "" {
		return nil
	}
	out := map[string]any{"source": a.OrgSource, "configVersion": a.OrgConfig}
	if a.OrgGroup != "" {
		out["group"] = a.OrgGroup
	}
	return out
}

func logged(grants []RoleGrant) []loggedGrant {
	out := make([]loggedGrant, len(grants))
	for i, g := range grants {
		out[i] = loggedGrant{g.Role, g.Source}
	}
	return out
}

func watched(ws []Watched) []WatchlistID {
	out := make([]WatchlistID, len(ws))
	for i, w := range ws {
		out[i] = w.List
	}
	return out
}
