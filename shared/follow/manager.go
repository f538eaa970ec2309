package follow

import (
	"context"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

// linkManagers replaces a manager's userName, as the directory sent it, by the manager's id: for the user of the entry,
// and for users who named this user as manager.
func (s *Service) linkManagers(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	named := changes(e, directory.AttrUserName)
	manages := slices.ContainsFunc(e.Changes, func(c directory.Change) bool { return strings.HasSuffix(c.Attr, ":"+directory.AttrManager) })
	came := e.Action == directory.UserCreated || slices.Contains(e.Effects, directory.EffectConverted)
	if e.Provider == "" || !came && !named && !manages {
		return nil
	}
	v, err := s.ports.Users.UserByID(ctx, t, e.User)
	if err != nil || v.Removed() || v.Provider != e.Provider {
		return directory.IgnoreNotFound(err)
	}
	link := func(u, manager directory.User) error {
		if u.ID == manager.ID {
			return nil
		}
		_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
			if directory.UserNameKey(old.Manager) != directory.UserNameKey(manager.UserName) || old.Provider != manager.Provider || old.Removed() {
				return old, nil, nil
			}
			n := old
			n.Manager = string(manager.ScimID)
			return s.finish(fromEntry(e), old, n, directory.UserUpdated, directory.NewChange(directory.AttrManager, old.Manager, n.Manager))
		})
		return directory.IgnoreNotFound(err)
	}
	if name := v.Profile.Manager; name != "" && !directory.ScimID(name).IsUser() {
		ms, err := s.ports.Users.FindUsers(ctx, t, e.Provider, directory.Lookup{Attr: directory.AttrUserName, Value: name}, 1,
			directory.UserWant{}, nil)
		if err != nil {
			return err
		}
		for _, m := range ms {
			if err := link(v.User, m.User); err != nil {
				return err
			}
		}
	}
	waiting, err := s.ports.Users.FindUsers(ctx, t, e.Provider, directory.Lookup{Attr: directory.AttrManager, Value: v.UserName},
		directory.MaxWalk, directory.UserWant{}, nil)
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
