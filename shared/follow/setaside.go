package follow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/shared/directory"
)

const (
	retryBatch = 100             // how much work is taken at once
	retryLease = 5 * time.Minute // how long it may take before another process takes it over
)

// StepsError is steps that failed again and wait for their next try: for the log, since nobody must act at once.
type StepsError []Failure

func (e StepsError) Error() string {
	return fmt.Sprintf("%d steps failed again, first %s: %v", len(e), cmp.Or(e[0].Step, "reading the entry"), e[0].Err)
}

// stepsLeft returns the failed steps by the entry's place in the batch; none stand for all steps.
func stepsLeft(failed []Failure) map[int][]string {
	left := map[int][]string{}
	for _, f := range failed {
		if f.Step == "" {
			left[f.At] = nil
		} else {
			left[f.At] = append(left[f.At], f.Step)
		}
	}
	return left
}

// isLeft reports whether a step is among those left. A name that the table does not have stands for all steps: it is of
// another version.
func isLeft(left []string, name string) bool {
	return len(left) == 0 || slices.Contains(left, name) || slices.ContainsFunc(left, func(n string) bool {
		return !slices.ContainsFunc(steps(), func(st step) bool { return st.name == n })
	})
}

// setAside stores the steps of an entry that are left, in addition to those stored, none for all.
func (s *Service) setAside(ctx context.Context, e directory.TenantEntry, names []string) error {
	now := s.rt.Time()
	d := directory.NewDelivery(e.Entry, "", string(e.Entry.ID), now)
	d.Steps = names
	d = failed(d, now, 0, directory.CauseInside)
	_, err := s.ports.SetAsides.UpdateSetAside(ctx, e.Tenant, d.ID, func(old directory.Delivery) (directory.Delivery, error) {
		if old.ID == "" {
			return d, nil
		}
		n := d
		if old.State == directory.DeliveryPending { // due anew, so that whoever tries it now does not end it
			n = old
			n.DueAt = d.DueAt
		}
		n.Steps = nil
		if len(old.Steps) > 0 && len(names) > 0 {
			n.Steps = slices.Compact(slices.Sorted(slices.Values(slices.Concat(old.Steps, names))))
		}
		return n, nil
	})
	return err
}

// work is steps of an entry that were set aside and that this process has taken.
type work struct {
	tenant directory.TenantID
	directory.Delivery
}

// RetryDue carries out steps that were set aside and are due, until there are none or stop returns true. Several processes
// may run it at the same time.
// Errors: StepsError; those of the store.
func (s *Service) RetryDue(ctx context.Context, stop func() bool) error {
	if err := s.moveOld(ctx); err != nil {
		return err
	}
	var again StepsError
	for !stop() {
		due, err := s.ports.SetAsides.DueSetAside(ctx, s.rt.Time(), retryBatch)
		if err != nil {
			return err
		}
		taken, err := s.takeDue(ctx, due)
		if err != nil {
			return err
		}
		if len(taken) == 0 {
			break
		}
		failed, err := s.retry(ctx, taken)
		again = append(again, failed...)
		if err != nil {
			return err
		}
	}
	if len(again) > 0 {
		return again
	}
	return nil
}

// takeDue takes work that is due, and removes what was given up long ago.
func (s *Service) takeDue(ctx context.Context, due []directory.DueDelivery) (taken []work, err error) {
	now := s.rt.Time()
	for _, x := range due {
		d, err := s.ports.SetAsides.UpdateSetAside(ctx, x.Tenant, x.ID, func(old directory.Delivery) (directory.Delivery, error) {
			switch {
			case old.ID == "" || old.DueAt.After(now):
				return old, errTaken
			case old.State != directory.DeliveryPending:
				return directory.Delivery{}, nil
			}
			old.DueAt = now.Add(retryLease)
			return old, nil
		})
		switch {
		case errors.Is(err, errTaken) || err == nil && d.ID == "":
		case err != nil:
			return nil, err
		default:
			taken = append(taken, work{x.Tenant, d})
		}
	}
	return taken, nil
}

// retry tries work once, and stores what is left of it.
func (s *Service) retry(ctx context.Context, taken []work) ([]Failure, error) {
	batch := make([]directory.TenantEntry, len(taken))
	for i, w := range taken {
		e, err := s.ports.Log.Entry(ctx, w.tenant, w.Provider, w.At, w.Entry)
		if err != nil {
			e = directory.LogEntry{ID: w.Entry, At: w.At, Provider: w.Provider}
		}
		batch[i] = directory.TenantEntry{Tenant: w.tenant, Entry: e, Unreadable: err}
	}
	wanted := func(at int, step string) bool { return isLeft(taken[at].Steps, step) }
	return s.follow(ctx, batch, wanted, func(ctx context.Context, failed []Failure, last bool) error {
		if !last {
			return nil
		}
		left := stepsLeft(failed)
		for i, w := range taken {
			names, some := left[i]
			if err := s.storeTry(ctx, w, names, some, batch[i].Unreadable); err != nil {
				return err
			}
		}
		return nil
	})
}

// storeTry stores what a try left of work, if it left some.
func (s *Service) storeTry(ctx context.Context, w work, names []string, some bool, unreadable error) error {
	_, err := s.ports.SetAsides.UpdateSetAside(ctx, w.tenant, w.ID, func(stored directory.Delivery) (directory.Delivery, error) {
		switch {
		case stored.ID == "" || !stored.DueAt.Equal(w.DueAt):
			return stored, errTaken // replayed, set aside again, or taken over
		case !some:
			return directory.Delivery{}, nil
		}
		return s.triedAgain(stored, names, unreadable), nil
	})
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}

// triedAgain is work after a try that left steps. What is given up is kept for as long as deliveries are.
func (s *Service) triedAgain(d directory.Delivery, left []string, unreadable error) directory.Delivery {
	now := s.rt.Time()
	if directory.IsKind(unreadable, directory.NotFound) {
		d.Cause = directory.CauseRemoved
		d = ended(d, now, directory.DeliveryDead)
	} else {
		d = failed(d, now, 0, directory.CauseInside)
	}
	if unreadable == nil {
		d.Steps = left
	}
	if d.State == directory.DeliveryDead {
		d.DueAt = now.Add(directory.DeliveryKept)
	}
	return d
}

// doLater sets aside a step of an entry that is to run at a later time, under a name that no other work of the entry has. It
// does nothing for work that is there already.
func (s *Service) doLater(ctx context.Context, t directory.TenantID, e directory.LogEntry, step, name string, at time.Time) error {
	d := directory.NewDelivery(e, "", name, s.rt.Time())
	d.DueAt, d.Steps = at, []string{step}
	return s.addSetAside(ctx, t, d, func(old directory.Delivery) bool { return old.ID != "" })
}

// followAgain sets aside all steps of an entry, due now. Work of the entry that waits already is unchanged.
func (s *Service) followAgain(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	d := directory.NewDelivery(e, "", string(e.ID), s.rt.Time())
	return s.addSetAside(ctx, t, d, func(old directory.Delivery) bool {
		return old.ID != "" && old.State == directory.DeliveryPending
	})
}

// addSetAside sets work aside unless there is some that stays.
func (s *Service) addSetAside(
	ctx context.Context, t directory.TenantID, d directory.Delivery, stays func(old directory.Delivery) bool,
) error {
	_, err := s.ports.SetAsides.UpdateSetAside(ctx, t, d.ID, func(old directory.Delivery) (directory.Delivery, error) {
		if stays(old) {
			return old, nil
		}
		return d, nil
	})
	return err
}

// doAgain makes work of a tenant due now, with tries counted from a time; work that was set aside since is unchanged.
func (s *Service) doAgain(ctx context.Context, t directory.TenantID, id directory.DeliveryID, at time.Time) error {
	_, err := s.ports.SetAsides.UpdateSetAside(ctx, t, id, func(d directory.Delivery) (directory.Delivery, error) {
		if d.ID == "" {
			return d, errTaken
		}
		return replayed(d, at), nil
	})
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}
