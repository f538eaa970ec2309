package adminapi_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
)

func TestARequestWithAKeyIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const body = `{"displayName":"Once"}`
	first := f.want(201, "POST", "/providers", body, "Idempotency-Key", "k 1")
	if first.str("token") == "" || first.header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("the first answer: %v %s", first.header, first.raw)
	}
	again := f.want(201, "POST", "/providers", body, "Idempotency-Key", "k 1")
	if again.raw != first.raw || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the second answer: %v %s", again.header, again.raw)
	}
	for _, h := range []string{"ETag", "Location", "Content-Type"} {
		if again.header.Get(h) != first.header.Get(h) || first.header.Get(h) == "" {
			t.Errorf("%s is %q, was %q", h, again.header.Get(h), first.header.Get(h))
		}
	}
	if n := len(f.want(200, "GET", "/providers", "").items()); n != 1 {
		t.Errorf("%d providers", n)
	}

	f.want(422, "POST", "/providers", `{"displayName":"Twice"}`, "Idempotency-Key", "k 1")
	f.want(422, "POST", "/users", body, "Idempotency-Key", "k 1")
	f.want(422, "POST", "/providers", body, "Idempotency-Key", "k 1", "If-Match", "*")
	other := f.newKey(f.tenant, directory.RoleAdministrator, time.Time{})
	// its own key: carried out, the name is taken
	f.want(409, "POST", "/providers", body, "Idempotency-Key", "k 1", "Authorization", "Bearer "+other)
	f.want(400, "POST", "/providers", body, "Idempotency-Key", strings.Repeat("x", 256))
	f.want(400, "POST", "/providers", body, "Idempotency-Key", "ä")

	// A refusal is an answer too.
	f.want(409, "POST", "/providers", body, "Idempotency-Key", "k 2")
	f.want(200, "PATCH", strings.TrimPrefix(first.header.Get("Location"), origin+"/api/v1"), `{"displayName":"Elsewhere"}`)
	if got := f.want(409, "POST", "/providers", body, "Idempotency-Key", "k 2"); got.header.Get("Idempotency-Replayed") != "true" {
		t.Error("a refusal was not kept")
	}
	// A dry run neither uses nor needs the key.
	f.want(200, "POST", "/providers?dryRun=true", body, "Idempotency-Key", "k 3")
	f.want(201, "POST", "/providers", body, "Idempotency-Key", "k 3")

	f.advance(24*time.Hour - time.Second)
	f.want(201, "POST", "/providers", body, "Idempotency-Key", "k 1")
	f.advance(2 * time.Second)
	f.want(409, "POST", "/providers", body, "Idempotency-Key", "k 1")
}

// gate is a store of providers that holds a creation until it is opened.
type gate struct {
	directory.Providers
	reached, open chan struct{}
}

func (g gate) CreateProvider(ctx context.Context, t directory.TenantID, p directory.Provider, e directory.LogEntry) error {
	g.reached <- struct{}{}
	<-g.open
	return g.Providers.CreateProvider(ctx, t, p, e)
}

func TestASecondRequestDoesNotOvertakeTheFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ports := f.svc.Ports
	g := gate{ports.Providers, make(chan struct{}), make(chan struct{})}
	ports.Providers = g
	f.h = f.wrap(directorytest.New(ports, directory.Runtime{Now: f.clock}))
	const body = `{"displayName":"Once"}`
	var first reply
	done := make(chan struct{})
	go func() {
		defer close(done)
		first = f.do("POST", "/providers", body, "Idempotency-Key", "k")
	}()
	<-g.reached
	if got := f.want(409, "POST", "/providers", body, "Idempotency-Key", "k"); got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
	close(g.open)
	<-done
	if first.status != 201 {
		t.Fatalf("the first was answered %d %s", first.status, first.raw)
	}
	if got := f.want(201, "POST", "/providers", body, "Idempotency-Key", "k"); got.raw != first.raw {
		t.Errorf("the third answer: %s", got.raw)
	}
}

func TestARaceHasOneWinner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var wg sync.WaitGroup
	replies := make([]reply, 20)
	for i := range replies {
		wg.Go(func() {
			replies[i] = f.do("POST", "/users", `{"userName":"race@agency.example"}`, "Idempotency-Key", "race")
		})
	}
	wg.Wait()
	created := ""
	for _, r := range replies {
		switch {
		case r.status == 409 && strings.Contains(r.raw, "still running"):
		case r.status == 201 && (created == "" || created == r.raw):
			created = r.raw
		default:
			t.Errorf("answered %d %s", r.status, r.raw)
		}
	}
	if created == "" || len(f.want(200, "GET", "/users", "").items()) != 1 {
		t.Error("the user was not created once")
	}
}

// keep is a store of answers that records them.
type keep struct {
	directory.Replays
	stored *[]directory.Replay
}

func (k keep) FinishReplay(ctx context.Context, t directory.TenantID, r directory.Replay) error {
	*k.stored = append(*k.stored, r)
	return k.Replays.FinishReplay(ctx, t, r)
}

func TestKeptAnswersAreEncrypted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var stored []directory.Replay
	ports := f.svc.Ports
	ports.Replays = keep{ports.Replays, &stored}
	f.h = f.wrap(directorytest.New(ports, directory.Runtime{Now: f.clock}))
	got := f.want(201, "POST", "/api-keys", `{"displayName":"`+canary+`","role":"auditor"}`, "Idempotency-Key", "secret words")
	if len(stored) != 1 {
		t.Fatalf("%d answers kept", len(stored))
	}
	text := stored[0].Key + stored[0].Request + string(stored[0].Answer)
	for _, s := range []string{got.str("token"), canary, "secret words", f.key, "displayName"} {
		if strings.Contains(text, s) {
			t.Errorf("the store can read %q", s)
		}
	}
	// A changed answer cannot be decrypted.
	changed := stored[0]
	changed.Answer = append([]byte{}, changed.Answer...)
	changed.Answer[len(changed.Answer)-1] ^= 1
	if err := f.svc.Replays.FinishReplay(context.Background(), f.tenant, changed); err != nil {
		t.Fatal(err)
	}
	f.want(500, "POST", "/api-keys", `{"displayName":"`+canary+`","role":"auditor"}`, "Idempotency-Key", "secret words")
}
