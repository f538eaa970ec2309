package follow

import (
	"context"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// aliasFor is how long a user is found by a former userName.
const aliasFor = 365 * 24 * time.Hour

// rememberName stores the former userName of a renamed or removed user.
func (s *Service) rememberName(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	was := directory.UserNameKey(e.Name)
	if e.Action != directory.UserDeleted {
		i := slices.IndexFunc(e.Changes, func(c directory.Change) bool { return c.Attr == directory.AttrUserName })
		was = directory.UserNameKey(directory.TextOf(e.Changes[i].Before))
		if was == directory.UserNameKey(e.Name) {
			return nil
		}
	}
	if was == "" || e.User == "" {
		return nil
	}
	return s.ports.Aliases.AddAlias(ctx, t, was, e.User, e.At.Add(aliasFor))
}
