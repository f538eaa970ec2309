package directory_test

import (
	"testing"
	"time"

	"rollcall/shared/directory"
)

func (o *office) decide(id directory.UserID, d directory.Decision) (directory.User, error) {
	return o.s.DecideUser(o.ctx, o.admin, id, func(directory.User) error { return nil }, d)
}

const guid = "8F4B5C1E-0000-4000-8000-00000000000a"

// Who is created again is the same person only under an id that names one for ever, and only for a while.
func TestWhoIsRestored(t *testing.T) {
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
			wish := directory.Profile{UserName: "anna", ExternalID: c.id, Active: true}
			u, err := o.tryUser(o.caller, wish)
			o.must(err)
			o.must(o.remove(o.caller, u.ScimID))
			o.later(c.after)
			again, err := o.tryUser(o.caller, wish)
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
	kept, gone, held, local := o.user(o.caller, "kept"), o.user(o.caller, "gone"), o.user(o.caller, "held"), o.local("local")
	m, err := o.s.CreateMatter(o.ctx, o.admin, "M", "")
	o.must(err)
	_, _, err = o.s.PlaceHold(o.ctx, o.admin, m.ID, held.ID)
	o.must(err)
	o.must(o.remove(o.caller, held.ScimID))
	for _, u := range []directory.User{kept, gone, local} {
		_, err := o.decide(u.ID, directory.DecideDeactivate)
		o.must(err)
	}
	o.must(o.remove(o.caller, gone.ScimID))
	purge := func(want int) {
		t.Helper()
		if n, err := o.s.Purge(o.ctx, o.admin, directory.DefaultRetention); n != want || err != nil {
			t.Errorf("purged %d, %v, want %d", n, err, want)
		}
	}
	o.later(directory.DefaultRetention - time.Millisecond)
	purge(0)
	o.later(time.Millisecond)
	purge(2)
	purge(0)
	for _, u := range []directory.User{gone, local} {
		v, err := o.s.UserByID(o.ctx, o.admin, u.ID)
		o.must(err)
		if v.Lifecycle != directory.LifecyclePurged || v.UserName != string(u.ID) || v.ExternalID != "" || v.Attributes != nil {
			t.Errorf("left of %s: %+v", u.UserName, v.User)
		}
		_, err = o.decide(u.ID, directory.DecideReactivate)
		o.refused("a purged user", err, directory.Conflict, "", "purged")
	}
	for _, u := range []directory.User{kept, held} {
		v, err := o.s.UserByID(o.ctx, o.admin, u.ID)
		o.must(err)
		if v.UserName != u.UserName {
			t.Errorf("%s was purged", u.UserName)
		}
	}
	if e := o.last(directory.LogQuery{User: gone.ID}); e.Action != directory.UserPurged || e.Name != string(gone.ID) {
		t.Errorf("entry %+v", e)
	}
}

// A guard in setup, and on the first day, only warns, once a window.
func TestGuardWarnsAtFirst(t *testing.T) {
	o := newOffice(t)
	_, err := o.s.SetGuard(o.ctx, o.admin, o.p.ID, anyProvider, directory.GuardSettings{Minimum: 1, Percent: 1})
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
		vs, err := o.s.GuardEvents(o.ctx, o.admin, o.p.ID, "", 10)
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
	_, err = o.s.SetProviderState(o.ctx, o.admin, o.p.ID, anyProvider, directory.ProviderLive)
	o.must(err)
	o.later(25 * time.Hour)
	leave("d")
	events(directory.GuardWarning)
	leave("e")
	vs := events(directory.GuardOpen, directory.GuardWarning)
	_, err = o.s.DecideGuard(o.ctx, o.admin, o.p.ID, vs[1].ID, func(directory.GuardEvent) error { return nil }, directory.GuardApproval)
	o.refused("approving a warning", err, directory.Conflict, "", "only a warning")
}
