package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"rollcall/integration/stack"
	"rollcall/shared/adminapi"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/random"
)

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// bootstrapped returns the admin API, its function behind a Lambda API that the environment points to, and a function
// that runs the command.
func bootstrapped(t *testing.T) (api http.Handler, admin func(context.Context, json.RawMessage) (any, error),
	call func(...string) (int, string, string)) {
	t.Helper()
	svc := directorytest.New(stack.SQLite(t), directory.Runtime{})
	api = app.Middleware(adminapi.Handler(svc.Administration, adminapi.Options{Origin: stack.Origin, NewID: random.ID}),
		app.NewLog(io.Discard), "admin", adminapi.Panicked)
	admin = app.Admin(svc.Administration, app.Gateway(api))
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/2015-03-31/functions/Rollcall-admin/invocations" || !strings.Contains(r.Header.Get("Authorization"),
			"/eu-west-1/lambda/aws4_request") {
			http.Error(w, "no such function", http.StatusNotFound)
			return
		}
		event, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if want, err := os.ReadFile("../../events/admin.bootstrap.json"); err != nil || !sameJSON(event, want) && !bytes.Contains(event,
			[]byte("true")) && !bytes.Contains(event, []byte("tenant")) {
			t.Errorf("the command sent %s, the sample event is %s (%v)", event, want, err)
		}
		answer, err := admin(r.Context(), event)
		if err != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(lambda.Close)
	t.Setenv("AWS_ENDPOINT_URL", lambda.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", strings.Repeat("x", 40))
	return api, admin, func(args ...string) (int, string, string) {
		code, out, diags := execute(t.Context(), os.Getenv, append([]string{"bootstrap", "--region", "eu-west-1"}, args...)...)
		return code, strings.TrimSpace(out), diags
	}
}

// The first call prints a key that the admin API accepts, the second none, and --new-key another.
func TestBootstrap(t *testing.T) {
	api, admin, call := bootstrapped(t)
	code, first, printed := call()
	if code != exitOK || !strings.HasPrefix(first, "rk_default_") || !strings.Contains(printed, "rollcall provider create") {
		t.Fatalf("exit %d, key %q, printed %s", code, first, printed)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/providers", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+first)
	w := httptest.NewRecorder()
	if api.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("the admin API refuses the key, %d: %s", w.Code, w.Body)
	}
	if code, key, printed := call(); code != exitOK || key != "" || !strings.Contains(printed, "--new-key") {
		t.Errorf("again: exit %d, key %q, printed %s", code, key, printed)
	}
	if code, key, _ := call("--new-key"); code != exitOK || !strings.HasPrefix(key, "rk_default_") || key == first {
		t.Errorf("--new-key: exit %d, key %q", code, key)
	}
	if code, _, printed := call("--function", "other"); code != exitFailed || !strings.Contains(printed, "404") {
		t.Errorf("another function: exit %d, printed %s", code, printed)
	}
	// A request through API Gateway is never a bootstrap, whatever its body.
	event := `{"httpMethod":"POST","path":"/api/v1/users","body":"{\"bootstrap\":{\"newKey\":true}}","requestContext":{}}`
	answer, err := admin(t.Context(), json.RawMessage(event))
	if text, _ := json.Marshal(answer); err != nil || !strings.Contains(string(text), `"statusCode":401`) {
		t.Errorf("a request with such a body: %v, %s", err, text)
	}
}

// The operator's key creates a tenant and its first key; anybody who may invoke the function can replace a lost key.
func TestBootstrapOfAnOperator(t *testing.T) {
	api, _, call := bootstrapped(t)
	code, operator, printed := call("--operator")
	if code != exitOK || !strings.HasPrefix(operator, "rk_operator_") || !strings.Contains(printed, "rollcall tenant create") {
		t.Errorf("--operator: exit %d, key %q, printed %s", code, operator, printed)
	}
	if code, key, printed := call("--operator"); code != exitOK || key != "" ||
		!strings.Contains(printed, "already a key of an operator of the deployment") {
		t.Errorf("--operator again: exit %d, key %q, printed %s", code, key, printed)
	}
	served := httptest.NewServer(api)
	t.Cleanup(served.Close)
	t.Setenv("ROLLCALL_ADMIN_URL", served.URL)
	t.Setenv("ROLLCALL_ADMIN_TOKEN", operator)
	tenant := func(want int, args ...string) string {
		t.Helper()
		code, out, diags := execute(t.Context(), os.Getenv, append([]string{"tenant"}, args...)...)
		if code != want {
			t.Fatalf("tenant %v: exit %d, %s", args, code, diags)
		}
		return out
	}
	tenant(exitOK, "create", "Coast Guard", "--id", "coast")
	if printed := tenant(exitOK, "key", "coast guard", "First"); !strings.Contains(printed, "rk_coast_") {
		t.Errorf("its first key: %s", printed)
	}
	tenant(exitFailed, "key", "coast", "Second")
	if code, key, _ := call("--tenant", "coast", "--new-key"); code != exitOK || !strings.HasPrefix(key, "rk_coast_") {
		t.Errorf("another key of its administrator: exit %d, key %q", code, key)
	}
	if code, key, _ := call("--tenant", "nobody0", "--new-key"); code != exitFailed || key != "" {
		t.Errorf("a key of an unknown tenant: exit %d, key %q", code, key)
	}
	tenant(exitOK, "pause", "coast")
	if printed := tenant(exitOK, "list"); !strings.Contains(printed, "paused") {
		t.Errorf("tenants: %s", printed)
	}
	tenant(exitOK, "resume", "coast")
	tenant(exitFailed, "delete", "coast", "--confirm", "coast")
	if printed := tenant(exitOK, "delete", "coast", "--confirm", "Coast Guard"); !strings.Contains(printed, "removing") {
		t.Errorf("deleted: %s", printed)
	}
}

func TestLambdaEndpoint(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1":     "https://lambda-fips.us-east-1.amazonaws.com",
		"us-gov-west-1": "https://lambda-fips.us-gov-west-1.amazonaws.com",
		"eu-west-1":     "https://lambda.eu-west-1.amazonaws.com",
	} {
		if got := lambdaEndpoint(region); got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}
