package directory

import (
	"slices"
	"strings"
	"time"
)

// Limits of a RequestReport.
const (
	MaxRefusals    = 100
	MaxUnreadNames = 200
	MaxUnreadName  = 100 // bytes
)

// RequestReport is what a provider's requests showed that a person may have to mend in the directory. It is telemetry, as
// Usage is: a process that dies loses what it has not stored. It holds names of attributes and ids, and no values.
type RequestReport struct {
	Refused  int64             `json:",omitzero"`  // requests in all that were refused for what they hold
	Refusals []RefusedRequest  `json:",omitempty"` // of the latest subjects, the latest first
	Unread   []UnreadAttribute `json:",omitempty"` // booleans first, then by name
}

// RefusedRequest stands for all requests of a kind about one user or group that were refused for the same reason.
type RefusedRequest struct {
	Method       string
	ResourceType string   // User or Group; "" for another endpoint
	ID           ScimID   `json:",omitempty"` // "" for a create
	Status       int      // of the answer, as are ScimType and Attribute
	ScimType     string   `json:",omitempty"`
	Attribute    string   `json:",omitempty"` // what was refused, as far as that is known
	Members      []ScimID `json:",omitempty"` // the first MaxNamedMembers that were refused, of the last one
	MemberCount  int      `json:",omitempty"`

	Count           int64
	FirstAt, LastAt time.Time
	RequestID       RequestID // of the last one
}

// UnreadAttribute is a name in requests that no schema has: its values are passed over, or refused (C23).
type UnreadAttribute struct {
	Name    string
	Boolean bool `json:",omitempty"` // it came as a boolean: it may be the directory's word on who may sign in
	Count   int64
	LastAt  time.Time
}

// Empty reports whether nothing was seen.
func (r RequestReport) Empty() bool { return r.Refused == 0 && len(r.Unread) == 0 }

// like reports whether two refusals are for the same reason.
func (r RefusedRequest) like(s RefusedRequest) bool {
	return r.Method == s.Method && r.ResourceType == s.ResourceType && r.ID == s.ID && r.Status == s.Status && r.ScimType == s.ScimType &&
		r.Attribute == s.Attribute
}

// Merge returns r with what is in s added. It is bounded: the refusals that were seen longest ago are dropped, and new
// names for which there is no room.
func (r RequestReport) Merge(s RequestReport) RequestReport {
	r.Refused += s.Refused
	r.Refusals = slices.Clone(r.Refusals)
	for _, n := range s.Refusals {
		if i := slices.IndexFunc(r.Refusals, n.like); i >= 0 {
			old := r.Refusals[i]
			if n.LastAt.Before(old.LastAt) {
				old, n = n, old
			}
			n.Count += old.Count
			if old.FirstAt.Before(n.FirstAt) {
				n.FirstAt = old.FirstAt
			}
			r.Refusals[i] = n
			continue
		}
		r.Refusals = append(r.Refusals, n)
	}
	slices.SortStableFunc(r.Refusals, func(a, b RefusedRequest) int { return b.LastAt.Compare(a.LastAt) })
	r.Refusals = r.Refusals[:min(len(r.Refusals), MaxRefusals)]
	r.Unread = slices.Clone(r.Unread)
	for _, n := range s.Unread {
		i := slices.IndexFunc(r.Unread, func(u UnreadAttribute) bool { return strings.EqualFold(u.Name, n.Name) })
		switch {
		case i >= 0:
			old := r.Unread[i]
			r.Unread[i] = UnreadAttribute{old.Name, old.Boolean || n.Boolean, old.Count + n.Count, Latest(old.LastAt, n.LastAt)}
		case len(r.Unread) < MaxUnreadNames && len(n.Name) <= MaxUnreadName:
			r.Unread = append(r.Unread, n)
		}
	}
	slices.SortFunc(r.Unread, func(a, b UnreadAttribute) int {
		if a.Boolean != b.Boolean && a.Boolean {
			return -1
		} else if a.Boolean != b.Boolean {
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return r
}
