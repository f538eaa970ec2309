package directorytest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
)

func anyProvider(directory.Provider) error { return nil }

func (o *office) accepted(c provisioning.Caller) bool {
	o.Helper()
	err := o.s.Authorize(o.ctx, c, nil)
	if err != nil && !directory.IsKind(err, directory.Unauthenticated) {
		o.Fatal(err)
	}
	return err == nil
}

func TestCreateProvider(t *testing.T) {
	o := newOffice(t)
	at := o.later(time.Minute)
	delay := 3 * time.Hour
	p, token, err := o.s.As(o.admin).Providers.Create(o.ctx, administration.NewProvider{
		DisplayName: "  Entra Gov ", Profile: "entra-gov", AuthType: directory.AuthClientCredentials, DeactivationDelay: &delay,
		TokenExpiresAt: at.Add(time.Hour),
	})
	o.must(err)
	if tn, ok := p.ID.Tenant(); !ok || tn != "acme1" || len(p.ID) != 10 || len(p.SigningKey) < 32 {
		t.Errorf("provider %q of tenant %q, signing key of %d bytes", p.ID, tn, len(p.SigningKey))
	}
	o.equal("provider", p, directory.Provider{
		ID: p.ID, Tenant: "acme1", DisplayName: "Entra Gov", Profile: "entra-gov", AuthType: directory.AuthClientCredentials,
		State:       directory.ProviderSetup,
		Credentials: p.Credentials, SigningKey: p.SigningKey, DeactivationDelay: delay, Version: 1, CredentialsVersion: 1,
		OrgMapping:  directory.OrgSettings{Method: directory.OrgSingle, Org: directory.DefaultOrg},
		RoleMapping: directory.RoleSettings{Mode: directory.RolesManual},
		Created:     at, Modified: at, CreatedBy: "kadmin",
	})
	o.equal("stored", o.stored(p.ID), p)
	c := provisioning.Caller{Provider: p.ID, Token: token}
	if !o.accepted(c) {
		t.Error("its token is not accepted")
	}
	es := o.log(directory.LogQuery{})
	i := slices.IndexFunc(es, func(e directory.LogEntry) bool { return e.Target == string(p.ID) })
	if i < 0 || es[i].Action != directory.ProviderCreated || !es[i].Audit || es[i].Actor.Reason != "because" || es[i].Name != "Entra Gov" {
		t.Errorf("the audit log does not say so: %+v", es)
	}
	o.later(time.Hour)
	if o.accepted(c) {
		t.Error("an expired token is accepted")
	}
	if o.p.DeactivationDelay != directory.DefaultDeactivationDelay || o.p.AuthType != directory.AuthOAuthToken {
		t.Errorf("defaults: delay %v, authentication %s", o.p.DeactivationDelay, o.p.AuthType)
	}
}

func TestProvidersThatBreakARule(t *testing.T) {
	o := newOffice(t)
	short, long := -time.Millisecond, directory.MaxDeactivationDelay+time.Millisecond
	for what, c := range map[string]struct {
		n            administration.NewProvider
		kind         directory.Kind
		attr, detail string
	}{
		"no name":      {administration.NewProvider{DisplayName: " \t "}, directory.Invalid, "displayName", "1 to 100"},
		"a long name":  {administration.NewProvider{DisplayName: strings.Repeat("é", 101)}, directory.Invalid, "displayName", "1 to 100"},
		"a control":    {administration.NewProvider{DisplayName: "a\x00b"}, directory.Invalid, "displayName", "control"},
		"a taken name": {administration.NewProvider{DisplayName: " ENTRA"}, directory.Conflict, "displayName", "exists"},
		"a negative delay": {administration.NewProvider{DisplayName: "n", DeactivationDelay: &short}, directory.Invalid, "deactivationDelay",
			"30 days"},
		"a long delay": {administration.NewProvider{DisplayName: "n", DeactivationDelay: &long}, directory.Invalid, "deactivationDelay",
			"30 days"},
		"another sign-in":  {administration.NewProvider{DisplayName: "n", AuthType: "basic"}, directory.Invalid, "authType", "oauth"},
		"an expired token": {administration.NewProvider{DisplayName: "n", TokenExpiresAt: o.s.Now()}, directory.Invalid, "expiresAt", "future"},
	} {
		for _, dry := range []bool{true, false} {
			a := o.admin
			a.DryRun = dry
			_, token, err := o.s.As(a).Providers.Create(o.ctx, c.n)
			o.refused(what, err, c.kind, c.attr, c.detail)
			if token != "" {
				t.Errorf("%s: a token was created", what)
			}
		}
	}
	a := o.admin
	a.DryRun = true
	_, _, err := o.s.As(a).Providers.Create(o.ctx, administration.NewProvider{DisplayName: strings.Repeat("é", 100)})
	o.must(err)
	if ps, err := o.s.Providers.ListProviders(o.ctx, "acme1"); err != nil || len(ps) != 1 {
		t.Errorf("a dry run left %d providers, %v", len(ps), err)
	}
	a.Tenant = "nobody"
	_, _, err = o.s.As(a).Providers.Create(o.ctx, administration.NewProvider{DisplayName: "n"})
	o.refused("in an unknown tenant", err, directory.NotFound, "", "")
}

func TestPatchProvider(t *testing.T) {
	o := newOffice(t)
	o.provider("Other")
	name, same, taken, delay := " New name ", "Entra", "OTHER", time.Hour
	patch := func(n administration.ProviderPatch) (directory.Provider, error) {
		return o.s.As(o.admin).Providers.Patch(o.ctx, o.p.ID, anyProvider, n)
	}
	entries := len(o.log(directory.LogQuery{}))
	p, err := patch(administration.ProviderPatch{DisplayName: &same})
	o.must(err)
	o.equal("no change", p, o.p)
	_, err = patch(administration.ProviderPatch{DisplayName: &taken})
	o.refused("a taken name", err, directory.Conflict, "displayName", "exists")
	_, err = o.s.As(o.admin).Providers.Patch(o.ctx, o.p.ID, func(directory.Provider) error {
		return directory.Errorf(directory.VersionMismatch, "changed")
	}, administration.ProviderPatch{DisplayName: &name})
	o.refused("a precondition", err, directory.VersionMismatch, "", "changed")
	_, err = o.s.As(o.admin).Providers.Patch(o.ctx, "acme2abcde", anyProvider, administration.ProviderPatch{})
	o.refused("of another tenant", err, directory.NotFound, "", "")
	if n := len(o.log(directory.LogQuery{})); n != entries {
		t.Errorf("%d entries were written", n-entries)
	}
	at := o.later(time.Minute)
	p, err = patch(administration.ProviderPatch{DisplayName: &name, DeactivationDelay: &delay})
	o.must(err)
	if p.DisplayName != "New name" || p.DeactivationDelay != delay || p.Version != 2 || !p.Modified.Equal(at) {
		t.Errorf("got %+v", p)
	}
	e := o.log(directory.LogQuery{})[0]
	if e.Action != directory.ProviderUpdated || !e.Audit || len(e.Changes) != 2 || string(e.Changes[0].Before) != `"Entra"` ||
		string(e.Changes[0].After) != `"New name"` {
		t.Errorf("entry %+v", e)
	}
}

func TestProviderStates(t *testing.T) {
	o := newOffice(t)
	const setup, live, paused = directory.ProviderSetup, directory.ProviderLive, directory.ProviderPaused
	state := setup
	for i, c := range []struct {
		to, want directory.ProviderState // want "" for refused
	}{
		{setup, ""}, {paused, paused}, {paused, ""}, {live, ""}, {setup, setup}, {live, live}, {live, ""}, {setup, ""}, {paused, paused},
		{setup, live},
	} {
		at := o.later(time.Second)
		p, err := o.s.As(o.admin).Providers.SetState(o.ctx, o.p.ID, anyProvider, c.to)
		if c.want == "" {
			o.refused(string(state+" to "+c.to), err, directory.Conflict, "state", "does not allow")
			continue
		}
		o.must(err)
		if p.State != c.want || (p.State == paused) != (p.Resume != "") || !p.Modified.Equal(at) {
			t.Errorf("step %d: %s to %s became %s, to resume %q", i, state, c.to, p.State, p.Resume)
		}
		if e := o.log(directory.LogQuery{})[0]; e.Action != directory.ProviderUpdated || string(e.Changes[0].After) != `"`+string(c.want)+`"` ||
			string(e.Changes[0].Before) != `"`+string(state)+`"` {
			t.Errorf("step %d: entry %+v", i, e)
		}
		state = p.State
	}
}

func TestRegenerateToken(t *testing.T) {
	o := newOffice(t)
	regenerate := func(overlap time.Duration, expires time.Time) (provisioning.Caller, directory.Credential, error) {
		_, cred, token, err := o.s.As(o.admin).Tokens.Create(o.ctx, o.p.ID, anyProvider, overlap, expires)
		return provisioning.Caller{Provider: o.p.ID, Token: token}, cred, err
	}
	first := o.caller
	o.later(time.Second)
	second, cred, err := regenerate(time.Hour, time.Time{})
	o.must(err)
	if !o.accepted(first) || !o.accepted(second) {
		t.Error("during the overlap both tokens work")
	}
	p := o.stored(o.p.ID)
	if p.CredentialsVersion != 2 || p.Version != 2 || p.Credentials[0].State != directory.CredentialRetiring ||
		p.Credentials[1].ID != cred.ID {
		t.Errorf("record %+v", p)
	}
	if e := o.log(directory.LogQuery{})[0]; e.Action != directory.TokenCreated || e.Target != string(o.p.ID)+"/"+string(cred.ID) || !e.Audit {
		t.Errorf("entry %+v", e)
	}
	// A third one: the oldest ends immediately, so that never more than two work.
	o.later(time.Minute)
	third, _, err := regenerate(2*time.Hour, time.Time{})
	o.must(err)
	if o.accepted(first) || !o.accepted(second) || !o.accepted(third) {
		t.Error("after the third, the first must be out, the others in")
	}
	o.later(2 * time.Hour)
	if o.accepted(second) || !o.accepted(third) {
		t.Error("after the overlap only the newest works")
	}
	fourth, _, err := regenerate(0, o.s.Now().Add(time.Minute))
	o.must(err)
	if o.accepted(third) || !o.accepted(fourth) {
		t.Error("without an overlap only the newest works")
	}
	o.later(time.Minute)
	if o.accepted(fourth) {
		t.Error("an expired token works")
	}
	for range 10 {
		if _, _, err = regenerate(time.Hour, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(o.stored(o.p.ID).Credentials); n > 6 {
		t.Errorf("the record keeps %d credentials", n)
	}
	for _, overlap := range []time.Duration{-1, 7*24*time.Hour + 1} {
		_, _, err = regenerate(overlap, time.Time{})
		o.refused("an overlap of "+overlap.String(), err, directory.Invalid, "overlap", "7 days")
	}
	_, _, err = regenerate(0, o.s.Now())
	o.refused("a token of the past", err, directory.Invalid, "expiresAt", "future")
}

// An overlap never postpones an earlier end.
func TestOverlapsOnlyShorten(t *testing.T) {
	o := newOffice(t)
	before := o.s.Now()
	_, _, _, err := o.s.As(o.admin).Tokens.Create(o.ctx, o.p.ID, anyProvider, time.Hour, time.Time{})
	o.must(err)
	p := o.stored(o.p.ID)
	if !p.Credentials[0].RetiresAt.Equal(before.Add(time.Hour)) {
		t.Errorf("retires at %v", p.Credentials[0].RetiresAt)
	}
	_, err = o.s.As(o.admin).Tokens.Revoke(o.ctx, o.p.ID, p.Credentials[1].ID, anyProvider)
	o.must(err)
	o.later(time.Minute)
	_, _, _, err = o.s.As(o.admin).Tokens.Create(o.ctx, o.p.ID, anyProvider, 5*time.Hour, time.Time{})
	o.must(err)
	if p = o.stored(o.p.ID); !p.Credentials[0].RetiresAt.Equal(before.Add(time.Hour)) {
		t.Errorf("the first now retires at %v", p.Credentials[0].RetiresAt)
	}
}

func TestRevokeToken(t *testing.T) {
	o := newOffice(t)
	id := o.p.Credentials[0].ID
	o.later(time.Second)
	revoke := func(a administration.Admin, id string) (directory.Provider, error) {
		return o.s.As(a).Tokens.Revoke(o.ctx, o.p.ID, directory.CredentialID(id), anyProvider)
	}
	dry := o.admin
	dry.DryRun = true
	_, err := revoke(dry, string(id))
	o.must(err)
	if !o.accepted(o.caller) {
		t.Error("a dry run revoked the token")
	}
	p, err := revoke(o.admin, string(id))
	o.must(err)
	if o.accepted(o.caller) || p.Version != 2 || p.CredentialsVersion != 2 {
		t.Errorf("after revoking: accepted %v, %+v", o.accepted(o.caller), p)
	}
	if e := o.log(directory.LogQuery{})[0]; e.Action != directory.TokenRevoked || e.Target != string(o.p.ID)+"/"+string(id) {
		t.Errorf("entry %+v", e)
	}
	p, err = revoke(o.admin, string(id))
	if err != nil || p.Version != 2 {
		t.Errorf("revoking again: version %d, %v", p.Version, err)
	}
	_, err = revoke(o.admin, "kunknown")
	o.refused("an unknown one", err, directory.NotFound, "", "token")
}
