package directory

import (
	"context"
	"slices"
	"strings"
)

// NewOrganization is what an administrator chooses for an organization.
type NewOrganization struct {
	Name         string
	Parent       OrgID
	ExternalRef  string
	DefaultRoles []RoleID
}

// OrganizationByID reads an organization.
// Errors: NotFound.
func (s *Service) OrganizationByID(ctx context.Context, a Admin, id OrgID) (Organization, error) {
	by, err := s.Organizations.OrganizationsByID(ctx, a.Tenant, []OrgID{id})
	if err != nil {
		return Organization{}, err
	}
	o, ok := by[id]
	if !ok {
		return Organization{}, Errorf(NotFound, "no such organization")
	}
	return o, nil
}

// SearchOrganizations reads a page of organizations whose name or an alias contains text, in a state ("" for
// any), and where the next one begins: "" at the end. A page may hold fewer than asked for.
func (s *Service) SearchOrganizations(ctx context.Context, a Admin, text string, state OrgState, after OrgID, count int) ([]Organization, OrgID, error) {
	text = OrgNameKey(text)
	var out []Organization
	for seen := 0; seen < MaxWalk; {
		os, err := s.Organizations.ListOrganizations(ctx, a.Tenant, after, max(count, 100))
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

// CountMembers returns how many people each organization has.
func (s *Service) CountMembers(ctx context.Context, a Admin, ids []OrgID) (map[OrgID]int, error) {
	return talliesOf(ctx, s, a, ids, orgTally)
}

// talliesOf reads the tallies of some ids.
func talliesOf[T ~string](ctx context.Context, s *Service, a Admin, ids []T, key func(T) string) (map[T]int, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(id)
	}
	got, err := s.Follow.Tallies(ctx, a.Tenant, keys)
	out := make(map[T]int, len(ids))
	for _, id := range ids {
		out[id] = got[key(id)]
	}
	return out, err
}

// CreateOrganization makes an organization.
// Errors: Invalid; Conflict (name).
func (s *Service) CreateOrganization(ctx context.Context, a Admin, n NewOrganization) (Organization, error) {
	o := Organization{
		ID: OrgID("o" + s.newID()), Name: n.Name, Parent: n.Parent, ExternalRef: n.ExternalRef, DefaultRoles: n.DefaultRoles,
		State: OrgActive, CreatedBy: a.Actor.ID, Version: 1, Created: s.Now(), Modified: s.Now(),
	}
	var err error
	if o.Name, err = validOrgName(n.Name); err != nil {
		return o, err
	}
	if err := s.checkOrganization(ctx, a, o); err != nil {
		return o, err
	}
	if a.DryRun {
		return o, s.orgNameFree(ctx, a, o)
	}
	e := s.adminEntry(a, OrganizationCreated)
	e.Target, e.Name, e.Version = string(o.ID), o.Name, o.Version
	return o, orgTaken(s.Organizations.CreateOrganization(ctx, a.Tenant, o, nil, e))
}

func errOrgTaken() *Error {
	return &Error{Kind: Conflict, Attr: "name", Detail: "another organization has this name, now or as an earlier one"}
}

func orgTaken(err error) error {
	if _, ok := asTaken(err); ok {
		return errOrgTaken()
	}
	return err
}

func (s *Service) orgNameFree(ctx context.Context, a Admin, o Organization) error {
	for _, key := range o.NameKeys() {
		holder, err := s.Organizations.OrganizationByName(ctx, a.Tenant, key)
		if err == nil && holder.ID != o.ID {
			return errOrgTaken()
		}
		if err != nil && !IsKind(err, NotFound) {
			return err
		}
	}
	return nil
}

// checkOrganization refuses an organization that names what there is not, or that lies below itself.
func (s *Service) checkOrganization(ctx context.Context, a Admin, o Organization) error {
	if len(o.ExternalRef) > MaxOrgName || strings.ContainsFunc(o.ExternalRef, isControl) {
		return &Error{Kind: Invalid, Attr: "externalRef", Detail: "externalRef has at most 255 bytes and no control characters"}
	}
	if err := s.checkRoles(ctx, a, "defaultRoles", o.DefaultRoles); err != nil {
		return err
	}
	const deepest = 20
	for at, depth := o.Parent, 0; at != ""; depth++ {
		p, err := s.OrganizationByID(ctx, a, at)
		if IsKind(err, NotFound) || at == o.ID || depth == deepest {
			return &Error{Kind: Invalid, Attr: "parentId", Detail: "parentId must be the id of another organization that does not lie below this one, at most 20 deep"}
		}
		if err != nil {
			return err
		}
		at = p.Parent
	}
	return nil
}

// checkRoles refuses roles that the catalogue does not hold, and repetitions.
func (s *Service) checkRoles(ctx context.Context, a Admin, attr string, roles []RoleID) error {
	if len(roles) == 0 {
		return nil
	}
	c, err := s.Settings.Catalogue(ctx, a.Tenant)
	if err != nil {
		return err
	}
	for i, id := range roles {
		if _, ok := c.Find(id); !ok || slices.Contains(roles[:i], id) {
			return &Error{Kind: Invalid, Attr: attr, Detail: attr + " must hold different roles of the catalogue"}
		}
	}
	return nil
}

// OrganizationPatch is a change of an organization; nil fields stay.
type OrganizationPatch struct {
	Name         *string
	Parent       *OrgID
	ExternalRef  *string
	DefaultRoles *[]RoleID
	Blocked      *bool
}

// PatchOrganization changes an organization; check sees it first. A new name leaves the old one as an alias.
// New default roles act on people with their next event, or with Apply.
// Errors: NotFound; Invalid; Conflict (name); what check returns.
func (s *Service) PatchOrganization(ctx context.Context, a Admin, id OrgID, check func(Organization) error, n OrganizationPatch) (Organization, error) {
	return s.updateOrganization(ctx, a, id, check, func(o Organization) (Organization, error) {
		if n.Name != nil {
			name, err := validOrgName(*n.Name)
			if err != nil {
				return o, err
			}
			if name != o.Name {
				o = o.renamed(name)
			}
			if len(o.Aliases) > MaxOrgAliases {
				return o, Errorf(Conflict, "the organization was renamed %d times: make another one", MaxOrgAliases)
			}
		}
		for _, set := range []func(){
			func() { setIf(&o.Parent, n.Parent) }, func() { setIf(&o.ExternalRef, n.ExternalRef) },
			func() { setIf(&o.DefaultRoles, n.DefaultRoles) }, func() { setIf(&o.Blocked, n.Blocked) },
		} {
			set()
		}
		return o, nil
	})
}

// updateOrganization runs an edit; what is equal already is no change, and no change writes nothing.
func (s *Service) updateOrganization(ctx context.Context, a Admin, id OrgID, check func(Organization) error, edit func(Organization) (Organization, error)) (Organization, error) {
	old, err := s.OrganizationByID(ctx, a, id)
	if err != nil {
		return Organization{}, err
	}
	n, err := edit(old)
	if err != nil {
		return Organization{}, err
	}
	if err := s.checkOrganization(ctx, a, n); err != nil {
		return Organization{}, err
	}
	apply := func(old Organization) (Organization, *LogEntry, error) {
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
		o.Version, o.Modified = old.Version+1, later(old.Modified, s.Now())
		e := s.adminEntry(a, OrganizationUpdated)
		e.Target, e.Name, e.Changes, e.Version = string(id), o.Name, changes, o.Version
		return o, &e, nil
	}
	if a.DryRun {
		o, _, err := apply(old)
		if err == nil {
			err = s.orgNameFree(ctx, a, o)
		}
		return o, err
	}
	o, err := s.Organizations.UpdateOrganization(ctx, a.Tenant, id, apply)
	return o, orgTaken(err)
}

// OrganizationPlan is what deactivating an organization does to its people.
type OrganizationPlan struct {
	Members int
	Held    []UserID // on legal hold: they must be moved first; at most 100
}

// DeactivateOrganization ends an organization: mappings pass over it, and its people are deactivated in the
// background, at once and without a delay. In a dry run the plan says whom it would meet.
// Errors: NotFound; Conflict (the tenant's or a mapping's default organization, or people on legal hold).
func (s *Service) DeactivateOrganization(ctx context.Context, a Admin, id OrgID, check func(Organization) error) (Organization, OrganizationPlan, error) {
	var plan OrganizationPlan
	if err := s.notDefault(ctx, a, id); err != nil {
		return Organization{}, plan, err
	}
	err := s.walkUsers(ctx, a.Tenant, UserSearch{Org: id}, func(u User) error {
		plan.Members++
		if len(u.Holds) > 0 && len(plan.Held) < 100 {
			plan.Held = append(plan.Held, u.ID)
		}
		return nil
	})
	if err != nil {
		return Organization{}, plan, err
	}
	o, err := s.updateOrganization(ctx, a, id, func(o Organization) error {
		if err := check(o); err != nil {
			return err
		}
		if len(plan.Held) > 0 {
			return Errorf(Conflict, "%d people of the organization are on legal hold: move them first", len(plan.Held))
		}
		return nil
	}, func(o Organization) (Organization, error) {
		o.State = OrgDeactivated
		return o, nil
	})
	return o, plan, err
}

// ReactivateOrganization lets an organization take people again; those deactivated with it stay deactivated.
// Errors: NotFound; what check returns.
func (s *Service) ReactivateOrganization(ctx context.Context, a Admin, id OrgID, check func(Organization) error) (Organization, error) {
	return s.updateOrganization(ctx, a, id, check, func(o Organization) (Organization, error) {
		o.State = OrgActive
		return o, nil
	})
}

// notDefault refuses to end an organization that rules fall back to.
func (s *Service) notDefault(ctx context.Context, a Admin, id OrgID) error {
	if id == DefaultOrg {
		return Errorf(Conflict, "the tenant's default organization cannot be deactivated")
	}
	ps, err := s.Providers.ListProviders(ctx, a.Tenant)
	for _, p := range ps {
		if p.OrgMapping.Org == id && p.State != ProviderDeleting {
			return Errorf(Conflict, "the organization mapping of provider %s falls back to this organization: choose another one there first", p.ID)
		}
	}
	return err
}
