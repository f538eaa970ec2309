package scim

import (
	"strings"
	"time"

	"rollcall/shared/casefold"
)

// resolve finds the attribute in every resource type and sets the terms and the canonical path of n.
func (p *filterParser) resolve(n *node, name string) error {
	if len(p.types) > 1 {
		more := make([]term, len(p.types)-1)
		n.more = &more
	}
	for i, rt := range p.types {
		a, err := p.attribute(i, rt, name)
		if err != nil {
			return err
		}
		n.term(i).attr = a
		if a != nil && n.path == "" {
			n.path = a.path
			if p.inside {
				n.path = a.innerName()
			}
		}
	}
	if n.path == "" {
		n.path = name
	}
	return nil
}

func (a *attribute) innerName() string {
	if a.isSelf {
		return "value"
	}
	return a.Name
}

func (p *filterParser) attribute(i int, rt *ResourceType, name string) (*attribute, error) {
	if p.inside {
		within := p.within[i]
		if within == nil {
			return nil, nil
		}
		if sub := within.sub(name); sub != nil {
			return sub, nil
		}
		if within.selfValue != nil && sameName(name, "value") {
			return within.selfValue, nil
		}
		if p.anyAttribute && isAttributeName(name) {
			return nil, nil
		}
		return nil, badFilter("%s has no sub-attribute %s", within.path, shown(name))
	}
	ref, fault := rt.resolve(name, p.t.UnqualifiedExtension)
	switch {
	case fault == pathMalformed:
		return nil, badFilter("%s is not an attribute path", shown(name))
	case fault == pathUnknown && p.anyAttribute:
		return nil, nil
	case fault == pathUnknown:
		return nil, badFilter("%s is not an attribute of %s", shown(name), rt.id)
	case ref.attr == nil:
		return nil, badFilter("%s is a schema, not an attribute", ref.table.schema.ID)
	}
	return ref.attr, nil
}

// check checks that operator and literal fit the attribute, and prepares the operand, for each type.
func (p *filterParser) check(n *node) error {
	canonical := false
	for i := range p.types {
		t := n.term(i)
		if t.attr == nil {
			continue
		}
		if t.attr.never {
			return badFilter("%s cannot be filtered", t.attr.path)
		}
		if n.op == opPresent {
			continue
		}
		if t.attr.kind == Object {
			if t.attr.value == nil {
				return badFilter("%s is complex: name one of its sub-attributes", t.attr.path)
			}
			t.attr = t.attr.value
		}
		literal, err := p.operand(n, t)
		if err != nil {
			return err
		}
		if !canonical {
			canonical = true
			n.literal = literal
			if !n.inner {
				n.path = t.attr.path
			}
		}
	}
	return nil
}

// operand is a literal made ready for comparing with values of one attribute.
type operand struct {
	other bool // of another type than the attribute: nothing equals it
	yes   bool
	text  string // folded where the attribute is caseless
	when  *time.Time
}

func (p *filterParser) operand(n *node, t *term) (literal, error) {
	a, v := t.attr, n.literal
	name := a.path
	switch n.op {
	case opCo, opSw, opEw:
		if a.kind != String || a.binary || a.dateTime {
			return v, badFilter("%s cannot be compared with %s", name, opNames[n.op])
		}
	case opGt, opGe, opLt, opLe:
		if a.kind == Bool || a.binary {
			return v, badFilter("%s has no order: %s does not fit", name, opNames[n.op])
		}
	}
	if v.kind == String && v.text == "" && a.kind != Bool && (n.op == opEq || n.op == opNe) {
		n.empty, v = true, literal{} // C37
	}
	if v.isNull() {
		if n.op != opEq && n.op != opNe {
			return v, badFilter("null can be compared with eq and ne only")
		}
		return v, nil
	}
	if a.kind == Bool && v.kind == String {
		yes, ok := boolText(v.text)
		if !ok || !p.t.BoolText {
			return v, badFilter("%s is a boolean: compare it with true or false", name)
		}
		v = literal{kind: Bool, yes: yes}
	}
	if a.kind == Number && v.kind == String && p.t.NumberText {
		if v.text = numberText(v.text); v.text == "" { // C34
			return v, badFilter("%s is a number: compare it with one", name)
		}
		v.kind = Number
	}
	if v.kind != a.kind {
		t.operand.other = true
		return v, nil
	}
	switch {
	case a.dateTime:
		when, ok := parseDateTime(v.text)
		if !ok {
			return v, badFilter("%s needs a date and time such as 2026-01-31T09:00:00Z", name)
		}
		t.operand.when = &when
	case a.kind == String && !a.CaseExact:
		t.operand.text = casefold.Fold(v.text)
	default:
		t.operand.text, t.operand.yes = v.text, v.yes
	}
	return v, nil
}

// boolText reads true and false in any case (C2).
func boolText(s string) (yes, ok bool) {
	return sameName(s, "true"), sameName(s, "true") || sameName(s, "false")
}

// parseDateTime reads xsd:dateTime (RFC 7643 §2.3.5). Without an offset it is UTC.
func parseDateTime(s string) (time.Time, bool) {
	if when, err := time.Parse(time.RFC3339, s); err == nil {
		return when, true
	}
	when, err := time.Parse("2006-01-02T15:04:05", s)
	return when, err == nil
}

// match evaluates a node for one resource type; index is negative for a type the filter was not parsed for. v is the
// resource, or the element inside [ ].
func (n *node) match(index int, v Value) bool {
	switch n.op {
	case opAnd:
		for i := range n.kids {
			if !n.kids[i].match(index, v) {
				return false
			}
		}
		return true
	case opOr:
		for i := range n.kids {
			if n.kids[i].match(index, v) {
				return true
			}
		}
		return false
	case opNot:
		return !n.kids[0].match(index, v)
	}
	var t *term
	if index >= 0 {
		t = n.term(index)
	}
	if t == nil || t.attr == nil {
		return n.unassigned()
	}
	found, assigned := false, false
	for value := range t.attr.values(v, n.inner) {
		assigned = assigned || present(value)
		switch {
		case value.IsNull():
		case n.op == opElement:
			found = n.kids[0].match(index, value)
		case n.op == opPresent || n.literal.isNull():
		default:
			found = t.compare(n.op, value)
		}
		if found {
			return true
		}
	}
	if n.op == opElement {
		return false
	}
	if n.op == opPresent {
		return assigned
	}
	if n.literal.isNull() {
		return assigned == (n.op == opNe)
	}
	return !assigned && n.op == opNe
}

// unassigned is the outcome for an attribute that has no value.
func (n *node) unassigned() bool {
	return n.op == opNe && !n.literal.isNull() || n.op == opEq && n.literal.isNull()
}

// values yields the values of an attribute in a resource: every element of a multi-valued one.
func (a *attribute) values(v Value, inner bool) func(func(Value) bool) {
	return func(yield func(Value) bool) {
		if inner {
			if !a.isSelf {
				v = v.Get(a.Name)
			}
			yield(v)
			return
		}
		if a.table.index > 0 {
			v = v.Get(a.table.schema.ID)
		}
		top := a.top()
		v = v.Get(top.Name)
		if v.kind != Array {
			if a != top {
				v = v.Get(a.Name)
			}
			yield(v)
			return
		}
		for _, e := range v.elems {
			if a != top && !a.isSelf {
				e = e.Get(a.Name)
			}
			if !yield(e) {
				return
			}
		}
	}
}

// present reports whether a value counts as assigned: not null, not "", an object with a present member.
func present(v Value) bool {
	switch v.kind {
	case Null:
		return false
	case String:
		return v.text != ""
	case Array:
		for _, e := range v.elems {
			if present(e) {
				return true
			}
		}
		return false
	case Object:
		for _, m := range v.members {
			if present(m.Value) {
				return true
			}
		}
		return false
	}
	return true
}

func (t *term) compare(op nodeOp, v Value) bool {
	a := t.attr
	if t.operand.other || v.kind != a.kind {
		return op == opNe
	}
	if a.kind == Bool {
		return (v.yes == t.operand.yes) == (op == opEq)
	}
	order := 0
	switch {
	case a.dateTime:
		when, ok := parseDateTime(v.text)
		if !ok {
			return op == opNe
		}
		order = when.Compare(*t.operand.when)
	case a.kind == Number:
		order = compareNumbers(v.text, t.operand.text)
	default:
		text := v.text
		if !a.CaseExact {
			if a.name && (op == opEq || op == opNe) {
				return casefold.EqualNames(text, t.operand.text) == (op == opEq)
			}
			if op == opEq || op == opNe {
				return casefold.Equal(text, t.operand.text) == (op == opEq)
			}
			text = casefold.Fold(text)
		}
		switch op {
		case opCo:
			return strings.Contains(text, t.operand.text)
		case opSw:
			return strings.HasPrefix(text, t.operand.text)
		case opEw:
			return strings.HasSuffix(text, t.operand.text)
		}
		order = strings.Compare(text, t.operand.text)
	}
	switch op {
	case opEq:
		return order == 0
	case opNe:
		return order != 0
	case opGt:
		return order > 0
	case opGe:
		return order >= 0
	case opLt:
		return order < 0
	}
	return order <= 0
}
