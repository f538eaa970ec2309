package scimapi

import (
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
	oneGroup bool // users have only the group that the filter names
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
	if q.SortBy != "" {
		q.sort, err = rt.ParseSort(q.SortBy, q.SortOrder, t.tolerance)
	}
	return err
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
	} else {
		all, err = r.walk(k, q, admit)
	}
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(rec record) bool { return !q.filter.Match(rec.resource) })
	if !q.sort.IsZero() {
		slices.SortStableFunc(all, func(a, b record) int { return q.sort.Compare(a.resource, b.resource) })
	}
	return r.slice(q, all, at), nil
}

// slice renders one page of a list in memory.
func (r *request) slice(q *query, all []record, at *position) []byte {
	from := q.start() - 1
	if q.cursored {
		from = at.offset
		if q.sort.IsZero() {
			from, _ = slices.BinarySearchFunc(all, at.after+"\x00", func(rec record, id string) int { return cmp.Compare(rec.id, id) })
		}
	}
	from = min(from, len(all))
	to := min(from+q.count(), len(all))
	info := scim.ListInfo{Total: len(all), StartIndex: q.start()}
	if q.cursored {
		info.StartIndex = 0
		if to < len(all) && to > from {
			info.NextCursor = r.cursor(q, position{after: all[to-1].id, offset: to})
		}
	}
	return render(q, info, all[from:to])
}

func render(q *query, info scim.ListInfo, recs []record) []byte {
	out := make([][]byte, len(recs))
	for i, rec := range recs {
		out[i] = q.show(rec)
	}
	return scim.AppendList(nil, info, out)
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
	return render(q, info, recs), nil
}

// walk reads all records of a type.
// Errors: TooMany when there are more than MaxWalk.
func (r *request) walk(k kind, q *query, admit directory.Admit) ([]record, error) {
	const step = 500
	var all []record
	page := directory.Page{ByCursor: true, Count: step}
	for {
		recs, total, more, err := k.page(r, page, q, admit)
		if err != nil {
			return nil, err
		}
		if total > directory.MaxWalk || len(all) > directory.MaxWalk {
			return nil, k.limit(r, q)
		}
		all = append(all, recs...)
		if !more || len(recs) == 0 {
			return all, nil
		}
		page.After = recs[len(recs)-1].id
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
			recs, err = r.walk(k, q, admit)
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
	return scim.AppendList(nil, scim.ListInfo{Total: len(all), StartIndex: q.start()}, out), nil
}

// queryOf returns the query for one type in a search over all types.
func (r *request) queryOf(k kind, sr scim.SearchRequest, filter scim.Filter) (*query, error) {
	rt := k.resourceType(r.types)
	q := &query{SearchRequest: sr, rt: rt, filter: filter}
	var err error
	if q.proj, err = rt.ParseProjection(sr.Attributes, sr.Excluded); err != nil {
		return nil, err
	}
	if sr.SortBy != "" {
		q.sort, err = rt.ParseSort(sr.SortBy, sr.SortOrder, r.types.tolerance)
	}
	return q, err
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

func sortedDistinct(ids []directory.ScimID) []directory.ScimID {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}
