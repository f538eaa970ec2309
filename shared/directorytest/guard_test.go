package directorytest_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// guarded is an office whose provider has been live for a day, with users in a mapped group, and a guard that allows a
// number of leavers and moves.
func guarded(t *testing.T, people, allowed int) (*office, []directory.User, directory.Group) {
	t.Helper()
	o := newOffice(t)
	org := o.org("HQ")
	_, err := o.s.As(o.admin).Guards.Set(o.ctx, o.p.ID, anyProvider,
		directory.GuardSettings{Minimum: allowed, Percent: 1, MoveMinimum: allowed, MovePercent: 1})
	o.must(err)
	o.method(directory.OrgGroups, directory.DefaultOrg)
	o.rolesFromGroups(false)
	var us []directory.User
	var ids []directory.ScimID
	for i := range people {
		us = append(us, o.user(o.caller, fmt.Sprint("u", i)))
		ids = append(ids, us[i].ScimID)
	}
	g := o.group(o.caller, "G", ids...)
	o.mapOrg(org.ID, g.ID)
	o.mapRoles([]directory.RoleID{"desktop-user"}, g.ID)
	o.regroup(g.ID, nil, ids[:1])
	o.regroup(g.ID, ids[:1], nil)
	o.deliver()
	run, err := o.s.As(o.admin).ApplyRuns.Create(o.ctx, o.p.ID, false)
	o.must(err)
	o.deliver()
	_, err = o.s.As(o.admin).ApplyRuns.Start(o.ctx, o.p.ID, run.ID, anyRun)
	o.must(err)
	o.deliver()
	if p := o.stored(o.p.ID); p.State != directory.ProviderLive || !p.LiveAt.Equal(o.s.Now()) {
		t.Errorf("after the first Apply run the provider is %s, live since %v", p.State, p.LiveAt)
	}
	o.later(25 * time.Hour)
	return o, us, g
}

func (o *office) openEvent(kind directory.GuardKind) directory.GuardEvent {
	o.Helper()
	vs, err := o.s.As(o.admin).Guards.Events(o.ctx, o.p.ID, "", 10)
	o.must(err)
	for _, v := range vs {
		if v.Kind == kind && v.State == directory.GuardOpen {
			return v
		}
	}
	return directory.GuardEvent{}
}

func (o *office) decideEvent(v directory.GuardEvent, d directory.GuardDecision) {
	o.Helper()
	_, err := o.s.As(o.admin).Guards.Decide(o.ctx, o.p.ID, v.ID, func(directory.GuardEvent) error { return nil }, d)
	o.must(err)
	o.deliver()
}

// at counts the users by organization and number of roles.
func (o *office) at(us []directory.User) map[string]int {
	o.Helper()
	out := map[string]int{}
	for _, u := range us {
		u = o.reload(u.ID)
		where := fmt.Sprint("HQ with ", len(u.RoleGrants))
		if u.OrgID == directory.DefaultOrg {
			where = fmt.Sprint("default with ", len(u.RoleGrants))
		}
		out[where]++
	}
	return out
}

func TestGuardHoldsMovesBack(t *testing.T) {
	for _, decision := range []directory.GuardDecision{directory.GuardApproval, directory.GuardDisapproval} {
		t.Run(string(decision), func(t *testing.T) {
			o, us, g := guarded(t, 10, 3)
			o.equal("at first", o.at(us), map[string]int{"HQ with 1": 10})
			o.must(o.s.DeleteGroup(o.ctx, o.caller, g.ID, func(directory.Group) error { return nil }))
			o.deliver()
			o.equal("with the group deleted", o.at(us), map[string]int{"HQ with 1": 7, "default with 0": 3})
			v := o.openEvent(directory.GuardMoves)
			o.equal("the event", directory.GuardEvent{Count: v.Count, Limit: v.Limit, Users: v.Users},
				directory.GuardEvent{Count: 4, Limit: 3, Users: 10})
			if p := o.stored(o.p.ID); p.Guard.Tripped() || p.Guard.Moves.Event != v.ID {
				t.Errorf("the guard is %+v", p.Guard)
			}
			r, err := o.s.As(o.admin).Guards.Review(o.ctx, o.p.ID, v.ID)
			o.must(err)
			o.equal("held", r.Held, 7)
			if len(r.Timeline) != 1 || r.Timeline[0].Of(directory.GuardMoves) != 3 {
				t.Errorf("the timeline is %+v", r.Timeline)
			}
			held, _, err := o.s.As(o.admin).Users.Search(o.ctx, directory.UserSearch{Review: v.ID, Count: 100})
			o.must(err)
			o.equal("found", len(held), 7)
			e := o.last(directory.LogQuery{User: held[0].ID})
			o.equal("the entry", []any{e.Action, e.Effects}, []any{directory.UserReassignmentHeld, []directory.Effect{directory.EffectHeldBack}})
			o.deliver() // a repetition does nothing
			n := len(o.log(directory.LogQuery{Provider: o.p.ID}))
			o.must(o.s.FollowEntry(o.ctx, o.admin.Tenant, o.last(directory.LogQuery{Group: g.ID})))
			o.equal("entries after a repetition", len(o.log(directory.LogQuery{Provider: o.p.ID})), n)

			o.decideEvent(v, decision)
			want := map[string]int{"default with 0": 10}
			if decision == directory.GuardDisapproval {
				want = map[string]int{"HQ with 1": 7, "default with 0": 3}
			}
			o.equal("decided", o.at(us), want)
			o.equal("and no new event", o.openEvent(directory.GuardMoves), directory.GuardEvent{})
			if decision == directory.GuardDisapproval { // until the next event
				o.later(2 * time.Hour)
				again := o.group(o.caller, "Again", held[0].ScimID)
				o.deliver()
				o.regroup(again.ID, nil, []directory.ScimID{held[0].ScimID})
				o.deliver()
				o.equal("the next event", o.at(us), map[string]int{"HQ with 1": 6, "default with 0": 4})
			}
		})
	}
}

// Placements of new users and moves by an apply run are not counted; in setup, the guard only warns.
func TestMovesThatDoNotCount(t *testing.T) {
	o, us, g := guarded(t, 4, 2)
	status := func(what string, want int) {
		t.Helper()
		s, err := o.s.As(o.admin).Guards.Status(o.ctx, o.stored(o.p.ID))
		o.must(err)
		o.equal(what, s.Moves, want)
	}
	status("after an Apply run", 0)
	var ids []directory.ScimID
	for i := range 5 {
		ids = append(ids, o.user(o.caller, fmt.Sprint("new", i)).ScimID)
	}
	o.regroup(g.ID, ids, nil)
	o.deliver()
	status("newcomers", 0)
	o.regroup(g.ID, nil, []directory.ScimID{us[0].ScimID})
	o.deliver()
	status("one moved", 1)
	o.equal("events", o.openEvent(directory.GuardMoves), directory.GuardEvent{})

	p, c := o.provider("Setup")
	o.p, o.caller = p, c
	_, err := o.s.As(o.admin).Guards.Set(o.ctx, p.ID, anyProvider, directory.GuardSettings{MoveMinimum: 1})
	o.must(err)
	org := o.org("Field")
	o.method(directory.OrgGroups, directory.DefaultOrg)
	ids, us = nil, nil
	for i := range 4 {
		us = append(us, o.user(c, fmt.Sprint("s", i)))
		ids = append(ids, us[i].ScimID)
	}
	o.deliver()
	o.later(25 * time.Hour)
	o.mapOrg(org.ID, o.group(c, "S", ids...).ID)
	o.regroup(o.group(c, "T").ID, ids, nil)
	o.deliver()
	o.equal("in setup", o.at(us), map[string]int{"HQ with 0": 4})
	vs, err := o.s.As(o.admin).Guards.Events(o.ctx, p.ID, "", 10)
	o.must(err)
	if len(vs) != 1 || vs[0].State != directory.GuardWarning || vs[0].Kind != directory.GuardMoves {
		t.Errorf("events in setup: %+v", vs)
	}
}

// In mode stage, users who leave after the guard has tripped are not even blocked before the review.
func TestGuardStages(t *testing.T) {
	for _, decision := range []directory.GuardDecision{directory.GuardApproval, directory.GuardDisapproval} {
		t.Run(string(decision), func(t *testing.T) {
			o, us, _ := guarded(t, 6, 2)
			_, err := o.s.As(o.admin).Guards.Set(o.ctx, o.p.ID, anyProvider,
				directory.GuardSettings{Minimum: 2, Percent: 1, Mode: directory.GuardStages})
			o.must(err)
			for _, u := range us[:5] {
				_, changed, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = false })
				o.must(err)
				if !changed {
					t.Error("the request changed nothing")
				}
				o.deliver()
			}
			o.must(o.remove(o.caller, us[5].ScimID))
			o.deliver()
			signIn := func(what string, want ...bool) {
				t.Helper()
				for i, u := range us {
					if got := o.reload(u.ID); got.MaySignIn() != want[i] || got.Active && i < 5 {
						t.Errorf("%s: %s may sign in is %v, active is %v", what, u.UserName, got.MaySignIn(), got.Active)
					}
				}
			}
			signIn("before the review", false, false, false, true, true, true)
			e := o.last(directory.LogQuery{User: us[3].ID})
			o.equal("effects", e.Effects, []directory.Effect{directory.EffectScheduled, directory.EffectFrozen})
			o.later(time.Hour)
			n, err := o.s.DeactivateDue(o.ctx, directory.JobWakeup)
			o.must(err)
			o.equal("deactivated before the review", n, 0)
			o.decideEvent(o.openEvent(directory.GuardLeavers), decision)
			if decision == directory.GuardDisapproval {
				signIn("rejected", true, true, true, true, true, true)
				return
			}
			signIn("approved", false, false, false, false, false, false)
			e = o.last(directory.LogQuery{User: us[3].ID})
			o.equal("effects of the approval", e.Effects, []directory.Effect{directory.EffectBlocked, directory.EffectScheduled})
			o.later(time.Minute)
			n, err = o.s.DeactivateDue(o.ctx, directory.JobWakeup)
			o.must(err)
			o.equal("deactivated", n, 6)
		})
	}
}

// An open event is announced again after 1, 4 and 24 hours, once each.
func TestGuardReminds(t *testing.T) {
	o, us, _ := guarded(t, 3, 1)
	for _, u := range us {
		o.must(o.remove(o.caller, u.ScimID))
		o.deliver()
	}
	v := o.openEvent(directory.GuardLeavers)
	reminders := func(what string, want int) {
		t.Helper()
		for range 2 {
			o.must(o.s.RetryDue(o.ctx, func() bool { return false }))
		}
		n := 0
		for _, e := range o.log(directory.LogQuery{}) {
			if e.Action == directory.GuardReminded {
				n++
				if e.Target != string(o.p.ID)+"/"+string(v.ID) || !e.Audit {
					t.Errorf("the entry is %+v", e)
				}
			}
		}
		o.equal(what, n, want)
		o.equal(what+", in the event", o.openEvent(directory.GuardLeavers).Reminders, want)
	}
	o.later(time.Hour - time.Millisecond)
	reminders("before an hour", 0)
	o.later(time.Millisecond)
	reminders("after an hour", 1)
	o.later(3 * time.Hour)
	reminders("after four", 2)
	o.later(96 * time.Hour)
	reminders("after days", 3)
	o.later(time.Minute)
	o.decideEvent(v, directory.GuardApproval)
	o.later(100 * time.Hour)
	o.must(o.s.RetryDue(o.ctx, func() bool { return false }))
	_, err := o.s.Sweep(o.ctx, func() bool { return false })
	o.must(err)
	o.equal("the last entry", o.log(directory.LogQuery{})[0].Action, directory.GuardApproved)
}

// The limits are percentages of the provider's users who are not deactivated.
func TestActiveUsersAreCounted(t *testing.T) {
	o := newOffice(t)
	other, _ := o.provider("Other")
	var us []directory.User
	for i := range 8 {
		us = append(us, o.user(o.caller, fmt.Sprint("u", i)))
	}
	_, err := o.tryUser(o.caller, directory.Profile{UserName: "disabled"})
	o.must(err)
	check := func(what string, want, wantOther int) {
		t.Helper()
		o.deliver()
		for p, want := range map[directory.ProviderID]int{o.p.ID: want, other.ID: wantOther} {
			rec, err := o.s.Providers.Provider(o.ctx, o.admin.Tenant, p)
			if directory.IsKind(err, directory.NotFound) {
				rec = directory.Provider{ID: p}
			}
			s, err := o.s.As(o.admin).Guards.Status(o.ctx, rec)
			o.must(err)
			o.equal(what, s.Users, want)
		}
	}
	check("at first", 8, 0)
	for _, u := range us[:3] {
		_, err := o.decide(u.ID, directory.DecideDeactivate)
		o.must(err)
	}
	check("three deactivated", 5, 0)
	_, err = o.decide(us[0].ID, directory.DecideReactivate)
	o.must(err)
	check("one reactivated", 6, 0)
	o.must(o.remove(o.caller, us[1].ScimID))
	o.must(o.remove(o.caller, us[3].ScimID))
	check("two deleted, one of them pending", 6, 0)
	_, err = o.decide(us[1].ID, directory.DecideReactivate) // which makes it local
	o.must(err)
	check("a deleted one is local", 6, 0)
	for _, u := range []directory.User{us[2], us[4]} { // a deactivated one and an active one
		_, err = o.decide(u.ID, directory.DecideLocal)
		o.must(err)
	}
	check("two converted", 5, 0)
	_, err = o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: directory.FateMove, MoveTo: other.ID})
	o.must(err)
	check("moved to another provider", 1, 4) // the removed one is not moved
}

// providerReads counts how often a provider is read.
type providerReads struct {
	directory.Providers
	n atomic.Int64
}

func (r *providerReads) Provider(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.Provider, error) {
	r.n.Add(1)
	return r.Providers.Provider(ctx, t, p)
}

// A tripped guard holds everybody it concerns, also those whose entries are not followed yet when they are due. Those who
// left before its window are deactivated. A run reads the provider once.
func TestGuardIsAskedWhenDeactivating(t *testing.T) {
	o, us, _ := guarded(t, 12, 3)
	disable := func(us []directory.User) {
		for _, u := range us {
			_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = false })
			o.must(err)
		}
	}
	early, late := us[:2], us[2:8]
	disable(early)
	o.deliver()
	o.later(directory.DefaultGuardWindow + time.Minute)
	disable(late)
	es := o.log(directory.LogQuery{Provider: o.p.ID})
	slices.Reverse(es)
	for _, e := range es[len(es)-len(late):][:4] { // the others are still to be followed, and so is the trip
		o.must(o.s.FollowEntry(o.ctx, o.admin.Tenant, e))
	}
	o.equal("tripped", o.stored(o.p.ID).Guard.Tripped(), true)
	o.later(24 * time.Hour)
	reads := &providerReads{}
	o.use(func(p *directory.Ports) { reads.Providers, p.Providers = p.Providers, reads })
	n, err := o.s.DeactivateDue(o.ctx, directory.JobWakeup)
	o.must(err)
	o.equal("deactivated", n, len(early))
	if reads.n.Load() != 1 {
		t.Errorf("the provider was read %d times", reads.n.Load())
	}
	for _, u := range late {
		v, err := o.s.As(o.admin).Users.ByID(o.ctx, u.ID)
		o.must(err)
		if v.Pending == nil || !v.Pending.Frozen {
			t.Errorf("%s: %+v, want held by the guard", u.UserName, v.Pending)
		}
	}
}

// Leavers whose entries nobody followed before they are due, perhaps because the server was down for a day, are held when
// they are more than the guard allows, whoever comes first after the start: the wake-up, or the follower.
func TestGuardHoldsLeaversNobodyFollowed(t *testing.T) {
	for _, down := range []time.Duration{time.Minute, 20 * time.Minute, 20 * time.Hour} {
		for _, followFirst := range []bool{false, true} {
			t.Run(fmt.Sprint(down, " down, followed first ", followFirst), func(t *testing.T) {
				o, us, _ := guarded(t, 12, 3)
				_, err := o.s.As(o.admin).Deactivations.SetDelay(o.ctx, o.p.ID, anyProvider, time.Minute, false)
				o.must(err)
				o.deliver()
				for _, u := range us[:8] {
					_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = false })
					o.must(err)
					o.later(time.Second)
				}
				o.later(down)
				if followFirst {
					o.deliver()
				}
				n, err := o.s.DeactivateDue(o.ctx, directory.JobWakeup)
				o.must(err)
				o.equal("deactivated", n, 0)
				o.deliver()
				v := o.openEvent(directory.GuardLeavers)
				o.equal("the event's count", v.Count, 8)
				for _, u := range us[:8] {
					if p := o.reload(u.ID).Pending; p == nil || !p.Frozen {
						t.Errorf("%s: %+v, want held by the guard", u.UserName, p)
					}
				}
				o.later(2 * directory.DefaultGuardWindow)
				o.decideEvent(v, directory.GuardApproval)
				o.later(time.Hour)
				n, err = o.s.DeactivateDue(o.ctx, directory.JobSweep)
				o.must(err)
				o.equal("deactivated after the approval", n, 8)
			})
		}
	}
}

// As many leavers as the guard allows are deactivated although nobody followed their entries.
func TestGuardLetsLeaversNobodyFollowedGo(t *testing.T) {
	o, us, _ := guarded(t, 12, 3)
	for _, u := range us[:3] {
		_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = false })
		o.must(err)
	}
	o.later(time.Hour)
	n, err := o.s.DeactivateDue(o.ctx, directory.JobWakeup)
	o.must(err)
	o.equal("deactivated", n, 3)
	o.deliver()
	o.equal("the event", o.openEvent(directory.GuardLeavers), directory.GuardEvent{})
}

// A decision covers the changes before it and none after it, though changes are counted by the minute.
func TestGuardCountsAnewAfterADecision(t *testing.T) {
	for _, decision := range []directory.GuardDecision{directory.GuardApproval, directory.GuardDisapproval} {
		t.Run(string(decision), func(t *testing.T) {
			o, us, _ := guarded(t, 16, 3)
			o.now = o.now.Truncate(time.Minute)
			disable := func(us []directory.User) {
				for _, u := range us {
					_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = false })
					o.must(err)
				}
				o.deliver()
				o.later(time.Second)
			}
			disable(us[:5])
			o.decideEvent(o.openEvent(directory.GuardLeavers), decision)
			o.later(time.Second)
			disable(us[5:8])
			o.equal("an event for as many as are allowed", o.openEvent(directory.GuardLeavers), directory.GuardEvent{})
			disable(us[8:9])
			v := o.openEvent(directory.GuardLeavers)
			o.equal("the second event's count", v.Count, 4)
			for i, u := range us[:9] {
				if p := o.reload(u.ID).Pending; (p != nil && p.Frozen) != (i >= 5) {
					t.Errorf("%s: %+v", u.UserName, p)
				}
			}
		})
	}
}
