package scimapi

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"slices"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// record is one resource of a list: its id, which orders lists, and either its tree, for a filter or sort, or its JSON.
type record struct {
	id       string
	resource scim.Value
	rendered []byte
}

// query is a list request, compiled for a provider's types.
type query struct {
	scim.SearchRequest
	cursored bool
	rt       *scim.ResourceType
	proj     scim.Projection
	filter   scim.Filter
	sort     scim.Sort
	oneGroup bool     // users have only the group that the filter names
	unread   []string // attributes that may hold large texts and that nothing in the query names (C38)
}

// show returns the JSON of a record.
func (q *query) show(rec record) []byte {
	if rec.rendered != nil {
		return rec.rendered
	}
	if q.oneGroup {
		rec.resource = rec.resource.With("groups", scim.Value{})
	}
	return q.proj.Append(nil, rec.resource)
}

// compile parses filter, projection and sort. After an error, the parts parsed before it can still be used as hints.
func (q *query) compile(rt *scim.ResourceType, t *types) (err error) {
	q.rt = rt
	if q.proj, err = rt.ParseProjection(q.Attributes, q.Excluded); err != nil {
		return err
	}
	if q.Filter != nil {
		if q.filter, err = rt.ParseFilter(*q.Filter, t.tolerance); err != nil {
			return err
		}
	}
	return q.order(t)
}

// order parses the sort, the last part, and leaves out the large attributes that no part names.
func (q *query) order(t *types) (err error) {
	if q.SortBy != "" {
		if q.sort, err = q.rt.ParseSort(q.SortBy, q.SortOrder, t.tolerance); err != nil {
			return err
		}
	}
	q.proj, q.unread = q.proj.ForList(), nil
	for _, name := range q.rt.Large() {
		if !q.proj.Wants(name) && !q.filter.Uses(name) && !q.sort.Uses(name) {
			q.unread = append(q.unread, name)
		}
	}
	return nil
}

func (q *query) start() int {
	if q.StartIndex == nil {
		return 1
	}
	return max(1, *q.StartIndex)
}

func (q *query) count() int {
	if q.Count == nil {
		return scim.DefaultResults
	}
	return min(max(0, *q.Count), scim.MaxResults)
}

// list answers GET on a resource type.
func (r *request) list(k kind) {
	sr, err := scim.ParseQuery(r.r.URL.Query())
	r.answerList(k, sr, err)
}

// search answers POST .search on a resource type (RFC 7644 §3.4.3).
func (r *request) search(k kind) {
	var sr scim.SearchRequest
	body, err := r.body()
	if err == nil {
		sr, err = scim.ParseSearch(body)
	}
	r.answerList(k, sr, err)
}

func (r *request) answerList(k kind, sr scim.SearchRequest, parseErr error) {
	r.logResource("list", "")
	q := &query{SearchRequest: sr, cursored: sr.Cursor != nil}
	// The look-up is read together with the provider, whose types the last request knew.
	var key directory.Lookup
	if guess := r.api.lastTypes(r.caller.Provider); parseErr == nil && q.compile(k.resourceType(guess), guess) == nil {
		key = bestKey(k, guess, q.filter)
	}
	var at position
	admit := r.admit(func() error {
		if parseErr != nil {
			return parseErr
		}
		if err := q.compile(k.resourceType(r.types), r.types); err != nil {
			return err
		}
		if best := bestKey(k, r.types, q.filter); best != key {
			key = best
			return errOtherKey
		}
		var err error
		at, err = r.readCursor(q)
		return err
	})
	answer, err := r.collect(k, q, &key, &at, admit)
	for errors.Is(err, errOtherKey) {
		answer, err = r.collect(k, q, &key, &at, admit)
	}
	if err != nil {
		r.fail(err)
		return
	}
	r.respond(http.StatusOK, answer)
}

// errOtherKey ends a read by a look-up that the provider does not have, or has a better one for.
var errOtherKey = errors.New("the provider has another look-up for the filter")

// bestKey returns the look-up of the filter's most selective `and` term; the zero one when there is none.
func bestKey(k kind, t *types, f scim.Filter) (best directory.Lookup) {
	for _, e := range f.Equals() {
		if l, found := k.key(t, e); found && (best.Attr == "" || best.Attr == directory.AttrGroup || l.Attr == directory.AttrID) {
			best = l
		}
	}
	return best
}

// collect reads the page and renders it. Without filter and sort the store pages; with a key it reads the few records
// that have it; everything else walks a bounded number of records (ADR 2).
func (r *request) collect(k kind, q *query, key *directory.Lookup, at *position, admit directory.Admit) ([]byte, error) {
	q.oneGroup = false
	if q.Filter == nil && q.SortBy == "" {
		return r.collectPage(k, q, at, admit)
	}
	if key.Attr == directory.AttrGroup && q.cursored && q.SortBy == "" {
		return r.collectPeople(q, directory.GroupID(key.Value), at, admit)
	}
	var all []record
	var err error
	if key.Attr != "" {
		all, err = k.find(r, *key, q, admit)
		all = q.matching(all)
	} else {
		all, err = r.walk(k, q, at, admit)
	}
	if err != nil {
		return nil, err
	}
	if !q.sort.IsZero() {
		slices.SortStableFunc(all, func(a, b record) int { return q.sort.Compare(a.resource, b.resource) })
	}
	return r.slice(q, all, at)
}

// matching returns the records that the filter selects.
func (q *query) matching(recs []record) []record {
	return slices.DeleteFunc(recs, func(rec record) bool { return !q.filter.Match(rec.resource) })
}

// window returns the part of the list that the page shows.
func (q *query) window(all []record, at *position) (from, to int) {
	from = q.start() - 1
	if q.cursored {
		from = at.offset
		if q.sort.IsZero() {
			from, _ = slices.BinarySearchFunc(all, at.after+"\x00", func(rec record, id string) int { return cmp.Compare(rec.id, id) })
		}
	}
	from = min(from, len(all))
	return from, min(from+q.count(), len(all))
}

// slice renders one page of a list in memory.
func (r *request) slice(q *query, all []record, at *position) ([]byte, error) {
	from, to := q.window(all, at)
	info := scim.ListInfo{Total: len(all), StartIndex: q.start()}
	if q.cursored {
		info.StartIndex = 0
		if to < len(all) && to > from {
			info.NextCursor = r.cursor(q, position{after: all[to-1].id, offset: to})
		}
	}
	return render(q, info, all[from:to])
}

func render(q *query, info scim.ListInfo, recs []record) ([]byte, error) {
	out := make([][]byte, len(recs))
	for i, rec := range recs {
		out[i] = q.show(rec)
	}
	return pageOf(info, out)
}

const (
	// maxPage is the most bytes of a list (C38). A function's response may have 6 MB, in which the page is a JSON string.
	maxPage, maxEscapedPage = 5 << 20, 6_000_000
)

// pageOf returns the list of rendered resources.
// Errors: TooMany when it has more than maxPage bytes.
func pageOf(info scim.ListInfo, resources [][]byte) ([]byte, error) {
	plain, escaped := 0, 0
	for _, res := range resources {
		plain += len(res)
	}
	if plain > maxEscapedPage/2 {
		for _, res := range resources {
			escaped += len(res) + bytes.Count(res, []byte{'"'}) + bytes.Count(res, []byte{'\\'})
		}
	}
	if plain > maxPage || escaped > maxEscapedPage {
		return nil, directory.Errorf(directory.TooMany, "the %d resources of this page have %d bytes, more than the %d that one response "+
			"may have: ask for a smaller count, or for fewer attributes", len(resources), plain, maxPage)
	}
	return scim.AppendList(nil, info, resources), nil
}

func (r *request) collectPage(k kind, q *query, at *position, admit directory.Admit) ([]byte, error) {
	page := directory.Page{Start: q.start(), Count: q.count(), ByCursor: q.cursored}
	if q.cursored {
		// The cursor can be read only with the provider's key, and the page only after the cursor: an extra read.
		if err := r.api.svc.Authorize(r.context(), r.caller, admit); err != nil {
			return nil, err
		}
		page.After, page.Start = at.after, 1
	}
	recs, total, more, err := k.page(r, page, q, admit)
	if err != nil {
		return nil, err
	}
	info := scim.ListInfo{Total: total, StartIndex: q.start()}
	if last := q.start() - 1 + len(recs); !q.cursored && !more && len(recs) > 0 {
		// A client must have all of totalResults after the last page. Resources added meanwhile on earlier pages are on
		// no later page, and counting them would make this page too short.
		info.Total = min(total, last)
	}
	if q.cursored {
		info.StartIndex = 0
		if more && len(recs) > 0 {
			info.NextCursor = r.cursor(q, position{after: recs[len(recs)-1].id})
		}
	}
	return render(q, info, recs)
}

// walk reads all records of a type that the filter selects. With the place of a page in the order of ids (at) it keeps
// the contents of those on it only, since all together can be large.
// Errors: TooMany when there are more than MaxWalk.
func (r *request) walk(k kind, q *query, at *position, admit directory.Admit) ([]record, error) {
	const step = 500
	var all []record
	seen := 0
	page := directory.Page{ByCursor: true, Count: step}
	for {
		recs, total, more, err := k.page(r, page, q, admit)
		if err != nil {
			return nil, err
		}
		if total > directory.MaxWalk || seen > directory.MaxWalk {
			return nil, k.limit(r, q)
		}
		if len(recs) == 0 {
			return all, nil
		}
		seen, page.After = seen+len(recs), recs[len(recs)-1].id
		before := len(all)
		all = append(all, q.matching(recs)...)
		if at != nil && q.sort.IsZero() {
			from, to := q.window(all, at)
			for i := before; i < len(all); i++ {
				if i < from || i >= to {
					all[i].resource = scim.Value{}
				}
			}
		}
		if !more {
			return all, nil
		}
	}
}

// rootSearch answers POST /.search over users and groups (RFC 7644 §3.4.3).
func (a *API) rootSearch(r *request) {
	if len(r.segments) != 1 {
		r.refuse(scim.Errorf(http.StatusNotFound, "", "no such endpoint"))
		return
	}
	if !r.allow(http.MethodPost) {
		return
	}
	r.logResource("search", "")
	var sr scim.SearchRequest
	body, err := r.body()
	if err == nil {
		sr, err = scim.ParseSearch(body)
	}
	if err == nil && sr.Cursor != nil {
		err = scim.Errorf(http.StatusBadRequest, scim.TypeInvalidCursor,
			"search over all types has no cursors; use startIndex, or search one type")
	}
	answer, err := r.searchAll(sr, err)
	if err != nil {
		r.fail(err)
		return
	}
	r.respond(http.StatusOK, answer)
}

func (r *request) searchAll(sr scim.SearchRequest, parseErr error) ([]byte, error) {
	kinds := []kind{userKind{}, groupKind{}}
	qs := make([]*query, len(kinds))
	admit := r.admit(func() error { return parseErr })
	if err := r.api.svc.Authorize(r.context(), r.caller, admit); err != nil {
		return nil, err
	}
	var filter scim.Filter
	var err error
	if sr.Filter != nil {
		if filter, err = scim.ParseRootFilter(*sr.Filter, r.types.tolerance, r.types.user, r.types.group); err != nil {
			return nil, err
		}
	}
	var all []record
	queryOfID := map[string]*query{}
	for i, k := range kinds {
		q, err := r.queryOf(k, sr, filter)
		if err != nil {
			return nil, err
		}
		qs[i] = q
		if excludes(filter, q.rt.ID()) {
			continue
		}
		var recs []record
		if key := bestKey(k, r.types, filter); key.Attr != "" {
			recs, err = k.find(r, key, q, admit)
		} else {
			recs, err = r.walk(k, q, nil, admit)
		}
		if err != nil {
			return nil, err
		}
		for _, rec := range recs {
			if filter.Match(rec.resource) {
				all = append(all, rec)
				queryOfID[rec.id] = q
			}
		}
	}
	q := qs[0]
	if !q.sort.IsZero() {
		slices.SortStableFunc(all, func(a, b record) int { return q.sort.Compare(a.resource, b.resource) })
	}
	from := min(q.start()-1, len(all))
	to := min(from+q.count(), len(all))
	out := make([][]byte, 0, to-from)
	for _, rec := range all[from:to] {
		out = append(out, queryOfID[rec.id].show(rec))
	}
	return pageOf(scim.ListInfo{Total: len(all), StartIndex: q.start()}, out)
}

// queryOf returns the query for one type in a search over all types.
func (r *request) queryOf(k kind, sr scim.SearchRequest, filter scim.Filter) (*query, error) {
	q := &query{SearchRequest: sr, rt: k.resourceType(r.types), filter: filter}
	var err error
	if q.proj, err = q.rt.ParseProjection(sr.Attributes, sr.Excluded); err != nil {
		return nil, err
	}
	return q, q.order(r.types)
}

// excludes reports whether a filter can match no resource of the type.
func excludes(f scim.Filter, id string) bool {
	for _, e := range f.Equals() {
		if e.Path == "meta.resourceType" && !casefold.Equal(e.Value.Text(), id) {
			return true
		}
	}
	return false
}
