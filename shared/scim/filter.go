package scim

import "slices"

// Filter is a parsed filter (RFC 7644 §3.4.2.2). The zero Filter matches everything. It is immutable and safe for
// concurrent use.
type Filter struct {
	root  *node
	types []*ResourceType // the types node terms are indexed by; nil for the zero Filter
}

type nodeOp uint8

const (
	opAnd nodeOp = iota
	opOr
	opNot
	opElement // attr[filter]
	opPresent
	opEq
	opNe
	opCo
	opSw
	opEw
	opGt
	opGe
	opLt
	opLe
)

var opNames = [...]string{opAnd: "and", opOr: "or", opNot: "not", opPresent: "pr", opEq: "eq", opNe: "ne", opCo: "co",
	opSw: "sw", opEw: "ew", opGt: "gt", opGe: "ge", opLt: "lt", opLe: "le"}

// node is one step of a filter.
type node struct {
	op      nodeOp
	inner   bool   // inside [ ]: attributes are sub-attributes of the element
	empty   bool   // the literal was an empty text, which is null (C37)
	kids    []node // and, or: two at least; not, element: one
	path    string // canonical; inside [ ] the bare name
	literal literal
	first   term    // for the first resource type
	more    *[]term // for the others
}

// literal is the value of a comparison: a Value that is neither array nor object, in a third of its bytes, since nodes are
// copied and stored by the filter.
type literal struct {
	kind Kind
	yes  bool
	text string
}

func (l literal) isNull() bool { return l.kind == Null }

func (l literal) value() Value { return Value{kind: l.kind, yes: l.yes, text: l.text} }

// term is what an attribute path and a literal mean for one resource type. attr is nil where the type has no such
// attribute, which then counts as unassigned.
type term struct {
	attr    *attribute
	operand operand
}

// IsZero reports whether f matches everything because it is the zero Filter.
func (f Filter) IsZero() bool { return f.root == nil }

// Match reports whether the resource, as Complete returns it, satisfies the filter. Match complete data, not a
// projection of it. In a filter of several types meta.resourceType selects the schema.
func (f Filter) Match(resource Value) bool {
	if f.root == nil {
		return true
	}
	index := 0
	if len(f.types) != 1 {
		name := resource.Get("meta").Get("resourceType").Text()
		index = slices.IndexFunc(f.types, func(rt *ResourceType) bool { return rt.id == name })
	}
	return f.root.match(index, resource)
}

// String returns the filter in canonical form: full attribute paths in schema spelling, single blanks, parentheses
// only where needed. Parsing it gives an equal filter. The zero Filter gives "".
func (f Filter) String() string {
	if f.root == nil {
		return ""
	}
	return string(f.root.print(nil))
}

func (n *node) print(dst []byte) []byte {
	switch n.op {
	case opAnd, opOr:
		for i := range n.kids {
			if i > 0 {
				dst = append(append(append(dst, ' '), opNames[n.op]...), ' ')
			}
			if kid := &n.kids[i]; n.op == opAnd && kid.op == opOr {
				dst = append(kid.print(append(dst, '(')), ')')
			} else {
				dst = kid.print(dst)
			}
		}
		return dst
	case opNot:
		return append(n.kids[0].print(append(dst, "not ("...)), ')')
	case opElement:
		return append(n.kids[0].print(append(append(dst, n.path...), '[')), ']')
	case opPresent:
		return append(append(dst, n.path...), " pr"...)
	}
	dst = append(append(append(append(dst, n.path...), ' '), opNames[n.op]...), ' ')
	return n.literal.value().Append(dst)
}

// Equality is one `path eq value` that every match satisfies.
type Equality struct {
	Path  string // canonical, as documented at Equals
	Value Value
}

// IsEquality reports whether the filter is one comparison with `eq` and nothing else.
func (f Filter) IsEquality() bool {
	n := f.root
	if n != nil && n.op == opElement {
		n = &n.kids[0]
	}
	return n != nil && n.op == opEq
}

// Paths returns the canonical paths of the attributes that the filter compares, once each, in its order.
func (f Filter) Paths() (out []string) {
	if f.root != nil {
		f.root.paths(&out)
	}
	return out
}

func (n *node) paths(out *[]string) {
	if n.path != "" && !slices.Contains(*out, n.path) {
		*out = append(*out, n.path)
	}
	for i := range n.kids {
		if n.op != opElement { // its path stands for those inside
			n.kids[i].paths(out)
		}
	}
}

// Equals returns the comparisons with `eq` that must all hold, so that a caller can look up candidates by key and then
// Match them: the terms of the top-level `and`, or the only term. Paths are canonical: "userName", "members.value" for
// members eq, "urn:…:User:manager.value", `emails[type eq "work"].value` for both spellings of that.
func (f Filter) Equals() []Equality {
	if f.root == nil {
		return nil
	}
	var out []Equality
	for n := range f.root.conjuncts() {
		out = append(out, n.equalities()...)
	}
	return out
}

func (n *node) equalities() []Equality {
	switch {
	case n.op == opEq && !n.literal.isNull():
		return []Equality{{n.path, n.literal.value()}}
	case n.op == opElement:
		return n.elementEqualities()
	}
	return nil
}

// conjuncts yields the terms that must all hold.
func (n *node) conjuncts() func(func(*node) bool) {
	return func(yield func(*node) bool) {
		if n.op != opAnd {
			yield(n)
			return
		}
		for i := range n.kids {
			if !yield(&n.kids[i]) {
				return
			}
		}
	}
}

// elementEqualities reads attr[a eq 1 and value eq 2] as attr[a eq 1].value eq 2, and without a value as attr.a eq 1.
func (n *node) elementEqualities() []Equality {
	var others []Equality
	var value Value
	condition := append([]byte(n.path), '[')
	start := len(condition)
	for kid := range n.kids[0].conjuncts() {
		if kid.op != opEq || kid.literal.isNull() {
			continue
		}
		if kid.path == "value" && value.IsNull() {
			value = kid.literal.value()
			continue
		}
		if len(condition) > start {
			condition = append(condition, " and "...)
		}
		condition = kid.print(condition)
		others = append(others, Equality{n.path + "." + kid.path, kid.literal.value()})
	}
	switch {
	case value.IsNull():
		return others
	case len(others) == 0:
		return []Equality{{n.path + ".value", value}}
	}
	return []Equality{{string(append(condition, "].value"...)), value}}
}

// Uses reports whether the filter uses the attribute, or a sub-attribute of it, ignoring case: "members", "groups", or
// in full "urn:…:User:manager.displayName". Callers read computed attributes only if used.
func (f Filter) Uses(attr string) bool {
	return f.root != nil && f.root.uses(attr, "")
}

// UsesOnlyEquals reports whether Equals returns a comparison of the attribute's value, such as "members.value", for
// every term that uses the attribute: a caller that knows whether a resource has these values can match it.
func (f Filter) UsesOnlyEquals(attr string) bool {
	if f.root == nil {
		return true
	}
	compared := func(e Equality) bool { return sameName(e.Path, attr+".value") }
	for n := range f.root.conjuncts() {
		if n.uses(attr, "") && !slices.ContainsFunc(n.equalities(), compared) {
			return false
		}
	}
	return true
}

func (n *node) uses(attr, within string) bool {
	if n.path != "" {
		path := within + n.path
		if hasNamePrefix(path, attr) && (len(path) == len(attr) || path[len(attr)] == '.') {
			return true
		}
	}
	if n.op == opElement {
		within = n.path + "."
	}
	for i := range n.kids {
		if n.kids[i].uses(attr, within) {
			return true
		}
	}
	return false
}
