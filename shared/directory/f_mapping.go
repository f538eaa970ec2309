package directory

import (
	"context"
	"slices"
	"strings"
)

// followMappings carries out the choice that came with a switch to manual roles.
func (s *Service) followMappings(ctx context.Context, t TenantID, e LogEntry) error {
	i := slices.IndexFunc(e.Changes, func(c Change) bool { return c.Attr == attrMappedRoles })
	if i < 0 {
		return nil
	}
	keep, id := string(e.Changes[i].After) == `"keep"`, ProviderID(e.Target)
	return s.walkUsers(ctx, t, UserSearch{Provider: id}, func(u User) error {
		_, err := s.Users.UpdateUser(ctx, t, u, func(old User) (User, *LogEntry, error) {
			n := old
			n.RoleGrants = nil
			for _, g := range old.RoleGrants {
				byRule := g.Source == SourceOrgDefault || strings.HasPrefix(g.Source, sourceMapping)
				if byRule && keep {
					g.Source = SourceManual
				}
				if !byRule || keep {
					n.RoleGrants = append(n.RoleGrants, g)
				}
			}
			if old.Provider != id || slices.EqualFunc(old.RoleGrants, n.RoleGrants, RoleGrant.same) {
				return old, nil, nil
			}
			return s.systemChange(e, old, n, UserResolved)
		})
		return ignoreGone(err)
	})
}
