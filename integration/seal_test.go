package integration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/fsck"
	"rollcall/shared/keys"
	"rollcall/shared/proof"
	"rollcall/shared/random"
)

// sealWatch notes for which tenants the store is called, and fails calls.
type sealWatch struct {
	mu    sync.Mutex
	calls map[directory.TenantID]int
	order []directory.TenantID // of blocks
	fail  func(call string, t directory.TenantID) error
}

// call notes a call; before and after a write it may fail, as a crash would.
func (w *sealWatch) call(name string, t directory.TenantID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[t]++
	if name == "append" {
		w.order = append(w.order, t)
	}
	if w.fail == nil {
		return nil
	}
	return w.fail(name, t)
}

func (w *sealWatch) reset(fail func(call string, t directory.TenantID) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.order, w.fail = map[directory.TenantID]int{}, nil, fail
}

type watchedChains struct {
	directory.Chains
	w *sealWatch
}

func (c watchedChains) ChainHead(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.ChainHead, error) {
	if err := c.w.call("head", t); err != nil {
		return directory.ChainHead{}, err
	}
	return c.Chains.ChainHead(ctx, t, p)
}

func (c watchedChains) ChainHeads(ctx context.Context, t directory.TenantID) ([]directory.ChainHead, error) {
	_ = c.w.call("heads", t)
	return c.Chains.ChainHeads(ctx, t)
}

func (c watchedChains) AppendBlock(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, b directory.Block, settled []string,
) error {
	return c.write("append", t, func() error { return c.Chains.AppendBlock(ctx, t, p, b, settled) })
}

func (c watchedChains) MarkGrown(ctx context.Context, t directory.TenantID, p directory.ProviderID, due time.Time) error {
	return c.write("mark", t, func() error { return c.Chains.MarkGrown(ctx, t, p, due) })
}

func (c watchedChains) ClearGrown(ctx context.Context, g directory.GrownChain, next time.Time) error {
	return c.write("clear", g.Tenant, func() error { return c.Chains.ClearGrown(ctx, g, next) })
}

func (c watchedChains) AddLate(ctx context.Context, t directory.TenantID, p directory.ProviderID, position string) error {
	return c.write("late", t, func() error { return c.Chains.AddLate(ctx, t, p, position) })
}

func (c watchedChains) write(name string, t directory.TenantID, do func() error) error {
	if err := c.w.call(name, t); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return c.w.call(name+" done", t)
}

type watchedTenants struct {
	directory.Tenants
	w *sealWatch
}

func (p watchedTenants) Tenant(ctx context.Context, t directory.TenantID) (directory.Tenant, error) {
	_ = p.w.call("tenant", t)
	return p.Tenants.Tenant(ctx, t)
}

func (p watchedTenants) ListTenants(ctx context.Context, after directory.TenantID, n int) ([]directory.Tenant, error) {
	ts, err := p.Tenants.ListTenants(ctx, after, n)
	for _, t := range ts {
		_ = p.w.call("list", t.ID)
	}
	return ts, err
}

type watchedProviders struct {
	directory.Providers
	w *sealWatch
}

func (p watchedProviders) ListProviders(ctx context.Context, t directory.TenantID) ([]directory.Provider, error) {
	_ = p.w.call("providers", t)
	return p.Providers.ListProviders(ctx, t)
}

type watchedLog struct {
	directory.Log
	w *sealWatch
}

func (l watchedLog) EntriesAfter(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, n int,
) ([]directory.LogEntry, error) {
	_ = l.w.call("log", t)
	return l.Log.EntriesAfter(ctx, t, p, after, before, n)
}

// sealEnv is a service of several tenants whose log is sealed.
type sealEnv struct {
	*testing.T
	*stack.Stack
	*sealWatch
	tenants []directory.TenantID
}

// onSealed runs a test on a service of its own for each store.
func onSealed(t *testing.T, test func(e *sealEnv)) {
	t.Helper()
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := keys.NewLocal()
			if err != nil {
				t.Fatal(err)
			}
			e := &sealEnv{T: t, sealWatch: &sealWatch{calls: map[directory.TenantID]int{}}}
			e.Stack = stack.New(t, stack.Options{External: directory.External{Signer: k}, Ports: func(t testing.TB) directory.Ports {
				p := open(t)
				p.Chains, p.Tenants = watchedChains{p.Chains, e.sealWatch}, watchedTenants{p.Tenants, e.sealWatch}
				p.Providers, p.Log = watchedProviders{p.Providers, e.sealWatch}, watchedLog{p.Log, e.sealWatch}
				return p
			}})
			test(e)
		})
	}
}

func (e *sealEnv) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// grow adds entries to the chain of a tenant, and follows one of them.
func (e *sealEnv) grow(t directory.TenantID, n int) error {
	entry := directory.LogEntry{At: e.Clock.Now(), Action: directory.TenantUpdated, Audit: true,
		Actor: directory.JobActor(directory.JobBootstrap)}
	for range n {
		entry.ID = directory.EntryID("e" + random.ID())
		if err := e.Service.Log.AppendEntry(e.Context(), t, entry); err != nil {
			return err
		}
	}
	return e.Service.FollowEntry(e.Context(), t, entry)
}

// size is a number of things in the test on SQLite, and a tenth of it on DynamoDB Local, which is slow.
func (e *sealEnv) size(n int) int {
	if strings.HasSuffix(e.Name(), "dynamodb") {
		n /= 10
	}
	return n
}

// newTenants creates tenants.
func (e *sealEnv) newTenants(n int) {
	e.Helper()
	for i := range n {
		t := directory.Tenant{ID: directory.TenantID(random.ID()[:7]), DisplayName: fmt.Sprint("Tenant ", i), Version: 1}
		entry := directory.LogEntry{ID: directory.EntryID("e" + random.ID()), At: e.Clock.Now(), Action: directory.TenantCreated, Audit: true}
		e.must(e.Service.Ports.Tenants.CreateTenant(e.Context(), t, entry))
		e.tenants = append(e.tenants, t.ID)
	}
}

func (e *sealEnv) sealAll() error {
	return e.Service.SealAll(e.Context(), func() bool { return false })
}

// sealed returns how many entries of a tenant's chain are sealed, each once, and fails if the chain cannot be verified.
func (e *sealEnv) sealed(t directory.TenantID) int {
	e.Helper()
	got, err := e.Service.As(administration.Admin{Tenant: t}).Logs.Verify(e.Context(), administration.LogExport{Audit: true})
	e.must(err)
	return got.Entries - got.Unsealed
}

// One run of sealing reads nothing of tenants in which nothing has happened.
func TestIdleTenantsAreNotRead(t *testing.T) {
	onSealed(t, func(e *sealEnv) {
		const busy = 5
		idle := e.size(proof.Size(195, 995))
		e.newTenants(busy + idle)
		for _, t := range e.tenants {
			e.must(e.grow(t, 1))
		}
		e.Clock.Advance(time.Hour + time.Minute) // nothing of it was lost on the way to the follower
		e.must(e.sealAll())
		e.Clock.Advance(time.Hour)
		for _, t := range e.tenants[:busy] {
			e.must(e.grow(t, 2))
		}
		e.Clock.Advance(5 * time.Minute)
		e.reset(nil)
		e.must(e.sealAll())
		for i, t := range e.tenants {
			if read := e.calls[t] > 0; read != (i < busy) {
				e.Errorf("tenant %d was read: %v", i, read)
			}
		}
		e.reset(nil)
		e.must(e.sealAll())
		if len(e.calls) != 0 {
			e.Errorf("with nothing to seal, tenants were read: %v", e.calls)
		}
		for round := range 3 { // the first one does what each tenant gets once a day, and the second seals what that marked
			for _, j := range follow.Jobs() {
				e.reset(nil)
				e.must(j.Run(e.Context(), e.Service.Follow, func() bool { return false }))
				for _, t := range e.tenants {
					if round == 2 && e.calls[t] > 0 && j.Name != directory.JobErase { // which reads the list of tenants alone
						e.Errorf("with nothing to do, %s read tenant %s", j.Name, t)
					}
				}
			}
			e.Clock.Advance(5 * time.Minute)
		}
		for _, t := range e.tenants[:busy] {
			if got := e.sealed(t); got != 4 {
				e.Errorf("sealed %d, want 4", got)
			}
		}
	})
}

// Entries that never reached the follower are followed by the job retry when they are an hour old, once.
func TestLostEntriesAreFollowed(t *testing.T) {
	onSealed(t, func(e *sealEnv) {
		e.newTenants(2)
		count := func(t directory.TenantID) int {
			got, err := e.Service.Ports.Counts.Counts(e.Context(), t, "", time.Time{})
			e.must(err)
			return got[directory.TenantUpdated]
		}
		retried := func() (n int) {
			for _, t := range e.tenants {
				ds, err := e.Service.Ports.SetAsides.ListSetAside(e.Context(), t, "", 100)
				e.must(err)
				n += len(ds)
			}
			e.must(e.Service.RetryDue(e.Context(), func() bool { return false }))
			return n
		}
		e.must(e.grow(e.tenants[0], 5)) // four are lost, and those of the tenants' creation
		e.must(e.grow(e.tenants[1], 1))
		for at, want := range []struct{ setAside, counted int }{{0, 1}, {6, 5}, {0, 5}, {0, 5}} {
			e.must(e.sealAll())
			if n, mine, other := retried(), count(e.tenants[0]), count(e.tenants[1]); n != want.setAside || mine != want.counted || other != 1 {
				e.Errorf("hour %d: %d set aside, %d and %d counted; want %+v and 1", at, n, mine, other, want)
			}
			e.Clock.Advance(time.Hour + time.Minute)
		}
	})
}

// A chain does not stay unsealed when the next entry to seal was lost before it got its number.
func TestLostEntriesDoNotStopAChain(t *testing.T) {
	onSealed(t, func(e *sealEnv) {
		c := newClient(e.T, e.Stack, e.Local())
		u := c.send("POST", "/Users", user("kim")).id()
		g := c.send("POST", "/Groups", group("Group")).id()
		e.Follow(e.T)
		e.Clock.Advance(time.Hour + 5*time.Minute)
		e.must(e.sealAll())
		c.send("PATCH", "/Groups/"+g, patch(op("add", "members", []object{{"value": u}}))).wants(e.T, "add", 204, "") // it is lost
		e.Clock.Advance(time.Second)
		c.send("POST", "/Users", user("lee"))
		tenant, p := e.Admin.Tenant, e.Provider.ID
		es, err := e.Service.Log.Entries(e.Context(), tenant, directory.LogQuery{Provider: p, Count: 1})
		e.must(err)
		e.must(e.Service.FollowEntry(e.Context(), tenant, es[0]))
		for range 2 {
			e.Clock.Advance(time.Hour + 5*time.Minute)
			e.must(e.sealAll())
			e.must(e.Service.RetryDue(e.Context(), func() bool { return false }))
		}
		e.Clock.Advance(10 * time.Minute)
		e.must(e.sealAll())
		all := administration.LogExport{Filter: administration.LogFilter{Provider: p}}
		got, err := e.Service.As(administration.Admin{Tenant: tenant}).Logs.Verify(e.Context(), all)
		e.must(err)
		if got.Entries < 4 || got.Unsealed > 0 {
			e.Errorf("%d entries, %d of them not sealed", got.Entries, got.Unsealed)
		}
	})
}

// A checkpoint that is not due yet when the last block is appended is written in its time.
func TestCheckpointsFollow(t *testing.T) {
	onSealed(t, func(e *sealEnv) {
		e.newTenants(1)
		head := func() directory.ChainHead {
			h, err := e.Service.Ports.Chains.ChainHead(e.Context(), e.tenants[0], "")
			e.must(err)
			return h
		}
		for _, wait := range []time.Duration{5 * time.Minute, 5 * time.Minute} { // the second block finds a new checkpoint
			e.must(e.grow(e.tenants[0], 1))
			e.Clock.Advance(wait)
			e.must(e.sealAll())
		}
		if h := head(); h.Seq != 3 || h.CheckpointSeq != 2 {
			e.Errorf("%d blocks, checkpoint %d; want 3 and 2", h.Seq, h.CheckpointSeq)
		}
		e.reset(nil)
		e.Clock.Advance(54 * time.Minute)
		e.must(e.sealAll())
		if h := head(); h.Seq != 3 || len(e.calls) != 1 { // head itself
			e.Errorf("before its time: %d blocks, calls %v", h.Seq, e.calls)
		}
		e.Clock.Advance(time.Minute)
		e.must(e.sealAll())
		if h := head(); h.Seq != 4 || h.CheckpointSeq != 4 {
			e.Errorf("%d blocks, checkpoint %d; want 4 and 4", h.Seq, h.CheckpointSeq)
		}
	})
}

// A chain that cannot be sealed stops no other, keeps its mark, and stops neither purging nor retention. A tenant that
// cannot be purged stops no other.
func TestFailingJobsStopNoOther(t *testing.T) {
	onSealed(t, func(e *sealEnv) {
		e.newTenants(3)
		for _, t := range e.tenants {
			e.must(e.grow(t, 1))
		}
		e.Clock.Advance(5 * time.Minute)
		broken := e.tenants[1]
		e.reset(func(call string, t directory.TenantID) error {
			if t == broken && (call == "append" || call == "mark") {
				return errors.New("broken")
			}
			return nil
		})
		stop := func() bool { return false }
		for name, err := range map[string]error{"seal": e.sealAll(), "retain": e.Service.RetainAll(e.Context(), stop)} {
			if err == nil || strings.Count(err.Error(), "broken") != 1 || !strings.Contains(err.Error(), string(broken)) {
				e.Errorf("%s: the error %v does not name the tenant that failed", name, err)
			}
		}
		e.must(e.Service.PurgeAll(e.Context(), stop))
		for _, t := range e.tenants {
			if got, want := e.sealed(t), 2; t != broken && got != want || t == broken && got != 0 {
				e.Errorf("%s: sealed %d", t, got)
			}
			if task, err := e.Service.Ports.Tasks.Task(e.Context(), t, "purge"); err != nil || task.DoneAt.IsZero() {
				e.Errorf("%s was not purged: %+v, %v", t, task, err)
			}
		}
		e.reset(nil)
		e.must(e.Service.RetainAll(e.Context(), stop)) // at once: a pass in which a tenant failed is not complete
		e.must(e.sealAll())
		if got := e.sealed(broken); got != 2 {
			e.Errorf("sealed %d entries later, want 2", got)
		}
		e.reset(nil)
		e.must(e.Service.RetainAll(e.Context(), stop))
		if len(e.calls) != 0 {
			e.Errorf("a complete pass is repeated: %v", e.calls)
		}
	})
}

// A tenant with very much to seal delays others by one block.
func TestSealingInTurns(t *testing.T) {
	onSealed(t, func(e *sealEnv) {
		e.newTenants(4)
		blocks := max(2, e.size(proof.Size(5, 200)))
		for i, t := range e.tenants {
			n := 1
			if i == 0 {
				n = (blocks-1)*directory.MaxSeals + 1
			}
			e.must(e.grow(t, n))
		}
		for _, p := range []directory.ProviderID{"", "p"} { // another chain of it, both the longest due
			e.must(e.Service.Ports.Chains.MarkGrown(e.Context(), e.tenants[0], p, e.Clock.Now()))
		}
		e.must(e.Service.Log.AppendEntry(e.Context(), e.tenants[0], directory.LogEntry{ID: "e1", Provider: "p", At: e.Clock.Now()}))
		e.Clock.Advance(5 * time.Minute)
		e.reset(nil)
		e.must(e.sealAll())
		first := slices.DeleteFunc(slices.Clone(e.order), func(t directory.TenantID) bool { return !slices.Contains(e.tenants, t) })
		slices.Sort(first[:4])
		want := slices.Sorted(slices.Values(e.tenants))
		if !slices.Equal(first[:4], want) {
			e.Errorf("the first blocks are of %v, want one of each: %v", first[:4], want)
		}
		if got := e.sealed(e.tenants[0]); got != (blocks-1)*directory.MaxSeals+2 {
			e.Errorf("sealed %d", got)
		}
	})
}

// Whatever write of following or sealing is the last before a crash, each entry is sealed once, and then no mark is left.
func TestSealingSurvivesCrashes(t *testing.T) {
	onSealed(t, func(e *sealEnv) {
		crashed := errors.New("crashed")
		for at := 1; ; at++ {
			e.newTenants(1)
			t, n := e.tenants[len(e.tenants)-1], 0
			crash := func(call string, of directory.TenantID) error {
				write, _, _ := strings.Cut(call, " ")
				if of != t || !slices.Contains([]string{"append", "mark", "clear", "late"}, write) {
					return nil
				}
				if n++; n == at {
					return crashed
				}
				return nil
			}
			e.reset(crash)
			err := e.grow(t, 1)
			if err != nil { // the stream delivers again what was not followed
				for _, entry := range e.entries(t) {
					e.must(e.Service.FollowEntry(e.Context(), t, entry))
				}
			}
			e.Clock.Advance(5 * time.Minute)
			err = errors.Join(err, e.sealAll())
			e.reset(nil)
			for range 2 {
				e.Clock.Advance(2 * time.Hour)
				e.must(e.sealAll())
			}
			if got, want := e.sealed(t), len(e.entries(t)); got != want {
				e.Errorf("crash %d: sealed %d of %d", at, got, want)
			}
			left, markErr := e.Service.Ports.Chains.GrownChains(e.Context(), e.Clock.Now().Add(24*time.Hour), directory.GrownChain{}, 10)
			if len(left) != 0 || markErr != nil {
				e.Errorf("crash %d: marks are left: %v, %v", at, left, markErr)
			}
			e.must(fsck.CheckTenant(e.Context(), e.Service.Ports, fsck.Options{Now: e.Clock.Now()}, t, func(f fsck.Finding) {
				e.Errorf("crash %d: %s", at, f)
			}))
			if n < at {
				e.Logf("%d crash points", at-1)
				return
			}
			if !errors.Is(err, crashed) {
				e.Fatalf("crash %d: the error is %v", at, err)
			}
		}
	})
}

func (e *sealEnv) entries(t directory.TenantID) []directory.LogEntry {
	es, err := e.Service.Ports.Log.EntriesAfter(e.Context(), t, "", "", "", 10_000)
	e.must(err)
	return es
}
