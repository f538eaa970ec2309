package administration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// ConfigErrors are all errors of a configuration. The Attr of each is the place in it, such as providers[3].provider, and
// its Detail begins with the name there, in quotes.
type ConfigErrors []*directory.Error

func (e ConfigErrors) Error() string {
	texts := make([]string, len(e))
	for i, one := range e {
		texts[i] = one.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the errors.
func (e ConfigErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// configRun is one application of a configuration: a trial, which collects all errors, or the real one, which ends with
// the first.
type configRun struct {
	Config
	x       configNames
	changes []ConfigChange
	bad     ConfigErrors
	failed  map[string]bool // what could not be created: names of it are no errors of their own
	listed  map[string]bool
}

// Apply brings a tenant to a configuration, and returns the changes. Organizations and roles are created and changed,
// never removed; the mappings of a named provider are replaced. confirm confirms privileged roles. Nothing is done when
// a part is refused, or would have to wait under dual control.
// Errors: ConfigErrors (unknown names, and changes that are refused by themselves).
func (s Config) Apply(ctx context.Context, c TenantConfig, confirm bool) ([]ConfigChange, error) {
	control, err := s.control(ctx)
	if err != nil {
		return nil, err
	}
	if !s.admin.DryRun {
		try := *s.session
		try.ports, try.admin.DryRun = preview(s.ports), true
		if _, err := (Config{&try}).Apply(ctx, c, confirm || control.on); err != nil {
			return nil, err
		}
	}
	sure := *s.session
	sure.admin.Sure = confirm
	run := configRun{Config: Config{&sure}, failed: map[string]bool{}, listed: map[string]bool{}}
	if run.x, err = run.configNames(ctx); err != nil {
		return nil, err
	}
	for i, r := range c.Roles {
		if err := run.role(ctx, fmt.Sprintf("roles[%d]", i), r); err != nil {
			return run.changes, err
		}
	}
	for i, o := range c.Organizations {
		if err := run.organization(ctx, fmt.Sprintf("organizations[%d]", i), o); err != nil {
			return run.changes, err
		}
	}
	for i, m := range c.Providers {
		if err := run.provider(ctx, fmt.Sprintf("providers[%d]", i), m); err != nil {
			return run.changes, err
		}
	}
	if len(run.bad) > 0 {
		return run.changes, run.bad
	}
	return run.changes, nil
}

func (r *configRun) note(sign, format string, args ...any) {
	r.changes = append(r.changes, ConfigChange{sign, fmt.Sprintf(format, args...)})
}

// wrong notes that something is wrong at a place, where name stands if it is not empty.
func (r *configRun) wrong(at, name, detail string) {
	if name != "" {
		detail = fmt.Sprintf("%q: %s", name, detail)
	}
	r.bad = append(r.bad, &directory.Error{Kind: directory.Invalid, Attr: at, Detail: detail})
}

// configMember is a member of a configuration and what it holds.
type configMember struct{ member, name string }

// refused notes the refusal of a part. members are the ones of the configuration for those that errors name. It returns
// any other error, and in the real run this one.
func (r *configRun) refused(at, name string, err error, members map[string]configMember) error {
	err = alone(err, fmt.Sprintf("%q", name))
	var e *directory.Error
	kinds := []directory.Kind{directory.Invalid, directory.Conflict, directory.NotFound, directory.TooMany, directory.TooLarge}
	if !errors.As(err, &e) || !slices.Contains(kinds, e.Kind) {
		return err
	}
	detail, _, _ := strings.Cut(e.Detail, "; these are none: ") // ids
	if m, ok := members[e.Attr]; ok {
		at, name, detail = at+"."+m.member, m.name, strings.TrimPrefix(detail, e.Attr+" ")
	}
	if e.Attr == "confirm" {
		_, roles, _ := strings.Cut(detail, ": ")
		detail = "this gives privileged roles, which confirmPrivileged confirms: " + roles
	}
	r.wrong(at, name, detail)
	r.bad[len(r.bad)-1].Kind = e.Kind
	if !r.admin.DryRun {
		return r.bad
	}
	return nil
}

// once notes a name that is listed twice.
func (r *configRun) once(at, kind, name, key string) {
	if r.listed[kind+key] {
		r.wrong(at, name, "is listed twice")
	}
	r.listed[kind+key] = true
}

func (r *configRun) role(ctx context.Context, at string, c directory.CatalogueRole) error {
	r.once(at+".id", "role ", string(c.ID), string(c.ID))
	old, found := r.x.roles.Find(c.ID)
	c.System = old.System
	var err error
	switch {
	case !found:
		r.note("+", "role %s: %s", c.ID, c.Name)
		_, err = Roles(r.Config).Create(ctx, c)
	case old != c:
		r.note("~", "role %s: %s", c.ID, c.Name)
		_, err = Roles(r.Config).Patch(ctx, c.ID, RolePatch{&c.Name, &c.Description, &c.Privileged})
	}
	if err != nil {
		r.failed["role "+string(c.ID)] = true
		return r.refused(at, string(c.ID), err, map[string]configMember{
			"id": {"id", string(c.ID)}, "name": {"name", c.Name}, "description": {"description", c.Description},
		})
	}
	r.x.roles = r.x.roles.With(c)
	return nil
}

// knownRoles returns the roles that the catalogue, or the part that is changed, holds, and notes the others.
func (r *configRun) knownRoles(at string, was, is []directory.RoleID) (out []directory.RoleID) {
	for i, id := range is {
		at := fmt.Sprintf("%s[%d]", at, i)
		_, known := r.x.roles.Find(id)
		switch {
		case slices.Contains(is[:i], id):
			r.wrong(at, string(id), "is listed twice")
		case known || slices.Contains(was, id):
			out = append(out, id)
		case !r.failed["role "+string(id)]:
			r.wrong(at, string(id), "no role has this id")
		}
	}
	return out
}

// org returns the organization with a name, and notes one that is unknown; ok is false also for one that failed.
func (r *configRun) org(at, name, detail string) (id directory.OrgID, ok bool) {
	if name == "" {
		return "", true
	}
	id, ok = r.x.org(name)
	if !ok && !r.failed["organization "+directory.OrgNameKey(name)] {
		r.wrong(at, name, detail)
	}
	return id, ok
}

func (r *configRun) organization(ctx context.Context, at string, o OrgConfig) error {
	r.once(at+".name", "organization ", o.Name, directory.OrgNameKey(o.Name))
	parent, _ := r.org(at+".parent", o.Parent, "no organization has this name, or it is listed later: a parent comes before those below it")
	id, found := r.x.org(o.Name)
	old := r.x.orgs[id]
	roles := r.knownRoles(at+".defaultRoles", nil, o.DefaultRoles)
	members := map[string]configMember{
		"name": {"name", o.Name}, "parentId": {"parent", o.Parent}, "externalRef": {"externalRef", o.ExternalRef},
		"defaultRoles": {"defaultRoles", ""},
	}
	if !found {
		r.note("+", "organization %s", o.Name)
		created, err := Organizations(r.Config).Create(ctx, NewOrganization{o.Name, parent, o.ExternalRef, roles, o.Blocked})
		if err != nil {
			r.failed["organization "+directory.OrgNameKey(o.Name)] = true
			return r.refused(at, o.Name, err, members)
		}
		r.x.orgs[created.ID] = created
		r.x.order = append(r.x.order, created.ID)
		return nil
	}
	n := old
	n.Parent, n.ExternalRef, n.DefaultRoles, n.Blocked = parent, o.ExternalRef, roles, o.Blocked
	for _, c := range orgChanges(old, n) {
		r.note("~", "organization %s: %s %s -> %s", old.Name, c.Attr, c.Before, c.After)
	}
	if len(orgChanges(old, n)) == 0 {
		return nil
	}
	_, err := Organizations(r.Config).Patch(ctx, id, Unchecked,
		OrganizationPatch{Parent: &parent, ExternalRef: &o.ExternalRef, DefaultRoles: &roles, Blocked: &o.Blocked})
	if err != nil {
		return r.refused(at, o.Name, err, members)
	}
	return nil
}

// provider replaces a provider's mappings by those of the configuration. A mapping that keeps its groups or its target
// keeps its id, so that users keep the placement it gave them.
func (r *configRun) provider(ctx context.Context, at string, c MappingConfig) error {
	key := directory.Provider{DisplayName: c.Provider}.DisplayNameKey()
	r.once(at+".provider", "provider ", c.Provider, key)
	i := slices.IndexFunc(r.x.providers, func(p directory.Provider) bool { return p.DisplayNameKey() == key })
	if i < 0 {
		r.wrong(at+".provider", c.Provider, "no provider has this name: create it first")
		i = len(r.x.providers)
		r.x.providers = append(slices.Clone(r.x.providers), directory.Provider{}) // its groups are unknown, all else is checked
		defer func() { r.x.providers = r.x.providers[:i] }()
	}
	p := r.x.providers[i]
	var was directory.MappingSet
	var err error
	if p.ID != "" {
		if was, err = r.ports.Mappings.MappingSet(ctx, r.tenant, p.ID); err != nil {
			return err
		}
	}
	before := len(r.bad)
	want, whole, err := r.wantedMappings(ctx, at, p.ID, was, c)
	if err != nil || len(r.bad) > before || !whole || p.ID == "" {
		return err
	}
	for _, l := range difference(r.x.mapping(p, was), c) {
		r.note(l.Sign, "provider %s: %s", p.DisplayName, l.Text)
	}
	_, _, err = r.changeMappings(ctx, p.ID, Unchecked, true,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, []directory.Change, error) {
			before, after := r.x.mapping(p, m),
				r.x.mapping(directory.Provider{DisplayName: p.DisplayName, OrgMapping: want.org, RoleMapping: want.role}, want.m)
			if len(difference(before, after)) == 0 {
				return p, m, nil, nil
			}
			p.OrgMapping, p.RoleMapping = want.org, want.role
			m.Orgs, m.Roles = want.m.Orgs, want.m.Roles
			return p, m, []directory.Change{directory.NewChange("mappings", before, after)}, nil
		})
	if err != nil {
		return r.refused(at, c.Provider, err, nil)
	}
	return nil
}

type wantedMappings struct {
	org  directory.OrgSettings
	role directory.RoleSettings
	m    directory.MappingSet
}

// wantedMappings translates a configuration's names to ids, and notes what is wrong. whole is false when a part depends
// on something that failed.
func (r *configRun) wantedMappings(
	ctx context.Context, at string, p directory.ProviderID, was directory.MappingSet, c MappingConfig,
) (w wantedMappings, whole bool, err error) {
	whole = true
	org := func(at, name string) directory.OrgID {
		id, ok := r.org(at, name, "no organization has this name")
		whole = whole && ok
		return id
	}
	in := at + ".organizationMapping"
	w.org = directory.OrgSettings{Method: c.Method, Org: org(in+".organization", c.Organization), Attribute: c.Attribute,
		Template: org(in+".template", c.Template)}
	if whole {
		if err := r.checkOrgSettings(ctx, w.org); err != nil {
			if err := r.refused(in, "", err, map[string]configMember{
				"organizationId": {"organization", c.Organization}, "templateOrganizationId": {"template", c.Template},
				"attribute": {"attribute", c.Attribute},
			}); err != nil {
				return w, false, err
			}
		}
	}
	taken := map[directory.GroupID]bool{}
	for k, o := range c.Orgs {
		in := fmt.Sprintf("%s.mappings[%d]", in, k)
		n := directory.OrgMapping{Org: org(in+".organization", o.Organization)}
		if n.Groups, err = r.groups(ctx, in+".groups", p, was, o.Groups, taken); err != nil {
			return w, false, err
		}
		n.ID = r.keptID(len(was.Orgs), func(i int) (directory.MappingID, bool) {
			return was.Orgs[i].ID, slices.Equal(was.Orgs[i].Groups, n.Groups) || was.Orgs[i].Org == n.Org
		}, func(id directory.MappingID) bool {
			return slices.ContainsFunc(w.m.Orgs, func(o directory.OrgMapping) bool { return o.ID == id })
		})
		w.m.Orgs = append(w.m.Orgs, n)
	}
	in, taken = at+".roleMapping", map[directory.GroupID]bool{}
	w.role = directory.RoleSettings{Mode: c.Mode, Strict: c.Strict}
	for k, o := range c.Roles {
		in := fmt.Sprintf("%s.mappings[%d]", in, k)
		n := directory.RoleMapping{Roles: o.Roles}
		if n.Groups, err = r.groups(ctx, in+".groups", p, was, o.Groups, taken); err != nil {
			return w, false, err
		}
		whole = r.mappedRoles(in+".roles", &n, was, w.m.Roles) && whole
		w.m.Roles = append(w.m.Roles, n)
	}
	if err := w.m.Check(); err != nil && whole && p != "" {
		return w, whole, r.refused(at, c.Provider, err, nil)
	}
	return w, whole, nil
}

// groups finds the groups of a mapping by name, and notes those that are unknown, or in another mapping of the kind.
func (r *configRun) groups(
	ctx context.Context, at string, p directory.ProviderID, was directory.MappingSet, names []string, taken map[directory.GroupID]bool,
) (out []directory.MappedGroup, err error) {
	if len(names) == 0 {
		r.wrong(at, "", "a mapping names at least one group")
	}
	if p == "" {
		return nil, nil
	}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", at, i)
		found, err := r.ports.Groups.FindGroups(ctx, r.tenant, p,
			directory.Lookup{Attr: directory.AttrDisplayName, Value: directory.GroupProfile{DisplayName: name}.DisplayNameKey()}, 1,
			directory.GroupWant{}, nil)
		if err != nil {
			return nil, err
		}
		g, known := groupNamed(was, name)
		if len(found) == 1 {
			g, known = g.Now(found[0].Group), true
		}
		switch {
		case !known:
			r.wrong(at, name, "the directory has provisioned no group with this name")
		case taken[g.ID]:
			r.wrong(at, name, "a group is in at most one mapping of a kind")
		default:
			taken[g.ID] = true
			out = append(out, g)
		}
	}
	return out, nil
}

// mappedRoles gives a role mapping its id, and checks its roles: it may keep those that it had. It returns false when a
// role is wrong or failed.
func (r *configRun) mappedRoles(at string, n *directory.RoleMapping, was directory.MappingSet, earlier []directory.RoleMapping) bool {
	n.ID = r.keptID(len(was.Roles), func(i int) (directory.MappingID, bool) {
		return was.Roles[i].ID, slices.Equal(was.Roles[i].Groups, n.Groups) || slices.Equal(was.Roles[i].Roles, n.Roles)
	}, func(id directory.MappingID) bool {
		return slices.ContainsFunc(earlier, func(r directory.RoleMapping) bool { return r.ID == id })
	})
	var old []directory.RoleID
	if k := slices.IndexFunc(was.Roles, func(o directory.RoleMapping) bool { return o.ID == n.ID }); k >= 0 {
		old = was.Roles[k].Roles
	}
	if len(n.Roles) == 0 {
		r.wrong(at, "", "a role mapping names at least one role")
	}
	return len(r.knownRoles(at, old, n.Roles)) == len(n.Roles)
}
