package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

const (
	// requestsEnd is when all requests have ended that read a provider before it changed: they write users with the
	// look-ups of the old setting. A function ends after 28 seconds, as may the one that changed the provider.
	requestsEnd = time.Minute
	// indexFor is how long users are indexed before others get a turn: less than the lease of work that was set aside.
	indexFor = 20 * time.Second
)

// indexUsers brings the look-ups of a provider's users up to date with its matching attributes, in steps that are each
// set aside for the entry. A step continues where the last one stored that it was.
func (s *Service) indexUsers(ctx context.Context, t directory.TenantID, cause directory.LogEntry) error {
	p, err := s.ports.Providers.Provider(ctx, t, directory.ProviderID(cause.Target))
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	if p.MatchingRun != cause.ID { // done, or changed again, which has an entry of its own
		return nil
	}
	if from := cause.At.Add(requestsEnd); s.rt.Time().Before(from) {
		return s.indexLater(ctx, t, cause, "", from)
	}
	end := s.rt.Time().Add(indexFor)
	for {
		after, done, err := s.indexPage(ctx, t, p)
		switch {
		case err != nil:
			return err
		case done:
			return s.indexed(ctx, t, p, cause)
		case !s.rt.Time().Before(end):
			return s.indexLater(ctx, t, cause, after, s.rt.Time())
		}
	}
}

// indexLater asks for the next step, from a position.
func (s *Service) indexLater(ctx context.Context, t directory.TenantID, cause directory.LogEntry, after string, at time.Time) error {
	return s.doLater(ctx, t, cause, stepIndex, "index "+string(cause.ID)+" "+after, at)
}

// indexPage indexes some users after the stored position and stores the new one; several processes may do so at the
// same time. It returns the position, and whether no users follow.
func (s *Service) indexPage(ctx context.Context, t directory.TenantID, p directory.Provider) (after string, done bool, err error) {
	id := directory.MatchingTask(p.ID)
	task, err := s.ports.Tasks.Task(ctx, t, id)
	if err != nil {
		return "", false, err
	}
	if task.Run != p.MatchingRun {
		task = directory.Task{}
	}
	const batch = 200
	next := directory.Page{ByCursor: true, After: task.After, Count: batch}
	page, err := s.ports.Users.ListUsers(ctx, t, p.ID, next, directory.UserWant{}, nil)
	if err != nil || len(page.Users) == 0 {
		return task.After, true, err
	}
	if err := forEach(ctx, page.Users, func(ctx context.Context, v directory.UserView) error {
		return directory.IgnoreNotFound(s.ports.Users.IndexUser(ctx, t, v.User, func(u directory.User) []directory.Lookup {
			if u.Provider != p.ID {
				return u.Lookups
			}
			return p.WithKeys(u.Profile).Lookups
		}))
	}); err != nil {
		return "", false, err
	}
	after = string(page.Users[len(page.Users)-1].ID)
	err = s.ports.Tasks.UpdateTask(ctx, t, id, func(old directory.Task) directory.Task {
		if old.Run == p.MatchingRun && old.After >= after {
			return old // another process was faster
		}
		return directory.Task{
			ID: id, Run: p.MatchingRun, After: after, Done: task.Done + len(page.Users), DoneAt: old.DoneAt, Version: old.Version + 1,
		}
	})
	return after, !page.More, err
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
