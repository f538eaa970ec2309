package administration

import (
	"context"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// NewOrganization is the input for a new organization.
type NewOrganization struct {
	Name         string
	Parent       directory.OrgID
	ExternalRef  string
	DefaultRoles []directory.RoleID
	Blocked      bool
}

// ByID reads an organization.
// Errors: NotFound.
func (s Organizations) ByID(ctx context.Context, id directory.OrgID) (directory.Organization, error) {
	by, err := s.ports.Organizations.OrganizationsByID(ctx, s.tenant, []directory.OrgID{id})
	if err != nil {
		return directory.Organization{}, err
	}
	o, ok := by[id]
	if !ok {
		return directory.Organization{}, directory.Errorf(directory.NotFound, "no such organization")
	}
	return o, nil
}

// Search reads a page of organizations whose name or an alias contains text, in a state ("" for any), and the id to
// continue after: "" at the end. A page may hold fewer than asked for when MaxWalk organizations were read.
func (s Organizations) Search(
	ctx context.Context, text string, state directory.OrgState, after directory.OrgID, count int,
) ([]directory.Organization, directory.OrgID, error) {
	text = directory.OrgNameKey(text)
	var out []directory.Organization
	for seen := 0; seen < directory.MaxWalk; {
		os, err := s.ports.Organizations.ListOrganizations(ctx, s.tenant, after, max(count, 100))
		if err != nil || len(os) == 0 {
			return out, "", err
		}
		for _, o := range os {
			after = o.ID
			if (state == "" || o.State == state) && slices.ContainsFunc(o.NameKeys(), func(k string) bool { return strings.Contains(k, text) }) {
				if out = append(out, o); len(out) == count {
					return out, after, nil
				}
			}
		}
		seen += len(os)
	}
	return out, after, nil
}

// CountMembers returns how many users each organization has.
func (s Organizations) CountMembers(ctx context.Context, ids []directory.OrgID) (map[directory.OrgID]int, error) {
	return talliesOf(ctx, s.session, ids, directory.OrgTally)
}

// Create creates an organization.
// Errors: Invalid; Conflict (name).
func (s Organizations) Create(ctx context.Context, n NewOrganization) (directory.Organization, error) {
	o := directory.Organization{
		ID: directory.OrgID("o" + s.rt.NewID()), Name: n.Name, Parent: n.Parent, ExternalRef: n.ExternalRef, DefaultRoles: n.DefaultRoles,
		Blocked: n.Blocked, State: directory.OrgActive, CreatedBy: s.admin.Actor.ID, Version: 1, Created: s.rt.Time(), Modified: s.rt.Time(),
	}
	var err error
	if o.Name, err = directory.ValidOrgName(n.Name); err != nil {
		return o, err
	}
	if err := s.checkOrganization(ctx, o); err != nil {
		return o, err
	}
	c, now, err := s.question(ctx, true)
	if err == nil {
		err = c.ask("organizations", now, now.withOrg(o), true)
	}
	if err != nil {
		return o, err
	}
	e := s.entry(directory.OrganizationCreated)
	e.Target, e.Name, e.Version = string(o.ID), o.Name, o.Version
	return o, orgTaken(s.ports.Organizations.CreateOrganization(ctx, s.tenant, o, nil, e))
}

func errOrgTaken() *directory.Error {
	return &directory.Error{Kind: directory.Conflict, Attr: "name", Detail: "another organization has this name, now or as an earlier one"}
}

func orgTaken(err error) error {
	if _, ok := directory.AsTaken(err); ok {
		return errOrgTaken()
	}
	return err
}

// checkOrganization refuses an organization with an unknown parent or role, or that lies below itself.
func (s Organizations) checkOrganization(ctx context.Context, o directory.Organization) error {
	if len(o.ExternalRef) > directory.MaxOrgName || strings.ContainsFunc(o.ExternalRef, directory.IsControl) {
		return &directory.Error{Kind: directory.Invalid, Attr: "externalRef",
			Detail: "externalRef has at most 255 bytes and no control characters"}
	}
	if err := s.checkRoles(ctx, "defaultRoles", o.DefaultRoles); err != nil {
		return err
	}
	const deepest = 20
	for at, depth := o.Parent, 0; at != ""; depth++ {
		p, err := s.ByID(ctx, at)
		if directory.IsKind(err, directory.NotFound) || at == o.ID || depth == deepest {
			return noneOf("parentId", "must be the id of another organization that does not lie below this one, at most 20 deep",
				[]directory.OrgID{o.Parent})
		}
		if err != nil {
			return err
		}
		at = p.Parent
	}
	return nil
}

// checkRoles refuses roles that the catalogue does not hold, and repetitions.
func (s *session) checkRoles(ctx context.Context, attr string, roles []directory.RoleID) error {
	if len(roles) == 0 {
		return nil
	}
	c, err := s.ports.Roles.Catalogue(ctx, s.tenant)
	if err != nil {
		return err
	}
	return knownRoles(c, attr, nil, roles)
}

// OrganizationPatch is a change of an organization; nil fields do not change.
type OrganizationPatch struct {
	Name         *string
	Parent       *directory.OrgID
	ExternalRef  *string
	DefaultRoles *[]directory.RoleID
	Blocked      *bool
}

// Patch changes an organization; check sees it first. The old name of a renamed one becomes an alias. New default roles
// apply to users with their next event, or with an apply run.
// Errors: NotFound; Invalid; Conflict (name); what check returns.
func (s Organizations) Patch(
	ctx context.Context, id directory.OrgID, check func(directory.Organization) error, n OrganizationPatch,
) (directory.Organization, error) {
	return s.updateOrganization(ctx, id, check, func(o directory.Organization) (directory.Organization, error) {
		if n.Name != nil {
			name, err := directory.ValidOrgName(*n.Name)
			if err != nil {
				return o, err
			}
			if name != o.Name {
				o = o.Renamed(name)
			}
			if len(o.Aliases) > directory.MaxOrgAliases {
				return o, directory.Errorf(directory.Conflict, "the organization was renamed %d times: create another one", directory.MaxOrgAliases)
			}
		}
		setIf(&o.Parent, n.Parent)
		setIf(&o.ExternalRef, n.ExternalRef)
		setIf(&o.DefaultRoles, n.DefaultRoles)
		setIf(&o.Blocked, n.Blocked)
		return o, nil
	})
}

// updateOrganization runs an edit; one that changes nothing writes nothing.
func (s Organizations) updateOrganization(
	ctx context.Context, id directory.OrgID, check func(directory.Organization) error,
	edit func(directory.Organization) (directory.Organization, error),
) (directory.Organization, error) {
	old, err := s.ByID(ctx, id)
	if err != nil {
		return directory.Organization{}, err
	}
	n, err := edit(old)
	if err != nil {
		return directory.Organization{}, err
	}
	if err := s.checkOrganization(ctx, n); err != nil {
		return directory.Organization{}, err
	}
	c, now, err := s.question(ctx, true)
	if err != nil {
		return directory.Organization{}, err
	}
	people := map[directory.OrgID]int{}
	if old.Bars() != n.Bars() {
		if people, err = s.CountMembers(ctx, []directory.OrgID{id}); err != nil {
			return directory.Organization{}, err
		}
	}
	apply := func(old directory.Organization) (directory.Organization, *directory.LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		o, err := edit(old)
		if err != nil {
			return old, nil, err
		}
		changes := orgChanges(old, o)
		if len(changes) == 0 {
			return old, nil, nil
		}
		typed := !slices.Equal(old.DefaultRoles, o.DefaultRoles)
		if err := c.ask("organizations/"+string(id), now.withOrg(old), now.withOrg(o), typed); err != nil {
			return old, nil, err
		}
		o.Version, o.Modified = old.Version+1, directory.Latest(old.Modified, s.rt.Time())
		e := s.entry(directory.OrganizationUpdated)
		e.Target, e.Name, e.Changes, e.Version = string(id), o.Name, changes, o.Version
		e.Effects, e.People = barEffects(old, o), people[id]
		return o, &e, nil
	}
	o, err := s.ports.Organizations.UpdateOrganization(ctx, s.tenant, id, apply)
	return o, orgTaken(err)
}

// barEffects returns what a change of an organization does to the sign-in of all its people.
func barEffects(old, o directory.Organization) []directory.Effect {
	switch {
	case !old.Bars() && o.Bars():
		return []directory.Effect{directory.EffectBlocked}
	case old.Bars() && !o.Bars():
		return []directory.Effect{directory.EffectUnblocked}
	}
	return nil
}

// Barred returns those organizations of users that keep their people from signing in: one read for all.
func (s Organizations) Barred(ctx context.Context, us ...directory.User) (map[directory.OrgID]bool, error) {
	var ids []directory.OrgID
	for _, u := range us {
		if u.OrgID != "" && !slices.Contains(ids, u.OrgID) {
			ids = append(ids, u.OrgID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	by, err := s.ports.Organizations.OrganizationsByID(ctx, s.tenant, ids)
	barred := map[directory.OrgID]bool{}
	for id, o := range by {
		barred[id] = o.Bars()
	}
	return barred, err
}

// allBarred returns all organizations of the tenant that keep their people from signing in.
func (s Organizations) allBarred(ctx context.Context) (map[directory.OrgID]bool, error) {
	barred := map[directory.OrgID]bool{}
	for after := directory.OrgID(""); ; {
		os, err := s.ports.Organizations.ListOrganizations(ctx, s.tenant, after, directory.MaxWalk)
		if err != nil || len(os) == 0 {
			return barred, err
		}
		for _, o := range os {
			after = o.ID
			if o.Bars() {
				barred[o.ID] = true
			}
		}
	}
}

// OrganizationPlan is the effect of deactivating an organization on its users.
type OrganizationPlan struct {
	Members int
	Held    []directory.UserID // on legal hold: they must be moved first; at most 100
}

// Deactivate ends an organization: mappings skip it, and its users are deactivated in the background, without a delay.
// The plan has the users it affects, also in a dry run.
// Errors: NotFound; Conflict (the tenant's or a mapping's default organization, or users on legal hold).
func (s Organizations) Deactivate(
	ctx context.Context, id directory.OrgID, check func(directory.Organization) error,
) (directory.Organization, OrganizationPlan, error) {
	var plan OrganizationPlan
	if err := s.requireNotFallback(ctx, id); err != nil {
		return directory.Organization{}, plan, err
	}
	err := find.EachUser(ctx, s.ports.Users, s.tenant, directory.UserSearch{Org: id}, func(u directory.User) error {
		plan.Members++
		if len(u.Holds) > 0 && len(plan.Held) < 100 {
			plan.Held = append(plan.Held, u.ID)
		}
		return nil
	})
	if err != nil {
		return directory.Organization{}, plan, err
	}
	o, err := s.updateOrganization(ctx, id, func(o directory.Organization) error {
		if err := check(o); err != nil {
			return err
		}
		if len(plan.Held) > 0 {
			return directory.Errorf(directory.Conflict, "%d people of the organization are on legal hold: move them first", len(plan.Held))
		}
		return nil
	}, func(o directory.Organization) (directory.Organization, error) {
		o.State, o.DeactivatedAt = directory.OrgDeactivated, s.rt.Time()
		return o, nil
	})
	return o, plan, err
}

// Reactivate lets an organization take users again; those deactivated with it are not reactivated.
// Errors: NotFound; what check returns.
func (s Organizations) Reactivate(
	ctx context.Context, id directory.OrgID, check func(directory.Organization) error,
) (directory.Organization, error) {
	return s.updateOrganization(ctx, id, check, func(o directory.Organization) (directory.Organization, error) {
		o.State, o.DeactivatedAt = directory.OrgActive, time.Time{}
		return o, nil
	})
}

// requireNotFallback refuses an organization that rules fall back to.
func (s Organizations) requireNotFallback(ctx context.Context, id directory.OrgID) error {
	if id == directory.DefaultOrg {
		return directory.Errorf(directory.Conflict, "the tenant's default organization cannot be deactivated")
	}
	ps, err := s.ports.Providers.ListProviders(ctx, s.tenant)
	for _, p := range ps {
		if p.OrgMapping.Org == id && p.State != directory.ProviderDeleting {
			return directory.Errorf(directory.Conflict,
				"the organization mapping of provider %s falls back to this organization: choose another one there first", p.ID)
		}
	}
	return err
}

// orgChanges returns the differences between two states of an organization, for the log.
func orgChanges(old, o directory.Organization) (changes []directory.Change) {
	if old.Name != o.Name {
		changes = append(changes, directory.NewChange("name", old.Name, o.Name))
	}
	if old.Parent != o.Parent {
		changes = append(changes, directory.NewChange("parentId", directory.OrNil(old.Parent), directory.OrNil(o.Parent)))
	}
	if old.ExternalRef != o.ExternalRef {
		changes = append(changes, directory.NewChange("externalRef", directory.OrNil(old.ExternalRef), directory.OrNil(o.ExternalRef)))
	}
	if !slices.Equal(old.DefaultRoles, o.DefaultRoles) {
		changes = append(changes, directory.NewChange("defaultRoles", old.DefaultRoles, o.DefaultRoles))
	}
	if old.Blocked != o.Blocked {
		changes = append(changes, directory.NewChange("blocked", old.Blocked, o.Blocked))
	}
	if old.State != o.State {
		changes = append(changes, directory.NewChange("state", old.State, o.State))
	}
	return changes
}
