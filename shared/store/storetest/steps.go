package storetest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
)

// stepsByName are the steps of histories. Steps that need something that does not exist do nothing.
var stepsByName = map[string]func(*player, step) string{
	"create user":     (*player).createUser,
	"create many":     (*player).createMany,
	"edit user":       (*player).editUser,
	"edit again":      (*player).editUser,
	"disable user":    (*player).disableUser,
	"delete user":     (*player).deleteUser,
	"move user":       (*player).moveUser,
	"create local":    (*player).createLocal,
	"create group":    (*player).createGroup,
	"edit group":      (*player).editGroup,
	"change members":  (*player).changeMembers,
	"change more":     (*player).changeMembers,
	"fill group":      (*player).fillGroup,
	"empty group":     (*player).emptyGroup,
	"delete group":    (*player).deleteGroup,
	"list":            (*player).list,
	"find":            (*player).find,
	"follow":          (*player).follow,
	"create provider": (*player).createProvider,
	"delete provider": (*player).deleteProvider,
	"new token":       (*player).newToken,
	"pause":           (*player).pause,
}

var stepNames = slices.Sorted(maps.Keys(stepsByName))

// names are few, some in two spellings, so that they are often taken.
var names = []string{"anna", "ANNA", "bob", "Bob", "straße", "STRASSE", "carla", "dora", "Åsa", "a\u030asa", "emil", "fritz"}

func (s step) profile() directory.Profile {
	p := directory.Profile{UserName: names[s.A%len(names)], Active: s.C%4 != 0, Attributes: fmt.Appendf(nil, `{"n":%d}`, s.B%3)}
	if s.B%2 == 0 {
		p.ExternalID = fmt.Sprint("x", s.B%5)
	}
	if s.C%3 == 0 {
		p.Lookups = []directory.Lookup{{Attr: directory.AttrWorkEmail, Value: fmt.Sprintf("%d@example.com", s.C%7)}}
	}
	return p
}

func (p *player) createUser(s step) string {
	u, err := p.s.CreateUser(p.ctx, p.caller(s.D), "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		profile := s.profile()
		return profile, []directory.Change{
			directory.NewChange(directory.AttrUserName, nil, profile.UserName),
			directory.NewChange(directory.AttrExternalID, nil, profile.ExternalID),
		}, nil
	})
	if err == nil {
		p.users = append(p.users, u.ID)
	}
	return p.answer(u, err)
}

// createMany creates enough users for changes that do not fit in one transaction.
func (p *player) createMany(s step) string {
	var out string
	for i := range 12 {
		u, err := p.s.CreateUser(p.ctx, p.caller(s.D), "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: fmt.Sprint("many", p.step, "-", i), Active: true}, nil, nil
		})
		if err == nil {
			p.users = append(p.users, u.ID)
		}
		out = p.answer(u, err)
	}
	return out
}

func (p *player) editUser(s step) string {
	u, c, ok := p.user(s.A)
	if !ok {
		return ""
	}
	manager, _, _ := p.user(s.D)
	v, changed, err := p.s.UpdateUser(p.ctx, c, u.ScimID, directory.UserWant{Groups: true, ManagerName: true}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			n := old.Profile
			switch wish := s.profile(); s.B % 6 {
			case 0:
				n.UserName = wish.UserName
			case 1:
				n.ExternalID = wish.ExternalID
			case 2:
				n.Manager = string(manager.ScimID)
			case 3:
				n.Lookups, n.Attributes = wish.Lookups, wish.Attributes
			case 4:
				n = wish
			}
			changes := []directory.Change{{Attr: "some", Before: []byte(`1`)}}
			if n.ExternalID != old.ExternalID {
				changes = append(changes, directory.NewChange("externalId", directory.OrNil(old.ExternalID), directory.OrNil(n.ExternalID)))
			}
			return n, changes, nil
		})
	if v.Manager != nil {
		v.Groups, v.Manager = append(v.Groups, directory.GroupID(v.Manager.ID)), nil // pointers cannot be compared
	}
	return p.answer(show(v)+fmt.Sprint(changed), err)
}

func (p *player) disableUser(s step) string {
	u, c, ok := p.user(s.A)
	if !ok {
		return ""
	}
	v, changed, err := p.s.UpdateUser(p.ctx, c, u.ScimID, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			n := old.Profile
			n.Active = s.B%3 == 0
			return n, nil, nil
		})
	return p.answer(show(v)+fmt.Sprint(changed), err)
}

func (p *player) deleteUser(s step) string {
	u, c, ok := p.user(s.A)
	if !ok {
		return ""
	}
	return p.answer("deleted", p.s.DeleteUser(p.ctx, c, u.ScimID, func(directory.User) error { return nil }))
}

// moveUser changes a user's home as administrators do: it makes a user local, moves it to a provider or restores it.
func (p *player) moveUser(s step) string {
	u, _, ok := p.user(s.A)
	if !ok {
		return ""
	}
	to, ok := pick(p.providers, s.C)
	if !ok {
		return ""
	}
	if pr, err := p.s.Providers.Provider(p.ctx, p.tenant, to.id); err != nil || pr.State == directory.ProviderDeleting {
		return "no provider to move to"
	}
	fresh := directory.ScimID("u" + p.newID())
	got, err := p.s.Users.UpdateUser(p.ctx, p.tenant, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		n := old
		switch {
		case old.Removed():
			n.RemovedAt, n.Provider, n.ScimID = time.Time{}, to.id, fresh
		case old.Provider == "":
			n.Provider, n.ScimID = to.id, fresh
		case s.B%2 == 0:
			n.Provider, n.ScimID = "", ""
		default:
			n.Provider = to.id
		}
		n.Manager = ""
		return directory.FinishChange(old, n, directory.LogEntry{ID: "e" + directory.EntryID(p.newID()), At: p.now, Provider: old.Provider,
			Action: directory.UserConverted})
	})
	if err != nil {
		got = directory.User{}
	}
	return p.answer(got, err)
}

func (p *player) createLocal(s step) string {
	id := directory.UserID("u" + p.newID())
	_, err := p.s.Users.CreateUser(p.ctx, p.tenant, "", nil, func(directory.Provider) (directory.User, directory.LogEntry, error) {
		u := directory.User{ID: id, Profile: s.profile(), Version: 1, Created: p.now, Modified: p.now}
		return u,
			directory.LogEntry{ID: "e" + directory.EntryID(p.newID()), At: p.now, Action: directory.UserCreated, User: id, Name: u.UserName,
				Version: 1}, nil
	})
	if err == nil {
		p.users = append(p.users, id)
	}
	return p.answer("created", err)
}

// groupAnswer returns answer without the version, which only has to grow.
func (p *player) groupAnswer(g directory.Group, err error) string {
	g.Version = 0
	return p.answer(g, err)
}

func (p *player) createGroup(s step) string {
	members := p.members(s.C%6, s.B)
	g, err := p.s.CreateGroup(p.ctx, p.caller(s.D), nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: names[s.A%len(names)], ExternalID: fmt.Sprint(s.B % 3)}, members, nil, nil
		})
	if err == nil {
		p.groups = append(p.groups, g.Group)
	}
	return p.groupAnswer(g.Group, err)
}

func (p *player) updateGroup(s step, want directory.GroupWant, edit func(*provisioning.GroupEdit)) string {
	g, ok := pick(p.groups, s.A)
	if !ok {
		return ""
	}
	c := p.caller(s.D)
	for i, pr := range p.providers {
		if pr.id == g.Provider {
			c = p.caller(i)
		}
	}
	v, changed, err := p.s.UpdateGroup(p.ctx, c, g.ID, want, nil,
		func(_ directory.Provider, old directory.GroupView) (provisioning.GroupEdit, error) {
			ed := provisioning.GroupEdit{Profile: old.GroupProfile}
			edit(&ed)
			return ed, nil
		})
	return p.groupAnswer(v.Group, err) + fmt.Sprint(changed)
}

func (p *player) editGroup(s step) string {
	return p.updateGroup(s, directory.GroupWant{}, func(e *provisioning.GroupEdit) {
		switch s.B % 3 {
		case 0:
			e.Profile.DisplayName = names[s.C%len(names)]
		case 1:
			e.Profile.ExternalID = fmt.Sprint(s.C % 4)
		}
	})
}

func (p *player) changeMembers(s step) string {
	add, remove := p.members(s.B%50, s.C), p.members(s.C%20, s.D)
	remove = slices.DeleteFunc(remove, func(m directory.ScimID) bool { return slices.Contains(add, m) })
	want := directory.GroupWant{Named: append(slices.Clone(add), remove...), Ancestors: true}
	return p.updateGroup(s, want, func(e *provisioning.GroupEdit) {
		e.Add, e.Remove = add, remove
		if s.D%5 == 0 {
			e.Profile.DisplayName = names[s.C%len(names)]
		}
	})
}

// fillGroup adds every user of the group's provider, often more than fit in one transaction.
func (p *player) fillGroup(s step) string {
	g, ok := pick(p.groups, s.A)
	if !ok {
		return ""
	}
	page, err := p.s.Users.ListUsers(p.ctx, p.tenant, g.Provider, directory.Page{Start: 1, Count: 100}, directory.UserWant{}, nil)
	p.check(err)
	var all []directory.ScimID
	for _, u := range page.Users {
		all = append(all, u.ScimID)
	}
	return p.updateGroup(s, directory.GroupWant{Named: all}, func(e *provisioning.GroupEdit) { e.Add = all })
}

func (p *player) emptyGroup(s step) string {
	g, ok := pick(p.groups, s.A)
	if !ok {
		return ""
	}
	all, err := p.s.Groups.Members(p.ctx, p.tenant, g.Provider, g.ID, "", 1000)
	if directory.IsKind(err, directory.NotFound) {
		return "not found"
	}
	p.check(err)
	all = all[min(s.B%3, len(all)):]
	return p.updateGroup(s, directory.GroupWant{AllMembers: true}, func(e *provisioning.GroupEdit) { e.Remove = all })
}

func (p *player) deleteGroup(s step) string {
	g, ok := pick(p.groups, s.A)
	if !ok {
		return ""
	}
	c := p.caller(s.D)
	for i, pr := range p.providers {
		if pr.id == g.Provider {
			c = p.caller(i)
		}
	}
	return p.answer("deleted", p.s.DeleteGroup(p.ctx, c, g.ID, func(directory.Group) error { return nil }))
}

func (p *player) list(s step) string {
	c := p.caller(s.D)
	page := directory.Page{Start: 1 + s.A%5, Count: s.B % 6}
	if s.C%2 == 0 {
		page = directory.Page{ByCursor: true, Count: s.B % 6}
	}
	us, err := p.s.ListUsers(p.ctx, c, page, directory.UserWant{Groups: true}, nil)
	if page.Count == 0 {
		us.More = false // undefined without a page
	}
	out := p.answer(us, err)
	gs, err := p.s.ListGroups(p.ctx, c, page, directory.GroupWant{}, nil)
	return out + p.answer(fmt.Sprint(gs.Total, len(gs.Groups)), err)
}

func (p *player) find(s step) string {
	wish := s.profile()
	u, c, _ := p.user(s.A)
	out := ""
	for _, key := range []directory.Lookup{
		{Attr: directory.AttrUserName, Value: directory.UserNameKey(wish.UserName)},
		{Attr: directory.AttrExternalID, Value: fmt.Sprint("x", s.B%5)},
		{Attr: directory.AttrWorkEmail, Value: fmt.Sprintf("%d@example.com", s.C%7)}, {Attr: directory.AttrManager, Value: string(u.ScimID)},
	} {
		vs, err := p.s.FindUsers(p.ctx, c, key, 1+s.D%4, directory.UserWant{Groups: true}, nil)
		out += p.answer(vs, err) + "\n"
	}
	for _, key := range []directory.Lookup{
		{Attr: directory.AttrDisplayName, Value: directory.UserNameKey(wish.UserName)}, {Attr: directory.AttrMember, Value: string(u.ScimID)},
		{Attr: directory.AttrExternalID, Value: fmt.Sprint(s.B % 3)},
	} {
		vs, err := p.s.FindGroups(p.ctx, c, key, 1+s.D%4, directory.GroupWant{AllMembers: true}, nil)
		for i := range vs {
			vs[i].Version, vs[i].Profiles, vs[i].Floor = 0, 0, 0
		}
		out += p.answer(vs, err) + "\n"
	}
	return out
}

// follow follows the newest entries of a provider, whether or not they were followed before, and returns the counts.
func (p *player) follow(s step) string {
	c := p.caller(s.D)
	es, err := p.s.Log.Entries(p.ctx, p.tenant, directory.LogQuery{Provider: c.Provider, Count: 30})
	p.check(err)
	slices.Reverse(es)
	p.followBatches(es)
	counts, err := p.s.Counts.Counts(p.ctx, p.tenant, c.Provider, p.now.Add(-time.Hour))
	return p.answer(fmt.Sprint(counts), err)
}

func (p *player) createProvider(s step) string {
	if len(p.providers) > 4 {
		return ""
	}
	pr, token, err := p.s.As(p.admin()).Providers.Create(p.ctx,
		administration.NewProvider{DisplayName: fmt.Sprint("Provider ", s.A%7), Profile: "entra"})
	if err == nil {
		p.providers = append(p.providers, playedProvider{pr.ID, token})
	}
	return p.answer(pr.ID, err)
}

// deleteProvider deletes a provider and immediately does the work that otherwise happens in the background.
func (p *player) deleteProvider(s step) string {
	if s.C%6 != 0 {
		return "" // a history without providers proves little
	}
	d := directory.ProviderDeletion{Users: directory.FateLocal}
	if s.B%2 == 0 {
		d = directory.ProviderDeletion{Users: directory.FateMove, MoveTo: p.caller(s.D).Provider}
	}
	id := p.caller(s.A).Provider
	pr, err := p.s.As(p.admin()).Providers.Delete(p.ctx, id, func(directory.Provider) error { return nil }, d)
	out := p.answer(pr.State, err)
	es, logErr := p.s.Log.Entries(p.ctx, p.tenant, directory.LogQuery{Count: 5})
	p.check(logErr)
	for _, e := range es {
		if e.Remaining == directory.RemainingProvider {
			p.check(p.s.FollowEntry(p.ctx, p.tenant, e))
		}
	}
	return out
}

func (p *player) newToken(s step) string {
	i := s.A % len(p.providers)
	_, cred, token, err := p.s.As(p.admin()).Tokens.Create(p.ctx, p.providers[i].id, func(directory.Provider) error { return nil },
		time.Duration(s.B%3)*time.Hour, time.Time{})
	if err == nil {
		p.providers[i].token = token
	}
	if s.C%4 == 0 && err == nil {
		_, err = p.s.As(p.admin()).Tokens.Revoke(p.ctx, p.providers[i].id, cred.ID, func(directory.Provider) error { return nil })
	}
	return p.answer("token", err)
}

func (p *player) pause(s step) string {
	to := directory.ProviderSetup // ends a pause
	if s.B%5 == 0 {
		to = directory.ProviderPaused
	}
	pr, err := p.s.As(p.admin()).Providers.SetState(p.ctx, p.caller(s.A).Provider, func(directory.Provider) error { return nil }, to)
	return p.answer(pr.State, err)
}
