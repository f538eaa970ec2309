package administration

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// TenantConfig is the organizations, roles and mappings that administrators configured, by names instead of ids,
// without secrets: it can be stored, compared and copied to another tenant.
type TenantConfig struct {
	Organizations []OrgConfig
	Roles         []directory.CatalogueRole
	Providers     []MappingConfig
}

// OrgConfig is an organization.
type OrgConfig struct {
	Name         string
	Parent       string // its name, "" for none
	ExternalRef  string
	DefaultRoles []directory.RoleID
	Blocked      bool
}

// MappingConfig is the mappings of the provider with a display name.
type MappingConfig struct {
	Provider     string
	Method       directory.OrgMethod
	Organization string // the name of the target or default one
	Attribute    string
	Template     string
	Mode         directory.RoleMode
	Strict       bool
	Orgs         []OrgMappingConfig
	Roles        []RoleMappingConfig
}

// OrgMappingConfig is an organization mapping; their order is their priority.
type OrgMappingConfig struct {
	Groups       []string // display names
	Organization string
}

// RoleMappingConfig is a role mapping.
type RoleMappingConfig struct {
	Groups []string
	Roles  []directory.RoleID
}

// ConfigChange is one difference between a configuration and the present one: Sign is "+", "-" or "~".
type ConfigChange struct{ Sign, Text string }

// Export reads the configuration of a tenant. Mapped groups that the directory deleted keep their names.
func (s Config) Export(ctx context.Context) (TenantConfig, error) {
	var c TenantConfig
	x, err := s.configNames(ctx)
	if err != nil {
		return c, err
	}
	for _, id := range x.order {
		o := x.orgs[id]
		if o.State == directory.OrgActive {
			c.Organizations = append(c.Organizations, OrgConfig{o.Name, x.orgs[o.Parent].Name, o.ExternalRef, o.DefaultRoles, o.Blocked})
		}
	}
	c.Roles = x.roles.Roles
	for _, p := range x.providers {
		m, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p.ID)
		if err != nil {
			return c, err
		}
		c.Providers = append(c.Providers, x.mapping(p, m))
	}
	return c, nil
}

// mapping is a provider's mappings by names.
func (x configNames) mapping(p directory.Provider, m directory.MappingSet) MappingConfig {
	out := MappingConfig{
		Provider: p.DisplayName, Method: p.OrgMapping.Method, Organization: x.orgs[p.OrgMapping.Org].Name, Attribute: p.OrgMapping.Attribute,
		Template: x.orgs[p.OrgMapping.Template].Name, Mode: p.RoleMapping.Mode, Strict: p.RoleMapping.Strict,
	}
	names := func(gs []directory.MappedGroup) (out []string) {
		for _, g := range gs {
			out = append(out, g.Name)
		}
		return out
	}
	for _, o := range m.Orgs {
		out.Orgs = append(out.Orgs, OrgMappingConfig{names(o.Groups), x.orgs[o.Org].Name})
	}
	for _, r := range m.Roles {
		out.Roles = append(out.Roles, RoleMappingConfig{names(r.Groups), r.Roles})
	}
	return out
}

// configNames finds the records of a tenant by name.
type configNames struct {
	orgs      map[directory.OrgID]directory.Organization
	order     []directory.OrgID
	roles     directory.Catalogue
	providers []directory.Provider
}

func (s Config) configNames(ctx context.Context) (configNames, error) {
	x := configNames{orgs: map[directory.OrgID]directory.Organization{}}
	for after := directory.OrgID(""); ; {
		os, err := s.ports.Organizations.ListOrganizations(ctx, s.tenant, after, 500)
		if err != nil {
			return x, err
		}
		if len(os) == 0 {
			break
		}
		for _, o := range os {
			x.orgs[o.ID], after = o, o.ID
			x.order = append(x.order, o.ID)
		}
	}
	slices.SortFunc(x.order, func(a, b directory.OrgID) int { return strings.Compare(x.orgs[a].Name, x.orgs[b].Name) })
	var err error
	if x.roles, err = s.ports.Roles.Catalogue(ctx, s.tenant); err != nil {
		return x, err
	}
	x.providers, err = s.ports.Providers.ListProviders(ctx, s.tenant)
	x.providers = slices.DeleteFunc(x.providers, func(p directory.Provider) bool { return p.State == directory.ProviderDeleting })
	return x, err
}

func (x configNames) org(name string) (directory.OrgID, bool) {
	for _, id := range x.order {
		if slices.Contains(x.orgs[id].NameKeys(), directory.OrgNameKey(name)) {
			return id, true
		}
	}
	return "", false
}

// keptID returns the id of the first of n old mappings that is similar and not taken, or a new one.
func (s Config) keptID(n int, similar func(int) (directory.MappingID, bool), taken func(directory.MappingID) bool) directory.MappingID {
	for i := range n {
		if id, ok := similar(i); ok && !taken(id) {
			return id
		}
	}
	return directory.MappingID("m" + s.rt.NewID())
}

// difference returns the differences between two configurations of a provider's mappings.
func difference(was, is MappingConfig) (out []ConfigChange) {
	a, b := was.lines(), is.lines()
	for _, l := range a {
		if !slices.Contains(b, l) {
			out = append(out, ConfigChange{"-", l})
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			out = append(out, ConfigChange{"+", l})
		}
	}
	return out
}

// lines describes a configuration, a line for each setting and mapping.
func (c MappingConfig) lines() []string {
	out := []string{
		fmt.Sprintf("organization method %s, organization %q, attribute %q, template %q", c.Method, directory.OrgNameKey(c.Organization),
			c.Attribute, directory.OrgNameKey(c.Template)),
		fmt.Sprintf("role mode %s, strict %v", c.Mode, c.Strict),
	}
	for i, o := range c.Orgs {
		out = append(out, fmt.Sprintf("organization mapping %d: %s -> %s", i+1, strings.Join(o.Groups, ", "), directory.OrgName(o.Organization)))
	}
	for _, r := range c.Roles {
		out = append(out, fmt.Sprintf("role mapping: %s -> %s", strings.Join(r.Groups, ", "), strings.Trim(fmt.Sprint(r.Roles), "[]")))
	}
	return out
}

// groupNamed returns the mapped group with the name.
func groupNamed(m directory.MappingSet, name string) (directory.MappedGroup, bool) {
	groups := m.Groups()
	if i := slices.IndexFunc(groups, func(g directory.MappedGroup) bool { return g.Name == name }); i >= 0 {
		return groups[i], true
	}
	return directory.MappedGroup{}, false
}
