package workflow_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/workflow"
)

func TestWebhookAddresses(t *testing.T) {
	t.Parallel()
	public := workflow.NewWebhooks(workflow.WebhookConfig{})
	local := workflow.NewWebhooks(workflow.WebhookConfig{Loopback: true})
	inside := workflow.NewWebhooks(workflow.WebhookConfig{Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	for _, c := range []struct {
		url                   string
		public, local, inside bool
	}{
		{"https://hooks.example/x?y=z", true, true, true},
		{"https://93.184.216.34:8443/", true, true, true},
		{"https://[2606:2800:220:1::1]/", true, true, true},
		{"http://hooks.example/", false, false, false},
		{"http://127.0.0.1:9/", false, true, false},
		{"http://localhost:9/", false, true, false},
		{"https://localhost/", false, true, false},
		{"https://[::1]/", false, true, false},
		{"https://[::ffff:127.0.0.1]/", false, true, false},
		{"https://10.1.2.3/", false, false, true},
		{"http://10.1.2.3/", false, false, false},
		{"https://10.2.2.3/", false, false, false},
		{"https://192.168.0.1/", false, false, false},
		{"https://172.16.0.1/", false, false, false},
		{"https://169.254.169.254/latest/meta-data/", false, false, false},
		{"https://[fe80::1]/", false, false, false},
		{"https://[fd00:ec2::254]/", false, false, false},
		{"https://[64:ff9b::a9fe:a9fe]/", false, false, false},
		{"https://100.100.0.1/", false, false, false},
		{"https://[::10.0.0.1]/h", false, false, false},
		{"https://[::8.8.8.8]/", false, false, false},
		{"https://[::ffff:0:a9fe:a9fe]/h", false, false, false},
		{"https://[::ffff:0:808:808]/", false, false, false},
		{"https://[64:ff9b::808:808]/", false, false, false},
		{"https://[64:ff9b:1::a00:1]/", false, false, false},
		{"https://[2002:a00:1::1]/", false, false, false},
		{"https://[2001:0:a00:1::]/", false, false, false},
		{"https://[2606:2800::5efe:a00:1]/", false, false, false},
		{"https://[2606:2800::200:5efe:10.0.0.1]/", false, false, false},
		{"https://[2606:2800::1:5efe:10.0.0.1]/", true, true, true},
		{"https://[::ffff:10.1.2.3]/", false, false, true},
		{"https://[::ffff:93.184.216.34]/", true, true, true},
		{"https://[::]/", false, false, false},
		{"https://[::2]/", false, false, false},
		{"https://[100::1]/", false, false, false},
		{"https://[1fff::1]/", false, false, false},
		{"https://[2000::1]/", true, true, true},
		{"https://[3ffe:ffff::1]/", true, true, true},
		{"https://[3fff::1]/", false, false, false},
		{"https://[4000::1]/", false, false, false},
		{"https://[5f00::1]/", false, false, false},
		{"https://[2001:db8::1]/", false, false, false},
		{"https://[2001:1::1]/", false, false, false},
		{"https://[2620:4f:8000::1]/", false, false, false},
		{"https://[fec0::1]/", false, false, false},
		{"https://[ff0e::1]/", false, false, false},
		{"https://[2606:2800::1%25eth0]/", false, false, false},
		{"https://192.31.196.1/", false, false, false},
		{"https://192.52.193.1/", false, false, false},
		{"https://192.175.48.1/", false, false, false},
		{"https://198.19.255.255/", false, false, false},
		{"https://239.1.1.1/", false, false, false},
		{"https://2130706433/", false, false, false},
		{"https://127.1/", false, false, false},
		{"https://0x7f.0x1/", false, false, false},
		{"https://hook.0x7F000001/", false, false, false},
		{"https://127.0.0.1./", false, true, false},
		{"https://１２７。０。０。１/", false, false, false},
		{"https://①②⑦.0.0.①/", false, false, false},
		{"https://hooks.example1/", true, true, true},
		{"https://LOCALHOST/", false, true, false},
		{"https://api.localhost/", false, true, false},
		{"https://localhost./", false, true, false},
		{"http://api.localhost:9/", false, false, false},
		{"https://hook.example:0/h", false, false, false},
		{"https://hook.example:00/h", false, false, false},
		{"https://hook.example:1/h", true, true, true},
		{"https://hook.example:65535/h", true, true, true},
		{"https://hook.example:65536/h", false, false, false},
		{"https://hook.example:99999/h", false, false, false},
		{"https://hook.example:18446744073709551617/h", false, false, false},
		{"https://hook.example:/h", true, true, true},
		{"http://localhost:0/", false, false, false},
		{"https://0.0.0.0/", false, false, false},
		{"https://255.255.255.255/", false, false, false},
		{"https://224.0.0.1/", false, false, false},
		{"https://user:pass@hooks.example/", false, false, false},
		{"https://hooks.example/#x", false, false, false},
		{"https:///x", false, false, false},
		{"ftp://hooks.example/", false, false, false},
		{"https:hooks.example", false, false, false},
		{"", false, false, false},
		{"https://hooks.example/" + strings.Repeat("x", 500), false, false, false},
	} {
		for _, s := range []struct {
			name   string
			sender *workflow.Webhooks
			want   bool
		}{{"public", public, c.public}, {"local", local, c.local}, {"inside", inside, c.inside}} {
			err := s.sender.Check(c.url)
			if (err == nil) != s.want || err != nil && !directory.IsKind(err, directory.Invalid) {
				t.Errorf("%s for %s senders: %v, want accepted %v", c.url, s.name, err, s.want)
			}
		}
	}
}

// A name can resolve to any address, and to another the next time: the address that is dialled is checked.
func TestWebhookConnectsToPublicAddressesOnly(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	t.Cleanup(s.Close)
	address := strings.TrimPrefix(s.URL, "http://")
	if !workflow.NewWebhooks(workflow.WebhookConfig{}).Refuses(t.Context(), address) {
		t.Error("this machine was reached")
	}
	if workflow.NewWebhooks(workflow.WebhookConfig{Loopback: true}).Refuses(t.Context(), address) {
		t.Error("this machine was refused though it is allowed")
	}
	for _, a := range []string{
		"169.254.169.254:80", "10.0.0.1:443", "[fd00:ec2::254]:80", "[::ffff:10.0.0.1]:443", "[::10.0.0.1]:443", "[::ffff:0:a00:1]:443",
		"[64:ff9b::a00:1]:443", "[2002:a00:1::1]:443", "[2001::a00:1]:443", "[2606:2800::5efe:a00:1]:443", "[4000::1]:443", "[5f00::1]:443",
		"[3fff::1]:443", "0.0.0.0:80", "[::]:80", "192.31.196.1:443", "127.0.0.1:0",
	} {
		if !workflow.NewWebhooks(workflow.WebhookConfig{Loopback: true}).Refuses(t.Context(), a) {
			t.Errorf("%s was not refused", a)
		}
	}
}

func TestWebhookSends(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body string
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusTemporaryRedirect) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client closed the connection
		<-r.Context().Done()
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		for range 200 {
			_, _ = w.Write(make([]byte, 64<<10))
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	w := workflow.NewWebhooks(workflow.WebhookConfig{Loopback: true, Timeout: 300 * time.Millisecond})
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, c := range []struct {
		url    string
		status int
		cause  string
	}{
		{s.URL + "/ok", 202, ""}, {s.URL + "/moved", 307, ""}, {s.URL + "/slow", 0, directory.CauseTimeout},
		{s.URL + "/large", 200, ""}, {closed.URL, 0, directory.CauseNetwork}, {"https://10.0.0.1/", 0, directory.CauseAddress},
	} {
		got = nil
		status, cause := w.Send(t.Context(), c.url, map[string]string{"webhook-id": "e1-0"}, []byte(`{"a":1}`))
		if status != c.status || cause != c.cause {
			t.Errorf("%s: %d %q, want %d %q", c.url, status, cause, c.status, c.cause)
		}
		if ok := strings.HasSuffix(c.url, "/ok"); ok != (got != nil) ||
			ok && (got.Header.Get("webhook-id") != "e1-0" || got.Method != "POST" || body != `{"a":1}`) {
			t.Errorf("%s: arrived as %+v %s", c.url, got, body)
		}
	}
}
