package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// TenantConfig is what administrators configure about organizations, roles and mappings, by names instead of
// ids, without secrets: it can be kept, compared and carried to another tenant.
type TenantConfig struct {
	Organizations []OrgConfig
	Roles         []CatalogueRole
	Providers     []MappingConfig
}

// OrgConfig is an organization.
type OrgConfig struct {
	Name         string
	Parent       string // its name, "" for none
	ExternalRef  string
	DefaultRoles []RoleID
	Blocked      bool
}

// MappingConfig is the mappings of the provider with a display name.
type MappingConfig struct {
	Provider     string
	Method       OrgMethod
	Organization string // the name of the target or default one
	Attribute    string
	Template     string
	Mode         RoleMode
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
	Roles  []RoleID
}

// ConfigChange is one difference between a configuration and what is: Sign is "+", "-" or "~".
type ConfigChange struct{ Sign, Text string }

// ExportConfig reads the configuration of a tenant. Mapped groups that the directory deleted keep their names.
func (s *Service) ExportConfig(ctx context.Context, a Admin) (TenantConfig, error) {
	var c TenantConfig
	x, err := s.configNames(ctx, a)
	if err != nil {
		return c, err
	}
	for _, id := range x.order {
		o := x.orgs[id]
		if o.State == OrgActive {
			c.Organizations = append(c.Organizations, OrgConfig{o.Name, x.orgs[o.Parent].Name, o.ExternalRef, o.DefaultRoles, o.Blocked})
		}
	}
	c.Roles = x.roles.Roles
	for _, p := range x.providers {
		m, err := s.Settings.Mappings(ctx, a.Tenant, p.ID)
		if err != nil {
			return c, err
		}
		c.Providers = append(c.Providers, x.mapping(p, m))
	}
	return c, nil
}

// mapping is a provider's mappings by names.
func (x configNames) mapping(p Provider, m Mappings) MappingConfig {
	out := MappingConfig{
		Provider: p.DisplayName, Method: p.OrgMapping.Method, Organization: x.orgs[p.OrgMapping.Org].Name, Attribute: p.OrgMapping.Attribute,
		Template: x.orgs[p.OrgMapping.Template].Name, Mode: p.RoleMapping.Mode, Strict: p.RoleMapping.Strict,
	}
	names := func(gs []MappedGroup) (out []string) {
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

// configNames is what names mean in a tenant.
type configNames struct {
	orgs      map[OrgID]Organization
	order     []OrgID
	roles     Catalogue
	providers []Provider
}

func (s *Service) configNames(ctx context.Context, a Admin) (configNames, error) {
	x := configNames{orgs: map[OrgID]Organization{}}
	for after := OrgID(""); ; {
		os, err := s.Organizations.ListOrganizations(ctx, a.Tenant, after, 500)
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
	slices.SortFunc(x.order, func(a, b OrgID) int { return strings.Compare(x.orgs[a].Name, x.orgs[b].Name) })
	var err error
	if x.roles, err = s.Settings.Catalogue(ctx, a.Tenant); err != nil {
		return x, err
	}
	x.providers, err = s.Providers.ListProviders(ctx, a.Tenant)
	x.providers = slices.DeleteFunc(x.providers, func(p Provider) bool { return p.State == ProviderDeleting })
	return x, err
}

func (x configNames) org(name string) (OrgID, bool) {
	for _, id := range x.order {
		if slices.Contains(x.orgs[id].NameKeys(), OrgNameKey(name)) {
			return id, true
		}
	}
	return "", false
}

// ApplyConfig brings a tenant to a configuration, or, in a dry run, says what this would change, a line each.
// Organizations and roles are made and changed, never removed; the mappings of a provider that is named become
// those given. confirm stands for the confirmation of privileged roles.
// Errors: Invalid (a name that means nothing; what the single changes refuse); Conflict.
func (s *Service) ApplyConfig(ctx context.Context, a Admin, c TenantConfig, confirm bool) (changes []ConfigChange, err error) {
	x, err := s.configNames(ctx, a)
	if err != nil {
		return nil, err
	}
	note := func(sign, format string, args ...any) {
		changes = append(changes, ConfigChange{sign, fmt.Sprintf(format, args...)})
	}
	for _, r := range c.Roles {
		old, found := x.roles.Find(r.ID)
		r.System = old.System
		switch {
		case !found:
			note("+", "role %s: %s", r.ID, r.Name)
			_, err = s.CreateRole(ctx, a, r)
		case old != r:
			note("~", "role %s: %s", r.ID, r.Name)
			_, err = s.PatchRole(ctx, a, r.ID, RolePatch{&r.Name, &r.Description, &r.Privileged})
		}
		if err != nil {
			return changes, err
		}
		x.roles = x.roles.with(r)
	}
	for _, o := range c.Organizations {
		if err := s.applyOrg(ctx, a, &x, o, note); err != nil {
			return changes, err
		}
	}
	for _, m := range c.Providers {
		if err := s.applyMapping(ctx, a, x, m, confirm, note); err != nil {
			return changes, err
		}
	}
	return changes, nil
}

func (s *Service) applyOrg(ctx context.Context, a Admin, x *configNames, o OrgConfig, note func(string, string, ...any)) error {
	parent, ok := x.org(o.Parent)
	if o.Parent != "" && !ok {
		return &Error{Kind: Invalid, Attr: "organizations", Detail: "a parent must be listed before the organizations below it"}
	}
	id, found := x.org(o.Name)
	if !found {
		note("+", "organization %s", o.Name)
		var made Organization
		var err error
		if a.DryRun { // its roles may be planned, too
			made = Organization{ID: OrgID("o" + s.newID()), Name: OrgName(o.Name), State: OrgActive}
		} else if made, err = s.CreateOrganization(ctx, a, NewOrganization{o.Name, parent, o.ExternalRef, o.DefaultRoles}); err != nil {
			return err
		}
		x.orgs[made.ID] = made
		x.order = append(x.order, made.ID)
		return nil
	}
	old := x.orgs[id]
	n := old
	n.Parent, n.ExternalRef, n.DefaultRoles, n.Blocked = parent, o.ExternalRef, o.DefaultRoles, o.Blocked
	for _, c := range orgChanges(old, n) {
		note("~", "organization %s: %s %s -> %s", old.Name, c.Attr, c.Before, c.After)
	}
	if len(orgChanges(old, n)) == 0 || a.DryRun {
		return nil
	}
	_, err := s.PatchOrganization(ctx, a, id, func(Organization) error { return nil }, OrganizationPatch{Parent: &parent, ExternalRef: &o.ExternalRef, DefaultRoles: &o.DefaultRoles, Blocked: &o.Blocked})
	return err
}

// applyMapping makes a provider's mappings those of the configuration. A mapping that keeps its groups or its
// target keeps its id, so that people stay where it put them.
func (s *Service) applyMapping(ctx context.Context, a Admin, x configNames, c MappingConfig, confirm bool, note func(string, string, ...any)) error {
	i := slices.IndexFunc(x.providers, func(p Provider) bool { return p.DisplayNameKey() == Provider{DisplayName: c.Provider}.DisplayNameKey() })
	if i < 0 {
		return &Error{Kind: Invalid, Attr: "providers", Detail: "a provider of the configuration does not exist: make it first"}
	}
	id := x.providers[i].ID
	want, err := s.wantedMappings(ctx, a, x, id, c)
	if err != nil {
		return err
	}
	was, err := s.Settings.Mappings(ctx, a.Tenant, id)
	if err != nil {
		return err
	}
	careful, err := s.caution(ctx, a)
	if err != nil {
		return err
	}
	for _, r := range want.m.Roles {
		var old RoleMapping
		if k := slices.IndexFunc(was.Roles, func(o RoleMapping) bool { return o.ID == r.ID }); k >= 0 {
			old = was.Roles[k]
		}
		word := ""
		if confirm {
			word = strings.Join(careful.privileged(old, r), ", ")
		}
		second, err := careful.mapping(old, r, word)
		if second {
			err = Errorf(Conflict, "dual control is on: change role mappings with privileged roles one by one, so that another administrator can approve them")
		}
		if err != nil && !(a.DryRun && IsKind(err, Invalid)) {
			return err
		}
	}
	for _, l := range difference(x.mapping(x.providers[i], was), c) {
		note(l.Sign, "provider %s: %s", x.providers[i].DisplayName, l.Text)
	}
	if a.DryRun {
		return nil
	}
	_, _, err = s.updateMappings(ctx, a, id, func(Provider) error { return nil }, func(p Provider, m Mappings) (Provider, Mappings, []Change, error) {
		before, after := x.mapping(p, m), x.mapping(Provider{DisplayName: p.DisplayName, OrgMapping: want.org, RoleMapping: want.role}, want.m)
		if len(difference(before, after)) == 0 {
			return p, m, nil, nil
		}
		p.OrgMapping, p.RoleMapping = want.org, want.role
		m.Orgs, m.Roles = want.m.Orgs, want.m.Roles
		return p, m, []Change{change("mappings", before, after)}, nil
	})
	return err
}

type wantedMappings struct {
	org  OrgSettings
	role RoleSettings
	m    Mappings
}

// wantedMappings turns a configuration's names into ids.
func (s *Service) wantedMappings(ctx context.Context, a Admin, x configNames, p ProviderID, c MappingConfig) (w wantedMappings, err error) {
	was, err := s.Settings.Mappings(ctx, a.Tenant, p)
	if err != nil {
		return w, err
	}
	org := func(name string) OrgID {
		id, ok := x.org(name)
		if name != "" && !ok && err == nil {
			err = &Error{Kind: Invalid, Attr: "providers", Detail: "a mapping names an organization that does not exist"}
		}
		return id
	}
	groups := func(names []string) (out []MappedGroup) {
		for _, n := range names {
			gs, failed := s.Groups.FindGroups(ctx, a.Tenant, p, Lookup{AttrDisplayName, GroupProfile{DisplayName: n}.DisplayNameKey()}, 1, GroupWant{}, nil)
			switch g, known := was.named(n); {
			case failed != nil:
				err = failed
			case len(gs) == 1:
				out = append(out, MappedGroup{gs[0].ID, gs[0].DisplayName, gs[0].ExternalID})
			case known:
				out = append(out, g)
			case err == nil:
				err = &Error{Kind: Invalid, Attr: "providers", Detail: "a mapping names a group that the directory has not provisioned"}
			}
		}
		return out
	}
	w.org = OrgSettings{Method: c.Method, Org: org(c.Organization), Attribute: c.Attribute, Template: org(c.Template)}
	w.role = RoleSettings{Mode: c.Mode, Strict: c.Strict}
	for _, o := range c.Orgs {
		n := OrgMapping{Groups: groups(o.Groups), Org: org(o.Organization)}
		n.ID = s.keptID(len(was.Orgs), func(i int) (MappingID, bool) {
			return was.Orgs[i].ID, slices.Equal(was.Orgs[i].Groups, n.Groups) || was.Orgs[i].Org == n.Org
		}, func(id MappingID) bool {
			return slices.ContainsFunc(w.m.Orgs, func(o OrgMapping) bool { return o.ID == id })
		})
		w.m.Orgs = append(w.m.Orgs, n)
	}
	for _, r := range c.Roles {
		n := RoleMapping{Groups: groups(r.Groups), Roles: r.Roles}
		n.ID = s.keptID(len(was.Roles), func(i int) (MappingID, bool) {
			return was.Roles[i].ID, slices.Equal(was.Roles[i].Groups, n.Groups) || slices.Equal(was.Roles[i].Roles, n.Roles)
		}, func(id MappingID) bool {
			return slices.ContainsFunc(w.m.Roles, func(r RoleMapping) bool { return r.ID == id })
		})
		w.m.Roles = append(w.m.Roles, n)
	}
	if err == nil {
		err = w.m.check()
	}
	if err == nil && !a.DryRun {
		err = s.checkOrgSettings(ctx, a, w.org)
	}
	return w, err
}

// keptID is the id of the first old mapping that is alike and not taken, or a new one.
func (s *Service) keptID(n int, alike func(int) (MappingID, bool), taken func(MappingID) bool) MappingID {
	for i := range n {
		if id, ok := alike(i); ok && !taken(id) {
			return id
		}
	}
	return MappingID("m" + s.newID())
}

// difference says how two configurations of a provider's mappings differ, a line each.
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

// lines are what a configuration says, one thing each.
func (c MappingConfig) lines() []string {
	out := []string{
		fmt.Sprintf("organization method %s, organization %q, attribute %q, template %q", c.Method, OrgNameKey(c.Organization), c.Attribute, OrgNameKey(c.Template)),
		fmt.Sprintf("role mode %s, strict %v", c.Mode, c.Strict),
	}
	for i, o := range c.Orgs {
		out = append(out, fmt.Sprintf("organization mapping %d: %s -> %s", i+1, strings.Join(o.Groups, ", "), OrgName(o.Organization)))
	}
	for _, r := range c.Roles {
		out = append(out, fmt.Sprintf("role mapping: %s -> %s", strings.Join(r.Groups, ", "), strings.Trim(fmt.Sprint(r.Roles), "[]")))
	}
	return out
}
