package follow

import (
	"context"
	"slices"

	"rollcall/shared/directory"
)

// followMappings carries out the choice made with a switch to manual roles.
func (s *Service) followMappings(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	i := slices.IndexFunc(e.Changes, func(c directory.Change) bool { return c.Attr == directory.AttrMappedRoles })
	if i < 0 {
		return nil
	}
	keep, id := directory.TextOf(e.Changes[i].After) == "keep", directory.ProviderID(e.Target)
	return directory.EachUser(ctx, s.ports.Users, t, directory.UserSearch{Provider: id}, func(u directory.User) error {
		_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
			n := old
			n.RoleGrants = nil
			for _, g := range old.RoleGrants {
				byRule := g.ByRule()
				if byRule && keep {
					g.Source = directory.SourceManual
				}
				if !byRule || keep {
					n.RoleGrants = append(n.RoleGrants, g)
				}
			}
			if old.Provider != id || slices.EqualFunc(old.RoleGrants, n.RoleGrants, directory.RoleGrant.SameAs) {
				return old, nil, nil
			}
			return s.finish(fromEntry(e), old, n, directory.UserResolved)
		})
		return directory.IgnoreNotFound(err)
	})
}
