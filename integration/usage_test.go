package integration_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
)

// brokenUsages fails to store usage.
type brokenUsages struct{ directory.Usages }

func (brokenUsages) AddUsage(context.Context, directory.TenantID, directory.ProviderID, directory.Usage) error {
	return errors.New("not now")
}

// The use of a provider and its tokens is written at most once a minute, for valid tokens only. If that fails, requests
// still succeed.
func TestUsageIsStamped(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	c := newClient(t, s, s.Local())
	usage := func() directory.Usage {
		t.Helper()
		u, err := s.Service.Usages.Usage(t.Context(), s.Admin.Tenant, s.Provider.ID)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	stranger := c
	stranger.token = "rc_" + string(s.Provider.ID) + "_wrong"
	stranger.send(http.MethodGet, "/Users", nil).wants(t, "a wrong token", http.StatusUnauthorized, "")
	if u := usage(); !u.FirstRequestAt.IsZero() || u.Health(s.Clock.Now()) != directory.HealthNever {
		t.Errorf("after a wrong token: %+v", u)
	}
	first := s.Clock.Now()
	c.send(http.MethodGet, "/Users", nil).wants(t, "a list", http.StatusOK, "")
	u := usage()
	if u.FirstRequestAt.Before(first) || !u.LastWriteAt.IsZero() || len(u.Tokens) != 1 {
		t.Errorf("after the first request: %+v", u)
	}
	for range 5 {
		c.send(http.MethodGet, "/Users", nil).wants(t, "a list", http.StatusOK, "")
	}
	if again := usage(); !again.LastRequestAt.Equal(u.LastRequestAt) {
		t.Errorf("written again within the minute: %+v", again)
	}
	c.send(http.MethodPost, "/Users", user("kim")).wants(t, "a user", http.StatusCreated, "")
	s.Clock.Advance(time.Minute)
	c.send(http.MethodGet, "/Users/unknown", nil).wants(t, "nobody", http.StatusNotFound, "")
	u = usage()
	if u.FirstRequestAt.Sub(first) > time.Minute || u.LastWriteAt.IsZero() || !u.LastErrorAt.IsZero() ||
		u.Health(s.Clock.Now()) != directory.HealthGood {
		t.Errorf("a minute later: %+v", u)
	}
	for _, use := range u.Tokens {
		if use.Count != 8 || use.LastAt.IsZero() {
			t.Errorf("the token was used %+v, want 8 times", use)
		}
	}
	s.Clock.Advance(time.Minute)
	c.send(http.MethodPost, "/Users", user("kim")).wants(t, "the same user again", http.StatusConflict, "uniqueness")
	if u = usage(); u.LastErrorAt.IsZero() || u.Health(s.Clock.Now()) != directory.HealthFailing {
		t.Errorf("after an error: %+v", u)
	}
	if s.Clock.Advance(3 * time.Hour); usage().Health(s.Clock.Now()) != directory.HealthQuiet {
		t.Errorf("hours later: %+v", usage())
	}
	ports := s.Service.Ports
	ports.Usages = brokenUsages{ports.Usages}
	s.Service = directorytest.New(ports, s.Service.Runtime)
	c = newClient(t, s, s.Local())
	c.send(http.MethodPost, "/Users", user("robin")).wants(t, "a user while usage cannot be written", http.StatusCreated, "")
}
