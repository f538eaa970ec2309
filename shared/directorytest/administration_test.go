package directorytest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func TestAPIKeys(t *testing.T) {
	o := newOffice(t)
	at := o.later(time.Minute)
	k, token, err := o.s.As(o.admin).APIKeys.Create(o.ctx,
		administration.NewAPIKey{DisplayName: " Help ", Role: directory.RoleHelpDesk, ExpiresAt: at.Add(time.Hour)})
	o.must(err)
	got, err := o.s.AuthenticateAPIKey(o.ctx, token)
	o.must(err)
	o.equal("authenticated", got, k)
	if k.DisplayName != "Help" || k.Tenant != "acme1" || k.Version != 1 || k.LastFour != token[len(token)-4:] {
		t.Errorf("key %+v", k)
	}
	for what, bad := range map[string]string{
		"nothing": "", "a provider's token": o.caller.Token, "a letter less": token[:len(token)-1],
		"another secret": withSum("rk_acme1_" + o.s.Runtime.Secret()), "another tenant": withSum("rk_acme2" + token[8:len(token)-6]),
		"no tenant": withSum("rk__" + token[9:len(token)-6]),
	} {
		_, err := o.s.AuthenticateAPIKey(o.ctx, bad)
		o.refused(what, err, directory.Unauthenticated, "", "a valid API key is required")
	}
	self := o.admin
	self.Actor.ID = string(k.ID)
	anyKey := func(directory.APIKey) error { return nil }
	_, err = o.s.As(self).APIKeys.Revoke(o.ctx, k.ID, anyKey)
	o.refused("revoking itself", err, directory.Conflict, "", "cannot revoke itself")
	dry := o.admin
	dry.DryRun = true
	_, err = o.s.As(dry).APIKeys.Revoke(o.ctx, k.ID, anyKey)
	o.must(err)
	_, err = o.s.AuthenticateAPIKey(o.ctx, token)
	o.must(err)
	k, err = o.s.As(o.admin).APIKeys.Revoke(o.ctx, k.ID, anyKey)
	o.must(err)
	_, err = o.s.AuthenticateAPIKey(o.ctx, token)
	o.refused("revoked", err, directory.Unauthenticated, "", "")
	again, err := o.s.As(o.admin).APIKeys.Revoke(o.ctx, k.ID, anyKey)
	o.must(err)
	o.equal("revoking again", again, k)
	_, err = o.s.As(o.admin).APIKeys.Revoke(o.ctx, "kunknown", anyKey)
	o.refused("an unknown one", err, directory.NotFound, "", "")

	_, short, err := o.s.As(o.admin).APIKeys.Create(o.ctx,
		administration.NewAPIKey{DisplayName: "Short", Role: directory.RoleViewer, ExpiresAt: at.Add(time.Minute)})
	o.must(err)
	o.later(time.Minute)
	_, err = o.s.AuthenticateAPIKey(o.ctx, short)
	o.refused("expired", err, directory.Unauthenticated, "", "")
	for attr, n := range map[string]administration.NewAPIKey{
		"displayName": {Role: directory.RoleViewer}, "role": {DisplayName: "n", Role: "root"},
		"expiresAt": {DisplayName: "n", Role: directory.RoleViewer, ExpiresAt: o.s.Now()},
	} {
		_, token, err := o.s.As(o.admin).APIKeys.Create(o.ctx, n)
		o.refused("creating", err, directory.Invalid, attr, "")
		if token != "" {
			t.Error("a refused key was returned")
		}
	}
	all, err := o.s.As(o.admin).APIKeys.List(o.ctx)
	if err != nil || len(all) != 2 {
		t.Errorf("%d keys, %v", len(all), err)
	}
}

func TestLocalUsers(t *testing.T) {
	o := newOffice(t)
	managed := o.user(o.caller, "managed")
	u, err := o.s.As(o.admin).Users.CreateLocal(o.ctx, administration.LocalProfile{UserName: "Local", WorkEmails: []string{"L@Example.com"}},
		nil)
	o.must(err)
	if u.Provider != "" || u.ScimID != "" || !u.Active || u.Version != 1 || u.Lookups[0].Value != "l@example.com" {
		t.Errorf("user %+v", u)
	}
	rename := func(id directory.UserID, name string, changes ...directory.Change) (directory.User, error) {
		return o.s.As(o.admin).Users.UpdateLocal(o.ctx, id, func(directory.User) (administration.LocalProfile, []directory.Change, error) {
			return administration.LocalProfile{UserName: name}, changes, nil
		})
	}
	some := directory.Change{Attr: "userName"}
	for _, dry := range []bool{true, false} {
		o.admin.DryRun = dry
		_, err = o.s.As(o.admin).Users.CreateLocal(o.ctx, administration.LocalProfile{UserName: "MANAGED"}, nil)
		o.refused("creating with a taken name", err, directory.Conflict, directory.AttrUserName, "another user of the tenant")
		_, err = rename(u.ID, "Managed", some)
		o.refused("renaming to a taken name", err, directory.Conflict, directory.AttrUserName, "another user of the tenant")
		_, err = o.s.As(o.admin).Users.CreateLocal(o.ctx, administration.LocalProfile{}, nil)
		o.refused("no name", err, directory.Invalid, directory.AttrUserName, "required")
		_, err = rename(managed.ID, "x", some)
		o.refused("changing a managed user", err, directory.Conflict, "", "a directory manages this user")
		_, err = rename("unknown", "x", some)
		o.refused("changing an unknown user", err, directory.NotFound, "", "")
	}
	at := o.later(time.Minute)
	same, err := rename(u.ID, "ignored")
	o.must(err)
	o.equal("without changes", same, u)
	n, err := rename(u.ID, "LOCAL", some)
	o.must(err)
	if n.UserName != "LOCAL" || n.Version != 2 || !n.Modified.Equal(at) || len(n.Lookups) != 0 {
		t.Errorf("changed: %+v", n)
	}
	if e := o.last(directory.LogQuery{User: u.ID}); e.Action != directory.UserUpdated || e.Audit || e.Version != 2 || e.Actor.ID != "kadmin" {
		t.Errorf("entry %+v", e)
	}
	o.must(o.remove(o.caller, managed.ScimID))
	_, err = rename(managed.ID, "x", some)
	o.refused("changing a removed user", err, directory.Conflict, "", "removed this user")
}

func TestTenants(t *testing.T) {
	o := newOffice(t)
	a := o.admin
	_, err := o.s.As(a).Tenants.Create(o.ctx, "Again")
	o.refused("an id that is taken", err, directory.Conflict, "", "")
	a.Tenant = "Upper"
	_, err = o.s.As(a).Tenants.Create(o.ctx, "Name")
	o.refused("an id of another form", err, directory.Invalid, "id", "5 to 7")
	a.Tenant = "acme2"
	_, err = o.s.As(a).Tenants.Create(o.ctx, "\t")
	o.refused("no name", err, directory.Invalid, "displayName", "")
	tn, err := o.s.As(a).Tenants.Create(o.ctx, "Second")
	o.must(err)
	if tn.DeactivationDelay != 15*time.Minute || tn.Version != 1 {
		t.Errorf("tenant %+v", tn)
	}
	// The second tenant's administrator sees nothing of the first.
	u := o.user(o.caller, "anna")
	if _, err := o.s.As(a).Users.ByID(o.ctx, u.ID); !directory.IsKind(err, directory.NotFound) {
		t.Errorf("another tenant's user: %v", err)
	}
	if _, err := o.s.As(a).Providers.ByID(o.ctx, o.p.ID); !directory.IsKind(err, directory.NotFound) {
		t.Errorf("another tenant's provider: %v", err)
	}
	us, _, err := o.s.As(a).Users.Search(o.ctx, directory.UserSearch{Count: 10})
	if err != nil || len(us) != 0 {
		t.Errorf("another tenant's users: %d, %v", len(us), err)
	}
}

// The sync log merges the providers and the local users; the audit log has the rest. Pages fit together.
func TestLogs(t *testing.T) {
	o := newOffice(t)
	_, other := o.provider("Other")
	o.later(time.Second)
	first := o.user(o.caller, "first")
	o.later(time.Second)
	o.must(o.remove(o.caller, first.ScimID))
	const rounds = 40 // more entries than one read returns
	for i := range rounds {
		o.later(time.Second)
		o.user(o.caller, fmt.Sprint("a", i))
		o.later(time.Second)
		o.user(other, fmt.Sprint("b", i))
		o.later(time.Second)
		o.local(fmt.Sprint("c", i))
	}
	read := func(f administration.LogFilter, count int) (names []string) {
		for before := ""; ; {
			es, next, err := o.s.As(o.admin).Logs.Sync(o.ctx, f, before, count)
			o.must(err)
			for _, e := range es {
				names = append(names, e.Name)
			}
			if before = next; next == "" {
				return names
			}
		}
	}
	var want []string
	for i := rounds - 1; i >= 0; i-- {
		want = append(want, fmt.Sprint("c", i), fmt.Sprint("b", i), fmt.Sprint("a", i))
	}
	want = append(want, "first", "first")
	for _, count := range []int{4, 120, 500} {
		o.equal(fmt.Sprintf("pages of %d", count), read(administration.LogFilter{}, count), want)
	}
	if got := read(administration.LogFilter{Provider: other.Provider}, 7); len(got) != rounds || got[0] != "b39" || got[39] != "b0" {
		t.Errorf("of a provider: %v", got)
	}
	o.equal("of an action", read(administration.LogFilter{Action: directory.UserDeleted}, 3), []string{"first"})
	o.equal("of an action that nobody did", read(administration.LogFilter{Action: directory.UserEnabled}, 3), nil)
	o.equal("of a time", read(administration.LogFilter{Since: o.s.Now().Add(-3 * time.Second), Until: o.s.Now()}, 3),
		[]string{"b39", "a39", "c38"})
	audit, next, err := o.s.As(o.admin).Logs.Audit(o.ctx, administration.LogFilter{}, "", 10)
	o.must(err)
	var actions []directory.Action
	for _, e := range audit {
		actions = append(actions, e.Action)
	}
	slices.Sort(actions)
	o.equal("audit", actions, []directory.Action{
		directory.OrganizationCreated, directory.ProviderCreated, directory.ProviderCreated, directory.RolesUpdated, directory.TenantCreated,
	})
	if next != "" {
		t.Errorf("the audit log goes on at %q", next)
	}
	audit, _, err = o.s.As(o.admin).Logs.Audit(o.ctx, administration.LogFilter{Provider: other.Provider}, "", 10)
	if err != nil || len(audit) != 1 || audit[0].Target != string(other.Provider) {
		t.Errorf("audit of a provider: %+v, %v", audit, err)
	}
}

func TestAdministratorsSeeGroups(t *testing.T) {
	o := newOffice(t)
	u := o.user(o.caller, "u")
	inner := o.group(o.caller, "Inner Circle")
	outer := o.group(o.caller, "outer", u.ScimID, directory.ScimID(inner.ID))
	for i := range 5 {
		o.group(o.caller, fmt.Sprint("circle ", i))
	}
	seen := map[directory.GroupID]bool{}
	for after := directory.GroupID(""); ; {
		gs, next, err := o.s.As(o.admin).Groups.Search(o.ctx, o.p.ID, "CIRCLE", after, 2)
		o.must(err)
		for _, g := range gs {
			if seen[g.ID] || g.ID == outer.ID {
				t.Errorf("found %q wrongly or twice", g.DisplayName)
			}
			seen[g.ID] = true
		}
		if after = next; next == "" {
			break
		}
	}
	if len(seen) != 6 {
		t.Errorf("found %d groups, want 6", len(seen))
	}
	var members []administration.GroupMember
	for after := directory.ScimID(""); ; {
		ms, next, err := o.s.As(o.admin).Groups.Members(o.ctx, o.p.ID, outer.ID, after, 1)
		o.must(err)
		members = append(members, ms...)
		if after = next; next == "" {
			break
		}
	}
	if len(members) != 2 || members[0].Group == nil || members[0].Group.ID != inner.ID || members[1].User == nil ||
		members[1].User.ID != u.ID {
		t.Errorf("members: %+v", members)
	}
	_, _, err := o.s.As(o.admin).Groups.Search(o.ctx, "acme1zzzzz", "", "", 1)
	o.refused("of an unknown provider", err, directory.NotFound, "", "")
	_, _, err = o.s.As(o.admin).Groups.Members(o.ctx, o.p.ID, "gunknown", "", 1)
	o.refused("of an unknown group", err, directory.NotFound, "", "")
	counts, err := o.s.As(o.admin).Providers.Count(o.ctx, o.p.ID)
	o.must(err)
	o.equal("sizes", counts, administration.ProviderCounts{Users: 1, Groups: 7})
}

func TestExtensions(t *testing.T) {
	o := newOffice(t)
	one := []directory.ExtensionAttribute{{Name: "badge", Type: "string"}}
	many := make([]directory.ExtensionAttribute, 26)
	for i := range many {
		many[i] = directory.ExtensionAttribute{Name: fmt.Sprint("a", i), Type: "string"}
	}
	good := directory.Extension{URN: "urn:example:badge", Name: "Badge", Attributes: one}
	set := func(es ...directory.Extension) error {
		_, err := o.s.As(o.admin).Providers.Patch(o.ctx, o.p.ID, anyProvider, administration.ProviderPatch{Extensions: &es})
		return err
	}
	o.must(set(good))
	o.equal("stored", o.stored(o.p.ID).Extensions, []directory.Extension{good})
	for what, es := range map[string][]directory.Extension{
		"the same twice":     {good, {URN: "URN:EXAMPLE:BADGE", Name: "n", Attributes: one}},
		"no URN":             {{URN: "badge", Name: "n", Attributes: one}},
		"a short URN":        {{URN: "urn:badge", Name: "n", Attributes: one}},
		"a URN with a slash": {{URN: "urn:example:a/b", Name: "n", Attributes: one}},
		"a standard schema":  {{URN: "urn:ietf:params:scim:schemas:core:2.0:User", Name: "n", Attributes: one}},
		"ours":               {{URN: "urn:ietf:params:scim:schemas:extension:Rollcall:2.0:User", Name: "n", Attributes: one}},
		"no name":            {{URN: "urn:example:b", Attributes: one}},
		"no attributes":      {{URN: "urn:example:b", Name: "n"}},
		"an attribute twice": {
			{URN: "urn:example:b", Name: "n", Attributes: []directory.ExtensionAttribute{{Name: "a", Type: "string"}, {Name: "A", Type: "string"}}},
		},
		"another type":      {{URN: "urn:example:b", Name: "n", Attributes: []directory.ExtensionAttribute{{Name: "a", Type: "complex"}}}},
		"a name with a dot": {{URN: "urn:example:b", Name: "n", Attributes: []directory.ExtensionAttribute{{Name: "a.b", Type: "string"}}}},
		"too many":          {{URN: "urn:example:b", Name: "n", Attributes: many}},
		"six": {good, {URN: "urn:e:1", Name: "n", Attributes: one}, {URN: "urn:e:2", Name: "n", Attributes: one},
			{URN: "urn:e:3", Name: "n", Attributes: one}, {URN: "urn:e:4", Name: "n", Attributes: one},
			{URN: "urn:e:5", Name: "n", Attributes: one}},
	} {
		o.refused(what, set(es...), directory.Invalid, "extensions", "")
	}
	o.must(set(directory.Extension{URN: "urn:example:b", Name: "n", Attributes: many[:25]}))
}
