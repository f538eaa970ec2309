package follow

import (
	"context"

	"rollcall/shared/directory"
)

// rekeyUser makes the keys of a user's names those of now (C28). Another user who has the name by now is a conflict.
func (s *Service) rekeyUser(ctx context.Context, t directory.TenantID, u directory.User) error {
	_, odd := directory.OldNameKey(u.UserName)
	if !odd && directory.ManagerKey(u.Manager) == u.Manager || u.Removed() || u.Lifecycle == directory.LifecyclePurged {
		return nil
	}
	err := s.ports.Users.RekeyUser(ctx, t, u)
	taken, twin := directory.AsTaken(err)
	if err != nil && !twin {
		return err
	}
	if !odd {
		return nil
	}
	c := directory.ConflictCase{Provider: u.Provider, UserName: u.UserName, User: u.ID}
	c.ID = directory.SameNameConflictID(u.Provider, string(u.ID))
	if twin {
		c.Holder, c.HolderFrom = directory.UserID(taken.Holder), taken.Provider
	}
	return s.listSameName(ctx, t, c, twin)
}

// rekeyGroups is rekeyUser for the groups of all providers.
func (s *Service) rekeyGroups(ctx context.Context, t directory.TenantID) error {
	ps, err := s.ports.Providers.ListProviders(ctx, t)
	if err != nil {
		return err
	}
	for _, p := range ps {
		for after, more := "", true; more; {
			next := directory.Page{ByCursor: true, After: after, Count: 200}
			page, err := s.ports.Groups.ListGroups(ctx, t, p.ID, next, directory.GroupWant{}, nil)
			if err != nil {
				return err
			}
			for _, g := range page.Groups {
				after = string(g.ID)
				if err := s.rekeyGroup(ctx, t, g.Group); err != nil {
					return err
				}
			}
			more = page.More && len(page.Groups) > 0
		}
	}
	return nil
}

func (s *Service) rekeyGroup(ctx context.Context, t directory.TenantID, g directory.Group) error {
	if _, odd := directory.OldNameKey(g.DisplayName); !odd {
		return nil
	}
	err := s.ports.Groups.RekeyGroup(ctx, t, g)
	taken, twin := directory.AsTaken(err)
	if err != nil && !twin {
		return err
	}
	c := directory.ConflictCase{Provider: g.Provider, UserName: g.DisplayName, Group: g.ID}
	c.ID = directory.SameNameConflictID(g.Provider, string(g.ID))
	if twin {
		c.Members, c.MemberCount = []directory.ScimID{directory.ScimID(taken.Holder)}, 1
	}
	return s.listSameName(ctx, t, c, twin)
}

// listSameName lists two records of one name under Conflicts, or ends that when they no longer are.
func (s *Service) listSameName(ctx context.Context, t directory.TenantID, c directory.ConflictCase, twin bool) error {
	_, err := s.ports.Conflicts.UpdateConflict(ctx, t, c.ID,
		func(old directory.ConflictCase) (directory.ConflictCase, *directory.LogEntry, error) {
			action := directory.ConflictOpened
			switch {
			case twin == (old.State == directory.ConflictOpen || old.State == directory.ConflictIgnored):
				return old, nil, nil
			case !twin && old.ID == "" || !twin && !old.Undecided():
				return old, nil, nil
			}
			n := c
			n.Cause, n.State, n.Count = directory.ConflictSameName, directory.ConflictOpen, old.Count+1
			n.FirstAt, n.LastAt = old.FirstAt, s.rt.Time()
			if old.ID == "" {
				n.FirstAt = n.LastAt
			}
			if !twin {
				n, action = old, directory.ConflictClosed
				n.State = directory.ConflictSucceeded
			}
			n.Version = old.Version + 1
			e := s.entry(fromJob(directory.JobPurge), action).OfUser(c.User).OfGroup(c.Group)
			e.Provider, e.Target, e.Name, e.Version = c.Provider, string(c.ID), c.UserName, n.Version
			return n, &e, nil
		})
	return err
}
