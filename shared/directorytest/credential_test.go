package directorytest_test

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// sum is the checksum of a token, implemented a second time: CRC-32 in base 62, six digits.
func sum(s string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	n, out := uint64(crc32.ChecksumIEEE([]byte(s))), ""
	for range 6 {
		out = string(digits[n%62]) + out
		n /= 62
	}
	return out
}

func TestTokenFormat(t *testing.T) {
	o := newOffice(t)
	token := o.caller.Token
	form := regexp.MustCompile(`^rc_` + string(o.p.ID) + `_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$`)
	if !form.MatchString(token) || len(token) > 65 {
		t.Errorf("token has %d characters of the wrong form", len(token))
	}
	if got, want := token[len(token)-6:], sum(token[:len(token)-6]); got != want {
		t.Errorf("checksum is %s, want %s", got, want)
	}
	cred := o.stored(o.p.ID).Credentials[0]
	if cred.Hash != sha256.Sum256([]byte(token)) || cred.LastFour != token[len(token)-4:] || cred.State != directory.CredentialActive ||
		cred.CreatedBy != "kadmin" {
		t.Errorf("stored as %+v", cred)
	}
	if strings.Contains(fmt.Sprintf("%+v", o.stored(o.p.ID)), token[16:60]) {
		t.Error("the record holds the secret")
	}
	key, plain, err := o.s.As(o.admin).APIKeys.Create(o.ctx, administration.NewAPIKey{DisplayName: "Key", Role: directory.RoleAdministrator})
	o.must(err)
	if tn, ok := directory.TenantOfAPIKey(plain); !ok || tn != "acme1" || key.Hash != directory.HashToken(plain) ||
		!strings.HasPrefix(plain, "rk_acme1_") {
		t.Errorf("API key of tenant %q, %v", tn, ok)
	}
	if tn, ok := directory.TenantOfAPIKey(plain[:len(plain)-6] + "000000"); ok {
		t.Errorf("a wrong checksum passes, for tenant %q", tn)
	}
	for range 100 {
		if s := o.s.Runtime.Secret(); len(s) != 43 || !regexp.MustCompile(`^[0-9A-Za-z]+$`).MatchString(s) || s == o.s.Runtime.Secret() {
			t.Fatal("a secret has the wrong form, or is repeated")
		}
	}
}

// withSum appends the right checksum, so that only the tested part is wrong.
func withSum(s string) string { return s + sum(s) }

func TestAuthenticate(t *testing.T) {
	o := newOffice(t)
	other, otherCaller := o.provider("Other")
	secret := o.caller.Token[:len(o.caller.Token)-6]
	_, key, err := o.s.As(o.admin).APIKeys.Create(o.ctx, administration.NewAPIKey{DisplayName: "Key", Role: directory.RoleAdministrator})
	o.must(err)
	now := o.s.Now()
	with := func(edit func(*directory.Provider, *directory.Credential)) directory.Provider {
		p := o.stored(o.p.ID)
		p.Credentials = append([]directory.Credential{}, p.Credentials...)
		edit(&p, &p.Credentials[0])
		return p
	}
	none := func(*directory.Provider, *directory.Credential) {}
	for _, c := range []struct {
		what  string
		p     directory.Provider
		token string
		ok    bool
	}{
		{"its token", o.p, o.caller.Token, true},
		{"no token", o.p, "", false},
		{"text", o.p, "Bearer", false},
		{"a letter less", o.p, o.caller.Token[:len(o.caller.Token)-1], false},
		{"a letter more", o.p, o.caller.Token + "0", false},
		{"a wrong checksum", o.p, secret + "000000", false},
		{"another secret with its checksum", o.p, withSum(strings.Replace(secret, secret[20:24], "0000", 1)), false},
		{"another prefix", o.p, withSum("rk" + secret[2:]), false},
		{"no provider in it", o.p, withSum("rc__" + secret[len(secret)-43:]), false},
		{"very long", o.p, withSum("rc_" + string(o.p.ID) + "_" + strings.Repeat("0", 100)), false},
		{"an API key", o.p, key, false},
		{"another provider's token", o.p, otherCaller.Token, false},
		{"another provider's token, found here",
			with(func(p *directory.Provider, _ *directory.Credential) { p.Credentials = other.Credentials }), otherCaller.Token, false},
		{"an unknown provider", directory.Provider{}, o.caller.Token, false},
		{"an unknown provider and a token for none", directory.Provider{}, withSum("rc__" + secret[len(secret)-43:]), false},
		{"a provider without credentials", with(func(p *directory.Provider, _ *directory.Credential) { p.Credentials = nil }), o.caller.Token,
			false},
		{"paused", with(func(p *directory.Provider, _ *directory.Credential) { p.State = directory.ProviderPaused }), o.caller.Token, true},
		{"being deleted", with(func(p *directory.Provider, _ *directory.Credential) { p.State = directory.ProviderDeleting }), o.caller.Token,
			false},
		{"before it expires", with(func(_ *directory.Provider, c *directory.Credential) { c.ExpiresAt = now.Add(time.Millisecond) }),
			o.caller.Token, true},
		{"when it expires", with(func(_ *directory.Provider, c *directory.Credential) { c.ExpiresAt = now }), o.caller.Token, false},
		{"while it retires", with(func(_ *directory.Provider, c *directory.Credential) {
			c.State, c.RetiresAt = directory.CredentialRetiring, now.Add(time.Millisecond)
		}), o.caller.Token, true},
		{"when it has retired", with(func(_ *directory.Provider, c *directory.Credential) {
			c.State, c.RetiresAt = directory.CredentialRetiring, now
		}), o.caller.Token, false},
		{"revoked", with(func(_ *directory.Provider, c *directory.Credential) { c.State = directory.CredentialRevoked }), o.caller.Token, false},
		{"in an unknown state", with(func(_ *directory.Provider, c *directory.Credential) { c.State = "" }), o.caller.Token, false},
		{"the second of two", with(func(p *directory.Provider, c *directory.Credential) {
			p.Credentials = []directory.Credential{other.Credentials[0], *c}
		}), o.caller.Token, true},
		{"unchanged", with(none), o.caller.Token, true},
	} {
		cred, err := c.p.Authenticate(c.token, now)
		if c.ok != (err == nil) || c.ok && cred.Hash != directory.HashToken(c.token) {
			t.Errorf("%s: got %v, want accepted %v", c.what, err, c.ok)
		}
		if !c.ok {
			o.refused(c.what, err, directory.Unauthenticated, "", "a valid bearer token of this provider is required")
		}
	}
}

func TestCredentialStates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		c    directory.Credential
		want directory.CredentialState
	}{
		{directory.Credential{State: directory.CredentialActive}, directory.CredentialActive},
		{directory.Credential{State: directory.CredentialActive, ExpiresAt: now.Add(1)}, directory.CredentialActive},
		{directory.Credential{State: directory.CredentialActive, ExpiresAt: now}, directory.CredentialExpired},
		{directory.Credential{State: directory.CredentialRetiring, RetiresAt: now.Add(1)}, directory.CredentialRetiring},
		{directory.Credential{State: directory.CredentialRetiring, RetiresAt: now}, directory.CredentialExpired},
		{directory.Credential{State: directory.CredentialRetiring, RetiresAt: now.Add(1), ExpiresAt: now}, directory.CredentialExpired},
		{directory.Credential{State: directory.CredentialRevoked, ExpiresAt: now}, directory.CredentialRevoked},
	} {
		if got := c.c.StateAt(now); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.c, got, c.want)
		}
	}
}
