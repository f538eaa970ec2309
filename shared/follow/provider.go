package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

// deleteProvider carries out a provider's deletion: each user and group is changed in its own transaction. First an
// archive of them is completed, since who leaves takes others' managers and groups' members along.
func (x *portion) deleteProvider(ctx context.Context) error {
	id := directory.ProviderID(x.entry.Target)
	p, err := x.s.ports.Providers.Provider(ctx, x.tenant, id)
	if err != nil || p.State != directory.ProviderDeleting {
		return x.gone(err)
	}
	o := fromDecision(x.entry)
	o.provider, x.Total = id, p.Deletion.UserCount
	return x.stages(ctx,
		stage{"archive", func(ctx context.Context, after string) (string, bool, error) { return x.archiveUsers(ctx, p, after) }},
		stage{"archive-groups", func(ctx context.Context, after string) (string, bool, error) { return x.archiveGroups(ctx, p, after) }},
		stage{"users", func(ctx context.Context, _ string) (string, bool, error) { return x.rehomeUsers(ctx, p, o) }},
		stage{"removed", func(ctx context.Context, after string) (string, bool, error) { return x.keepRemoved(ctx, p, o, after) }},
		stage{"groups", func(ctx context.Context, _ string) (string, bool, error) { return x.deleteGroups(ctx, p, o) }},
		stage{"provider", func(ctx context.Context, _ string) (string, bool, error) {
			err := x.s.ports.Providers.RemoveProvider(ctx, x.tenant, id, x.s.entry(o, directory.ProviderDeleted))
			return "", true, directory.IgnoreNotFound(err)
		}},
	)
}

// rehomeUsers changes some of the users whom a deleted provider still has.
func (x *portion) rehomeUsers(ctx context.Context, p directory.Provider, o origin) (string, bool, error) {
	if waits, err := x.split(ctx, "users"); err != nil || waits {
		return "", false, err
	}
	d, to, err := x.s.withFallback(ctx, x.tenant, *p.Deletion)
	if err != nil {
		return "", false, err
	}
	after, _ := x.people()
	at := directory.Page{ByCursor: true, After: string(after), Count: 200}
	page, err := x.s.ports.Users.ListUsers(ctx, x.tenant, p.ID, at, directory.UserWant{}, nil)
	if err != nil {
		return "", false, err
	}
	users := x.ofPart(page.Users)
	err = forEach(ctx, users, func(ctx context.Context, v directory.UserView) error {
		return x.s.rehomeUser(ctx, x.tenant, v.User, d, to, p.DeactivationDelay, o)
	})
	if err != nil {
		return "", false, err
	}
	x.did(len(users))
	if x.Total = max(x.Total, page.Total); x.Part > 0 {
		x.Done += len(users)
	} else {
		x.Done = max(x.Done, x.Total-page.Total+len(users))
	}
	return "", len(users) == 0, nil
}

// keepRemoved cancels the pending deactivations of users whom the directory of a deleted provider removed, if the
// deletion cancels those: they become local users. One whose userName another user has by now stays a leaver.
func (x *portion) keepRemoved(ctx context.Context, p directory.Provider, o origin, after string) (string, bool, error) {
	if !p.Deletion.CancelPending {
		return "", true, nil
	}
	us, next, err := x.s.ports.Leavers.PendingUsers(ctx, x.tenant, directory.PendingQuery{Provider: p.ID, After: after, Count: 200})
	if err != nil {
		return "", false, err
	}
	x.did(len(us))
	return next, next == "", forEach(ctx, us, func(ctx context.Context, u directory.User) error {
		if x.s.nameTaken(ctx, x.tenant, u) {
			return nil
		}
		_, err := x.s.ports.Users.UpdateUser(ctx, x.tenant, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
			if !old.Removed() || old.Pending == nil || old.Provider != p.ID {
				return old, nil, nil
			}
			n := old.MadeLocal()
			n.Pending = nil
			return directory.FinishChange(old, n, x.s.entry(o, directory.UserDeactivationCancelled))
		})
		if _, taken := directory.AsTaken(err); taken {
			return nil
		}
		return directory.IgnoreNotFound(err)
	})
}

// deleteGroups deletes some of the groups that a deleted provider still has.
func (x *portion) deleteGroups(ctx context.Context, p directory.Provider, o origin) (string, bool, error) {
	const batch = 50
	page, err := x.s.ports.Groups.ListGroups(ctx, x.tenant, p.ID, directory.Page{ByCursor: true, Count: batch}, directory.GroupWant{}, nil)
	if err != nil {
		return "", false, err
	}
	for _, v := range page.Groups {
		err := x.s.ports.Groups.DeleteGroup(ctx, x.tenant, v.Group, func(g directory.Group) (directory.LogEntry, error) {
			e := x.s.entry(o, directory.GroupDeleted).OfGroup(g.ID)
			e.Name = g.DisplayName
			return e, nil
		})
		if directory.IgnoreNotFound(err) != nil {
			return "", false, err
		}
	}
	x.did(len(page.Groups))
	return "", len(page.Groups) == 0, nil
}

// withFallback returns d and the provider that gets the users, or local users instead of a move to a provider that was
// deleted since.
func (s *Service) withFallback(
	ctx context.Context, t directory.TenantID, d directory.ProviderDeletion,
) (directory.ProviderDeletion, directory.Provider, error) {
	if d.Users != directory.FateMove {
		return d, directory.Provider{}, nil
	}
	to, err := s.ports.Providers.Provider(ctx, t, d.MoveTo)
	if err != nil && !directory.IsKind(err, directory.NotFound) {
		return d, to, err
	}
	if err != nil || to.State == directory.ProviderDeleting {
		d.Users = directory.FateLocal
	}
	return d, to, nil
}

// rehomeUser changes one user of a deleted provider as d says. A pending deactivation continues unless d cancels those.
func (s *Service) rehomeUser(
	ctx context.Context, t directory.TenantID, u directory.User, d directory.ProviderDeletion, to directory.Provider, delay time.Duration,
	o origin,
) error {
	_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Removed() || old.Provider != u.Provider {
			return old, nil, nil
		}
		n, e := old, s.entry(o, directory.UserConverted)
		if d.CancelPending {
			n.Pending = nil
		}
		if d.Users == directory.FateDeactivate {
			n = n.ScheduleDeactivation(directory.DeactivationRequest{
				At: d.RequestedAt, Delay: delay, Cause: directory.CauseProvider, Provider: old.Provider, RequestID: e.Actor.RequestID,
			})
		}
		if d.Users == directory.FateMove {
			n.Provider, n.Manager = d.MoveTo, "" // the manager is a user of the old provider
			n.Profile = to.WithKeys(n.Profile)
		} else {
			n = n.MadeLocal()
		}
		if n.Pending != nil {
			// the guard is removed with the provider
			n = n.WithPending(func(p *directory.PendingDeactivation) { p.Frozen, p.Staged = false, false })
		}
		return directory.FinishChange(old, n, e)
	})
	return directory.IgnoreNotFound(err)
}
