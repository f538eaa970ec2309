package directory

import (
	"context"
	"errors"
)

// CollisionByID reads one collision of the tenant.
// Errors: NotFound.
func (s *Service) CollisionByID(ctx context.Context, a Admin, id string) (Collision, error) {
	var c Collision
	_, err := s.Collisions.UpdateCollision(ctx, a.Tenant, id, func(old Collision) (Collision, *LogEntry, error) {
		c = old
		return old, nil, errSeen
	})
	switch {
	case !errors.Is(err, errSeen):
		return Collision{}, err
	case c.ID == "":
		return Collision{}, errNoCollision()
	}
	return c, nil
}

func errNoCollision() *Error { return Errorf(NotFound, "no such conflict") }

// ListCollisions reads the tenant's collisions by id, after the given one, in the state ("" for all).
func (s *Service) ListCollisions(ctx context.Context, a Admin, state CollisionState, after string, count int) ([]Collision, error) {
	return s.Collisions.ListCollisions(ctx, a.Tenant, state, after, count)
}

// resolvable refuses to decide twice; check is the caller's own.
func resolvable(c Collision, check func(Collision) error) error {
	if c.ID == "" {
		return errNoCollision()
	}
	if err := check(c); err != nil {
		return err
	}
	if !c.undecided() {
		return Errorf(Conflict, "the conflict is resolved")
	}
	return nil
}

// aboutUserName is resolvable for what settles a user name.
func aboutUserName(c Collision, check func(Collision) error) error {
	if err := resolvable(c, check); err != nil {
		return err
	}
	if c.Cause != CauseUserName {
		return Errorf(Conflict, "this conflict is not about a taken user name: it can only be ignored")
	}
	return nil
}

// closeCollision moves a collision to its end. A dry run only checks. The user's part is done before, so
// that a repetition after a failure in between ends the same.
func (s *Service) closeCollision(ctx context.Context, a Admin, id string, check func(Collision) error, to CollisionState) (Collision, error) {
	update := func(c Collision) (Collision, *LogEntry, error) {
		if err := resolvable(c, check); err != nil {
			return c, nil, err
		}
		e := s.adminEntry(a, ConflictClosed)
		e.Target, e.User, e.Name = c.ID, c.Holder, c.UserName
		e.Changes = []Change{change("state", c.State, to)}
		c.State, c.Version = to, c.Version+1
		e.Version = c.Version
		return c, &e, nil
	}
	if !a.DryRun {
		return s.Collisions.UpdateCollision(ctx, a.Tenant, id, update)
	}
	c, err := s.CollisionByID(ctx, a, id)
	if err != nil {
		return Collision{}, err
	}
	c, _, err = update(c)
	return c, err
}

// IgnoreCollision leaves both people as they are; further attempts no longer open the collision.
// Errors: NotFound; Conflict when it is resolved; what check returns.
func (s *Service) IgnoreCollision(ctx context.Context, a Admin, id string, check func(Collision) error) (Collision, error) {
	return s.closeCollision(ctx, a, id, func(c Collision) error {
		if err := check(c); err != nil {
			return err
		}
		if c.State == CollisionIgnored {
			return Errorf(Conflict, "the conflict is ignored already")
		}
		return nil
	}, CollisionIgnored)
}

// ConvertCollision makes the local user of a collision a user of the provider that asked, so that the
// directory's next cycle finds it by userName: it keeps its uid, history and userName, its organization is
// pinned and its roles stay, as adopted.
// Errors: NotFound; Conflict when it is resolved, when the holder is not local, has another userName by
// now or is gone, or the provider is; what check returns.
func (s *Service) ConvertCollision(ctx context.Context, a Admin, id string, check func(Collision) error) (Collision, User, error) {
	c, err := s.CollisionByID(ctx, a, id)
	if err == nil {
		err = aboutUserName(c, check)
	}
	if err != nil {
		return Collision{}, User{}, err
	}
	p, err := s.Providers.Provider(ctx, a.Tenant, c.Provider)
	if IsKind(err, NotFound) || err == nil && p.State == ProviderDeleting {
		return Collision{}, User{}, Errorf(Conflict, "the provider of this conflict is gone")
	}
	if err != nil {
		return Collision{}, User{}, err
	}
	u, err := s.changeHolder(ctx, a, c, func(old User) (User, *LogEntry, error) {
		if old.Provider == c.Provider {
			return old, nil, nil // converted by an attempt that was cut off
		}
		if old.Provider != "" {
			return old, nil, Errorf(Conflict, "the user belongs to another provider")
		}
		return s.converted(a, old, c.Provider)
	})
	if err != nil {
		return Collision{}, User{}, err
	}
	c, err = s.closeCollision(ctx, a, id, func(Collision) error { return nil }, CollisionConverted)
	return c, u, err
}

// changeHolder updates the holder of a collision, who must still be in the way.
func (s *Service) changeHolder(ctx context.Context, a Admin, c Collision, update func(User) (User, *LogEntry, error)) (User, error) {
	u, err := s.changeUser(ctx, a, c.Holder, func(old User) (User, *LogEntry, error) {
		if old.Gone() || UserNameKey(old.UserName) != UserNameKey(c.UserName) {
			return old, nil, Errorf(Conflict, "the user no longer has this userName: the directory's next attempt will succeed")
		}
		return update(old)
	})
	if IsKind(err, NotFound) {
		return User{}, Errorf(Conflict, "the user of this conflict is gone")
	}
	return u, err
}

// RenameCollision gives the local user of a collision another userName, so that the directory's next
// attempt creates a user of its own.
// Errors: as ConvertCollision; Invalid and Conflict (userName).
func (s *Service) RenameCollision(ctx context.Context, a Admin, id string, check func(Collision) error, userName string) (Collision, User, error) {
	if err := (Profile{UserName: userName}).check(); err != nil {
		return Collision{}, User{}, err
	}
	c, err := s.CollisionByID(ctx, a, id)
	if err == nil {
		err = aboutUserName(c, check)
	}
	if err != nil {
		return Collision{}, User{}, err
	}
	if UserNameKey(userName) == UserNameKey(c.UserName) {
		return Collision{}, User{}, &Error{Kind: Conflict, Attr: AttrUserName, Detail: "userName must differ from the one both want"}
	}
	rename := func(old User) (User, *LogEntry, error) {
		if old.Provider != "" {
			return old, nil, Errorf(Conflict, "a directory manages this user: rename it there")
		}
		u := old
		u.UserName = userName
		return conclude(old, u, s.userEntry(a, UserUpdated, u, []Change{change(AttrUserName, old.UserName, u.UserName)}))
	}
	// An attempt that was cut off between the two writes left the user renamed already.
	if v, err := s.Users.UserByID(ctx, a.Tenant, c.Holder); err == nil && !v.Gone() && v.UserName == userName {
		c, err := s.closeCollision(ctx, a, id, check, CollisionRenamed)
		return c, v.User, err
	}
	u, err := s.changeHolder(ctx, a, c, rename)
	if err != nil {
		return Collision{}, User{}, err
	}
	c, err = s.closeCollision(ctx, a, id, func(Collision) error { return nil }, CollisionRenamed)
	return c, u, err
}
