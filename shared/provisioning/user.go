package provisioning

import (
	"context"

	"rollcall/shared/directory"
)

// User reads one user of the caller's provider.
// Errors: Unauthenticated; Unavailable; NotFound; what admit returns.
func (s *Service) User(
	ctx context.Context, c Caller, id directory.ScimID, want directory.UserWant, admit directory.Admit,
) (directory.UserView, error) {
	x := s.session(c)
	return s.ports.Users.ReadUser(ctx, x.tenant, c.Provider, id, want, x.admit(admit))
}

// FindUsers reads the users of the caller's provider that have the key, at most limit.
func (s *Service) FindUsers(
	ctx context.Context, c Caller, key directory.Lookup, limit int, want directory.UserWant, admit directory.Admit,
) ([]directory.UserView, error) {
	x := s.session(c)
	return s.ports.Users.FindUsers(ctx, x.tenant, c.Provider, key, limit, want, x.admit(admit))
}

// ListUsers reads a page of the users of the caller's provider.
func (s *Service) ListUsers(
	ctx context.Context, c Caller, page directory.Page, want directory.UserWant, admit directory.Admit,
) (directory.UserPage, error) {
	x := s.session(c)
	return s.ports.Users.ListUsers(ctx, x.tenant, c.Provider, page, want, x.admit(admit))
}

// MemberUsers reads a page of the users who are members of a group of the caller's provider.
func (s *Service) MemberUsers(
	ctx context.Context, c Caller, g directory.GroupID, page directory.Page, want directory.UserWant, admit directory.Admit,
) (directory.UserPage, error) {
	x := s.session(c)
	return s.ports.Users.MemberUsers(ctx, x.tenant, c.Provider, g, page, want, x.admit(admit))
}

// MatchingProgress returns how many users of the caller's provider are indexed by its matching attributes, of how many.
func (s *Service) MatchingProgress(ctx context.Context, c Caller, p directory.Provider) (done, total int, err error) {
	return directory.MatchingProgress(ctx, s.ports.Tasks, s.ports.Users, s.session(c).tenant, p)
}

// CreateUser creates a user of the caller's provider from the profile and changes that build returns. externalID is the
// one in the request: a user with it that was removed within RestoreWindow is restored under a new SCIM id. A user
// created as disabled is deactivated. A local user with the userName is converted if an administrator approved that.
// Errors: Invalid; Conflict (userName); what build returns.
func (s *Service) CreateUser(
	ctx context.Context, c Caller, externalID string, admit directory.Admit,
	build func(directory.Provider) (directory.Profile, []directory.Change, error),
) (directory.User, error) {
	x := s.session(c)
	var attempted directory.Profile
	var attributes []directory.Change
	id := "u" + s.rt.NewID()
	create := func(p directory.Provider, removed []directory.User) (directory.User, directory.LogEntry, error) {
		profile, changes, err := build(p)
		if err != nil {
			return directory.User{}, directory.LogEntry{}, err
		}
		if err := profile.Check(); err != nil {
			return directory.User{}, directory.LogEntry{}, err
		}
		profile = p.WithKeys(profile)
		attempted, attributes = profile, changes
		for _, old := range removed {
			if old.RestorableAs(profile.ExternalID, x.now) {
				e := x.entry(directory.UserRestored)
				e.Changes = changes
				restored := old.Restored(directory.ScimID(id), profile)
				restored.CountryCode = x.countryCode(old, profile)
				u, entry, err := directory.FinishChange(old, restored, e)
				return u, *entry, err
			}
		}
		u := directory.User{
			ID: directory.UserID(id), ScimID: directory.ScimID(id), Provider: p.ID, Profile: profile,
			Account: p.InitialPlacement(), Version: 1, Created: x.now, Modified: x.now,
		}
		u.CountryCode = x.countryCode(directory.User{}, profile)
		if !u.Active {
			u = u.Deactivated(x.now)
		}
		return u, directory.CreationEntry(u, x.entry(directory.UserCreated), changes), nil
	}
	var u directory.User
	var err error
	if directory.IsObjectID(externalID) {
		u, err = s.ports.Leavers.CreateOrRestoreUser(ctx, x.tenant, c.Provider, externalID, x.admit(admit), create)
	} else {
		u, err = s.ports.Users.CreateUser(ctx, x.tenant, c.Provider, x.admit(admit),
			func(p directory.Provider) (directory.User, directory.LogEntry, error) { return create(p, nil) })
	}
	if by, ok := directory.AsTaken(err); ok {
		if u, adopted, err := x.adopt(ctx, attempted, attributes, by); adopted || err != nil {
			return u, err
		}
		if err := x.recordConflict(ctx, attempted, by); err != nil {
			return directory.User{}, err
		}
		return directory.User{}, taken(by, c.Provider)
	}
	return u, err
}

// deactivationRequest is the deactivation that the session's request leads to.
func (x *session) deactivationRequest(cause string) directory.DeactivationRequest {
	return directory.DeactivationRequest{
		At: x.now, Delay: x.provider.DeactivationDelay, Cause: cause,
		Provider: x.caller.Provider, RequestID: x.actor.RequestID,
		Frozen: x.provider.Guard.Tripped(), Staged: x.provider.Guard.Tripped() && x.provider.Guard.Mode == directory.GuardStages,
	}
}

// UserEdit computes a user's new profile from the old one, and the changed attributes for the log. It is pure and may
// run several times. Returning the old profile changes nothing.
type UserEdit func(p directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error)

// UpdateUser changes a user of the caller's provider, and reports whether anything changed.
// Errors: NotFound; Invalid; Conflict (userName); what edit returns.
func (s *Service) UpdateUser(
	ctx context.Context, c Caller, id directory.ScimID, want directory.UserWant, admit directory.Admit, edit UserEdit,
) (directory.UserView, bool, error) {
	x := s.session(c)
	view, err := s.ports.Users.ReadUser(ctx, x.tenant, c.Provider, id, want, x.admit(admit))
	if err != nil {
		return directory.UserView{}, false, err
	}
	changed := false
	u, err := s.ports.Users.UpdateUser(ctx, x.tenant, view.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		changed = false
		if old.Removed() || old.Provider != c.Provider {
			return old, nil, directory.Errorf(directory.NotFound, "no such user")
		}
		profile, changes, err := edit(x.provider, directory.UserView{User: old, Groups: view.Groups, Manager: view.Manager})
		if err != nil {
			return old, nil, err
		}
		if profile = x.provider.WithKeys(profile); profile.Equal(old.Profile) && old.Refused == nil {
			return old, nil, nil
		}
		if err := profile.Check(); err != nil {
			return old, nil, err
		}
		changed = true
		e := x.entry(editAction(old.Profile, profile))
		e.Changes = changes
		u := old.WithProfile(profile, x.deactivationRequest(directory.CauseDisable))
		u.CountryCode, u.Refused = x.countryCode(old, profile), nil
		return directory.FinishChange(old, u, e)
	})
	if by, ok := directory.AsTaken(err); ok {
		return directory.UserView{}, false, taken(by, c.Provider)
	}
	if err != nil {
		return directory.UserView{}, false, err
	}
	view.User = u
	return view, changed, nil
}

// DisableRefused disables a user whose request was refused for another reason, if the directory's last word on the user
// was that it is active: the disable in the request survives what stood beside it (C22). Nothing else of the request is
// done.
// Errors: NotFound; Unauthenticated; Unavailable.
func (s *Service) DisableRefused(ctx context.Context, c Caller, id directory.ScimID, refused directory.Refusal) error {
	x := s.session(c)
	view, err := s.ports.Users.ReadUser(ctx, x.tenant, c.Provider, id, directory.UserWant{}, x.admit(nil))
	if err != nil {
		return err
	}
	_, err = s.ports.Users.UpdateUser(ctx, x.tenant, view.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Removed() || old.Provider != c.Provider || !old.Active {
			return old, nil, nil
		}
		profile := old.Profile
		profile.Active = false
		e := x.entry(directory.UserDisabled)
		e.Changes = []directory.Change{directory.NewChange("active", true, false)}
		u := old.WithProfile(profile, x.deactivationRequest(directory.CauseDisable))
		refused.At = x.now
		u.Refused = &refused
		return directory.FinishChange(old, u, e)
	})
	return err
}

func editAction(old, updated directory.Profile) directory.Action {
	switch {
	case old.Active && !updated.Active:
		return directory.UserDisabled
	case !old.Active && updated.Active:
		return directory.UserEnabled
	}
	return directory.UserUpdated
}

// DeleteUser removes a user: SCIM answers 404 from then on, and the user is in no group, nobody's manager, and its
// userName is free. The account is kept, and deactivated like a disabled one. check sees the user first, for
// preconditions.
// Errors: NotFound; what check returns.
func (s *Service) DeleteUser(ctx context.Context, c Caller, id directory.ScimID, check func(directory.User) error) error {
	x := s.session(c)
	view, err := s.ports.Users.ReadUser(ctx, x.tenant, c.Provider, id, directory.UserWant{}, x.admit(nil))
	if err != nil {
		return err
	}
	_, err = s.ports.Users.UpdateUser(ctx, x.tenant, view.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Removed() || old.Provider != c.Provider {
			return old, nil, directory.Errorf(directory.NotFound, "no such user")
		}
		if err := check(old); err != nil {
			return old, nil, err
		}
		u := old.RemovedByDirectory(x.deactivationRequest(directory.CauseDelete))
		u.Refused = nil
		return directory.FinishChange(old, u, x.entry(directory.UserDeleted))
	})
	return err
}
