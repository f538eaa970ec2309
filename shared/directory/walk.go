package directory

import "context"

// walkUsers hands every user of the tenant that matches to fn.
func (s *Service) walkUsers(ctx context.Context, t TenantID, q UserSearch, fn func(User) error) error {
	for q.Count = 200; ; {
		us, next, err := s.Users.SearchUsers(ctx, t, q)
		if err != nil {
			return err
		}
		for _, u := range us {
			if err := fn(u); err != nil {
				return err
			}
		}
		if q.After = next; next == "" {
			return nil
		}
	}
}

// eachTenant calls fn for every tenant.
func (s *Service) eachTenant(ctx context.Context, fn func(Tenant) error) error {
	const batch = 100
	for after := TenantID(""); ; {
		ts, err := s.Tenants.ListTenants(ctx, after, batch)
		if err != nil {
			return err
		}
		for _, t := range ts {
			after = t.ID
			if err := fn(t); err != nil {
				return err
			}
		}
		if len(ts) < batch {
			return nil
		}
	}
}
