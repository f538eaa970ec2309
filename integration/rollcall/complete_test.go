package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestCompletionKnowsNamesAndIDs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim := s.person("kim@contoso.example")
	s.group("Divers", kim)
	s.want(0, `org create "Deep Sea"`)
	org := s.object(`org show "deep sea"`)["id"].(string)
	for line, want := range map[string][]string{
		`__complete provider show ""`:                             {"Demo\t" + s.ProviderID, s.ProviderID + "\tDemo"},
		`__complete provider show de`:                             {"Demo\t" + s.ProviderID},
		`__complete user show ki`:                                 {"kim@contoso.example\t" + kim},
		`__complete user show ` + kim[:5]:                         {kim + "\tkim@contoso.example"},
		`__complete user move kim@contoso.example d`:              {"Deep Sea\t" + org},
		`__complete user list --org dee`:                          {"Deep Sea\t" + org},
		`__complete group show Demo ""`:                           {"Divers\t"},
		`__complete org-mapping add Demo --groups ""`:             {"Divers\t"},
		`__complete role-mapping add Demo --roles "Agent User,d"`: {"Agent User,Desktop User\tdesktop-user"},
		`__complete user list --state ""`:                         {"legal-hold\n", "awaiting-review\n"},
		`__complete provider create x --profile ""`:               {"entra-gov\n"},
		`__complete provider list -o ""`:                          {"yaml\n", "name\n"},
		`__complete provider list --columns na`:                   {"name\n"},
		`__complete apply show Demo ""`:                           {"latest\n"},
		`__complete sync-log list --action user.d`:                {"user.disabled\n"},
		`__complete help us`:                                      {"user\t"},
		`__complete us`:                                           {"user\t"},
	} {
		if out := s.want(0, line); !strings.Contains(out, want[0]) || !strings.Contains(out, want[len(want)-1]) {
			t.Errorf("%s gave\n%s, want %q", line, out, want)
		}
	}
	if out := s.want(0, `__complete provider show Demo ""`); strings.Contains(out, "Demo") {
		t.Errorf("an additional argument is completed: %s", out)
	}
}

// A shell does not wait for a server that does not respond, and gets no error.
func TestCompletionIsSilent(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(stop) })
	for _, address := range []string{slow.URL, "http://127.0.0.1:1", "not a URL"} {
		began := time.Now()
		code, out, _ := execute(t.Context(), func(k string) string {
			return map[string]string{"ROLLCALL_ADMIN_URL": address, "ROLLCALL_ADMIN_TOKEN": "rk_x"}[k]
		}, "__complete", "provider", "show", "")
		if code != 0 || out != ":4\n" || time.Since(began) > 2*completionTime {
			t.Errorf("%s: %d %q after %v", address, code, out, time.Since(began))
		}
	}
	if code, out, _ := execute(t.Context(), noEnv, "__complete", "provider", "show", ""); code != 0 || out != ":4\n" {
		t.Errorf("without a key: %d %q", code, out)
	}
}
