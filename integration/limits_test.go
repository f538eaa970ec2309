package integration_test

import (
	"context"
	"fmt"
	"strings"
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

// Certificates and photos of up to 64 KB are kept, changed and listed on every store, and a page of them that no function
// could answer is refused (C38).
func TestLargeValues(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Ports: open})
			c := newClient(t, s, s.Gateway())
			big := strings.Repeat("QUJD", 16<<10)
			photos := []object{{"value": big, "type": "photo"}, {"value": big, "type": "thumbnail"}}
			const people = 41 // of 128 KB
			var id string
			for i := range people {
				a := c.send("POST", "/Users", user(fmt.Sprint("p", i), object{"photos": photos, "title": "T"}))
				a.wants(t, "a large person", 201, "")
				id = a.id()
			}
			cert := []object{{"value": big, "display": "d"}, {"value": "x" + big[1:]}}
			a := c.send("PATCH", "/Users/"+id, patch(op("remove", "photos", nil), op("add", "x509Certificates", cert)))
			a.wants(t, "an entry with the old and the new values", 200, "")
			if got := c.send("GET", "/Users/"+id, nil).json["x509Certificates"].([]any); len(got) != 2 {
				t.Errorf("kept %d certificates", len(got))
			}
			for _, query := range []string{"count=200", "cursor=&count=200", "count=200&filter=title+eq+T",
				"count=200&filter=title+eq+T&sortBy=userName"} {
				all := c.send("GET", "/Users?"+query, nil)
				if all.wants(t, query, 200, ""); len(all.json["Resources"].([]any)) != people || len(all.text) > 100<<10 {
					t.Errorf("%s: %d people in %d bytes", query, len(all.json["Resources"].([]any)), len(all.text))
				}
				named := query + "&attributes=photos,x509Certificates"
				refused := c.send("GET", "/Users?"+named, nil)
				if refused.wants(t, named, 400, "tooMany"); !strings.Contains(refused.text, "smaller count") {
					t.Errorf("%s: %s", named, refused.text)
				}
				few := c.send("GET", "/Users?"+strings.Replace(named, "count=200", "count=35", 1), nil)
				if few.wants(t, named, 200, ""); len(few.json["Resources"].([]any)) != 35 || len(few.text) < 35*len(big) {
					t.Errorf("%s: %d people in %d bytes", named, len(few.json["Resources"].([]any)), len(few.text))
				}
			}
			search := object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "count": 200,
				"attributes": []string{"photos", "x509Certificates"}}
			c.send("POST", "/.search", search).wants(t, "a search of everything", 400, "tooMany")
		})
	}
}
