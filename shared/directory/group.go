package directory

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"rollcall/shared/casefold"
)

// Group is a group of one provider. Its members are separate records, so that a change costs the same in a group of
// ten and of a million (ADR 3).
type Group struct {
	ID       GroupID
	Provider ProviderID
	GroupProfile
	MemberCount       int
	Version           int64 // grows with every change of the group or its members: the ETag; 0: not known
	Created, Modified time.Time
}

// GroupProfile is everything a directory says about a group except its members.
type GroupProfile struct {
	DisplayName string // as sent; unique in the provider under DisplayNameKey
	ExternalID  string
	Attributes  []byte // canonical SCIM JSON of the other attributes; package scimapi owns it
}

// Equal reports whether two profiles are equal.
func (g GroupProfile) Equal(h GroupProfile) bool {
	return g.DisplayName == h.DisplayName && g.ExternalID == h.ExternalID && bytes.Equal(g.Attributes, h.Attributes)
}

// DisplayNameKey is the form under which a group's displayName is unique in its provider: as UserNameKey.
func (g GroupProfile) DisplayNameKey() string { return casefold.Name(g.DisplayName) }

// Check refuses profiles that break a business rule.
func (g GroupProfile) Check() error {
	switch {
	case g.DisplayNameKey() == "":
		return &Error{Kind: Invalid, Attr: AttrDisplayName, Detail: "displayName is required, with a character that can be seen"}
	case len(g.DisplayName) > maxNameBytes:
		return &Error{Kind: Invalid, Attr: AttrDisplayName, Detail: "displayName is longer than 1024 bytes"}
	case len(g.Attributes)+len(g.ExternalID) > maxAttributesBytes:
		return errAttributesTooLarge(g.Attributes)
	}
	return nil
}

// GroupWant selects what to read in addition to the group itself.
type GroupWant struct {
	// AllMembers asks for every member; a group with more than MaxMembersShown answers TooMany.
	AllMembers bool
	// Named asks which of these ids are members now. Ignored with AllMembers.
	Named []ScimID
	// Ancestors asks for every group that contains this one, directly or not: for cycle checks.
	Ancestors bool
	// Exact makes a change fail after any other change of the group since old was read, also of other members: the
	// caller has a precondition on the version. It costs as much as AllMembers.
	Exact bool
}

// GroupView is a group as read, with what GroupWant asked for.
type GroupView struct {
	Group
	Members   []ScimID        // with AllMembers: sorted
	Present   map[ScimID]bool // with Named or AllMembers: the ids that are members
	Ancestors map[GroupID]bool
	Profiles  int64 // for the store: how often the profile had changed
	Floor     int64 // for the store: above the numbers of entries that an earlier release gave; 0: not read
}

// GroupChange is one atomic change of a group: its new profile and the members to add and remove.
// Add holds no present member and Remove no absent one; neither holds an id twice.
type GroupChange struct {
	GroupProfile
	Add, Remove []ScimID
	Entry       *LogEntry // nil: nothing changes, nothing is written
}

// Pins reports whether a change is stored only if the group had no other change since it was read, so that its version
// is known.
func (w GroupWant) Pins(c GroupChange) bool {
	return w.Exact || w.AllMembers && len(c.Add)+len(c.Remove) > 0
}

// CheckMembers refuses members a group cannot have. The store checks that they exist.
func (v GroupView) CheckMembers(add []ScimID) error {
	for _, id := range add {
		switch {
		case !id.IsUser() && !id.IsGroup():
			return ErrUnknownMember(id)
		case id == ScimID(v.ID):
			return &Error{Kind: Invalid, Attr: "members", Detail: "a group cannot be a member of itself"}
		case v.Ancestors[GroupID(id)]:
			return &Error{Kind: Invalid, Attr: "members", Detail: "a group cannot contain a group it is contained in"}
		}
	}
	return nil
}

// MaxNamedMembers is how many members an error or a conflict names.
const MaxNamedMembers = 10

// UnknownMembersError says that ids name no user or group that the provider has.
type UnknownMembersError struct{ IDs []ScimID }

// Error names up to MaxNamedMembers of the ids, those that are safe to repeat.
func (e *UnknownMembersError) Error() string {
	return NoneOf("a member must be the id of a user or group of this provider", e.IDs)
}

// NoneOf returns a text that says what ids must be, and those that are not, as Error names them.
func NoneOf[T ~string](text string, ids []T) string {
	named := Named(ids)
	if len(named) > 0 {
		text += "; these are none: " + strings.Join(named, ", ")
	}
	if more := len(ids) - len(named); more > 0 && len(named) > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Named returns up to MaxNamedMembers of the ids as texts, leaving out what does not look like an id.
func Named[T ~string](ids []T) []string {
	var named []string
	for _, id := range ids {
		odd := func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
		}
		if len(named) < MaxNamedMembers && id != "" && len(id) <= 64 && !strings.ContainsFunc(string(id), odd) {
			named = append(named, string(id))
		}
	}
	return named
}

// ErrUnknownMember returns the Invalid error, an *UnknownMembersError, for members that do not exist in the provider.
func ErrUnknownMember(ids ...ScimID) error {
	e := &UnknownMembersError{ids}
	return &Error{Kind: Invalid, Attr: "members", Detail: e.Error(), Err: e}
}

// ErrTooManyMembers returns the TooMany error for a request that would show or read more than MaxMembersShown members.
// It says how to read the people of the group, with the very filter.
func ErrTooManyMembers(g GroupID) error {
	return Errorf(TooMany, "more than %d members would have to be read or shown; leave them out with excludedAttributes=members, and "+
		"read the people of the group in pages that begin with an empty cursor: GET /Users?filter=groups.value eq %q&cursor=", MaxMembersShown, g)
}

// GroupPage is a page of groups.
type GroupPage struct {
	Groups []GroupView
	Total  int
	More   bool
}
