package scimapi

import (
	"cmp"
	"slices"

	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// The people of a group of any size are read through its memberships (rule C39): GET /Users?filter=groups.value eq "…".

// peopleWant returns the data needed beyond the users, and notes in q if their groups are not read, since only this
// membership counts.
func peopleWant(q *query) directory.UserWant {
	want := userKind{}.want(q)
	terms := 0
	for _, e := range q.filter.Equals() {
		if e.Path == directory.AttrGroup {
			terms++
		}
	}
	if !q.proj.NamedPart("groups") && terms == 1 && q.filter.UsesOnlyEquals("groups") {
		want.Groups, q.oneGroup = false, true
	}
	return want
}

// peopleRecords returns the records of members of g.
func (r *request) peopleRecords(vs []directory.UserView, g directory.GroupID, q *query) ([]record, error) {
	if q.oneGroup {
		for i := range vs {
			vs[i].Groups = []directory.GroupID{g} // for the filter; query.show leaves it out
		}
	}
	return r.userRecords(vs, q)
}

const (
	// peopleRead is how many members are read at a time when there are other terms, and peopleLooked how many one page
	// looks at.
	peopleRead, peopleLooked = 200, 1000
)

// collectPeople renders a page by cursor. Beside other terms it may show fewer users than it looks at, and how many match
// in all is not known.
func (r *request) collectPeople(q *query, g directory.GroupID, at *position, admit directory.Admit) ([]byte, error) {
	if err := r.api.svc.Authorize(r.context(), r.caller, admit); err != nil {
		return nil, err
	}
	want, only, info := peopleWant(q), q.filter.IsEquality(), scim.ListInfo{Total: -1}
	page := directory.Page{After: at.after, Count: q.count()}
	if !only && page.Count > 0 {
		page.Count = peopleRead
	}
	var out []record
	for looked := 0; ; {
		p, err := r.api.svc.MemberUsers(r.context(), r.caller, g, page, want, nil)
		if err != nil {
			return nil, err
		}
		if only {
			info.Total = p.Total
		}
		recs, err := r.peopleRecords(p.Users, g, q)
		if err != nil {
			return nil, err
		}
		shown := 0 // of this read
		for ; shown < len(recs) && len(out) < q.count(); shown++ {
			page.After = string(p.Users[shown].ScimID)
			if q.filter.Match(recs[shown].resource) {
				out = append(out, recs[shown])
			}
		}
		more := p.More || shown < len(recs)
		if looked += shown; !more || shown == 0 || len(out) == q.count() || looked >= peopleLooked {
			if more && shown > 0 {
				info.NextCursor = r.cursor(q, position{after: page.After})
			}
			return render(q, info, out)
		}
	}
}

// allPeople returns the records of all users of a group, by id.
// Errors: TooMany.
func (r *request) allPeople(g directory.GroupID, q *query, admit directory.Admit) ([]record, error) {
	want := peopleWant(q)
	var all []record
	page := directory.Page{Count: 500}
	for {
		p, err := r.api.svc.MemberUsers(r.context(), r.caller, g, page, want, admit)
		if err == nil && p.Total > directory.MaxWalk {
			err = directory.Errorf(directory.TooMany, "the group has more than %d users; read them without sortBy, in pages that begin with an "+
				"empty cursor: GET /Users?filter=groups.value eq %q&cursor=", directory.MaxWalk, g)
		}
		if err != nil {
			return nil, err
		}
		recs, err := r.peopleRecords(p.Users, g, q)
		if err != nil {
			return nil, err
		}
		if all = append(all, recs...); !p.More || len(p.Users) == 0 {
			slices.SortFunc(all, func(a, b record) int { return cmp.Compare(a.id, b.id) })
			return all, nil
		}
		page.After = string(p.Users[len(p.Users)-1].ScimID)
	}
}
