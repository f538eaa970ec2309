package entra

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

const coreUserURN = userURN + ":"

// textPaths are the single-valued texts of a user that ReadBack writes.
var textPaths = []string{"displayName", "title", "nickName", "name.givenName", "name.familyName",
	enterpriseURN + ":department", enterpriseURN + ":employeeNumber"}

// typedPaths are the typed lists of which it writes one element for each type.
var typedPaths = []string{"emails work", "emails other", "phoneNumbers work", "phoneNumbers mobile"}

// null is a JSON null that omitempty keeps.
var null = json.RawMessage("null")

type jsonObject = map[string]any

// form is one way to write a change. wraps marks forms that only providers understand which unwrap texts.
type form[T any] struct {
	name  string
	wraps bool
	ops   func(T) []operation
}

// choose picks a form that the profile understands.
func choose[T any](r *rand.Rand, wraps bool, forms []form[T]) form[T] {
	for {
		if f := pick(r, forms); wraps || !f.wraps {
			return f
		}
	}
}

func one(op, path string, value any) []operation { return []operation{{op, path, value}} }

// text is a text to set, or to clear if it is empty.
type text struct{ path, value string }

// nested returns a value without a path for a text: with the path as its key, or as an object in an object.
func nested(path string, value any) jsonObject {
	if name, ok := strings.CutPrefix(path, enterpriseURN+":"); ok {
		return jsonObject{enterpriseURN: jsonObject{name: value}}
	}
	if parent, sub, ok := strings.Cut(path, "."); ok {
		return jsonObject{parent: jsonObject{sub: value}}
	}
	return jsonObject{path: value}
}

func qualified(path string) string {
	if strings.HasPrefix(path, "urn:") {
		return path
	}
	return coreUserURN + path
}

var setText = []form[text]{
	{"text: Add", false, func(t text) []operation { return one("Add", t.path, t.value) }},
	{"text: Replace", false, func(t text) []operation { return one("Replace", t.path, t.value) }},
	{"text: replace by URN", false, func(t text) []operation { return one("replace", qualified(t.path), t.value) }},
	{"text: path in capitals", false, func(t text) []operation { return one("replace", strings.ToUpper(t.path), t.value) }},
	{"text: dotted key", false, func(t text) []operation { return one("replace", "", jsonObject{t.path: t.value}) }},
	{"text: dotted key, add", false, func(t text) []operation { return one("Add", "", jsonObject{t.path: t.value}) }},
	{"text: nested value", false, func(t text) []operation { return one("replace", "", nested(t.path, t.value)) }},
	{"text: read-only attributes beside it", false, func(t text) []operation {
		return one("replace", "", jsonObject{t.path: t.value, "schemas": []string{userURN}})
	}},
	{"text: in an array", true, func(t text) []operation { return one("Replace", t.path, []any{t.value}) }},
	{"text: wrapped", true, func(t text) []operation {
		return one("Replace", t.path, []any{jsonObject{"$ref": nil, "value": t.value}})
	}},
	{"text: wrapped, without a path", true, func(t text) []operation {
		return one("replace", "", jsonObject{t.path: []any{jsonObject{"value": t.value}}})
	}},
}

var clearText = []form[text]{
	{"clear text: remove", false, func(t text) []operation { return one("remove", t.path, nil) }},
	{"clear text: Remove by URN", false, func(t text) []operation { return one("Remove", qualified(t.path), nil) }},
	{"clear text: empty", false, func(t text) []operation { return one("Replace", t.path, "") }},
	{"clear text: null", false, func(t text) []operation { return one("replace", t.path, null) }},
	{"clear text: null without a path", false, func(t text) []operation { return one("replace", "", jsonObject{t.path: nil}) }},
	{"clear text: empty without a path", false, func(t text) []operation { return one("replace", "", jsonObject{t.path: ""}) }},
	{"clear text: wrapped null", true, func(t text) []operation { return one("Replace", t.path, []any{jsonObject{"value": nil}}) }},
	{"clear text: empty array", true, func(t text) []operation { return one("Replace", t.path, []any{}) }},
}

// element is the element of one type of a list to set, or to remove if value is empty. all is the whole list as it has
// to be afterwards.
type element struct {
	list, kind, value string
	all               []any
}

func (e element) filter() string { return fmt.Sprintf("%s[type eq %q]", e.list, e.kind) }

var setElement = []form[element]{
	{"element: value of a filter", false, func(e element) []operation { return one("Add", e.filter()+".value", e.value) }},
	{"element: value of a filter, replace", false, func(e element) []operation { return one("replace", e.filter()+".value", e.value) }},
	{"element: filter key", false, func(e element) []operation { return one("replace", "", jsonObject{e.filter() + ".value": e.value}) }},
	{"element: chosen by a filter", false, func(e element) []operation {
		return one("replace", e.filter(), jsonObject{"value": e.value})
	}},
	{"element: text for a filter", false, func(e element) []operation { return one("Replace", e.filter(), e.value) }},
	{"element: blank before the bracket", false, func(e element) []operation {
		return one("replace", strings.Replace(e.filter(), "[", " [", 1)+".value", e.value)
	}},
	{"element: whole list", false, func(e element) []operation { return one("replace", e.list, e.all) }},
	{"element: whole list without a path", false, func(e element) []operation { return one("replace", "", jsonObject{e.list: e.all}) }},
	{"element: list emptied, then added", false, func(e element) []operation {
		return []operation{{"replace", e.list, []any{}}, {"Add", e.list, e.all}}
	}},
}

var clearElement = []form[element]{
	{"clear element: remove by filter", false, func(e element) []operation { return one("remove", e.filter(), nil) }},
	{"clear element: Remove the value", false, func(e element) []operation { return one("Remove", e.filter()+".value", nil) }},
	{"clear element: empty value", false, func(e element) []operation { return one("Replace", e.filter()+".value", "") }},
	{"clear element: null value", false, func(e element) []operation { return one("replace", e.filter()+".value", null) }},
	{"clear element: whole list", false, func(e element) []operation { return one("replace", e.list, e.all) }},
	{"clear element: emptied element in the list", false, func(e element) []operation {
		return one("replace", e.list, append([]any{jsonObject{"type": e.kind, "value": nil}}, e.all...))
	}},
}

// manager is a manager's id to set; to clear is the one that is set now.
type manager string

var setManager = []form[manager]{
	{"manager: text", false, func(m manager) []operation { return one("Add", managerPath, string(m)) }},
	{"manager: text, replace", false, func(m manager) []operation { return one("replace", managerPath, string(m)) }},
	{"manager: bare name", false, func(m manager) []operation { return one("Replace", "manager", string(m)) }},
	{"manager: object", false, func(m manager) []operation { return one("replace", managerPath, jsonObject{"value": string(m)}) }},
	{"manager: value", false, func(m manager) []operation { return one("replace", managerPath+".value", string(m)) }},
	{"manager: array of one", false, func(m manager) []operation {
		return one("Add", "manager", []any{jsonObject{"$ref": "http://elsewhere.example/Users/" + string(m), "value": string(m)}})
	}},
	{"manager: key", false, func(m manager) []operation { return one("replace", "", jsonObject{managerPath: string(m)}) }},
	{"manager: nested", false, func(m manager) []operation {
		return one("replace", "", jsonObject{enterpriseURN: jsonObject{"manager": jsonObject{"value": string(m)}}})
	}},
}

var clearManager = []form[manager]{
	{"clear manager: empty", false, func(manager) []operation { return one("Replace", managerPath, "") }},
	{"clear manager: null", false, func(manager) []operation { return one("replace", managerPath, null) }},
	{"clear manager: remove", false, func(manager) []operation { return one("remove", managerPath, nil) }},
	{"clear manager: remove by filter", false, func(m manager) []operation {
		return one("remove", fmt.Sprintf("%s[value eq %q]", managerPath, string(m)), nil)
	}},
	{"clear manager: object with null", false, func(manager) []operation { return one("replace", managerPath, jsonObject{"value": nil}) }},
	{"clear manager: key", false, func(manager) []operation { return one("replace", "", jsonObject{managerPath: ""}) }},
}

var setActive = []form[bool]{
	{"active: Replace with text", false, func(b bool) []operation { return one("Replace", "active", capital(b)) }},
	{"active: Add", false, func(b bool) []operation { return one("Add", "active", capital(b)) }},
	{"active: boolean", false, func(b bool) []operation { return one("replace", "active", b) }},
	{"active: without a path", false, func(b bool) []operation { return one("replace", "", jsonObject{"active": b}) }},
	{"active: text without a path", false, func(b bool) []operation { return one("replace", "", jsonObject{"active": fmt.Sprint(b)}) }},
	{"active: by URN", false, func(b bool) []operation { return one("replace", coreUserURN+"active", b) }},
	{"active: wrapped", true, func(b bool) []operation { return one("Replace", "active", []any{jsonObject{"value": capital(b)}}) }},
}

func capital(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// membership is a set of members to add, to remove or, with group, to have.
type membership struct {
	group *modelGroup
	ids   []string
}

func (m membership) plain() []any {
	out := []any{}
	for _, id := range m.ids {
		out = append(out, jsonObject{"value": id})
	}
	return out
}

func (m membership) bare() []any {
	out := []any{}
	for _, id := range m.ids {
		out = append(out, id)
	}
	return out
}

var addMembers = []form[membership]{
	{"add members: Entra, legacy", false, func(m membership) []operation { return Legacy.addMembers(m.ids) }},
	{"add members: Entra, compliant", false, func(m membership) []operation { return Compliant.addMembers(m.ids) }},
	{"add members: bare texts", false, func(m membership) []operation { return one("add", "members", m.bare()) }},
	{"add members: one by one", false, func(m membership) []operation {
		var out []operation
		for _, id := range m.ids {
			out = append(out, operation{"add", "members", jsonObject{"value": id, "display": "Somebody", "type": "User"}})
		}
		return out
	}},
	{"add members: without a path", false, func(m membership) []operation { return one("add", "", jsonObject{"members": m.plain()}) }},
	{"add members: by URN", false, func(m membership) []operation { return one("Add", groupURN+":members", m.plain()) }},
}

var removeMembers = []form[membership]{
	{"remove members: Entra, legacy", false, func(m membership) []operation { return Legacy.removeMembers(m.ids) }},
	{"remove members: Entra, compliant", false, func(m membership) []operation { return Compliant.removeMembers(m.ids) }},
	{"remove members: bare texts", false, func(m membership) []operation { return one("remove", "members", m.bare()) }},
	{"remove members: by or", false, func(m membership) []operation {
		terms := make([]string, len(m.ids))
		for i, id := range m.ids {
			terms[i] = fmt.Sprintf("value eq %q", id)
		}
		return one("remove", "members["+strings.Join(terms, " or ")+"]", nil)
	}},
}

var replaceMembers = []form[membership]{
	{"replace members: by path", false, func(m membership) []operation { return one("replace", "members", m.plain()) }},
	{"replace members: bare texts", false, func(m membership) []operation { return one("Replace", "members", m.bare()) }},
	{"replace members: without a path", false, func(m membership) []operation {
		return one("replace", "", jsonObject{"members": m.plain()})
	}},
	{"replace members: Okta's push with the id", false, func(m membership) []operation {
		return one("replace", "", jsonObject{"id": m.group.id, "displayName": m.group.displayName, "members": m.plain()})
	}},
	{"replace members: the id in another operation", false, func(m membership) []operation {
		return []operation{{"replace", "", jsonObject{"id": m.group.id}}, {"replace", "members", m.plain()}}
	}},
	{"replace members: emptied, then added", false, func(m membership) []operation {
		out := one("replace", "members", []any{})
		if len(m.ids) > 0 {
			out = append(out, operation{"add", "members", m.plain()})
		}
		return out
	}},
	{"replace members: removed, then added", false, func(m membership) []operation {
		out := one("remove", "members", nil)
		if len(m.ids) > 0 {
			out = append(out, operation{"Add", "members", m.bare()})
		}
		return out
	}},
	{"replace members: removed by type, then added", false, func(m membership) []operation {
		out := []operation{{"replace", "", jsonObject{"id": m.group.id}}, {"remove", `members[type eq "User"]`, nil}}
		if len(m.ids) > 0 {
			out = append(out, operation{"add", "members", m.plain()})
		}
		return out
	}},
}

var rename = []form[*modelGroup]{
	{"rename: Replace", false, func(g *modelGroup) []operation { return one("Replace", "displayName", g.displayName) }},
	{"rename: without a path", false, func(g *modelGroup) []operation { return one("replace", "", jsonObject{"displayName": g.displayName}) }},
	{"rename: Okta's with the id", false, func(g *modelGroup) []operation {
		return one("replace", "", jsonObject{"id": g.id, "displayName": g.displayName})
	}},
}
