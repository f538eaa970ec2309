package dynamo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// countedFor is how long an entry is at least remembered as counted: longer than the stream keeps it.
const countedFor = 32 * 24 * time.Hour

// countStore implements directory.Counts.
type countStore struct{ *Store }

// CountEntries implements directory.Counts. Pages that this process does not know are taken to be absent: a refused
// condition brings them.
func (s countStore) CountEntries(ctx context.Context, t directory.TenantID, es []directory.LogEntry) ([]bool, error) {
	c := s.newCounting(t, es)
	for stale := 0; ; {
		x := c.next()
		if len(x.ops) == 0 {
			return c.fresh, nil
		}
		err := s.commit(ctx, "count", x)
		switch {
		case err == nil:
			stale = 0
			c.counted()
			continue
		case !errors.Is(err, errStale):
			return nil, err
		}
		if err := c.loadOld(ctx); err != nil {
			return nil, err
		}
		if stale++; stale == maxTries {
			return nil, contended("count")
		}
		if stale > 1 { // the first refusal tells what is stored
			if err := pause(ctx, stale); err != nil {
				return nil, err
			}
		}
	}
}

// counting is a call of CountEntries.
type counting struct {
	*Store
	t       directory.TenantID
	es      []directory.LogEntry
	fresh   []bool
	chains  []*chain
	shard   int            // of the tallies
	adding  []*chain       // to whose last pages the transaction adds
	tallies map[string]int // that it moves
}

// chain is the pages of a provider's minute and shard, and which entries of a call are still to be counted there.
type chain struct {
	provider directory.ProviderID
	minute   string
	shard    int
	pages    []countPage // all but the last are full and do not change any more
	left     []int       // indexes of entries
	taken    int         // how many of them the transaction counts
	next     countPage   // what it writes
	old      bool        // entries were counted in the form before pages, which are to be read
}

func (s *Store) newCounting(t directory.TenantID, es []directory.LogEntry) *counting {
	c := &counting{Store: s, t: t, es: es, fresh: make([]bool, len(es))}
	of := map[schema.Key]*chain{}
	for i, e := range es {
		ch := &chain{provider: e.Provider, minute: schema.MinuteOf(e.At), shard: schema.Spread(string(e.ID), schema.LogShards)}
		k := ch.key(t, 0)
		if of[k] == nil {
			if ch.pages = s.counts.get(k); len(ch.pages) == 0 {
				ch.pages = []countPage{{}}
			}
			of[k], c.chains = ch, append(c.chains, ch)
		}
		of[k].left = append(of[k].left, i)
	}
	if len(es) > 0 {
		c.shard = schema.Spread(string(es[0].ID), schema.TallyShards)
	}
	return c
}

func (ch *chain) key(t directory.TenantID, page int) schema.Key {
	return schema.CountKey(t, ch.provider, ch.minute, ch.shard, page)
}

// next returns a transaction that counts entries that are not counted yet, as many as fit; an empty one at the end.
func (c *counting) next() *tx {
	c.adding, c.tallies = nil, map[string]int{}
	for _, ch := range c.chains {
		c.take(ch)
	}
	x := &tx{}
	for _, ch := range c.adding {
		c.put(x, ch)
	}
	for _, name := range slices.Sorted(maps.Keys(c.tallies)) {
		if n := c.tallies[name]; n != 0 {
			x.update(c.Store, schema.TallyKey(c.t, name, c.shard), edit{add: map[string]int64{"n": int64(n)}}, always, nil)
		}
	}
	return x
}

// take adds entries of a chain to the transaction, after leaving out those that are counted.
func (c *counting) take(ch *chain) {
	if last := ch.pages[len(ch.pages)-1]; len(last.marks) >= c.pageMarks {
		ch.pages = append(ch.pages, countPage{})
	}
	if ch.skipCounted(c.es); len(ch.left) == 0 {
		return
	}
	last := ch.pages[len(ch.pages)-1]
	ch.next, ch.taken = countPage{rev: last.rev + 1, counts: maps.Clone(last.counts), marks: slices.Clone(last.marks)}, 0
	if ch.next.counts == nil {
		ch.next.counts = map[string]int64{}
	}
	for _, i := range ch.left {
		tally := c.es[i].Tally()
		pages := len(c.adding)
		if ch.taken == 0 {
			pages++
		}
		more := 0
		for name := range tally {
			if _, known := c.tallies[name]; !known {
				more++
			}
		}
		if items := pages + len(c.tallies) + more; items > c.maxOps && (pages > 1 || ch.taken > 0) || len(ch.next.marks) >= c.pageMarks {
			return
		}
		if ch.taken == 0 {
			c.adding = append(c.adding, ch)
		}
		ch.taken++
		ch.next.add(c.es[i])
		for name, n := range tally {
			c.tallies[name] += n
		}
	}
}

// skipCounted leaves out the entries that have a mark, and those that are in the call twice.
func (ch *chain) skipCounted(es []directory.LogEntry) {
	seen := map[countMark]bool{}
	for _, i := range ch.left {
		seen[markOf(es[i].ID)] = false
	}
	for _, p := range ch.pages {
		for _, m := range p.marks {
			if _, asked := seen[m]; asked {
				seen[m] = true
			}
		}
	}
	ch.left = slices.DeleteFunc(ch.left, func(i int) bool {
		m := markOf(es[i].ID)
		counted := seen[m]
		seen[m] = true
		return counted
	})
}

// put adds the write of a chain's last page, under the condition that it is as known: also the counts that it changes,
// which a version from before pages raises without a revision.
func (c *counting) put(x *tx, ch *chain) {
	n := len(ch.pages) - 1
	was, set := ch.pages[n], item{
		"rev": num(ch.next.rev), "m": bin(packMarks(ch.next.marks)), "ttl": num(c.now().Add(max(c.retention, countedFor)).Unix()),
	}
	is := absent
	if was.stored {
		is = when("attribute_not_exists(#rev)", nil)
		if was.rev > 0 {
			is = when("#rev = :rev", item{":rev": num(was.rev)})
		}
	}
	for name, now := range ch.next.counts {
		before, known := was.counts[name]
		switch {
		case now == before:
			continue
		case known:
			is = is.and(when("#"+name+" = :o"+name, item{":o" + name: num(before)}))
		case was.stored:
			is = is.and(when("attribute_not_exists(#"+name+")", nil))
		}
		set[name] = num(now)
	}
	x.update(c.Store, ch.key(c.t, n), edit{set: set}, is, func(old item) error {
		ch.pages[n] = pageOf(old)
		if ch.old = ch.pages[n].unmarked(); !ch.old {
			c.keep(ch)
		}
		return errStale
	})
}

// counted notes that the transaction was carried out.
func (c *counting) counted() {
	for _, ch := range c.adding {
		ch.next.stored = true
		ch.pages[len(ch.pages)-1] = ch.next
		for _, i := range ch.left[:ch.taken] {
			c.fresh[i] = true
		}
		ch.left = ch.left[ch.taken:]
		c.keep(ch)
	}
}

// keep remembers the pages of a chain, for other calls.
func (c *counting) keep(ch *chain) { c.counts.put(ch.key(c.t, 0), slices.Clone(ch.pages)) }

// loadOld adds the marks of entries that were counted in the form before pages: an item for each.
func (c *counting) loadOld(ctx context.Context) error {
	var fns []func(context.Context) error
	for _, ch := range c.chains {
		if !ch.old {
			continue
		}
		fns = append(fns, func(ctx context.Context) error {
			its, _, err := c.query(ctx, span{pk: schema.CountedBefore(c.t, ch.provider, ch.minute, ch.shard)})
			if err != nil {
				return err
			}
			last := &ch.pages[len(ch.pages)-1]
			for _, it := range its {
				if m := markOf(directory.EntryID(schema.Unescape(text(it, "SK")))); !slices.Contains(last.marks, m) {
					last.marks = append(last.marks, m)
				}
			}
			ch.old = false
			c.keep(ch)
			return nil
		})
	}
	return meter.Parallel(ctx, fns...)
}

// Uncounted implements directory.Counts: it reads the pages of the entries, unless this process knows them.
func (s countStore) Uncounted(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, count int,
) (out []directory.LogEntry, next string, err error) {
	es, err := s.Ports().Log.EntriesAfter(ctx, t, p, after, before, count)
	if err != nil || len(es) == 0 {
		return nil, "", err
	}
	c := s.newCounting(t, es)
	if err := c.load(ctx); err != nil {
		return nil, "", err
	}
	left := map[int]bool{}
	for _, ch := range c.chains {
		for _, i := range ch.left {
			left[i] = true
		}
	}
	for i, e := range es {
		if left[i] {
			out = append(out, e)
		}
	}
	return out, es[len(es)-1].Position(), nil
}

// load reads the last pages of the chains that have entries left, and leaves out those that are counted.
func (c *counting) load(ctx context.Context) error {
	open := c.chains
	for {
		open = slices.DeleteFunc(slices.Clone(open), func(ch *chain) bool {
			ch.skipCounted(c.es)
			return len(ch.left) == 0
		})
		keys := make([]schema.Key, len(open))
		for i, ch := range open {
			keys[i] = ch.key(c.t, len(ch.pages)-1)
		}
		got, err := c.get(ctx, keys...)
		if err != nil {
			return err
		}
		var more []*chain
		for i, ch := range open {
			ch.pages[len(ch.pages)-1] = pageOf(got[keys[i]])
			if ch.old = ch.pages[len(ch.pages)-1].unmarked(); ch.old {
				continue
			}
			c.keep(ch)
			if len(ch.pages[len(ch.pages)-1].marks) >= c.pageMarks {
				ch.pages = append(ch.pages, countPage{})
				more = append(more, ch)
			}
		}
		if err := c.loadOld(ctx); err != nil {
			return err
		}
		for _, ch := range open {
			ch.skipCounted(c.es)
		}
		if open = more; len(open) == 0 {
			return nil
		}
	}
}

// countMark is the mark of an entry on its page: of the entries of a page, no two have the same.
type countMark [8]byte

func markOf(id directory.EntryID) countMark {
	h := sha256.Sum256([]byte(id))
	return countMark(h[:8])
}

// pageMarks is the number of marks from which a page is full: it has 32 KB then, and each write of it costs 64 units.
const pageMarks = 4000

// countPage is a page of counts. The counts are those of exactly the entries that have a mark. A page is replaced, never
// changed.
type countPage struct {
	stored bool
	rev    int64            // 0: in the form before pages, or absent
	counts map[string]int64 // by countAttr
	marks  []countMark
}

func pageOf(it item) countPage {
	p := countPage{stored: len(it) > 0, rev: number(it, "rev"), counts: map[string]int64{}}
	for name := range it {
		if _, ok := schema.ActionOf(name); ok {
			p.counts[name] = number(it, name)
		}
	}
	for m := range slices.Chunk(bytesOf(it, "m"), len(countMark{})) {
		p.marks = append(p.marks, countMark(m))
	}
	return p
}

func packMarks(ms []countMark) []byte {
	out := make([]byte, 0, len(ms)*len(countMark{}))
	for _, m := range ms {
		out = append(out, m[:]...)
	}
	return out
}

func (p *countPage) add(e directory.LogEntry) {
	p.counts[schema.CountAttr(e.Action)]++
	p.marks = append(p.marks, markOf(e.ID))
}

// unmarked reports whether entries are counted that have no mark: by a version from before pages.
func (p countPage) unmarked() bool {
	n := int64(0)
	for _, by := range p.counts {
		n += by
	}
	return n > int64(len(p.marks))
}

// countCache keeps the newest pages that this process has seen, in two generations: when the young one is full, the old
// one is forgotten. Safe for concurrent use.
type countCache struct {
	mu         sync.Mutex
	young, old map[schema.Key][]countPage
	marks      int // in young
}

// maxCachedMarks is the number of marks in a generation, 4 MB.
const maxCachedMarks = 500_000

func (c *countCache) get(k schema.Key) []countPage {
	c.mu.Lock()
	defer c.mu.Unlock()
	ps, ok := c.young[k]
	if !ok {
		ps = c.old[k]
	}
	return slices.Clone(ps)
}

func (c *countCache) put(k schema.Key, ps []countPage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	weight := func(ps []countPage) int {
		n := 50 * len(ps)
		for _, p := range ps {
			n += len(p.marks)
		}
		return n
	}
	c.marks += weight(ps) - weight(c.young[k])
	if c.young == nil || c.marks > maxCachedMarks {
		c.young, c.old, c.marks = map[schema.Key][]countPage{}, c.young, weight(ps)
	}
	c.young[k] = ps
}

func (s countStore) Counts(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, since time.Time,
) (map[directory.Action]int, error) {
	out := map[directory.Action]int{}
	ms, err := s.Timeline(ctx, t, p, since, time.Time{})
	for _, m := range ms {
		for a, n := range m.Counts {
			out[a] += n
		}
	}
	return out, err
}

func (s countStore) Timeline(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, since, until time.Time,
) ([]directory.Minute, error) {
	hi := ""
	if !until.IsZero() {
		hi = schema.MinuteOf(until.Add(-1)) + "$" // after the pages of the last minute
	}
	var shards [schema.LogShards][]item
	var fns []func(context.Context) error
	for i := range schema.LogShards {
		k := schema.CountKey(t, p, schema.MinuteOf(since), i, 0)
		fns = append(fns, func(ctx context.Context) (err error) {
			shards[i], _, err = s.query(ctx, span{pk: k.PK, lo: k.SK, hi: hi})
			return err
		})
	}
	if err := meter.Parallel(ctx, fns...); err != nil {
		return nil, err
	}
	minutes := map[string]map[directory.Action]int{}
	for _, it := range slices.Concat(shards[:]...) {
		sk, _, _ := strings.Cut(text(it, "SK"), "#")
		if minutes[sk] == nil {
			minutes[sk] = map[directory.Action]int{}
		}
		for name := range it {
			if a, ok := schema.ActionOf(name); ok {
				minutes[sk][a] += int(number(it, name))
			}
		}
	}
	var out []directory.Minute
	for _, sk := range slices.Sorted(maps.Keys(minutes)) {
		at, err := time.Parse(schema.MinuteForm, sk)
		if err != nil {
			return nil, fmt.Errorf("decode minute: %w", err)
		}
		out = append(out, directory.Minute{At: at, Counts: minutes[sk]})
	}
	return out, nil
}

func (s countStore) Tallies(ctx context.Context, t directory.TenantID, names []string) (map[string]int, error) {
	of := map[schema.Key]string{}
	for _, n := range names {
		for i := range schema.TallyShards {
			of[schema.TallyKey(t, n, i)] = n
		}
	}
	got, err := s.get(ctx, slices.Collect(maps.Keys(of))...)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for k, it := range got {
		out[of[k]] += int(number(it, "n"))
	}
	return out, nil
}
