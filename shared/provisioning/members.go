package provisioning

import (
	"context"
	"errors"
	"slices"

	"rollcall/shared/directory"
)

// membersAsked are the members that a request wants in a group, as its change computes them. Those who are gone are passed
// over; nobody is asked about them before the store misses one, so that nothing is read more when all exist (C24).
type membersAsked struct {
	group   directory.Group
	all     []directory.ScimID
	gone    map[directory.ScimID]bool
	skipped []directory.ScimID // of the last attempt
}

// present returns the ids without those known to be gone.
func (a *membersAsked) present(ids []directory.ScimID) []directory.ScimID {
	a.all, a.skipped = ids, nil
	if len(a.gone) == 0 {
		return ids
	}
	a.all = slices.Clone(ids)
	return slices.DeleteFunc(ids, func(id directory.ScimID) bool {
		if a.gone[id] {
			a.skipped = append(a.skipped, id)
		}
		return a.gone[id]
	})
}

// warn adds the members passed over to the changes of an entry.
func (a *membersAsked) warn(changes []directory.Change) []directory.Change {
	if len(a.skipped) == 0 {
		return changes
	}
	return append(slices.Clip(changes), directory.NewChange(directory.AttrSkippedMembers, nil, a.skipped))
}

// mostAttempts is how often a change is repeated because more of its members were deleted meanwhile.
const mostAttempts = 5

// passOver runs a change of a group, again without the members who are gone when the store misses some. It refuses members
// that the provider never had, naming them, and lists the refusal under Conflicts.
func (x *session) passOver(ctx context.Context, asked *membersAsked, change func() error) error {
	for attempt := 1; ; attempt++ {
		err := change()
		var missing *directory.UnknownMembersError
		if !errors.As(err, &missing) || attempt == mostAttempts {
			return err
		}
		former, unknown, lookErr := x.ports.Groups.MissingMembers(ctx, x.tenant, x.caller.Provider, asked.all)
		if lookErr != nil {
			return lookErr
		}
		if len(unknown) > 0 {
			if err := x.listUnknown(ctx, asked.group, unknown); err != nil {
				return err
			}
			return directory.ErrUnknownMember(unknown...)
		}
		if asked.gone == nil {
			asked.gone = map[directory.ScimID]bool{}
		}
		for _, id := range former {
			asked.gone[id] = true
		}
	}
}

// listUnknown lists a refused change of a group's members.
func (x *session) listUnknown(ctx context.Context, g directory.Group, ids []directory.ScimID) error {
	id := directory.UnknownMembersConflictID(x.caller.Provider, g)
	_, err := x.ports.Conflicts.UpdateConflict(ctx, x.tenant, id,
		func(c directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			opened := c.ID == "" || c.State == directory.ConflictSucceeded
			if opened {
				c = directory.ConflictCase{
					ID: id, Provider: x.caller.Provider, Cause: directory.ConflictUnknownMembers, State: directory.ConflictOpen,
					FirstAt: x.now, Version: c.Version,
				}
			}
			c.Group, c.UserName, c.ExternalID = g.ID, g.DisplayName, g.ExternalID
			c.Members, c.MemberCount = ids[:min(len(ids), directory.MaxNamedMembers)], len(ids)
			c.Count, c.LastAt, c.Version = c.Count+1, x.now, c.Version+1
			if !opened {
				return c, nil, nil
			}
			e := x.entry(directory.ConflictOpened).OfGroup(g.ID)
			e.Name, e.Target = g.DisplayName, string(id)
			return c, &e, nil
		})
	return err
}

// noteGone writes an entry about members who were passed over in a change that changes nothing else: one for each group
// and id, not for each request.
func (x *session) noteGone(ctx context.Context, g directory.Group, ids []directory.ScimID) error {
	id := directory.ConflictIDOf(x.caller.Provider, "gone members of "+string(g.ID))
	_, err := x.ports.Conflicts.UpdateConflict(ctx, x.tenant, id,
		func(c directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			fresh := slices.DeleteFunc(slices.Clone(ids), func(m directory.ScimID) bool { return slices.Contains(c.Members, m) })
			if len(fresh) == 0 {
				return c, nil, nil
			}
			if c.ID == "" {
				c = directory.ConflictCase{ID: id, Provider: x.caller.Provider, Cause: directory.ConflictGoneMembers, FirstAt: x.now}
			}
			c.Group, c.UserName, c.State = g.ID, g.DisplayName, directory.ConflictSucceeded
			c.Members = append(c.Members, fresh...)
			c.Members = c.Members[max(0, len(c.Members)-directory.MaxNotedMembers):]
			c.MemberCount, c.Count, c.LastAt, c.Version = len(c.Members), c.Count+1, x.now, c.Version+1
			e := x.entry(directory.ConflictOpened).OfGroup(g.ID)
			e.Name, e.Target = g.DisplayName, string(id)
			e.Changes = []directory.Change{directory.NewChange(directory.AttrSkippedMembers, nil, fresh)}
			return c, &e, nil
		})
	return err
}
