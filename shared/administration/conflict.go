package administration

import (
	"context"

	"rollcall/shared/directory"
)

// ByID reads one conflict of the tenant.
// Errors: NotFound.
func (s Conflicts) ByID(ctx context.Context, id directory.ConflictID) (directory.ConflictCase, error) {
	c, err := s.ports.Conflicts.Conflict(ctx, s.tenant, id)
	if err != nil {
		return c, err
	}
	return s.settled(ctx, c)
}

// settled ends a conflict over the members of a group that has changed since, or was made or deleted: a request about it
// succeeded. It is looked at when somebody looks, so that a request that succeeds costs nothing more.
func (s Conflicts) settled(ctx context.Context, c directory.ConflictCase) (directory.ConflictCase, error) {
	if c.Cause != directory.ConflictUnknownMembers || c.State != directory.ConflictOpen {
		return c, nil
	}
	var err error
	over := false
	if c.Group == "" {
		var found []directory.GroupView
		key := directory.Lookup{Attr: directory.AttrDisplayName, Value: directory.GroupProfile{DisplayName: c.UserName}.DisplayNameKey()}
		found, err = s.ports.Groups.FindGroups(ctx, s.tenant, c.Provider, key, 1, directory.GroupWant{}, nil)
		over = len(found) > 0
	} else {
		var v directory.GroupView
		v, err = s.ports.Groups.ReadGroup(ctx, s.tenant, c.Provider, c.Group, directory.GroupWant{}, nil)
		over = directory.IsKind(err, directory.NotFound) || err == nil && v.Modified.After(c.LastAt)
		err = directory.IgnoreNotFound(err)
	}
	if err != nil || !over {
		return c, err
	}
	return s.ports.Conflicts.UpdateConflict(ctx, s.tenant, c.ID,
		func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			if old.State != directory.ConflictOpen || !old.LastAt.Equal(c.LastAt) {
				return old, nil, nil
			}
			e := s.entry(directory.ConflictClosed).OfGroup(old.Group)
			e.Target, e.Name = string(old.ID), old.UserName
			e.Changes = []directory.Change{directory.NewChange("state", old.State, directory.ConflictSucceeded)}
			old.State, old.Version = directory.ConflictSucceeded, old.Version+1
			e.Version = old.Version
			return old, &e, nil
		})
}

func errNoConflict() *directory.Error {
	return directory.Errorf(directory.NotFound, "no such conflict")
}

// List reads the tenant's conflicts by id, after the given one, in the state ("" for all).
func (s Conflicts) List(
	ctx context.Context, state directory.ConflictState, after directory.ConflictID, count int,
) ([]directory.ConflictCase, error) {
	cs, err := s.ports.Conflicts.ListConflicts(ctx, s.tenant, state, after, count)
	for i := range cs {
		if err == nil {
			cs[i], err = s.settled(ctx, cs[i])
		}
	}
	return cs, err
}

// requireUndecided refuses to resolve a conflict twice; check sees the conflict first.
func requireUndecided(c directory.ConflictCase, check func(directory.ConflictCase) error) error {
	if c.ID == "" {
		return errNoConflict()
	}
	if err := check(c); err != nil {
		return err
	}
	if !c.Undecided() {
		return directory.Errorf(directory.Conflict, "the conflict is resolved")
	}
	return nil
}

// requireOverUserName is requireUndecided for decisions about a user name.
func requireOverUserName(c directory.ConflictCase, check func(directory.ConflictCase) error) error {
	if err := requireUndecided(c, check); err != nil {
		return err
	}
	if c.Cause != directory.ConflictOverUserName {
		return directory.Errorf(directory.Conflict, "this conflict is not about a taken user name: it can only be ignored")
	}
	return nil
}

// closeConflict moves a conflict to a final state. The user is changed before, so that repeating the decision after a
// failure between the two has the same result.
func (s Conflicts) closeConflict(
	ctx context.Context, id directory.ConflictID, check func(directory.ConflictCase) error, to directory.ConflictState,
) (directory.ConflictCase, error) {
	update := func(c directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
		if err := requireUndecided(c, check); err != nil {
			return c, nil, err
		}
		e := s.entry(directory.ConflictClosed).OfUser(c.Holder)
		e.Target, e.Name = string(c.ID), c.UserName
		e.Changes = []directory.Change{directory.NewChange("state", c.State, to)}
		c.State, c.Version = to, c.Version+1
		e.Version = c.Version
		return c, &e, nil
	}
	return s.ports.Conflicts.UpdateConflict(ctx, s.tenant, id, update)
}

// Ignore leaves both users as they are; further attempts no longer open the conflict.
// Errors: NotFound; Conflict when it is resolved; what check returns.
func (s Conflicts) Ignore(
	ctx context.Context, id directory.ConflictID, check func(directory.ConflictCase) error,
) (directory.ConflictCase, error) {
	return s.closeConflict(ctx, id, func(c directory.ConflictCase) error {
		if err := check(c); err != nil {
			return err
		}
		if c.State == directory.ConflictIgnored {
			return directory.Errorf(directory.Conflict, "the conflict is ignored already")
		}
		return nil
	}, directory.ConflictIgnored)
}

// Convert makes the local user of a conflict a user of its provider, so that the directory's next cycle finds it by
// userName: id, history and userName are kept, the organization is pinned and the roles are kept as adopted.
// Errors: NotFound; Conflict when it is resolved, when the holder is not local, has changed its userName or was
// removed, or when the provider was deleted; what check returns.
func (s Conflicts) Convert(
	ctx context.Context, id directory.ConflictID, check func(directory.ConflictCase) error,
) (directory.ConflictCase, directory.User, error) {
	c, err := s.ByID(ctx, id)
	if err == nil {
		err = requireOverUserName(c, check)
	}
	if err != nil {
		return directory.ConflictCase{}, directory.User{}, err
	}
	p, err := s.ports.Providers.Provider(ctx, s.tenant, c.Provider)
	if directory.IsKind(err, directory.NotFound) || err == nil && p.State == directory.ProviderDeleting {
		return directory.ConflictCase{}, directory.User{}, directory.Errorf(directory.Conflict, "the provider of this conflict was deleted")
	}
	if err != nil {
		return directory.ConflictCase{}, directory.User{}, err
	}
	u, err := s.changeHolder(ctx, c, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Provider == c.Provider {
			return old, nil, nil // converted by an interrupted attempt
		}
		if old.Provider != "" {
			return old, nil, directory.Errorf(directory.Conflict, "the user belongs to another provider")
		}
		return s.converted(old, p)
	})
	if err != nil {
		return directory.ConflictCase{}, directory.User{}, err
	}
	c, err = s.closeConflict(ctx, id, Unchecked, directory.ConflictConverted)
	return c, u, err
}

// changeHolder updates the holder of a conflict, who must still have the userName.
func (s Conflicts) changeHolder(
	ctx context.Context, c directory.ConflictCase, update directory.Update[directory.User],
) (directory.User, error) {
	u, err := s.changeUser(ctx, c.Holder, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Removed() || directory.UserNameKey(old.UserName) != directory.UserNameKey(c.UserName) {
			return old, nil, directory.Errorf(directory.Conflict, "the user no longer has this userName: the directory's next attempt will succeed")
		}
		return update(old)
	})
	if directory.IsKind(err, directory.NotFound) {
		return directory.User{}, directory.Errorf(directory.Conflict, "the user of this conflict no longer exists")
	}
	return u, err
}

// Rename gives the local user of a conflict another userName, so that the directory's next attempt creates its user.
// Errors: as Convert; Invalid and Conflict (userName).
func (s Conflicts) Rename(
	ctx context.Context, id directory.ConflictID, check func(directory.ConflictCase) error, userName string,
) (directory.ConflictCase, directory.User, error) {
	if err := (directory.Profile{UserName: userName}).Check(); err != nil {
		return directory.ConflictCase{}, directory.User{}, err
	}
	c, err := s.ByID(ctx, id)
	if err == nil {
		err = requireOverUserName(c, check)
	}
	if err != nil {
		return directory.ConflictCase{}, directory.User{}, err
	}
	if directory.UserNameKey(userName) == directory.UserNameKey(c.UserName) {
		return directory.ConflictCase{}, directory.User{},
			&directory.Error{Kind: directory.Conflict, Attr: directory.AttrUserName, Detail: "userName must differ from the one both want"}
	}
	rename := func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Provider != "" {
			return old, nil, directory.Errorf(directory.Conflict, "a directory manages this user: rename it there")
		}
		u := old
		u.UserName = userName
		return directory.FinishChange(old, u,
			s.userEntry(directory.UserUpdated, u, []directory.Change{directory.NewChange(directory.AttrUserName, old.UserName, u.UserName)}))
	}
	// An attempt that was interrupted between the two writes has already renamed the user.
	if v, err := s.ports.Users.UserByID(ctx, s.tenant, c.Holder); err == nil && !v.Removed() && v.UserName == userName {
		c, err := s.closeConflict(ctx, id, check, directory.ConflictRenamed)
		return c, v.User, err
	}
	u, err := s.changeHolder(ctx, c, rename)
	if err != nil {
		return directory.ConflictCase{}, directory.User{}, err
	}
	c, err = s.closeConflict(ctx, id, Unchecked, directory.ConflictRenamed)
	return c, u, err
}

// PreApprove lets the provider's next attempt to create a user with the userName convert the local user who has it,
// instead of opening a conflict: for migrations.
// Errors: Invalid (provider); NotFound (local user); Conflict (privileged roles, or the provider is being deleted).
func (s Conflicts) PreApprove(ctx context.Context, p directory.ProviderID, userName string) error {
	to, err := s.requireConvertibleProvider(ctx, p)
	if err != nil {
		return err
	}
	us, err := s.ports.Users.FindUsers(ctx, s.tenant, "", directory.Lookup{Attr: directory.AttrUserName, Value: userName}, 1,
		directory.UserWant{}, nil)
	if err == nil && len(us) == 0 {
		err = directory.Errorf(directory.NotFound, "no local user has this user name")
	}
	if err != nil {
		return err
	}
	u := us[0].User
	privileged, err := s.hasPrivilegedRole(ctx, u)
	if err == nil && privileged {
		err = directory.Errorf(directory.Conflict, "the user has privileged roles: convert them one by one")
	}
	if err == nil {
		_, err = s.askForUser(ctx, us[0], func(old directory.User) (directory.User, *directory.LogEntry, error) { return s.converted(old, to) })
		err = alone(err, "converting the user")
	}
	if err != nil {
		return err
	}
	id := directory.ConflictIDOf(p, u.UserName)
	_, err = s.ports.Conflicts.UpdateConflict(ctx, s.tenant, id,
		func(c directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			if c.State == directory.ConflictPreApproved && c.Holder == u.ID {
				return c, nil, nil
			}
			now := s.rt.Time()
			if c.ID == "" {
				c = directory.ConflictCase{ID: id, Provider: p, UserName: u.UserName, FirstAt: now, LastAt: now}
			}
			e := s.entry(directory.ConflictApproved).OfUser(u.ID)
			e.Audit, e.Target, e.Name = false, string(id), u.UserName
			e.Changes = []directory.Change{directory.NewChange("state", directory.OrNil(c.State), directory.ConflictPreApproved)}
			c.Holder, c.HolderFrom, c.State, c.Version = u.ID, "", directory.ConflictPreApproved, c.Version+1
			return c, &e, nil
		})
	return err
}
