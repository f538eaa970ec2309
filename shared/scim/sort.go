package scim

import (
	"cmp"
	"strings"

	"rollcall/shared/casefold"
)

// Sort is an order of resources (RFC 7644 §3.4.2.3). The zero Sort treats all as equal. Safe for concurrent use.
type Sort struct {
	attr       *attribute
	descending bool
}

// ParseSort reads sortBy and sortOrder ("ascending" or "asc", the default, "descending" or "desc", ignoring case). No sortBy gives the
// zero Sort. 400 invalidValue: an unknown attribute, a complex one without a sub-attribute, one that is never returned,
// another order.
func (rt *ResourceType) ParseSort(sortBy, sortOrder string, t Tolerance) (Sort, error) {
	var s Sort
	switch {
	case sameName(sortOrder, "descending"), sameName(sortOrder, "desc"):
		s.descending = true
	case sortOrder != "" && !sameName(sortOrder, "ascending") && !sameName(sortOrder, "asc"):
		return s, badValue("sortOrder must be ascending or descending")
	}
	if sortBy == "" {
		return Sort{}, nil
	}
	ref, fault := rt.resolve(sortBy, t.UnqualifiedExtension)
	if fault != pathOK || ref.attr == nil || ref.attr.never {
		return Sort{}, badValue("sortBy: %s is not an attribute to sort by", shown(sortBy))
	}
	if s.attr = ref.attr; s.attr.kind == Object {
		return Sort{}, badValue("sortBy: %s is complex: name one of its sub-attributes", s.attr.path)
	}
	return s, nil
}

// IsZero reports whether no order was requested.
func (s Sort) IsZero() bool { return s.attr == nil }

// Uses reports whether the order is by the top-level attribute or a sub-attribute of it.
func (s Sort) Uses(attr string) bool { return s.attr != nil && sameName(s.attr.top().path, attr) }

// Compare returns -1, 0 or 1 as a comes before, with or after b; both as Complete returns them. A multi-valued
// attribute is compared by its primary or else its first element; resources without a value come last, descending
// first. Strings compare by caseExact, dateTimes by time, false before true.
func (s Sort) Compare(a, b Value) int {
	if s.attr == nil {
		return 0
	}
	x, y := s.attr.key(a), s.attr.key(b)
	order := 0
	switch {
	case x.IsNull() || y.IsNull():
		order = boolOrder(x.IsNull(), y.IsNull())
	case s.attr.kind == Bool:
		order = boolOrder(x.yes, y.yes)
	case x.kind == Number && y.kind == Number:
		order = compareNumbers(x.text, y.text)
	case s.attr.dateTime:
		order = compareTimes(x.text, y.text)
	case s.attr.CaseExact:
		order = strings.Compare(x.text, y.text)
	default:
		order = strings.Compare(casefold.Fold(x.text), casefold.Fold(y.text))
	}
	if s.descending {
		return -order
	}
	return order
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareTimes orders text that is not a dateTime after dateTimes, by text, so that the order is total.
func compareTimes(a, b string) int {
	x, okX := parseDateTime(a)
	y, okY := parseDateTime(b)
	if okX && okY {
		return x.Compare(y)
	}
	return cmp.Or(-boolOrder(okX, okY), strings.Compare(a, b))
}

// key returns the value by which a resource is sorted.
func (a *attribute) key(resource Value) Value {
	top := a.top()
	if top.table.index > 0 {
		resource = resource.Get(top.table.schema.ID)
	}
	v := resource.Get(top.Name)
	if v.kind == Array {
		if len(v.elems) == 0 {
			return Value{}
		}
		chosen := v.elems[0]
		for _, e := range v.elems {
			if e.Get("primary").yes {
				chosen = e
				break
			}
		}
		v = chosen
	}
	if a != top {
		return v.Get(a.Name)
	}
	return v
}
