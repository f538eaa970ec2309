package directory

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// OrgMethod is how the organization of a provider's users is decided.
type OrgMethod string

// The organization mapping methods. The zero value decides nothing.
const (
	OrgSingle    OrgMethod = "single"    // new users are placed in one organization
	OrgGroups    OrgMethod = "groups"    // the first mapping with one of the user's groups decides
	OrgNamed     OrgMethod = "org-name"  // the extension attribute orgName names the organization
	OrgAttribute OrgMethod = "attribute" // another attribute names it
)

// AttrOrgName is the attribute of method org-name.
const AttrOrgName = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:orgName"

// AttrDepartment is the attribute by which watchlists include departments.
const AttrDepartment = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"

// OrgSettings are the part of the organization mapping that every request reads with its provider.
type OrgSettings struct {
	Method    OrgMethod
	Org       OrgID  // target of single; for groups, of unmapped users; for attributes, the default or ""
	Attribute string // the path of method attribute
	Template  OrgID  // gives parent and default roles to organizations created from attributes; or ""
}

// Path is the attribute that names organizations, "" for none.
func (o OrgSettings) Path() string {
	switch o.Method {
	case OrgNamed:
		return AttrOrgName
	case OrgAttribute:
		return o.Attribute
	}
	return ""
}

// BeforeMappings returns the mapping settings of a new provider: new users are placed in the tenant's organization, and
// roles are given by hand. A stored record without mapping settings is read as having these.
func BeforeMappings() Provider {
	return Provider{OrgMapping: OrgSettings{Method: OrgSingle, Org: DefaultOrg}, RoleMapping: RoleSettings{Mode: RolesManual}}
}

// RoleMode is the source of the roles of a provider's users.
type RoleMode string

// The role mapping modes; the zero value means manual.
const (
	RolesManual RoleMode = "manual"
	RolesGroups RoleMode = "groups"
)

// RoleSettings are the part of the role mapping in the provider's record.
type RoleSettings struct {
	Mode   RoleMode
	Strict bool // the directory is the only source of roles: those given by hand are removed
}

// MappedGroup is a group of a mapping. Its name is kept after the directory deletes it.
type MappedGroup struct {
	ID         GroupID
	Name       string
	ExternalID string
	Was        GroupID `json:",omitempty"` // the deleted group whose place it took when it came back (C32)
	Final      bool    `json:",omitempty"` // no group takes its place: that was undone
}

// Now returns g as the directory has the group now. Where g is another group, how it came to its place does not hold.
func (g MappedGroup) Now(now Group) MappedGroup {
	if g.ID != now.ID {
		g = MappedGroup{}
	}
	g.ID, g.Name, g.ExternalID = now.ID, now.DisplayName, now.ExternalID
	return g
}

// AttrProposed begins the name of a change of mappings that has no effect on users yet.
const AttrProposed = "roleMappingProposed/"

// OrgMapping places the members of groups in an organization.
type OrgMapping struct {
	ID     MappingID
	Groups []MappedGroup // at least one; each in one organization mapping of its provider only
	Org    OrgID
}

// RoleMapping gives the members of groups roles.
type RoleMapping struct {
	ID     MappingID
	Groups []MappedGroup // at least one; each in one role mapping of its provider only
	Roles  []RoleID

	ProposedBy string    `json:",omitempty"` // set while it waits for a second administrator
	ProposedAt time.Time `json:",omitzero"`
}

// MappingSet is all mappings of a provider: one record in addition to the provider's.
type MappingSet struct {
	Orgs  []OrgMapping // in the order of priority: the first is number 1
	Roles []RoleMapping
	// Proposed are new or changed role mappings without effect until a second administrator approves them.
	Proposed []RoleMapping `json:",omitempty"`
	Run      RunID         // the newest apply run
	Version  int64         // 0: never stored
}

// Limits of the mappings of a provider, which must fit an item of DynamoDB.
const (
	MaxMappings     = 500
	MaxMappedGroups = 2000 // in organization mappings, and likewise in role mappings
)

// FirstMatch returns the first mapped group that is one of a user's groups.
func FirstMatch(mapped []MappedGroup, groups []GroupID) (GroupID, bool) {
	for _, m := range mapped {
		if slices.Contains(groups, m.ID) {
			return m.ID, true
		}
	}
	return "", false
}

// Groups returns the groups that the mappings name.
func (m MappingSet) Groups() (out []MappedGroup) {
	for _, o := range m.Orgs {
		out = append(out, o.Groups...)
	}
	for _, r := range m.Roles {
		out = append(out, r.Groups...)
	}
	return out
}

// Uses returns the mappings that name the group, "" for none.
func (m MappingSet) Uses(g GroupID) (org, role MappingID) {
	names := func(gs []MappedGroup) bool {
		return slices.ContainsFunc(gs, func(x MappedGroup) bool { return x.ID == g })
	}
	for _, o := range m.Orgs {
		if names(o.Groups) {
			org = o.ID
		}
	}
	for _, r := range m.Roles {
		if names(r.Groups) {
			role = r.ID
		}
	}
	return org, role
}

// AttributeValue reads a text at a path ("title", or an extension's URN, a colon and a name) from a user's
// attributes; blanks are collapsed.
func AttributeValue(attributes []byte, path string) string {
	var top map[string]json.RawMessage
	if len(attributes) == 0 || path == "" || json.Unmarshal(attributes, &top) != nil {
		return ""
	}
	raw := top[path]
	if i := strings.LastIndexByte(path, ':'); i >= 0 {
		var extension map[string]json.RawMessage
		_ = json.Unmarshal(top[path[:i]], &extension)
		raw = extension[path[i+1:]]
	}
	var text string
	_ = json.Unmarshal(raw, &text)
	return OrgName(text)
}

// Check refuses mappings that break a rule: each has a group, and a group is in one of each kind at most.
func (m MappingSet) Check() error {
	orgs, roles := make([][]MappedGroup, len(m.Orgs)), make([][]MappedGroup, len(m.Roles))
	for i, o := range m.Orgs {
		orgs[i] = o.Groups
	}
	for i, r := range m.Roles {
		roles[i] = r.Groups
		if len(r.Roles) == 0 {
			return &Error{Kind: Invalid, Attr: "roles", Detail: "a role mapping names at least one role"}
		}
	}
	for _, lists := range [][][]MappedGroup{orgs, roles} {
		seen := map[GroupID]bool{}
		for _, groups := range lists {
			if len(groups) == 0 {
				return &Error{Kind: Invalid, Attr: "groups", Detail: "a mapping names at least one group"}
			}
			for _, g := range groups {
				if seen[g.ID] {
					return &Error{Kind: Conflict, Attr: "groups",
						Detail: "a group is in at most one mapping of a kind: take it out of the other one first"}
				}
				seen[g.ID] = true
			}
		}
		if len(lists) > MaxMappings || len(seen) > MaxMappedGroups {
			return Errorf(TooMany, "a provider has at most %d mappings of a kind and %d groups in them", MaxMappings, MaxMappedGroups)
		}
	}
	return nil
}

// AttrMappedRoles says what a switch to manual roles does with roles that rules gave: keep or remove.
const AttrMappedRoles = "mappedRoles"

// AttributePath is path without characters that cannot be in one.
func AttributePath(path string) string {
	out := make([]rune, 0, len(path))
	for _, r := range path {
		if nameRune(r) || r == ':' || r == '.' {
			out = append(out, r)
		}
	}
	return string(out)
}
