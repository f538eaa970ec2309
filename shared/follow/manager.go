package follow

import (
	"context"
	"slices"
	"strings"
	"sync"

	"rollcall/shared/directory"
	"rollcall/shared/parallel"
)

// linkManagers replaces a manager's userName, as the directory sent it, by the manager's id: for the user of the entry,
// and for users who named this user as manager, if a new one is awaited.
func (s *Service) linkManagers(ctx context.Context, t directory.TenantID, e directory.LogEntry, awaited bool) error {
	created := e.Action == directory.UserCreated
	renamed := changes(e, directory.AttrUserName) && !created
	manages := slices.ContainsFunc(e.Changes, func(c directory.Change) bool { return strings.HasSuffix(c.Attr, ":"+directory.AttrManager) })
	came := created && awaited || slices.Contains(e.Effects, directory.EffectConverted)
	if e.Provider == "" || !came && !renamed && !manages {
		return nil
	}
	v, err := s.ports.Users.UserByID(ctx, t, e.User)
	if err != nil || v.Removed() || v.Provider != e.Provider {
		return directory.IgnoreNotFound(err)
	}
	link := func(u, manager directory.User) error {
		if u.ID == manager.ID {
			return nil
		}
		_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
			if directory.UserNameKey(old.Manager) != directory.UserNameKey(manager.UserName) || old.Provider != manager.Provider || old.Removed() {
				return old, nil, nil
			}
			n := old
			n.Manager = string(manager.ScimID)
			return s.finish(fromEntry(e), old, n, directory.UserUpdated, directory.NewChange(directory.AttrManager, old.Manager, n.Manager))
		})
		return directory.IgnoreNotFound(err)
	}
	if name := directory.UserNameKey(v.Profile.Manager); name != "" && !directory.ScimID(v.Profile.Manager).IsUser() {
		ms, err := s.ports.Users.FindUsers(ctx, t, e.Provider, directory.Lookup{Attr: directory.AttrUserName, Value: name}, 1,
			directory.UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, m := range ms {
			if err := link(v.User, m.User); err != nil {
				return err
			}
		}
	}
	return s.eachReport(ctx, t, v.User, func(u directory.User) error { return link(u, v.User) })
}

// eachReport calls fn, which is to link them, for all users of the provider who name a user as manager.
func (s *Service) eachReport(ctx context.Context, t directory.TenantID, m directory.User, fn func(directory.User) error) error {
	const batch = 1000
	key := directory.Lookup{Attr: directory.AttrManager, Value: directory.UserNameKey(m.UserName)}
	for count := batch; ; count += batch {
		waiting, err := s.ports.Users.FindUsers(ctx, t, m.Provider, key, count, directory.UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, w := range waiting {
			if err := fn(w.User); err != nil {
				return err
			}
		}
		if len(waiting) < count {
			return nil
		}
	}
}

// awaited returns the new users among those of a tenant's entries whom others name as manager by their userNames.
func (c *course) awaited(ctx context.Context, t directory.TenantID, es []directory.LogEntry) (map[directory.UserID]bool, error) {
	created := slices.DeleteFunc(slices.Clone(es), func(e directory.LogEntry) bool {
		return e.Action != directory.UserCreated || e.Provider == ""
	})
	out := map[directory.UserID]bool{}
	if len(created) == 0 {
		return out, nil
	}
	g, err := c.tenantGround(ctx, t, created[0])
	if err != nil || !g.NamesManagers {
		return out, err
	}
	var mu sync.Mutex
	err = parallel.Each(ctx, parallelLooks, len(created), func(ctx context.Context, i int) error {
		e := created[i]
		key := directory.Lookup{Attr: directory.AttrManager, Value: directory.UserNameKey(e.Name)}
		waiting, err := c.s.ports.Users.UserIDs(ctx, t, e.Provider, key, 1)
		mu.Lock()
		defer mu.Unlock()
		out[e.User] = len(waiting) > 0
		return err
	})
	return out, err
}
