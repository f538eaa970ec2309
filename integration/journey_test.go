package integration_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
)

// journey is one person's history in the service, on a clock that the test advances.
type journey struct {
	*testing.T
	s    *stack.Stack
	c    client
	fast bool // a step takes less than a millisecond
}

// journeys runs a journey on both stores.
func journeys(t *testing.T, story func(journey)) {
	t.Parallel()
	for name, ports := range map[string]func(testing.TB) directory.Ports{
		"SQLite": stack.SQLite, "DynamoDB": stack.DynamoDB,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Ports: ports})
			story(journey{t, s, newClient(t, s, s.Local()), name == "SQLite"})
		})
	}
}

// pass advances the clock and follows the log.
func (j journey) pass(d time.Duration) {
	j.Helper()
	j.s.Pass(j.T, d)
}

const objectID = "8f4b5c1e-0000-4000-8000-00000000000"

// join provisions a person; the number is part of the directory's object id.
func (j journey) join(name string, n int) answer {
	j.Helper()
	a := j.c.send("POST", "/Users", user(name, object{"externalId": objectID + fmt.Sprint(n), "active": true}))
	a.wants(j.T, "join", 201, "")
	return a
}

func (j journey) active(id string, active bool) {
	j.Helper()
	j.c.send("PATCH", "/Users/"+id, patch(op("replace", "active", active))).wants(j.T, "active", 200, "")
}

func (j journey) user(id string) directory.User {
	j.Helper()
	v, err := j.s.Service.As(j.s.Admin).Users.ByID(j.Context(), directory.UserID(id))
	if err != nil {
		j.Fatal(err)
	}
	return v.User
}

// wantState fails unless the user's state is want: "signs in", "blocked", "pending" or "deactivated".
func (j journey) wantState(what, id, want string) {
	j.Helper()
	u := j.user(id)
	got := "blocked"
	switch {
	case u.Lifecycle == directory.LifecycleDeactivated:
		got = "deactivated"
	case u.Pending != nil:
		got = "pending"
	case u.MaySignIn():
		got = "signs in"
	}
	if got != want || got != "signs in" && u.MaySignIn() {
		j.Errorf("%s: %s, want %s: %+v", what, got, want, u.Account)
	}
}

func (j journey) decide(id string, d directory.Decision) {
	j.Helper()
	if _, err := j.s.Service.As(j.s.Admin).Users.Decide(j.Context(), directory.UserID(id), func(directory.User) error { return nil },
		d); err != nil {
		j.Fatal(err)
	}
}

// wantLog fails unless the Sync Log of the user has these lines, oldest first: actor, action and effects.
func (j journey) wantLog(id string, want ...string) {
	j.Helper()
	es, err := j.s.Service.Log.Entries(j.Context(), j.s.Admin.Tenant, directory.LogQuery{User: directory.UserID(id), Count: 100})
	if err != nil {
		j.Fatal(err)
	}
	slices.Reverse(es)
	var got []string
	for _, e := range es {
		actor := string(e.Actor.Kind)
		if e.Actor.Kind == directory.ActorSystem && !strings.HasPrefix(e.Actor.ID, "e") {
			actor = e.Actor.ID
		}
		text := actor + " " + string(e.Action)
		for _, f := range e.Effects {
			text += " " + string(f)
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		j.Errorf("the log is\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

const (
	logJoin  = "provider user.created created"
	logLeave = "provider user.disabled blocked deactivation-scheduled"
	logEnd   = "wake-up user.deactivated deactivated"
)

func TestLeaverIsDeactivatedAfterTheDelay(t *testing.T) {
	journeys(t, func(j journey) {
		id := j.join("anna", 1).id()
		j.s.Clock.Advance(6*time.Hour - 15*time.Minute - time.Second)
		j.c.send("PATCH", "/Users/"+id, patch(op("replace", "title", "Diver"))).wants(j.T, "change", 200, "")
		j.pass(time.Second)
		j.active(id, false) // 14:45
		j.wantState("immediately", id, "pending")
		j.active(id, false)
		j.pass(15*time.Minute - time.Millisecond)
		j.wantState("at 14:59:59.999", id, "pending")
		j.pass(time.Millisecond)
		j.wantState("at 15:00", id, "deactivated")
		if at := j.user(id).DeactivatedAt; at.Format(time.TimeOnly) != "15:00:00" {
			j.Errorf("deactivated at %v", at)
		}
		j.c.send("GET", "/Users/"+id, nil).wants(j.T, "SCIM still shows", 200, "")
		j.pass(time.Hour)
		j.active(id, true)
		j.wantState("back", id, "signs in")
		j.wantLog(id, logJoin, "provider user.updated updated", logLeave, logEnd, "provider user.enabled reactivated")
	})
}

func TestLeaverIsUnblocked(t *testing.T) {
	journeys(t, func(j journey) {
		id := j.join("anna", 1).id()
		j.pass(time.Minute)
		j.active(id, false)
		j.pass(time.Minute)
		j.decide(id, directory.DecideUnblock)
		j.wantState("unblocked", id, "signs in")
		since := j.user(id).Modified
		j.pass(time.Hour)
		j.wantState("much later", id, "signs in")
		if u := j.user(id); !u.Overridden() || !u.OverriddenAt.Equal(since) {
			j.Errorf("active by override: %v, since %v, want %v", u.Overridden(), u.OverriddenAt, since)
		}
		a := j.c.send("GET", "/Users/"+id, nil)
		if a.json["active"] != false {
			j.Errorf("the directory sees %v", a.json["active"])
		}
		j.active(id, false) // no edge
		j.wantState("after a repetition", id, "signs in")
		j.wantLog(id, logJoin, logLeave, "api-key user.unblocked unblocked deactivation-cancelled")
	})
}

func TestLeaverReturnsWithinTheDelay(t *testing.T) {
	journeys(t, func(j journey) {
		id := j.join("anna", 1).id()
		j.pass(time.Minute)
		j.active(id, false)
		j.pass(14 * time.Minute)
		j.active(id, true)
		j.wantState("back", id, "signs in")
		j.pass(10 * time.Minute)
		j.wantState("when it would have been due", id, "signs in")
		j.active(id, false)
		j.pass(10 * time.Minute)
		j.wantState("the second leave starts a new delay", id, "pending")
		j.pass(5 * time.Minute)
		j.wantState("in the end", id, "deactivated")
		j.wantLog(id, logJoin, logLeave, "provider user.enabled unblocked deactivation-cancelled", logLeave, logEnd)
	})
}

func TestLeaverOnHold(t *testing.T) {
	journeys(t, func(j journey) {
		id := j.join("anna", 1).id()
		m, err := j.s.Service.As(j.s.Admin).LegalHolds.Create(j.Context(), "Matter", "")
		if err != nil {
			j.Fatal(err)
		}
		j.pass(time.Minute)
		if _, _, err := j.s.Service.As(j.s.Admin).LegalHolds.Place(j.Context(), m.ID, directory.UserID(id)); err != nil {
			j.Fatal(err)
		}
		j.pass(time.Minute)
		j.active(id, false)
		j.pass(time.Hour)
		j.wantState("on hold", id, "pending")
		if err := stackSweep(j); err != nil {
			j.Fatal(err)
		}
		j.wantState("after a sweep", id, "pending")
		if _, err := j.s.Service.As(j.s.Admin).Users.Decide(j.Context(), directory.UserID(id), func(directory.User) error { return nil },
			directory.DecideDeactivate); !directory.IsKind(err, directory.Conflict) {
			j.Errorf("deactivated by an administrator: %v", err)
		}
		xs, _, err := j.s.Service.As(j.s.Admin).LegalHolds.PlanClose(j.Context(), m.ID, "", 10)
		if err != nil || len(xs) != 1 || xs[0].Outcome != administration.OutcomeDeactivated {
			j.Errorf("the plan: %v %v", xs, err)
		}
		done, err := j.s.Service.As(j.s.Admin).LegalHolds.Release(j.Context(), m.ID, directory.UserID(id))
		if err != nil || done.Outcome != administration.OutcomeDeactivated {
			j.Errorf("released: %+v %v", done, err)
		}
		j.wantState("released", id, "deactivated")
		j.wantLog(id, logJoin, "api-key legal-hold.placed", logLeave+" deactivation-held", "api-key legal-hold.released deactivated")
	})
}

func stackSweep(j journey) error {
	_, err := j.s.Service.Sweep(j.Context(), never)
	return err
}

func TestClosingAMatterReleasesEverybody(t *testing.T) {
	journeys(t, func(j journey) {
		m, err := j.s.Service.As(j.s.Admin).LegalHolds.Create(j.Context(), "Matter", "")
		if err != nil {
			j.Fatal(err)
		}
		overdue, soon, stays := j.join("overdue", 1).id(), j.join("soon", 2).id(), j.join("stays", 3).id()
		j.pass(time.Second)
		for _, id := range []string{overdue, soon, stays} {
			if _, _, err := j.s.Service.As(j.s.Admin).LegalHolds.Place(j.Context(), m.ID, directory.UserID(id)); err != nil {
				j.Fatal(err)
			}
		}
		j.pass(time.Minute)
		j.active(overdue, false)
		j.pass(14 * time.Minute)
		j.active(soon, false)
		j.pass(10 * time.Minute)
		if _, err := j.s.Service.As(j.s.Admin).LegalHolds.Close(j.Context(), m.ID, func(directory.Matter) error { return nil }); err != nil {
			j.Fatal(err)
		}
		j.s.Follow(j.T)
		j.wantState("overdue", overdue, "deactivated")
		j.wantState("not due yet", soon, "pending")
		j.wantState("not leaving", stays, "signs in")
		j.pass(5*time.Minute - time.Millisecond)
		j.wantState("a moment before the original due time", soon, "pending")
		j.pass(time.Millisecond)
		j.wantState("at the original due time", soon, "deactivated")
		j.wantLog(overdue, logJoin, "api-key legal-hold.placed", logLeave+" deactivation-held", "system legal-hold.released deactivated")
		j.wantLog(soon, logJoin, "api-key legal-hold.placed", logLeave+" deactivation-held", "system legal-hold.released deactivation-scheduled",
			logEnd)
		_, _, err = j.s.Service.As(j.s.Admin).LegalHolds.Place(j.Context(), m.ID, directory.UserID(stays))
		if !directory.IsKind(err, directory.Conflict) {
			j.Errorf("on hold for a closed matter: %v", err)
		}
	})
}

func TestDelayChangesWhilePending(t *testing.T) {
	journeys(t, func(j journey) {
		set := func(d time.Duration, pending bool) {
			j.Helper()
			if _, err := j.s.Service.As(j.s.Admin).Deactivations.SetDelay(j.Context(), j.s.Provider.ID,
				func(directory.Provider) error { return nil }, d, pending); err != nil {
				j.Fatal(err)
			}
			j.s.Follow(j.T)
		}
		id := j.join("anna", 1).id()
		j.pass(time.Minute)
		j.active(id, false)
		j.pass(5 * time.Minute)
		set(time.Minute, false)
		j.pass(5 * time.Minute)
		j.wantState("for new requests only", id, "pending")
		set(time.Hour, true)
		j.pass(30 * time.Minute)
		j.wantState("lengthened", id, "pending")
		set(20*time.Minute, true) // it would have been due long ago
		j.wantState("shortened", id, "pending")
		j.pass(time.Minute - time.Millisecond)
		j.wantState("within a minute", id, "pending")
		j.pass(time.Millisecond)
		j.wantState("after a minute", id, "deactivated")
		j.wantLog(id, logJoin, logLeave, "system user.deactivation-rescheduled deactivation-scheduled",
			"system user.deactivation-rescheduled deactivation-scheduled", logEnd)
	})
}

func TestNoDelay(t *testing.T) {
	journeys(t, func(j journey) {
		if _, err := j.s.Service.As(j.s.Admin).Deactivations.SetDelay(j.Context(), j.s.Provider.ID,
			func(directory.Provider) error { return nil }, 0, false); err != nil {
			j.Fatal(err)
		}
		id := j.join("anna", 1).id()
		j.pass(time.Second)
		j.active(id, false)
		j.wantState("in the same request", id, "deactivated")
		a := j.c.send("POST", "/Users", user("disabled", object{"active": false}))
		a.wants(j.T, "created disabled", 201, "")
		j.wantState("created disabled", a.id(), "deactivated")
		j.wantLog(id, logJoin, "provider user.disabled deactivated")
		j.wantLog(a.id(), "provider user.created created deactivated")
		for _, e := range j.s.Entries(j.T) {
			has := slices.ContainsFunc(e.Changes, func(c directory.Change) bool {
				return c.Attr == "lifecycle" && c.Before == nil && string(c.After) == `"deactivated"`
			})
			if e.Action == directory.UserCreated && has != slices.Contains(e.Effects, directory.EffectDeactivated) {
				j.Errorf("an entry with the effects %v has a change of lifecycle: %v", e.Effects, has)
			}
		}
	})
}

func TestRehire(t *testing.T) {
	journeys(t, func(j journey) {
		first := j.join("anna", 1)
		id := first.id()
		j.pass(time.Minute)
		j.decide(id, directory.DecideBlock)
		j.pass(time.Minute)
		j.c.send("DELETE", "/Users/"+id, nil).wants(j.T, "delete", 204, "")
		j.c.send("GET", "/Users/"+id, nil).wants(j.T, "deleted", 404, "")
		j.wantState("deleted", id, "pending")
		j.pass(15 * time.Minute)
		j.wantState("deleted, later", id, "deactivated")
		j.pass(29 * 24 * time.Hour)
		again := j.join("anna", 1)
		if again.id() == id {
			j.Error("the SCIM id is used again")
		}
		j.c.send("GET", "/Users/"+id, nil).wants(j.T, "the old id", 404, "")
		j.c.send("GET", "/Users/"+again.id(), nil).wants(j.T, "the new id", 200, "")
		u := j.user(id)
		if string(u.ScimID) != again.id() || u.Lifecycle != "" || u.AdminBlock == nil {
			j.Errorf("restored: %+v", u)
		}
		j.wantLog(id, logJoin, "api-key user.blocked blocked", "provider user.deleted removed deactivation-scheduled", logEnd,
			"provider user.restored reactivated")

		j.c.send("DELETE", "/Users/"+again.id(), nil).wants(j.T, "delete", 204, "")
		j.pass(time.Hour)
		other := j.join("anna", 2)
		if string(j.user(other.id()).ID) != other.id() {
			j.Error("another person has the account")
		}
		j.wantState("the account of before", id, "deactivated")
		j.pass(31 * 24 * time.Hour)
		late := j.c.send("POST", "/Users", user("late", object{"externalId": objectID + "1"}))
		late.wants(j.T, "after the restore window", 201, "")
		if string(j.user(late.id()).ID) != late.id() {
			j.Error("restored after the window")
		}
	})
}

func TestProviderPausedAndDeletedWhilePending(t *testing.T) {
	journeys(t, func(j journey) {
		any := func(directory.Provider) error { return nil }
		leaver, later, stays := j.join("leaver", 1).id(), j.join("later", 2).id(), j.join("stays", 3).id()
		j.pass(time.Minute)
		j.active(leaver, false)
		j.pass(10 * time.Minute)
		j.active(later, false)
		if _, err := j.s.Service.As(j.s.Admin).Providers.SetState(j.Context(), j.s.Provider.ID, any, directory.ProviderPaused); err != nil {
			j.Fatal(err)
		}
		j.pass(5 * time.Minute)
		j.wantState("paused", leaver, "deactivated")
		if _, err := j.s.Service.As(j.s.Admin).Providers.Delete(j.Context(), j.s.Provider.ID, any,
			directory.ProviderDeletion{Users: directory.FateDeactivate}); err != nil {
			j.Fatal(err)
		}
		j.s.Follow(j.T)
		if u := j.user(later); u.Provider != "" || u.Pending == nil {
			j.Errorf("a leaver of a deleted provider: %+v", u)
		}
		j.pass(10 * time.Minute)
		j.wantState("continues", later, "deactivated")
		j.wantState("with the provider", stays, "pending")
		j.pass(5 * time.Minute)
		j.wantState("with the provider, after the delay", stays, "deactivated")
	})
}

func TestGuardIsApproved(t *testing.T) {
	leavers := proof.Size(500, 5_000)
	journeys(t, func(j journey) { manyLeave(j, leavers, directory.GuardApproval) })
}

func TestGuardIsRejected(t *testing.T) {
	leavers := proof.Size(450, 500)
	journeys(t, func(j journey) { manyLeave(j, leavers, directory.GuardDisapproval) })
}

// manyLeave trips the guard of a live provider with this number of leavers and decides on its event.
func manyLeave(j journey, leavers int, decision directory.GuardDecision) {
	any := func(directory.Provider) error { return nil }
	if _, err := j.s.Service.As(j.s.Admin).Providers.SetState(j.Context(), j.s.Provider.ID, any, directory.ProviderLive); err != nil {
		j.Fatal(err)
	}
	if !j.fast {
		leavers = 30
	}
	ids := make([]string, leavers+10)
	for i := range ids {
		ids[i] = j.c.send("POST", "/Users", user(fmt.Sprint("u", i), object{
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": object{"department": []string{"Finance", "Legal"}[min(1, i/(leavers+5))]},
		})).id()
	}
	j.pass(25 * time.Hour) // on the first day the guard only warns
	for i, id := range ids[:leavers] {
		if j.active(id, false); i%1000 == leavers/10 {
			j.s.Follow(j.T)
		}
	}
	j.c.send("DELETE", "/Users/"+ids[leavers], nil).wants(j.T, "delete", 204, "")
	j.pass(24 * time.Hour)
	for _, id := range ids[:leavers+1] {
		j.wantState("blocked, not deactivated", id, "pending")
		if !j.user(id).Pending.Frozen {
			j.Errorf("not frozen: %+v", j.user(id))
		}
	}
	if err := stackSweep(j); err != nil {
		j.Fatal(err)
	}
	events, err := j.s.Service.As(j.s.Admin).Guards.Events(j.Context(), j.s.Provider.ID, "", 10)
	if err != nil || len(events) != 1 || events[0].State != directory.GuardOpen || events[0].Count <= events[0].Limit {
		j.Fatalf("events %+v, %v", events, err)
	}
	review, err := j.s.Service.As(j.s.Admin).Guards.Review(j.Context(), j.s.Provider.ID, events[0].ID)
	if err != nil || review.Held != leavers+1 || len(review.Shared) == 0 || review.Shared[0].Value != "Finance" ||
		review.Shared[0].Count != leavers+1 {
		text, _ := json.Marshal(review)
		j.Errorf("the review: %s %v", text, err)
	}
	if _, err := j.s.Service.As(j.s.Admin).Guards.Decide(j.Context(), j.s.Provider.ID, events[0].ID,
		func(directory.GuardEvent) error { return nil }, decision); err != nil {
		j.Fatal(err)
	}
	j.s.Follow(j.T)
	j.endOfGuard(ids, leavers, decision)
}

// endOfGuard checks the users whom an event held, after the decision.
func (j journey) endOfGuard(ids []string, leavers int, d directory.GuardDecision) {
	j.Helper()
	if d == directory.GuardDisapproval {
		for _, id := range ids[:leavers+1] {
			j.wantState("rejected", id, "signs in")
		}
		j.c.send("GET", "/Users/"+ids[leavers], nil).wants(j.T, "put back", 200, "")
		return
	}
	j.pass(time.Minute - time.Millisecond)
	j.wantState("approved, within a minute", ids[0], "pending")
	j.pass(time.Millisecond)
	for _, id := range ids[:leavers+1] {
		j.wantState("approved", id, "deactivated")
	}
	j.wantState("a user who did not leave", ids[leavers+5], "signs in")
}
