package follow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

	mu     sync.Mutex // for the result
	result restoreResult
}

// restoreResult is what a restoration has done so far, as its task keeps it.
type restoreResult struct {
	Users, Groups int
	Exceptions    int                // of these, the first are listed
	Listed        []restoreException `json:",omitempty"`
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
func (x *portion) restoreProvider(ctx context.Context) error {
	id := directory.ProviderID(x.entry.Target)
	p, err := x.s.ports.Providers.Provider(ctx, x.tenant, id)
	if err != nil || p.Restoration == nil || p.State == directory.ProviderDeleting {
		return x.gone(err)
	}
	if !p.Restoring() {
		return x.end(x.s.ports.Providers.DropArchive(ctx, x.tenant, id))
	}
	o := fromDecision(x.entry)
	o.provider = id
	r := &restoration{s: x.s, tenant: x.tenant, provider: p, origin: o}
	if len(x.Data) > 0 {
		if err := json.Unmarshal(x.Data, &r.result); err != nil {
			return fmt.Errorf("read the result of a task: %w", err)
		}
	}
	fate := p.Restoration.Deletion
	d, _, err := x.s.withFallback(ctx, x.tenant, fate) // who was to be moved is local if there is nowhere to move to
	if err != nil {
		return err
	}
	now := *p.Restoration
	now.Deletion, r.provider.Restoration, x.Total = d, &now, d.UserCount
	rules, err := x.s.resolver(ctx, x.tenant, id, fromEntry(x.entry))
	if err != nil {
		return x.gone(err)
	}
	rules.provider.Restoration = nil // the others wait for this
	if fate.Users != directory.FateMove {
		// Organization and roles were kept: mappings that wait for an apply run go on waiting. Watchlists only.
		rules.rules.Org, rules.rules.Role = directory.OrgSettings{}, directory.RoleSettings{}
	}
	return x.stages(ctx,
		x.restores(r, "users", peopleKey, func(ctx context.Context, page directory.ArchivePage) error {
			return forEach(ctx, page.Users, r.user)
		}),
		x.restores(r, "groups", groupKey, r.group),
		x.restores(r, "members", groupKey, r.members),
		x.restores(r, "rules", peopleKey, func(ctx context.Context, page directory.ArchivePage) error { return r.place(ctx, rules, page) }),
		stage{"provider", func(ctx context.Context, _ string) (string, bool, error) {
			err := r.done(ctx)
			if err == nil {
				err = x.s.ports.Providers.DropArchive(ctx, x.tenant, id)
			}
			return "", true, err
		}},
	)
}

// restores returns the stage that calls fn for the pages of the archive whose key begins with a letter. The result is
// kept with the position: what a repeated page counts is not counted twice.
func (x *portion) restores(r *restoration, name, kind string, fn func(context.Context, directory.ArchivePage) error) stage {
	return stage{name, func(ctx context.Context, after string) (string, bool, error) {
		page, err := x.archivePage(ctx, r.provider.ID, kind, after)
		if err != nil || page.Key == "" {
			return "", true, err
		}
		if err := fn(ctx, page); err != nil {
			return "", false, err
		}
		x.did(len(page.Users) + 1 + len(page.Members))
		x.Done = r.result.Users
		x.Data, err = json.Marshal(r.result)
		return page.Key, false, err
	}}
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
			n, why = restored(a, old, r.provider, ended)
			return directory.FinishChange(old, n, r.s.entry(r.origin, directory.UserConverted))
		})
	switch {
	case errors.Is(err, errUserChanged):
		return r.user(ctx, a)
	case err == nil:
		r.note(a, why, isBack(a, u, r.provider.ID))
	}
	return err
}

func (r *restoration) note(a directory.ArchivedUser, why directory.RestoreException, back bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if back {
		r.result.Users++
	}
	if why != "" {
		if r.result.Exceptions++; len(r.result.Listed) < maxLoggedExceptions {
			r.result.Listed = append(r.result.Listed, restoreException{a.ID, why})
		}
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

// group creates the group of a page again under its id, without members.
func (r *restoration) group(ctx context.Context, page directory.ArchivePage) error {
	g := *page.Group
	if page.Key != fmt.Sprintf("%s%s.%05d", groupKey, g.ID, 0) {
		return nil // not its first page
	}
	r.result.Groups++
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

// place lets the rules decide about those users of a page who are back, and takes managers who are not.
func (r *restoration) place(ctx context.Context, rules *resolver, page directory.ArchivePage) error {
	var managers []directory.ScimID
	for _, a := range page.Users {
		if a.Manager != "" {
			managers = append(managers, a.Manager)
		}
	}
	former, unknown, err := r.s.ports.Groups.MissingMembers(ctx, r.tenant, r.provider.ID, managers)
	if err != nil {
		return err
	}
	missing := slices.Concat(former, unknown)
	for _, a := range page.Users {
		v, err := r.s.ports.Users.UserByID(ctx, r.tenant, a.ID)
		if err == nil && slices.Contains(missing, a.Manager) {
			err = r.takeManager(ctx, a, v.User)
		}
		if err == nil && isBack(a, v.User, r.provider.ID) {
			err = rules.resolve(ctx, rules.user(a.ID), directory.OnEvent)
		}
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// takeManager takes the manager who is not back from a user who is.
func (r *restoration) takeManager(ctx context.Context, a directory.ArchivedUser, u directory.User) error {
	_, err := r.s.ports.Users.UpdateUser(ctx, r.tenant, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Manager != string(a.Manager) || !isBack(a, old, r.provider.ID) {
			return old, nil, nil
		}
		n := old
		n.Manager = ""
		return r.s.finish(r.origin, old, n, directory.UserUpdated, directory.NewChange(directory.AttrManager, old.Manager, nil))
	})
	return err
}

// done records the result.
func (r *restoration) done(ctx context.Context) error {
	got := r.result
	slices.SortFunc(got.Listed, func(a, b restoreException) int { return strings.Compare(string(a.User), string(b.User)) })
	_, err := r.s.ports.Providers.UpdateProvider(ctx, r.tenant, r.provider.ID,
		func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			if !old.Restoring() {
				return old, nil, nil
			}
			e := r.s.entry(r.origin, directory.ProviderUpdated)
			p, result := old, *old.Restoration
			result.DoneAt, result.Users, result.Groups, result.Exceptions = e.At, got.Users, got.Groups, got.Exceptions
			p.Restoration, p.Version, p.Modified = &result, old.Version+1, directory.Latest(old.Modified, e.At)
			e.Provider, e.Audit, e.Target, e.Name, e.Version = "", true, string(p.ID), p.DisplayName, p.Version
			e.Changes = []directory.Change{directory.NewChange("restoration", nil, map[string]int{
				"userCount": got.Users, "groupCount": got.Groups, "exceptionCount": got.Exceptions})}
			if len(got.Listed) > 0 {
				e.Changes = append(e.Changes, directory.NewChange("exceptions", nil, got.Listed))
			}
			return p, &e, nil
		})
	return directory.IgnoreNotFound(err)
}

// archived is what has to be kept of a user to restore it.
func archived(u directory.User) directory.ArchivedUser {
	a := directory.ArchivedUser{ID: u.ID, ScimID: u.ScimID, Active: u.Active, Usable: u.LifecycleIsActive() && u.Pending == nil}
	if m := directory.ScimID(u.Manager); m.IsUser() {
		a.Manager = m
	}
	return a
}

// isBack reports whether a user is one of the provider again.
func isBack(a directory.ArchivedUser, u directory.User, p directory.ProviderID) bool {
	return u.Provider == p && u.ScimID == a.ScimID && !u.Removed()
}

// restored returns a user as one of the restored provider p again, unless its home changed since the deletion. ended says
// that the deletion led to its deactivation. What the deletion scheduled is cancelled; an administrator's block, legal
// holds and other deactivations stay.
func restored(
	a directory.ArchivedUser, u directory.User, p directory.Provider, ended bool,
) (directory.User, directory.RestoreException) {
	d, home := p.Restoration.Deletion, directory.ProviderID("")
	if d.Users == directory.FateMove {
		home = d.MoveTo
	}
	back := isBack(a, u, p.ID)
	switch {
	case u.Lifecycle == directory.LifecyclePurged:
		return u, directory.RestoredErased
	case !back && (u.Removed() || u.Provider != home):
		return u, directory.RestoredElsewhere
	case !back:
		u.Provider, u.ScimID, u.Active, u.Manager = p.ID, a.ScimID, a.Active, string(a.Manager)
		u.Profile = p.WithKeys(u.Profile)
		if u.Pending != nil && u.Pending.Cause == directory.CauseProvider && u.Pending.Provider == p.ID {
			u.Pending = nil
		}
		if ended {
			u = u.Reactivated()
		}
	}
	if a.Usable && !u.LifecycleIsActive() {
		return u, directory.RestoredDeactivated
	}
	if d.CancelPending && !a.Usable && !a.Active && u.LifecycleIsActive() && u.Pending == nil {
		return u, directory.RestoredKept
	}
	return u, ""
}
