package follow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"rollcall/shared/directory"
)

// restoration brings back the people and groups of a restored provider.
type restoration struct {
	s        *Service
	tenant   directory.TenantID
	provider directory.Provider
	origin   origin

	mu         sync.Mutex // for the results
	users      int
	exceptions []restoreException
	missing    map[directory.ScimID]bool // the SCIM ids of those who are not back
}

// restoreException is a user who is not back, or not as before, in a log entry.
type restoreException struct {
	User   directory.UserID           `json:"user"`
	Reason directory.RestoreException `json:"reason"`
}

// maxLoggedExceptions is how many of them the entry lists; all are counted.
const maxLoggedExceptions = 1000

// restoreProvider brings back what the deletion of a provider took: first its people, then its groups with those members
// who are back, then what the rules decide about them. Every part finds what it has done before, so that a repetition
// ends with the same result.
func (s *Service) restoreProvider(ctx context.Context, t directory.TenantID, cause directory.LogEntry) error {
	id := directory.ProviderID(cause.Target)
	p, err := s.ports.Providers.Provider(ctx, t, id)
	if err != nil || p.Restoration == nil || p.State == directory.ProviderDeleting {
		return directory.IgnoreNotFound(err)
	}
	if p.Restoring() {
		o := fromDecision(cause)
		o.provider = id
		r := &restoration{s: s, tenant: t, provider: p, origin: o, missing: map[directory.ScimID]bool{}}
		if err := r.run(ctx, cause); err != nil {
			return err
		}
	}
	return s.ports.Providers.DropArchive(ctx, t, id)
}

func (r *restoration) run(ctx context.Context, cause directory.LogEntry) error {
	each := func(kind string, fn func(directory.ArchivePage) error) error {
		return r.s.eachArchived(ctx, r.tenant, r.provider.ID, kind, fn)
	}
	fate := r.provider.Restoration.Deletion
	d, _, err := r.s.withFallback(ctx, r.tenant, fate) // who was to be moved is local if there is nowhere to move to
	if err != nil {
		return err
	}
	now := *r.provider.Restoration
	now.Deletion, r.provider.Restoration = d, &now
	err = each(peopleKey, func(page directory.ArchivePage) error { return forEach(ctx, page.Users, r.user) })
	if err != nil {
		return err
	}
	groups := map[directory.GroupID]bool{}
	err = each(groupKey, func(page directory.ArchivePage) error {
		if groups[page.Group.ID] {
			return nil
		}
		groups[page.Group.ID] = true
		return r.group(ctx, *page.Group)
	})
	if err != nil {
		return err
	}
	if err := each(groupKey, func(page directory.ArchivePage) error { return r.members(ctx, page) }); err != nil {
		return err
	}
	rules, err := r.s.resolver(ctx, r.tenant, r.provider.ID, fromEntry(cause))
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	rules.provider.Restoration = nil // the others wait for this
	if fate.Users != directory.FateMove {
		// Organization and roles were kept: mappings that wait for an apply run go on waiting. Watchlists only.
		rules.rules.Org, rules.rules.Role = directory.OrgSettings{}, directory.RoleSettings{}
	}
	err = each(peopleKey, func(page directory.ArchivePage) error {
		for _, a := range page.Users {
			if err := r.place(ctx, rules, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.done(ctx, len(groups))
}

// user gives a user back to the provider, or notes why not.
func (r *restoration) user(ctx context.Context, a directory.ArchivedUser) error {
	v, err := r.s.ports.Users.UserByID(ctx, r.tenant, a.ID)
	if directory.IsKind(err, directory.NotFound) {
		r.note(a, directory.RestoredErased, false)
		return nil
	}
	if err != nil {
		return err
	}
	ended, err := r.ended(ctx, a, v.User)
	if err != nil {
		return err
	}
	var why directory.RestoreException
	u, err := r.s.ports.Users.UpdateUser(ctx, r.tenant, v.User,
		func(old directory.User) (n directory.User, e *directory.LogEntry, err error) {
			if ended && old.Version != v.Version {
				return old, nil, errUserChanged
			}
			n, why = a.Restore(old, r.provider, ended)
			return directory.FinishChange(old, n, r.s.entry(r.origin, directory.UserConverted))
		})
	switch {
	case errors.Is(err, errUserChanged):
		return r.user(ctx, a)
	case err == nil:
		r.note(a, why, a.IsBack(u, r.provider.ID))
	}
	return err
}

func (r *restoration) note(a directory.ArchivedUser, why directory.RestoreException, back bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if back {
		r.users++
	} else {
		r.missing[a.ScimID] = true
	}
	if why != "" {
		r.exceptions = append(r.exceptions, restoreException{a.ID, why})
	}
}

// ended reports whether the deletion led to the deactivation of a user, at once or when it was due.
func (r *restoration) ended(ctx context.Context, a directory.ArchivedUser, u directory.User) (bool, error) {
	d := r.provider.Restoration.Deletion
	if !a.Usable || u.Lifecycle != directory.LifecycleDeactivated || d.Users != directory.FateDeactivate {
		return false, nil
	}
	es, err := r.s.ports.Log.Entries(ctx, r.tenant, directory.LogQuery{User: u.ID, Since: d.RequestedAt, Count: 100})
	var last directory.LogEntry // by version: times may be equal
	for _, e := range es {
		if slices.Contains(e.Effects, directory.EffectDeactivated) && e.Version > last.Version {
			last = e
		}
	}
	if err != nil || last.Version == 0 {
		return false, err
	}
	atOnce := slices.Contains(last.Effects, directory.EffectConverted)
	return atOnce || last.Cause() == directory.CauseWakeup || last.Cause() == directory.CauseSweep, nil
}

// group creates a group again under its id, without members.
func (r *restoration) group(ctx context.Context, g directory.Group) error {
	_, err := r.s.ports.Groups.ReadGroup(ctx, r.tenant, r.provider.ID, g.ID, directory.GroupWant{}, nil)
	if !directory.IsKind(err, directory.NotFound) {
		return err
	}
	_, err = r.s.ports.Groups.CreateGroup(ctx, r.tenant, r.provider.ID, nil,
		func(directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error) {
			e := r.s.entry(r.origin, directory.GroupCreated).OfGroup(g.ID)
			g.Version += int64(g.MemberCount) + 2 // above that of its deletion, which followed the leaving of each member
			g.Modified, g.MemberCount = directory.Latest(g.Modified, e.At), 0
			e.Name, e.Version = g.DisplayName, g.Version
			e.Changes = []directory.Change{directory.NewChange(directory.AttrDisplayName, nil, g.DisplayName)}
			return g, nil, e, nil
		})
	return err
}

// members adds those members of a page to its group who are back.
func (r *restoration) members(ctx context.Context, page directory.ArchivePage) error {
	if len(page.Members) == 0 {
		return nil
	}
	former, unknown, err := r.s.ports.Groups.MissingMembers(ctx, r.tenant, r.provider.ID, page.Members)
	if err != nil {
		return err
	}
	back := slices.DeleteFunc(slices.Clone(page.Members), func(id directory.ScimID) bool {
		return slices.Contains(former, id) || slices.Contains(unknown, id)
	})
	want := directory.GroupWant{Named: back}
	v, err := r.s.ports.Groups.ReadGroup(ctx, r.tenant, r.provider.ID, page.Group.ID, want, nil)
	if err != nil {
		return err
	}
	_, err = r.s.ports.Groups.UpdateGroup(ctx, r.tenant, v, want, func(v directory.GroupView) (directory.GroupChange, error) {
		c := directory.GroupChange{GroupProfile: v.GroupProfile}
		for _, id := range back {
			if !v.Present[id] {
				c.Add = append(c.Add, id)
			}
		}
		if len(c.Add) > 0 {
			e := r.s.entry(r.origin, directory.MembersChanged).OfGroup(v.ID)
			e.Name, e.Added = v.DisplayName, c.Add
			c.Entry = &e
		}
		return c, nil
	})
	return err
}

// place lets the rules decide about a user who is back, and takes a manager who is not.
func (r *restoration) place(ctx context.Context, rules *resolver, a directory.ArchivedUser) error {
	if r.missing[a.ScimID] {
		return nil
	}
	if r.missing[a.Manager] {
		v, err := r.s.ports.Users.UserByID(ctx, r.tenant, a.ID)
		if err != nil {
			return err
		}
		_, err = r.s.ports.Users.UpdateUser(ctx, r.tenant, v.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
			if old.Manager != string(a.Manager) || !a.IsBack(old, r.provider.ID) {
				return old, nil, nil
			}
			n := old
			n.Manager = ""
			return r.s.finish(r.origin, old, n, directory.UserUpdated, directory.NewChange(directory.AttrManager, old.Manager, nil))
		})
		if err != nil {
			return err
		}
	}
	return rules.resolve(ctx, rules.user(a.ID), directory.OnEvent)
}

// done records the result.
func (r *restoration) done(ctx context.Context, groups int) error {
	slices.SortFunc(r.exceptions, func(a, b restoreException) int { return strings.Compare(string(a.User), string(b.User)) })
	_, err := r.s.ports.Providers.UpdateProvider(ctx, r.tenant, r.provider.ID,
		func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			if !old.Restoring() {
				return old, nil, nil
			}
			e := r.s.entry(r.origin, directory.ProviderUpdated)
			p, result := old, *old.Restoration
			result.DoneAt, result.Users, result.Groups, result.Exceptions = e.At, r.users, groups, len(r.exceptions)
			p.Restoration, p.Version, p.Modified = &result, old.Version+1, directory.Latest(old.Modified, e.At)
			e.Provider, e.Audit, e.Target, e.Name, e.Version = "", true, string(p.ID), p.DisplayName, p.Version
			e.Changes = []directory.Change{directory.NewChange("restoration", nil, map[string]int{
				"userCount": r.users, "groupCount": groups, "exceptionCount": len(r.exceptions)})}
			if n := min(len(r.exceptions), maxLoggedExceptions); n > 0 {
				e.Changes = append(e.Changes, directory.NewChange("exceptions", nil, r.exceptions[:n]))
			}
			return p, &e, nil
		})
	return directory.IgnoreNotFound(err)
}
