package administration

import (
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// situation is everything that decides which privileged roles reach whom, or the part of it that a change concerns.
type situation struct {
	roles     directory.Catalogue
	orgs      map[directory.OrgID]directory.Organization
	providers []*mapped
	people    []*person
	held      []directory.RoleID // roles that somebody has
	moved     directory.ProviderID
}

// mapped is a provider with its mappings.
type mapped struct {
	*directory.Provider
	m      *directory.MappingSet
	secret bool // it gets one more token or client secret
}

// person is a user that a change names, and what the rules make of them.
type person struct {
	*directory.User
	placed directory.Resolution
	inOrg  bool // the default roles of the organization reach them
}

// way is one of the ways in which a privileged role reaches people.
type way struct {
	role     directory.RoleID
	provider directory.ProviderID
	kind, id string
}

// The kinds of ways. Of those in placements, the ones before which wayNew stands concern new people only.
const (
	wayUnmarked = "unmarked"    // the role is not privileged any more, so that anybody could give it
	wayHeld     = "held"        // somebody has the role, which becomes privileged
	wayPerson   = "person"      // id has or gets it
	wayDefault  = "default"     // it is a default role of id
	wayMapping  = "mapping"     // a mapping of group id names it
	wayMember   = "member"      // the mappings are in force for group id
	wayIn       = "in"          // people are in id, which has it as a default role
	wayEveryone = "everyone"    // of the provider is placed there
	wayGroup    = "group"       // id is placed there
	wayNamed    = "named"       // whose attribute has the value id is placed there
	wayRest     = "rest"        // whom no rule places is placed there
	wayTemplate = "template"    // organizations made by the attribute have it
	waySecret   = "secret"      // one more token can put people into the groups
	wayMoved    = "moved"       // people come from provider id
	wayNew      = "new people " // before the kinds of placements
)

// gains returns the ways in which a change brings privileged roles to more people than have them or would have them
// already, in order. It is pure, and answers for every change of settings and of people.
func gains(was, is *situation) []way {
	before, after := was.ways(), is.ways()
	for _, r := range was.roles.Roles {
		if now, found := is.roles.Find(r.ID); r.Privileged && found && !now.Privileged {
			after.add(way{role: r.ID, kind: wayUnmarked}, nil)
		}
	}
	var keys []string
	for key, x := range after {
		if !before.cover(x) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	out := make([]way, len(keys))
	for i, key := range keys {
		out[i] = after[key].way
	}
	return out
}

// ways are ways by their keys.
type ways map[string]*reached

// reached is a way with the groups and names whose people it passes over.
type reached struct {
	way
	except []string
}

func (w way) key() string {
	return strings.Join([]string{string(w.role), string(w.provider), w.kind, w.id}, "\n")
}

func (ws ways) add(w way, except []string) { ws[w.key()] = &reached{w, except} }

// cover reports whether everybody whom a way reaches was reached before.
func (ws ways) cover(x *reached) bool {
	w := x.way
	if ws.passOver(w, x.except) {
		return true
	}
	kind, isNew := strings.CutPrefix(w.kind, wayNew)
	if kind != wayGroup && kind != wayNamed && kind != wayRest {
		return false
	}
	if w.kind, w.id = wayEveryone, ""; isNew {
		w.kind = wayNew + wayEveryone
	}
	return ws.passOver(w, x.except)
}

// passOver reports whether the way is there and passes over nobody else.
func (ws ways) passOver(w way, except []string) bool {
	x := ws[w.key()]
	if x == nil {
		return false
	}
	for _, name := range x.except {
		if !slices.Contains(except, name) {
			return false
		}
	}
	return true
}

func (s *situation) ways() ways {
	ws := ways{}
	for _, p := range s.providers {
		if p.State != directory.ProviderDeleting {
			s.addProvider(ws, p)
		}
	}
	for id := range s.orgs {
		for _, r := range s.defaults(id) {
			ws.add(way{r, "", wayDefault, string(id)}, nil)
		}
	}
	for _, p := range s.people {
		for _, r := range s.reaching(p) {
			ws.add(way{r, "", wayPerson, string(p.ID)}, nil)
		}
	}
	for _, r := range s.privileged(s.held) {
		ws.add(way{r, "", wayHeld, ""}, nil)
	}
	return ws
}

// privileged returns those of the roles that are.
func (s *situation) privileged(ids []directory.RoleID) (out []directory.RoleID) {
	for _, id := range ids {
		if r, _ := s.roles.Find(id); r.Privileged {
			out = append(out, id)
		}
	}
	return out
}

// defaults returns the privileged default roles of an organization.
func (s *situation) defaults(id directory.OrgID) []directory.RoleID {
	return s.privileged(s.orgs[id].DefaultRoles)
}

// reaching returns the privileged roles that a person has, or could get where they are.
func (s *situation) reaching(p *person) []directory.RoleID {
	var ids []directory.RoleID
	for _, g := range p.RoleGrants {
		ids = append(ids, g.Role)
	}
	for _, g := range p.placed.Grants {
		ids = append(ids, g.Role)
	}
	out := append(s.privileged(ids), s.defaults(p.placed.Org)...)
	if p.inOrg {
		out = append(out, s.defaults(p.OrgID)...)
	}
	return out
}

// addProvider adds the ways of a provider's mappings.
func (s *situation) addProvider(ws ways, p *mapped) {
	inForce := p.RoleMapping.Mode == directory.RolesGroups
	for _, m := range p.m.Roles {
		for _, r := range s.privileged(m.Roles) {
			for _, g := range m.Groups {
				ws.add(way{r, p.ID, wayMapping, string(g.ID)}, nil)
				if inForce {
					ws.add(way{r, p.ID, wayMember, string(g.ID)}, nil)
				}
			}
		}
	}
	// put adds a way of default roles: who is in a group with another role mapping does not get them.
	put := func(r directory.RoleID, kind, id string, except []string) {
		if inForce {
			for _, m := range p.m.Roles {
				if !slices.Contains(m.Roles, r) {
					except = append(slices.Clone(except), groupNames(m.Groups)...)
				}
			}
			ws.add(way{r, p.ID, kind, id}, except)
		}
		if kind != wayIn {
			ws.add(way{r, p.ID, wayNew + kind, id}, except)
		}
	}
	for id := range s.orgs {
		for _, r := range s.defaults(id) {
			put(r, wayIn, string(id), nil)
		}
	}
	s.addPlacements(p, put)
	if s.moved != "" || p.secret {
		var own []way
		for _, x := range ws {
			if x.provider == p.ID {
				own = append(own, x.way)
			}
		}
		for _, w := range own {
			if p.secret && w.kind != wayIn {
				ws.add(way{w.role, p.ID, waySecret, ""}, nil)
			}
			if s.moved != "" {
				ws.add(way{w.role, p.ID, wayMoved, string(s.moved)}, nil)
			}
		}
	}
}

// addPlacements puts the ways in which a provider's people come into organizations with privileged default roles.
func (s *situation) addPlacements(p *mapped, put func(r directory.RoleID, kind, id string, except []string)) {
	rules := directory.Rules{Orgs: s.orgs}
	fallback := p.OrgMapping.Org
	if !rules.TakesPeople(fallback) {
		fallback = directory.DefaultOrg
	}
	var earlier []*placement
	kind, path := wayGroup, p.OrgMapping.Path()
	switch p.OrgMapping.Method {
	case directory.OrgSingle:
		for _, r := range s.defaults(fallback) {
			put(r, wayEveryone, "", nil)
		}
		return
	case directory.OrgGroups:
		for _, m := range p.m.Orgs {
			if rules.TakesPeople(m.Org) {
				earlier = append(earlier, &placement{m.Org, groupNames(m.Groups)})
			}
		}
	case directory.OrgNamed, directory.OrgAttribute:
		kind = wayNamed
		for _, o := range s.orgs {
			if o.State == directory.OrgActive {
				names := o.NameKeys()
				for i := range names {
					names[i] = path + " " + names[i]
				}
				earlier = append(earlier, &placement{o.ID, names})
			}
		}
		for _, r := range s.defaults(p.OrgMapping.Template) {
			put(r, wayTemplate, path, nil)
		}
	default:
		return
	}
	for i, e := range earlier {
		for _, r := range s.defaults(e.org) {
			for _, name := range e.names {
				var except []string
				if kind == wayGroup { // the first mapping decides; a name is only one organization's
					except = s.passed(r, earlier[:i])
				}
				put(r, kind, name, except)
			}
		}
	}
	for _, r := range s.defaults(fallback) {
		put(r, wayRest, "", s.passed(r, earlier))
	}
}

// passed returns the names that are placed elsewhere, where the role is none of the defaults.
func (s *situation) passed(r directory.RoleID, elsewhere []*placement) (out []string) {
	for _, e := range elsewhere {
		if !slices.Contains(s.orgs[e.org].DefaultRoles, r) {
			out = append(out, e.names...)
		}
	}
	return out
}

// placement is an organization, with the groups or names whose people a provider's rules put there.
type placement struct {
	org   directory.OrgID
	names []string
}

func groupNames(gs []directory.MappedGroup) []string {
	out := make([]string, len(gs))
	for i, g := range gs {
		out[i] = string(g.ID)
	}
	return out
}
