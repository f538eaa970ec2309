package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/scimapi"
	"rollcall/shared/store/sqlite"
)

const origin = "https://rollcall.example"

func discard() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// newRollcall starts the whole service, with its middleware and log, on a database at path.
func newRollcall(name, path string) server {
	store, err := sqlite.Open(path, time.Now)
	if err != nil {
		fail(err)
	}
	s := newServer(name, directorytest.New(store.Ports(), directory.Runtime{}), discard())
	s.close = func() {
		_ = store.Close()
		if path != sqlite.Memory {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}
	return s
}

// newServer creates a tenant with one provider and returns its handler.
func newServer(name string, svc *directorytest.Env, log *slog.Logger) server {
	admin := administration.Admin{Tenant: directory.DefaultTenant, Actor: directory.Actor{Kind: directory.ActorSystem, ID: "bench"}}
	ctx := context.Background()
	if _, err := svc.As(admin).Tenants.Create(ctx, "Bench"); err != nil {
		fail(err)
	}
	p, token, err := svc.As(admin).Providers.Create(ctx, administration.NewProvider{DisplayName: "Bench", Profile: "entra"})
	if err != nil {
		fail(err)
	}
	h := app.Middleware(scimapi.Handler(svc.Provisioning, scimapi.Options{Origin: origin}), log, "bench", scimapi.Panicked)
	return server{name: name, cpu: cpuTime, handler: h, base: scimapi.BasePath + string(p.ID), token: token}
}

func userBody(i int) string {
	n := strconv.Itoa(i)
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],` +
		`"externalId":"ext` + n + `","userName":"user` + n + `@contoso.example","active":true,"displayName":"User ` + n + `","title":"Analyst",` +
		`"emails":[{"primary":true,"type":"work","value":"user` + n +
		`@contoso.example"}],"phoneNumbers":[{"type":"work","value":"4255550101"}],` +
		`"name":{"formatted":"User ` + n + `","familyName":"Number ` + n + `","givenName":"User"},` +
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Finance","employeeNumber":"` + n + `"}}`
}

func groupBody(name string) string {
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"` + name + `"}`
}

func patchBody(op, path, value string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"` + op + `","path":"` + path + `","value":` +
		value + `}]}`
}

// operations are measured on every server, each on 1,000 users and a group of 1,000 members.
var operations = []struct {
	name string
	run  func(s server, seed []string, group string) testing.BenchmarkResult
}{
	{"GET user by id", func(s server, seed []string, _ string) testing.BenchmarkResult {
		return s.measure(func(i int) { s.must("GET", "/Users/"+seed[i%len(seed)], "") })
	}},
	{"filter userName eq", func(s server, seed []string, _ string) testing.BenchmarkResult {
		return s.measure(func(i int) {
			s.must("GET", "/Users?filter="+url.QueryEscape(`userName eq "user`+strconv.Itoa(i%len(seed))+`@contoso.example"`), "")
		})
	}},
	{"POST user", func(s server, _ []string, _ string) testing.BenchmarkResult {
		return s.measure(func(i int) { s.must("POST", "/Users", userBody(1_000_000+i)) })
	}},
	{"PATCH active", func(s server, seed []string, _ string) testing.BenchmarkResult {
		return s.measure(func(i int) {
			s.must("PATCH", "/Users/"+seed[i%len(seed)], patchBody("replace", "active", strconv.FormatBool(i/len(seed)%2 == 1)))
		})
	}},
	{"PATCH group, add a member (204)", func(s server, seed []string, group string) testing.BenchmarkResult {
		return s.measure(func(i int) {
			s.must("PATCH", "/Groups/"+group, patchBody("add", "members", `[{"value":"`+seed[i%len(seed)]+`"}]`))
		})
	}},
	{"list of 100 users", func(s server, _ []string, _ string) testing.BenchmarkResult {
		return s.measure(func(int) { s.must("GET", "/Users?startIndex=1&count=100", "") })
	}},
}

// rounds is how often each operation is measured on each server, in turn. The fastest round counts, because other work
// on the machine disturbed it least.
const rounds = 5

// compare prints the table of all operations on all servers.
func compare() {
	makers := []func() server{
		func() server {
			return server{name: "elimity-com/scim, map", cpu: cpuTime, handler: newPeer(), close: func() {}}
		},
		func() server { return newRollcall("Rollcall, memory", sqlite.Memory) },
		func() server { return newRollcall("Rollcall, disk", scratch()) },
	}
	fmt.Println("| operation | elimity-com/scim, map | Rollcall, SQLite in memory | Rollcall, SQLite on disk | memory against peer |")
	fmt.Println("|---|---|---|---|---|")
	for _, op := range operations {
		results := make([]testing.BenchmarkResult, len(makers))
		for range rounds {
			for i, start := range makers {
				s := start()
				seed := make1000(s)
				group := s.must("POST", "/Groups", groupBody("Everyone"))
				if r := op.run(s, seed, group); results[i].N == 0 || perOp(r) < perOp(results[i]) {
					results[i] = r
				}
				s.close()
			}
		}
		ratio := perOp(results[0]) / perOp(results[1])
		fmt.Printf("| %s | %s | %s | %s | %.1f times as fast |\n", op.name, row(results[0]), row(results[1]), row(results[2]), ratio)
	}
	fmt.Println()
}

func perOp(r testing.BenchmarkResult) float64 { return float64(r.T.Nanoseconds()) / float64(r.N) }

func make1000(s server) []string {
	seed := make([]string, 1000)
	for i := range seed {
		seed[i] = s.must("POST", "/Users", userBody(i))
	}
	return seed
}

// groupGrowth prints the cost of adding one member to groups of several sizes. It adds and removes members in turn, so
// that the size does not change.
func groupGrowth(sizes string) {
	fmt.Println("| members in the group | add one member |")
	fmt.Println("|---|---|")
	s := newRollcall("Rollcall", sqlite.Memory)
	defer s.close()
	var ids []string
	for text := range strings.SplitSeq(sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil {
			fail(err)
		}
		for len(ids) < size+1000 {
			ids = append(ids, s.must("POST", "/Users", `{"userName":"m`+strconv.Itoa(len(ids))+`"}`))
		}
		group := s.must("POST", "/Groups", groupBody("Size "+text))
		for at := 0; at < size; at += 5000 {
			var values []string
			for _, id := range ids[at:min(at+5000, size)] {
				values = append(values, `{"value":"`+id+`"}`)
			}
			s.must("PATCH", "/Groups/"+group, patchBody("add", "members", "["+strings.Join(values, ",")+"]"))
		}
		r := measure(func(i int) {
			op := "add"
			if i/1000%2 == 1 {
				op = "remove"
			}
			s.must("PATCH", "/Groups/"+group, patchBody(op, "members", `[{"value":"`+ids[size+i%1000]+`"}]`))
		})
		fmt.Printf("| %s | %s |\n", text, row(r))
	}
	fmt.Println()
}

// deepListing crawls n users in pages of 100 and prints the cost of pages at the beginning and at the end.
func deepListing(n int) {
	s := newRollcall("Rollcall", sqlite.Memory)
	defer s.close()
	for i := range n {
		s.must("POST", "/Users", userBody(i))
	}
	page := func(start int) string { return fmt.Sprintf("/Users?startIndex=%d&count=100", start) }
	first := measure(func(i int) { s.must("GET", page(1+(i-1)%100*100), "") })
	for start := 1; start <= n; start += 100 {
		s.must("GET", page(start), "")
	}
	tail := max(1, n-10_000+1)
	last := measure(func(i int) { s.must("GET", page(tail+(i-1)%100*100), "") })
	cold := measure(func(i int) { s.must("GET", page(n-100-i%50), "") })
	fmt.Printf("| page of 100 in %d users | cost |\n|---|---|\n", n)
	fmt.Printf("| first 10,000, in sequence | %s |\n| last 10,000, in sequence | %s |\n| deep, without a page before it | %s |\n", row(first),
		row(last), row(cold))
}
