package directory

import (
	"context"
	"slices"
	"time"
)

// Aliases stores the userNames that users had.
type Aliases interface {
	// AddAlias has the user found under the key until a time, the later one if it is known already.
	AddAlias(ctx context.Context, t TenantID, key string, id UserID, until time.Time) error
	// AliasesOf reads users that had the key, by id, at most count; expired ones are passed over.
	AliasesOf(ctx context.Context, t TenantID, key string, now time.Time, count int) ([]UserID, error)
}

const (
	// aliasFor is how long a user is found by a userName that it no longer has.
	aliasFor = 365 * 24 * time.Hour
	// maxAliases is how many users of one earlier name are looked at.
	maxAliases = 20
)

// followNames remembers userNames that users no longer have, and tells when a new user may be somebody known.
func (s *Service) followNames(ctx context.Context, t TenantID, e LogEntry) error {
	if e.User == "" {
		return nil
	}
	if e.Action == UserDeleted && e.Name != "" {
		return s.Aliases.AddAlias(ctx, t, UserNameKey(e.Name), e.User, e.At.Add(aliasFor))
	}
	i := slices.IndexFunc(e.Changes, func(c Change) bool { return c.Attr == AttrUserName && len(c.Before) > 0 })
	if i >= 0 {
		if was := UserNameKey(textOf(e.Changes[i].Before)); was != "" && was != UserNameKey(e.Name) {
			return s.Aliases.AddAlias(ctx, t, was, e.User, e.At.Add(aliasFor))
		}
	}
	if e.Action == UserCreated && e.Provider != "" {
		return s.hintSamePerson(ctx, t, e)
	}
	return nil
}

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
