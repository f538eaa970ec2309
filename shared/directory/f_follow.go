package directory

import "context"

// FollowEntry does what follows from a log entry: it completes large changes, asks to be woken when a
// deactivation is due, counts and lets the guard look at the counts, then places people, starts apply runs,
// warns of unknown countries, announces events, sends again what was asked for, and erases who was purged. What
// protects people comes before what may fail with others. It may run several times for an entry, also at once, and
// then does nothing the second time but publish the same events.
func (s *Service) FollowEntry(ctx context.Context, t TenantID, e LogEntry) error {
	for _, follow := range []func(context.Context, TenantID, LogEntry) error{
		s.complete, s.wake, s.Follow.Count, s.watch, s.followPlacement, s.followConverted, s.followNames, s.warnCountry, s.followLedger, s.noteLate, s.followPurged,
	} {
		if err := follow(ctx, t, e); err != nil {
			return err
		}
	}
	return nil
}

// complete does what an entry left to be done.
func (s *Service) complete(ctx context.Context, t TenantID, e LogEntry) error {
	switch e.Rest {
	case RestNone:
		return nil
	case RestProvider:
		return s.emptyProvider(ctx, t, e)
	case RestDelay:
		return s.rescheduleAll(ctx, t, e)
	case RestMatter:
		return s.releaseAll(ctx, t, e)
	case RestTenant:
		return s.settleTenant(ctx, t, e)
	case RestGuard:
		return s.applyGuard(ctx, t, e)
	default:
		return s.Follow.Complete(ctx, t, e)
	}
}

// followLedger is the part of following that tells others.
func (s *Service) followLedger(ctx context.Context, t TenantID, e LogEntry) error {
	switch e.Action {
	case WebhookTested:
		return s.sendTest(ctx, t, e)
	case DeliveryReplayed:
		return s.replay(ctx, t, e)
	}
	return s.announce(ctx, t, e)
}

// TakeEntry follows an entry or, when that fails, sets it aside to be tried again with growing pauses and
// given up in the end: a poisoned entry holds up no other. cause is why it was set aside, for the log.
// Errors: it could not even be set aside.
func (s *Service) TakeEntry(ctx context.Context, t TenantID, e LogEntry) (cause, err error) {
	if cause = s.FollowEntry(ctx, t, e); cause == nil {
		return nil, nil
	}
	return cause, s.SetAside(ctx, t, e)
}

// SetAside has an entry that could not be followed tried again. Of an entry that could not be read, its
// provider, time and id are enough.
func (s *Service) SetAside(ctx context.Context, t TenantID, e LogEntry) error {
	now := s.Now()
	return s.Deliveries.AddDelivery(ctx, t, newDelivery(e, "", string(e.ID), now).failed(now, 0, CauseInside))
}

// followAgain tries an entry that was set aside.
func (s *Service) followAgain(ctx context.Context, t TenantID, d Delivery) (Delivery, error) {
	e, err := s.Log.Entry(ctx, t, d.Provider, d.At, d.Entry)
	if err == nil {
		err = s.FollowEntry(ctx, t, e)
	}
	switch now := s.Now(); {
	case err == nil:
		d.Tries, d.Cause = d.Tries+1, ""
		return d.ended(now, DeliveryDelivered), nil
	case IsKind(err, NotFound) && e.ID == "":
		d.Cause = CauseRemoved
		return d.ended(now, DeliveryDead), nil
	default:
		return d.failed(now, 0, CauseInside), err
	}
}

// consequence starts an entry of what Rollcall does because of another entry.
func (s *Service) consequence(because LogEntry, a Action) LogEntry {
	actor := because.Actor
	actor.Kind, actor.ID, actor.Reason = ActorSystem, string(because.ID), ""
	return LogEntry{ID: s.entryID(), At: s.Now(), Provider: because.Provider, Actor: actor, Action: a}
}

// systemChange ends a change of a user that Rollcall makes because of another entry.
func (s *Service) systemChange(because LogEntry, old, n User, a Action, changes ...Change) (User, *LogEntry, error) {
	e := s.consequence(because, a)
	e.Provider, e.Changes = n.Provider, changes
	return conclude(old, n, e)
}

// systemEntry is the entry of what Rollcall itself does to a user, because of a job or an entry.
func (s *Service) systemEntry(u User, action Action, job, request string) LogEntry {
	return LogEntry{ID: s.entryID(), At: s.Now(), Provider: u.Provider, Actor: Actor{Kind: ActorSystem, ID: job, RequestID: request}, Action: action}
}
