package follow

import (
	"context"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/parallel"
)

// hintSamePerson opens a conflict, which changes nothing by itself, when a new user may be a person that the provider
// already has: another user has the externalId, or a removed one had the userName.
func (s *Service) hintSamePerson(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	if e.Provider == "" {
		return nil
	}
	if known, err := s.mayKnow(ctx, t, e); err != nil || !known {
		return err
	}
	v, err := s.ports.Users.UserByID(ctx, t, e.User)
	if err != nil || v.Removed() || v.Provider != e.Provider {
		return directory.IgnoreNotFound(err)
	}
	if v.ExternalID != "" {
		same, err := s.ports.Users.FindUsers(ctx, t, e.Provider, directory.Lookup{Attr: directory.AttrExternalID, Value: v.ExternalID}, 2,
			directory.UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, u := range same {
			if u.ID != v.ID && !u.Created.After(v.Created) {
				return s.openHint(ctx, t, e, v.User, u.User)
			}
		}
	}
	ids, err := s.ports.Aliases.AliasesOf(ctx, t, directory.UserNameKey(v.UserName), s.rt.Time(), directory.MaxAliases)
	if err != nil {
		return err
	}
	for _, id := range ids {
		u, err := s.ports.Users.UserByID(ctx, t, id)
		if err != nil && !directory.IsKind(err, directory.NotFound) {
			return err
		}
		if err == nil && u.ID != v.ID && u.Removed() && u.Provider == e.Provider &&
			directory.UserNameKey(u.UserName) == directory.UserNameKey(v.UserName) {
			return s.openHint(ctx, t, e, v.User, u.User)
		}
	}
	return nil
}

// mayKnow reports whether somebody else has the externalId or had the userName of an entry's new user, from ids alone.
func (s *Service) mayKnow(ctx context.Context, t directory.TenantID, e directory.LogEntry) (bool, error) {
	var same, had []directory.UserID
	looks := []func(context.Context) error{func(ctx context.Context) (err error) {
		had, err = s.ports.Aliases.AliasesOf(ctx, t, directory.UserNameKey(e.Name), s.rt.Time(), directory.MaxAliases)
		return err
	}}
	if id := directory.TextOf(after(e, directory.AttrExternalID)); id != "" {
		looks = append(looks, func(ctx context.Context) (err error) {
			same, err = s.ports.Users.UserIDs(ctx, t, e.Provider, directory.Lookup{Attr: directory.AttrExternalID, Value: id}, 2)
			return err
		})
	}
	err := parallel.Run(ctx, len(looks), looks...)
	other := func(id directory.UserID) bool { return id != e.User }
	return slices.ContainsFunc(same, other) || slices.ContainsFunc(had, other), err
}

func (s *Service) openHint(ctx context.Context, t directory.TenantID, cause directory.LogEntry, u, known directory.User) error {
	id := directory.ConflictIDOf(u.Provider, "same person as "+string(u.ID))
	_, err := s.ports.Conflicts.UpdateConflict(ctx, t, id,
		func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			if old.ID != "" {
				return old, nil, nil
			}
			c := directory.ConflictCase{
				ID: id, Provider: u.Provider, UserName: u.UserName, ExternalID: u.ExternalID, Cause: directory.ConflictSamePerson, User: u.ID,
				Holder: known.ID, HolderFrom: known.Provider, State: directory.ConflictOpen, Count: 1, FirstAt: cause.At, LastAt: cause.At, Version: 1,
			}
			e := s.entry(fromEntry(cause), directory.ConflictOpened).OfUser(u.ID)
			e.Target, e.Name = string(id), u.UserName
			return c, &e, nil
		})
	return err
}

// followConverted closes the conflict that the conversion of a user resolves.
func (s *Service) followConverted(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	if e.Provider == "" {
		return nil
	}
	id := directory.ConflictIDOf(e.Provider, e.Name)
	_, err := s.ports.Conflicts.UpdateConflict(ctx, t, id,
		func(c directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			if c.ID == "" || c.Holder != e.User || !c.Undecided() {
				return c, nil, nil
			}
			n := s.entry(fromEntry(e), directory.ConflictClosed).OfUser(c.Holder)
			n.Target, n.Name = string(c.ID), c.UserName
			n.Changes = []directory.Change{directory.NewChange("state", c.State, directory.ConflictConverted)}
			c.State, c.Version = directory.ConflictConverted, c.Version+1
			return c, &n, nil
		})
	return err
}

// followRefusal lists a user whose disable survived the refusal of its request, and ends that when a request succeeded.
func (s *Service) followRefusal(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	v, err := s.ports.Users.UserByID(ctx, t, e.User)
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	id, refused := directory.RefusalConflictID(e.Provider, e.User), v.Refused
	_, err = s.ports.Conflicts.UpdateConflict(ctx, t, id,
		func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			c, action := old, directory.ConflictOpened
			switch {
			case refused == nil && (old.ID == "" || !old.Undecided()):
				return old, nil, nil
			case refused == nil:
				c.State, action = directory.ConflictSucceeded, directory.ConflictClosed
			case old.State == directory.ConflictOpen && old.LastAt.Equal(refused.At):
				return old, nil, nil
			default:
				c.ID, c.Provider, c.Cause, c.State = id, e.Provider, directory.ConflictRefusedDisable, directory.ConflictOpen
				c.UserName, c.ExternalID, c.User, c.Holder, c.HolderFrom = v.UserName, v.ExternalID, v.ID, v.ID, v.Provider
				c.Attribute, c.ScimType = refused.Attribute, refused.ScimType
				c.Count, c.LastAt = old.Count+1, refused.At
				if old.ID == "" {
					c.FirstAt = refused.At
				}
			}
			c.Version++
			n := s.entry(fromEntry(e), action).OfUser(v.ID)
			n.Target, n.Name, n.Version = string(id), v.UserName, c.Version
			if action == directory.ConflictClosed {
				n.Changes = []directory.Change{directory.NewChange("state", old.State, c.State)}
			}
			return c, &n, nil
		})
	return err
}

// openCapConflict opens a conflict, one per day and provider, about an organization that was not created.
func (r *resolver) openCapConflict(ctx context.Context, u directory.User) error {
	now, name := r.s.rt.Time(), directory.AttributeValue(u.Attributes, r.rules.Org.Path())
	id := directory.ConflictIDOf(r.provider.ID, "organizations of "+now.Format(time.DateOnly))
	_, err := r.s.ports.Conflicts.UpdateConflict(ctx, r.tenant, id,
		func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			c := old
			c.LastAt, c.Count, c.Version = now, old.Count+1, old.Version+1
			if old.ID != "" {
				return c, nil, nil
			}
			c.ID, c.Provider, c.State, c.FirstAt = id, r.provider.ID, directory.ConflictOpen, now
			c.Cause, c.UserName, c.ExternalID, c.Holder, c.HolderFrom = directory.ConflictOverOrganizations, name, u.ExternalID, u.ID, u.Provider
			e := r.s.entry(r.origin, directory.ConflictOpened).OfUser(u.ID)
			e.Target, e.Name = string(id), u.UserName
			return c, &e, nil
		})
	return err
}
