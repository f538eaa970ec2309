package scim

import (
	"slices"
	"strings"
)

// Patch is a parsed PATCH request (RFC 7644 §3.5.2): its structure is checked; Apply checks the rest. It is immutable
// and safe for concurrent use.
type Patch struct{ ops []patchOp }

type opKind uint8

const (
	patchAdd opKind = iota
	patchReplace
	patchRemove
)

type patchOp struct {
	kind     opKind
	path     string
	hasPath  bool
	value    Value
	hasValue bool
}

// ParsePatch checks the structure of a PATCH body. 400 invalidSyntax: no object, the PatchOp schema missing, Operations
// missing (Apply refuses an empty list), an operation without a known op (ignoring case), a path that is not a string. 413: more than
// MaxOperations. Other members of an operation are ignored.
func ParsePatch(body Value) (Patch, error) {
	if err := checkMessage(body, PatchOpURN); err != nil {
		return Patch{}, err
	}
	operations := body.Get("Operations")
	if operations.kind != Array {
		return Patch{}, badSyntax("Operations must be an array of operations")
	}
	if len(operations.elems) > MaxOperations {
		return Patch{}, Errorf(413, "", "a PATCH may hold at most %d operations", MaxOperations)
	}
	p := Patch{make([]patchOp, 0, len(operations.elems))}
	for i, o := range operations.elems {
		op, err := parseOperation(o)
		if err != nil {
			return Patch{}, badSyntax("operation %d: %s", i+1, err.Detail)
		}
		p.ops = append(p.ops, op)
	}
	return p, nil
}

func parseOperation(o Value) (patchOp, *Error) {
	var op patchOp
	if o.kind != Object {
		return op, badSyntax("an operation must be an object")
	}
	switch name := o.Get("op"); {
	case name.kind == String && sameName(name.text, "add"):
		op.kind = patchAdd
	case name.kind == String && sameName(name.text, "replace"):
		op.kind = patchReplace
	case name.kind == String && sameName(name.text, "remove"):
		op.kind = patchRemove
	default:
		return op, badSyntax("op must be add, replace or remove")
	}
	switch path := o.Get("path"); path.kind {
	case Null:
	case String:
		op.path, op.hasPath = path.text, true
	default:
		return op, badSyntax("path must be a string")
	}
	if i := o.index("value"); i >= 0 {
		op.value, op.hasValue = o.members[i].Value, true
	}
	return op, nil
}

// checkMessage checks that a request message is an object with its URN among the schemas.
func checkMessage(body Value, urn string) error {
	if body.kind != Object {
		return badSyntax("the body must be a JSON object")
	}
	for _, s := range body.Get("schemas").elems {
		if s.kind == String && sameName(s.text, urn) {
			return nil
		}
	}
	return badSyntax("schemas must hold %s", urn)
}

// Len returns the number of operations.
func (p Patch) Len() int { return len(p.ops) }

// Strings yields every string in the values, and every literal in the filters of paths and of path-like member names.
// Among them are all ids the request refers to, so that callers can read those ahead.
func (p Patch) Strings(yield func(string) bool) {
	for _, op := range p.ops {
		if !pathStrings(op.path, yield) || !valueStrings(op.value, yield) {
			return
		}
	}
}

// Inactive reports whether a value for `active` says false, in any spelling that the tolerance reads.
func (rt *ResourceType) Inactive(v Value, t Tolerance) bool {
	d := decoder{t: t}
	said, err := d.attribute(rt.tables[0].find("active"), v)
	return err == nil && said.kind == Bool && !said.yes
}

// Disables reports whether the last word of a PATCH body on `active` is false, whatever else is wrong with it (C22): in
// any spelling that Apply reads, with a path or without.
func (rt *ResourceType) Disables(body Value, t Tolerance) bool {
	active := rt.tables[0].find("active")
	disabled := false
	for _, o := range body.Get("Operations").elems {
		op, err := parseOperation(o)
		if err != nil || op.kind == patchRemove || !op.hasValue {
			continue
		}
		names := op.value.members
		if op.hasPath {
			names = []Member{{op.path, op.value}}
		}
		for _, m := range names {
			if tg, err := rt.parsePath(m.Name, t); err == nil && tg.attr == active && tg.filter == nil {
				disabled = rt.Inactive(m.Value, t)
			}
		}
	}
	return disabled
}

// Mentions reports whether a value without a path has a member of this name, ignoring case, with its URN or without.
func (p Patch) Mentions(name string) bool {
	return slices.ContainsFunc(p.ops, func(op patchOp) bool {
		return !op.hasPath && slices.ContainsFunc(op.value.members, func(m Member) bool {
			return sameName(m.Name[strings.LastIndexByte(m.Name, ':')+1:], name)
		})
	})
}

func valueStrings(v Value, yield func(string) bool) bool {
	switch v.kind {
	case String:
		return yield(v.text)
	case Array:
		for _, e := range v.elems {
			if !valueStrings(e, yield) {
				return false
			}
		}
	case Object:
		for _, m := range v.members {
			if !pathStrings(m.Name, yield) || !valueStrings(m.Value, yield) {
				return false
			}
		}
	}
	return true
}

// pathStrings yields the literals, and the other words, between the brackets of a path.
func pathStrings(path string, yield func(string) bool) bool {
	start := strings.IndexByte(path, '[')
	if start < 0 {
		return true
	}
	p := filterParser{s: path, i: start + 1, t: Tolerance{BareWords: true}}
	for p.i < len(p.s) {
		if p.s[p.i] != '"' {
			word := p.word()
			if word != "" && !yield(word) {
				return false
			}
			if word == "" {
				p.i++
			}
			continue
		}
		literal, err := p.literal()
		if err != nil {
			return true
		}
		if !yield(literal.text) {
			return false
		}
	}
	return true
}

// target is the target of a PATCH path: an extension alone (attr nil), an attribute, elements of it, or a
// sub-attribute.
type target struct {
	unread string // a name that no schema has, and nothing else, if the tolerance passes over it
	table  *table
	attr   *attribute
	filter *node
	sub    *attribute
	where  string // for errors
}

// parsePath reads PATH of RFC 7644 figure 7: an attribute path, or attr[filter] and optionally .sub. 400 invalidPath,
// or invalidFilter inside the brackets.
func (rt *ResourceType) parsePath(path string, t Tolerance) (target, error) {
	if t.LooseBlanks {
		path = strings.Trim(path, " \t\r\n")
	}
	if len(path) > MaxFilterBytes {
		return target{}, badPath("a path is longer than %d bytes", MaxFilterBytes)
	}
	bracket := strings.IndexByte(path, '[')
	name := path
	if bracket >= 0 {
		name = strings.TrimRight(path[:bracket], " \t\r\n") // C33
	}
	ref, fault := rt.resolve(name, t.UnqualifiedExtension)
	switch {
	case fault == pathUnknown && t.SkipUnknown:
		return rt.unread(name, path, bracket, t)
	case fault == pathMalformed:
		return target{}, badPath("%s is not an attribute path", shown(name))
	case fault == pathUnknown:
		return target{}, badPath("%s is not an attribute of %s", shown(name), rt.id)
	case ref.attr == nil && (ref.table.index == 0 || bracket >= 0):
		return target{}, badPath("%s is a schema: name an attribute of it", ref.table.schema.ID)
	}
	out := target{table: ref.table, attr: ref.attr, where: ref.table.schema.ID}
	if ref.attr != nil {
		out.where = ref.attr.path
		if ref.attr.parent != nil {
			out.attr, out.sub = ref.attr.parent, ref.attr
		}
	}
	if bracket < 0 {
		return out, nil
	}
	return rt.parseValuePath(out, path, bracket, t)
}

// unread returns the target of a path to an attribute that no schema has. What follows the name must be of the grammar.
func (rt *ResourceType) unread(name, path string, bracket int, t Tolerance) (target, error) {
	out := target{unread: name, where: shown(name)}
	if bracket < 0 {
		return out, nil
	}
	p := filterParser{s: path, i: bracket + 1, types: rt.alone, t: t, inside: true, within: []*attribute{nil},
		anyAttribute: true}
	if err := p.nested(&node{}, ']'); err != nil {
		return target{}, err
	}
	if rest := path[p.i:]; rest != "" && (rest[0] != '.' || !isAttributeName(rest[1:])) {
		return target{}, badPath("%s is not an attribute path", shown(path))
	}
	return out, nil
}

func (rt *ResourceType) parseValuePath(out target, path string, bracket int, t Tolerance) (target, error) {
	if out.sub != nil || !out.attr.MultiValued && out.attr.kind != Object {
		return target{}, badPath("%s has no elements to filter", out.where)
	}
	if strings.IndexByte(path, ']') < 0 {
		return target{}, badPath("the path after %s lacks its closing bracket", out.where)
	}
	p := filterParser{s: path, i: bracket + 1, types: rt.alone, t: t, inside: true,
		within: []*attribute{out.attr}}
	out.filter = &node{}
	if err := p.nested(out.filter, ']'); err != nil {
		return target{}, err
	}
	rest := path[p.i:]
	if rest == "" {
		return out, nil
	}
	if rest[0] == '.' {
		out.sub = out.attr.sub(rest[1:])
	}
	if out.sub == nil && t.SkipUnknown && rest[0] == '.' && isAttributeName(rest[1:]) {
		return target{unread: out.where + rest, where: shown(out.where + rest)}, nil
	}
	if out.sub == nil {
		return target{}, badPath("after %s[…] only one of its sub-attributes can follow", out.where)
	}
	out.where = out.sub.path
	return out, nil
}
