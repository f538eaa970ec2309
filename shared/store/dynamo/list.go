package dynamo

import (
	"context"
	"errors"
	"strconv"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// epoch is how long a bookmark takes ends of pages, and then at least as long as it is read: longer than clients pause
// between two pages.
const epoch = 30 * time.Minute

func epochOf(at time.Time) int64 { return at.Unix() / int64(epoch.Seconds()) }

// list is the result of a page's first step.
type list struct {
	home  schema.Home
	kind  schema.Kind
	page  directory.Page
	total int
	parts [schema.UserShards]int // total by shard of ids
	after string                 // the id before the page
	found bool                   // whether after is known
}

// openList reads provider, totals and the bookmarks of both epochs in one step.
func (s *Store) openList(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, k schema.Kind, page directory.Page, admit directory.Admit,
) (*list, error) {
	l := &list{home: schema.HomeFor(t, p, false), kind: k, page: page}
	var keys []schema.Key
	if !page.ByCursor && page.Start > 1 && page.Count > 0 {
		now := epochOf(s.now())
		keys = []schema.Key{l.home.Bookmark(k, page.Start, now), l.home.Bookmark(k, page.Start, now-1)}
	}
	_, got, err := s.readAdmitted(ctx, t, p, admit, keys, func(ctx context.Context) error {
		its, _, err := s.query(ctx, span{pk: l.home.Totals(), lo: string(k), hi: string(k) + "~"})
		for _, it := range its {
			if i, err := strconv.ParseInt(text(it, "SK")[1:], schema.UserShards, 8); err == nil {
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
	}
	for _, mark := range keys {
		if after := text(got[mark], "after"); after != "" && (!l.found || after < l.after) {
			l.after, l.found = after, true
		}
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
	if l.kind == schema.KindGroups {
		letter = 'g'
	}
	skip = l.page.Start - 1
	for i, n := range l.parts {
		if skip < n || i == schema.UserShards-1 {
			return schema.ShardStart(letter, i), skip
		}
		skip -= n
	}
	return "", skip // not reached
}

// finishList stores the bookmark of the next page, unless another crawl's is smaller, and returns totalResults.
func (s *Store) finishList(ctx context.Context, l *list, n int, last string, more bool) (int, error) {
	if l.page.ByCursor || n == 0 {
		return l.total, nil
	}
	now := epochOf(s.now())
	mark := item{"after": str(last), "ttl": num((now + 2) * int64(epoch.Seconds()))}
	err := s.putIf(ctx, "bookmark", l.home.Bookmark(l.kind, l.page.Start+n, now), mark,
		when("attribute_not_exists(#PK) OR #after > :after", item{":after": str(last)}))
	if err != nil && !errors.Is(err, errStale) {
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
