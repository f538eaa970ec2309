package directorytest_test

import (
	"fmt"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func (o *office) decide(id directory.UserID, d directory.Decision) (directory.User, error) {
	return o.s.As(o.admin).Users.Decide(o.ctx, id, func(directory.User) error { return nil }, d)
}

const guid = "8F4B5C1E-0000-4000-8000-00000000000a"

// A user who is created again is restored only under an object id, and only within the window.
func TestRestoredUsers(t *testing.T) {
	for name, c := range map[string]struct {
		id    string
		after time.Duration
		want  bool
	}{
		"an object id":          {guid, time.Hour, true},
		"at the last moment":    {guid, directory.RestoreWindow, true},
		"after the window":      {guid, directory.RestoreWindow + time.Millisecond, false},
		"a number":              {"4711", time.Hour, false},
		"a name":                {"anna.lang@contoso.example.org.example", time.Hour, false},
		"no id":                 {"", time.Hour, false},
		"nearly an object id":   {"8F4B5C1E-0000-4000-8000-00000000000g", time.Hour, false},
		"dashes somewhere else": {"8F4B5C1E0-000-4000-8000-00000000000a", time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			profile := directory.Profile{UserName: "anna", ExternalID: c.id, Active: true}
			u, err := o.tryUser(o.caller, profile)
			o.must(err)
			o.must(o.remove(o.caller, u.ScimID))
			o.later(c.after)
			again, err := o.tryUser(o.caller, profile)
			o.must(err)
			if (again.ID == u.ID) != c.want {
				t.Errorf("restored is %v, want %v", again.ID == u.ID, c.want)
			}
			if again.ScimID == u.ScimID {
				t.Error("the SCIM id was used again")
			}
		})
	}
}

func TestPurge(t *testing.T) {
	o := newOffice(t)
	kept, removed, held, local := o.user(o.caller, "kept"), o.user(o.caller, "removed"), o.user(o.caller, "held"), o.local("local")
	m, err := o.s.As(o.admin).LegalHolds.Create(o.ctx, "M", "")
	o.must(err)
	_, _, err = o.s.As(o.admin).LegalHolds.Place(o.ctx, m.ID, held.ID)
	o.must(err)
	o.must(o.remove(o.caller, held.ScimID))
	for _, u := range []directory.User{kept, removed, local} {
		_, err := o.decide(u.ID, directory.DecideDeactivate)
		o.must(err)
	}
	o.must(o.remove(o.caller, removed.ScimID))
	purged := 0
	purge := func(what string, want int) {
		t.Helper()
		o.must(o.s.PurgeAll(o.ctx, never))
		us, _, err := o.s.As(o.admin).Users.Search(o.ctx, directory.UserSearch{Count: 100})
		o.must(err)
		was := purged
		purged = 0
		for _, u := range us {
			if u.Lifecycle == directory.LifecyclePurged {
				purged++
			}
		}
		o.equal(what, purged-was, want)
	}
	o.later(directory.DefaultRetention - time.Millisecond)
	purge("a millisecond before", 0)
	o.later(24*time.Hour - time.Millisecond)
	purge("within a day of the previous pass", 0)
	o.later(time.Millisecond)
	purge("the next day", 2)
	o.later(24 * time.Hour)
	purge("and the next", 0)
	for _, u := range []directory.User{removed, local} {
		v, err := o.s.As(o.admin).Users.ByID(o.ctx, u.ID)
		o.must(err)
		if v.Lifecycle != directory.LifecyclePurged || v.UserName != string(u.ID) || v.ExternalID != "" || v.Attributes != nil {
			t.Errorf("the stub of %s: %+v", u.UserName, v.User)
		}
		_, err = o.decide(u.ID, directory.DecideReactivate)
		o.refused("a purged user", err, directory.Conflict, "", "purged")
	}
	for _, u := range []directory.User{kept, held} {
		v, err := o.s.As(o.admin).Users.ByID(o.ctx, u.ID)
		o.must(err)
		if v.UserName != u.UserName {
			t.Errorf("%s was purged", u.UserName)
		}
	}
	if e := o.last(directory.LogQuery{User: removed.ID}); e.Action != directory.UserPurged || e.Name != string(removed.ID) {
		t.Errorf("entry %+v", e)
	}
}

// In setup, and on the first day, a guard only warns, once a window.
func TestGuardWarnsAtFirst(t *testing.T) {
	o := newOffice(t)
	_, err := o.s.As(o.admin).Guards.Set(o.ctx, o.p.ID, anyProvider, directory.GuardSettings{Minimum: 1, Percent: 1})
	o.must(err)
	leave := func(name string) {
		t.Helper()
		u := o.user(o.caller, name)
		o.later(time.Minute)
		_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = false })
		o.must(err)
		o.follow(o.p.ID)
	}
	events := func(want ...directory.GuardDecision) []directory.GuardEvent {
		t.Helper()
		vs, err := o.s.As(o.admin).Guards.Events(o.ctx, o.p.ID, "", 10)
		o.must(err)
		var got []directory.GuardDecision
		for _, v := range vs {
			got = append(got, v.State)
		}
		o.equal("events", got, want)
		return vs
	}
	leave("a")
	events()
	leave("b")
	events(directory.GuardWarning)
	leave("c")
	events(directory.GuardWarning)
	_, err = o.s.As(o.admin).Providers.SetState(o.ctx, o.p.ID, anyProvider, directory.ProviderLive)
	o.must(err)
	o.later(25 * time.Hour)
	leave("d")
	events(directory.GuardWarning)
	leave("e")
	vs := events(directory.GuardOpen, directory.GuardWarning)
	_, err = o.s.As(o.admin).Guards.Decide(o.ctx, o.p.ID, vs[1].ID, func(directory.GuardEvent) error { return nil }, directory.GuardApproval)
	o.refused("approving a warning", err, directory.Conflict, "", "only a warning")
}

func never() bool { return false }

// A pass that ends early is continued by the next process.
func TestPurgeContinuesWhereItEnded(t *testing.T) {
	o := newOffice(t)
	for i := range 450 {
		u := o.local(fmt.Sprint("u", i))
		_, err := o.decide(u.ID, directory.DecideDeactivate)
		o.must(err)
	}
	_, err := o.s.As(o.admin).Settings.Set(o.ctx, func(directory.Tenant) error { return nil },
		administration.SettingsChange{UserRetention: new(48 * time.Hour)})
	o.must(err)
	_, err = o.s.As(o.admin).Settings.Set(o.ctx, func(directory.Tenant) error { return nil },
		administration.SettingsChange{LogRetention: new(time.Hour)})
	o.refused("an hour", err, directory.Invalid, "logRetentionDays", "between")
	o.later(48 * time.Hour)
	var steps []int
	for _, enough := range []int{5, 4, 4, 4} { // before and after the operators' scope, before the tenant, and for a page of each
		asked := 0
		o.must(o.s.PurgeAll(o.ctx, func() bool { asked++; return asked > enough }))
		n := 0
		for _, e := range o.log(directory.LogQuery{Provider: ""}) {
			if e.Action == directory.UserPurged {
				n++
			}
		}
		steps = append(steps, n)
	}
	o.equal("purged after each step", steps, []int{200, 400, 450, 450})
}

// A tenant may keep its log for a shorter time than the deployment does.
func TestLogOfATenantIsDropped(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "anna")
	o.deliver()
	_, err := o.s.As(o.admin).Settings.Set(o.ctx, func(directory.Tenant) error { return nil },
		administration.SettingsChange{LogRetention: new(30 * 24 * time.Hour)})
	o.must(err)
	o.later(31 * 24 * time.Hour)
	_, _, err = o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.ExternalID = "y" })
	o.must(err)
	o.deliver()
	o.must(o.s.RetainAll(o.ctx, never))
	o.equal("entries left of the provider", len(o.log(directory.LogQuery{Provider: o.p.ID})), 1)
	for _, e := range o.log(directory.LogQuery{}) {
		if o.s.Now().Sub(e.At) > 30*24*time.Hour {
			t.Errorf("%s of %v is left", e.Action, e.At)
		}
	}
}

// An erased user leaves an id, and entries without names and values that can still be verified.
func TestErase(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "anna")
	o.deliver()
	erase := func(confirm string) (directory.User, error) {
		return o.s.As(o.admin).Users.Erase(o.ctx, u.ID, func(directory.User) error { return nil }, confirm)
	}
	_, err := erase("ANNA")
	o.refused("an active user", err, directory.Conflict, "", "not deactivated")
	_, err = o.decide(u.ID, directory.DecideDeactivate)
	o.must(err)
	_, err = erase("anna")
	o.refused("a user the directory knows", err, directory.Conflict, "", "still knows")
	o.must(o.remove(o.caller, u.ScimID))
	_, err = erase("bert")
	o.refused("a typing error", err, directory.Conflict, "confirm", "")
	_, err = erase("anna")
	o.must(err)
	_, err = erase("anna")
	o.refused("twice", err, directory.Conflict, "", "purged already")
	o.deliver()
	named := func() (n int) {
		for _, e := range o.log(directory.LogQuery{User: u.ID}) {
			if e.Name == "anna" || e.Actor.Reason != "" {
				n++
			}
		}
		return n
	}
	if named() == 0 {
		t.Error("erased before it is sealed")
	}
	o.later(29 * time.Minute)
	o.must(o.s.SealAll(o.ctx, never))
	_, err = o.s.RetryParked(o.ctx, 100)
	o.must(err)
	if named() == 0 {
		t.Error("erased too early")
	}
	o.later(time.Minute)
	_, err = o.s.RetryParked(o.ctx, 100)
	o.must(err)
	o.equal("entries with a name or a reason", named(), 0)
	for _, e := range o.log(directory.LogQuery{User: u.ID}) {
		if len(e.Erased) == 0 {
			t.Errorf("%s is not erased", e.Action)
		}
	}
	v, err := o.s.As(administration.Admin{Tenant: o.admin.Tenant}).Logs.Verify(o.ctx, administration.LogExport{})
	o.must(err)
	if v.Entries == 0 {
		t.Errorf("verified %+v", v)
	}
}
