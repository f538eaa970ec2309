package dynamo_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/dynamo/meter"
)

// countEnv is the entries of a provider of a tenant of its own, of one minute.
type countEnv struct {
	*testing.T
	tenant directory.TenantID
	minute time.Time
	es     []directory.LogEntry
}

const countedProvider = directory.ProviderID("provider0001")

func newCountEnv(t *testing.T, n int) *countEnv {
	c := &countEnv{t, directory.TenantID(random.ID()[:7]), time.Now().UTC().Add(-time.Hour).Truncate(time.Minute), nil}
	for i := range n {
		c.es = append(c.es, c.entry(i, directory.UserCreated))
	}
	return c
}

func (c *countEnv) entry(i int, a directory.Action) directory.LogEntry {
	return directory.LogEntry{ID: directory.EntryID("e" + random.ID()), At: c.minute.Add(time.Duration(i) * time.Millisecond),
		Provider: countedProvider, Action: a, User: directory.UserID(fmt.Sprint("u", i)),
		Changes: []directory.Change{{Attr: directory.AttrOrganization, After: fmt.Appendf(nil, `"o%d"`, i%3)}}}
}

// count counts entries in a process, and returns for how many it was the first.
func (c *countEnv) count(ctx context.Context, s *dynamo.Store, es ...directory.LogEntry) (n int) {
	c.Helper()
	fresh, err := s.Ports().Counts.CountEntries(ctx, c.tenant, es)
	if err != nil {
		c.Fatal(err)
	}
	for _, yes := range fresh {
		if yes {
			n++
		}
	}
	return n
}

// expect fails unless exactly the entries are counted, each once, for a process that knows nothing.
func (c *countEnv) expect(s *dynamo.Store, es []directory.LogEntry) {
	c.Helper()
	ms, err := s.Ports().Counts.Timeline(c.Context(), c.tenant, countedProvider, c.minute, c.minute.Add(time.Minute))
	if err != nil || len(ms) != 1 {
		c.Fatalf("minutes %v, %v, want one", ms, err)
	}
	want, orgs := map[directory.Action]int{}, map[string]int{}
	for _, e := range es {
		want[e.Action]++
		for name, n := range e.Tally() {
			orgs[name] += n
		}
	}
	if !maps.Equal(ms[0].Counts, want) {
		c.Errorf("counts %v, want %v", ms[0].Counts, want)
	}
	for name, n := range orgs {
		got, err := s.Ports().Counts.Tallies(c.Context(), c.tenant, []string{name})
		if err != nil || got[name] != n {
			c.Errorf("%s is %d, %v, want %d", name, got[name], err, n)
		}
	}
}

// A full page is continued on the next one: also when two processes write in turns, and when one begins that knows no page.
func TestCountsContinueOnTheNextPage(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	process := func() *dynamo.Store {
		s := open(t, table)
		s.LimitMarks(4)
		return s
	}
	c, here, there := newCountEnv(t, 130), process(), process()
	fresh, done := 0, 0
	for batch := range slices.Chunk(c.es, 13) {
		again := c.es[max(0, done-5):done] // the other process counted them
		fresh += c.count(t.Context(), here, slices.Concat(again, batch, batch[:2])...)
		here, there, done = there, here, done+len(batch)
	}
	if fresh != len(c.es) {
		t.Errorf("%d entries were fresh, want %d", fresh, len(c.es))
	}
	late := process()
	if n := c.count(t.Context(), late, c.es...); n != 0 {
		t.Errorf("%d entries were fresh again", n)
	}
	c.expect(late, c.es)
	n, _, err := late.Damage(t.Context(), c.tenant, "p Q", func(it item) item {
		if marks := len(it["m"].(*types.AttributeValueMemberB).Value) / 8; marks > 4 {
			t.Errorf("%s %s has %d marks, want at most 4", text(it, "PK"), text(it, "SK"), marks)
		}
		return nil
	})
	if err != nil || n < len(c.es)/4 {
		t.Errorf("%d pages, %v, want at least %d", n, err, len(c.es)/4)
	}
}

// A batch that moves more sums than fit in a transaction takes several.
func TestCountsTakeSeveralTransactions(t *testing.T) {
	t.Parallel()
	s := open(t, newTable(t))
	s.LimitOps(3)
	c := newCountEnv(t, 40)
	ctx, m := meter.With(t.Context())
	if n := c.count(ctx, s, c.es...); n != len(c.es) {
		t.Errorf("%d entries were fresh, want %d", n, len(c.es))
	}
	if m.Calls() < 16 { // a page, the tally of active users, and that of one organization in each
		t.Errorf("%d transactions", m.Calls())
	}
	c.expect(s, c.es)
}

// Entries that a version before pages counted are not counted again: neither those from before the first page, nor
// those that it counts while both versions run.
func TestCountedBeforePages(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	s, c := open(t, table), newCountEnv(t, 60)
	before := func(es ...directory.LogEntry) {
		t.Helper()
		for _, e := range es {
			if err := s.CountBefore(t.Context(), c.tenant, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	before(c.es[:20]...)
	c.expect(s, c.es[:20])
	if n := c.count(t.Context(), s, c.es[10:40]...); n != 20 {
		t.Errorf("%d entries were fresh, want 20", n)
	}
	c.expect(s, c.es[:40])
	other := c.entry(60, directory.UserDeleted)
	before(slices.Concat(c.es[40:50], []directory.LogEntry{other})...)
	if n := c.count(t.Context(), s, c.es[35:]...); n != 10 {
		t.Errorf("with the old version: %d entries were fresh, want 10", n)
	}
	all := append(slices.Clone(c.es), other)
	if n := c.count(t.Context(), s, all...) + c.count(t.Context(), open(t, table), all...); n != 0 {
		t.Errorf("%d entries were fresh again", n)
	}
	c.expect(s, all)
}

// Processes that count the same entries at once, in batches of their own, count each once.
func TestProcessesCountOnce(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	c := newCountEnv(t, 100)
	for i := range c.es {
		c.es[i].Action = []directory.Action{directory.UserCreated, directory.UserDisabled, directory.UserUpdated}[i%3]
	}
	var fresh atomic.Int64
	var g errgroup.Group
	for i := range 4 {
		s := open(t, table)
		mine := slices.Clone(c.es)
		random := rand.New(rand.NewPCG(1, uint64(i)))
		random.Shuffle(len(mine), func(a, b int) { mine[a], mine[b] = mine[b], mine[a] })
		g.Go(func() error {
			for batch := range slices.Chunk(mine, 11) {
				fresh.Add(int64(c.count(t.Context(), s, batch...)))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := int(fresh.Load()); n != len(c.es) {
		t.Errorf("%d entries were fresh, want %d", n, len(c.es))
	}
	c.expect(open(t, table), c.es)
}

// A process whose page is no longer the newest loses no mark of another one, also where both count other actions.
func TestCountsOfAnOldPage(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	c, here, there := newCountEnv(t, 100), open(t, table), open(t, table)
	es := slices.DeleteFunc(slices.Clone(c.es), func(e directory.LogEntry) bool { return !dynamo.SameShard(e.ID, c.es[0].ID) })[:3]
	es[1].Action, es[2].Action = directory.UserDisabled, directory.UserUpdated
	c.count(t.Context(), here, es[0])
	c.count(t.Context(), there, es[0])
	c.count(t.Context(), here, es[1])
	c.count(t.Context(), there, es[2])
	if n := c.count(t.Context(), open(t, table), es...); n != 0 {
		t.Errorf("%d entries were fresh again", n)
	}
	c.expect(here, es)
}

// Whatever happens to the answers of a transaction that counts, its entries are counted once, and are fresh for no other call.
func TestUncertainCounts(t *testing.T) {
	t.Parallel()
	s, f := openFaulty(t)
	c := newCountEnv(t, 60)
	done := 0
	for _, faults := range [][]string{
		nil, {answerLost}, {answerLost, conflicts}, {lost, conflicts, conflicts}, {answerLost, forgotten}, {answerLost, conflicts, forgotten},
	} {
		f.arm(faults...)
		c.count(t.Context(), s, c.es[done:done+10]...)
		f.arm()
		done += 10
		if n := c.count(t.Context(), s, c.es[:done]...); n != 0 {
			t.Errorf("%v: %d entries were fresh again", faults, n)
		}
		c.expect(s, c.es[:done])
	}
}

// TestCountBudgets limits the cost of counting: a batch of one provider and minute, over all shards of the log, is one
// transaction of at most eight pages and the tallies that it moves.
func TestCountBudgets(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	s, c := open(t, table), newCountEnv(t, 300)
	members := slices.Clone(c.es)
	for i := range members {
		members[i].ID, members[i].User, members[i].Action = directory.EntryID("e"+random.ID()), "", directory.MembersChanged
	}
	shard := slices.DeleteFunc(slices.Clone(members), func(e directory.LogEntry) bool { return !dynamo.SameShard(e.ID, members[0].ID) })
	const pages, tallies = 8, 4
	for _, b := range []struct {
		name        string
		rounds      int
		read, write float64
		s           *dynamo.Store
		es          []directory.LogEntry
	}{
		{"count 1 entry", 1, 0, 2, s, members[:1]},
		{"count 1 more of its shard", 1, 0, 2, s, shard[1:2]},
		{"count 1 again", 0, 0, 0, s, members[:1]},
		{"count 1 again, new process", 1, 0, 2, open(t, table), members[:1]},
		{"count 100, first of a minute", 1, 0, 2 * (pages + tallies), open(t, newTable(t)), c.es[:100]},
		{"count 100 of members", 1, 0, 2 * pages, s, members[100:200]},
		{"count 100 more of members", 1, 0, 2 * pages, s, members[200:]},
		{"count 100 created", 1, 0, 2 * (pages + tallies), s, c.es[:100]},
	} {
		metered, m := meter.With(t.Context())
		c.count(metered, b.s, b.es...)
		t.Logf("%-28s %d round trips, %2d calls, %4.1f read, %4.1f write", b.name, m.Rounds(), m.Calls(), m.ReadUnits(), m.WriteUnits())
		if m.Rounds() > b.rounds || m.ReadUnits() > b.read || m.WriteUnits() > b.write {
			t.Errorf("%s: %d round trips, %g read and %g write units; at most %d, %g and %g are allowed", b.name,
				m.Rounds(), m.ReadUnits(), m.WriteUnits(), b.rounds, b.read, b.write)
		}
	}
}
