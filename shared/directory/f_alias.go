package directory

import (
	"context"
	"slices"
	"time"
)

const (
	// aliasFor is how long a user is found by a userName that it no longer has.
	aliasFor = 365 * 24 * time.Hour
	// maxAliases is how many users of one earlier name are looked at.
	maxAliases = 20
)

// followNames remembers userNames that users no longer have, and tells when a new user may be somebody known.
func (s *Service) followNames(ctx context.Context, t TenantID, e LogEntry) error {
	if e.User == "" {
		return nil
	}
	if e.Action == UserDeleted && e.Name != "" {
		return s.Aliases.AddAlias(ctx, t, UserNameKey(e.Name), e.User, e.At.Add(aliasFor))
	}
	i := slices.IndexFunc(e.Changes, func(c Change) bool { return c.Attr == AttrUserName && len(c.Before) > 0 })
	if i >= 0 {
		if was := UserNameKey(textOf(e.Changes[i].Before)); was != "" && was != UserNameKey(e.Name) {
			return s.Aliases.AddAlias(ctx, t, was, e.User, e.At.Add(aliasFor))
		}
	}
	if e.Action == UserCreated && e.Provider != "" {
		return s.hintSamePerson(ctx, t, e)
	}
	return nil
}
