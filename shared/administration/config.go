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

// Apply brings a tenant to a configuration, and returns the changes. Organizations and roles are created and changed,
// never removed; the mappings of a named provider are replaced. confirm confirms privileged roles.
// Errors: Invalid (an unknown name, or a change that is refused by itself); Conflict.
func (s Config) Apply(ctx context.Context, c TenantConfig, confirm bool) (changes []ConfigChange, err error) {
	control, err := s.control(ctx)
	if err != nil {
		return nil, err
	}
	if control.on && !s.admin.DryRun { // nothing is done when a part has to wait
		try := *s.session
		try.ports, try.admin.DryRun = preview(s.ports), true
		if _, err := (Config{&try}).Apply(ctx, c, true); err != nil {
			return nil, err
		}
	}
	sure := *s.session
	sure.admin.Sure = confirm
	s.session = &sure
	x, err := s.configNames(ctx)
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
			_, err = Roles(s).Create(ctx, r)
		case old != r:
			note("~", "role %s: %s", r.ID, r.Name)
			_, err = Roles(s).Patch(ctx, r.ID, RolePatch{&r.Name, &r.Description, &r.Privileged})
		}
		if err != nil {
			return changes, alone(err, "role "+string(r.ID))
		}
		x.roles = x.roles.With(r)
	}
	for _, o := range c.Organizations {
		if err := s.applyOrg(ctx, &x, o, note); err != nil {
			return changes, err
		}
	}
	for _, m := range c.Providers {
		if err := s.applyMapping(ctx, x, m, note); err != nil {
			return changes, err
		}
	}
	return changes, nil
}

func (s Config) applyOrg(ctx context.Context, x *configNames, o OrgConfig, note func(string, string, ...any)) error {
	parent, ok := x.org(o.Parent)
	if o.Parent != "" && !ok {
		return &directory.Error{Kind: directory.Invalid, Attr: "organizations",
			Detail: "a parent must be listed before the organizations below it"}
	}
	id, found := x.org(o.Name)
	if !found {
		note("+", "organization %s", o.Name)
		created, err := Organizations(s).Create(ctx, NewOrganization{o.Name, parent, o.ExternalRef, o.DefaultRoles, o.Blocked})
		if err != nil {
			return alone(err, "organization "+o.Name)
		}
		x.orgs[created.ID] = created
		x.order = append(x.order, created.ID)
		return nil
	}
	old := x.orgs[id]
	n := old
	n.Parent, n.ExternalRef, n.DefaultRoles, n.Blocked = parent, o.ExternalRef, o.DefaultRoles, o.Blocked
	for _, c := range orgChanges(old, n) {
		note("~", "organization %s: %s %s -> %s", old.Name, c.Attr, c.Before, c.After)
	}
	if len(orgChanges(old, n)) == 0 {
		return nil
	}
	_, err := Organizations(s).Patch(ctx, id, Unchecked,
		OrganizationPatch{Parent: &parent, ExternalRef: &o.ExternalRef, DefaultRoles: &o.DefaultRoles, Blocked: &o.Blocked})
	return alone(err, "organization "+old.Name)
}

// applyMapping replaces a provider's mappings by those of the configuration. A mapping that keeps its groups or its
// target keeps its id, so that users keep the placement it gave them.
func (s Config) applyMapping(ctx context.Context, x configNames, c MappingConfig, note func(string, string, ...any)) error {
	i := slices.IndexFunc(x.providers, func(p directory.Provider) bool {
		return p.DisplayNameKey() == directory.Provider{DisplayName: c.Provider}.DisplayNameKey()
	})
	if i < 0 {
		return &directory.Error{Kind: directory.Invalid, Attr: "providers",
			Detail: "a provider of the configuration does not exist: create it first"}
	}
	id := x.providers[i].ID
	want, err := s.wantedMappings(ctx, x, id, c)
	if err != nil {
		return err
	}
	was, err := s.ports.Mappings.MappingSet(ctx, s.tenant, id)
	if err != nil {
		return err
	}
	for _, r := range want.m.Roles {
		var old directory.RoleMapping
		if k := slices.IndexFunc(was.Roles, func(o directory.RoleMapping) bool { return o.ID == r.ID }); k >= 0 {
			old = was.Roles[k]
		}
		if err := RoleMappings(s).checkMappedRoles(x.roles, old.Roles, r.Roles); err != nil {
			return err
		}
	}
	for _, l := range difference(x.mapping(x.providers[i], was), c) {
		note(l.Sign, "provider %s: %s", x.providers[i].DisplayName, l.Text)
	}
	_, _, err = s.changeMappings(ctx, id, Unchecked, true,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			before, after := x.mapping(p, m),
				x.mapping(directory.Provider{DisplayName: p.DisplayName, OrgMapping: want.org, RoleMapping: want.role}, want.m)
			if len(difference(before, after)) == 0 {
				return p, m, nil, nil
			}
			p.OrgMapping, p.RoleMapping = want.org, want.role
			m.Orgs, m.Roles = want.m.Orgs, want.m.Roles
			return p, m, []directory.Change{directory.NewChange("mappings", before, after)}, nil
		})
	return alone(err, "the mappings of provider "+x.providers[i].DisplayName)
}

type wantedMappings struct {
	org  directory.OrgSettings
	role directory.RoleSettings
	m    directory.MappingSet
}

// wantedMappings translates a configuration's names to ids.
func (s Config) wantedMappings(ctx context.Context, x configNames, p directory.ProviderID, c MappingConfig) (w wantedMappings, err error) {
	was, err := s.ports.Mappings.MappingSet(ctx, s.tenant, p)
	if err != nil {
		return w, err
	}
	org := func(name string) directory.OrgID {
		id, ok := x.org(name)
		if name != "" && !ok && err == nil {
			err = &directory.Error{Kind: directory.Invalid, Attr: "providers", Detail: "a mapping names an organization that does not exist"}
		}
		return id
	}
	groups := func(names []string) (out []directory.MappedGroup) {
		for _, n := range names {
			gs, failed := s.ports.Groups.FindGroups(ctx, s.tenant, p,
				directory.Lookup{Attr: directory.AttrDisplayName, Value: directory.GroupProfile{DisplayName: n}.DisplayNameKey()}, 1,
				directory.GroupWant{}, nil)
			switch g, known := groupNamed(was, n); {
			case failed != nil:
				err = failed
			case len(gs) == 1:
				out = append(out, directory.MappedGroup{ID: gs[0].ID, Name: gs[0].DisplayName, ExternalID: gs[0].ExternalID})
			case known:
				out = append(out, g)
			case err == nil:
				err = &directory.Error{Kind: directory.Invalid, Attr: "providers",
					Detail: "a mapping names a group that the directory has not provisioned"}
			}
		}
		return out
	}
	w.org = directory.OrgSettings{Method: c.Method, Org: org(c.Organization), Attribute: c.Attribute, Template: org(c.Template)}
	w.role = directory.RoleSettings{Mode: c.Mode, Strict: c.Strict}
	for _, o := range c.Orgs {
		n := directory.OrgMapping{Groups: groups(o.Groups), Org: org(o.Organization)}
		n.ID = s.keptID(len(was.Orgs), func(i int) (directory.MappingID, bool) {
			return was.Orgs[i].ID, slices.Equal(was.Orgs[i].Groups, n.Groups) || was.Orgs[i].Org == n.Org
		}, func(id directory.MappingID) bool {
			return slices.ContainsFunc(w.m.Orgs, func(o directory.OrgMapping) bool { return o.ID == id })
		})
		w.m.Orgs = append(w.m.Orgs, n)
	}
	for _, r := range c.Roles {
		n := directory.RoleMapping{Groups: groups(r.Groups), Roles: r.Roles}
		n.ID = s.keptID(len(was.Roles), func(i int) (directory.MappingID, bool) {
			return was.Roles[i].ID, slices.Equal(was.Roles[i].Groups, n.Groups) || slices.Equal(was.Roles[i].Roles, n.Roles)
		}, func(id directory.MappingID) bool {
			return slices.ContainsFunc(w.m.Roles, func(r directory.RoleMapping) bool { return r.ID == id })
		})
		w.m.Roles = append(w.m.Roles, n)
	}
	if err == nil {
		err = w.m.Check()
	}
	if err == nil {
		err = s.checkOrgSettings(ctx, w.org)
	}
	return w, err
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
	for _, o := range m.Orgs {
		for _, g := range o.Groups {
			if g.Name == name {
				return g, true
			}
		}
	}
	for _, r := range m.Roles {
		for _, g := range r.Groups {
			if g.Name == name {
				return g, true
			}
		}
	}
	return directory.MappedGroup{}, false
}
