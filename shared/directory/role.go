package directory

import (
	"slices"
	"strings"
)

// MaxRoles is how many roles a tenant's catalogue may hold.
const MaxRoles = 200

// CatalogueRole is a role that users can have. Tenants add, change and remove roles.
type CatalogueRole struct {
	ID          RoleID
	Name        string
	Description string
	Privileged  bool // shown first in previews; a mapping to it needs a confirmation
	System      bool // comes with the service
}

// Catalogue is all roles of a tenant, by id.
type Catalogue struct {
	Roles   []CatalogueRole
	Deleted []RoleID `json:",omitempty"` // ids that are not given out again
	Version int64    // 0: never stored
}

// Find returns the role with the id.
func (c Catalogue) Find(id RoleID) (CatalogueRole, bool) {
	i := slices.IndexFunc(c.Roles, func(r CatalogueRole) bool { return r.ID == id })
	if i < 0 {
		return CatalogueRole{}, false
	}
	return c.Roles[i], true
}

// With returns c with the role added, or replacing the one with its id.
func (c Catalogue) With(r CatalogueRole) Catalogue {
	c = c.Without(r.ID)
	c.Roles = append(c.Roles, r)
	slices.SortFunc(c.Roles, func(a, b CatalogueRole) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return c
}

// Without returns c without the role with the id.
func (c Catalogue) Without(id RoleID) Catalogue {
	c.Roles = slices.DeleteFunc(slices.Clone(c.Roles), func(r CatalogueRole) bool { return r.ID == id })
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
