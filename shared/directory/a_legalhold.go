package directory

import "context"

// errNoMatter is the error of a matter that does not exist.
func errNoMatter() *Error { return Errorf(NotFound, "no such legal hold") }

// CreateMatter makes an active matter without custodians.
// Errors: Invalid.
func (s *Service) CreateMatter(ctx context.Context, a Admin, name, reference string) (Matter, error) {
	m := Matter{ID: "m" + s.newID(), Name: name, Reference: reference, State: MatterActive, CreatedAt: s.Now(), CreatedBy: a.Actor.ID, Version: 1}
	if err := m.check(); err != nil || a.DryRun {
		return m, err
	}
	return s.Holds.UpdateMatter(ctx, a.Tenant, m.ID, func(Matter) (Matter, *LogEntry, error) {
		return m, s.matterEntry(a, HoldCreated, m), nil
	})
}

func (s *Service) matterEntry(a Admin, action Action, m Matter) *LogEntry {
	e := s.adminEntry(a, action)
	e.Target, e.Name, e.Version = m.ID, m.Name, m.Version
	return &e
}

// MatterByID reads a matter of the tenant.
// Errors: NotFound.
func (s *Service) MatterByID(ctx context.Context, a Admin, id string) (Matter, error) {
	var m Matter
	_, err := s.Holds.UpdateMatter(ctx, a.Tenant, id, func(old Matter) (Matter, *LogEntry, error) {
		m = old
		return old, nil, nil
	})
	if err == nil && m.ID == "" {
		err = errNoMatter()
	}
	return m, err
}

// Matters reads matters by id, after the given one.
func (s *Service) Matters(ctx context.Context, a Admin, after string, count int) ([]Matter, error) {
	return s.Holds.ListMatters(ctx, a.Tenant, after, count)
}

// MatterCustodians reads a matter's custodians by user id, also those released.
// Errors: NotFound.
func (s *Service) MatterCustodians(ctx context.Context, a Admin, matter string, after UserID, count int) ([]Custodian, error) {
	if _, err := s.MatterByID(ctx, a, matter); err != nil {
		return nil, err
	}
	return s.Holds.Custodians(ctx, a.Tenant, matter, after, count)
}

// PlaceHold makes a user a custodian of a matter: from now on nothing deactivates the user.
// Errors: NotFound; Conflict for a closed matter or a deactivated user.
func (s *Service) PlaceHold(ctx context.Context, a Admin, matter string, id UserID) (Custodian, User, error) {
	return s.changeCustodian(ctx, a, matter, id, func(m Matter, c Custodian, old User) (Custodian, User, *LogEntry, error) {
		if m.State != MatterActive {
			return c, old, nil, Errorf(Conflict, "the legal hold is closed")
		}
		u, err := old.held(matter)
		if err != nil {
			return c, old, nil, err
		}
		e := s.adminEntry(a, HoldPlaced)
		u, entry, err := s.concludeHold(m, old, u, e)
		if entry != nil {
			c = Custodian{Matter: matter, User: id, PlacedAt: e.At, PlacedBy: a.Actor.ID}
		}
		return c, u, entry, err
	})
}

// ReleaseHold ends a user's hold for one matter, and says what that meant. When no other matter holds the
// user, a deactivation that is overdue happens in the same transaction.
// Errors: NotFound; Conflict when the user is not on hold for the matter.
func (s *Service) ReleaseHold(ctx context.Context, a Admin, matter string, id UserID) (Custodian, Outcome, error) {
	var outcome Outcome
	c, _, err := s.changeCustodian(ctx, a, matter, id, func(m Matter, c Custodian, old User) (Custodian, User, *LogEntry, error) {
		if !c.OnHold() {
			return c, old, nil, Errorf(Conflict, "the user is not on hold for this matter")
		}
		e := s.adminEntry(a, HoldReleased)
		outcome = old.outcome(matter, e.At)
		u, entry, err := s.concludeHold(m, old, old.released(matter, e.At), e)
		c.ReleasedAt, c.ReleasedBy = e.At, a.Actor.ID
		return c, u, entry, err
	})
	return c, outcome, err
}

// concludeHold ends a change of a user's holds: it belongs to the Sync Log and names the matter.
func (s *Service) concludeHold(m Matter, old, u User, e LogEntry) (User, *LogEntry, error) {
	e.Audit, e.Provider, e.Target = false, old.Provider, m.ID
	return conclude(old, u, e)
}

// changeCustodian runs an update of a custodian, or tries it in a dry run.
func (s *Service) changeCustodian(ctx context.Context, a Admin, matter string, id UserID, update func(Matter, Custodian, User) (Custodian, User, *LogEntry, error)) (Custodian, User, error) {
	if !a.DryRun {
		return s.Holds.UpdateCustodian(ctx, a.Tenant, matter, id, update)
	}
	var c Custodian
	var u User
	_, _, err := s.Holds.UpdateCustodian(ctx, a.Tenant, matter, id, func(m Matter, was Custodian, old User) (Custodian, User, *LogEntry, error) {
		var err error
		c, u, _, err = update(m, was, old)
		return was, old, nil, err
	})
	return c, u, err
}

// Release is what the end of a hold means for one custodian.
type Release struct {
	User    User
	Outcome Outcome
}

// PlanClose foretells what closing a matter means for those on hold for it, from after the given user on,
// and where to go on: "" at the end.
// Errors: NotFound.
func (s *Service) PlanClose(ctx context.Context, a Admin, matter string, after UserID, count int) ([]Release, UserID, error) {
	cs, err := s.MatterCustodians(ctx, a, matter, after, count)
	if err != nil {
		return nil, "", err
	}
	var out []Release
	for _, c := range cs {
		if !c.OnHold() {
			continue
		}
		v, err := s.Users.UserByID(ctx, a.Tenant, c.User)
		if err != nil {
			return nil, "", err
		}
		out = append(out, Release{v.User, v.outcome(matter, s.Now())})
	}
	if len(cs) < count {
		return out, "", nil
	}
	return out, cs[len(cs)-1].User, nil
}

// CloseMatter closes a matter: nobody is placed on hold for it any more, and its custodians are released in
// the background (FollowEntry), which deactivates those overdue.
// Errors: NotFound; Conflict when it is closed; what check returns.
func (s *Service) CloseMatter(ctx context.Context, a Admin, matter string, check func(Matter) error) (Matter, error) {
	closing := func(m Matter) (Matter, *LogEntry, error) {
		if m.ID == "" {
			return m, nil, errNoMatter()
		}
		if err := check(m); err != nil {
			return m, nil, err
		}
		if m.State == MatterClosed {
			return m, nil, Errorf(Conflict, "the legal hold is closed")
		}
		m.State, m.ClosedAt, m.ClosedBy, m.Version = MatterClosed, s.Now(), a.Actor.ID, m.Version+1
		e := s.matterEntry(a, HoldClosed, m)
		e.Changes, e.Rest = []Change{change("state", MatterActive, MatterClosed)}, RestMatter
		return m, e, nil
	}
	if !a.DryRun {
		return s.Holds.UpdateMatter(ctx, a.Tenant, matter, closing)
	}
	m, err := s.MatterByID(ctx, a, matter)
	if err == nil {
		m, _, err = closing(m)
	}
	return m, err
}
