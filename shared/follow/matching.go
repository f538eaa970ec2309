package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

// requestsEnd is when all requests have ended that read a provider before it changed: they write users with the look-ups
// of the old setting. A function ends after 28 seconds, as may the one that changed the provider.
const requestsEnd = time.Minute

// indexUsers brings the look-ups of a provider's users up to date with its matching attributes. Its position is that of
// indexPage, which tells requests how far it is.
func (x *portion) indexUsers(ctx context.Context) error {
	p, err := x.s.ports.Providers.Provider(ctx, x.tenant, directory.ProviderID(x.entry.Target))
	if err != nil || p.MatchingRun != x.entry.ID { // done, or changed again, which has an entry of its own
		return x.gone(err)
	}
	return x.walk(ctx, func(ctx context.Context, _ string) (string, bool, error) {
		after, n, done, err := x.s.indexPage(ctx, x.tenant, p)
		x.did(n)
		x.Done += n
		if err == nil && done {
			err = x.s.indexed(ctx, x.tenant, p, x.entry)
		}
		return after, done, err
	})
}

// indexPage indexes some users after the stored position and stores the new one; several processes may do so at the
// same time. It returns the position, how many users they were, and whether none follow.
func (s *Service) indexPage(
	ctx context.Context, t directory.TenantID, p directory.Provider,
) (after string, n int, done bool, err error) {
	id := directory.MatchingTask(p.ID)
	task, err := s.ports.Tasks.Task(ctx, t, id)
	if err != nil {
		return "", 0, false, err
	}
	if task.Run != p.MatchingRun {
		task = directory.Task{}
	}
	const batch = 200
	next := directory.Page{ByCursor: true, After: task.After, Count: batch}
	page, err := s.ports.Users.ListUsers(ctx, t, p.ID, next, directory.UserWant{}, nil)
	if err != nil || len(page.Users) == 0 {
		return task.After, 0, true, err
	}
	if err := forEach(ctx, page.Users, func(ctx context.Context, v directory.UserView) error {
		return directory.IgnoreNotFound(s.ports.Users.IndexUser(ctx, t, v.User, func(u directory.User) []directory.Lookup {
			if u.Provider != p.ID {
				return u.Lookups
			}
			return p.WithKeys(u.Profile).Lookups
		}))
	}); err != nil {
		return "", 0, false, err
	}
	after = string(page.Users[len(page.Users)-1].ID)
	_, err = s.ports.Tasks.UpdateTask(ctx, t, id, func(old directory.Task) (directory.Task, error) {
		if old.Run == p.MatchingRun && old.After >= after {
			return old, nil // another process was faster
		}
		return directory.Task{
			ID: id, Run: p.MatchingRun, After: after, Done: task.Done + len(page.Users), DoneAt: old.DoneAt, Version: old.Version + 1,
		}, nil
	})
	return after, len(page.Users), !page.More, err
}

// indexed lets the look-ups answer, now that all users have them.
func (s *Service) indexed(ctx context.Context, t directory.TenantID, p directory.Provider, cause directory.LogEntry) error {
	_, err := s.ports.Providers.UpdateProvider(ctx, t, p.ID, func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
		if old.MatchingRun != cause.ID {
			return old, nil, nil
		}
		n := old
		n.MatchingRun, n.Matching = "", make([]directory.MatchingAttribute, len(old.Matching))
		for i, m := range old.Matching {
			m.Ready = true
			n.Matching[i] = m
		}
		n.Version, n.Modified = old.Version+1, directory.Latest(old.Modified, s.rt.Time())
		e := s.entry(fromEntry(cause), directory.ProviderUpdated)
		e.Provider, e.Audit, e.Target, e.Name, e.Version = "", true, string(n.ID), n.DisplayName, n.Version
		e.Changes = []directory.Change{directory.NewChange("matchingIndexes", "building", "ready")}
		return n, &e, nil
	})
	return directory.IgnoreNotFound(err)
}
