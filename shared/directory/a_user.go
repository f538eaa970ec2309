package directory

import (
	"context"
	"slices"

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

// findAliases are the users that a search finds by a userName they had, besides those found anyway.
func (s *Service) findAliases(ctx context.Context, t TenantID, q UserSearch, found []User) ([]User, error) {
	if q.Text == "" || q.After != "" {
		return found, nil
	}
	ids, err := s.Aliases.AliasesOf(ctx, t, UserNameKey(q.Text), s.Now(), maxAliases)
	if err != nil {
		return nil, err
	}
	q.Text = ""
	var out []User
	for _, id := range ids {
		if slices.ContainsFunc(found, func(u User) bool { return u.ID == id }) {
			continue
		}
		v, err := s.Users.UserByID(ctx, t, id)
		if err != nil && !IsKind(err, NotFound) {
			return nil, err
		}
		if err == nil && v.Lifecycle != LifecyclePurged && q.Matches(v.User) {
			out = append(out, v.User)
		}
	}
	return append(out, found...), nil
}

// DecideUser carries out an administrator's decision about any user; check sees the user first. What is so
// already is no error and writes nothing. To unblock or reactivate a user whom the directory removed makes
// a local user of them.
// Errors: NotFound; Conflict when the state forbids it, the user is purged, or another user has the
// userName by now; what check returns.
func (s *Service) DecideUser(ctx context.Context, a Admin, id UserID, check func(User) error, d Decision) (User, error) {
	by := AdminBlock{By: a.Actor.ID, At: s.Now(), Reason: a.Actor.Reason}
	return s.changeUser(ctx, a, id, func(old User) (User, *LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		if old.Lifecycle == LifecyclePurged {
			return old, nil, Errorf(Conflict, "the user is purged: only an empty record is left")
		}
		u, action, err := old.decide(d, by)
		if err != nil {
			return old, nil, err
		}
		e := s.adminEntry(a, action)
		e.Audit, e.Provider, e.At = false, old.Provider, by.At
		return conclude(old, u, e)
	})
}

// EraseUser purges one user now, and in half an hour erases what the log says of them: names, values and reasons.
// confirm is the userName, typed by who is sure. check sees the user first.
// Errors: NotFound; Conflict when confirm differs, or the user is not deactivated, is on hold, the directory still
// knows them, or they are purged already; what check returns.
func (s *Service) EraseUser(ctx context.Context, a Admin, id UserID, check func(User) error, confirm string) (User, error) {
	return s.changeUser(ctx, a, id, func(old User) (User, *LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		switch {
		case old.Lifecycle == LifecyclePurged:
			return old, nil, Errorf(Conflict, "the user is purged already")
		case UserNameKey(confirm) != UserNameKey(old.UserName):
			return old, nil, &Error{Kind: Conflict, Attr: "confirm", Detail: "confirm must be the user's userName"}
		case len(old.Holds) > 0:
			return old, nil, Errorf(Conflict, "the user is on legal hold")
		case old.deactivable():
			return old, nil, Errorf(Conflict, "the user is not deactivated")
		case old.Provider != "" && !old.Gone():
			return old, nil, Errorf(Conflict, "the directory still knows the user: delete them there, or convert them to a local user")
		}
		return s.purged(a, old)
	})
}

// purged is what is left of a user, and the entry from which the log is erased.
func (s *Service) purged(a Admin, u User) (User, *LogEntry, error) {
	e := s.adminEntry(a, UserPurged)
	e.Audit, e.Provider, e.Actor.Reason = false, u.Provider, "" // a reason may name the person
	return conclude(u, u.purged(), e)
}
