package integration_test

import (
	"testing"

	"rollcall/integration/entra/wire"
	"rollcall/integration/stack"
	"rollcall/shared/directory"
)

// stores holds the stores that the tests of this package run on.
var stores = map[string]func(testing.TB) directory.Ports{
	"sqlite":   stack.SQLite,
	"dynamodb": stack.DynamoDB,
}

// onStores runs a test on a service of its own for each store.
func onStores(t *testing.T, test func(t *testing.T, s *stack.Stack, c client)) {
	t.Helper()
	for name, ports := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Ports: ports})
			test(t, s, newClient(t, s, s.Local()))
		})
	}
}

// customExtension is the extension that the wire cases use.
var customExtension = []directory.Extension{{
	URN: "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User", Name: "CustomExtensionName",
	Attributes: []directory.ExtensionAttribute{{Name: "tag", Type: "string"}},
}}

// The 81 recorded exchanges of Entra, of which six need the token endpoint, pass through both doors on every store.
func TestWireCases(t *testing.T) {
	t.Parallel()
	for store, ports := range stores {
		for _, door := range []string{"local", "gateway"} {
			t.Run(store+"/"+door, func(t *testing.T) {
				t.Parallel()
				for name, extensions := range map[string][]directory.Extension{"extension": customExtension, "plain": nil} {
					s := stack.New(t, stack.Options{Ports: ports, Extensions: extensions})
					do := s.Local()
					if door == "gateway" {
						do = s.Gateway()
					}
					got := wire.Replay(t, wire.Target{
						Do: do, BaseURL: s.BaseURL, Token: s.Token,
						Has: map[string]bool{"custom-extension": extensions != nil},
					})
					t.Logf("%s: %d passed, %d not applicable", name, got.Passed, got.NotApplicable)
					if got.NotApplicable > 6 {
						t.Errorf("%s: %d cases not applicable, at most the 6 of the token endpoint may be", name, got.NotApplicable)
					}
				}
			})
		}
	}
}

// The same exchanges give equal status, headers and body on every store and through every door.
func TestDoorsAndStoresAnswerAlike(t *testing.T) {
	t.Parallel()
	var want []wire.Exchange
	var wantName string
	for store, ports := range stores {
		for _, door := range []string{"local", "gateway"} {
			s := stack.New(t, stack.Options{Ports: ports, Extensions: customExtension, IDs: stack.CountedIDs()})
			do := s.Local()
			if door == "gateway" {
				do = s.Gateway()
			}
			got, err := wire.Record(wire.Target{Do: do, BaseURL: s.BaseURL, Token: s.Token, Has: map[string]bool{"custom-extension": true}})
			if err != nil {
				t.Fatal(err)
			}
			got = wire.Normalize(s.BaseURL, got)
			if want == nil {
				want, wantName = got, store+"/"+door
				continue
			}
			for _, d := range wire.Diff(want, got) {
				t.Errorf("%s and %s/%s: %s", wantName, store, door, d)
			}
		}
	}
	if len(want) < 80 {
		t.Fatalf("only %d exchanges were recorded", len(want))
	}
}
