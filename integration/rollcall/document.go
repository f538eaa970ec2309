package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"rollcall/shared/adminapi"
)

// object is a JSON object.
type object = map[string]any

// operation is an operation of the admin API, from its OpenAPI document.
type operation struct {
	id, method, path string
	params           []string          // of the path, in order
	query            map[string]schema // query parameters
	body             map[string]schema // members; a member of an object has a path, such as name.givenName
	required         []string          // members of the body
	roles            []string          // roles of API keys that may use it
	list             bool              // the response is a page of items
}

// schema describes a member or a parameter.
type schema struct {
	kind    string // string, integer, boolean, array; "" for anything else
	format  string
	enum    []string
	objects bool // of an array: the elements are objects
	null    bool // null is allowed, and clears it
}

// operations returns the operations of the admin API by operationId.
var operations = sync.OnceValue(func() map[string]operation {
	var d document
	if err := json.Unmarshal(adminapi.Document(), &d); err != nil {
		panic(err) // the document is part of the program
	}
	all := map[string]operation{}
	for path, item := range d["paths"].(object) {
		for method, v := range item.(object) {
			if method != "parameters" {
				o := d.operation(strings.ToUpper(method), path, v.(object))
				all[o.id] = o
			}
		}
	}
	return all
})

// document is an OpenAPI document.
type document object

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

func (d document) operation(method, path string, v object) operation {
	o := operation{
		id: v["operationId"].(string), method: method, path: path,
		query: map[string]schema{}, body: map[string]schema{}, roles: texts(v["x-roles"]),
	}
	for _, m := range pathParam.FindAllStringSubmatch(path, -1) {
		o.params = append(o.params, m[1])
	}
	for _, p := range list(v, "parameters") {
		if p := d.resolve(p); p["in"] == "query" {
			o.query[p["name"].(string)] = d.schema(p["schema"])
		}
	}
	if content := d.at(v, "requestBody", "content", "application/json", "schema"); content != nil {
		body := d.resolve(content)
		o.required = texts(body["required"])
		d.members(body, "", o.body)
	}
	_, cursor := o.query["cursor"]
	answer := d.resolve(d.at(v, "responses", "200", "content", "application/json", "schema"))
	properties, _ := answer["properties"].(object)
	o.list = cursor || properties["nextCursor"] != nil
	return o
}

// members adds the members of an object's schema to a map.
func (d document) members(s object, prefix string, to map[string]schema) {
	properties, _ := s["properties"].(object)
	for name, v := range properties {
		to[prefix+name] = d.schema(v)
		d.members(d.resolve(v), prefix+name+".", to)
	}
}

func (d document) schema(v any) schema {
	s := d.resolve(v)
	out := schema{enum: texts(s["enum"]), null: s["nullable"] == true}
	out.kind, _ = s["type"].(string)
	out.format, _ = s["format"].(string)
	if out.kind == "array" {
		items := d.schema(s["items"])
		out.objects, out.enum = d.resolve(s["items"])["properties"] != nil, items.enum
	}
	return out
}

// resolve follows references, and returns the first schema of an allOf or anyOf.
func (d document) resolve(v any) object {
	s, _ := v.(object)
	if ref, ok := s["$ref"].(string); ok {
		return d.resolve(d.at(object(d), strings.Split(strings.TrimPrefix(ref, "#/"), "/")...))
	}
	for _, joined := range []string{"allOf", "anyOf"} {
		parts := list(s, joined)
		if s["type"] != nil || len(parts) == 0 {
			continue
		}
		out := maps.Clone(d.resolve(parts[0]))
		if slices.ContainsFunc(parts, func(p any) bool { return d.resolve(p)["type"] == "null" }) {
			out["nullable"] = true
		}
		return out
	}
	return s
}

// at returns the value below v under these names, or nil.
func (d document) at(v any, names ...string) any {
	for _, name := range names {
		m, _ := v.(object)
		v = m[name]
	}
	return v
}

// list returns the array member of an object, or nil.
func list(v object, name string) []any {
	l, _ := v[name].([]any)
	return l
}

// texts returns the texts of an array.
func texts(v any) []string {
	l, _ := v.([]any)
	var out []string
	for _, e := range l {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// sortedKeys returns the names of an object's members in order.
func sortedKeys(o object) []string { return slices.Sorted(maps.Keys(o)) }
