package provisioning

import (
	"context"
	"errors"

	"rollcall/shared/directory"
)

// taken translates a TakenError for the client of a provider. It names local users, so that the administrator who reads
// it knows what to do, but no other provider.
func taken(e *directory.TakenError, p directory.ProviderID) *directory.Error {
	detail := "a user with this userName exists"
	switch {
	case e.Attr == directory.AttrDisplayName:
		detail = "a group with this displayName exists"
	case e.Provider == "":
		detail = "A local user with this user name exists. An administrator can convert it under Conflicts"
	case e.Provider != p:
		detail = "this userName is not available"
	}
	return &directory.Error{Kind: directory.Conflict, Attr: e.Attr, Detail: detail, Err: e}
}

// recordConflict records that the session wanted to create a user whose userName a user of another origin has.
func (x *session) recordConflict(ctx context.Context, wanted directory.Profile, by *directory.TakenError) error {
	if by.Attr != directory.AttrUserName || by.Provider == x.caller.Provider {
		return nil
	}
	id := directory.ConflictIDOf(x.caller.Provider, wanted.UserName)
	_, err := x.ports.Conflicts.UpdateConflict(ctx, x.tenant, id,
		func(c directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			first := c.ID == ""
			if first {
				c = directory.ConflictCase{ID: id, Provider: x.caller.Provider, FirstAt: x.now}
			}
			reopen := first || c.State != directory.ConflictOpen && c.State != directory.ConflictIgnored
			if reopen {
				c.State = directory.ConflictOpen
			}
			c.UserName, c.ExternalID = wanted.UserName, wanted.ExternalID
			c.Holder, c.HolderFrom = directory.UserID(by.Holder), by.Provider
			c.Count, c.LastAt, c.Version = c.Count+1, x.now, c.Version+1
			if !reopen {
				return c, nil, nil
			}
			e := x.entry(directory.ConflictOpened).OfUser(c.Holder)
			e.Name, e.Target = wanted.UserName, string(c.ID)
			return c, &e, nil
		})
	return err
}

// errNotLocal says that the user is no longer local, or no longer has the userName.
var errNotLocal = errors.New("the local user has changed")

// adopt converts the local user with the userName of the session's new user, if an administrator approved that in
// advance, and gives it the wanted profile. It returns false when there is a conflict as usual.
func (x *session) adopt(
	ctx context.Context, wanted directory.Profile, changes []directory.Change, by *directory.TakenError,
) (directory.User, bool, error) {
	if by.Attr != directory.AttrUserName || by.Provider != "" {
		return directory.User{}, false, nil
	}
	c, err := x.ports.Conflicts.Conflict(ctx, x.tenant, directory.ConflictIDOf(x.caller.Provider, wanted.UserName))
	if err != nil || c.State != directory.ConflictPreApproved || c.Holder != directory.UserID(by.Holder) {
		return directory.User{}, false, directory.IgnoreNotFound(err)
	}
	v, err := x.ports.Users.UserByID(ctx, x.tenant, c.Holder)
	if err != nil {
		return directory.User{}, false, directory.IgnoreNotFound(err)
	}
	u, err := x.ports.Users.UpdateUser(ctx, x.tenant, v.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Provider != "" || directory.UserNameKey(old.UserName) != directory.UserNameKey(wanted.UserName) {
			return old, nil, errNotLocal
		}
		e := x.entry(directory.UserConverted)
		e.Changes = changes
		n := old.ConvertedTo(x.provider).WithProfile(wanted, x.deactivationRequest(directory.CauseDisable))
		n.CountryCode = x.countryCode(old, wanted)
		return directory.FinishChange(old, n, e)
	})
	if errors.Is(err, errNotLocal) {
		return directory.User{}, false, nil
	}
	return u, err == nil, err
}
