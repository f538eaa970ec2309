package directory

import "context"

// User reads one user of the caller's provider.
// Errors: Unauthenticated; Unavailable; NotFound; what admit returns.
func (s *Service) User(ctx context.Context, c Caller, id ScimID, want UserWant, admit Admit) (UserView, error) {
	x := s.session(c)
	return s.Users.ReadUser(ctx, x.tenant, c.Provider, id, want, x.admit(admit))
}

// FindUsers reads the users of the caller's provider that have the key, at most limit.
func (s *Service) FindUsers(ctx context.Context, c Caller, key Lookup, limit int, want UserWant, admit Admit) ([]UserView, error) {
	x := s.session(c)
	return s.Users.FindUsers(ctx, x.tenant, c.Provider, key, limit, want, x.admit(admit))
}

// ListUsers reads a page of the users of the caller's provider.
func (s *Service) ListUsers(ctx context.Context, c Caller, page Page, want UserWant, admit Admit) (UserPage, error) {
	x := s.session(c)
	return s.Users.ListUsers(ctx, x.tenant, c.Provider, page, want, x.admit(admit))
}

// CreateUser creates a user of the caller's provider from the profile that make returns; changes are the
// attributes for the log. externalID is the one in the request: when the directory deleted a person with it
// lately, the account is restored under a new SCIM id. A person who is created disabled is deactivated. A local user
// of the name is converted in place of a conflict if an administrator approved that.
// Errors: Invalid; Conflict (userName); what make returns.
func (s *Service) CreateUser(ctx context.Context, c Caller, externalID string, admit Admit, make func(Provider) (Profile, []Change, error)) (User, error) {
	x := s.session(c)
	var attempted Profile
	var attributes []Change
	id := "u" + s.newID()
	create := func(p Provider, gone []User) (User, LogEntry, error) {
		profile, changes, err := make(p)
		if err != nil {
			return User{}, LogEntry{}, err
		}
		if err := profile.check(); err != nil {
			return User{}, LogEntry{}, err
		}
		attempted, attributes = profile, changes
		for _, old := range gone {
			if old.restorable(profile.ExternalID, x.now) {
				e := x.entry(UserRestored)
				e.Changes = changes
				back := old.restored(ScimID(id), profile)
				back.CountryCode = x.s.countryCode(old.Profile, profile, old.CountryCode)
				u, entry, err := conclude(old, back, e)
				return u, *entry, err
			}
		}
		u := User{
			ID: UserID(id), ScimID: ScimID(id), Provider: p.ID, Profile: profile,
			Account: p.firstPlace(), Version: 1, Created: x.now, Modified: x.now,
		}
		u.CountryCode = x.s.countryCode(Profile{}, profile, "")
		if !u.Active {
			u = u.deactivated(x.now)
		}
		if u.OrgID != "" {
			changes = append(changes, Change{Attr: AttrOrganization, After: []byte(`"` + u.OrgID + `"`)})
		}
		e := x.entry(UserCreated)
		e.User, e.Name, e.Changes, e.Version, e.Effects = u.ID, u.UserName, changes, u.Version, created(u)
		return u, e, nil
	}
	var u User
	var err error
	if guidShaped(externalID) {
		u, err = s.Leavers.CreateOrRestoreUser(ctx, x.tenant, c.Provider, externalID, x.admit(admit), create)
	} else {
		u, err = s.Users.CreateUser(ctx, x.tenant, c.Provider, x.admit(admit), func(p Provider) (User, LogEntry, error) { return create(p, nil) })
	}
	if taken, ok := asTaken(err); ok {
		if u, adopted, err := x.adopt(ctx, attempted, attributes, taken); adopted || err != nil {
			return u, err
		}
		if err := x.collide(ctx, attempted, taken); err != nil {
			return User{}, err
		}
		return User{}, taken.conflict(c.Provider)
	}
	return u, err
}

// departure is a leave that the session's request asks for.
func (x *session) departure(cause string) departure {
	return departure{
		at: x.now, delay: x.provider.DeactivationDelay, cause: cause,
		provider: x.caller.Provider, request: x.actor.RequestID,
		frozen: x.provider.Guard.Tripped(), staged: x.provider.Guard.Tripped() && x.provider.Guard.Mode == GuardStages,
	}
}

// UserEdit computes a user's new profile from the old one, with the changed attributes for the log. It
// is pure and may run several times. Returning the old profile changes nothing.
type UserEdit func(p Provider, old UserView) (Profile, []Change, error)

// UpdateUser changes a user of the caller's provider; the answer tells whether anything changed.
// Errors: NotFound; Invalid; Conflict (userName); what edit returns.
func (s *Service) UpdateUser(ctx context.Context, c Caller, id ScimID, want UserWant, admit Admit, edit UserEdit) (UserView, bool, error) {
	x := s.session(c)
	view, err := s.Users.ReadUser(ctx, x.tenant, c.Provider, id, want, x.admit(admit))
	if err != nil {
		return UserView{}, false, err
	}
	changed := false
	u, err := s.Users.UpdateUser(ctx, x.tenant, view.User, func(old User) (User, *LogEntry, error) {
		changed = false
		if old.Gone() || old.Provider != c.Provider {
			return old, nil, Errorf(NotFound, "no such user")
		}
		profile, changes, err := edit(x.provider, UserView{User: old, Groups: view.Groups, Manager: view.Manager})
		if err != nil || profile.Equal(old.Profile) {
			return old, nil, err
		}
		if err := profile.check(); err != nil {
			return old, nil, err
		}
		changed = true
		e := x.entry(editAction(old.Profile, profile))
		e.Changes = changes
		u := old.said(profile, x.departure(CauseDisable))
		u.CountryCode = x.s.countryCode(old.Profile, profile, old.CountryCode)
		return conclude(old, u, e)
	})
	if taken, ok := asTaken(err); ok {
		return UserView{}, false, taken.conflict(c.Provider)
	}
	if err != nil {
		return UserView{}, false, err
	}
	view.User = u
	return view, changed, nil
}

func editAction(old, new Profile) Action {
	switch {
	case old.Active && !new.Active:
		return UserDisabled
	case !old.Active && new.Active:
		return UserEnabled
	}
	return UserUpdated
}

// DeleteUser removes a user from what SCIM shows: 404 from then on, in no group, nobody's manager, the
// userName free. The account inside stays, gone, and is deactivated as a disabled one would be. check sees the user
// first, for preconditions.
// Errors: NotFound; what check returns.
func (s *Service) DeleteUser(ctx context.Context, c Caller, id ScimID, check func(User) error) error {
	x := s.session(c)
	view, err := s.Users.ReadUser(ctx, x.tenant, c.Provider, id, UserWant{}, x.admit(nil))
	if err != nil {
		return err
	}
	_, err = s.Users.UpdateUser(ctx, x.tenant, view.User, func(old User) (User, *LogEntry, error) {
		if old.Gone() || old.Provider != c.Provider {
			return old, nil, Errorf(NotFound, "no such user")
		}
		if err := check(old); err != nil {
			return old, nil, err
		}
		return conclude(old, old.removed(x.departure(CauseDelete)), x.entry(UserDeleted))
	})
	return err
}
