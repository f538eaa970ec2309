package sqlite

import (
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// bookmarks remember at which id a page of a list ended: position of the next record → last id. So a
// crawl by startIndex costs its results and, since every page goes on right after the one before, sees
// each record once while others come and go. Only the process's memory: a lost one costs an OFFSET.
type bookmarks map[listPage]bookmark

type listPage struct {
	listName
	start int
}

type bookmark struct {
	after string
	made  time.Time
}

const (
	maxBookmarks = 100_000
	bookmarkLife = time.Hour // a crawl that pauses longer goes on by position
)

func (b bookmarks) put(p listPage, after string, now time.Time) {
	if len(b) >= maxBookmarks {
		clear(b)
	}
	b[p] = bookmark{after, now}
}

func (b bookmarks) get(p listPage, now time.Time) (string, bool) {
	m, ok := b[p]
	return m.after, ok && now.Sub(m.made) < bookmarkLife
}

// list reads one page through fetch, which returns the last id that belongs to the page and how many
// records it got; it is asked for one more than the page holds, to know whether some follow.
func (s *Store) list(
	h, table string, page directory.Page, fetch func(after string, skip, limit int) (string, int, error),
) (total int, more bool, err error) {
	if total = s.total(h, table); page.Count == 0 {
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
		// A crawl stops at totalResults: while records follow, it must not be reached, whatever came or
		// went behind the crawl.
		if seen := page.Start - 1 + n; total < seen || more && total == seen {
			total = seen
			if more {
				total++
			}
		}
	}
	return total, more, nil
}

// totals are the numbers of records of every list, kept in memory: the tables say them when the store is
// opened, every transaction moves them, and one that fails moves them back.
type totals struct {
	n    map[listName]int
	undo []listName // what the running transaction has counted,
	by   []int      // and by how much
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

// settle ends the counting of a transaction.
func (t *totals) settle(committed bool) {
	if !committed {
		for i, name := range t.undo {
			t.n[name] -= t.by[i]
		}
	}
	t.undo, t.by = t.undo[:0], t.by[:0]
}
