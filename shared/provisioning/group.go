package provisioning

import (
	"context"
	"slices"

	"rollcall/shared/directory"
)

// Group reads one group of the caller's provider.
// Errors: Unauthenticated; Unavailable; NotFound; TooMany (all of more than 10,000 members).
func (s *Service) Group(
	ctx context.Context, c Caller, id directory.GroupID, want directory.GroupWant, admit directory.Admit,
) (directory.GroupView, error) {
	x := s.session(c)
	return s.ports.Groups.ReadGroup(ctx, x.tenant, c.Provider, id, want, x.admit(admit))
}

// FindGroups reads the groups of the caller's provider that have the key, at most limit.
func (s *Service) FindGroups(
	ctx context.Context, c Caller, key directory.Lookup, limit int, want directory.GroupWant, admit directory.Admit,
) ([]directory.GroupView, error) {
	x := s.session(c)
	return s.ports.Groups.FindGroups(ctx, x.tenant, c.Provider, key, limit, want, x.admit(admit))
}

// ListGroups reads a page of the groups of the caller's provider.
func (s *Service) ListGroups(
	ctx context.Context, c Caller, page directory.Page, want directory.GroupWant, admit directory.Admit,
) (directory.GroupPage, error) {
	x := s.session(c)
	return s.ports.Groups.ListGroups(ctx, x.tenant, c.Provider, page, want, x.admit(admit))
}

// CreateGroup creates a group with members of the caller's provider, and returns it with those that it has: without any
// who are gone (C24).
// Errors: Invalid (an unknown member); TooLarge; Conflict (displayName); what build returns.
func (s *Service) CreateGroup(
	ctx context.Context, c Caller, admit directory.Admit,
	build func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error),
) (directory.GroupView, error) {
	x := s.session(c)
	var (
		asked membersAsked
		view  directory.GroupView
	)
	create := func(p directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error) {
		profile, members, changes, err := build(p)
		if err == nil {
			err = profile.Check()
		}
		if err != nil {
			return directory.Group{}, nil, directory.LogEntry{}, err
		}
		asked.group = directory.Group{GroupProfile: profile}
		members = asked.present(distinct(members))
		g := directory.Group{
			ID: directory.GroupID("g" + s.rt.NewID()), Provider: p.ID, GroupProfile: profile,
			MemberCount: len(members), Version: 1, Created: x.now, Modified: x.now,
		}
		if err := checkMemberChange(directory.GroupView{Group: g}, members, nil); err != nil {
			return directory.Group{}, nil, directory.LogEntry{}, err
		}
		e := x.entry(directory.GroupCreated).OfGroup(g.ID)
		e.Name, e.Changes, e.Added, e.Version = g.DisplayName, asked.warn(changes), members, g.Version
		view.Members = members
		return g, members, e, nil
	}
	err := x.passOver(ctx, &asked, func() (err error) {
		view.Group, err = s.ports.Groups.CreateGroup(ctx, x.tenant, c.Provider, x.admit(admit), create)
		return err
	})
	if by, ok := directory.AsTaken(err); ok {
		return directory.GroupView{}, taken(by, c.Provider)
	}
	view.Members = slices.Sorted(slices.Values(view.Members))
	return view, err
}

// GroupEdit is the change of a group that a request asks for.
type GroupEdit struct {
	Profile     directory.GroupProfile
	Add, Remove []directory.ScimID // as requested: present members in Add and absent ones in Remove are ignored
	Changes     []directory.Change // of the profile, for the log
}

// UpdateGroup changes a group and its members, all or nothing, and reports whether anything changed. want must name
// every id that edit may add or remove, or ask for all members.
// Errors: NotFound; Invalid; TooLarge; Conflict (displayName); what edit returns.
func (s *Service) UpdateGroup(
	ctx context.Context, c Caller, id directory.GroupID, want directory.GroupWant, admit directory.Admit,
	edit func(directory.Provider, directory.GroupView) (GroupEdit, error),
) (directory.GroupView, bool, error) {
	x := s.session(c)
	view, err := s.ports.Groups.ReadGroup(ctx, x.tenant, c.Provider, id, want, x.admit(admit))
	if err != nil {
		return directory.GroupView{}, false, err
	}
	changed, asked := false, membersAsked{group: view.Group}
	update := func(old directory.GroupView) (directory.GroupChange, error) {
		changed = false
		ed, err := edit(x.provider, old)
		if err != nil {
			return directory.GroupChange{}, err
		}
		ch := directory.GroupChange{GroupProfile: ed.Profile}
		ch.Add = asked.present(slices.DeleteFunc(distinct(ed.Add), func(m directory.ScimID) bool { return old.Present[m] }))
		ch.Remove = slices.DeleteFunc(distinct(ed.Remove), func(m directory.ScimID) bool { return !old.Present[m] })
		if ed.Profile.Equal(old.GroupProfile) && len(ch.Add) == 0 && len(ch.Remove) == 0 {
			return ch, nil
		}
		if err := ed.Profile.Check(); err != nil {
			return directory.GroupChange{}, err
		}
		if err := checkMemberChange(old, ch.Add, ch.Remove); err != nil {
			return directory.GroupChange{}, err
		}
		changed = true
		e := x.entry(directory.MembersChanged).OfGroup(old.ID)
		if !ed.Profile.Equal(old.GroupProfile) {
			e.Action = directory.GroupUpdated
		}
		e.Name, e.Changes, e.Added, e.Removed = ed.Profile.DisplayName, asked.warn(ed.Changes), ch.Add, ch.Remove
		ch.Entry = &e
		return ch, nil
	}
	var g directory.Group
	err = x.passOver(ctx, &asked, func() (err error) {
		g, err = s.ports.Groups.UpdateGroup(ctx, x.tenant, view, want, update)
		return err
	})
	if by, ok := directory.AsTaken(err); ok {
		return directory.GroupView{}, false, taken(by, c.Provider)
	}
	if err != nil {
		return directory.GroupView{}, false, err
	}
	if !changed && len(asked.skipped) > 0 {
		if err := x.noteGone(ctx, asked.group, asked.skipped); err != nil {
			return directory.GroupView{}, false, err
		}
	}
	return directory.GroupView{Group: g}, changed, nil
}

// DeleteGroup removes a group and its memberships.
// Errors: NotFound; what check returns.
func (s *Service) DeleteGroup(ctx context.Context, c Caller, id directory.GroupID, check func(directory.Group) error) error {
	x := s.session(c)
	view, err := s.ports.Groups.ReadGroup(ctx, x.tenant, c.Provider, id, directory.GroupWant{}, x.admit(nil))
	if err != nil {
		return err
	}
	return s.ports.Groups.DeleteGroup(ctx, x.tenant, view.Group, func(old directory.Group) (directory.LogEntry, error) {
		if err := check(old); err != nil {
			return directory.LogEntry{}, err
		}
		e := x.entry(directory.GroupDeleted).OfGroup(old.ID)
		e.Name = old.DisplayName
		return e, nil
	})
}

func checkMemberChange(v directory.GroupView, add, remove []directory.ScimID) error {
	if len(add) > directory.MaxMemberChange || len(remove) > directory.MaxMemberChange {
		return directory.Errorf(directory.TooLarge, "one request may add or remove at most %d members", directory.MaxMemberChange)
	}
	return v.CheckMembers(add)
}

// distinct returns ids without repetitions, in order; the result is a new slice.
func distinct(ids []directory.ScimID) []directory.ScimID {
	out := make([]directory.ScimID, 0, len(ids))
	seen := make(map[directory.ScimID]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
