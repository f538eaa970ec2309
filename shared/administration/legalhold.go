package administration

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// errNoMatter is the error for a matter that does not exist.
func errNoMatter() *directory.Error {
	return directory.Errorf(directory.NotFound, "no such legal hold")
}

// Create creates an active matter without custodians.
// Errors: Invalid.
func (s LegalHolds) Create(ctx context.Context, name, reference string) (directory.Matter, error) {
	m := directory.Matter{ID: directory.MatterID("m" + s.rt.NewID()), Name: name, Reference: reference, State: directory.MatterActive,
		CreatedAt: s.rt.Time(), CreatedBy: s.admin.Actor.ID, Version: 1}
	if err := checkMatter(m); err != nil {
		return m, err
	}
	return s.ports.LegalHolds.UpdateMatter(ctx, s.tenant, m.ID, func(directory.Matter) (directory.Matter, *directory.LogEntry, error) {
		return m, s.matterEntry(directory.HoldCreated, m), nil
	})
}

func (s LegalHolds) matterEntry(action directory.Action, m directory.Matter) *directory.LogEntry {
	e := s.entry(action)
	e.Target, e.Name, e.Version = string(m.ID), m.Name, m.Version
	return &e
}

// ByID reads a matter of the tenant.
// Errors: NotFound.
func (s LegalHolds) ByID(ctx context.Context, id directory.MatterID) (directory.Matter, error) {
	return s.ports.LegalHolds.Matter(ctx, s.tenant, id)
}

// List reads matters by id, after the given one.
func (s LegalHolds) List(ctx context.Context, after directory.MatterID, count int) ([]directory.Matter, error) {
	return s.ports.LegalHolds.ListMatters(ctx, s.tenant, after, count)
}

// Custodians reads a matter's custodians by user id, also those released.
// Errors: NotFound.
func (s LegalHolds) Custodians(
	ctx context.Context, matter directory.MatterID, after directory.UserID, count int,
) ([]directory.Custodian, error) {
	if _, err := s.ByID(ctx, matter); err != nil {
		return nil, err
	}
	return s.ports.LegalHolds.Custodians(ctx, s.tenant, matter, after, count)
}

// Place makes a user a custodian of a matter, so that nothing deactivates the user.
// Errors: NotFound; Conflict for a closed matter or a deactivated user.
func (s LegalHolds) Place(
	ctx context.Context, matter directory.MatterID, id directory.UserID,
) (directory.Custodian, directory.User, error) {
	return s.ports.LegalHolds.UpdateCustodian(ctx, s.tenant, matter, id,
		func(m directory.Matter, c directory.Custodian, old directory.User) (directory.Custodian, directory.User, *directory.LogEntry, error) {
			if m.State != directory.MatterActive {
				return c, old, nil, directory.Errorf(directory.Conflict, "the legal hold is closed")
			}
			u, err := old.PlacedOnHold(matter)
			if err != nil {
				return c, old, nil, err
			}
			e := s.entry(directory.HoldPlaced)
			u, entry, err := directory.FinishHold(m, old, u, e)
			if entry != nil {
				c = directory.Custodian{Matter: matter, User: id, PlacedAt: e.At, PlacedBy: s.admin.Actor.ID}
			}
			return c, u, entry, err
		})
}

// Finder returns a function that finds the people to place on hold for a matter: by their ids, or by userName. It refuses
// whom Place would refuse, and names nobody.
// Errors: NotFound; Conflict for a deactivated user.
func (s LegalHolds) Finder(ctx context.Context, matter directory.MatterID, byID bool) func(name string) (directory.UserID, error) {
	find := func(name string) (u directory.UserView, err error) {
		if byID {
			return s.ports.Users.UserByID(ctx, s.tenant, directory.UserID(name))
		}
		err = find.UserNameFree(ctx, s.ports.Users, s.ports.Providers, s.tenant, "", name)
		holder, taken := directory.AsTaken(err)
		switch {
		case err == nil:
			return u, directory.Errorf(directory.NotFound, "nobody has this user name")
		case !taken:
			return u, err
		}
		return s.ports.Users.UserByID(ctx, s.tenant, directory.UserID(holder.Holder))
	}
	return func(name string) (directory.UserID, error) {
		u, err := find(name)
		if err == nil {
			_, err = u.PlacedOnHold(matter)
		}
		return u.ID, err
	}
}

// Release ends a user's hold for one matter, and returns the outcome. When no other matter holds the user, an overdue
// deactivation happens in the same transaction.
// Errors: NotFound; Conflict when the user is not on hold for the matter.
func (s LegalHolds) Release(ctx context.Context, matter directory.MatterID, id directory.UserID) (out Release, err error) {
	_, _, err = s.ports.LegalHolds.UpdateCustodian(ctx, s.tenant, matter, id,
		func(m directory.Matter, c directory.Custodian, old directory.User) (directory.Custodian, directory.User, *directory.LogEntry, error) {
			if !c.OnHold() {
				return c, old, nil, directory.Errorf(directory.Conflict, "the user is not on hold for this matter")
			}
			e := s.entry(directory.HoldReleased)
			out = s.release(c, old, e.At)
			u, entry, err := directory.FinishHold(m, old, old.ReleasedFromHold(matter, e.At), e)
			return out.Custodian, u, entry, err
		})
	return out, err
}

// Release is the release of one custodian, planned or done: the custodian after it, the user before it, and its outcome.
type Release struct {
	Custodian directory.Custodian
	User      directory.User
	Outcome   Outcome
}

// release returns the release of a custodian from a matter.
func (s LegalHolds) release(c directory.Custodian, u directory.User, now time.Time) Release {
	c.ReleasedAt, c.ReleasedBy = now, s.admin.Actor.ID
	return Release{c, u, releaseOutcome(u, c.Matter, now)}
}

// PlanClose predicts the outcome of closing a matter for its custodians, after the given user, and returns the user to
// continue after: "" at the end.
// Errors: NotFound.
func (s LegalHolds) PlanClose(
	ctx context.Context, matter directory.MatterID, after directory.UserID, count int,
) ([]Release, directory.UserID, error) {
	cs, err := s.Custodians(ctx, matter, after, count)
	if err != nil {
		return nil, "", err
	}
	var out []Release
	for _, c := range cs {
		if !c.OnHold() {
			continue
		}
		v, err := s.ports.Users.UserByID(ctx, s.tenant, c.User)
		if err != nil {
			return nil, "", err
		}
		out = append(out, s.release(c, v.User, s.rt.Time()))
	}
	if len(cs) < count {
		return out, "", nil
	}
	return out, cs[len(cs)-1].User, nil
}

// Close closes a matter: nobody can be placed on hold for it any more, and its custodians are released in the
// background (follow.Service.FollowBatch), which deactivates those overdue.
// Errors: NotFound; Conflict when it is closed; what check returns.
func (s LegalHolds) Close(ctx context.Context, matter directory.MatterID, check func(directory.Matter) error) (directory.Matter, error) {
	closing := func(m directory.Matter) (directory.Matter, *directory.LogEntry, error) {
		if m.ID == "" {
			return m, nil, errNoMatter()
		}
		if err := check(m); err != nil {
			return m, nil, err
		}
		if m.State == directory.MatterClosed {
			return m, nil, directory.Errorf(directory.Conflict, "the legal hold is closed")
		}
		m.State, m.ClosedAt, m.ClosedBy, m.Version = directory.MatterClosed, s.rt.Time(), s.admin.Actor.ID, m.Version+1
		e := s.matterEntry(directory.HoldClosed, m)
		e.Changes, e.Remaining = []directory.Change{directory.NewChange("state", directory.MatterActive, directory.MatterClosed)},
			directory.RemainingMatter
		return m, e, nil
	}
	return s.ports.LegalHolds.UpdateMatter(ctx, s.tenant, matter, closing)
}

// Outcome is the effect of a release on a custodian.
type Outcome string

// The outcomes of a release.
const (
	OutcomeDeactivated Outcome = "deactivated" // pending and due: deactivated immediately
	OutcomeResumes     Outcome = "resumes"     // the deactivation is due as before
	OutcomeReview      Outcome = "review"      // the guard still holds the deactivation
	OutcomeHeld        Outcome = "held"        // another matter holds the user
	OutcomeStays       Outcome = "stays"       // nothing was pending
)

// releaseOutcome predicts the effect of releasing u from a matter's hold.
func releaseOutcome(u directory.User, matter directory.MatterID, now time.Time) Outcome {
	switch after := u.ReleasedFromHold(matter, now); {
	case !after.LifecycleIsActive():
		return OutcomeDeactivated
	case len(after.Holds) > 0:
		return OutcomeHeld
	case after.Pending == nil:
		return OutcomeStays
	case after.Pending.Frozen:
		return OutcomeReview
	}
	return OutcomeResumes
}

// checkMatter refuses a name or reference outside its limits.
// Errors: Invalid.
func checkMatter(m directory.Matter) error {
	if name, err := directory.ValidDisplayName(m.Name); err != nil || name != m.Name {
		return &directory.Error{Kind: directory.Invalid, Attr: "name", Detail: "name must have 1 to 100 characters and no control characters"}
	}
	if utf8.RuneCountInString(m.Reference) > 200 || strings.ContainsFunc(m.Reference, directory.IsControl) {
		return &directory.Error{Kind: directory.Invalid, Attr: "reference",
			Detail: "reference has at most 200 characters and no control characters"}
	}
	return nil
}
