package scim

import "slices"

// Decode turns the body of a POST or PUT into the attribute tree: writable attributes under canonical names in schema
// order, extension data under its URN. Dropped: id, meta, schemas, other read-only attributes, the password, unknown
// members (C8), and unassigned values (null, [], and "" if tolerated). Data of a known extension is accepted whether or
// not `schemas` lists it. Errors are *Error: 400 invalidSyntax for a body that is no object, 400 invalidValue naming
// the attribute for a wrong type, a missing required value, two primaries or an oversized string, 413 for more than
// MaxElements elements.
func (rt *ResourceType) Decode(body Value, t Tolerance) (Value, error) {
	if body.kind != Object {
		return Value{}, badSyntax("the body must be a JSON object")
	}
	w := rt.newTree()
	d := decoder{t: t}
	for _, m := range body.members {
		if ext := rt.extension(m.Name); ext != nil {
			if err := d.extension(w, ext, m.Value); err != nil {
				return Value{}, err
			}
			continue
		}
		a, bare := rt.tables[0].find(m.Name), false
		if a == nil && t.UnqualifiedExtension && rt.common.find(m.Name) == nil {
			a, bare = rt.find(m.Name, rt.tables[1:]), true
		}
		if a == nil || a.readOnly || a.never || bare && !w.get(a).IsNull() {
			continue
		}
		v, err := d.attribute(a, m.Value)
		if err != nil {
			return Value{}, err
		}
		w.set(a, v)
	}
	if err := w.check(); err != nil {
		return Value{}, err
	}
	return w.value(), nil
}

// decoder converts values a client sent to the canonical form of an attribute.
type decoder struct {
	t        Tolerance
	patch    bool // an unknown member of a complex value is an error, unless it is tolerated
	elements int  // seen in this request
}

func (d *decoder) extension(w *tree, ext *table, v Value) error {
	if d.empty(v) {
		return nil
	}
	if v.kind != Object {
		return badValue("%s must be an object", ext.schema.ID)
	}
	for _, m := range v.members {
		a := ext.find(m.Name)
		if a == nil || a.readOnly || a.never {
			continue
		}
		decoded, err := d.attribute(a, m.Value)
		if err != nil {
			return err
		}
		w.set(a, decoded)
	}
	return nil
}

// empty reports whether v stands for "unassigned".
func (d *decoder) empty(v Value) bool {
	return v.kind == Null || v.kind == Array && len(v.elems) == 0 || v.kind == String && v.text == "" && d.t.EmptyClears
}

// attribute decodes the whole value of an attribute; null means unassigned.
func (d *decoder) attribute(a *attribute, v Value) (Value, error) {
	if d.empty(v) {
		return Value{}, nil
	}
	if !a.MultiValued {
		return d.single(a, v)
	}
	in := v.elems
	if v.kind == Object || v.kind == String && d.t.BareComplexValue && a.value != nil {
		in = []Value{v} // one object is an array of one (C33)
	} else if v.kind != Array {
		return Value{}, badValue("%s must be an array", a.path)
	}
	elems, err := d.array(a, in)
	if err != nil || len(elems) == 0 {
		return Value{}, err
	}
	if a.External {
		elems = distinct(elems)
	} else {
		elems = a.collapse(elems)
	}
	return ArrayValue(elems...), onePrimary(a, elems)
}

// array decodes elements, leaving out the unassigned ones.
func (d *decoder) array(a *attribute, in []Value) ([]Value, error) {
	if d.elements += len(in); d.elements > MaxElements {
		return nil, Errorf(413, "", "a request may carry at most %d elements", MaxElements)
	}
	out := make([]Value, 0, len(in))
	for i, e := range in {
		if e.kind == Array {
			return nil, badValue("an element of %s cannot be an array", a.path)
		}
		v, err := d.single(a, e)
		if err != nil {
			return nil, err
		}
		if a.External && !d.empty(e) && v.Get("value").text == "" {
			return nil, badValue("element %d of %s has no value", i+1, a.path)
		}
		if v.IsNull() {
			continue
		}
		out = append(out, v)
	}
	return out, nil
}

// single decodes one value or one element.
func (d *decoder) single(a *attribute, v Value) (Value, error) {
	if d.empty(v) {
		return Value{}, nil
	}
	if v.kind == Array && d.t.SingleElementArray && !a.MultiValued && a.kind == Object {
		if len(v.elems) > 1 {
			return Value{}, badValue("%s takes one value, not an array of several", a.path)
		}
		return d.single(a, v.elems[0])
	}
	if v.kind == Array && d.t.WrappedText && !a.MultiValued && a.kind != Object {
		return d.wrapped(a, v)
	}
	switch {
	case a.kind == Object:
		return d.complex(a, v)
	case a.kind == Number && v.kind == String && d.t.NumberText:
		v = numberIn(v)
	case a.kind == Bool && v.kind == String && d.t.BoolText:
		if yes, ok := boolText(v.text); ok {
			return BoolValue(yes), nil
		}
	}
	if a.integer && v.kind == Number {
		v.text = integerText(v.text)
	}
	if v.kind != a.kind || a.integer && v.text == "" {
		return Value{}, badValue("%s must be %s", a.path, a.typeName())
	}
	if most := a.maxBytes(); v.kind == String && len(v.text) > most {
		return Value{}, badValue("%s is longer than %d bytes", a.path, most)
	}
	return v, nil
}

// wrapped decodes a plain value that came as an array of one, or in an object of it (C26).
func (d *decoder) wrapped(a *attribute, v Value) (Value, error) {
	if len(v.elems) > 1 {
		return Value{}, badValue("%s takes one value, not an array of several", a.path)
	}
	e := v.elems[0]
	if e.kind == Object && e.index("value") >= 0 {
		e = e.Get("value")
	}
	if e.kind == Array {
		return Value{}, badValue("%s must be %s", a.path, a.typeName())
	}
	return d.single(a, e)
}

func (a *attribute) typeName() string {
	switch {
	case a.kind == Bool:
		return "true or false"
	case a.integer:
		return "an integer"
	case a.kind == Number:
		return "a number"
	case a.kind == Object:
		return "an object"
	}
	return "a string"
}

func (d *decoder) complex(a *attribute, v Value) (Value, error) {
	if v.kind == String && d.t.BareComplexValue && a.value != nil {
		v = ObjectValue(Member{"value", v})
	}
	if v.kind != Object {
		return Value{}, badValue("%s must be an object", a.path)
	}
	if err := d.named(a, v); err != nil {
		return Value{}, err
	}
	var buf [16]Value
	slots := append(buf[:0], make([]Value, len(a.subs))...)
	n, emptied := 0, false
	for _, m := range v.members {
		sub, err := d.member(a, m.Name)
		if err != nil {
			return Value{}, err
		}
		if sub == nil {
			continue
		}
		decoded, err := d.attribute(sub, m.Value)
		if err != nil {
			return Value{}, err
		}
		if decoded.IsNull() {
			emptied = true
			continue
		}
		slots[sub.slot] = decoded
		n++
	}
	for _, sub := range a.subs {
		if sub.Required && slots[sub.slot].IsNull() {
			return Value{}, badValue("%s is required", sub.path)
		}
	}
	if n == 0 {
		return Value{}, nil
	}
	members := make([]Member, 0, n)
	for i, sub := range a.subs {
		if !slots[i].IsNull() {
			members = append(members, Member{sub.Name, slots[i]})
		}
	}
	out := ObjectValue(members...)
	if a.MultiValued && emptied && !hasContent(out) {
		return Value{}, nil // an emptied element does not stay for its type (C5)
	}
	return out, nil
}

// emptied reports whether a value unassigns a sub-attribute.
func (d *decoder) emptied(a *attribute, v Value) bool {
	return slices.ContainsFunc(v.members, func(m Member) bool { return a.sub(m.Name) != nil && d.empty(m.Value) })
}

// named refuses a single reference without a value, which would refer to nobody; the service computes $ref. A PATCH may
// repeat its name alone (C36); a PUT with it would clear the reference.
func (d *decoder) named(a *attribute, v Value) error {
	if a.MultiValued || a.sub("$ref") == nil || v.index("value") >= 0 ||
		d.patch && len(v.members) == 1 && sameName(v.members[0].Name, "displayName") {
		return nil
	}
	return badValue("%s has no value", a.path)
}

// member finds the sub-attribute that a member of a complex value sets, nil for one to ignore: read-only ones and $ref,
// which the service computes (C3).
func (d *decoder) member(a *attribute, name string) (*attribute, error) {
	sub := a.sub(name)
	if sub == nil {
		if d.patch && !a.External && !d.t.SkipUnknown {
			return nil, badValue("%s has no sub-attribute %s", a.path, shown(name))
		}
		return nil, nil
	}
	if sub.readOnly || sub.never || sub.Name == "$ref" {
		return nil, nil
	}
	return sub, nil
}

// passOver refuses a boolean for a name that no schema has (C23): it may be the directory's word on who may sign in, and a
// refusal is seen there. Nothing is to be done with any other value.
func passOver(name string, v Value) error {
	inner := innermost(v)
	if _, text := boolText(inner.text); inner.kind == Bool || inner.kind == String && text {
		return badPath("%s is unknown: no attribute of that name can be set to a boolean", shown(name))
	}
	if inner.kind == Object && hasNamePrefix(name, "urn:") {
		for _, m := range inner.members {
			if err := passOver(name+":"+m.Name, m.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func onePrimary(a *attribute, elems []Value) error {
	if a.primary == nil {
		return nil
	}
	n := 0
	for i := range elems {
		if elems[i].Get("primary").yes {
			n++
		}
	}
	if n > 1 {
		return badValue("only one element of %s can be primary", a.path)
	}
	return nil
}

// distinct keeps the first element with each value.
func distinct(elems []Value) []Value {
	seen := make(map[string]struct{}, len(elems))
	return slices.DeleteFunc(elems, func(e Value) bool {
		id := e.Get("value").text
		_, repeated := seen[id]
		seen[id] = struct{}{}
		return repeated
	})
}
