package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/parallel"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

// Histories carries out n random histories through the services on two stores, with the same clock and ids: both must
// answer each step alike and end in the same Dump. openA and openB are called once; each history has its own tenant.
func Histories(t *testing.T, n int, openA, openB func(t *testing.T) directory.Ports) {
	stores := [2]directory.Ports{openA(t), openB(t)}
	steps := rapid.SliceOfN(rapid.Custom(drawStep), 10, 60)
	proof.Check(t, n, func(rt *rapid.T) {
		tenant := directory.TenantID(random.ID()[:7])
		start := time.Now().UTC().Truncate(time.Hour).Add(-48 * time.Hour)
		size := rapid.SampledFrom([]int{1, 7, 100}).Draw(rt, "batch")
		players := [2]*player{newPlayer(rt, stores[0], tenant, start, size), newPlayer(rt, stores[1], tenant, start, size)}
		for i, s := range steps.Draw(rt, "steps") {
			first, second := players[0].play(i, s), players[1].play(i, s)
			if first != second {
				rt.Fatalf("step %d, %+v: the first store answers\n%s\nthe second\n%s", i, s, first, second)
			}
		}
		for _, p := range players {
			p.followAll()
		}
		first, second := Dump(context.Background(), stores[0], tenant), Dump(context.Background(), stores[1], tenant)
		if diff := cmp.Diff(first, second); diff != "" {
			rt.Fatalf("the stores end differently (-first +second):\n%s", diff)
		}
		for i, ports := range stores {
			if found, err := unsound(ports, tenant, players[i].now); found != "" || err != nil {
				rt.Fatalf("store %d is not sound: %v\n%s", i+1, err, found)
			}
		}
	})
}

// step is one step of a history. Its numbers choose among the records that exist when it is carried out.
type step struct {
	Do         string
	A, B, C, D int
	Later      time.Duration // since the previous step
}

func drawStep(t *rapid.T) step {
	n := rapid.IntRange(0, 99)
	return step{
		Do: rapid.SampledFrom(stepNames).Draw(t, "do"), A: n.Draw(t, "a"), B: n.Draw(t, "b"), C: n.Draw(t, "c"), D: n.Draw(t, "d"),
		Later: rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, 90 * time.Second, 3 * time.Hour}).Draw(t, "later"),
	}
}

// player carries out steps on one store. Players of the same history have the same ids.
type player struct {
	t      *rapid.T
	s      *directorytest.Env
	ctx    context.Context
	tenant directory.TenantID
	now    time.Time
	size   int // of the batches in which it follows entries
	step   int
	mu     sync.Mutex
	drawn  int // ids drawn in this step

	providers []playedProvider
	users     []directory.UserID
	groups    []directory.Group
}

type playedProvider struct {
	id    directory.ProviderID
	token string
}

func newPlayer(t *rapid.T, ports directory.Ports, tenant directory.TenantID, start time.Time, size int) *player {
	p := &player{t: t, ctx: parallel.InTurn(context.Background()), tenant: tenant, now: start, size: size, step: -1}
	p.s = directorytest.New(ports, directory.Runtime{Now: func() time.Time { return p.now }, NewID: p.newID, Random: func(b []byte) {
		copy(b, p.newID()+p.newID())
	}})
	record := directory.Tenant{ID: tenant, DisplayName: "T", DeactivationDelay: time.Minute, Version: 1, Created: start, Modified: start}
	p.check(p.s.Tenants.CreateTenant(p.ctx, record,
		directory.LogEntry{ID: "e" + directory.EntryID(p.newID()), At: start, Action: directory.TenantCreated, Audit: true}))
	for i, batches := range []int{3, 1} { // the first with more users than a transaction can add to a group
		p.createProvider(step{A: i})
		for range batches {
			p.createMany(step{D: i})
			p.step--
		}
		p.createGroup(step{A: i, B: 12 * i, C: 4, D: i})
	}
	return p
}

// newID returns the next id of the step, the same for every store.
func (p *player) newID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drawn++
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", p.tenant, p.step, p.drawn))
	return base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").EncodeToString(h[:])[:directory.IDLength-1]
}

func (p *player) play(i int, s step) string {
	p.step, p.drawn, p.now = i, 0, p.now.Add(s.Later)
	return stepsByName[s.Do](p, s)
}

// followBatches follows entries in batches of the player's size.
func (p *player) followBatches(es []directory.LogEntry) {
	for some := range slices.Chunk(es, p.size) {
		batch := make([]directory.TenantEntry, len(some))
		for i, e := range some {
			batch[i] = directory.TenantEntry{Tenant: p.tenant, Entry: e}
		}
		p.check(p.s.FollowAll(p.ctx, batch))
	}
}

// followAll follows the whole log, whether or not it was followed before, until nothing new comes. Then each entry of a
// group has a number, and there are all from 1 on.
func (p *player) followAll() {
	followed := map[directory.EntryID]bool{}
	for {
		all := p.log()
		left := slices.DeleteFunc(slices.Clone(all), func(e directory.LogEntry) bool { return followed[e.ID] })
		if len(left) == 0 {
			p.checkNumbers(all)
			return
		}
		p.followBatches(left)
		for _, e := range left {
			followed[e.ID] = true
		}
	}
}

func (p *player) checkNumbers(es []directory.LogEntry) {
	of := map[directory.GroupID][]int64{}
	for _, e := range es {
		if e.Group != "" && e.Target == "" { // not of a conflict
			of[e.Group] = append(of[e.Group], e.Version)
		}
	}
	for id, ns := range of {
		slices.Sort(ns)
		if !slices.Equal(ns, upTo(len(ns))) {
			p.t.Fatalf("entries of group %s have the numbers %v", id, ns)
		}
	}
}

// log returns the log, the oldest entries first.
func (p *player) log() (all []directory.LogEntry) {
	own, err := p.s.Log.EntriesAfter(p.ctx, p.tenant, "", "", "", 100_000)
	p.check(err)
	all = own
	for _, e := range own {
		if e.Action == directory.ProviderCreated {
			es, err := p.s.Log.EntriesAfter(p.ctx, p.tenant, directory.ProviderID(e.Target), "", "", 100_000)
			p.check(err)
			all = append(all, es...)
		}
	}
	slices.SortFunc(all, func(a, b directory.LogEntry) int { return strings.Compare(a.Position(), b.Position()) })
	return all
}

func (p *player) check(err error) {
	if err != nil {
		p.t.Fatal(err)
	}
}

// answer returns the result of a step for comparison: the value, or the error as clients see it.
func (p *player) answer(v any, err error) string {
	var e *directory.Error
	switch {
	case err == nil:
		return show(v)
	case errors.As(err, &e) && e.Kind != directory.Internal:
		return fmt.Sprintf("%v %s %q", e.Kind, e.Attr, e.Detail)
	}
	var taken *directory.TakenError
	if errors.As(err, &taken) {
		return fmt.Sprintf("taken %+v", *taken)
	}
	p.t.Fatalf("a step failed: %v", err)
	return ""
}

// show returns a value as text, including the values of pointers; an absent list is like an empty one.
func show(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return strings.ReplaceAll(string(got(json.Marshal(v))), "null", "[]")
}

// pick returns the n-th, and half the time one of the first few, so that steps often concern the same ones.
func pick[T any](all []T, n int) (v T, ok bool) {
	if len(all) == 0 {
		return v, false
	}
	if n%2 == 0 {
		return all[n/2%min(3, len(all))], true
	}
	return all[n/2%len(all)], true
}

func (p *player) caller(n int) provisioning.Caller {
	pr := p.providers[n%len(p.providers)]
	return provisioning.Caller{Provider: pr.id, Token: pr.token, RequestID: directory.RequestID(fmt.Sprint("r", p.step)), ClientRequestID: "c"}
}

func (p *player) admin() administration.Admin {
	return administration.Admin{Tenant: p.tenant,
		Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1", RequestID: directory.RequestID(fmt.Sprint("r", p.step)), Reason: "why"}}
}

// user reads the n-th user, and returns it with a caller of its provider.
func (p *player) user(n int) (directory.User, provisioning.Caller, bool) {
	id, ok := pick(p.users, n)
	if !ok {
		return directory.User{}, provisioning.Caller{}, false
	}
	v, err := p.s.Users.UserByID(p.ctx, p.tenant, id)
	p.check(err)
	for i, pr := range p.providers {
		if pr.id == v.Provider {
			return v.User, p.caller(i), true
		}
	}
	return v.User, p.caller(n), true
}

// members picks up to n members of any origin, removed ones included.
func (p *player) members(n, from int) []directory.ScimID {
	var ids []directory.ScimID
	for i := range n {
		if (from+i)%4 == 3 {
			if g, ok := pick(p.groups, from+i); ok {
				ids = append(ids, directory.ScimID(g.ID))
				continue
			}
		}
		if u, _, ok := p.user(from + i*i); ok && u.ScimID != "" {
			ids = append(ids, u.ScimID)
		}
	}
	return ids
}
