package scim

import (
	"slices"

	"rollcall/shared/casefold"
)

// Two elements of a list are twins when they have the same type, ignoring case, and the same value, by its caseExact;
// elements without a value are twins when all their sub-attributes are equal. A list holds one of them: the newer one's
// sub-attributes win, those it does not give stay, and the older one's place is kept (C29, RFC 7643 §2.4).

// twins reports whether two elements are twins.
func (a *attribute) twins(e, other Value) bool {
	if a.kind != Object || a.value == nil {
		return e.Equal(other)
	}
	v, w := e.Get("value"), other.Get("value")
	if v.IsNull() || w.IsNull() {
		return e.Equal(other)
	}
	return a.value.same(v, w) && casefold.Equal(e.Get("type").text, other.Get("type").text)
}

// twinKey returns a text that twins share, and nobody else.
func (a *attribute) twinKey(e Value) string {
	v := e.Get("value")
	if a.kind != Object || a.value == nil || v.IsNull() {
		return string(e.Append(nil))
	}
	key := appendString(nil, casefold.Fold(e.Get("type").text))
	if v.kind == String && !a.value.CaseExact {
		v = StringValue(casefold.Fold(v.text))
	}
	return string(v.Append(key))
}

// merged returns the older of two twins with the sub-attributes of the newer one.
func (a *attribute) merged(old, newer Value) Value {
	if old.kind != Object || newer.kind != Object {
		return newer
	}
	for _, m := range newer.members {
		if i := old.index(m.Name); i >= 0 && old.members[i].Value.Equal(m.Value) {
			continue
		}
		old, _ = withSub(a, old, a.sub(m.Name), m.Value) // setting a value has no error
	}
	return old
}

// collapse leaves one of all twins in a list. It may change elems.
func (a *attribute) collapse(elems []Value) []Value {
	if len(elems) < 2 || a.kind != Object {
		return elems
	}
	if len(elems) <= fewElements {
		out := elems[:1]
		for _, e := range elems[1:] {
			if i := slices.IndexFunc(out, func(known Value) bool { return a.twins(known, e) }); i >= 0 {
				out[i] = a.merged(out[i], e)
			} else {
				out = append(out, e)
			}
		}
		return out
	}
	seen := make(map[string]int, len(elems))
	out := elems[:0]
	for _, e := range elems {
		key := a.twinKey(e)
		if i, found := seen[key]; found {
			out[i] = a.merged(out[i], e)
			continue
		}
		seen[key], out = len(out), append(out, e)
	}
	return out
}
