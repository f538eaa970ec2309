package entra

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// elements returns the elements of a typed list as a client sends them.
func (u *modelUser) elements(list string) []any {
	out := []any{}
	for _, path := range typedPaths {
		attribute, kind, _ := strings.Cut(path, " ")
		if value := u.typed[path]; attribute == list && value != "" {
			out = append(out, jsonObject{"type": kind, "value": value})
		}
	}
	return out
}

// body returns the whole user, as POST and PUT send it. Without active PUT keeps it.
func (u *modelUser) body(withActive bool) map[string]any {
	body := jsonObject{"schemas": []string{userURN, enterpriseURN}, "userName": u.userName}
	extension, name := jsonObject{}, jsonObject{}
	for path, value := range u.texts {
		if attribute, ok := strings.CutPrefix(path, enterpriseURN+":"); ok {
			extension[attribute] = value
		} else if sub, ok := strings.CutPrefix(path, "name."); ok {
			name[sub] = value
		} else {
			body[path] = value
		}
	}
	if u.manager != "" {
		extension["manager"] = jsonObject{"value": u.manager}
	}
	for attribute, value := range map[string]any{"emails": u.elements("emails"), "phoneNumbers": u.elements("phoneNumbers"),
		"name": name, enterpriseURN: extension} {
		body[attribute] = value
	}
	if withActive {
		body["active"] = u.active
	}
	return body
}

func (w *readBackWorker) createUser(ctx context.Context) error {
	u := &modelUser{userName: strings.ReplaceAll(w.word("u"), " ", "") + "@example.com", active: true,
		texts: map[string]string{"displayName": w.word("Name")}, typed: map[string]string{"emails work": w.word("mail")}}
	r := request{"create user", http.MethodPost, "/Users", u.body(!chance(w.r, 3)), true}
	status, answer, err := w.send(ctx, r)
	if err != nil || !w.judge(r, status, answer) {
		return err
	}
	u.id, _ = answer["id"].(string)
	if _, err = w.readUser(ctx, u, u.copy(), r, status); err == nil {
		w.users = append(w.users, u)
	}
	return err
}

func (w *readBackWorker) createGroup(ctx context.Context) error {
	g := &modelGroup{displayName: w.word("Group"), externalId: w.word("x"), members: map[string]bool{}}
	body := jsonObject{"schemas": []string{groupURN, extraGroupURN}, "displayName": g.displayName, "externalId": g.externalId}
	form := "create group"
	if chance(w.r, 2) {
		ids := w.some(w.userIDs(), 4)
		body["members"], form = membership{ids: ids}.plain(), "create group with members"
		for _, id := range ids {
			g.members[id] = true
		}
	}
	r := request{form, http.MethodPost, "/Groups", body, true}
	status, answer, err := w.send(ctx, r)
	if err != nil || !w.judge(r, status, answer) {
		return err
	}
	g.id, _ = answer["id"].(string)
	if _, err = w.readGroup(ctx, g, g.copy(), r, status); err == nil {
		w.groups = append(w.groups, g)
	}
	return err
}

func (w *readBackWorker) deleteUser(ctx context.Context) error {
	u := w.someone()
	if err := w.delete(ctx, "delete user", "/Users/"+u.id); err != nil {
		return err
	}
	w.gone = append(w.gone, u.id)
	w.users = slices.DeleteFunc(w.users, func(o *modelUser) bool { return o == u })
	for _, o := range w.users {
		if o.manager == u.id {
			o.manager = ""
		}
	}
	for _, g := range w.groups {
		delete(g.members, u.id)
	}
	return nil
}

func (w *readBackWorker) deleteGroup(ctx context.Context) error {
	g := pick(w.r, w.groups)
	w.groups = slices.DeleteFunc(w.groups, func(o *modelGroup) bool { return o == g })
	return w.delete(ctx, "delete group", "/Groups/"+g.id)
}

func (w *readBackWorker) delete(ctx context.Context, form, path string) error {
	r := request{form, http.MethodDelete, path, nil, true}
	status, answer, err := w.send(ctx, r)
	if err != nil {
		return err
	}
	w.judge(r, status, answer)
	found, _, err := w.exchange(ctx, http.MethodGet, path, nil)
	if err == nil && found != http.StatusNotFound {
		w.differ(r, status, "GET after it", "404", strconv.Itoa(found))
	}
	return err
}

// patchUser sends one PATCH with one to three changes of different attributes.
func (w *readBackWorker) patchUser(ctx context.Context) error {
	u := w.someone()
	want := u.copy()
	var ops []operation
	var forms []string
	add := func(name string, more []operation) { forms, ops = append(forms, name), append(ops, more...) }
	for _, what := range w.r.Perm(5)[:1+w.r.IntN(3)] {
		switch what {
		case 0, 1: // at most one each: the two draw from different halves of the list
			path := textPaths[2*w.r.IntN(len(textPaths)/2)+what]
			w.changeText(u, want, path, add)
		case 2:
			w.changeElement(u, want, pick(w.r, typedPaths), add)
		case 3:
			w.changeManager(u, want, add)
		case 4:
			want.active = !chance(w.r, 3)
			f := choose(w.r, w.run.wraps(), setActive)
			add(f.name, f.ops(want.active))
		}
	}
	if len(ops) == 0 { // somebody's manager would have been themselves
		return nil
	}
	return w.writeUser(ctx, u, want, u.copy(), request{strings.Join(forms, " + "), http.MethodPatch, "/Users/" + u.id, patch(ops...), true})
}

func (w *readBackWorker) changeText(u, want *modelUser, path string, add func(string, []operation)) {
	if chance(w.r, 4) || u.texts[path] != "" && chance(w.r, 8) {
		delete(want.texts, path)
		f := choose(w.r, w.run.wraps(), clearText)
		add(f.name, f.ops(text{path: path}))
		return
	}
	want.texts[path] = w.word("text")
	f := choose(w.r, w.run.wraps(), setText)
	add(f.name, f.ops(text{path, want.texts[path]}))
}

func (w *readBackWorker) changeElement(u, want *modelUser, path string, add func(string, []operation)) {
	list, kind, _ := strings.Cut(path, " ")
	forms := setElement
	if chance(w.r, 3) {
		delete(want.typed, path)
		forms = clearElement
	} else {
		want.typed[path] = w.word("value")
	}
	f := choose(w.r, w.run.wraps(), forms)
	if !w.run.lenient() && u.typed[path] == "" && want.typed[path] != "" {
		f = setElement[6] // the RFC's profile creates no element for a filter
	}
	add(f.name, f.ops(element{list, kind, want.typed[path], want.elements(list)}))
}

func (w *readBackWorker) changeManager(u, want *modelUser, add func(string, []operation)) {
	if u.manager != "" && chance(w.r, 3) {
		want.manager = ""
		f := choose(w.r, w.run.wraps(), clearManager)
		add(f.name, f.ops(manager(u.manager)))
		return
	}
	boss := w.someone()
	if boss == u {
		return
	}
	want.manager = boss.id
	f := choose(w.r, w.run.wraps(), setManager)
	add(f.name, f.ops(manager(boss.id)))
}

// put replaces a user or a group.
func (w *readBackWorker) put(ctx context.Context) error {
	if chance(w.r, 2) {
		return w.putUser(ctx)
	}
	return w.putGroup(ctx)
}

func (w *readBackWorker) putUser(ctx context.Context) error {
	u := w.someone()
	want := u.copy()
	for _, path := range textPaths {
		switch w.r.IntN(4) {
		case 0:
			delete(want.texts, path)
		case 1:
			want.texts[path] = w.word("text")
		}
	}
	if chance(w.r, 3) {
		delete(want.typed, pick(w.r, typedPaths))
	}
	withActive := chance(w.r, 2)
	if withActive {
		want.active = !chance(w.r, 3)
	}
	return w.writeUser(ctx, u, want, u.copy(), request{"PUT user", http.MethodPut, "/Users/" + u.id, want.body(withActive), true})
}

func (w *readBackWorker) putGroup(ctx context.Context) error {
	g := pick(w.r, w.groups)
	want := g.copy()
	want.displayName = w.word("Group")
	body := jsonObject{"schemas": []string{groupURN}, "displayName": want.displayName, "externalId": want.externalId}
	form := "PUT group without members"
	if chance(w.r, 2) {
		form = "PUT group"
		want.members = map[string]bool{}
		var ids []string
		if !chance(w.r, 4) {
			ids = w.some(w.userIDs(), 6)
		}
		for _, id := range ids {
			want.members[id] = true
		}
		body["members"] = membership{ids: ids}.plain()
	}
	return w.writeGroup(ctx, g, want, request{form, http.MethodPut, "/Groups/" + g.id, body, true})
}

// patchGroup sends one PATCH of a group: members added, removed or replaced, or a new name.
func (w *readBackWorker) patchGroup(ctx context.Context) error {
	g := pick(w.r, w.groups)
	want := g.copy()
	var forms []form[membership]
	var ids []string
	switch kind := w.r.IntN(10); {
	case kind == 0:
		want.displayName = w.word("Group")
		f := pick(w.r, rename)
		return w.writeGroup(ctx, g, want, request{f.name, http.MethodPatch, "/Groups/" + g.id, patch(f.ops(want)...), true})
	case kind < 5:
		forms, ids = addMembers, w.some(w.userIDs(), 6)
		for _, id := range ids {
			want.members[id] = true
		}
	case kind < 8:
		forms, ids = removeMembers, w.some(w.userIDs(), 4) // also some who are no members
		for _, id := range ids {
			delete(want.members, id)
		}
	default:
		forms, want.members = replaceMembers, map[string]bool{}
		if !chance(w.r, 4) {
			ids = w.some(w.userIDs(), 8)
		}
		for _, id := range ids {
			want.members[id] = true
		}
	}
	if len(w.gone) > 0 && chance(w.r, 6) {
		ids = append(ids, pick(w.r, w.gone)) // somebody deleted is passed over
	}
	f := choose(w.r, w.run.wraps(), forms)
	name := f.name
	if slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(w.gone, id) }) {
		name += " + somebody gone"
	}
	return w.writeGroup(ctx, g, want, request{name, http.MethodPatch, "/Groups/" + g.id, patch(f.ops(membership{g, ids})...), true})
}

// refused sends a request that has to be refused. Nothing may change, but for a disable beside what was refused.
func (w *readBackWorker) refused(ctx context.Context) error {
	if chance(w.r, 2) {
		return w.refusedGroup(ctx)
	}
	u := w.someone()
	other := w.someone()
	bad := map[string]operation{
		"refused: a manager without value": {"replace", managerPath, jsonObject{"$ref": "http://elsewhere.example/Users/" + other.id}},
		"refused: a path of no grammar":    {"replace", "title;", "x"},
		"refused: an unknown switch":       {"replace", "accountEnabled", false},
		"refused: a number as text":        {"replace", "title", 12},
		"refused: two in an array":         {"replace", "title", []any{"a", "b"}},
		"refused: the id by path":          {"replace", "id", "u0000000000000000000000000"},
		"refused: another id":              {"replace", "", jsonObject{"id": "u0000000000000000000000000"}},
	}
	if other != u {
		bad["refused: a taken name"] = operation{"replace", "userName", other.userName}
	}
	if !w.run.lenient() {
		bad["refused: an unknown path"] = operation{"replace", "badgeColour", "red"}
	}
	name := pick(w.r, slices.Sorted(maps.Keys(bad)))
	ops := []operation{{"replace", "nickName", w.word("lost")}, bad[name]}
	after := u.copy()
	if chance(w.r, 3) {
		f := choose(w.r, w.run.wraps(), setActive)
		ops, after.active, name = append(ops, f.ops(false)...), false, name+" + a disable beside it"
	}
	return w.writeUser(ctx, u, nil, after, request{name, http.MethodPatch, "/Users/" + u.id, patch(ops...), false})
}

func (w *readBackWorker) refusedGroup(ctx context.Context) error {
	g := pick(w.r, w.groups)
	good := jsonObject{"value": w.someone().id}
	bad := map[string]any{
		"refused: a member by id":       jsonObject{"id": w.someone().id},
		"refused: an empty member":      jsonObject{},
		"refused: a member by userName": jsonObject{"userName": w.someone().userName},
		"refused: a member by $ref":     jsonObject{"$ref": "http://elsewhere.example/Users/" + w.someone().id},
		"refused: a member by display":  jsonObject{"display": "Ann"},
	}
	methods := []string{"add", "replace", "remove", "PUT"}
	method := pick(w.r, methods)
	if method != "remove" {
		bad["refused: an unknown member"] = jsonObject{"value": "u0000000000000000000000000"}
	}
	name := pick(w.r, slices.Sorted(maps.Keys(bad)))
	list := []any{good, bad[name]}
	r := request{name + ", " + method, http.MethodPatch, "/Groups/" + g.id, patch(operation{method, "members", list}), false}
	if method == "PUT" {
		r.method, r.body = http.MethodPut, jsonObject{"schemas": []string{groupURN}, "displayName": g.displayName, "externalId": g.externalId,
			"members": list}
	} else if method != "remove" && chance(w.r, 2) {
		r.body = patch(operation{method, "", jsonObject{"members": list}})
	}
	return w.writeGroup(ctx, g, nil, r)
}
