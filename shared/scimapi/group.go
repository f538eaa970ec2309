package scimapi

import (
	"net/http"

	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// groups answers /Groups and below.
func (a *API) groups(r *request) {
	switch {
	case len(r.segments) == 1:
		if !r.allow(http.MethodGet, http.MethodPost) {
			return
		}
		if r.r.Method == http.MethodPost {
			r.createGroup()
			return
		}
		r.list(groupKind{})
	case len(r.segments) == 2 && r.segments[1] == ".search":
		if r.allow(http.MethodPost) {
			r.search(groupKind{})
		}
	case len(r.segments) == 2:
		if !r.allow(http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete) {
			return
		}
		id := directory.GroupID(r.segments[1])
		r.logResource(r.r.Method, string(id))
		switch r.r.Method {
		case http.MethodGet:
			r.getGroup(id)
		case http.MethodPut:
			r.putGroup(id)
		case http.MethodPatch:
			r.patchGroup(id)
		case http.MethodDelete:
			r.deleteGroup(id)
		}
	default:
		r.refuse(scim.Errorf(http.StatusNotFound, "", "no such endpoint"))
	}
}

func (r *request) answerGroup(status int, v directory.GroupView, p scim.Projection) {
	resource, err := r.groupResource(v)
	if err != nil {
		r.fail(err)
		return
	}
	h := r.w.Header()
	h.Set("ETag", etag(v.Version))
	h.Set("Location", r.location("/Groups/", string(v.ID)))
	r.respond(status, p.Append(nil, resource))
}

func (r *request) getGroup(id directory.GroupID) {
	hint, _ := r.projection(baseGroup)
	var p scim.Projection
	v, err := r.api.svc.Group(r.context(), r.caller, id, directory.GroupWant{AllMembers: hint.Wants("members")}, r.admit(func() (err error) {
		p, err = r.projection(r.types.group)
		return err
	}))
	if err != nil {
		r.fail(err)
		return
	}
	if r.notModified(v.Version) {
		return
	}
	r.answerGroup(http.StatusOK, v, p)
}

func (r *request) createGroup() {
	r.logResource("create", "")
	body, bodyErr := r.body()
	var p scim.Projection
	var members []directory.ScimID
	g, err := r.api.svc.CreateGroup(r.context(), r.caller, r.admit(func() (err error) {
		if bodyErr != nil {
			return bodyErr
		}
		p, err = r.projection(r.types.group)
		return err
	}), func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
		tree, err := r.types.group.Decode(body, r.types.tolerance)
		if err != nil {
			return directory.GroupProfile{}, nil, nil, err
		}
		tree, elements := scim.TakeElements(tree, "members")
		members = memberIDs(elements)
		return groupProfile(tree), members, changes(scim.Value{}, tree), nil
	})
	if err != nil {
		r.fail(err)
		return
	}
	r.logResource("create", string(g.ID))
	v := directory.GroupView{Group: g}
	if p.Wants("members") {
		v.Members = sortedDistinct(members)
	}
	r.answerGroup(http.StatusCreated, v, p)
}

// putGroup replaces a group and all its members.
func (r *request) putGroup(id directory.GroupID) {
	body, bodyErr := r.body()
	nested := false
	if bodyErr == nil {
		for _, m := range memberIDs(body.Get("members").Elements()) {
			nested = nested || m.IsGroup()
		}
	}
	want := directory.GroupWant{AllMembers: true, Ancestors: nested}
	r.updateGroup(id, want, bodyErr, true, func(old directory.GroupView) (directory.GroupEdit, error) {
		tree, err := r.types.group.Decode(body, r.types.tolerance)
		if err != nil {
			return directory.GroupEdit{}, err
		}
		tree, elements := scim.TakeElements(tree, "members")
		before, err := groupTree(old.GroupProfile)
		if err != nil {
			return directory.GroupEdit{}, err
		}
		add, remove := r.netEffect(old, []scim.ElementStep{{Kind: scim.ReplaceAll, Attr: "members", Values: elements}})
		ed := directory.GroupEdit{Profile: old.GroupProfile, Add: add, Remove: remove}
		if !tree.Equal(before) {
			ed.Profile, ed.Changes = groupProfile(tree), changes(before, tree)
		}
		return ed, nil
	})
}

func (r *request) patchGroup(id directory.GroupID) {
	body, bodyErr := r.body()
	var patch scim.Patch
	if bodyErr == nil {
		patch, bodyErr = scim.ParsePatch(body)
	}
	r.updateGroup(id, patchWant(patch), bodyErr, false, func(old directory.GroupView) (directory.GroupEdit, error) {
		before, err := groupTree(old.GroupProfile)
		if err != nil {
			return directory.GroupEdit{}, err
		}
		resource, err := r.groupResource(directory.GroupView{Group: old.Group})
		if err != nil {
			return directory.GroupEdit{}, err
		}
		res, err := r.types.group.Apply(before, readOnly(resource), patch, r.types.tolerance)
		if err != nil {
			return directory.GroupEdit{}, err
		}
		add, remove := r.netEffect(old, res.Elements)
		ed := directory.GroupEdit{Profile: old.GroupProfile, Add: add, Remove: remove}
		if !res.Attributes.Equal(before) {
			ed.Profile, ed.Changes = groupProfile(res.Attributes), changes(before, res.Attributes)
		}
		return ed, nil
	})
}

// patchWant finds out, before the group is read, which members a PATCH can touch: those whose ids it
// holds, or all of them when it replaces or clears the list. The trial runs on a group without members.
func patchWant(patch scim.Patch) directory.GroupWant {
	var want directory.GroupWant
	seen := map[directory.ScimID]bool{}
	for text := range patch.Strings {
		id := directory.ScimID(text)
		if !id.IsUser() && !id.IsGroup() || seen[id] {
			continue
		}
		seen[id] = true
		want.Named = append(want.Named, id)
		want.Ancestors = want.Ancestors || id.IsGroup()
	}
	trial := scim.ObjectValue(scim.Member{Name: directory.AttrDisplayName, Value: scim.StringValue("-")})
	res, err := baseGroup.Apply(trial, scim.ObjectValue(), patch, baseTypes.tolerance)
	if err != nil {
		return want
	}
	for _, step := range res.Elements {
		switch step.Kind {
		case scim.ReplaceAll, scim.RemoveAll:
			want.AllMembers = true
		case scim.RemoveMatching:
			want.AllMembers = want.AllMembers || step.IDs == nil
		}
	}
	return want
}

// netEffect plays the steps of a request on the members a view knows and returns who joins and leaves.
func (r *request) netEffect(old directory.GroupView, steps []scim.ElementStep) (add, remove []directory.ScimID) {
	after := map[directory.ScimID]bool{}
	var order []directory.ScimID
	set := func(id directory.ScimID, in bool) {
		if _, known := after[id]; !known {
			order = append(order, id)
		}
		after[id] = in
	}
	removeMatching := func(candidates []directory.ScimID, match func(scim.Value) bool) {
		for _, id := range candidates {
			in, known := after[id]
			if !known {
				in = old.Present[id]
			}
			if in && (match == nil || match(r.memberElement(id))) {
				set(id, false)
			}
		}
	}
	everybody := func() []directory.ScimID { return append(order[:len(order):len(order)], old.Members...) }
	for _, step := range steps {
		switch step.Kind {
		case scim.ReplaceAll, scim.RemoveAll:
			removeMatching(everybody(), nil)
		case scim.RemoveMatching:
			candidates := everybody()
			if step.IDs != nil {
				candidates = scimIDs(step.IDs)
			}
			removeMatching(candidates, step.Match)
		}
		for _, id := range memberIDs(step.Values) {
			set(id, step.Kind != scim.RemoveElements)
		}
	}
	for _, id := range order {
		switch {
		case after[id] && !old.Present[id]:
			add = append(add, id)
		case !after[id] && old.Present[id]:
			remove = append(remove, id)
		}
	}
	return add, remove
}

// updateGroup runs an edit and answers as the provider's profile wants (contract C15).
func (r *request) updateGroup(id directory.GroupID, want directory.GroupWant, bodyErr error, put bool, edit func(directory.GroupView) (directory.GroupEdit, error)) {
	var p scim.Projection
	want.Exact = r.r.Header.Get("If-Match") != ""
	v, _, err := r.api.svc.UpdateGroup(r.context(), r.caller, id, want, r.admit(func() (err error) {
		if bodyErr != nil {
			return bodyErr
		}
		p, err = r.projection(r.types.group)
		return err
	}), func(_ directory.Provider, old directory.GroupView) (directory.GroupEdit, error) {
		if err := r.ifMatch(old.Version); err != nil {
			return directory.GroupEdit{}, err
		}
		return edit(old)
	})
	if err != nil {
		r.fail(err)
		return
	}
	if !put && r.types.profile.GroupPatchNoContent() && p.IsZero() {
		r.w.Header().Set("ETag", etag(v.Version))
		r.w.WriteHeader(http.StatusNoContent)
		return
	}
	if p.Wants("members") {
		v, err = r.api.svc.Group(r.context(), r.caller, id, directory.GroupWant{AllMembers: true}, nil)
		if directory.IsKind(err, directory.TooMany) { // the change is done: only the picture of it is too large
			r.w.WriteHeader(http.StatusNoContent)
			return
		}
		if err != nil {
			r.fail(err)
			return
		}
	}
	r.answerGroup(http.StatusOK, v, p)
}

func (r *request) deleteGroup(id directory.GroupID) {
	err := r.api.svc.DeleteGroup(r.context(), r.caller, id, func(g directory.Group) error { return r.ifMatch(g.Version) })
	if err != nil {
		r.fail(err)
		return
	}
	r.w.WriteHeader(http.StatusNoContent)
}

func scimIDs(texts []string) []directory.ScimID {
	ids := make([]directory.ScimID, len(texts))
	for i, text := range texts {
		ids[i] = directory.ScimID(text)
	}
	return ids
}

// memberIDs returns the value of each element; an element may be the bare id.
func memberIDs(elements []scim.Value) []directory.ScimID {
	ids := make([]directory.ScimID, 0, len(elements))
	for _, e := range elements {
		if e.Kind() == scim.Object {
			e = e.Get("value")
		}
		ids = append(ids, directory.ScimID(e.Text()))
	}
	return ids
}
