package scim

import (
	"slices"

	"rollcall/shared/casefold"
)

// StepKind says what an ElementStep does.
type StepKind uint8

// The kinds of steps.
const (
	AddElements    StepKind = iota // add the Values that are not present yet
	RemoveElements                 // remove the elements with the `value` of each of Values
	ReplaceAll                     // replace all elements by Values, possibly none
	RemoveAll                      // remove every element
	RemoveMatching                 // remove the elements for which Match is true
)

// ElementStep is one change of an External attribute such as members. Steps must be applied in order.
type ElementStep struct {
	Kind StepKind
	Attr string // canonical name
	// Values are objects with value and optionally type and display, each value once.
	Values []Value
	// Match reports whether to remove an element, in the form it has in Complete's result. Set for RemoveMatching only.
	Match func(Value) bool
	// IDs, if not nil, are the only values that Match can accept, so others need not be read.
	IDs []string
}

// elementSteps collects steps, joining neighbours: a thousand operations with one member each are one step.
type elementSteps []ElementStep

func (s *elementSteps) add(step ElementStep) {
	if n := len(*s); n > 0 {
		last := &(*s)[n-1]
		if last.Attr == step.Attr && last.Kind == step.Kind && (step.Kind == AddElements || step.Kind == RemoveElements) {
			last.Values = append(last.Values, step.Values...)
			return
		}
	}
	step.Values = slices.Clone(step.Values)
	*s = append(*s, step)
}

func (s elementSteps) finished() []ElementStep {
	for i := range s {
		s[i].Values = slices.Clip(distinct(s[i].Values))
	}
	return s
}

// external turns an operation on an External attribute into a step.
func (a *applier) external(op patchOp, tg target) error {
	at := tg.attr
	if op.kind == patchRemove {
		return a.removeExternal(op, tg)
	}
	switch {
	case tg.filter != nil:
		return Errorf(400, TypeNoTarget, "elements of %s are added and removed, not changed", at.path)
	case tg.sub != nil:
		return Errorf(400, TypeMutability, "%s cannot be changed", tg.where)
	case op.kind == patchReplace && a.clears(op):
		a.steps.add(ElementStep{Kind: ReplaceAll, Attr: at.Name})
		return nil
	case a.d.empty(op.value):
		return nil // an add without elements never empties a group
	}
	given, err := a.given(op, at)
	if err != nil {
		return err
	}
	kind := AddElements
	if op.kind == patchReplace {
		kind = ReplaceAll
	}
	if kind == ReplaceAll || len(given) > 0 {
		a.steps.add(ElementStep{Kind: kind, Attr: at.Name, Values: given})
	}
	return nil
}

func (a *applier) removeExternal(op patchOp, tg target) error {
	at := tg.attr
	switch {
	case tg.sub != nil:
		return Errorf(400, TypeMutability, "%s cannot be removed from an element", tg.where)
	case tg.filter != nil:
		a.steps.add(removeStep(at, tg.filter))
		return nil
	case !a.byValue(op):
		a.steps.add(ElementStep{Kind: RemoveAll, Attr: at.Name})
		return nil
	}
	if op.value.kind == String && op.value.text == "" {
		return nil
	}
	given, err := a.given(op, at)
	if err == nil && len(given) > 0 {
		a.steps.add(ElementStep{Kind: RemoveElements, Attr: at.Name, Values: given})
	}
	return err
}

func removeStep(at *attribute, filter *node) ElementStep {
	ids, exact := filter.ids()
	if exact {
		values := make([]Value, len(ids))
		for i, id := range ids {
			values[i] = ObjectValue(Member{"value", StringValue(id)})
		}
		return ElementStep{Kind: RemoveElements, Attr: at.Name, Values: values}
	}
	return ElementStep{Kind: RemoveMatching, Attr: at.Name, Match: filter.accepts, IDs: ids}
}

func (n *node) accepts(e Value) bool { return n.match(0, e) }

// ids returns the values that a filter on elements can accept, nil for any value, and whether it accepts them all.
func (n *node) ids() (ids []string, exact bool) {
	switch n.op {
	case opEq:
		if n.path == "value" && n.literal.kind == String {
			return []string{n.literal.text}, true
		}
	case opOr:
		exact = true
		for i := range n.kids {
			some, all := n.kids[i].ids()
			if some == nil {
				return nil, false
			}
			ids, exact = append(ids, some...), exact && all
		}
		return ids, exact
	case opAnd:
		for i := range n.kids {
			if some, _ := n.kids[i].ids(); some != nil {
				return some, false
			}
		}
	}
	return nil, false
}

// same compares two values of one attribute, by caseExact.
func (a *attribute) same(v, w Value) bool {
	if v.kind == String && w.kind == String && a.kind == String && !a.CaseExact && !a.dateTime {
		return casefold.Equal(v.text, w.text)
	}
	return v.Equal(w)
}
