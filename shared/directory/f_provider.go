package directory

import (
	"context"
	"time"
)

// emptyProvider carries out a provider's deletion: each user's and group's change is a transaction of
// its own, so a repetition goes on where the last one stopped.
func (s *Service) emptyProvider(ctx context.Context, t TenantID, because LogEntry) error {
	id := ProviderID(because.Target)
	p, err := s.Providers.Provider(ctx, t, id)
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	d, err := s.feasible(ctx, t, *p.Deletion)
	if err != nil {
		return err
	}
	actor := because.Actor
	actor.Kind, actor.ID = ActorSystem, string(because.ID)
	entry := func(a Action) LogEntry {
		return LogEntry{ID: s.entryID(), At: s.Now(), Provider: id, Actor: actor, Action: a}
	}
	const batch = 200
	for {
		page, err := s.Users.ListUsers(ctx, t, id, Page{ByCursor: true, Count: batch}, UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, v := range page.Users {
			if err := s.resettle(ctx, t, v.User, d, p.DeactivationDelay, entry); err != nil {
				return err
			}
		}
		if len(page.Users) == 0 {
			break
		}
	}
	for {
		page, err := s.Groups.ListGroups(ctx, t, id, Page{ByCursor: true, Count: batch}, GroupWant{}, nil)
		if err != nil {
			return err
		}
		for _, v := range page.Groups {
			err := s.Groups.DeleteGroup(ctx, t, v.Group, func(g Group) (LogEntry, error) {
				e := entry(GroupDeleted)
				e.Group, e.Name = g.ID, g.DisplayName
				return e, nil
			})
			if err != nil && !IsKind(err, NotFound) {
				return err
			}
		}
		if len(page.Groups) == 0 {
			break
		}
	}
	err = s.Providers.RemoveProvider(ctx, t, id, entry(ProviderDeleted))
	if IsKind(err, NotFound) {
		return nil
	}
	return err
}

// feasible returns d, with local users in place of a move to a provider that was deleted since.
func (s *Service) feasible(ctx context.Context, t TenantID, d ProviderDeletion) (ProviderDeletion, error) {
	if d.Users != FateMove {
		return d, nil
	}
	to, err := s.Providers.Provider(ctx, t, d.MoveTo)
	if err != nil && !IsKind(err, NotFound) {
		return d, err
	}
	if err != nil || to.State == ProviderDeleting {
		d.Users = FateLocal
	}
	return d, nil
}

// resettle gives one user of a deleted provider the new home. A pending deactivation goes on unless the
// administrator cancelled those.
func (s *Service) resettle(ctx context.Context, t TenantID, u User, d ProviderDeletion, delay time.Duration, entry func(Action) LogEntry) error {
	_, err := s.Users.UpdateUser(ctx, t, u, func(old User) (User, *LogEntry, error) {
		if old.Gone() || old.Provider != u.Provider {
			return old, nil, nil
		}
		n, e := old, entry(UserConverted)
		if d.CancelPending {
			n.Pending = nil
		}
		if d.Users == FateDeactivate {
			n = n.departed(departure{at: d.RequestedAt, delay: delay, cause: CauseProvider, provider: old.Provider, request: e.Actor.RequestID})
		}
		if d.Users == FateMove {
			n.Provider, n.Manager = d.MoveTo, "" // names a user of the old provider
		} else {
			n = n.local()
		}
		if n.Pending != nil {
			n = n.pendingAs(func(p *PendingDeactivation) { p.Frozen, p.Staged = false, false }) // the guard goes with the provider
		}
		return conclude(old, n, e)
	})
	if IsKind(err, NotFound) {
		return nil
	}
	return err
}
