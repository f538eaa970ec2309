package scimapi

import (
	"net/http"

	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/scim"
)

func (r *request) answerGroup(status int, v directory.GroupView) {
	resource, err := r.groupResource(v)
	if err != nil {
		r.fail(err)
		return
	}
	r.respondResource(status, v.Version, r.location("/Groups/", string(v.ID)), r.proj.Append(nil, resource))
}

func (r *request) getGroup(id string) {
	hint, _ := r.projection(baseGroup) // admitFor reports its error
	want := directory.GroupWant{AllMembers: hint.Wants("members")}
	v, err := r.api.svc.Group(r.context(), r.caller, directory.GroupID(id), want, r.admitFor(groupKind{}, nil))
	if err != nil {
		r.fail(err)
		return
	}
	if r.notModified(v.Version, r.location("/Groups/", string(v.ID)), false) {
		return
	}
	r.answerGroup(http.StatusOK, v)
}

func (r *request) createGroup() {
	body, bodyErr := r.body()
	v, err := r.api.svc.CreateGroup(r.context(), r.caller, r.admitFor(groupKind{}, bodyErr),
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			tree, err := r.types.group.Decode(body, r.types.tolerance)
			if err != nil {
				return directory.GroupProfile{}, nil, nil, err
			}
			tree, elements := scim.TakeElements(tree, "members")
			return groupProfile(tree), memberIDs(elements), changes(scim.Value{}, tree), nil
		})
	if err != nil {
		r.fail(err)
		return
	}
	r.logResource("create", string(v.ID))
	if !r.proj.Wants("members") {
		v.Members = nil
	}
	r.answerGroup(http.StatusCreated, v)
}

// putGroup replaces a group, and all its members if the body mentions them (C27).
func (r *request) putGroup(id string) {
	body, bodyErr := r.body()
	nested, mentioned := false, body.Has("members")
	if bodyErr == nil {
		for _, m := range memberIDs(body.Get("members").Elements()) {
			nested = nested || m.IsGroup()
		}
	}
	want := directory.GroupWant{AllMembers: mentioned, Ancestors: nested}
	r.updateGroup(id, want, bodyErr, func(scim.Value, directory.Group) (scim.Value, []scim.ElementStep, error) {
		tree, err := r.types.group.Decode(body, r.types.tolerance)
		if err != nil {
			return tree, nil, err
		}
		tree, elements := scim.TakeElements(tree, "members")
		if !mentioned {
			return tree, nil, nil
		}
		return tree, []scim.ElementStep{{Kind: scim.ReplaceAll, Attr: "members", Values: elements}}, nil
	})
}

func (r *request) patchGroup(id string) {
	_, patch, bodyErr := r.patchBody()
	r.updateGroup(id, patchWant(id, patch), bodyErr, func(before scim.Value, old directory.Group) (scim.Value, []scim.ElementStep, error) {
		res, err := r.types.group.Apply(before, readOnly(r.completeGroup(before, old)), patch, r.types.tolerance)
		return res.Attributes, res.Elements, err
	})
}

// patchWant returns the members that a PATCH can change, before the group is read: those whose ids it contains, or all
// when it replaces or clears the list. To find out, it applies the PATCH to a group without members; what it cannot
// apply to that may change any member.
func patchWant(id string, patch scim.Patch) directory.GroupWant {
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
	readOnly := scim.ObjectValue(scim.Member{Name: "id", Value: scim.StringValue(id)})
	res, err := baseGroup.Apply(trial, readOnly, patch, baseTypes.tolerance)
	want.AllMembers = err != nil
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

// netEffect applies the steps of a request to the members in a view and returns those to add and to remove.
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
	allMembers := func() []directory.ScimID { return append(order[:len(order):len(order)], old.Members...) }
	for _, step := range steps {
		switch step.Kind {
		case scim.ReplaceAll, scim.RemoveAll:
			removeMatching(allMembers(), nil)
		case scim.RemoveMatching:
			candidates := allMembers()
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

// updateGroup runs an edit of the group's tree and members. The method and the provider's profile determine the
// response (rule C15).
func (r *request) updateGroup(
	id string, want directory.GroupWant, bodyErr error,
	edit func(before scim.Value, old directory.Group) (after scim.Value, steps []scim.ElementStep, err error),
) {
	want.Exact = r.r.Header.Get("If-Match") != ""
	v, _, err := r.api.svc.UpdateGroup(r.context(), r.caller, directory.GroupID(id), want, r.admitFor(groupKind{}, bodyErr),
		func(_ directory.Provider, old directory.GroupView) (provisioning.GroupEdit, error) {
			if err := r.ifMatch(old.Version); err != nil {
				return provisioning.GroupEdit{}, err
			}
			before, err := groupTree(old.GroupProfile)
			if err != nil {
				return provisioning.GroupEdit{}, err
			}
			after, steps, err := edit(before, old.Group)
			if err != nil {
				return provisioning.GroupEdit{}, err
			}
			ed := provisioning.GroupEdit{Profile: old.GroupProfile}
			ed.Add, ed.Remove = r.netEffect(old, steps)
			if !after.Equal(before) {
				ed.Profile, ed.Changes = groupProfile(after), changes(before, after)
			}
			return ed, nil
		})
	if err != nil {
		r.fail(err)
		return
	}
	if r.r.Method == http.MethodPatch && r.types.profile.GroupPatchNoContent() && r.proj.IsZero() {
		if v.Version > 0 {
			r.w.Header().Set("ETag", etag(v.Version))
		}
		r.w.WriteHeader(http.StatusNoContent)
		return
	}
	if members := r.proj.Wants("members"); members || v.Version == 0 {
		v, err = r.api.svc.Group(r.context(), r.caller, v.ID, directory.GroupWant{AllMembers: members}, nil)
		if err != nil { // the change is committed: only the response cannot be made
			r.w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	r.answerGroup(http.StatusOK, v)
}

func (r *request) deleteGroup(id string) {
	r.answerDelete(r.api.svc.DeleteGroup(r.context(), r.caller, directory.GroupID(id),
		func(g directory.Group) error { return r.ifMatch(g.Version) }))
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
