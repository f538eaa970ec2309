package administration

import (
	"context"
	"slices"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
)

// LocalProfile is the profile of a local user as an administrator gives it.
type LocalProfile struct {
	UserName   string
	Attributes []byte   // canonical SCIM JSON, as in Profile
	WorkEmails []string // as in Attributes: the user is found by them
}

// profile is the user's new profile; old is the present one, zero for a new user.
func (l LocalProfile) profile(old directory.Profile) directory.Profile {
	p := old
	p.UserName, p.Attributes, p.Lookups = l.UserName, l.Attributes, nil
	for _, e := range l.WorkEmails {
		p.Lookups = append(p.Lookups, directory.Lookup{Attr: directory.AttrWorkEmail, Value: casefold.Fold(e)})
	}
	return p
}

// userTaken translates a TakenError for an administrator, who may see the whole tenant.
func userTaken(err error) error {
	if taken, ok := directory.AsTaken(err); ok {
		return &directory.Error{Kind: directory.Conflict, Attr: directory.AttrUserName, Detail: "another user of the tenant has this userName",
			Err: taken}
	}
	return err
}

// ByID reads any user of the administrator's tenant, also local and removed ones, with its groups.
// Errors: NotFound.
func (s Users) ByID(ctx context.Context, id directory.UserID) (directory.UserView, error) {
	return s.ports.Users.UserByID(ctx, s.tenant, id)
}

// Search reads a page of the tenant's users and the position to continue after: "" at the end. A page may hold fewer
// than asked for, even none, when many had to be read; the first may hold some more, whose userName was the text in the
// last year.
func (s Users) Search(ctx context.Context, q directory.UserSearch) ([]directory.User, string, error) {
	if q.Shown != "" || q.MaySignIn != nil {
		var err error
		if q.Barred, err = (Organizations(s)).allBarred(ctx); err != nil {
			return nil, "", err
		}
	}
	us, next, err := s.ports.Users.SearchUsers(ctx, s.tenant, q)
	if err == nil {
		us, err = s.findAliases(ctx, q, us)
	}
	return us, next, err
}

// CreateLocal creates a local user; changes are the attributes for the log.
// Errors: Invalid; Conflict (userName).
func (s Users) CreateLocal(ctx context.Context, l LocalProfile, changes []directory.Change) (directory.User, error) {
	now := s.rt.Time()
	u := directory.User{
		ID: directory.UserID("u" + s.rt.NewID()), Profile: l.profile(directory.Profile{Active: true}),
		Version: 1, Created: now, Modified: now,
	}
	if err := u.Profile.Check(); err != nil {
		return directory.User{}, err
	}
	created, err := s.ports.Users.CreateUser(ctx, s.tenant, "", nil, func(directory.Provider) (directory.User, directory.LogEntry, error) {
		e := s.entry(directory.UserCreated)
		e.Audit = false
		return u, directory.CreationEntry(u, e, changes), nil
	})
	return created, userTaken(err)
}

// userEntry is the entry of an administrator's change of a user, which belongs in the Sync Log.
func (s *session) userEntry(action directory.Action, u directory.User, changes []directory.Change) directory.LogEntry {
	e := s.entry(action).OfUser(u.ID)
	e.Audit = false
	e.Provider, e.Name, e.Changes, e.Version = u.Provider, u.UserName, changes, u.Version
	return e
}

// LocalEdit computes a local user's new profile from the old user, and the changes for the log. It is pure and may run
// several times. No changes: nothing is written.
type LocalEdit func(old directory.User) (LocalProfile, []directory.Change, error)

// UpdateLocal changes a local user.
// Errors: NotFound; Invalid; Conflict (userName, or a directory manages the user); what edit returns.
func (s Users) UpdateLocal(ctx context.Context, id directory.UserID, edit LocalEdit) (directory.User, error) {
	return s.changeUser(ctx, id, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		l, changes, err := edit(old)
		if err != nil {
			return old, nil, err
		}
		switch {
		case old.Removed():
			return old, nil, directory.Errorf(directory.Conflict, "the directory removed this user")
		case old.Provider != "":
			return old, nil, directory.Errorf(directory.Conflict, "a directory manages this user: change it there")
		case len(changes) == 0:
			return old, nil, nil
		}
		u := old
		u.Profile = l.profile(old.Profile)
		if err := u.Profile.Check(); err != nil {
			return old, nil, err
		}
		return directory.FinishChange(old, u, s.userEntry(directory.UserUpdated, u, changes))
	})
}

// changeUser runs a pure update of any user of the tenant.
func (s *session) changeUser(ctx context.Context, id directory.UserID, update directory.Update[directory.User]) (directory.User, error) {
	const tries = 5
	for range tries {
		v, err := s.ports.Users.UserByID(ctx, s.tenant, id)
		if err != nil {
			return directory.User{}, err
		}
		asked, err := s.askForUser(ctx, v, update)
		if err != nil {
			return directory.User{}, err
		}
		changed := false
		u, err := s.ports.Users.UpdateUser(ctx, s.tenant, v.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
			if changed = asked && old.Version != v.Version; changed {
				return old, nil, nil
			}
			return update(old)
		})
		if !changed {
			return u, userTaken(err)
		}
	}
	return directory.User{}, directory.Errorf(directory.Unavailable, "the user is being changed by others: try again")
}

// findAliases adds to the users found by a search those that it finds by a former userName.
func (s Users) findAliases(ctx context.Context, q directory.UserSearch, found []directory.User) ([]directory.User, error) {
	if q.Text == "" || q.After != "" {
		return found, nil
	}
	ids, err := s.ports.Aliases.AliasesOf(ctx, s.tenant, directory.UserNameKey(q.Text), s.rt.Time(), directory.MaxAliases)
	if err != nil {
		return nil, err
	}
	q.Text = ""
	var out []directory.User
	for _, id := range ids {
		if slices.ContainsFunc(found, func(u directory.User) bool { return u.ID == id }) {
			continue
		}
		v, err := s.ports.Users.UserByID(ctx, s.tenant, id)
		if err != nil && !directory.IsKind(err, directory.NotFound) {
			return nil, err
		}
		if err == nil && v.Lifecycle != directory.LifecyclePurged && q.Matches(v.User) {
			out = append(out, v.User)
		}
	}
	return append(out, found...), nil
}

// Decide carries out an administrator's decision about any user; check sees the user first. A decision already in
// effect is no error and writes nothing. Unblocking or reactivating a removed user makes it local.
// Errors: NotFound; Conflict when the state forbids it, the user is purged, or another user now has the userName; what
// check returns.
func (s Users) Decide(
	ctx context.Context, id directory.UserID, check func(directory.User) error, d directory.Decision,
) (directory.User, error) {
	by := directory.AdminBlock{By: s.admin.Actor.ID, At: s.rt.Time(), Reason: s.admin.Actor.Reason}
	return s.changeUser(ctx, id, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		if old.Lifecycle == directory.LifecyclePurged {
			return old, nil, directory.Errorf(directory.Conflict, "the user is purged: only an empty record is left")
		}
		u, action, err := old.Decide(d, by)
		if err != nil {
			return old, nil, err
		}
		e := s.entry(action)
		e.Audit, e.Provider, e.At = false, old.Provider, by.At
		return directory.FinishChange(old, u, e)
	})
}

// Erase purges one user now, and in half an hour erases their names, values and reasons from the log. confirm is the
// userName or the id, typed as a confirmation. check sees the user first.
// Errors: NotFound; Conflict when confirm differs, or the user is not deactivated, is on hold, still in the directory,
// or purged already; what check returns.
func (s Users) Erase(ctx context.Context, id directory.UserID, check func(directory.User) error, confirm string) (directory.User, error) {
	u, err := s.changeUser(ctx, id, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		switch {
		case old.Lifecycle == directory.LifecyclePurged:
			return old, nil, directory.Errorf(directory.Conflict, "the user is purged already")
		case !namesUser(confirm, old):
			return old, nil, &directory.Error{Kind: directory.Conflict, Attr: "confirm", Detail: "confirm must be the user's userName or id"}
		case len(old.Holds) > 0:
			return old, nil, directory.Errorf(directory.Conflict, "the user is on legal hold")
		case old.LifecycleIsActive():
			return old, nil, directory.Errorf(directory.Conflict, "the user is not deactivated")
		case old.Provider != "" && !old.Removed():
			return old, nil,
				directory.Errorf(directory.Conflict, "the directory still knows the user: delete them there, or convert them to a local user")
		}
		return s.purged(old)
	})
	if err != nil {
		return u, err
	}
	return u, Proposals(s).forget(ctx, "users/"+string(id)) // their bodies may name the person
}

// namesUser reports whether a confirmation is the user's name or id.
func namesUser(confirm string, u directory.User) bool {
	return confirm == string(u.ID) || directory.UserNameKey(confirm) == directory.UserNameKey(u.UserName)
}

// purged returns the stub of a user, and the entry whose following erases the log.
func (s Users) purged(u directory.User) (directory.User, *directory.LogEntry, error) {
	e := s.entry(directory.UserPurged)
	e.Audit, e.Provider, e.Actor.Reason = false, u.Provider, "" // a reason may name the person
	return directory.FinishChange(u, u.Purged(), e)
}

// converted returns a local user as converted to a provider's user, and the entry.
func (s *session) converted(old directory.User, p directory.Provider) (directory.User, *directory.LogEntry, error) {
	u := old.ConvertedTo(p)
	return directory.FinishChange(old, u, s.userEntry(directory.UserConverted, u, nil))
}

// requireConvertibleProvider reads the provider that users are to be converted to.
// Errors: Invalid if there is none; Conflict when it is being deleted.
func (s *session) requireConvertibleProvider(ctx context.Context, id directory.ProviderID) (directory.Provider, error) {
	p, err := Providers{s}.ByID(ctx, id)
	if directory.IsKind(err, directory.NotFound) {
		return p, noneOf("provider", "must be the id of a provider of the tenant", []directory.ProviderID{id})
	}
	if err == nil && p.State == directory.ProviderDeleting {
		err = directory.Errorf(directory.Conflict, "the provider is being deleted")
	}
	return p, err
}

// hasPrivilegedRole reports whether a user has a privileged role.
func (s *session) hasPrivilegedRole(ctx context.Context, u directory.User) (bool, error) {
	c, err := s.ports.Roles.Catalogue(ctx, s.tenant)
	return slices.ContainsFunc(u.RoleGrants, func(g directory.RoleGrant) bool {
		r, _ := c.Find(g.Role)
		return r.Privileged
	}), err
}

// Convert makes a local user one of a provider's users, so that the directory's next cycle finds it by userName. For a
// user with privileged roles, confirm must be the userName or the id.
// Errors: NotFound; Invalid (provider); Conflict (not local, purged, or the provider is being deleted; confirm); what
// check returns.
func (s Users) Convert(
	ctx context.Context, id directory.UserID, check func(directory.User) error, p directory.ProviderID, confirm string,
) (directory.User, error) {
	v, err := s.ports.Users.UserByID(ctx, s.tenant, id)
	if err != nil {
		return directory.User{}, err
	}
	to, err := s.requireConvertibleProvider(ctx, p)
	if err != nil {
		return directory.User{}, err
	}
	privileged, err := s.hasPrivilegedRole(ctx, v.User)
	if err != nil {
		return directory.User{}, err
	}
	return s.changeUser(ctx, id, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		switch {
		case old.Provider != "":
			return old, nil, directory.Errorf(directory.Conflict, "a directory manages this user already")
		case old.Lifecycle == directory.LifecyclePurged:
			return old, nil, directory.Errorf(directory.Conflict, "the user is purged: only an empty record is left")
		case privileged && !namesUser(confirm, old):
			return old, nil,
				&directory.Error{Kind: directory.Conflict, Attr: "confirm",
					Detail: "the user has privileged roles: confirm must be the user's userName or id"}
		}
		return s.converted(old, to)
	})
}
