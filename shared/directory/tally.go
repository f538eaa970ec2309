package directory

import (
	"encoding/json"
	"slices"
)

// OrgTally is the key of the tally of users in an organization.
func OrgTally(id OrgID) string { return "org/" + string(id) }

// RoleTally is the key of the tally of users with a role.
func RoleTally(id RoleID) string { return "role/" + string(id) }

// ListTally is the key of the tally of users on a watchlist.
func ListTally(id WatchlistID) string { return "list/" + string(id) }

// ReviewTally is the key of the tally of users with a change held by a guard event.
func ReviewTally(event GuardEventID) string { return "review/" + string(event) }

// ActiveTally is the key of the tally of a provider's active users.
func ActiveTally(p ProviderID) string { return "active/" + string(p) }

// Tally is what the entry adds to the tallies of its tenant, without zeros.
func (e LogEntry) Tally() map[string]int {
	if e.User == "" {
		return nil
	}
	out := map[string]int{}
	for _, c := range e.Changes {
		for _, key := range tallyKeys(c.Attr, c.Before) {
			out[key]--
		}
		for _, key := range tallyKeys(c.Attr, c.After) {
			out[key]++
		}
	}
	was, is := e.activeIn()
	if was != "" {
		out[ActiveTally(was)]--
	}
	if is != "" {
		out[ActiveTally(is)]++
	}
	for key, n := range out {
		if n == 0 {
			delete(out, key)
		}
	}
	return out
}

// activeIn returns the providers that count the entry's user as active before and after the entry; "" for none. A user
// is active unless deactivated, also while pending or removed. An entry without a lifecycle leaves it unchanged, and is
// about an active user wherever that matters (accountChanges).
func (e LogEntry) activeIn() (was, is ProviderID) {
	if e.Action == UserCreated {
		if slices.Contains(e.Effects, EffectDeactivated) {
			return "", ""
		}
		return "", e.Provider
	}
	was, is = e.Provider, e.Provider
	active := func(raw json.RawMessage) bool { return string(raw) == `"`+string(LifecycleActive)+`"` }
	before, after := true, true
	for _, c := range e.Changes {
		switch c.Attr {
		case attrProvider:
			was, is = ProviderID(TextOf(c.Before)), ProviderID(TextOf(c.After))
		case attrLifecycle:
			before, after = active(c.Before), active(c.After)
		}
	}
	if !before {
		was = ""
	}
	if !after {
		is = ""
	}
	return was, is
}

// TextOf decodes a JSON string; it is "" for anything else.
func TextOf(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

// tallyKeys returns the keys that a value of the attribute is tallied under.
func tallyKeys(attr string, value json.RawMessage) (keys []string) {
	switch attr {
	case AttrOrganization:
		if id := OrgID(TextOf(value)); id != "" {
			keys = append(keys, OrgTally(id))
		}
	case AttrRoleGrants:
		var grants []loggedGrant
		_ = json.Unmarshal(value, &grants)
		for _, g := range grants {
			if key := RoleTally(g.Role); !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	case AttrReview:
		if event := TextOf(value); event != "" {
			keys = append(keys, ReviewTally(GuardEventID(event)))
		}
	case AttrUnknownCountry:
		var c SentCountry
		if json.Unmarshal(value, &c) == nil && c.Value != "" {
			keys = append(keys, CountryTally(c))
		}
	case AttrWatchlists:
		var lists []WatchlistID
		_ = json.Unmarshal(value, &lists)
		for _, id := range lists {
			keys = append(keys, ListTally(id))
		}
	}
	return keys
}
