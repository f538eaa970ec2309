package scim

import "slices"

// elements returns the elements of a multi-valued attribute in a slice that may be changed in place.
func (a *applier) elements(at *attribute) []Value {
	elems := a.tree.get(at).elems
	if !a.owned[at] {
		if elems = slices.Clone(elems); len(elems) > 0 {
			a.tree.set(at, Value{kind: Array, elems: elems})
		}
		a.own(at)
	}
	return elems
}

func (a *applier) own(at *attribute) {
	if a.owned == nil {
		a.owned = map[*attribute]bool{}
	}
	a.owned[at] = true
}

// store sets the elements; without any it unassigns the attribute.
func (a *applier) store(at *attribute, elems []Value, op patchOp) {
	a.forget(at)
	if len(elems) == 0 {
		a.clear(at, op)
		return
	}
	// The spare capacity is kept for the next operation to append to.
	a.tree.set(at, Value{kind: Array, elems: elems})
}

// setArray adds elements to a multi-valued attribute or replaces all of them.
func (a *applier) setArray(op patchOp, at *attribute) error {
	if a.clears(op) {
		a.clear(at, op)
		return nil
	}
	given, err := a.given(op, at)
	if err != nil {
		return err
	}
	given = at.collapse(given)
	if err := onePrimary(at, given); err != nil {
		return err
	}
	if op.kind == patchReplace {
		a.own(at)
		a.store(at, given, op)
		return nil
	}
	elems := a.elements(at)
	for _, e := range given {
		i := a.twin(at, elems, e)
		if i < 0 {
			i, elems = len(elems), append(elems, e)
			a.remember(at, e, i)
		} else {
			elems[i] = at.merged(elems[i], e)
		}
		if isPrimary(at, e) {
			a.onlyPrimary(elems, i)
		}
	}
	if len(elems) > 0 {
		a.tree.set(at, Value{kind: Array, elems: elems})
	}
	return nil
}

// given decodes the elements of an operation's value: an array, or one element.
func (a *applier) given(op patchOp, at *attribute) ([]Value, error) {
	in := op.value.elems
	if op.value.kind != Array {
		if op.value.IsNull() {
			return nil, badValue("%s needs a value", at.path)
		}
		in = []Value{op.value}
	}
	return a.d.array(at, in)
}

// fewElements is the longest array that is searched element by element. Longer ones get an index by text, so that
// thousands of operations do not take quadratic time.
const fewElements = 64

// twin returns the position of the element that is the same as e, or -1 (C29).
func (a *applier) twin(at *attribute, elems []Value, e Value) int {
	if len(elems) <= fewElements {
		return slices.IndexFunc(elems, func(known Value) bool { return at.twins(known, e) })
	}
	index := a.index[at]
	if index == nil {
		index = make(map[string]int, len(elems))
		for i, known := range elems {
			index[at.twinKey(known)] = i
		}
		if a.index == nil {
			a.index = map[*attribute]map[string]int{}
		}
		a.index[at] = index
	}
	if i, found := index[at.twinKey(e)]; found {
		return i
	}
	return -1
}

// remember adds an element to the index, if there is one.
func (a *applier) remember(at *attribute, e Value, i int) {
	if index := a.index[at]; index != nil {
		index[at.twinKey(e)] = i
	}
}

// forget drops the index after elements changed.
func (a *applier) forget(at *attribute) { delete(a.index, at) }

func isPrimary(at *attribute, e Value) bool { return at.primary != nil && e.Get("primary").yes }

// onlyPrimary sets primary to false on all elements but one (C14).
func (a *applier) onlyPrimary(elems []Value, keep int) {
	a.visits += len(elems)
	for i, e := range elems {
		if i != keep && e.Get("primary").yes {
			elems[i] = e.With("primary", BoolValue(false))
		}
	}
}

// setSub adds or replaces a sub-attribute, on every element of a multi-valued attribute.
func (a *applier) setSub(op patchOp, tg target) error {
	if tg.attr.MultiValued {
		return a.setElements(op, tg)
	}
	v := Value{}
	if !a.clears(op) {
		var err error
		if v, err = a.subValue(op, tg.sub); err != nil {
			return err
		}
	}
	return a.setSingleSub(op, tg, v)
}

func (a *applier) setSingleSub(op patchOp, tg target, v Value) error {
	out, err := withSub(tg.attr, a.tree.get(tg.attr), tg.sub, v)
	switch {
	case err != nil:
		return removedRequired(op, tg.sub, err)
	case out.IsNull():
		a.clear(tg.attr, op)
	default:
		a.tree.set(tg.attr, out)
	}
	return nil
}

// removedRequired returns the error for removing, rather than emptying, a required sub-attribute.
func removedRequired(op patchOp, sub *attribute, err error) error {
	if op.kind == patchRemove {
		return Errorf(400, TypeMutability, "%s is required and cannot be removed", sub.path)
	}
	return err
}

func (a *applier) subValue(op patchOp, sub *attribute) (Value, error) {
	if op.value.IsNull() {
		return Value{}, badValue("%s needs a value", sub.path)
	}
	return a.d.attribute(sub, op.value)
}

// setElements adds to or replaces the elements that a path selects, or a sub-attribute of them.
func (a *applier) setElements(op patchOp, tg target) error {
	at, elems := tg.attr, a.elements(tg.attr)
	if tg.sub == nil && op.value.kind == Array && len(op.value.elems) == 1 {
		op.value = op.value.elems[0]
	}
	if a.clears(op) {
		return a.unassign(op, tg, elems)
	}
	hits := a.hits(tg, elems)
	if len(hits) == 0 {
		e, err := a.create(op, tg)
		if err != nil || e.IsNull() {
			return err
		}
		elems = append(elems, e)
		if isPrimary(at, e) {
			a.onlyPrimary(elems, len(elems)-1)
		}
		a.store(at, at.collapse(elems), op)
		return nil
	}
	v, err := a.newValue(op, tg)
	switch {
	case err != nil:
		return err
	case v.IsNull() && tg.sub == nil && op.kind == patchReplace && a.d.emptied(at, op.value):
		return a.unassign(op, tg, elems)
	case v.IsNull():
		return nil // an object that sets nothing
	}
	for _, i := range hits {
		if elems[i], err = a.change(op, tg, elems[i], v); err != nil {
			return err
		}
	}
	if len(hits) == 1 && isPrimary(at, elems[hits[0]]) {
		a.onlyPrimary(elems, hits[0])
	}
	a.store(at, at.collapse(slices.DeleteFunc(elems, Value.IsNull)), op)
	return nil
}

// newValue decodes the value for the selected sub-attribute, or for a whole element.
func (a *applier) newValue(op patchOp, tg target) (Value, error) {
	if tg.sub != nil {
		return a.subValue(op, tg.sub)
	}
	if op.value.IsNull() || op.value.kind == Array {
		return Value{}, badValue("%s[…] takes one element", tg.where)
	}
	if op.kind == patchAdd && tg.attr.kind == Object {
		// change merges it member by member, where unassigned members count.
		return a.object(tg.attr, op.value)
	}
	return a.d.single(tg.attr, op.value)
}

// change returns the new form of one hit, null to remove it.
func (a *applier) change(op patchOp, tg target, old, v Value) (Value, error) {
	switch {
	case tg.sub != nil:
		return withSub(tg.attr, old, tg.sub, v)
	case tg.attr.kind != Object:
		return v, nil
	case op.kind == patchReplace:
		return a.kept(op, tg, old, v)
	}
	merged, err := a.merge(tg.attr, old, v, op)
	if a.t.EmptyClears && hasContent(old) && !hasContent(merged) {
		return Value{}, err
	}
	return merged, err
}

// kept returns the value that replaces an element, with what the filter chose it by: the value replaces the rest, unless
// it speaks of that, too.
func (a *applier) kept(op patchOp, tg target, old, v Value) (Value, error) {
	given, err := a.object(tg.attr, op.value)
	if err != nil || tg.filter == nil {
		return v, err
	}
	for n := range tg.filter.conjuncts() {
		sub := n.first.attr
		if n.op != opEq || sub == nil || sub.isSelf || given.index(sub.Name) >= 0 {
			continue
		}
		if v, err = withSub(tg.attr, v, sub, old.Get(sub.Name)); err != nil {
			return v, err
		}
	}
	return v, nil
}

// hits returns the indexes of the elements the path selects.
func (a *applier) hits(tg target, elems []Value) []int {
	a.visits += len(elems)
	var hits []int
	for i, e := range elems {
		if tg.filter == nil || tg.filter.match(0, e) {
			hits = append(hits, i)
		}
	}
	return hits
}

// create returns the element described by a filter path without a hit (C4).
func (a *applier) create(op patchOp, tg target) (Value, error) {
	e, err := a.described(tg)
	if err != nil {
		return Value{}, err
	}
	v, err := a.newValue(op, tg)
	switch {
	case err != nil:
		return Value{}, err
	case tg.sub != nil:
		return withSub(tg.attr, e, tg.sub, v)
	case tg.attr.kind != Object:
		return v, nil
	}
	given, err := a.object(tg.attr, op.value)
	if err == nil {
		e, err = a.merge(tg.attr, e, v, op)
	}
	if err == nil && !hasContent(e) && a.d.emptied(tg.attr, given) {
		return Value{}, nil // an emptied element is not created for its type (C5)
	}
	return e, err
}

// described returns the element that the eq terms of a filter describe.
func (a *applier) described(tg target) (e Value, err error) {
	noTarget := Errorf(400, TypeNoTarget, "no element of %s matches the path", tg.attr.path)
	if tg.filter == nil || !a.t.UpsertFilterPath {
		return e, noTarget
	}
	for n := range tg.filter.conjuncts() {
		switch {
		case n.op != opEq || n.first.operand.other || n.literal.isNull() && !n.empty:
			return e, noTarget
		case n.literal.isNull() || n.first.attr.isSelf:
			continue
		}
		v, err := a.d.single(n.first.attr, n.literal.value())
		if err != nil {
			return e, err
		}
		if e, err = withSub(tg.attr, e, n.first.attr, v); err != nil {
			return e, err
		}
	}
	return e, nil
}

// remove unassigns the target of a path.
func (a *applier) remove(op patchOp, tg target) error {
	at := tg.attr
	switch {
	case !at.MultiValued && tg.sub != nil:
		if a.tree.get(at).Get(tg.sub.Name).IsNull() {
			return nil
		}
		return a.setSingleSub(op, tg, Value{})
	case !at.MultiValued, tg.filter == nil && tg.sub == nil && !a.byValue(op):
		a.clear(at, op)
		return nil
	case tg.filter == nil && tg.sub == nil:
		return a.removeValues(op, at)
	}
	return a.unassign(op, tg, a.elements(at))
}

// byValue reports whether a remove is limited to the elements it gives (C6).
func (a *applier) byValue(op patchOp) bool { return a.t.RemoveByValue && !op.value.IsNull() }

// removeValues removes the elements that agree with a given one in all its sub-attributes (C6).
func (a *applier) removeValues(op patchOp, at *attribute) error {
	given, err := a.given(op, at)
	if err != nil || len(given) == 0 {
		return err
	}
	elems := a.elements(at)
	a.visits += len(elems) * len(given)
	if a.visits > MaxVisits {
		return nil // Apply returns the error
	}
	elems = slices.DeleteFunc(elems, func(e Value) bool {
		return slices.ContainsFunc(given, func(g Value) bool { return at.agrees(e, g) })
	})
	a.store(at, elems, op)
	return nil
}

// agrees reports whether an element has every sub-attribute of given, compared by caseExact.
func (a *attribute) agrees(e, given Value) bool {
	if a.kind != Object {
		return a.same(e, given)
	}
	for _, m := range given.members {
		if !a.sub(m.Name).same(e.Get(m.Name), m.Value) {
			return false
		}
	}
	return true
}

// unassign removes the selected elements, or a sub-attribute of them. An element left with only type and primary is
// removed, too, if tolerated (C5).
func (a *applier) unassign(op patchOp, tg target, elems []Value) error {
	hits := a.hits(tg, elems)
	if len(hits) == 0 {
		// Without a filter there is nothing to clear; a filter without a hit needs the tolerance.
		if tg.filter == nil || a.t.RemoveMissing {
			return nil
		}
		return Errorf(400, TypeNoTarget, "no element of %s matches the path", tg.attr.path)
	}
	for _, i := range hits {
		if tg.sub == nil {
			elems[i] = Value{}
			continue
		}
		if elems[i].Get(tg.sub.Name).IsNull() {
			continue
		}
		e, err := withSub(tg.attr, elems[i], tg.sub, Value{})
		if err != nil {
			return removedRequired(op, tg.sub, err)
		}
		if a.t.EmptyClears && !hasContent(e) {
			e = Value{}
		}
		elems[i] = e
	}
	a.store(tg.attr, tg.attr.collapse(slices.DeleteFunc(elems, Value.IsNull)), op)
	return nil
}

// hasContent reports whether an element has more than type and primary.
func hasContent(e Value) bool {
	return slices.ContainsFunc(e.members, func(m Member) bool { return m.Name != "type" && m.Name != "primary" })
}
