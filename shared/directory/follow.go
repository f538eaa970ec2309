package directory

import "context"

// FollowEntry does what follows from a log entry: it completes large changes, places
// people, starts apply runs and counts. It may run
// several times for an entry, also at once, and then does nothing the second time.
func (s *Service) FollowEntry(ctx context.Context, t TenantID, e LogEntry) error {
	if e.Rest == RestProvider {
		if err := s.emptyProvider(ctx, t, e); err != nil {
			return err
		}
	} else if e.Rest != RestNone {
		if err := s.Follow.Complete(ctx, t, e); err != nil {
			return err
		}
	}
	if err := s.followPlacement(ctx, t, e); err != nil {
		return err
	}
	return s.Follow.Count(ctx, t, e)
}
