package reqlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rollcall/shared/reqlog"
)

// serve runs one request through the middleware and returns the answer and the events it logged.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.ResponseRecorder, []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	handler := reqlog.Handler(h, reqlog.Options{
		Log: slog.New(slog.NewJSONHandler(&log, nil)), Function: "users",
		Now:      func() time.Time { now = now.Add(1500 * time.Microsecond); return now },
		NewID:    func() string { return "req1" },
		Panicked: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/scim/v2/x/Users?filter=secret", nil))
	var events []map[string]any
	for dec := json.NewDecoder(&log); dec.More(); {
		var e map[string]any
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return w, events
}

func TestOneEventPerRequest(t *testing.T) {
	w, events := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reqlog.Set(r.Context(), "op", "first")
		reqlog.Set(r.Context(), "op", "read")
		if got := reqlog.RequestID(r.Context()); got != "req1" {
			t.Errorf("RequestID = %q", got)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	if len(events) != 1 {
		t.Fatalf("%d events, want 1: %v", len(events), events)
	}
	for key, want := range map[string]any{"msg": "request", "request_id": "req1", "function": "users", "op": "read", "status": 418.0,
		"latency_ms": 1.5, "level": "INFO"} {
		if events[0][key] != want {
			t.Errorf("%s = %v, want %v", key, events[0][key], want)
		}
	}
	if got := w.Header().Get("X-Request-Id"); got != "req1" {
		t.Errorf("X-Request-Id = %q", got)
	}
}

func TestKeysOutsideTheAllowListAreDropped(t *testing.T) {
	_, events := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for _, key := range []string{"userName", "authorization", "filter", "body", "ip"} {
			reqlog.Set(r.Context(), key, "canary")
		}
		w.WriteHeader(http.StatusOK)
	})
	for key, value := range events[0] {
		if value == "canary" {
			t.Errorf("%s was logged", key)
		}
	}
}

func TestNothingWrittenIs200(t *testing.T) {
	w, events := serve(t, func(http.ResponseWriter, *http.Request) {})
	if w.Code != http.StatusOK || events[0]["status"] != 200.0 {
		t.Errorf("code %d, event %v", w.Code, events[0])
	}
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	w, events := serve(t, func(http.ResponseWriter, *http.Request) { panic("canary") })
	if w.Code != http.StatusInternalServerError {
		t.Errorf("code %d, want 500", w.Code)
	}
	if len(events) != 2 || events[0]["msg"] != "panic" || events[0]["level"] != "ERROR" || events[1]["status"] != 500.0 {
		t.Errorf("events %v", events)
	}
	for _, e := range events {
		if e["panic"] != nil {
			t.Error("the panic's value was logged: it may hold personal data")
		}
	}
}

func TestFailMakesAnErrorEvent(t *testing.T) {
	_, events := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reqlog.Fail(r.Context(), errors.New("table missing"))
		w.WriteHeader(http.StatusInternalServerError)
	})
	if events[0]["level"] != "ERROR" || events[0]["cause"] != "table missing" {
		t.Errorf("event %v", events[0])
	}
}
