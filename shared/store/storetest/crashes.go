package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
	"rollcall/shared/fsck"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

// errCrashed ends a write like the death of the process.
var errCrashed = errors.New("crashed")

// Crashes proves that a process may die before any of its writes. It carries out n of the operations on leavers, and
// their effects, stops before the first write, the second, and so on, and continues in a new process. process starts a
// process on the data of the previous one, which has ended; stop is called before every write, and its error ends it.
func Crashes(t *testing.T, n int, process func(t *testing.T, stop func(string) error) directory.Ports) {
	for _, st := range proof.Spread(n, crashStories) {
		t.Run(st.name, func(t *testing.T) {
			alive := func(string) error { return nil }
			run := func(stopBefore int) (done bool, writes int, state string) {
				c := newCrash(t, process(t, alive))
				c.prepare(st)
				left := stopBefore
				var mu sync.Mutex // several users are changed in parallel
				c.use(process(t, func(string) error {
					mu.Lock()
					defer mu.Unlock()
					writes++
					if left == 0 {
						return errCrashed
					}
					left--
					return nil
				}))
				done = st.change(c) == nil
				if done && c.follow() == nil {
					_ = c.deactivateDue()
				}
				c.use(process(t, alive))
				c.size = recoveryBatch
				c.now = c.now.Add(time.Minute) // the lease of a task ends
				c.must(c.follow())
				c.must(c.deactivateDue())
				c.now = c.now.Add(time.Hour)
				c.must(c.deactivateDue())
				c.must(c.follow())
				_, err := c.s.DeactivateDue(c.ctx, directory.JobSweep) // not the whole sweep, which reads the tenants of all tests
				c.must(err)
				if (stopBefore+1)%proof.Size(5, 3) == 0 { // a check reads everything that there is
					found, err := unsound(c.s.Ports, c.admin.Tenant, c.now)
					if c.must(err); found != "" {
						t.Errorf("died before write %d: %s", stopBefore+1, found)
					}
				}
				return done, writes, c.state()
			}
			_, writes, after := run(-1)
			_, _, before := run(0)
			if before == after {
				t.Fatalf("the operation has no effect: %s", after)
			}
			for k := 1; k < writes; k++ {
				done, _, got := run(k)
				if got != after && (done || got != before) {
					t.Errorf("died before write %d of %d, answered %v:\n got %s\nwant %s\n  or %s", k+1, writes, done, got, after, before)
				}
			}
			t.Logf("%d writes", writes)
		})
	}
}

// CrashedBatches proves that a process may die before any of its writes while it follows a batch of entries of all kinds and
// sends what webhooks get, and that another goes on with the same entries in other batches: the state is that of no crash,
// counts and tallies are those of the log, the guard's limit holds, each event is published, and each delivery is sent, once
// unless the process died while it was sending. It stops before every step-th write.
func CrashedBatches(t *testing.T, step int, process func(t *testing.T, stop func(string) error) directory.Ports) {
	alive := func(string) error { return nil }
	run := func(stopBefore int) (writes int, state string) {
		c := newCrash(t, process(t, alive))
		c.prepare(crashStory{before: mixed.before})
		for _, change := range mixed.changes {
			c.now = c.now.Add(time.Second)
			c.must(change(c))
		}
		var mu sync.Mutex
		c.use(process(t, func(string) error {
			mu.Lock()
			defer mu.Unlock()
			if writes++; stopBefore >= 0 && writes > stopBefore {
				return errCrashed
			}
			return nil
		}))
		sending := c.follow() == nil
		if sending {
			_, _ = c.s.DeliverDue(c.ctx, func() bool { return false })
		}
		c.use(process(t, alive))
		c.size, c.now = recoveryBatch, c.now.Add(time.Hour)
		c.must(c.follow())
		_, err := c.s.DeliverDue(c.ctx, func() bool { return false })
		c.must(err)
		c.followedOnce(fmt.Sprintf("died before write %d", stopBefore+1), sending && stopBefore >= 0)
		return writes, c.state()
	}
	writes, want := run(-1)
	if !strings.Contains(want, `"Review":"held"`) {
		t.Errorf("the guard holds nobody: %s", want)
	}
	for k := 0; k < writes; k += step {
		if _, got := run(k); got != want {
			t.Errorf("died before write %d of %d:\n got %s\nwant %s", k+1, writes, got, want)
		}
	}
	t.Logf("%d writes", writes)
}

// followedOnce fails unless counts and tallies are those of the log, and each event was published and sent.
func (c *crash) followedOnce(what string, sending bool) {
	c.Helper()
	w := &world{T: c.T, Ports: c.s.Ports, ctx: c.ctx, tenant: c.admin.Tenant, p: c.caller.Provider, start: c.now.Add(-100 * time.Hour)}
	es := c.entries()
	w.recount(what, slices.Clone(es))
	published, again := map[string]bool{}, 0
	for _, ev := range c.out.bus.events {
		published[ev.ID] = true
	}
	hook := false // the first one is there
	for _, e := range es {
		hook = hook || e.Action == directory.WebhookCreated
		for _, ev := range follow.Events(c.admin.Tenant, e) {
			if !published[ev.ID] {
				c.Errorf("%s: %s of %s was not published", what, ev.Type, e.Action)
			}
			if n := c.out.sent[ev.ID]; hook && n == 0 {
				c.Errorf("%s: %s of %s was not sent", what, ev.Type, e.Action)
			}
		}
	}
	for d, err := range eachDelivery(c.ctx, c.s.Ports, c.admin.Tenant) {
		c.must(err)
		if d.State != directory.DeliveryDelivered {
			c.Errorf("%s: a delivery is %s", what, d.State)
		}
		again--
	}
	for _, n := range c.out.sent {
		again += n
	}
	if again < 0 || again > 0 && !sending {
		c.Errorf("%s: %d deliveries were sent once more", what, again)
	}
}

func eachDelivery(ctx context.Context, ports directory.Ports, t directory.TenantID) iter.Seq2[directory.Delivery, error] {
	return func(yield func(directory.Delivery, error) bool) {
		for before := directory.DeliveryID(""); ; {
			ds, err := ports.Deliveries.ListDeliveries(ctx, t, before, 100)
			for _, d := range ds {
				if before = d.ID; d.Webhook != "" && !yield(d, nil) {
					return
				}
			}
			if err != nil {
				yield(directory.Delivery{}, err)
			}
			if err != nil || len(ds) < 100 {
				return
			}
		}
	}
}

// crash is a tenant with a provider and three users, changed through the services.
type crash struct {
	*testing.T
	ctx    context.Context
	s      *directorytest.Env
	now    time.Time
	admin  administration.Admin
	caller provisioning.Caller
	users  []directory.UserID
	ids    []directory.ScimID
	matter directory.MatterID
	guard  directory.GuardEventID
	group  directory.GroupID
	other  directory.GroupID
	size   int  // of the batches in which it follows
	large  bool // changes of members leave so much that a task goes on
	out    *outside

	prepared map[directory.EntryID]bool // followed before the operation
	followed map[directory.EntryID]bool // by this process
}

func (c *crash) use(ports directory.Ports) {
	if c.followed = maps.Clone(c.prepared); c.followed == nil {
		c.followed = map[directory.EntryID]bool{}
	}
	if c.large {
		ports.Completion = &handing{Completion: ports.Completion, asked: map[directory.EntryID]bool{}}
	}
	c.s = directorytest.New(ports, directory.Runtime{Now: func() time.Time { return c.now },
		External: directory.External{Bus: &c.out.bus, Sender: c.out, Secrets: c.out}})
}

// handing says of each change, once, that more is left of it.
type handing struct {
	directory.Completion
	mu    sync.Mutex
	asked map[directory.EntryID]bool
}

func (l *handing) CompleteEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry, limit int) (bool, error) {
	l.mu.Lock()
	again := l.asked[e.ID]
	l.asked[e.ID] = true
	l.mu.Unlock()
	more, err := l.Completion.CompleteEntry(ctx, t, e, limit)
	return more || !again, err
}

func (c *crash) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func crashProfile(i int) directory.Profile {
	return directory.Profile{UserName: fmt.Sprint("u", i), ExternalID: fmt.Sprintf("8f4b5c1e-0000-4000-8000-%012d", i), Active: true}
}

func newCrash(t *testing.T, ports directory.Ports) *crash {
	c := &crash{T: t, ctx: t.Context(), now: time.Now().UTC().Truncate(time.Minute).Add(-12 * time.Hour),
		size: crashBatch, out: &outside{sent: map[string]int{}}}
	c.use(ports)
	c.admin = administration.Admin{Tenant: directory.TenantID(random.ID()[:7]), Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}}
	_, err := c.s.As(c.admin).Tenants.Create(c.ctx, "T")
	c.must(err)
	p, token, err := c.s.As(c.admin).Providers.Create(c.ctx, administration.NewProvider{DisplayName: "P", Profile: "entra"})
	c.must(err)
	c.caller = provisioning.Caller{Provider: p.ID, Token: token, RequestID: "r1"}
	for i := range 3 {
		u, err := c.create(i)
		c.must(err)
		c.users, c.ids = append(c.users, u.ID), append(c.ids, u.ScimID)
	}
	m, err := c.s.As(c.admin).LegalHolds.Create(c.ctx, "M", "")
	c.must(err)
	c.matter = m.ID
	return c
}

func (c *crash) prepare(st crashStory) {
	c.Helper()
	for _, step := range st.before {
		c.now = c.now.Add(time.Second)
		c.must(step(c))
	}
	c.must(c.follow())
	c.prepared = c.followed
	c.now = c.now.Add(time.Second)
}

// The sizes of the batches in which entries are followed before a crash, and after it: the same entries are cut elsewhere.
const crashBatch, recoveryBatch = 100, 3

// follow follows the log, the oldest entries first, until there are no new ones; a new process starts again.
func (c *crash) follow() error {
	for {
		left := slices.DeleteFunc(c.entries(), func(e directory.LogEntry) bool { return c.followed[e.ID] })
		if len(left) == 0 {
			return nil
		}
		for some := range slices.Chunk(left, c.size) {
			batch := make([]directory.TenantEntry, len(some))
			for i, e := range some {
				if c.large && e.Action == directory.MembersChanged {
					e.Remaining = directory.RemainingMembers
				}
				batch[i] = directory.TenantEntry{Tenant: c.admin.Tenant, Entry: e}
			}
			if err := c.s.FollowAll(c.ctx, batch); err != nil {
				return err
			}
			for _, e := range some {
				c.followed[e.ID] = true
			}
		}
	}
}

func (c *crash) entries() (all []directory.LogEntry) {
	for _, p := range []directory.ProviderID{"", c.caller.Provider} {
		es, err := c.s.Log.Entries(c.ctx, c.admin.Tenant, directory.LogQuery{Provider: p, Count: 1000})
		c.must(err)
		all = append(all, es...)
	}
	slices.SortFunc(all, func(a, b directory.LogEntry) int { return strings.Compare(a.Position(), b.Position()) })
	return all
}

func (c *crash) deactivateDue() error {
	_, err := c.s.DeactivateDue(c.ctx, directory.JobWakeup)
	return err
}

// source returns the kind of an account's OrgSource and the number of its roles.
func source(a directory.Account) string {
	kind, _, _ := strings.Cut(a.OrgSource, ":")
	return fmt.Sprint(kind, " with ", len(a.RoleGrants), " roles")
}

// state returns the state of the users and every action in their logs, as text.
func (c *crash) state() string {
	var lines []string
	for i, id := range c.users {
		v, err := c.s.As(c.admin).Users.ByID(c.ctx, id)
		c.must(err)
		a := v.Account
		if a.AdminBlock != nil {
			a.AdminBlock = &directory.AdminBlock{}
		}
		if !a.OverriddenAt.IsZero() {
			a.OverriddenAt = time.Unix(0, 0)
		}
		if a.Review != "" {
			a.Review = "held"
		}
		a.OrgSource, a.OrgGroup, a.RoleGrants = source(a), "", nil // ids of the run
		a.DeactivatedAt = time.Time{}
		if a.Pending != nil {
			a.Pending = &directory.PendingDeactivation{Frozen: a.Pending.Frozen, Staged: a.Pending.Staged}
		}
		text := strings.ReplaceAll(string(got(json.Marshal(a))), string(c.matter), "m")
		lines = append(lines, fmt.Sprintf("%d %s %s", i, v.DirectoryState(), text))
		es, err := c.s.Log.Entries(c.ctx, c.admin.Tenant, directory.LogQuery{User: id, Count: 100})
		c.must(err)
		for _, e := range es {
			lines = append(lines, fmt.Sprint(i, " ", e.Action, e.Effects))
		}
	}
	conflicts, err := c.s.As(c.admin).Conflicts.List(c.ctx, "", "", 10)
	c.must(err)
	for _, x := range conflicts {
		lines = append(lines, fmt.Sprint("conflict ", x.State, " ", slices.Index(c.users, x.Holder)))
	}
	cs, err := c.s.LegalHolds.Custodians(c.ctx, c.admin.Tenant, c.matter, "", 10)
	c.must(err)
	for _, custodian := range cs {
		lines = append(lines, fmt.Sprint("custodian ", slices.Index(c.users, custodian.User), custodian.OnHold()))
	}
	if c.large {
		ks, err := c.s.Tasks.ListTasks(c.ctx, c.admin.Tenant, "", 10)
		c.must(err)
		for _, k := range ks {
			lines = append(lines, fmt.Sprint(k.Kind, " ", k.State, " ", k.Done, " of ", k.Total))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// unsound returns what is broken in the stored data of a tenant, as text.
func unsound(ports directory.Ports, t directory.TenantID, now time.Time) (string, error) {
	var out strings.Builder
	err := fsck.CheckTenant(context.Background(), ports, fsck.Options{Now: now}, t, func(f fsck.Finding) { fmt.Fprintln(&out, f) })
	return out.String(), err
}
