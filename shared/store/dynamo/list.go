package dynamo

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// bookmarkLife is how long a bookmark is kept: longer than a crawl pauses between two pages.
const bookmarkLife = time.Hour

// list is what a page's first step found out.
type list struct {
	home  home
	kind  kind
	page  directory.Page
	total int
	parts [userShards]int // total by shard of ids
	after string          // the id the page follows
	found bool            // whether after is known
}

// openList reads provider, totals and bookmark at once.
func (s *Store) openList(ctx context.Context, t directory.TenantID, p directory.ProviderID, k kind, page directory.Page, admit directory.Admit) (*list, error) {
	l := &list{home: homeFor(t, p, false), kind: k, page: page}
	var keys []key
	mark := l.home.bookmark(k, page.Start)
	if !page.ByCursor && page.Start > 1 && page.Count > 0 {
		keys = []key{mark}
	}
	_, got, err := s.opening(ctx, t, p, admit, keys, func(ctx context.Context) error {
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

// seek returns the id behind which to look for the page, and how many records to skip from there: none with a
// bookmark, else those of one shard of the totals.
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

// finish puts the page's bookmark and returns what the total is to be.
func (s *Store) finish(ctx context.Context, l *list, n int, last string, more bool) (int, error) {
	if l.page.ByCursor || n == 0 {
		return l.total, nil
	}
	ttl := num(s.now().Add(bookmarkLife).Unix())
	if err := s.put(ctx, "bookmark", l.home.bookmark(l.kind, l.page.Start+n), item{"after": str(last), "ttl": ttl}); err != nil {
		return 0, err
	}
	// A crawl stops at totalResults: while records follow, it must not be reached, whatever came or went
	// behind the crawl.
	seen := l.page.Start - 1 + n
	if more {
		return max(l.total, seen+1), nil
	}
	return max(l.total, seen), nil
}

// ListUsers implements directory.Users.
func (s *Store) ListUsers(ctx context.Context, t directory.TenantID, p directory.ProviderID, page directory.Page, want directory.UserWant, admit directory.Admit) (out directory.UserPage, err error) {
	l, err := s.openList(ctx, t, p, kindUsers, page, admit)
	if err != nil || page.Count < 1 {
		if err == nil {
			out.Total = l.total
		}
		return out, err
	}
	from, skip := l.seek()
	us, err := s.usersAfter(ctx, l.home, from, skip, page.Count+1)
	if err != nil {
		return out, err
	}
	out.More = len(us) > page.Count
	us = us[:min(len(us), page.Count)]
	last := ""
	if len(us) > 0 {
		last = string(us[len(us)-1].ID)
	}
	if out.Total, err = s.finish(ctx, l, len(us), last, out.More); err != nil {
		return out, err
	}
	out.Users, err = s.views(ctx, l.home, us, want)
	return out, err
}

// usersAfter reads limit users behind an id after skipping some.
func (s *Store) usersAfter(ctx context.Context, h home, id string, skip, limit int) ([]directory.User, error) {
	var us []directory.User
	for lo := after(escaper.Replace(id)); ; {
		its, more, err := s.query(ctx, span{pk: h.users(), lo: lo, limit: min(skip, 5_000) + limit - len(us)})
		if err != nil {
			return nil, err
		}
		for _, it := range its {
			if text(it, "alias") != "" {
				continue // an alias holds no place in the list
			}
			if skip > 0 {
				skip--
				continue
			}
			u, _, err := decodeUser(it)
			if err != nil {
				return nil, err
			}
			us = append(us, u)
		}
		if len(us) > limit {
			return us[:limit], nil
		}
		if !more || len(us) == limit {
			return us, nil
		}
		lo = after(text(its[len(its)-1], "SK"))
	}
}

// searchPage is how many users a search looks at between two looks at its count.
const searchPage = 500

// SearchUsers implements directory.Users: a walk over the homes of the tenant, one after the other in the
// order of their keys. What a page returns to go on is home and id of the last user looked at.
func (s *Store) SearchUsers(ctx context.Context, t directory.TenantID, q directory.UserSearch) (out []directory.User, next string, err error) {
	if q.Count < 1 {
		return nil, q.After, nil
	}
	homes, err := s.homes(ctx, t)
	if err != nil {
		return nil, "", err
	}
	slices.Sort(homes)
	at, id, _ := strings.Cut(q.After, " ")
	seen := 0
	for _, h := range homes {
		if h < home(at) {
			continue
		}
		if h > home(at) {
			id = ""
		}
		for more := true; more; {
			if seen >= directory.MaxWalk {
				return out, string(h) + " " + id, nil
			}
			us, err := s.usersAfter(ctx, h, id, 0, searchPage)
			if err != nil {
				return nil, "", err
			}
			for _, u := range us {
				id = string(u.ID)
				if !q.Matches(u) {
					continue
				}
				if out = append(out, u); len(out) == q.Count {
					return out, string(h) + " " + id, nil
				}
			}
			seen += len(us)
			more = len(us) == searchPage
		}
	}
	return out, "", nil
}
