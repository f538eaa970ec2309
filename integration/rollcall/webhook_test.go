package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// arrival is a message that arrived at a webhook.
type arrival struct {
	header http.Header
	body   string
}

func listener(t *testing.T, status func() int) (string, chan arrival) {
	t.Helper()
	got := make(chan arrival, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- arrival{r.Header, string(body)}
		w.WriteHeader(status())
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func (a arrival) signedBy(secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(a.header.Get("webhook-id") + "." + a.header.Get("webhook-timestamp") + "." + a.body))
	return slices.Contains(strings.Fields(a.header.Get("webhook-signature")), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func wait(t *testing.T, got chan arrival) arrival {
	t.Helper()
	select {
	case a := <-got:
		return a
	case <-time.After(30 * time.Second):
		t.Fatal("nothing arrived")
		return arrival{}
	}
}

// A change arrives at a webhook, signed, and a failed delivery arrives after the process was killed and started again.
func TestWebhooksOfARunningService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "rollcall.db")
	down := true
	url, got := listener(t, func() int {
		if down {
			return http.StatusServiceUnavailable
		}
		return http.StatusNoContent
	})
	s := startServe(t, "--data", data)
	ok := func(line string) string {
		t.Helper()
		at := &server{t: t, announcement: s.announcement, key: s.AdminToken}
		return at.want(0, line)
	}
	var w struct{ ID, Secret string }
	if err := json.Unmarshal([]byte(ok("webhook create App -o json --types user.created,user.blocked --to "+url)), &w); err != nil {
		t.Fatal(err)
	}
	if code, answer := s.send(t, s.SCIMToken, "POST", "/Users",
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"kim@agency.example"}`); code != http.StatusCreated {
		t.Fatal(code, answer)
	}
	first := wait(t, got)
	for end := time.Now().Add(10 * time.Second); !strings.Contains(ok("delivery list --state pending"), "503"); {
		if time.Now().After(end) {
			t.Fatal("the failed try is not recorded")
		}
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // it was killed
	down = false
	token := s.AdminToken
	s = startServe(t, "--data", data)
	s.AdminToken = token
	again := wait(t, got) // after the pause
	if !first.signedBy(w.Secret) || !again.signedBy(w.Secret) || first.body != again.body ||
		first.header.Get("webhook-id") != again.header.Get("webhook-id") {
		t.Errorf("arrived %+v, then %+v", first, again)
	}
	if strings.Contains(first.body, "kim") || !strings.Contains(first.body, `"type":"user.created"`) {
		t.Errorf("body %s", first.body)
	}
	ok("webhook test app")
	if a := wait(t, got); !strings.Contains(a.body, "webhook.test") || !a.signedBy(w.Secret) {
		t.Errorf("the test event: %+v", a)
	}
	if out := ok("delivery list --state delivered"); strings.Count(out, "user.created") != 1 {
		t.Errorf("deliveries:\n%s", out)
	}
	if out := ok("sync-log list --search KIM --effect created"); !strings.Contains(out, "kim@agency.example") {
		t.Errorf("sync log:\n%s", out)
	}
}
