package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
	"rollcall/shared/store/sqlite"
)

// large is a tenant with a provider to be deleted, and another one with a group to be deleted.
type large struct {
	*testing.T
	svc           *directorytest.Env
	admin         administration.Admin
	key           string // of an administrator
	leaves, stays directory.Provider
	token         string // of the one that stays
	group         directory.GroupID
}

// newLarge writes the tenant into the file of a service that does not run.
func newLarge(t *testing.T, data string, people, members int) *large {
	t.Helper()
	s, err := sqlite.Open(data, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	l := &large{T: t, svc: directorytest.New(s.Ports(), directory.Runtime{}),
		admin: administration.Admin{Tenant: "large", Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}}}
	ctx, as := t.Context(), l.svc.As(l.admin)
	_, err = as.Tenants.Create(ctx, "Large")
	l.must(err)
	_, l.key, err = as.APIKeys.Create(ctx, administration.NewAPIKey{DisplayName: "Key", Role: directory.RoleAdministrator})
	l.must(err)
	leaves, token, err := as.Providers.Create(ctx, administration.NewProvider{DisplayName: "Leaves", Profile: "entra"})
	l.must(err)
	l.leaves = leaves
	l.people(provisioning.Caller{Provider: leaves.ID, Token: token}, "leaver", people)
	l.stays, l.token, err = as.Providers.Create(ctx, administration.NewProvider{DisplayName: "Stays", Profile: "entra"})
	l.must(err)
	caller := provisioning.Caller{Provider: l.stays.ID, Token: l.token}
	ids := l.people(caller, "member", members)
	g, err := l.svc.CreateGroup(ctx, caller, nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: "Everybody"}, nil, nil, nil
		})
	l.must(err)
	l.group = g.ID
	for some := range slices.Chunk(ids, 5000) {
		_, _, err := l.svc.UpdateGroup(ctx, caller, g.ID, directory.GroupWant{Named: some}, nil,
			func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
				return provisioning.GroupEdit{Profile: v.GroupProfile, Add: some}, nil
			})
		l.must(err)
	}
	l.must(s.Close())
	return l
}

func (l *large) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// people creates people, a thousand in a transaction.
func (l *large) people(caller provisioning.Caller, name string, n int) (ids []directory.ScimID) {
	l.Helper()
	for len(ids) < n {
		l.must(l.svc.Feed.Together(l.Context(), func(ctx context.Context) error {
			for range min(1000, n-len(ids)) {
				u, err := l.svc.CreateUser(ctx, caller, "", nil,
					func(directory.Provider) (directory.Profile, []directory.Change, error) {
						return directory.Profile{UserName: fmt.Sprintf("%s%06d", name, len(ids)), Active: true}, nil, nil
					})
				if err != nil {
					return err
				}
				ids = append(ids, u.ScimID)
			}
			return nil
		}))
	}
	return ids
}

// in runs the command for a service, in this process.
func (s started) in(t *testing.T, key, line string) string {
	t.Helper()
	return (&server{t: t, announcement: s.announcement, key: key}).want(0, line)
}

// TestLargeDeletions deletes a provider with many people, and a group with still more, while another tenant's directory goes
// on. The process is killed five times, and the next one continues. What follows from the other tenant's changes waits for
// none of it, and how far it is can be seen by command.
func TestLargeDeletions(t *testing.T) {
	t.Parallel()
	people, members := proof.Size(5000, 20_000), proof.Size(5000, 50_000)
	data := filepath.Join(t.TempDir(), "rollcall.db")
	s := startServe(t, "--data", data)
	first := s.announcement
	end := func(signal syscall.Signal) {
		_ = s.cmd.Process.Signal(signal)
		_ = s.cmd.Wait()
	}
	end(syscall.SIGTERM)
	l := newLarge(t, data, people, members)
	restart := func() {
		s = startServe(t, "--data", data)
		s.AdminToken, s.SCIMToken = first.AdminToken, first.SCIMToken
	}
	restart()
	other := &follower{T: t, s: &s}
	other.prepare()
	other.goesOn()
	path := strings.Replace(s.SCIMURL, s.ProviderID, string(l.stays.ID), 1) + "/Groups/" + string(l.group)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, path, http.NoBody)
	l.must(err)
	r.Header.Set("Authorization", "Bearer "+l.token)
	res, err := http.DefaultClient.Do(r)
	l.must(err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("deleting the group: %s", res.Status)
	}
	s.in(t, l.key, "provider delete Leaves --users local --confirm Leaves")
	kills, shown := 0, []int{}
	for state := "running"; state == "running"; {
		other.goesOn()
		var k struct {
			State string
			Done  int
		}
		l.must(json.Unmarshal([]byte(between(s.in(t, l.key, "task list --kind delete-provider -o json"), `[`, `]`)), &k))
		if state = k.State; k.Done > 0 && k.Done < people {
			shown = append(shown, k.Done)
		}
		if other.n > 100+people/50 {
			t.Fatalf("no end: %+v", k)
		}
		if kills < 5 && k.Done >= kills*people/20 && state == "running" {
			kills++
			end(syscall.SIGKILL)
			restart()
		}
	}
	if kills < 5 || len(shown) == 0 || !slices.IsSorted(shown) {
		t.Errorf("killed %d times, progress %v", kills, shown)
	}
	got := s.in(t, l.key, "provider list -o json")
	if strings.Contains(got, "Leaves") || !strings.Contains(got, fmt.Sprintf(`"userCount":%d`, members)) {
		t.Errorf("providers: %.500s", got)
	}
	for i := range people {
		if i%500 == 0 {
			if got := s.in(t, l.key, fmt.Sprintf("user show leaver%06d -o json", i)); !strings.Contains(got, `"origin":"local"`) {
				t.Errorf("a person: %.500s", got)
			}
		}
	}
	t.Logf("killed %d times, progress %v; %d changes of the other tenant were followed in %v on average, and in %v at most", kills, shown,
		other.n, other.sum/time.Duration(other.n), other.longest)
}

// follower is another tenant's directory.
type follower struct {
	*testing.T
	s            *started
	group        string
	n            int
	sum, longest time.Duration
}

// prepare maps a group to a role.
func (f *follower) prepare() {
	f.Helper()
	_, body := f.s.send(f.T, f.s.SCIMToken, http.MethodPost, "/Groups", `{"displayName":"Team"}`)
	f.group = between(body, `"id":"`, `"`)
	f.s.in(f.T, f.s.AdminToken, "role-mapping set "+f.s.ProviderID+" --mode groups")
	f.s.in(f.T, f.s.AdminToken, "role-mapping add "+f.s.ProviderID+` --groups Team --roles "Desktop User"`)
}

// goesOn creates somebody in the group, and waits until their role follows.
func (f *follower) goesOn() {
	f.Helper()
	f.n++
	status, body := f.s.send(f.T, f.s.SCIMToken, http.MethodPost, "/Users", fmt.Sprintf(`{"userName":"other%d"}`, f.n))
	if status != http.StatusCreated {
		f.Fatalf("status %d: %s", status, body)
	}
	id, from := between(body, `"id":"`, `"`), time.Now()
	if status, body = f.s.send(f.T, f.s.SCIMToken, http.MethodPatch, "/Groups/"+f.group,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"`+id+`"}]}]}`,
	); status != http.StatusNoContent {
		f.Fatalf("status %d: %s", status, body)
	}
	took := eventually(f.T, "the other tenant's role", time.Minute, func() bool {
		return strings.Contains(f.s.in(f.T, f.s.AdminToken, "user show "+id+" -o json"), "desktop-user")
	}).Sub(from)
	f.sum, f.longest = f.sum+took, max(f.longest, took)
}
