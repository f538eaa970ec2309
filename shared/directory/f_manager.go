package directory

import (
	"context"
	"slices"
	"strings"
)

// linkManagers gives people their manager's id in place of the userName the directory sent: those who waited
// for this user, and the user itself.
func (s *Service) linkManagers(ctx context.Context, t TenantID, e LogEntry) error {
	named := slices.ContainsFunc(e.Changes, func(c Change) bool { return c.Attr == AttrUserName })
	manages := slices.ContainsFunc(e.Changes, func(c Change) bool { return strings.HasSuffix(c.Attr, ":"+AttrManager) })
	if e.Provider == "" || e.Action != UserCreated && !named && !manages {
		return nil
	}
	v, err := s.Users.UserByID(ctx, t, e.User)
	if err != nil || v.Gone() || v.Provider != e.Provider {
		return ignoreGone(err)
	}
	link := func(u, manager User) error {
		if u.ID == manager.ID {
			return nil
		}
		_, err := s.Users.UpdateUser(ctx, t, u, func(old User) (User, *LogEntry, error) {
			if UserNameKey(old.Manager) != UserNameKey(manager.UserName) || old.Provider != manager.Provider || old.Gone() {
				return old, nil, nil
			}
			n := old
			n.Manager = string(manager.ScimID)
			return s.systemChange(e, old, n, UserUpdated, change(AttrManager, old.Manager, n.Manager))
		})
		return ignoreGone(err)
	}
	if name := v.Profile.Manager; name != "" && !ScimID(name).IsUser() {
		ms, err := s.Users.FindUsers(ctx, t, e.Provider, Lookup{AttrUserName, name}, 1, UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, m := range ms {
			if err := link(v.User, m.User); err != nil {
				return err
			}
		}
	}
	waiting, err := s.Users.FindUsers(ctx, t, e.Provider, Lookup{AttrManager, v.UserName}, MaxWalk, UserWant{}, nil)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if err := link(w.User, v.User); err != nil {
			return err
		}
	}
	return nil
}
