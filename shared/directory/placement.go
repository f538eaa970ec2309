package directory

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// RolesNotIn returns the roles in a that are not in b, once each.
func RolesNotIn(a, b []RoleGrant) (out []RoleID) {
	for _, g := range a {
		has := func(h RoleGrant) bool { return h.Role == g.Role }
		if !slices.ContainsFunc(b, has) && !slices.Contains(out, g.Role) {
			out = append(out, g.Role)
		}
	}
	return out
}

// Equal reports whether two placements are equal in every field; Same ignores some.
func (p Placement) Equal(q Placement) bool {
	return p.Org == q.Org && p.Source == q.Source && p.Group == q.Group && p.Config == q.Config &&
		slices.EqualFunc(p.Grants, q.Grants, func(a, b RoleGrant) bool {
			return a.SameAs(b) && a.By == b.By && a.Config == b.Config && a.At.Equal(b.At)
		})
}

// Occasion is the reason for resolving a user.
type Occasion int

// The occasions of a resolution.
const (
	OnCreate   Occasion = iota // the user is new
	OnEvent                    // reactivation, membership, the mapped attribute
	OnApply                    // an administrator applies the mappings
	OnApplyAll                 // as OnApply, also for users moved by hand
)

// Sources of an organization (Account.OrgSource) and of a role (RoleGrant.Source). A mapping's id follows
// sourceGroup and sourceMapping.
const (
	SourceSingle     = "single"
	SourceAttribute  = "attribute"
	SourceDefault    = "default"
	SourceManual     = "manual"
	SourceAdopted    = "adopted"
	SourceOrgDefault = "orgDefault"
	sourceGroup      = "group:"
	sourceMapping    = "mapping:"
)

// Rules are a snapshot of everything that a resolution depends on except the user.
type Rules struct {
	Config   int64 // the provider's ConfigVersion
	Org      OrgSettings
	Role     RoleSettings
	Mappings MappingSet
	Roles    Catalogue
	Orgs     map[OrgID]Organization // at least those that mappings and the user name
	Named    map[string]OrgID       // by OrgNameKey, at least the one that the user's attribute names
	Capped   bool                   // no more organizations are created from attributes today
}

// Placement is a user's organization and roles.
type Placement struct {
	Org    OrgID
	Source string
	Group  GroupID // the group that decided, of a source group:<mapping>
	Config int64   // the ConfigVersion under which it was decided
	Grants []RoleGrant
}

// Placement is the account's placement.
func (a Account) Placement() Placement {
	return Placement{a.OrgID, a.OrgSource, a.OrgGroup, a.OrgConfig, a.RoleGrants}
}

// WithPlacement is u with a placement.
func (u User) WithPlacement(p Placement) User {
	u.OrgID, u.OrgSource, u.OrgGroup, u.OrgConfig, u.RoleGrants = p.Org, p.Source, p.Group, p.Config, p.Grants
	return u
}

// LosesAccessTo reports whether changing p to q moves the user out of an organization or removes a role, which the
// mass-change guard counts.
func (p Placement) LosesAccessTo(q Placement) bool {
	return p.Org != "" && p.Org != q.Org || len(RolesNotIn(p.Grants, q.Grants)) > 0
}

// Same reports whether two placements are the same organization and roles for the same reasons, whatever their times
// and configuration versions.
func (p Placement) Same(q Placement) bool {
	return p.Org == q.Org && p.Source == q.Source && slices.EqualFunc(p.Grants, q.Grants, RoleGrant.SameAs)
}

// SameAs reports whether two grants are of the same role from the same source.
func (g RoleGrant) SameAs(h RoleGrant) bool { return g.Role == h.Role && g.Source == h.Source }

// Resolution is the result of resolving a user, and its reason.
type Resolution struct {
	Placement
	Reason  string   // one sentence
	Create  string   // an organization of this name must be created, then resolve again
	Capped  bool     // one should be created, but the cap is reached
	Missing []RoleID // roles of the user's mappings that the catalogue no longer holds
}

// Resolve decides the organization and roles of a user with these groups. It is pure: the same user, groups and rules
// give the same decision. A grant that is kept keeps its By and At.
func (r Rules) Resolve(u User, groups []GroupID, on Occasion, now time.Time) Resolution {
	d := Resolution{Placement: u.Account.Placement()}
	if u.Provider == "" || u.Removed() {
		d.Reason = "no directory manages this user"
		return d
	}
	r.resolveOrg(&d, u, groups, on)
	r.resolveRoles(&d, u, groups, on, now)
	return d
}

// resolveOrg decides the organization.
func (r Rules) resolveOrg(d *Resolution, u User, groups []GroupID, on Occasion) {
	if u.OrgPinned {
		d.Reason = "an administrator keeps this user in the organization"
		return
	}
	switch r.Org.Method {
	case OrgSingle:
		r.resolveSingle(d, u, on)
	case OrgGroups:
		for i, m := range r.Mappings.Orgs {
			g, member := FirstMatch(m.Groups, groups)
			if member && r.TakesPeople(m.Org) {
				d.move(r, m.Org, OrgSource(m.ID), g, fmt.Sprintf("member of a group of mapping %d, the first that matches", i+1))
				return
			}
		}
		r.fallback(d, "in no mapped group")
	case OrgNamed, OrgAttribute:
		r.resolveNamed(d, u)
	default:
		d.Reason = "no organization mapping is set"
	}
}

func (r Rules) resolveSingle(d *Resolution, u User, on Occasion) {
	switch {
	case u.OrgID != "" && on < OnApply:
		d.Reason = "new users go to one organization; later events move nobody"
	case on == OnApply && byHand(u.OrgSource):
		d.Reason = "moved by hand"
	case r.TakesPeople(r.Org.Org):
		d.move(r, r.Org.Org, SourceSingle, "", "all users of the provider go to this organization")
	default:
		r.fallback(d, "the target organization is not active")
	}
}

func (r Rules) resolveNamed(d *Resolution, u User) {
	name := AttributeValue(u.Attributes, r.Org.Path())
	if name == "" {
		r.fallback(d, "the attribute is empty")
		return
	}
	valid, err := ValidOrgName(name)
	id, known := r.Named[OrgNameKey(name)]
	switch {
	case err != nil:
		r.fallback(d, "the attribute is no name of an organization")
	case known && r.TakesPeople(id):
		d.move(r, id, SourceAttribute, "", "the attribute names this organization")
	case known:
		r.fallback(d, "the organization that the attribute names is deactivated")
	case r.Capped:
		d.Capped = true
		r.fallback(d, "the attribute names an unknown organization and no more are made today")
	default:
		d.Create = valid
	}
}

// fallback places a user that no rule places: in the mapping's default organization if that takes users. Otherwise the
// user is not moved, or is placed in the tenant's organization if in none.
func (r Rules) fallback(d *Resolution, reason string) {
	switch {
	case r.TakesPeople(r.Org.Org):
		d.move(r, r.Org.Org, SourceDefault, "", reason)
	case d.Org == "":
		d.move(r, DefaultOrg, SourceDefault, "", reason)
	default:
		d.Reason = reason
	}
}

// TakesPeople reports whether an organization takes users.
func (r Rules) TakesPeople(id OrgID) bool { return id != "" && r.Orgs[id].State == OrgActive }

// move decides for an organization. An unchanged decision keeps its group and configuration.
func (d *Resolution) move(r Rules, to OrgID, source string, g GroupID, reason string) {
	d.Reason = reason
	if d.Org != to || d.Source != source {
		d.Org, d.Source, d.Group, d.Config = to, source, g, r.Config
	}
}

// resolveRoles decides the roles, once the organization is known.
func (r Rules) resolveRoles(d *Resolution, u User, groups []GroupID, on Occasion, now time.Time) {
	if d.Create != "" {
		return
	}
	if r.Role.Mode != RolesGroups {
		if on == OnCreate && len(u.RoleGrants) == 0 {
			d.Grants = r.MergeGrants(nil, r.defaultRoles(d.Org), now)
		}
		return
	}
	wanted, matched := r.mappedRoles(d, groups)
	if !matched {
		wanted = r.defaultRoles(d.Org)
	}
	var kept []RoleGrant
	for _, g := range u.RoleGrants {
		if g.ByRule() && slices.ContainsFunc(wanted, g.SameAs) || !g.ByRule() && !r.Role.Strict {
			kept = append(kept, g)
		}
	}
	d.Grants = r.MergeGrants(kept, wanted, now)
}

// mappedRoles returns the roles of all mappings with one of the groups.
func (r Rules) mappedRoles(d *Resolution, groups []GroupID) (wanted []RoleGrant, matched bool) {
	for _, m := range r.Mappings.Roles {
		g, member := FirstMatch(m.Groups, groups)
		if !member {
			continue
		}
		matched = true
		for _, role := range m.Roles {
			if _, known := r.Roles.Find(role); !known {
				d.Missing = append(d.Missing, role)
				continue
			}
			has := func(g RoleGrant) bool { return g.Role == role }
			if !slices.ContainsFunc(wanted, has) {
				wanted = append(wanted, RoleGrant{Role: role, Source: RoleSource(m.ID), By: string(g), Config: r.Config})
			}
		}
	}
	return wanted, matched
}

// defaultRoles returns the default roles of an organization.
func (r Rules) defaultRoles(org OrgID) (wanted []RoleGrant) {
	for _, role := range r.Orgs[org].DefaultRoles {
		if _, known := r.Roles.Find(role); known {
			wanted = append(wanted, RoleGrant{Role: role, Source: SourceOrgDefault, By: string(org), Config: r.Config})
		}
	}
	return wanted
}

// MergeGrants returns the kept grants and the wanted ones that are not among them, ordered by role and source.
func (r Rules) MergeGrants(kept, wanted []RoleGrant, now time.Time) []RoleGrant {
	out := slices.Clone(kept)
	for _, w := range wanted {
		if !slices.ContainsFunc(kept, w.SameAs) {
			w.At = now
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b RoleGrant) int {
		if c := strings.Compare(string(a.Role), string(b.Role)); c != 0 {
			return c
		}
		return strings.Compare(a.Source, b.Source)
	})
	return out
}

// InitialPlacement is the placement of a new user of the provider until its entry is followed: in the target or default
// organization, without roles.
func (p Provider) InitialPlacement() Account {
	if p.OrgMapping.Method == "" || p.OrgMapping.Org == "" {
		return Account{}
	}
	a := Account{OrgID: p.OrgMapping.Org, OrgSource: SourceDefault, OrgConfig: p.ConfigVersion}
	if p.OrgMapping.Method == OrgSingle {
		a.OrgSource = SourceSingle
	}
	return a
}

// OrgSource is the source of an organization that a mapping decided.
func OrgSource(id MappingID) string { return sourceGroup + string(id) }

// RoleSource is the source of a role that a mapping gave.
func RoleSource(id MappingID) string { return sourceMapping + string(id) }

// ByRule reports whether a mapping or the organization gave the role.
func (g RoleGrant) ByRule() bool {
	return g.Source == SourceOrgDefault || strings.HasPrefix(g.Source, sourceMapping)
}

// ByHand reports whether an administrator gave the role or it was kept when the user was converted.
func (g RoleGrant) ByHand() bool { return byHand(g.Source) }

func byHand(source string) bool { return source == SourceManual || source == SourceAdopted }

// MappingOf is the mapping that a source of an organization or role names, "" for another source.
func MappingOf(source string) MappingID {
	for _, prefix := range []string{sourceGroup, sourceMapping} {
		if id, ok := strings.CutPrefix(source, prefix); ok {
			return MappingID(id)
		}
	}
	return ""
}

// FollowsRules reports whether rules apply to the account: not to a deactivated one, which is resolved when it is
// reactivated, nor to a removed one.
func (u User) FollowsRules() bool {
	return !u.Removed() && u.LifecycleIsActive()
}
