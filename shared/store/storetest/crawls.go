package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// The scene of Crawls: so many crawls at once of a list of so many people, of whom the first half stay all the time,
// while the others come and go.
const (
	crawlers, crawled, crawlPage = 16, 300, 25
	crawlStep                    = 15 * time.Second // of the store's clock, for each page that any crawl reads
	crawlPause                   = 25 * time.Minute // the longest between two pages of a crawl
)

// Crawls proves that a crawl by startIndex sees everybody who is there all the time, whatever other crawls of the list
// do: many at once, each at its own pace, n times over, while on average 2.5 people come or go per page. A crawl
// continues until startIndex is above the page's totalResults (RFC 7644 3.4.2.4). open returns a store with the clock.
func Crawls(t *testing.T, n int, open func(t *testing.T, now func() time.Time) directory.Ports) {
	var passed atomic.Int64
	began := time.Now().UTC().Truncate(time.Millisecond)
	ports := open(t, func() time.Time { return began.Add(time.Duration(passed.Load())) })
	missed, missing, pages := 0, 0, 0
	for seed := range uint64(n) { //nolint:gosec // G115: a small number
		c := newCrowd(newWorld(t, ports), seed, &passed)
		pages += c.crawl()
		for _, one := range c.crawls {
			if k := one.missing(c.staying); k > 0 {
				missed, missing = missed+1, missing+k
			}
		}
	}
	t.Logf("%d crawls of %d people read %d pages; %d crawls missed %d people who were there all the time",
		n*crawlers, crawled, pages, missed, missing)
	if missed > 0 {
		t.Errorf("%d of %d crawls missed somebody", missed, n*crawlers)
	}
}

// crowd is a list of people that changes, and its crawls.
type crowd struct {
	*world
	random  *rand.Rand
	clock   *atomic.Int64
	staying []string
	others  []directory.User
	came    int
	crawls  []*crawl
}

type crawl struct {
	start int
	last  int64 // when it read its last page
	seen  map[string]bool
	ended bool
}

func newCrowd(w *world, seed uint64, clock *atomic.Int64) *crowd {
	c := &crowd{world: w, random: rand.New(rand.NewPCG(seed, 1)), clock: clock} //nolint:gosec // G404: repeatable
	for range crawled / 2 {
		c.staying = append(c.staying, string(c.come().ID))
		c.others = append(c.others, c.come())
	}
	for range crawlers {
		c.crawls = append(c.crawls, &crawl{start: 1, last: clock.Load(), seen: map[string]bool{}})
	}
	return c
}

// crawl lets every crawl come to its end, in a random order of their pages, and returns how many pages they read.
func (c *crowd) crawl() (pages int) {
	for open := slices.Clone(c.crawls); len(open) > 0; pages++ {
		c.clock.Add(int64(crawlStep))
		i := c.random.IntN(len(open))
		for k, one := range open {
			if c.clock.Load()-one.last > int64(crawlPause) {
				i = k
			}
		}
		c.read(open[i])
		if open[i].ended {
			open = slices.Delete(open, i, i+1)
		}
		for range c.random.IntN(6) { // 2.5 on average
			c.comeOrGo()
		}
	}
	return pages
}

// read reads a crawl's next page.
func (c *crowd) read(one *crawl) {
	got, err := c.userPages()(directory.Page{Start: one.start, Count: crawlPage})
	c.must(err)
	for _, id := range got.ids {
		one.seen[id] = true
	}
	one.start += len(got.ids)
	one.last = c.clock.Load()
	one.ended = len(got.ids) == 0 || one.start > got.total
}

// comeOrGo adds or removes one person.
func (c *crowd) comeOrGo() {
	if c.random.IntN(crawled) >= len(c.others) {
		c.others = append(c.others, c.come())
		return
	}
	i := c.random.IntN(len(c.others))
	c.remove(c.others[i])
	c.others = slices.Delete(c.others, i, i+1)
}

// come adds a person with the next random id.
func (c *crowd) come() directory.User {
	var bytes [16]byte
	for i := range bytes {
		bytes[i] = byte(c.random.Uint32()) //nolint:gosec // G115: its lowest bits
	}
	c.came++
	return c.user(c.p, fmt.Sprint("person", c.came), func(u *directory.User) {
		u.ID = directory.UserID("u" + directory.NewID(bytes))
		u.ScimID, u.ExternalID, u.Lookups = directory.ScimID(u.ID), "", nil
	})
}

// missing is how many of those who stayed the crawl has not seen.
func (one *crawl) missing(staying []string) (n int) {
	for _, id := range staying {
		if !one.seen[id] {
			n++
		}
	}
	return n
}
