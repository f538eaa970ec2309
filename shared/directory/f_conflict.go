package directory

import (
	"context"
	"time"
)

// hintSamePerson opens a conflict, which changes nothing by itself, when a new user may be a person that the
// provider already has: another user has the externalId, or one that the directory deleted had the userName.
func (s *Service) hintSamePerson(ctx context.Context, t TenantID, e LogEntry) error {
	v, err := s.Users.UserByID(ctx, t, e.User)
	if err != nil || v.Gone() || v.Provider != e.Provider {
		return ignoreGone(err)
	}
	if v.ExternalID != "" {
		same, err := s.Users.FindUsers(ctx, t, e.Provider, Lookup{AttrExternalID, v.ExternalID}, 2, UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, u := range same {
			if u.ID != v.ID && !u.Created.After(v.Created) {
				return s.openHint(ctx, t, e, v.User, u.User)
			}
		}
	}
	ids, err := s.Aliases.AliasesOf(ctx, t, UserNameKey(v.UserName), s.Now(), maxAliases)
	if err != nil {
		return err
	}
	for _, id := range ids {
		u, err := s.Users.UserByID(ctx, t, id)
		if err != nil && !IsKind(err, NotFound) {
			return err
		}
		if err == nil && u.ID != v.ID && u.Gone() && u.Provider == e.Provider && UserNameKey(u.UserName) == UserNameKey(v.UserName) {
			return s.openHint(ctx, t, e, v.User, u.User)
		}
	}
	return nil
}

func (s *Service) openHint(ctx context.Context, t TenantID, because LogEntry, u, known User) error {
	id := CollisionID(u.Provider, "same person as "+string(u.ID))
	_, err := s.Collisions.UpdateCollision(ctx, t, id, func(old Collision) (Collision, *LogEntry, error) {
		if old.ID != "" {
			return old, nil, errSeen
		}
		c := Collision{
			ID: id, Provider: u.Provider, UserName: u.UserName, ExternalID: u.ExternalID, Cause: CauseSamePerson, User: u.ID,
			Holder: known.ID, HolderFrom: known.Provider, State: CollisionOpen, Count: 1, FirstAt: because.At, LastAt: because.At, Version: 1,
		}
		e := s.consequence(because, ConflictOpened)
		e.User, e.Target, e.Name = u.ID, id, u.UserName
		return c, &e, nil
	})
	return ignoreSeen(err)
}

// followConverted closes the conflict that the conversion of a user settles.
func (s *Service) followConverted(ctx context.Context, t TenantID, e LogEntry) error {
	if e.Action != UserConverted || e.Provider == "" {
		return nil
	}
	id := CollisionID(e.Provider, e.Name)
	_, err := s.Collisions.UpdateCollision(ctx, t, id, func(c Collision) (Collision, *LogEntry, error) {
		if c.ID == "" || c.Holder != e.User || !c.undecided() {
			return c, nil, errSeen
		}
		n := s.consequence(e, ConflictClosed)
		n.Target, n.User, n.Name = c.ID, c.Holder, c.UserName
		n.Changes = []Change{change("state", c.State, CollisionConverted)}
		c.State, c.Version = CollisionConverted, c.Version+1
		return c, &n, nil
	})
	return ignoreSeen(err)
}

// raiseCap opens a conflict, one a day and provider, about the organization that was not made.
func (f *follower) raiseCap(ctx context.Context, u User) error {
	now, name := f.s.Now(), attributeValue(u.Attributes, f.rules.Org.Path())
	id := CollisionID(f.provider.ID, "organizations of "+now.Format(time.DateOnly))
	_, err := f.s.Collisions.UpdateCollision(ctx, f.tenant, id, func(old Collision) (Collision, *LogEntry, error) {
		c := old
		c.LastAt, c.Count, c.Version = now, old.Count+1, old.Version+1
		if old.ID != "" {
			return c, nil, nil
		}
		c.ID, c.Provider, c.State, c.FirstAt = id, f.provider.ID, CollisionOpen, now
		c.Cause, c.UserName, c.ExternalID, c.Holder, c.HolderFrom = CauseOrganizations, name, u.ExternalID, u.ID, u.Provider
		e := f.s.consequence(f.because, ConflictOpened)
		e.User, e.Target, e.Name = u.ID, id, u.UserName
		return c, &e, nil
	})
	return err
}
