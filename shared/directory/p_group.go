package directory

import (
	"context"
	"slices"
)

// Group reads one group of the caller's provider.
// Errors: Unauthenticated; Unavailable; NotFound; TooMany (all of more than 10,000 members).
func (s *Service) Group(ctx context.Context, c Caller, id GroupID, want GroupWant, admit Admit) (GroupView, error) {
	x := s.session(c)
	return s.Groups.ReadGroup(ctx, x.tenant, c.Provider, id, want, x.admit(admit))
}

// FindGroups reads the groups of the caller's provider that have the key, at most limit.
func (s *Service) FindGroups(ctx context.Context, c Caller, key Lookup, limit int, want GroupWant, admit Admit) ([]GroupView, error) {
	x := s.session(c)
	return s.Groups.FindGroups(ctx, x.tenant, c.Provider, key, limit, want, x.admit(admit))
}

// ListGroups reads a page of the groups of the caller's provider.
func (s *Service) ListGroups(ctx context.Context, c Caller, page Page, want GroupWant, admit Admit) (GroupPage, error) {
	x := s.session(c)
	return s.Groups.ListGroups(ctx, x.tenant, c.Provider, page, want, x.admit(admit))
}

// CreateGroup creates a group with members of the caller's provider.
// Errors: Invalid (an unknown member); TooLarge; Conflict (displayName); what make returns.
func (s *Service) CreateGroup(ctx context.Context, c Caller, admit Admit, make func(Provider) (GroupProfile, []ScimID, []Change, error)) (Group, error) {
	x := s.session(c)
	g, err := s.Groups.CreateGroup(ctx, x.tenant, c.Provider, x.admit(admit), func(p Provider) (Group, []ScimID, LogEntry, error) {
		profile, members, changes, err := make(p)
		if err == nil {
			err = profile.check()
		}
		if err != nil {
			return Group{}, nil, LogEntry{}, err
		}
		members = distinct(members)
		g := Group{
			ID: GroupID("g" + s.newID()), Provider: p.ID, GroupProfile: profile,
			MemberCount: len(members), Version: 1, Created: x.now, Modified: x.now,
		}
		if err := checkMemberChange(GroupView{Group: g}, members, nil); err != nil {
			return Group{}, nil, LogEntry{}, err
		}
		e := x.entry(GroupCreated)
		e.Group, e.Name, e.Changes, e.Added, e.Version = g.ID, g.DisplayName, changes, members, g.Version
		return g, members, e, nil
	})
	if taken, ok := asTaken(err); ok {
		return Group{}, taken.conflict(c.Provider)
	}
	return g, err
}

// GroupEdit is what a request makes of a group.
type GroupEdit struct {
	Profile     GroupProfile
	Add, Remove []ScimID // the wish: present members to add and absent ones to remove are left out
	Changes     []Change // of the profile, for the log
}

// UpdateGroup changes a group and its members, all or nothing; the answer tells whether anything
// changed. want must name every id that edit may add or remove, or ask for all members.
// Errors: NotFound; Invalid; TooLarge; Conflict (displayName); what edit returns.
func (s *Service) UpdateGroup(ctx context.Context, c Caller, id GroupID, want GroupWant, admit Admit, edit func(Provider, GroupView) (GroupEdit, error)) (GroupView, bool, error) {
	x := s.session(c)
	view, err := s.Groups.ReadGroup(ctx, x.tenant, c.Provider, id, want, x.admit(admit))
	if err != nil {
		return GroupView{}, false, err
	}
	changed := false
	g, err := s.Groups.UpdateGroup(ctx, x.tenant, view, want, func(old GroupView) (GroupChange, error) {
		changed = false
		ed, err := edit(x.provider, old)
		if err != nil {
			return GroupChange{}, err
		}
		ch := GroupChange{GroupProfile: ed.Profile}
		ch.Add = slices.DeleteFunc(distinct(ed.Add), func(m ScimID) bool { return old.Present[m] })
		ch.Remove = slices.DeleteFunc(distinct(ed.Remove), func(m ScimID) bool { return !old.Present[m] })
		if ed.Profile.Equal(old.GroupProfile) && len(ch.Add) == 0 && len(ch.Remove) == 0 {
			return ch, nil
		}
		if err := ed.Profile.check(); err != nil {
			return GroupChange{}, err
		}
		if err := checkMemberChange(old, ch.Add, ch.Remove); err != nil {
			return GroupChange{}, err
		}
		changed = true
		e := x.entry(MembersChanged)
		if !ed.Profile.Equal(old.GroupProfile) {
			e.Action = GroupUpdated
		}
		e.Group, e.Name, e.Changes, e.Added, e.Removed = old.ID, ed.Profile.DisplayName, ed.Changes, ch.Add, ch.Remove
		ch.Entry = &e
		return ch, nil
	})
	if taken, ok := asTaken(err); ok {
		return GroupView{}, false, taken.conflict(c.Provider)
	}
	if err != nil {
		return GroupView{}, false, err
	}
	return GroupView{Group: g}, changed, nil
}

// DeleteGroup removes a group and its memberships.
// Errors: NotFound; what check returns.
func (s *Service) DeleteGroup(ctx context.Context, c Caller, id GroupID, check func(Group) error) error {
	x := s.session(c)
	view, err := s.Groups.ReadGroup(ctx, x.tenant, c.Provider, id, GroupWant{}, x.admit(nil))
	if err != nil {
		return err
	}
	return s.Groups.DeleteGroup(ctx, x.tenant, view.Group, func(old Group) (LogEntry, error) {
		if err := check(old); err != nil {
			return LogEntry{}, err
		}
		e := x.entry(GroupDeleted)
		e.Group, e.Name = old.ID, old.DisplayName
		return e, nil
	})
}

func checkMemberChange(v GroupView, add, remove []ScimID) error {
	if len(add) > MaxMemberChange || len(remove) > MaxMemberChange {
		return Errorf(TooLarge, "one request may add or remove at most %d members", MaxMemberChange)
	}
	return v.checkMembers(add)
}

// distinct returns ids without repetitions, in order; the result is a new slice.
func distinct(ids []ScimID) []ScimID {
	out := make([]ScimID, 0, len(ids))
	seen := make(map[ScimID]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
