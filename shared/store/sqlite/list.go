package sqlite

import (
	"fmt"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// bookmarks remember at which id a page of a list ended: position of the next record → last id. So a
// crawl by startIndex costs its results and, since every page goes on right after the one before, sees
// each record once while others come and go. Only the process's memory: a lost one costs an OFFSET.
type bookmarks map[string]string

const maxBookmarks = 100_000

func (b bookmarks) put(h, kind string, next int, after string) {
	if len(b) >= maxBookmarks {
		clear(b)
	}
	b[fmt.Sprint(kind, next, h)] = after
}

func (b bookmarks) get(h, kind string, start int) (string, bool) {
	after, ok := b[fmt.Sprint(kind, start, h)]
	return after, ok
}

// list reads one page through fetch, which returns the last id that belongs to the page and how many
// records it got; it is asked for one more than the page holds, to know whether some follow.
func (s *Store) list(h, table string, page directory.Page, fetch func(after string, skip, limit int) (string, int, error)) (total int, more bool, err error) {
	if total, err = s.total(h, table); err != nil || page.Count == 0 {
		return total, false, err
	}
	after, skip := page.After, 0
	if !page.ByCursor {
		var ok bool
		if after, ok = s.bookmarks.get(h, table, page.Start); !ok {
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
		s.bookmarks.put(h, table, page.Start+n, last)
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

func (s *Store) total(h, kind string) (n int, err error) {
	err = s.exec(`SELECT n FROM totals WHERE home = ? AND kind = ?`, func(r *sqlite.Stmt) error {
		n = int(r.ColumnInt64(0))
		return nil
	}, h, kind)
	return n, err
}

func (s *Store) addTotal(h, kind string, by int) error {
	return s.exec(`INSERT INTO totals (home, kind, n) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + ?3`, nil, h, kind, by)
}
