package lifecycle_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

// unreliable implements wake-ups unreliably: some are dropped, and some arrive twice, early or late, and in any order.
type unreliable struct {
	mu        sync.Mutex
	rand      *rand.Rand
	now       func() time.Time
	times     []time.Time
	requested int
	lost      int
}

func (w *unreliable) WakeAt(_ context.Context, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requested++
	n := 1
	switch p := w.rand.IntN(100); {
	case p < 20:
		n = 0
		w.lost++
	case p < 40:
		n = 2
	}
	for range n {
		off := time.Duration(0)
		switch w.rand.IntN(4) {
		case 0:
			off = -time.Duration(w.rand.Int64N(int64(time.Minute))) // early
		case 1:
			off = time.Duration(w.rand.Int64N(int64(2 * time.Hour))) // late
		}
		w.times = append(w.times, at.Add(off))
	}
	return nil
}

// due removes the wake-ups that are due and returns their number.
func (w *unreliable) due() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	before := len(w.times)
	w.times = slices.DeleteFunc(w.times, func(t time.Time) bool { return !t.After(now) })
	return before - len(w.times)
}

// TestUnreliableWakeups plays 100,000 user-days in the long run: people leave, return, are put on hold and released,
// while wake-ups are dropped, duplicated, delayed and reordered. Afterwards the log must show that no deactivation
// happened early, on hold, or later than the next sweep, and that none is missing.
func TestUnreliableWakeups(t *testing.T) {
	t.Parallel()
	people, days := proof.Size(3_000, 10_000), proof.Size(2, 10)
	const tick = 5 * time.Minute
	r := rand.New(rand.NewPCG(1, 2))
	now := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	w := &unreliable{rand: r, now: clock}
	svc := directorytest.New(memory(t).Ports(), directory.Runtime{Now: clock, External: directory.External{Wakeups: w}})
	ctx := context.Background()
	admin := administration.Admin{Tenant: "acme1", Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}}
	must(svc.As(admin).Tenants.Create(ctx, "T"))
	rec, token, err := svc.As(admin).Providers.Create(ctx, administration.NewProvider{DisplayName: "P", Profile: "entra"})
	must(rec, err)
	caller := provisioning.Caller{Provider: rec.ID, Token: token}
	matter := must(svc.As(admin).LegalHolds.Create(ctx, "M", "")).ID
	ids := make([]directory.UserID, people)
	for i := range ids {
		ids[i] = must(svc.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: random.ID(), Active: true}, nil, nil
		})).ID
	}
	set := func(id directory.UserID, active bool) {
		_, _, err := svc.UpdateUser(ctx, caller, directory.ScimID(id), directory.UserWant{}, nil,
			func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
				p := old.Profile
				p.Active = active
				return p, nil, nil
			})
		must(0, err)
	}
	follow := func(ctx context.Context, batch []directory.TenantEntry) error {
		if r.IntN(10) == 0 {
			must(0, svc.FollowAll(ctx, batch)) // twice
		}
		return svc.FollowAll(ctx, batch)
	}
	swept := 0
	for end := now.Add(time.Duration(days) * 24 * time.Hour); now.Before(end); now = now.Add(tick) {
		// The events within a step happen at different times.
		start := now
		for range 12 {
			now = now.Add(time.Duration(r.Int64N(int64(tick / 13))))
			id := ids[min(r.IntN(people), r.IntN(people), r.IntN(people))] // some more often than others
			switch r.IntN(8) {
			case 0, 1, 2:
				set(id, false)
			case 3:
				set(id, true)
			case 4:
				_, _, _ = svc.As(admin).LegalHolds.Place(ctx, matter, id) // refused if the user is deactivated
			case 5:
				_, _ = svc.As(admin).LegalHolds.Release(ctx, matter, id) // refused if the user is not on hold
			}
			for range w.due() {
				must(svc.DeactivateDue(ctx, directory.JobWakeup))
			}
		}
		for n := -1; n != 0; {
			n = must(svc.Feed.Deliver(ctx, follow))
		}
		now = start
		done := must(svc.Sweep(ctx, func() bool { return false }))
		swept += done.Deactivated
	}
	for range 12 { // sweeps deactivate the users whose wake-ups were dropped
		now = now.Add(tick)
		must(svc.Sweep(ctx, func() bool { return false }))
	}

	byWakeup, bySweep, byRelease, longest := 0, 0, 0, time.Duration(0)
	for _, id := range ids {
		es := must(svc.Log.Entries(ctx, admin.Tenant, directory.LogQuery{User: id, Count: 100_000}))
		slices.SortStableFunc(es, func(a, b directory.LogEntry) int { return cmp.Compare(a.Version, b.Version) })
		var due time.Time // of the pending deactivation; zero: none
		var released time.Time
		held := false
		for _, e := range es {
			for _, f := range e.Effects {
				switch f {
				case directory.EffectScheduled:
					due, _ = e.Scheduled()
				case directory.EffectCancelled, directory.EffectReactivated:
					due = time.Time{}
				}
			}
			switch e.Action {
			case directory.HoldPlaced:
				held = true
			case directory.HoldReleased:
				held, released = false, e.At
			}
			if !slices.Contains(e.Effects, directory.EffectDeactivated) {
				continue
			}
			switch {
			case due.IsZero():
				t.Errorf("%s was deactivated at %v without being scheduled", id, e.At)
			case e.At.Before(due):
				t.Errorf("%s was deactivated at %v, early: it was due at %v", id, e.At, due)
			case held:
				t.Errorf("%s was deactivated on hold", id)
			}
			late := e.At.Sub(due)
			if released.After(due) {
				late = e.At.Sub(released)
			}
			longest = max(longest, late)
			switch e.Actor.ID {
			case string(directory.JobWakeup):
				byWakeup++
			case string(directory.JobSweep):
				bySweep++
			default:
				byRelease++
			}
			due = time.Time{}
		}
		u := must(svc.As(admin).Users.ByID(ctx, id))
		if u.Pending != nil && !held {
			t.Errorf("%s is still pending since %v", id, u.Pending.DueAt)
		}
		if held != (len(u.Holds) > 0) {
			t.Errorf("%s: hold %v in the log, %v in the record", id, held, u.Holds)
		}
	}
	t.Logf("%d user-days, %d wake-ups requested, %d dropped; deactivated %d by wake-ups, %d by sweeps, %d by releases; the "+
		"latest %v after it was due",
		people*days, w.requested, w.lost, byWakeup, bySweep, byRelease, longest)
	if byWakeup == 0 || bySweep == 0 || byRelease == 0 || longest > 3*time.Minute+2*tick {
		t.Errorf("%d by wake-ups, %d by sweeps (%d swept), %d by releases, the latest after %v", byWakeup, bySweep, swept, byRelease, longest)
	}
}
