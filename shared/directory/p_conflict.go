package directory

import (
	"context"
	"errors"
)

// conflict is what the client of a provider is told. It tells of local users, so that the administrator
// who reads it knows what to do, and nothing of other providers.
func (e *TakenError) conflict(p ProviderID) *Error {
	detail := "a user with this userName exists"
	switch {
	case e.Attr == AttrDisplayName:
		detail = "a group with this displayName exists"
	case e.Provider == "":
		detail = "A local user with this user name exists. An administrator can convert it under Conflicts"
	case e.Provider != p:
		detail = "this userName is not available"
	}
	return &Error{Kind: Conflict, Attr: e.Attr, Detail: detail, Err: e}
}

// collide records that the session wanted to create a user whose name a user of another origin has.
func (x *session) collide(ctx context.Context, wish Profile, taken *TakenError) error {
	if taken.Attr != AttrUserName || taken.Provider == x.caller.Provider {
		return nil
	}
	id := CollisionID(x.caller.Provider, wish.UserName)
	_, err := x.s.Collisions.UpdateCollision(ctx, x.tenant, id, func(c Collision) (Collision, *LogEntry, error) {
		first := c.ID == ""
		if first {
			c = Collision{ID: id, Provider: x.caller.Provider, FirstAt: x.now}
		}
		reopen := first || c.State != CollisionOpen && c.State != CollisionIgnored
		if reopen {
			c.State = CollisionOpen
		}
		c.UserName, c.ExternalID = wish.UserName, wish.ExternalID
		c.Holder, c.HolderFrom = UserID(taken.Holder), taken.Provider
		c.Count, c.LastAt, c.Version = c.Count+1, x.now, c.Version+1
		if !reopen {
			return c, nil, nil
		}
		e := x.entry(ConflictOpened)
		e.User, e.Name, e.Target = c.Holder, wish.UserName, c.ID
		return c, &e, nil
	})
	return err
}

// adopt converts the local user whose name the session's new user would have, if an administrator approved that
// before, and lets the directory say what it wanted to create. false: it is a conflict as any other.
func (x *session) adopt(ctx context.Context, wish Profile, changes []Change, taken *TakenError) (User, bool, error) {
	if taken.Attr != AttrUserName || taken.Provider != "" {
		return User{}, false, nil
	}
	c, err := x.s.CollisionByID(ctx, Admin{Tenant: x.tenant}, CollisionID(x.caller.Provider, wish.UserName))
	if err != nil || c.State != CollisionApproved || c.Holder != UserID(taken.Holder) {
		return User{}, false, ignoreGone(err)
	}
	v, err := x.s.Users.UserByID(ctx, x.tenant, c.Holder)
	if err != nil {
		return User{}, false, ignoreGone(err)
	}
	u, err := x.s.Users.UpdateUser(ctx, x.tenant, v.User, func(old User) (User, *LogEntry, error) {
		if old.Provider != "" || UserNameKey(old.UserName) != UserNameKey(wish.UserName) {
			return old, nil, errMoved
		}
		e := x.entry(UserConverted)
		e.Changes = changes
		n := old.adoptedBy(x.caller.Provider).said(wish, x.departure(CauseDisable))
		n.CountryCode = x.s.countryCode(old.Profile, wish, old.CountryCode)
		return conclude(old, n, e)
	})
	if errors.Is(err, errMoved) {
		return User{}, false, nil
	}
	return u, err == nil, err
}
