package directorytest_test

import (
	"fmt"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// follow follows every entry of the tenant and its providers, as in the background; twice, as may happen there.
func (o *office) follow(ps ...directory.ProviderID) {
	o.Helper()
	for range 2 {
		for _, p := range append(ps, "") {
			for _, e := range o.log(directory.LogQuery{Provider: p}) {
				o.must(o.s.FollowEntry(o.ctx, o.admin.Tenant, e))
			}
		}
	}
}

func (o *office) deleteProvider(id directory.ProviderID, d directory.ProviderDeletion) (directory.Provider, error) {
	return o.s.As(o.admin).Providers.Delete(o.ctx, id, anyProvider, d)
}

func TestDeleteProviderMakesItsUsersLocal(t *testing.T) {
	o := newOffice(t)
	boss := o.user(o.caller, "boss")
	u := o.user(o.caller, "anna")
	_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Manager = string(boss.ScimID) })
	o.must(err)
	removed := o.user(o.caller, "removed")
	o.must(o.remove(o.caller, removed.ScimID))
	inner := o.group(o.caller, "inner", u.ScimID)
	o.group(o.caller, "outer", directory.ScimID(inner.ID), boss.ScimID)

	at := o.later(time.Minute)
	p, err := o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: directory.FateLocal})
	o.must(err)
	if p.State != directory.ProviderDeleting || p.Deletion.RequestedBy != "kadmin" || !p.Deletion.RequestedAt.Equal(at) {
		t.Errorf("got %+v", p)
	}
	e := o.log(directory.LogQuery{})[0]
	if e.Action != directory.ProviderDeleted || e.Remaining != directory.RemainingProvider || e.Target != string(o.p.ID) || !e.Audit {
		t.Errorf("entry %+v", e)
	}
	if o.accepted(o.caller) {
		t.Error("the provider still answers")
	}
	_, err = o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: directory.FateLocal})
	o.refused("again", err, directory.Conflict, "", "being deleted")
	_, err = o.s.As(o.admin).Providers.SetState(o.ctx, o.p.ID, anyProvider, directory.ProviderPaused)
	o.refused("pausing", err, directory.Conflict, "", "being deleted")
	_, _, _, err = o.s.As(o.admin).Tokens.Create(o.ctx, o.p.ID, anyProvider, 0, time.Time{})
	o.refused("a new token", err, directory.Conflict, "", "being deleted")

	o.follow(o.p.ID)
	_, err = o.s.As(o.admin).Providers.ByID(o.ctx, o.p.ID)
	o.refused("afterwards", err, directory.NotFound, "", "")
	for _, old := range []directory.User{boss, u} {
		v, err := o.s.As(o.admin).Users.ByID(o.ctx, old.ID)
		o.must(err)
		if v.Provider != "" || v.ScimID != "" || v.Manager != nil || v.User.Manager != "" || len(v.Groups) != 0 || v.UserName != old.UserName ||
			!v.Active {
			t.Errorf("user %+v", v)
		}
		e := o.last(directory.LogQuery{User: old.ID})
		if e.Action != directory.UserConverted || e.Provider != o.p.ID || e.Version != v.Version || e.Actor.Kind != directory.ActorSystem ||
			e.Actor.RequestID != "radmin" {
			t.Errorf("entry %+v", e)
		}
	}
	v, err := o.s.As(o.admin).Users.ByID(o.ctx, removed.ID)
	o.must(err)
	if !v.Removed() || v.Version != 2 {
		t.Errorf("removed before: %+v", v.User)
	}
	if e := o.last(directory.LogQuery{Group: inner.ID}); e.Action != directory.GroupDeleted || e.Actor.Kind != directory.ActorSystem {
		t.Errorf("entry of a group: %+v", e)
	}
	o.provider("ENTRA") // the name is free
}

func TestDeleteProviderMovesItsUsers(t *testing.T) {
	o := newOffice(t)
	other, otherCaller := o.provider("Other")
	u := o.user(o.caller, "anna")
	o.group(o.caller, "g", u.ScimID)
	o.group(otherCaller, "g")
	for what, to := range map[string]directory.ProviderID{"nothing": "", "itself": o.p.ID, "an unknown one": "acme1zzzzz",
		"another tenant's": "acme2zzzzz"} {
		_, err := o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: directory.FateMove, MoveTo: to})
		o.refused("moving to "+what, err, directory.Invalid, "moveTo", "another provider")
	}
	_, err := o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: "forget"})
	o.refused("an unknown fate", err, directory.Invalid, "users", "local, deactivate or move")
	_, err = o.deleteProvider("acme1zzzzz", directory.ProviderDeletion{Users: directory.FateLocal})
	o.refused("an unknown provider", err, directory.NotFound, "", "")
	_, err = o.s.As(o.admin).Providers.Delete(o.ctx, o.p.ID, func(directory.Provider) error {
		return directory.Errorf(directory.VersionMismatch, "changed")
	}, directory.ProviderDeletion{Users: directory.FateLocal})
	o.refused("a precondition", err, directory.VersionMismatch, "", "changed")
	o.admin.DryRun = true
	_, err = o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: directory.FateMove, MoveTo: other.ID})
	o.must(err)
	o.admin.DryRun = false
	if !o.accepted(o.caller) {
		t.Error("a refused or dry deletion deleted")
	}

	_, err = o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: directory.FateMove, MoveTo: other.ID})
	o.must(err)
	o.follow(o.p.ID, other.ID)
	v, err := o.s.User(o.ctx, otherCaller, u.ScimID, directory.UserWant{Groups: true}, nil)
	o.must(err)
	if v.Provider != other.ID || v.Version != 2 || len(v.Groups) != 0 || v.ExternalID != "x-anna" {
		t.Errorf("moved: %+v", v)
	}
	page, err := o.s.ListGroups(o.ctx, otherCaller, directory.Page{Start: 1, Count: 10}, directory.GroupWant{}, nil)
	if err != nil || page.Total != 1 {
		t.Errorf("groups of the other provider: %d, %v", page.Total, err)
	}
}

// The provider to move to may be deleted before the move is done: then its users are local, not lost.
func TestDeleteTwoProvidersTogether(t *testing.T) {
	for _, followed := range []string{"first", "second"} {
		t.Run("the "+followed+" is emptied first", func(t *testing.T) {
			o := newOffice(t)
			other, _ := o.provider("Other")
			u := o.user(o.caller, "anna")
			o.later(time.Second)
			_, err := o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: directory.FateMove, MoveTo: other.ID})
			o.must(err)
			o.later(time.Second)
			_, err = o.deleteProvider(other.ID, directory.ProviderDeletion{Users: directory.FateLocal})
			o.must(err)
			es := o.log(directory.LogQuery{})
			if followed == "first" {
				es[0], es[1] = es[1], es[0]
			}
			for _, e := range es[:2] {
				o.must(o.s.FollowEntry(o.ctx, o.admin.Tenant, e))
			}
			v, err := o.s.As(o.admin).Users.ByID(o.ctx, u.ID)
			o.must(err)
			if v.Provider != "" || v.ScimID != "" {
				t.Errorf("got a user of %q, want a local one", v.Provider)
			}
			if ps, err := o.s.Providers.ListProviders(o.ctx, o.admin.Tenant); err != nil || len(ps) != 0 {
				t.Errorf("%d providers left, %v", len(ps), err)
			}
		})
	}
}

// Pending deactivations go on when a provider is deleted, unless they are cancelled: also those of people whom the
// directory removed, held by the guard or not. Who lost the userName to somebody else stays a leaver.
func TestDeleteProviderCancelsPendingDeactivations(t *testing.T) {
	for _, fate := range []directory.UserFate{directory.FateLocal, directory.FateMove} {
		for _, cancel := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, cancel %v", fate, cancel), func(t *testing.T) {
				o := newOffice(t)
				_, err := o.s.As(o.admin).Deactivations.SetDelay(o.ctx, o.p.ID, anyProvider, time.Hour, false)
				o.must(err)
				other, otherCaller := o.provider("Other")
				d := directory.ProviderDeletion{Users: fate, CancelPending: cancel}
				if fate == directory.FateMove {
					d.MoveTo = other.ID
				}
				disabled, frozen := o.user(o.caller, "disabled"), o.user(o.caller, "frozen")
				removed, replaced := o.user(o.caller, "removed"), o.user(o.caller, "replaced")
				stays := o.user(o.caller, "stays")
				for _, u := range []directory.User{disabled, frozen} {
					_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = false })
					o.must(err)
				}
				v, err := o.s.As(o.admin).Users.ByID(o.ctx, frozen.ID)
				o.must(err)
				_, err = o.s.Users.UpdateUser(o.ctx, o.admin.Tenant, v.User, func(u directory.User) (directory.User, *directory.LogEntry, error) {
					e := directory.LogEntry{ID: "eguard", At: o.now, Action: directory.UserHeldByGuard, User: u.ID, Provider: u.Provider}
					return directory.FinishChange(u, u.HeldByGuard(), e)
				})
				o.must(err)
				o.must(o.remove(o.caller, removed.ScimID))
				o.must(o.remove(o.caller, replaced.ScimID))
				o.user(otherCaller, "replaced")
				o.later(time.Second)
				_, err = o.deleteProvider(o.p.ID, d)
				o.must(err)
				o.follow(o.p.ID, other.ID)
				for _, u := range []directory.User{disabled, frozen, removed, replaced, stays} {
					v, err := o.s.As(o.admin).Users.ByID(o.ctx, u.ID)
					o.must(err)
					pending := u.ID != stays.ID && (!cancel || u.ID == replaced.ID)
					if (v.Pending != nil) != pending {
						t.Errorf("%s is pending: %v", u.UserName, v.Pending != nil)
					}
					if !pending && !v.MaySignIn() {
						t.Errorf("%s may not sign in: %+v", u.UserName, v.User)
					}
					if u.ID == removed.ID && cancel && (v.Removed() || v.Provider != "" || o.last(directory.LogQuery{User: u.ID}).Version != v.Version) {
						t.Errorf("removed, and kept: %+v", v.User)
					}
				}
			})
		}
	}
	o := newOffice(t)
	_, err := o.deleteProvider(o.p.ID, directory.ProviderDeletion{Users: directory.FateDeactivate, CancelPending: true})
	o.refused("a contradiction", err, directory.Invalid, "cancelPending", "users=deactivate")
}

func TestFollowCounts(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "anna")
	o.user(o.caller, "bob")
	_, _, err := o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = false })
	o.must(err)
	o.follow(o.p.ID)
	got, err := o.s.Counts.Counts(o.ctx, o.admin.Tenant, o.p.ID, o.now.Add(-time.Hour))
	o.must(err)
	o.equal("counts", got, map[directory.Action]int{directory.UserCreated: 2, directory.UserDisabled: 1})
}
