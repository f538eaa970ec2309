package scimapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/scimapi"
	"rollcall/shared/store/sqlite"
)

// slowUsers answers no create while busy is 1.
type slowUsers struct {
	directory.Users
	busy             *atomic.Int32
	entered, release chan struct{}
}

func (u slowUsers) CreateUser(ctx context.Context, t directory.TenantID, p directory.ProviderID, admit directory.Admit,
	create func(directory.Provider) (directory.User, directory.LogEntry, error),
) (directory.User, error) {
	if u.busy.Load() > 0 {
		u.entered <- struct{}{}
		<-u.release
	}
	return u.Users.CreateUser(ctx, t, p, admit, create)
}

// A request above the limit is answered 429, with Retry-After; the next one is served.
func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	var busy atomic.Int32
	entered, release := make(chan struct{}), make(chan struct{})
	ports := store.Ports()
	ports.Users = slowUsers{ports.Users, &busy, entered, release}
	h := scimapi.Users(directorytest.New(ports, directory.Runtime{}).Provisioning, scimapi.Options{MaxInFlight: 1})
	token := directory.NewToken(directory.TokenPrefixProvider, "defaultabcde", directory.NewSecret([32]byte{1}))
	send := func(body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, scimapi.BasePath+"defaultabcde/Users", body)
		r.Header.Set("Authorization", "Bearer "+token)
		h.ServeHTTP(w, r)
		return w
	}
	// A body that does not end takes no place.
	slow, writer := io.Pipe()
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- send(slow) }()
	if _, err := writer.Write([]byte("{")); err != nil { // returns once the request reads
		t.Fatal(err)
	}
	if got := send(strings.NewReader("{}")).Code; got != http.StatusUnauthorized {
		t.Errorf("beside a slow request, another was answered %d", got)
	}
	// Neither does a request without a token: its body is not read.
	stranger := httptest.NewRequest(http.MethodPost, scimapi.BasePath+"defaultabcde/Users", slow)
	stranger.ContentLength = 1_000_000
	answered := httptest.NewRecorder()
	h.ServeHTTP(answered, stranger)
	if answered.Code != http.StatusUnauthorized {
		t.Errorf("a stranger was answered %d", answered.Code)
	}
	busy.Add(1) // the store answers nobody
	stuck := make(chan *httptest.ResponseRecorder)
	go func() { stuck <- send(strings.NewReader("{}")) }()
	<-entered
	w := send(strings.NewReader("{}"))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" ||
		w.Header().Get("Content-Type") != "application/scim+json" {
		t.Errorf("a second request was answered %d %v", w.Code, w.Header())
	}
	busy.Add(-1)
	close(release)
	<-stuck
	_ = writer.Close()
	if got := (<-first).Code; got != http.StatusUnauthorized {
		t.Errorf("the first was answered %d", got)
	}
	if got := send(strings.NewReader("{}")).Code; got != http.StatusUnauthorized {
		t.Errorf("the next was answered %d", got)
	}
}
