package directory

import "context"

// followWatchlist finds anew who is on a watchlist that changed: everybody of the tenant is looked at.
func (s *Service) followWatchlist(ctx context.Context, t TenantID, e LogEntry) error {
	f, err := s.follower(ctx, t, "", e)
	if err != nil {
		return err
	}
	return s.walkUsers(ctx, t, UserSearch{}, func(u User) error {
		if u.Gone() {
			return nil
		}
		return f.resolve(ctx, f.user(u.ID), OnEvent)
	})
}
