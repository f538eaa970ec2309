package directory

import "context"

// FollowEntry does what follows from a log entry: it completes large changes, wakes when a deactivation is
// due, counts, and lets the guard look at the counts. It may run several times for an entry, also at once,
// and then does nothing the second time.
func (s *Service) FollowEntry(ctx context.Context, t TenantID, e LogEntry) error {
	if err := s.complete(ctx, t, e); err != nil {
		return err
	}
	if at, ok := e.Scheduled(); ok && s.Wakeups != nil {
		if err := s.Wakeups.WakeAt(ctx, at); err != nil {
			return err
		}
	}
	if err := s.Follow.Count(ctx, t, e); err != nil {
		return err
	}
	return s.watch(ctx, t, e)
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
	case RestGuard:
		return s.applyGuard(ctx, t, e)
	default:
		return s.Follow.Complete(ctx, t, e)
	}
}
