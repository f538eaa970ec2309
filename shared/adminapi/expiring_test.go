package adminapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// Tokens and API keys that end are announced 30, 7 and 1 day(s) before, once each, and listed; one that was replaced, or
// has no end, is not.
func TestExpiringCredentials(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const day = 24 * time.Hour
	in := func(d time.Duration) string { return f.clock().Add(d).Format(time.RFC3339) }
	p := f.want(201, "POST", "/providers", `{"displayName":"Entra"}`).str("id")
	token := f.want(201, "POST", "/providers/"+p+"/tokens", `{"expiresAt":"`+in(40*day)+`"}`).str("id")
	other := f.want(201, "POST", "/providers", `{"displayName":"Other"}`).str("id")
	f.want(201, "POST", "/providers/"+other+"/tokens", `{"expiresAt":"`+in(60*day)+`"}`)
	f.want(201, "POST", "/providers/"+other+"/tokens", `{"overlapSeconds":604800}`)
	key := f.want(201, "POST", "/api-keys", `{"displayName":"Audit","role":"auditor","expiresAt":"`+in(5*day)+`"}`).str("id")
	gone := f.want(201, "POST", "/api-keys", `{"displayName":"Gone","role":"auditor","expiresAt":"`+in(20*day)+`"}`).str("id")
	f.want(200, "DELETE", "/api-keys/"+gone, "")
	var seen []string
	warned := func(when string, want ...string) {
		t.Helper()
		for range 2 {
			if _, err := f.svc.Sweep(context.Background(), func() bool { return false }); err != nil {
				t.Fatal(err)
			}
		}
		var all []string
		for _, e := range slices.Backward(f.allEntries()) {
			for _, ev := range follow.Events(f.tenant, e) {
				if ev.Type == directory.EventTokenExpiring {
					all = append(all, fmt.Sprint(ev.Subject, " ", ev.Provider, " ", ev.ExpiresAt.Format(time.DateOnly), " ", string(e.Changes[0].After)))
				}
			}
		}
		if got := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(seen, s) }); !slices.Equal(got, want) {
			t.Errorf("%s: announced\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if len(all) != len(seen)+len(want) {
			t.Errorf("%s: %d are announced in all, want %d", when, len(all), len(seen)+len(want))
		}
		seen = all
	}
	list := func(query string) string {
		t.Helper()
		var out []string
		for _, c := range f.want(200, "GET", "/expiring-credentials"+query, "").items() {
			c := c.(map[string]any)
			out = append(out, fmt.Sprint(c["kind"], " ", c["displayName"], " ", c["days"], " ", c["warnedDays"]))
		}
		return strings.Join(out, ", ")
	}
	check := func(query, want string) {
		t.Helper()
		if got := list(query); got != want {
			t.Errorf("%q lists %s, want %s", query, got, want)
		}
	}
	warned("at first")
	check("", "api-key Audit 4 <nil>")
	check("?days=60", "api-key Audit 4 <nil>, token Entra 39 <nil>")
	check("?days=4", "")
	f.advance(4 * day)
	warned("a day before the key ends", key+"  2026-11-07 1")
	f.advance(6*day + time.Minute)
	warned("30 days before the token ends", token+" "+p+" 2026-12-12 30")
	check("", "token Entra 29 30")
	f.advance(29 * day)
	warned("a day before, 7 was missed", token+" "+p+" 2026-12-12 1")
	f.advance(2 * day)
	warned("after its end")
	check("", "")
	entries := f.want(200, "GET", "/audit-log?action=token.expiring", "").items()
	if len(entries) != 2 || entries[0].(map[string]any)["target"] != p+"/"+token || entries[0].(map[string]any)["cause"] != "sweep" {
		t.Errorf("the Audit Log has %v", entries)
	}
	for _, query := range []string{"?days=0", "?days=x", "?days=4000"} {
		if got := f.want(400, "GET", "/expiring-credentials"+query, "").str("errors.0.field"); got != "days" {
			t.Errorf("%s: refused for %q", query, got)
		}
	}
}
