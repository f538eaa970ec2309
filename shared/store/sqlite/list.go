package sqlite

import (
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// bookmarks keep where the pages of lists ended, by the position of the next record: so reading a list by startIndex
// costs no more than its results. A bookmark is the smallest end of any crawl's page in this and the last epoch:
// a crawl continues behind nobody it has not seen, though it may see some twice when others were faster. They are only
// in memory: a lost one costs an OFFSET.
type bookmarks struct {
	epoch      int64
	this, last map[listPage]string // the id before the position, by epoch
}

type listPage struct {
	listName
	start int
}

const (
	maxBookmarks = 100_000          // of an epoch
	epoch        = 30 * time.Minute // a client that pauses longer may continue by position
)

// turn begins the epoch of now when it is another one.
func (b *bookmarks) turn(now time.Time) {
	n := now.Unix() / int64(epoch.Seconds())
	switch {
	case n == b.epoch:
	case n == b.epoch+1:
		b.epoch, b.last, b.this = n, b.this, nil
	default:
		*b = bookmarks{epoch: n}
	}
}

func (b *bookmarks) put(p listPage, after string, now time.Time) {
	b.turn(now)
	if b.this == nil || len(b.this) >= maxBookmarks {
		b.this = map[listPage]string{}
	}
	if old, ok := b.this[p]; !ok || after < old {
		b.this[p] = after
	}
}

func (b *bookmarks) get(p listPage, now time.Time) (string, bool) {
	b.turn(now)
	after, ok := b.this[p]
	if old, before := b.last[p]; before && (!ok || old < after) {
		return old, true
	}
	return after, ok
}

// list reads one page with fetch, which returns the page's last id and the number of records; it is called for one more
// than the page has, to see whether more follow.
func (s *Store) list(
	h, table string, page directory.Page, fetch func(after string, skip, limit int) (string, int, error),
) (total int, more bool, err error) {
	total = s.total(h, table)
	if page.Count == 0 {
		return total, false, nil
	}
	after, skip := page.After, 0
	if !page.ByCursor {
		var ok bool
		if after, ok = s.bookmarks.get(listPage{listName{h, table}, page.Start}, s.now()); !ok {
			skip = page.Start - 1
		}
	}
	last, n, err := fetch(after, skip, page.Count+1)
	if err != nil {
		return 0, false, err
	}
	more = n > page.Count
	n = min(n, page.Count)
	if !page.ByCursor && n > 0 {
		s.bookmarks.put(listPage{listName{h, table}, page.Start + n}, last, s.now())
		// Clients stop at totalResults: it must not be reached while records follow, even if the list has changed.
		if seen := page.Start - 1 + n; total < seen || more && total == seen {
			total = seen
			if more {
				total++
			}
		}
	}
	return total, more, nil
}

// totals are the numbers of records of every list, kept in memory: counted when the store is opened, changed by every
// transaction, and restored if it fails.
type totals struct {
	n    map[listName]int
	undo []listName // changed by the running transaction,
	by   []int      // by these amounts
}

type listName struct{ home, kind string }

func (s *Store) loadTotals() error {
	s.totals.n = map[listName]int{}
	for kind, query := range map[string]string{
		"users":  `SELECT home, count(*) FROM users GROUP BY home`,
		"groups": `SELECT home, count(*) FROM groups GROUP BY home`,
	} {
		err := s.exec(query, func(r *sqlite.Stmt) error {
			s.totals.n[listName{r.ColumnText(0), kind}] = int(r.ColumnInt64(1))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) total(h, kind string) int { return s.totals.n[listName{h, kind}] }

func (s *Store) addTotal(h, kind string, by int) {
	name := listName{h, kind}
	s.totals.n[name] += by
	s.totals.undo, s.totals.by = append(s.totals.undo, name), append(s.totals.by, by)
}

// finish ends the counting of a transaction.
func (t *totals) finish(committed bool) {
	if !committed {
		for i, name := range t.undo {
			t.n[name] -= t.by[i]
		}
	}
	t.undo, t.by = t.undo[:0], t.by[:0]
}
