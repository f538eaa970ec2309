package follow

import (
	"context"
	"slices"

	"rollcall/shared/directory"
)

// followMappings carries out the choice made with a switch to manual roles.
func (x *portion) followMappings(ctx context.Context) error {
	keep, id := directory.TextOf(after(x.entry, directory.AttrMappedRoles)) == "keep", directory.ProviderID(x.entry.Target)
	return x.eachUser(ctx, directory.UserSearch{Provider: id}, true, func(ctx context.Context, u directory.User) error {
		_, err := x.s.ports.Users.UpdateUser(ctx, x.tenant, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
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
			return x.s.finish(fromEntry(x.entry), old, n, directory.UserResolved)
		})
		return directory.IgnoreNotFound(err)
	})
}
