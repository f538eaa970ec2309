package directory

import (
	"context"
	"slices"
)

// converted is a local user whom an administrator gave to a provider, and the entry.
func (s *Service) converted(a Admin, old User, p ProviderID) (User, *LogEntry, error) {
	u := old.adoptedBy(p)
	return conclude(old, u, s.userEntry(a, UserConverted, u, nil))
}

// adoptive reads the provider that users are to be converted to.
// Errors: NotFound; Conflict when it is being deleted.
func (s *Service) adoptive(ctx context.Context, a Admin, p ProviderID) error {
	rec, err := s.ProviderByID(ctx, a, p)
	if err == nil && rec.State == ProviderDeleting {
		err = Errorf(Conflict, "the provider is being deleted")
	}
	return err
}

// privileged reports whether a user has a role that is not given away without a second look.
func (s *Service) privileged(ctx context.Context, t TenantID, u User) (bool, error) {
	c, err := s.Settings.Catalogue(ctx, t)
	return slices.ContainsFunc(u.RoleGrants, func(g RoleGrant) bool {
		r, _ := c.Find(g.Role)
		return r.Privileged
	}), err
}

// ConvertUser makes a local user one of a provider, so that the directory's next cycle finds it by userName. A user
// with privileged roles needs confirm: the userName, typed by who is sure.
// Errors: NotFound (user, provider); Conflict (not local, deactivated for good, or the provider is being deleted);
// Conflict (confirm); what check returns.
func (s *Service) ConvertUser(ctx context.Context, a Admin, id UserID, check func(User) error, p ProviderID, confirm string) (User, error) {
	v, err := s.Users.UserByID(ctx, a.Tenant, id)
	if err != nil {
		return User{}, err
	}
	if err := s.adoptive(ctx, a, p); err != nil {
		return User{}, err
	}
	privileged, err := s.privileged(ctx, a.Tenant, v.User)
	if err != nil {
		return User{}, err
	}
	return s.changeUser(ctx, a, id, func(old User) (User, *LogEntry, error) {
		if err := check(old); err != nil {
			return old, nil, err
		}
		switch {
		case old.Provider != "":
			return old, nil, Errorf(Conflict, "a directory manages this user already")
		case old.Lifecycle == LifecyclePurged:
			return old, nil, Errorf(Conflict, "the user is purged: only an empty record is left")
		case privileged && UserNameKey(confirm) != UserNameKey(old.UserName):
			return old, nil, &Error{Kind: Conflict, Attr: "confirm", Detail: "the user has privileged roles: confirm must be the user's userName"}
		}
		return s.converted(a, old, p)
	})
}

// PreApprove lets the provider's next attempt to create a person of the userName convert the local user who has it,
// in place of a conflict: for migrations.
// Errors: NotFound (provider, local user); Conflict (privileged roles, or the provider is being deleted).
func (s *Service) PreApprove(ctx context.Context, a Admin, p ProviderID, userName string) error {
	if err := s.adoptive(ctx, a, p); err != nil {
		return err
	}
	us, err := s.Users.FindUsers(ctx, a.Tenant, "", Lookup{AttrUserName, userName}, 1, UserWant{}, nil)
	if err == nil && len(us) == 0 {
		err = Errorf(NotFound, "no local user has this user name")
	}
	if err != nil {
		return err
	}
	u := us[0].User
	privileged, err := s.privileged(ctx, a.Tenant, u)
	if err == nil && privileged {
		err = Errorf(Conflict, "the user has privileged roles: convert them one by one")
	}
	if err != nil || a.DryRun {
		return err
	}
	id := CollisionID(p, u.UserName)
	_, err = s.Collisions.UpdateCollision(ctx, a.Tenant, id, func(c Collision) (Collision, *LogEntry, error) {
		if c.State == CollisionApproved && c.Holder == u.ID {
			return c, nil, errSeen
		}
		now := s.Now()
		if c.ID == "" {
			c = Collision{ID: id, Provider: p, UserName: u.UserName, FirstAt: now, LastAt: now}
		}
		e := s.adminEntry(a, ConflictApproved)
		e.Audit, e.Target, e.User, e.Name = false, id, u.ID, u.UserName
		e.Changes = []Change{change("state", orNil(c.State), CollisionApproved)}
		c.Holder, c.HolderFrom, c.State, c.Version = u.ID, "", CollisionApproved, c.Version+1
		return c, &e, nil
	})
	return ignoreSeen(err)
}
