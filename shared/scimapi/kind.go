package scimapi

import (
	"strings"
	"time"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// kind is a resource type that can be listed.
type kind interface {
	resourceType(t *types) *scim.ResourceType
	// key returns the look-up for an `eq` term, if there is one for the provider of t.
	key(t *types, e scim.Equality) (directory.Lookup, bool)
	// limit returns the error of a walk through too many resources, which says how to do without.
	limit(r *request, q *query) error
	find(r *request, key directory.Lookup, q *query, admit directory.Admit) ([]record, error)
	page(r *request, page directory.Page, q *query, admit directory.Admit) (recs []record, total int, more bool, err error)
}

type userKind struct{}

func (userKind) resourceType(t *types) *scim.ResourceType { return t.user }

const managerPath = scim.EnterpriseURN + ":manager.value"

func (userKind) key(t *types, e scim.Equality) (directory.Lookup, bool) {
	text := e.Value.Text()
	if e.Value.Kind() != scim.String || text == "" {
		return directory.Lookup{}, false
	}
	switch e.Path {
	case directory.AttrID, directory.AttrUserName, directory.AttrExternalID:
		return directory.Lookup{Attr: e.Path, Value: text}, true
	case directory.AttrWorkEmail:
		return directory.Lookup{Attr: e.Path, Value: casefold.Fold(text)}, true
	case managerPath:
		return directory.Lookup{Attr: directory.AttrManager, Value: directory.ManagerKey(text)}, true
	case directory.AttrGroup:
		return directory.Lookup{Attr: e.Path, Value: text}, true
	}
	if m, ok := t.provider.Indexed(e.Path); ok && m.Ready {
		return m.Key(text), true
	}
	return directory.Lookup{}, false
}

// limit names the attribute and the setting that would make it an index (rule C40).
func (userKind) limit(r *request, q *query) error {
	used := q.filter.Paths()
	if q.SortBy != "" {
		used = append(used, q.SortBy)
	}
	for _, path := range used {
		m, ok := r.provider.Indexed(path)
		if !ok || m.Ready {
			continue
		}
		done, total, err := r.api.svc.MatchingProgress(r.context(), r.caller, r.provider)
		if err != nil {
			return err
		}
		return directory.Errorf(directory.TooMany, "the index of %s, one of the provider's matchingAttributes, is being built since %s: "+
			"%d of %d users are done; until then a filter by it would have to look through more than %d users",
			path, m.Since.Format(time.RFC3339), done, total, directory.MaxWalk)
	}
	what := "the search"
	if len(used) > 0 {
		what = "a filter or sort by " + strings.Join(used, ", ")
	}
	return directory.Errorf(directory.TooMany, "%s would have to look through more than %d users: use eq, alone or with other terms by and, "+
		"on id, userName, externalId, the work e-mail, manager or groups, or on a text attribute that an administrator has named in the "+
		"provider's matchingAttributes (rollcall provider match)", what, directory.MaxWalk)
}

// want returns the data that a list of users needs beyond the users: groups only when named (rule C21).
func (userKind) want(q *query) directory.UserWant {
	return directory.UserWant{
		Groups:      q.proj.NamedPart("groups") || q.filter.Uses("groups"),
		ManagerName: q.proj.Named(managerName) || q.filter.Uses(managerName),
	}
}

func (k userKind) find(r *request, key directory.Lookup, q *query, admit directory.Admit) ([]record, error) {
	var vs []directory.UserView
	var err error
	switch key.Attr {
	case directory.AttrGroup:
		return r.allPeople(directory.GroupID(key.Value), q, admit)
	case directory.AttrID:
		var v directory.UserView
		v, err = r.api.svc.User(r.context(), r.caller, directory.ScimID(key.Value), k.want(q), admit)
		if directory.IsKind(err, directory.NotFound) {
			return nil, nil
		}
		vs = []directory.UserView{v}
	default:
		vs, err = r.api.svc.FindUsers(r.context(), r.caller, key, directory.MaxWalk+1, k.want(q), admit)
	}
	if err == nil && len(vs) > directory.MaxWalk {
		err = directory.Errorf(directory.TooMany, "more than %d users have this value of %s; filter by another attribute with eq, too",
			directory.MaxWalk, key.Attr)
	}
	if err != nil {
		return nil, err
	}
	return r.userRecords(vs, q)
}

func (k userKind) page(r *request, page directory.Page, q *query, admit directory.Admit) ([]record, int, bool, error) {
	p, err := r.api.svc.ListUsers(r.context(), r.caller, page, k.want(q), admit)
	if err != nil {
		return nil, 0, false, err
	}
	recs, err := r.userRecords(p.Users, q)
	return recs, p.Total, p.More, err
}

func (r *request) userRecords(vs []directory.UserView, q *query) ([]record, error) {
	recs := make([]record, len(vs))
	for i, v := range vs {
		v.Attributes = without(v.Attributes, q.unread)
		if q.Filter == nil && q.SortBy == "" {
			body, err := r.renderUser(v, q.proj)
			if err != nil {
				return nil, err
			}
			recs[i] = record{id: string(v.ID), rendered: body}
			continue
		}
		resource, err := r.userResource(v)
		if err != nil {
			return nil, err
		}
		recs[i] = record{id: string(v.ID), resource: resource}
	}
	return recs, nil
}

type groupKind struct{}

func (groupKind) resourceType(t *types) *scim.ResourceType { return t.group }

func (groupKind) key(_ *types, e scim.Equality) (directory.Lookup, bool) {
	text := e.Value.Text()
	if e.Value.Kind() != scim.String || text == "" {
		return directory.Lookup{}, false
	}
	switch e.Path {
	case directory.AttrID, directory.AttrExternalID, directory.AttrMember:
		return directory.Lookup{Attr: e.Path, Value: text}, true
	case directory.AttrDisplayName:
		return directory.Lookup{Attr: e.Path, Value: casefold.Fold(text)}, true
	}
	return directory.Lookup{}, false
}

func (groupKind) limit(*request, *query) error {
	return directory.Errorf(directory.TooMany, "the filter or sort would have to look through more than %d groups: use eq, alone or with "+
		"other terms by and, on id, displayName, externalId or members", directory.MaxWalk)
}

// want returns the data that a list of groups needs: all members if the response shows them or the filter does more
// than look for named ones.
func (k groupKind) want(q *query) directory.GroupWant {
	w := directory.GroupWant{AllMembers: q.proj.Wants("members")}
	if w.AllMembers || !q.filter.Uses("members") {
		return w
	}
	for _, e := range q.filter.Equals() {
		if e.Path == directory.AttrMember {
			w.Named = append(w.Named, directory.ScimID(e.Value.Text()))
		}
	}
	w.AllMembers = !q.filter.UsesOnlyEquals("members")
	return w
}

func (k groupKind) find(r *request, key directory.Lookup, q *query, admit directory.Admit) ([]record, error) {
	want := k.want(q)
	var vs []directory.GroupView
	var err error
	if key.Attr == directory.AttrID {
		var v directory.GroupView
		v, err = r.api.svc.Group(r.context(), r.caller, directory.GroupID(key.Value), want, admit)
		if directory.IsKind(err, directory.NotFound) {
			return nil, nil
		}
		vs = []directory.GroupView{v}
	} else {
		vs, err = r.api.svc.FindGroups(r.context(), r.caller, key, directory.MaxWalk, want, admit)
	}
	if err != nil {
		return nil, err
	}
	return r.groupRecords(vs, want)
}

func (k groupKind) page(r *request, page directory.Page, q *query, admit directory.Admit) ([]record, int, bool, error) {
	want := k.want(q)
	p, err := r.api.svc.ListGroups(r.context(), r.caller, page, want, admit)
	if err != nil {
		return nil, 0, false, err
	}
	recs, err := r.groupRecords(p.Groups, want)
	return recs, p.Total, p.More, err
}

func (r *request) groupRecords(vs []directory.GroupView, want directory.GroupWant) ([]record, error) {
	recs := make([]record, len(vs))
	for i, v := range vs {
		if !want.AllMembers {
			v.Members = nil
			for _, id := range want.Named { // the filter looks for them
				if v.Present[id] {
					v.Members = append(v.Members, id)
				}
			}
		}
		resource, err := r.groupResource(v)
		if err != nil {
			return nil, err
		}
		recs[i] = record{id: string(v.ID), resource: resource}
	}
	return recs, nil
}
