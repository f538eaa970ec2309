package directory

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxRoles is how many roles a tenant's catalogue may hold.
const MaxRoles = 200

// CatalogueRole is one thing people may be allowed. It is data: tenants add, change and remove roles.
type CatalogueRole struct {
	ID          RoleID
	Name        string
	Description string
	Privileged  bool // shown first in previews; a mapping to it needs a confirmation
	System      bool // came with the service
}

// Catalogue is all roles of a tenant, by id.
type Catalogue struct {
	Roles   []CatalogueRole
	Version int64 // 0: never stored
}

// Find returns the role with the id.
func (c Catalogue) Find(id RoleID) (CatalogueRole, bool) {
	i := slices.IndexFunc(c.Roles, func(r CatalogueRole) bool { return r.ID == id })
	if i < 0 {
		return CatalogueRole{}, false
	}
	return c.Roles[i], true
}

// with returns c with the role in place of the one with its id, or added.
func (c Catalogue) with(r CatalogueRole) Catalogue {
	c = c.without(r.ID)
	c.Roles = append(c.Roles, r)
	slices.SortFunc(c.Roles, func(a, b CatalogueRole) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return c
}

func (c Catalogue) without(id RoleID) Catalogue {
	c.Roles = slices.DeleteFunc(slices.Clone(c.Roles), func(r CatalogueRole) bool { return r.ID == id })
	return c
}

// firstCatalogue is what a tenant begins with.
func firstCatalogue() Catalogue {
	var c Catalogue
	for _, r := range []CatalogueRole{
		{Name: "Identity Management Administrator", Description: "Everything about identities: providers, mappings, apply, undo.", Privileged: true},
		{Name: "Customer Cloud Admin", Description: "All settings but identity management.", Privileged: true},
		{Name: "Org Admin", Description: "People and settings inside one organization."},
		{Name: "Cross Org Admin", Description: "People and settings in all organizations.", Privileged: true},
		{Name: "Org Manager", Description: "Reads people and reports inside one organization."},
		{Name: "Cross Org Manager", Description: "Reads people and reports in all organizations."},
		{Name: "Org Legal Admin", Description: "Legal holds inside one organization.", Privileged: true},
		{Name: "Cross Org Legal Admin", Description: "Legal holds in all organizations.", Privileged: true},
		{Name: "Insider Risk Admin", Description: "Cases, alerts and watchlists.", Privileged: true},
		{Name: "Security Administrator", Description: "Security settings and sign-in policy.", Privileged: true},
		{Name: "Audit Log Viewer", Description: "Reads the Audit Log."},
		{Name: "Admin Restore", Description: "Restores files for others."},
		{Name: "Admin Restore Limited", Description: "Restores files for others, up to a limit."},
		{Name: "Agent User", Description: "Basic. Include it where the insider risk agent is deployed."},
		{Name: "Desktop User", Description: "Basic. Include it where the backup agent is deployed, with PROe User."},
		{Name: "PROe User", Description: "Basic. Include it where the backup agent is deployed, with Desktop User."},
	} {
		r.ID, r.System = RoleSlug(r.Name), true
		c = c.with(r)
	}
	return c
}

// RoleSlug is the id a role gets from its name.
func RoleSlug(name string) RoleID {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return RoleID(strings.Join(words, "-"))
}

// Valid reports whether id has the form of a role's id: lower-case words of letters and digits, joined by
// hyphens, at most 64 characters.
func (id RoleID) Valid() bool { return id != "" && len(id) <= 64 && RoleSlug(string(id)) == id }

func (r CatalogueRole) check() error {
	switch {
	case !r.ID.Valid():
		return &Error{Kind: Invalid, Attr: "id", Detail: `id must be lower-case letters and digits in words joined by "-", at most 64 characters`}
	case utf8.RuneCountInString(r.Name) < 1 || utf8.RuneCountInString(r.Name) > 100:
		return &Error{Kind: Invalid, Attr: "name", Detail: "name must have 1 to 100 characters"}
	case utf8.RuneCountInString(r.Description) > 500:
		return &Error{Kind: Invalid, Attr: "description", Detail: "description has at most 500 characters"}
	}
	return nil
}
