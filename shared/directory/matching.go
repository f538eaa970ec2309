package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"rollcall/shared/casefold"
)

// MatchingAttribute is a text attribute by which the directory of a provider looks for users, in addition to those that
// are always indexed. The look-ups of the provider's users have its value.
type MatchingAttribute struct {
	Path      string    // canonical SCIM path
	CaseExact bool      `json:",omitempty"`
	Since     time.Time // when it was named
	Ready     bool      `json:",omitempty"` // the look-ups of all users have it; until then they answer nothing
}

const (
	// MaxMatchingAttributes is how many a provider may have.
	MaxMatchingAttributes = 2
	// AttrMatching is the attribute in log entries of a provider's matching attributes.
	AttrMatching = "matchingAttributes"
)

// Key returns the look-up of a value of the attribute.
func (m MatchingAttribute) Key(value string) Lookup {
	if !m.CaseExact {
		value = casefold.Fold(value)
	}
	return Lookup{m.Path, value}
}

// WithKeys returns the profile of a user of p with a look-up for each matching attribute that has a value.
func (p Provider) WithKeys(profile Profile) Profile {
	var keys []Lookup
	for _, l := range profile.Lookups {
		if l.Attr == AttrWorkEmail {
			keys = append(keys, l)
		}
	}
	for _, m := range p.Matching {
		if value := textAt(profile.Attributes, m.Path); value != "" {
			keys = append(keys, m.Key(value))
		}
	}
	profile.Lookups = keys
	return profile
}

// textAt returns the text at a canonical SCIM path of a user's attributes, "" for none.
func textAt(attributes []byte, path string) (text string) {
	urn, rest := "", path
	if i := strings.LastIndexByte(path, ':'); i >= 0 {
		urn, rest = path[:i], path[i+1:]
	}
	names := strings.Split(rest, ".")
	if !bytes.Contains(attributes, []byte(`"`+names[len(names)-1]+`"`)) {
		return ""
	}
	if urn != "" {
		names = append([]string{urn}, names...)
	}
	for _, name := range names {
		var object map[string]json.RawMessage
		_ = json.Unmarshal(attributes, &object) // attributes are valid SCIM; anything else has no such text
		attributes = object[name]
	}
	_ = json.Unmarshal(attributes, &text)
	return text
}

// MatchingTask names the progress of bringing the look-ups of a provider's users up to date.
func MatchingTask(p ProviderID) TaskID { return TaskID("matching " + string(p)) }

// MatchingProgress returns how many of a provider's users have the look-ups of its newest setting, and how many users
// there are.
func MatchingProgress(ctx context.Context, tasks Tasks, us Users, t TenantID, p Provider) (done, total int, err error) {
	page, err := us.ListUsers(ctx, t, p.ID, Page{Start: 1}, UserWant{}, nil)
	if err != nil || p.MatchingRun == "" {
		return page.Total, page.Total, err
	}
	task, err := tasks.Task(ctx, t, MatchingTask(p.ID))
	if task.Run == p.MatchingRun {
		done = min(task.Done, page.Total)
	}
	return done, page.Total, err
}

// Indexed returns the matching attribute at a path.
func (p Provider) Indexed(path string) (MatchingAttribute, bool) {
	i := slices.IndexFunc(p.Matching, func(m MatchingAttribute) bool { return m.Path == path })
	if i < 0 {
		return MatchingAttribute{}, false
	}
	return p.Matching[i], true
}

// Page selects part of a list: by position (Start, 1-based) or, with ByCursor, after the id After.
type Page struct {
	Start    int
	ByCursor bool
	After    string // UserID or GroupID; "" for the first page
	Count    int    // 0: only the total
}
