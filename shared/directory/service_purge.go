package directory

import (
	"context"
	"time"
)

// DefaultRetention is how long a deactivated user's personal data is kept.
const DefaultRetention = 90 * 24 * time.Hour

// Purge erases the personal data of the tenant's users who were deactivated at least retention ago, whom no
// directory knows any more and nothing holds, and returns how many. Their ids and what the log says of them
// stay. It walks over all users; running it twice, or at once, does no harm. A dry run only counts.
func (s *Service) Purge(ctx context.Context, a Admin, retention time.Duration) (int, error) {
	n := 0
	q := UserSearch{Count: 200}
	for {
		us, next, err := s.Users.SearchUsers(ctx, a.Tenant, q)
		if err != nil {
			return n, err
		}
		for _, u := range us {
			if !u.purgeable(s.Now(), retention) {
				continue
			}
			_, err := s.changeUser(ctx, a, u.ID, func(old User) (User, *LogEntry, error) {
				if !old.purgeable(s.Now(), retention) {
					return old, nil, nil
				}
				e := s.adminEntry(a, UserPurged)
				e.Audit, e.Provider = false, old.Provider
				return conclude(old, old.purged(), e)
			})
			if err != nil {
				return n, err
			}
			n++
		}
		if q.After = next; next == "" {
			return n, nil
		}
	}
}
