package fsck

import (
	"slices"
	"time"

	"rollcall/shared/directory"
)

// groupLog is what the log says about a group.
type groupLog struct {
	provider         directory.ProviderID
	created, deleted bool
	ended            memberLog // when it was last created and deleted: the groups of a restored provider are created again
	version          int64     // the last one
	named            []named   // by changes of the profile
	members          map[directory.ScimID]*memberLog
}

// named is the name of a group after a change of its profile; of one that is not numbered yet, version is 0.
type named struct {
	version int64
	at      time.Time
	name    string
}

// called reports whether the log may have the name as the last one. Changes close together may have been numbered in
// another order.
func (l *groupLog) called(name string) bool {
	var last named
	for _, n := range l.named {
		if n.version == 0 {
			return true
		}
		if n.version > last.version {
			last = n
		}
	}
	return last.version == 0 || slices.ContainsFunc(l.named, func(n named) bool {
		return n.name == name && n.at.Sub(last.at).Abs() < inDoubt
	})
}

// memberLog is when a member last joined and left a group. The times are those of the requests.
type memberLog struct{ joined, left time.Time }

// inDoubt is how close together two changes of a membership can be for their order not to be known from the times.
const inDoubt = time.Minute

// is reports whether the log has the member in the group; false for known when it cannot tell.
func (m *memberLog) is() (member, known bool) {
	between := m.joined.Sub(m.left)
	return between > 0, m.joined.IsZero() || m.left.IsZero() || between.Abs() >= inDoubt
}

func (r *replay) playGroup(e directory.LogEntry) {
	l := r.byGroup[e.Group]
	if l == nil {
		l = &groupLog{provider: e.Provider, members: map[directory.ScimID]*memberLog{}}
		r.byGroup[e.Group] = l
	}
	l.created, l.deleted = l.created || e.Action == directory.GroupCreated, l.deleted || e.Action == directory.GroupDeleted
	switch e.Action {
	case directory.GroupCreated:
		l.ended.joined = directory.Latest(l.ended.joined, e.At)
	case directory.GroupDeleted:
		l.ended.left = directory.Latest(l.ended.left, e.At)
	}
	l.version = max(l.version, e.Version)
	if e.Action == directory.GroupCreated || e.Action == directory.GroupUpdated {
		l.named = append(l.named, named{e.Version, e.At, e.Name})
	}
	member := func(id directory.ScimID) *memberLog {
		if l.members[id] == nil {
			l.members[id] = &memberLog{}
		}
		return l.members[id]
	}
	for _, id := range e.Added {
		member(id).joined = directory.Latest(member(id).joined, e.At)
	}
	for _, id := range e.Removed {
		member(id).left = directory.Latest(member(id).left, e.At)
	}
}

// groups compares the groups of every provider with their logs.
func (r *replay) groups() error {
	exists := map[directory.GroupID]bool{}
	for _, p := range r.providers {
		present := map[directory.ScimID]directory.UserID{}
		for _, id := range r.ids {
			if u := r.users[id]; u.Provider == p.ID && !u.Removed() {
				present[u.ScimID] = id
			}
		}
		for after := ""; ; {
			list, err := r.Groups.ListGroups(r.ctx, r.tenant.ID, p.ID, directory.Page{ByCursor: true, After: after, Count: page},
				directory.GroupWant{}, nil)
			if err != nil {
				return err
			}
			for _, g := range list.Groups {
				after = string(g.ID)
				exists[g.ID] = true
				if err := r.group(g.Group, present); err != nil {
					return err
				}
			}
			if !list.More {
				break
			}
		}
	}
	for id, l := range r.byGroup {
		if !exists[id] && !l.deleted && r.has(l.provider) {
			r.found(Replay, "group", string(id), "the log has entries about it and none of its deletion, but there is no record")
		}
	}
	return nil
}

// has reports whether the tenant has the provider, and is not emptying it.
func (r *replay) has(id directory.ProviderID) bool {
	for _, p := range r.providers {
		if p.ID == id {
			return p.State != directory.ProviderDeleting
		}
	}
	return false
}

// group compares a group with its log. present are the users of its provider.
func (r *replay) group(g directory.Group, present map[directory.ScimID]directory.UserID) error {
	l, id := r.byGroup[g.ID], string(g.ID)
	switch {
	case l == nil && g.Created.After(r.complete):
		r.found(Replay, "group", id, "the log has no entry about it")
		return nil
	case l == nil:
		return nil
	case l.ended.left.After(l.ended.joined):
		r.found(Replay, "group", id, "the log has its deletion")
		return nil
	case l.version > g.Version:
		r.found(Replay, "group", id, "its version is lower than in the log")
	case !l.called(g.DisplayName):
		r.found(Replay, "group", id, "its displayName is not what its last entry says")
	}
	is := map[directory.ScimID]bool{}
	for after := directory.ScimID(""); ; {
		ms, err := r.Groups.Members(r.ctx, r.tenant.ID, g.Provider, g.ID, after, page)
		if err != nil {
			return err
		}
		for _, m := range ms {
			after, is[m] = m, true
			if l.created && l.members[m] == nil {
				r.found(Replay, "group", id, "the log has no entry by which "+string(m)+" became a member")
			}
		}
		if len(ms) < page {
			break
		}
	}
	for m, times := range l.members {
		member, known := times.is()
		if !known || member == is[m] {
			continue
		}
		user, here := present[m]
		if member && (!here || r.byUser[user] != nil && !r.byUser[user].left.Before(times.joined.Add(-inDoubt))) {
			continue // members who leave the provider leave its groups, without an entry of the group
		}
		r.found(Replay, "group", id, "by the log "+string(m)+" is a member or not, by the memberships the opposite")
	}
	return nil
}
