package lifecycle_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
	"rollcall/shared/store/sqlite"
)

// delayedWakeups returns, when replay is set, the users who were due earlier instead of those due now.
type delayedWakeups struct {
	directory.Leavers
	earlier []directory.DueUser
	replay  bool
}

func (d *delayedWakeups) DueUsers(ctx context.Context, until time.Time, fn func(context.Context, []directory.DueUser) error) error {
	if d.replay {
		return fn(ctx, d.earlier)
	}
	return d.Leavers.DueUsers(ctx, until, fn)
}

// person is the account under test in a real store, with the records that the events need.
type person struct {
	s       *directorytest.Env
	late    *delayedWakeups
	ctx     context.Context
	mu      sync.Mutex
	now     time.Time
	admin   administration.Admin
	caller  provisioning.Caller
	id      directory.UserID
	matter  string
	profile directory.Profile
	edits   int
}

// clock advances by a millisecond at every reading, so that the log has an order.
func (p *person) clock() time.Time {
	p.advance(time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *person) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

const modelDelay = 15 * time.Minute

func anyProvider(directory.Provider) error { return nil }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newPerson creates an account: active, disabled, or local.
func newPerson(ports directory.Ports, kind string) *person {
	p := &person{ctx: context.Background(), now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), late: &delayedWakeups{Leavers: ports.Leavers}}
	ports.Leavers = p.late
	p.s = directorytest.New(ports, directory.Runtime{Now: p.clock})
	p.admin = administration.Admin{Tenant: directory.TenantID(random.ID()[:7]),
		Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1", Reason: "why"}}
	must(p.s.As(p.admin).Tenants.Create(p.ctx, "T"))
	delay := modelDelay
	rec, token, err := p.s.As(p.admin).Providers.Create(p.ctx,
		administration.NewProvider{DisplayName: "P", Profile: "entra", DeactivationDelay: &delay})
	must(rec, err)
	p.caller = provisioning.Caller{Provider: rec.ID, Token: token, RequestID: "r1"}
	p.profile = directory.Profile{UserName: "anna", ExternalID: "8f4b5c1e-0000-4000-8000-000000000001", Active: kind != "disabled"}
	if kind == "local" {
		p.id = must(p.s.As(p.admin).Users.CreateLocal(p.ctx, administration.LocalProfile{UserName: "anna"}, nil)).ID
	} else {
		p.id = must(p.create(p.profile)).ID
	}
	p.matter = string(must(p.s.As(p.admin).LegalHolds.Create(p.ctx, "M", "")).ID)
	return p
}

func (p *person) create(profile directory.Profile) (directory.User, error) {
	return p.s.CreateUser(p.ctx, p.caller, profile.ExternalID, nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return profile, nil, nil
	})
}

func (p *person) user() directory.User {
	return must(p.s.As(p.admin).Users.ByID(p.ctx, p.id)).User
}

// state returns the account as the model sees it.
func (p *person) state() account {
	u := p.user()
	s := account{life: 'A', adm: u.AdminBlock != nil, hold: len(u.Holds) > 0}
	if u.Lifecycle == directory.LifecycleDeactivated {
		s.life = 'D'
	}
	s.idp = map[directory.DirectoryState]byte{
		directory.DirectoryActive: 'T', directory.DirectoryInactive: 'F', directory.DirectoryRemoved: 'G', directory.DirectoryNone: 'L',
	}[u.DirectoryState()]
	if u.Pending != nil {
		if s.pend, s.frz = 1, u.Pending.Frozen; !p.clock().Before(u.Pending.DueAt) {
			s.pend = 2
		}
	}
	s.guard = must(p.s.As(p.admin).Providers.ByID(p.ctx, p.caller.Provider)).Guard.Tripped()
	return s
}

func (p *person) edit(id directory.ScimID, edit func(*directory.Profile)) error {
	_, _, err := p.s.UpdateUser(p.ctx, p.caller, id, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			n := old.Profile
			edit(&n)
			return n, nil, nil
		})
	return err
}

// setDelay changes the provider's delay, for pending deactivations too if pending is set, and follows the log.
func (p *person) setDelay(d time.Duration, pending bool) {
	must(p.s.As(p.admin).Deactivations.SetDelay(p.ctx, p.caller.Provider, anyProvider, d, pending))
	p.follow()
}

// follow follows the newest entries twice.
func (p *person) follow() {
	for range 2 {
		for _, provider := range []directory.ProviderID{"", p.caller.Provider} {
			es := must(p.s.Log.Entries(p.ctx, p.admin.Tenant, directory.LogQuery{Provider: provider, Count: 5}))
			for _, e := range slices.Backward(es) {
				if e.Remaining != directory.RemainingNone {
					must(0, p.s.FollowEntry(p.ctx, p.admin.Tenant, e))
				}
			}
		}
	}
}

// trip trips the guard as too many leavers would.
func (p *person) trip() {
	if must(p.s.As(p.admin).Providers.ByID(p.ctx, p.caller.Provider)).Guard.Tripped() {
		return
	}
	id := "v" + random.ID()
	must(p.s.Guards.UpdateGuard(p.ctx, p.admin.Tenant, p.caller.Provider, directory.GuardEventID(id),
		func(rec directory.Provider, v directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
			rec.Guard.Event, rec.Version = directory.GuardEventID(id), rec.Version+1
			e := directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: p.clock(), Action: directory.GuardTripped, Target: string(rec.ID),
				Remaining: directory.RemainingGuard}
			return rec,
				directory.GuardEvent{ID: directory.GuardEventID(id), Provider: rec.ID, Kind: directory.GuardLeavers, State: directory.GuardOpen}, &e,
				nil
		}))
	p.follow()
}

func (p *person) decideGuard(d directory.GuardDecision) {
	rec := must(p.s.As(p.admin).Providers.ByID(p.ctx, p.caller.Provider))
	if !rec.Guard.Tripped() {
		return
	}
	must(p.s.As(p.admin).Guards.Decide(p.ctx, rec.ID, rec.Guard.Event, func(directory.GuardEvent) error { return nil }, d))
	p.follow()
}

// do carries out an event on the account as it was before the step. It returns false if the event is refused.
func (p *person) do(event string, before directory.User) bool {
	var err error
	switch event = strings.TrimSuffix(event, " immediately"); event {
	case "scim attribute":
		p.mu.Lock()
		p.edits++
		n := p.edits
		p.mu.Unlock()
		err = p.edit(before.ScimID, func(q *directory.Profile) { q.Attributes = fmt.Appendf(nil, `{"n":%d}`, n) })
	case "scim enable":
		err = p.edit(before.ScimID, func(q *directory.Profile) { q.Active = true })
	case "scim disable":
		err = p.edit(before.ScimID, func(q *directory.Profile) { q.Active = false })
	case "scim delete":
		err = p.s.DeleteUser(p.ctx, p.caller, before.ScimID, func(directory.User) error { return nil })
	case "recreate", "recreate inactive":
		again := p.profile
		again.Active = event == "recreate"
		_, err = p.create(again)
	case "hold":
		_, _, err = p.s.As(p.admin).LegalHolds.Place(p.ctx, directory.MatterID(p.matter), p.id)
	case "release":
		_, err = p.s.As(p.admin).LegalHolds.Release(p.ctx, directory.MatterID(p.matter), p.id)
	case "time":
		if before.Pending != nil && p.clock().Before(before.Pending.DueAt) {
			p.advance(before.Pending.DueAt.Sub(p.clock()))
		}
	case "delay shorter":
		p.setDelay(time.Second, true)
		p.advance(time.Minute)
		p.setDelay(modelDelay, false)
	case "delay longer":
		if before.Pending != nil && !p.clock().Before(before.Pending.DueAt) {
			p.setDelay(p.clock().Sub(before.Pending.RequestedAt)+modelDelay, true)
			p.setDelay(modelDelay, false)
		}
	case "fire":
		_ = p.s.Leavers.DueUsers(p.ctx, p.clock(), func(_ context.Context, us []directory.DueUser) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.late.earlier = us
			return nil
		})
		_, err = p.s.DeactivateDue(p.ctx, directory.JobWakeup)
	case "sweep":
		if before.Pending != nil && !p.clock().Before(before.Pending.DueAt) {
			p.advance(3 * time.Minute)
		}
		_, err = p.s.Sweep(p.ctx, func() bool { return false })
	case "stale fire":
		if before.Pending != nil && slices.ContainsFunc(p.late.earlier, func(u directory.DueUser) bool {
			return u.Pending.Generation == before.Pending.Generation
		}) {
			return true // not stale
		}
		p.late.replay = true
		_, err = p.s.DeactivateDue(p.ctx, directory.JobWakeup)
		p.late.replay = false
	case "guard trips":
		p.trip()
	case "guard approved":
		p.decideGuard(directory.GuardApproval)
	case "guard rejected":
		p.decideGuard(directory.GuardDisapproval)
	default:
		_, err = p.s.As(p.admin).Users.Decide(p.ctx, p.id, func(directory.User) error { return nil }, directory.Decision(event))
	}
	if directory.IsKind(err, directory.Internal) {
		panic(err)
	}
	return err == nil
}

var (
	// concurrentEvents may happen concurrently.
	concurrentEvents = []string{
		"scim attribute", "scim enable", "scim disable", "scim delete", "recreate", "recreate inactive", "block", "unblock",
		"cancel-deactivation",
		"deactivate", "deactivate-and-block", "reactivate", "reactivate-and-unblock", "hold", "release", "fire",
	}
	allEvents = append([]string{"time", "time", "delay shorter", "delay longer", "sweep", "stale fire", "guard trips", "guard approved",
		"guard rejected"}, concurrentEvents...)
)

// lifecycleHistory plays a random history with up to two concurrent writers and compares each state with the model,
// after two concurrent events with either order of them. In a store whose due index is eventually consistent, a wake-up
// may miss a user who is changing at the same moment, which leaves them to the sweep.
func lifecycleHistory(rt *rapid.T, ports directory.Ports, longest int, eventual bool) {
	p := newPerson(ports, rapid.SampledFrom([]string{"active", "disabled", "local"}).Draw(rt, "kind"))
	stages := rapid.Bool().Draw(rt, "stage")
	if stages {
		must(p.s.As(p.admin).Guards.Set(p.ctx, p.caller.Provider, anyProvider, directory.GuardSettings{Mode: directory.GuardStages}))
	}
	s := p.state()
	for range rapid.IntRange(5, longest).Draw(rt, "steps") {
		events := []string{rapid.SampledFrom(allEvents).Draw(rt, "event")}
		if slices.Contains(concurrentEvents, events[0]) && rapid.Bool().Draw(rt, "two") {
			events = append(events, rapid.SampledFrom(concurrentEvents).Draw(rt, "other"))
		}
		immediate := rapid.IntRange(0, 3).Draw(rt, "delay") == 0
		if immediate {
			p.setDelay(0, false)
		}
		before := p.user()
		var wg sync.WaitGroup
		for i, e := range events {
			if immediate && (e == "scim disable" || e == "scim delete") {
				events[i] += " immediately"
			}
			wg.Go(func() { p.do(e, before) })
		}
		wg.Wait()
		if immediate {
			p.setDelay(modelDelay, false)
		}
		got := p.state()
		ok := false
		orders := [][]string{events, reversed(events)}
		if i := slices.Index(events, "fire"); eventual && len(events) == 2 && i >= 0 {
			orders = append(orders, events[1-i:2-i])
		}
		for _, order := range orders {
			want, why := s, ""
			for _, e := range order {
				next, _ := want.after(e)
				why, want = why+want.broken(e, next), next
			}
			ok = ok || want == got && why == ""
		}
		if !ok {
			want, _ := s.after(events[0])
			rt.Fatalf("%v: from %v to %v; the first event alone leads to %v", events, s, got, want)
		}
		s = got
		if u := p.user(); u.Pending != nil && (u.Pending.Staged && (!u.Pending.Frozen || !stages) ||
			u.MaySignIn() != (u.Pending.Staged && u.AdminBlock == nil)) {
			rt.Fatalf("%v: may sign in is %v while pending as %+v", events, u.MaySignIn(), u.Pending)
		}
	}
}

func reversed(events []string) []string {
	out := slices.Clone(events)
	slices.Reverse(out)
	return out
}

func TestLifecycleFollowsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		store := must(sqlite.Open(sqlite.Memory, time.Now))
		defer func() { must(0, store.Close()) }()
		lifecycleHistory(rt, store.Ports(), 40, false)
	})
}

// TestLifecycleFollowsTheModelInDynamoDB plays fewer histories, because a step takes some ten milliseconds.
func TestLifecycleFollowsTheModelInDynamoDB(t *testing.T) {
	t.Parallel()
	proof.Check(t, proof.Size(3, 12), func(rt *rapid.T) { lifecycleHistory(rt, stack.DynamoDB(t), 15, true) })
}
