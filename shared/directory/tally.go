package directory

import (
	"encoding/json"
	"slices"
)

// Tallies are kept under these keys: how many people are in an organization, have a role, are on a watchlist,
// are held back by a guard event, and how many active users a provider has.
func OrgTally(id OrgID) string { return "org/" + string(id) }

func RoleTally(id RoleID) string { return "role/" + string(id) }

func ListTally(id WatchlistID) string { return "list/" + string(id) }

func ReviewTally(event GuardEventID) string { return "review/" + string(event) }

func ActiveTally(p ProviderID) string { return "active/" + string(p) }

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
	was, is := e.activity()
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

// activity is the provider among whose active users the entry's user was before, and is after it; "" for none.
// Active is who is not deactivated, also while pending or gone. An entry that is silent about the lifecycle
// leaves it alone, and is about an active user as far as it matters (accountChanges).
func (e LogEntry) activity() (was, is ProviderID) {
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

// TextOf is a JSON string, "" for anything else.
func TextOf(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

// tallied are the keys that a value of the attribute counts under.
func tallied(attr string, value json.RawMessage) (keys []string) {
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
