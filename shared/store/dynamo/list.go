package dynamo

import (
	"context"
	"strconv"
	"time"

	"rollcall/shared/directory"
)

// bookmarkLife is how long a bookmark is kept: longer than clients pause between two pages.
const bookmarkLife = time.Hour

// list is the result of a page's first step.
type list struct {
	home  home
	kind  kind
	page  directory.Page
	total int
	parts [userShards]int // total by shard of ids
	after string          // the id before the page
	found bool            // whether after is known
}

// openList reads provider, totals and bookmark in one step.
func (s *Store) openList(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, k kind, page directory.Page, admit directory.Admit,
) (*list, error) {
	l := &list{home: homeFor(t, p, false), kind: k, page: page}
	var keys []key
	mark := l.home.bookmark(k, page.Start)
	if !page.ByCursor && page.Start > 1 && page.Count > 0 {
		keys = []key{mark}
	}
	_, got, err := s.readAdmitted(ctx, t, p, admit, keys, func(ctx context.Context) error {
		its, _, err := s.query(ctx, span{pk: l.home.totals(), lo: string(k), hi: string(k) + "~"})
		for _, it := range its {
			if i, err := strconv.ParseInt(text(it, "SK")[1:], userShards, 8); err == nil {
				l.parts[i] = int(number(it, "n"))
				l.total += l.parts[i]
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	switch {
	case page.ByCursor:
		l.after, l.found = page.After, true
	case page.Start <= 1:
		l.found = true
	case got[mark] != nil && number(got[mark], "ttl") > s.now().Unix():
		l.after, l.found = text(got[mark], "after"), true
	}
	return l, nil
}

// seek returns the id after which to look for the page, and the number of records to skip from there: none with a
// bookmark, else those within one shard of the totals.
func (l *list) seek() (from string, skip int) {
	if l.found {
		return l.after, 0
	}
	letter := byte('u')
	if l.kind == kindGroups {
		letter = 'g'
	}
	skip = l.page.Start - 1
	for i, n := range l.parts {
		if skip < n || i == userShards-1 {
			return shardStart(letter, i), skip
		}
		skip -= n
	}
	return "", skip // not reached
}

// finishList stores the bookmark of the next page and returns totalResults.
func (s *Store) finishList(ctx context.Context, l *list, n int, last string, more bool) (int, error) {
	if l.page.ByCursor || n == 0 {
		return l.total, nil
	}
	ttl := num(s.now().Add(bookmarkLife).Unix())
	if err := s.put(ctx, "bookmark", l.home.bookmark(l.kind, l.page.Start+n), item{"after": str(last), "ttl": ttl}); err != nil {
		return 0, err
	}
	// A client stops at totalResults, so it must be above the page while records follow, even if records were added or
	// removed on earlier pages.
	seen := l.page.Start - 1 + n
	if more {
		return max(l.total, seen+1), nil
	}
	return max(l.total, seen), nil
}
