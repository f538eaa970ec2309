package directory

import (
	"context"
	"encoding/json"
	"strings"

	"rollcall/shared/casefold"
)

// LocalProfile is what an administrator says about a local user.
type LocalProfile struct {
	UserName   string
	Attributes []byte   // canonical SCIM JSON, as in Profile
	WorkEmails []string // as they stand in Attributes: the user is found by them
}

// profile is the user's profile; old is the one before, the zero one for a new user.
func (l LocalProfile) profile(old Profile) Profile {
	p := old
	p.UserName, p.Attributes, p.Lookups = l.UserName, l.Attributes, nil
	for _, e := range l.WorkEmails {
		p.Lookups = append(p.Lookups, Lookup{AttrWorkEmail, casefold.Fold(e)})
	}
	return p
}

// change is one change for the log; nil means unassigned. It panics on values that are no JSON.
func change(attr string, before, after any) Change {
	text := func(v any) json.RawMessage {
		switch v := v.(type) {
		case nil:
			return nil
		case pendingChange: // with every disable and enable
			return v.appendJSON(make([]byte, 0, 128))
		}
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // only callers of this package, with plain values
		}
		return b
	}
	return Change{Attr: attr, Before: text(before), After: text(after)}
}

// userTaken is what an administrator, who sees the whole tenant, is told.
func userTaken(err error) error {
	if taken, ok := asTaken(err); ok {
		return &Error{Kind: Conflict, Attr: AttrUserName, Detail: "another user of the tenant has this userName", Err: taken}
	}
	return err
}

// userNameFree returns the Conflict that storing the userName for the user id would end in: for dry runs.
// The store decides when it writes.
func (s *Service) userNameFree(ctx context.Context, t TenantID, id UserID, userName string) error {
	ps, err := s.Providers.ListProviders(ctx, t)
	if err != nil {
		return err
	}
	for _, p := range append(ps, Provider{}) { // the zero provider has the local users
		vs, err := s.Users.FindUsers(ctx, t, p.ID, Lookup{AttrUserName, userName}, 1, UserWant{}, nil)
		if err != nil {
			return err
		}
		if len(vs) > 0 && vs[0].ID != id {
			return userTaken(&TakenError{Attr: AttrUserName, Holder: string(vs[0].ID), Provider: p.ID})
		}
	}
	return nil
}

// UserByID reads any user of the administrator's tenant, also local and gone ones, with its groups.
// Errors: NotFound.
func (s *Service) UserByID(ctx context.Context, a Admin, id UserID) (UserView, error) {
	return s.Users.UserByID(ctx, a.Tenant, id)
}

// SearchUsers reads a page of the tenant's users and where the next one begins: "" at the end. A page may
// hold fewer than asked for, even none, when many had to be looked at; the first one may hold some more, who had the
// text as their userName in the last year.
func (s *Service) SearchUsers(ctx context.Context, a Admin, q UserSearch) ([]User, string, error) {
	us, next, err := s.Users.SearchUsers(ctx, a.Tenant, q)
	if err == nil {
		us, err = s.findAliases(ctx, a.Tenant, q, us)
	}
	return us, next, err
}

// CreateLocalUser makes a user whom no directory manages; changes are the attributes for the log.
// Errors: Invalid; Conflict (userName).
func (s *Service) CreateLocalUser(ctx context.Context, a Admin, l LocalProfile, changes []Change) (User, error) {
	now := s.Now()
	u := User{
		ID: UserID("u" + s.newID()), Profile: l.profile(Profile{Active: true}),
		Version: 1, Created: now, Modified: now,
	}
	if err := u.Profile.check(); err != nil {
		return User{}, err
	}
	if a.DryRun {
		return u, s.userNameFree(ctx, a.Tenant, u.ID, u.UserName)
	}
	made, err := s.Users.CreateUser(ctx, a.Tenant, "", nil, func(Provider) (User, LogEntry, error) {
		e := s.userEntry(a, UserCreated, u, changes)
		e.Effects = created(u)
		return u, e, nil
	})
	return made, userTaken(err)
}

// userEntry is the entry of what an administrator did to a user: it belongs to the Sync Log.
func (s *Service) userEntry(a Admin, action Action, u User, changes []Change) LogEntry {
	e := s.adminEntry(a, action)
	e.Audit = false
	e.Provider, e.User, e.Name, e.Changes, e.Version = u.Provider, u.ID, u.UserName, changes, u.Version
	return e
}

// LocalEdit computes a local user's new profile from the old user, with the changes for the log. It is
// pure and may run several times. No changes: nothing is written.
type LocalEdit func(old User) (LocalProfile, []Change, error)

// UpdateLocalUser changes a local user.
// Errors: NotFound; Invalid; Conflict (userName, or a directory manages the user); what edit returns.
func (s *Service) UpdateLocalUser(ctx context.Context, a Admin, id UserID, edit LocalEdit) (User, error) {
	return s.changeUser(ctx, a, id, func(old User) (User, *LogEntry, error) {
		l, changes, err := edit(old)
		if err != nil {
			return old, nil, err
		}
		switch {
		case old.Gone():
			return old, nil, Errorf(Conflict, "the directory removed this user")
		case old.Provider != "":
			return old, nil, Errorf(Conflict, "a directory manages this user: change it there")
		case len(changes) == 0:
			return old, nil, nil
		}
		u := old
		u.Profile = l.profile(old.Profile)
		if err := u.Profile.check(); err != nil {
			return old, nil, err
		}
		return conclude(old, u, s.userEntry(a, UserUpdated, u, changes))
	})
}

// changeUser runs a pure update of any user of the tenant, or tries it in a dry run.
func (s *Service) changeUser(ctx context.Context, a Admin, id UserID, update func(User) (User, *LogEntry, error)) (User, error) {
	v, err := s.Users.UserByID(ctx, a.Tenant, id)
	if err != nil {
		return User{}, err
	}
	if !a.DryRun {
		u, err := s.Users.UpdateUser(ctx, a.Tenant, v.User, update)
		return u, userTaken(err)
	}
	u, e, err := update(v.User)
	if err == nil && e != nil {
		err = s.userNameFree(ctx, a.Tenant, u.ID, u.UserName)
	}
	return u, err
}

// SearchGroups reads a page of a provider's groups whose display name contains text, ignoring case, and
// where the next one begins: "" at the end. A page may hold fewer than asked for when MaxWalk groups were
// looked at.
// Errors: NotFound (the provider).
func (s *Service) SearchGroups(ctx context.Context, a Admin, p ProviderID, text string, after GroupID, count int) ([]Group, GroupID, error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return nil, "", err
	}
	text = casefold.Fold(text)
	var out []Group
	for seen := 0; seen < MaxWalk; {
		page, err := s.Groups.ListGroups(ctx, a.Tenant, p, Page{ByCursor: true, After: string(after), Count: max(count, 100)}, GroupWant{}, nil)
		if err != nil {
			return nil, "", err
		}
		for i, v := range page.Groups {
			after = v.ID
			if strings.Contains(v.DisplayNameKey(), text) {
				out = append(out, v.Group)
			}
			if len(out) == count && (page.More || i+1 < len(page.Groups)) {
				return out, after, nil
			}
		}
		if !page.More {
			return out, "", nil
		}
		seen += len(page.Groups)
	}
	return out, after, nil
}

// GroupByID reads a group of a provider of the tenant.
// Errors: NotFound.
func (s *Service) GroupByID(ctx context.Context, a Admin, p ProviderID, id GroupID) (Group, error) {
	if _, err := s.ProviderByID(ctx, a, p); err != nil {
		return Group{}, err
	}
	v, err := s.Groups.ReadGroup(ctx, a.Tenant, p, id, GroupWant{}, nil)
	return v.Group, err
}

// GroupMember is a member as administrators see it: a user or a nested group.
type GroupMember struct {
	ID    ScimID
	User  *User  // nil for a group, and for one who left between two reads
	Group *Group // nil for a user
}

// GroupMembers reads a page of a group's members in the order of their ids, after the given one, and
// where the next page begins: "" at the end.
// Errors: NotFound.
func (s *Service) GroupMembers(ctx context.Context, a Admin, p ProviderID, id GroupID, after ScimID, count int) ([]GroupMember, ScimID, error) {
	if _, err := s.GroupByID(ctx, a, p, id); err != nil {
		return nil, "", err
	}
	ids, err := s.Groups.Members(ctx, a.Tenant, p, id, after, count+1)
	if err != nil {
		return nil, "", err
	}
	var next ScimID
	if len(ids) > count {
		ids = ids[:count]
		next = ids[count-1]
	}
	out := make([]GroupMember, len(ids))
	for i, m := range ids {
		out[i].ID = m
		if m.IsGroup() {
			v, err := s.Groups.ReadGroup(ctx, a.Tenant, p, GroupID(m), GroupWant{}, nil)
			if err == nil {
				out[i].Group = &v.Group
			} else if !IsKind(err, NotFound) {
				return nil, "", err
			}
			continue
		}
		v, err := s.Users.ReadUser(ctx, a.Tenant, p, m, UserWant{}, nil)
		if err == nil {
			out[i].User = &v.User
		} else if !IsKind(err, NotFound) {
			return nil, "", err
		}
	}
	return out, next, nil
}
