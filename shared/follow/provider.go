package follow

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

// drainProvider carries out a provider's deletion: each user and group is changed in its own transaction, so that a
// repetition continues where the last one stopped.
func (s *Service) drainProvider(ctx context.Context, t directory.TenantID, cause directory.LogEntry) error {
	id := directory.ProviderID(cause.Target)
	p, err := s.ports.Providers.Provider(ctx, t, id)
	if err != nil || p.State != directory.ProviderDeleting {
		return directory.IgnoreNotFound(err)
	}
	o := fromDecision(cause)
	o.provider = id
	if err := s.archive(ctx, t, p); err != nil {
		return err
	}
	const batch = 200
	for {
		d, to, err := s.withFallback(ctx, t, *p.Deletion)
		if err != nil {
			return err
		}
		page, err := s.ports.Users.ListUsers(ctx, t, id, directory.Page{ByCursor: true, Count: batch}, directory.UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, v := range page.Users {
			if err := s.rehomeUser(ctx, t, v.User, d, to, p.DeactivationDelay, o); err != nil {
				return err
			}
		}
		if len(page.Users) == 0 {
			break
		}
	}
	if p.Deletion.CancelPending {
		if err := s.keepRemoved(ctx, t, id, o); err != nil {
			return err
		}
	}
	for {
		page, err := s.ports.Groups.ListGroups(ctx, t, id, directory.Page{ByCursor: true, Count: batch}, directory.GroupWant{}, nil)
		if err != nil {
			return err
		}
		for _, v := range page.Groups {
			err := s.ports.Groups.DeleteGroup(ctx, t, v.Group, func(g directory.Group) (directory.LogEntry, error) {
				e := s.entry(o, directory.GroupDeleted).OfGroup(g.ID)
				e.Name = g.DisplayName
				return e, nil
			})
			if directory.IgnoreNotFound(err) != nil {
				return err
			}
		}
		if len(page.Groups) == 0 {
			break
		}
	}
	return directory.IgnoreNotFound(s.ports.Providers.RemoveProvider(ctx, t, id, s.entry(o, directory.ProviderDeleted)))
}

// keepRemoved cancels the pending deactivations of users whom the directory of a deleted provider removed: they become
// local users. One whose userName another user has by now stays a leaver.
func (s *Service) keepRemoved(ctx context.Context, t directory.TenantID, id directory.ProviderID, o origin) error {
	const batch = 200
	for q := (directory.PendingQuery{Provider: id, Count: batch}); ; {
		us, next, err := s.ports.Leavers.PendingUsers(ctx, t, q)
		if err != nil {
			return err
		}
		for _, u := range us {
			if s.nameTaken(ctx, t, u) {
				continue
			}
			_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
				if !old.Removed() || old.Pending == nil || old.Provider != id {
					return old, nil, nil
				}
				n := old.MadeLocal()
				n.Pending = nil
				return directory.FinishChange(old, n, s.entry(o, directory.UserDeactivationCancelled))
			})
			if _, taken := directory.AsTaken(err); err != nil && !taken && !directory.IsKind(err, directory.NotFound) {
				return err
			}
		}
		if next == "" {
			return nil
		}
		q.After = next
	}
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
