package scimapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/scimapi"
	"rollcall/shared/store/sqlite"
)

// A request above the limit is answered 429, with Retry-After; the next one is served.
func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	h := scimapi.Users(directorytest.New(store.Ports(), directory.Runtime{}).Provisioning, scimapi.Options{MaxInFlight: 1})
	send := func(body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, scimapi.BasePath+"defaultabcde/Users", body))
		return w
	}
	slow, writer := io.Pipe() // a body that does not end: its request stays in progress
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- send(slow) }()
	if _, err := writer.Write([]byte("{")); err != nil { // returns once the request reads
		t.Fatal(err)
	}
	w := send(strings.NewReader("{}"))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" ||
		w.Header().Get("Content-Type") != "application/scim+json" {
		t.Errorf("a second request was answered %d %v", w.Code, w.Header())
	}
	_ = writer.Close()
	if got := (<-first).Code; got != http.StatusUnauthorized {
		t.Errorf("the first was answered %d", got)
	}
	if got := send(strings.NewReader("{}")).Code; got != http.StatusUnauthorized {
		t.Errorf("the next was answered %d", got)
	}
}
