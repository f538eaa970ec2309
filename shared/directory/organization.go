package directory

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/shared/casefold"
)

// DefaultOrg is the organization every tenant has from the start. It cannot be deactivated.
const DefaultOrg OrgID = "odefault"

// OrgState says whether an organization takes users.
type OrgState string

// The states of an organization. Mappings skip a deactivated one.
const (
	OrgActive      OrgState = "active"
	OrgDeactivated OrgState = "deactivated"
)

// Limits of organizations.
const (
	MaxOrgName    = 255 // characters
	MaxOrgAliases = 50
	// MaxAutoOrgs is how many organizations the users of one provider may create per day by naming them: it
	// contains typing errors and injections.
	MaxAutoOrgs = 50
)

// Organization is a unit that users belong to, with the roles they get when no mapping gives others.
type Organization struct {
	ID           OrgID
	Name         string   // unique in the tenant under OrgNameKey, among names and aliases
	Aliases      []string // earlier names: attributes that still hold them find the organization
	Parent       OrgID
	ExternalRef  string
	DefaultRoles []RoleID
	Blocked      bool // its users may not sign in (Bars)
	State        OrgState
	Auto         ProviderID // the provider of the user that named it; "" when an administrator created it
	CreatedBy    string

	Version           int64
	Created, Modified time.Time
	DeactivatedAt     time.Time `json:",omitzero"` // its people are deactivated in the background
}

// Bars reports whether the organization keeps its people from signing in. It is computed whenever somebody asks and never
// copied to people; organizations below have a block of their own.
func (o Organization) Bars() bool { return o.Blocked || o.State == OrgDeactivated }

// OrgName is a name as stored: without surrounding blanks and with single ones inside.
func OrgName(name string) string { return strings.Join(strings.Fields(name), " ") }

// OrgNameKey is the form under which a name is unique: it ignores letter case and extra blanks.
func OrgNameKey(name string) string { return casefold.Fold(OrgName(name)) }

// NameKeys are the keys under which o is found: of its name, then of its aliases.
func (o Organization) NameKeys() []string {
	keys := []string{OrgNameKey(o.Name)}
	for _, a := range o.Aliases {
		keys = append(keys, OrgNameKey(a))
	}
	return keys
}

// Renamed is o under another name; the old one becomes an alias, unless only its spelling changed.
func (o Organization) Renamed(name string) Organization {
	old := o.Name
	o.Name = name
	keep := []string{}
	for _, a := range append(slices.Clone(o.Aliases), old) {
		if OrgNameKey(a) != OrgNameKey(name) {
			keep = append(keep, a)
		}
	}
	o.Aliases = keep
	return o
}

// ValidOrgName removes extra blanks and checks a name.
func ValidOrgName(name string) (string, error) {
	control := strings.ContainsFunc(name, IsControl)
	name = OrgName(name)
	if n := utf8.RuneCountInString(name); n < 1 || n > MaxOrgName || control || !utf8.ValidString(name) {
		return "", &Error{Kind: Invalid, Attr: "name", Detail: "name must have 1 to 255 characters and no control characters"}
	}
	return name, nil
}

// Quota bounds how many organizations are created under one key.
type Quota struct {
	Key string
	Max int
}
