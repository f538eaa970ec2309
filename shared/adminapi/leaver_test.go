package adminapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"

	"github.com/google/go-cmp/cmp"
)

// leavers holds the ids of a user waiting for deactivation, a deactivated one, one on hold, and an open guard event.
type leavers struct{ leaver, deactivated, matter, custodian, event string }

// fill puts ids into the body of a request.
func (w world) fill(body string) string {
	return strings.NewReplacer("PROVIDER", w.provider, "default0a1b2", w.provider, "kim@agency.example", "local."+canary+"@agency.example",
		"CANARY", canary, "LEAVER", w.leaver, "LOCAL", w.local, "g0000000000000000000000000", w.spareGroup,
		"m0000000000000000000000000", w.orgMapping, "m1111111111111111111111111", w.secondMapping).Replace(body)
}

// addLeavers adds the leavers.
func (f *fixture) addLeavers(w *world) {
	f.t.Helper()
	caller := provisioning.Caller{Provider: directory.ProviderID(w.provider), Token: w.scimToken, RequestID: "scim"}
	ctx := context.Background()
	ids := map[string]directory.User{}
	for _, name := range []string{"leaver", "deactivated", "custodian"} {
		u, err := w.create(name + "." + canary + "@agency.example")
		if err != nil {
			f.t.Fatal(err)
		}
		ids[name] = u
	}
	w.leaver, w.deactivated, w.custodian = string(ids["leaver"].ID), string(ids["deactivated"].ID), string(ids["custodian"].ID)
	f.disable(caller, ids["leaver"].ScimID)
	f.want(200, "POST", "/users/"+w.deactivated+":deactivate", `{"reason":"test"}`)
	w.matter = f.want(201, "POST", "/legal-holds", `{"name":"Matter"}`).str("id")
	f.want(200, "POST", "/legal-holds/"+w.matter+"/custodians", `{"users":["`+w.custodian+`"]}`)
	w.event = "v" + random.ID()
	_, err := f.svc.Guards.UpdateGuard(ctx, f.tenant, caller.Provider, directory.GuardEventID(w.event),
		func(p directory.Provider, _ directory.GuardEvent) (directory.Provider, directory.GuardEvent, *directory.LogEntry, error) {
			p.Guard.Event, p.Guard.From = directory.GuardEventID(w.event), f.clock()
			v := directory.GuardEvent{ID: directory.GuardEventID(w.event), Provider: p.ID, Kind: directory.GuardLeavers, State: directory.GuardOpen,
				At: f.clock(), Since: f.clock(), Count: 26, Limit: 25, Users: 4, Version: 1}
			e := directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: f.clock(), Action: directory.GuardTripped,
				Actor: directory.Actor{Kind: directory.ActorSystem}, Target: string(p.ID), Audit: true}
			return p, v, &e, nil
		})
	if err != nil {
		f.t.Fatal(err)
	}
}

// disable lets the directory disable a user.
func (f *fixture) disable(caller provisioning.Caller, id directory.ScimID) {
	f.t.Helper()
	f.advance(time.Millisecond)
	_, _, err := f.svc.UpdateUser(context.Background(), caller, id, directory.UserWant{}, nil,
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			p := old.Profile
			p.Active = false
			return p, nil, nil
		})
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestDecisionsAboutUsers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	do := func(status int, user, verb, more string) reply {
		t.Helper()
		return f.want(status, "POST", "/users/"+user+":"+verb, `{"reason":"why"`+more+`}`)
	}
	got := do(200, w.local, "block", "")
	blocked := got.header.Get("ETag")
	if got.str("maySignIn") != "false" || got.str("adminBlock.reason") != "why" || blocked == "" {
		t.Errorf("blocked: %s", got.raw)
	}
	if again := do(200, w.local, "block", ""); again.header.Get("ETag") != blocked {
		t.Errorf("blocked again: %s", again.raw)
	}
	if got = do(200, w.local, "unblock", ""); got.str("maySignIn") != "true" || got.str("adminBlock") != "" {
		t.Errorf("unblocked: %s", got.raw)
	}
	if got = do(200, w.local, "deactivate", `,"block":true`); got.str("lifecycle") != "deactivated" ||
		got.str("adminBlock.reason") != "why" || got.str("deactivatedAt") == "" {
		t.Errorf("deactivated: %s", got.raw)
	}
	if got = do(200, w.local, "reactivate", `,"unblock":false`); got.str("lifecycle") != "active" || got.str("maySignIn") != "false" {
		t.Errorf("reactivated: %s", got.raw)
	}
	do(409, w.local, "reactivate", "")
	do(409, w.local, "cancel-deactivation", "")
	do(409, w.local, "convert-to-local", "")
	do(409, w.custodian, "deactivate", "")
	if got = do(200, w.leaver, "cancel-deactivation", ""); got.str("pending") != "" || got.str("maySignIn") != "false" {
		t.Errorf("cancelled: %s", got.raw)
	}
	if got = do(200, w.leaver, "unblock", ""); got.str("override") != "true" {
		t.Errorf("active by override: %s", got.raw)
	}
	if got = do(200, w.deactivated, "reactivate", ""); got.str("maySignIn") != "true" {
		t.Errorf("reactivated: %s", got.raw)
	}
	if got = do(200, w.deactivated, "convert-to-local", ""); got.str("origin") != "local" || got.str("scimId") != "" {
		t.Errorf("converted: %s", got.raw)
	}
	f.want(412, "POST", "/users/"+w.local+":block", `{"reason":"why"}`, "If-Match", `W/"1"`)
	f.want(400, "POST", "/users/"+w.local+":block", `{}`)
	timeline := f.want(200, "GET", "/users/"+w.leaver+"/timeline", "")
	var actions []string
	for i := range timeline.items() {
		actions = append(actions, timeline.str(fmt.Sprint("items.", i, ".action"))+" "+timeline.str(fmt.Sprint("items.", i, ".effects")))
	}
	want := []string{"user.unblocked [unblocked]", "user.deactivation-cancelled [deactivation-cancelled]",
		"user.disabled [blocked deactivation-scheduled]", "user.created [created]"}
	if !slices.Equal(actions, want) {
		t.Errorf("timeline %q, want %q", actions, want)
	}
}

func TestPendingDeactivations(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	got := f.want(200, "GET", "/pending-deactivations?gate=timer&provider="+w.provider, "")
	if len(got.items()) != 1 || got.str("items.0.id") != w.leaver || got.str("items.0.pending.gates") != "[timer]" ||
		got.str("items.0.pending.cause") != "scim-disable" {
		t.Errorf("pending: %s", got.raw)
	}
	for _, query := range []string{"gate=guard", "gate=hold", "provider=" + w.provider[:7] + "zzzzz"} {
		if got := f.want(200, "GET", "/pending-deactivations?"+query, ""); len(got.items()) != 0 {
			t.Errorf("%s: %s", query, got.raw)
		}
	}
	f.want(400, "GET", "/pending-deactivations?gate=moon", "")
	body := fmt.Sprintf(`{"users":[%q,%q,"unknown"],"reason":"mistake","keepBlocked":true}`, w.leaver, w.local)
	for _, dry := range []string{"?dryRun=true", ""} {
		got = f.want(200, "POST", "/pending-deactivations:cancel"+dry, body)
		if results := got.str("items.0.result") + got.str("items.1.result") + got.str("items.2.result"); results != "donerefusednot-found" {
			t.Errorf("cancel%s: %s", dry, got.raw)
		}
	}
	if got := f.want(200, "GET", "/users/"+w.leaver, ""); got.str("adminBlock.reason") != "mistake" || got.str("pending") != "" {
		t.Errorf("cancelled: %s", got.raw)
	}
	f.want(400, "POST", "/pending-deactivations:cancel", `{"users":[],"reason":"x"}`)
	f.want(400, "POST", "/pending-deactivations:cancel", `{"users":["`+strings.Repeat("u", 40)+`"],"reason":"x"}`)
}

// Deleting a provider lets pending deactivations go on, or cancels them if asked.
func TestDeletedProvidersCancelDeactivations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query, deletion string
		pending         bool
	}{
		{"", "", true}, {"?cancelPending=false", "", true}, {"?cancelPending=true", "true", false},
		{"?users=local&cancelPending=true", "true", false},
	} {
		f := newFixture(t)
		w := f.populateAll()
		f.want(400, "DELETE", "/providers/"+w.provider+"?cancelPending=yes", "")
		f.want(400, "DELETE", "/providers/"+w.provider+"?users=deactivate&cancelPending=true", "")
		if got := f.want(202, "DELETE", "/providers/"+w.provider+c.query, ""); got.str("deletion.cancelPending") != c.deletion {
			t.Errorf("%q: %s", c.query, got.raw)
		}
		f.deliver()
		if got := f.want(200, "GET", "/users/"+w.leaver, ""); (got.str("pending.dueAt") != "") != c.pending || got.str("origin") != "local" {
			t.Errorf("%q: %s", c.query, got.raw)
		}
	}
}

func TestLegalHolds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	base := "/legal-holds/" + w.matter
	got := f.want(200, "POST", base+"/custodians", fmt.Sprintf(`{"users":[%q,%q,"unknown"]}`, w.leaver, w.deactivated))
	if got.str("items.0.result")+got.str("items.1.result")+got.str("items.2.result") != "donerefusednot-found" ||
		got.str("items.1.detail") != "Reactivate the user before adding them to a legal hold" {
		t.Errorf("placed: %s", got.raw)
	}
	if got = f.want(200, "GET", base+"/custodians?limit=1", ""); len(got.items()) != 1 || got.str("nextCursor") == "" {
		t.Errorf("custodians: %s", got.raw)
	}
	if got = f.want(200, "GET", base+"/custodians?limit=1&cursor="+got.str("nextCursor"), ""); len(got.items()) != 1 ||
		got.str("nextCursor") != "" {
		t.Errorf("custodians: %s", got.raw)
	}
	f.advance(time.Hour)
	if n, err := f.svc.DeactivateDue(context.Background(), directory.JobWakeup); n != 0 || err != nil {
		t.Errorf("deactivated %d on hold, %v", n, err)
	}
	got = f.want(200, "POST", base+":close?dryRun=true", `{"reason":"settled"}`)
	if got.str("plan.counts.deactivated") != "1" || got.str("plan.counts.stays") != "1" {
		t.Errorf("plan: %s", got.raw)
	}
	if got = f.want(200, "POST", base+"/custodians/"+w.leaver+":release?dryRun=true", `{"reason":"x"}`); got.str("outcome") != "deactivated" {
		t.Errorf("plan of one: %s", got.raw)
	}
	if got = f.want(200, "GET", "/users/"+w.leaver, ""); got.str("lifecycle") != "active" || got.str("holds") != "["+w.matter+"]" ||
		got.str("pending.gates") != "[hold]" {
		t.Errorf("after dry runs: %s", got.raw)
	}
	if got = f.want(200, "POST", base+"/custodians/"+w.leaver+":release", `{"reason":"x"}`); got.str("outcome") != "deactivated" ||
		got.str("releasedAt") == "" {
		t.Errorf("released: %s", got.raw)
	}
	f.want(409, "POST", base+"/custodians/"+w.leaver+":release", `{"reason":"x"}`)
	if got = f.want(200, "GET", "/users/"+w.leaver, ""); got.str("lifecycle") != "deactivated" {
		t.Errorf("after the release: %s", got.raw)
	}
	f.want(202, "POST", base+":close", `{"reason":"settled"}`)
	f.want(409, "POST", base+":close", `{"reason":"settled"}`)
	f.want(200, "POST", base+"/custodians", fmt.Sprintf(`{"users":[%q]}`, w.local))
	f.want(404, "GET", "/legal-holds/unknown", "")
	f.want(403, "POST", "/legal-holds", `{"name":"x"}`, "Authorization", "Bearer "+f.key)
}

// The plan of one release has the members that it has in the plan of closing the matter, whatever the outcome, and the
// release answers with what was planned.
func TestPlansOfReleasesAgree(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	f.want(200, "PUT", "/providers/"+w.provider+"/deactivation-delay", `{"deactivationDelaySeconds":3600}`)
	f.deliver()
	base := "/legal-holds/" + w.matter
	second := f.want(201, "POST", "/legal-holds", `{"name":"Second"}`).str("id")
	f.want(200, "POST", base+"/custodians", fmt.Sprintf(`{"users":[%q,%q,%q]}`, w.leaver, w.local, w.provisioned))
	f.want(200, "POST", "/legal-holds/"+second+"/custodians", fmt.Sprintf(`{"users":[%q]}`, w.local))
	f.disable(provisioning.Caller{Provider: directory.ProviderID(w.provider), Token: w.scimToken, RequestID: "scim"},
		directory.ScimID(f.want(200, "GET", "/users/"+w.provisioned, "").str("scimId")))
	v, err := f.svc.Users.UserByID(t.Context(), f.tenant, directory.UserID(w.provisioned))
	if err == nil {
		_, err = f.svc.Users.UpdateUser(t.Context(), f.tenant, v.User, func(u directory.User) (directory.User, *directory.LogEntry, error) {
			n := u.HeldByGuard()
			n.Version++
			return n, &directory.LogEntry{ID: "e1", At: f.clock(), Action: directory.UserHeldByGuard, User: n.ID, Version: n.Version}, nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]bool{}
	check := func(last bool) {
		t.Helper()
		plan := f.want(200, "POST", base+":close?dryRun=true", `{"reason":"settled"}`).body["plan"]
		for _, item := range asMap(plan)["items"].([]any) {
			want := asMap(item)
			path := base + "/custodians/" + want["user"].(string) + ":release"
			one := f.want(200, "POST", path+"?dryRun=true", `{"reason":"settled"}`)
			delete(one.body, "dryRun")
			answers := []map[string]any{want, one.body}
			if last {
				answers = append(answers, f.want(200, "POST", path, `{"reason":"settled"}`).body)
			}
			for _, a := range answers {
				if a["releasedAt"] == nil {
					t.Errorf("no time of the release: %v", a)
				}
				delete(a, "releasedAt") // the clock moves with each request
			}
			for _, a := range answers[1:] {
				if diff := cmp.Diff(want, a); diff != "" {
					t.Errorf("%v: (-closing +releasing)\n%s", want["outcome"], diff)
				}
			}
			outcomes[one.str("outcome")] = true
			if has := one.str("dueAt") != ""; has == slices.Contains([]string{"stays", "held"}, one.str("outcome")) {
				t.Errorf("due: %s", one.raw)
			}
		}
	}
	check(false)
	f.advance(2 * time.Hour)
	check(true)
	if len(outcomes) != 5 {
		t.Errorf("only the outcomes %v", outcomes)
	}
}

func TestDeactivationDelayAndGuard(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	base := "/providers/" + w.provider
	got := f.want(200, "GET", base+"/deactivation-delay", "")
	if got.str("deactivationDelaySeconds") != "900" || got.str("pendingCount") != "1" {
		t.Errorf("delay: %s", got.raw)
	}
	got = f.want(200, "PUT", base+"/deactivation-delay", `{"deactivationDelaySeconds":0,"applyToPending":true}`, "If-Match",
		got.header.Get("ETag"))
	if got.str("deactivationDelaySeconds") != "0" {
		t.Errorf("delay: %s", got.raw)
	}
	f.want(400, "PUT", base+"/deactivation-delay", `{"deactivationDelaySeconds":-1}`)
	f.deliver()
	got = f.want(200, "GET", base+"/guard", "")
	if got.str("limit") != "25" || got.str("moveLimit") != "100" || got.str("windowSeconds") != "3600" || got.str("userCount") != "3" ||
		got.str("openEvent") != w.event {
		t.Errorf("guard: %s", got.raw)
	}
	if got = f.want(200, "PUT", base+"/guard", `{"minimum":2,"percent":100,"moveMinimum":1,"mode":"stage"}`); got.str("limit") != "3" ||
		got.str("moveLimit") != "1" || got.str("mode") != "stage" || got.str("windowSeconds") != "3600" {
		t.Errorf("guard: %s", got.raw)
	}
	f.want(400, "PUT", base+"/guard", `{"percent":101}`)
	f.want(400, "PUT", base+"/guard", `{"mode":"off"}`)
	got = f.want(200, "GET", base+"/guard-events", "")
	if len(got.items()) != 1 || got.str("items.0.id") != w.event {
		t.Errorf("events: %s", got.raw)
	}
	if got = f.want(200, "GET", base+"/guard-events/"+w.event, ""); got.str("held") != "0" || got.str("state") != "open" {
		t.Errorf("event: %s", got.raw)
	}
	f.want(412, "POST", base+"/guard-events/"+w.event+":reject", `{"reason":"x"}`, "If-Match", `W/"9"`)
	if got = f.want(202, "POST", base+"/guard-events/"+w.event+":reject", `{"reason":"x"}`); got.str("state") != "rejected" {
		t.Errorf("rejected: %s", got.raw)
	}
	f.want(409, "POST", base+"/guard-events/"+w.event+":approve", `{"reason":"x"}`)
	f.want(404, "GET", base+"/guard-events/unknown", "")
}
