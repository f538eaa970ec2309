package integration_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// race calls fn(0) … fn(n-1) at the same time, again while the store is busy, and returns how many succeeded. All others
// must be refused with the kind.
func race(t *testing.T, n int, refused directory.Kind, fn func(i int) error) int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	succeeded := 0
	for i := range n {
		wg.Go(func() {
			err := fn(i)
			for directory.IsKind(err, directory.Unavailable) {
				err = fn(i)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				succeeded++
			} else if !directory.IsKind(err, refused) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	return succeeded
}

// takesAll is a sender and a box for secrets that refuse nothing and send nothing.
type takesAll struct{}

func (takesAll) Check(string) error { return nil }

func (takesAll) Send(context.Context, string, map[string]string, []byte) (int, string) {
	return 200, ""
}

func (takesAll) Encrypt(_ context.Context, plain []byte, _ string) ([]byte, error) { return plain, nil }

func (takesAll) Decrypt(_ context.Context, encrypted []byte, _ string) ([]byte, error) {
	return encrypted, nil
}

// Rules about a number, or about the last one, hold for requests at the same time.
func TestLimitsHoldInRaces(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Ports: open, External: directory.External{Sender: takesAll{}, Secrets: takesAll{}}})
			ctx := t.Context()
			operator := administration.Admin{Tenant: directory.OperatorScope, Actor: directory.Actor{Kind: directory.ActorOperator, ID: "k0"}}
			if n := race(t, 4, directory.Conflict, func(int) error {
				_, _, err := s.Service.As(operator).Tenants.AddKey(ctx, s.Admin.Tenant, "first", time.Time{})
				return err
			}); n != 1 {
				t.Errorf("%d first keys", n)
			}
			first, err := s.Service.As(s.Admin).APIKeys.List(ctx)
			if err != nil || len(first) != 1 {
				t.Fatalf("%d keys, %v", len(first), err)
			}
			second, _, err := s.Service.As(s.Admin).APIKeys.Create(ctx,
				administration.NewAPIKey{DisplayName: "second", Role: directory.RoleAdministrator})
			if err != nil {
				t.Fatal(err)
			}
			ids := []directory.CredentialID{first[0].ID, second.ID}
			if n := race(t, 2, directory.Conflict, func(i int) error {
				by := s.Admin
				by.Actor.ID = string(ids[i])
				_, err := s.Service.As(by).APIKeys.Revoke(ctx, ids[1-i], administration.Unchecked)
				return err
			}); n != 1 {
				t.Errorf("%d of two administrators revoked each other", n)
			}
			if n := race(t, directory.MaxWebhooks+4, directory.Conflict, func(i int) error {
				_, _, err := s.Service.As(s.Admin).Webhooks.Create(ctx,
					administration.NewWebhook{DisplayName: fmt.Sprint("w", i), URL: "https://hook.example"})
				return err
			}); n != directory.MaxWebhooks {
				t.Errorf("%d webhooks", n)
			}
		})
	}
}
