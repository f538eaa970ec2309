package scim

import (
	"slices"
	"strings"
)

// PatchResult is the outcome of Apply.
type PatchResult struct {
	// Attributes is the new attribute tree, in the form Decode returns.
	Attributes Value
	// Changed is false when Attributes equal the old ones: then version and lastModified do not change (C9). It does
	// not cover Elements.
	Changed bool
	// Elements are the changes of External attributes, in order.
	Elements []ElementStep
}

// Apply applies the operations in order, all or nothing, to an attribute tree as Decode or Apply returned it, without
// External attributes (RFC 7644 §3.5.2). readOnly is an object of the resource's current read-only attributes (id,
// meta, groups): a path-less value may repeat them, where tolerated. Inputs are not modified. Required attributes,
// immutable ones and primaries are checked at the end, paths and types at each operation. Errors are *Error:
// invalidPath, invalidFilter, noTarget, mutability and invalidValue with 400; 413 for more than MaxElements elements or
// MaxVisits.
//
// Beyond the schema, User.active must have a value: removing it is `mutability`, emptying it invalidValue (C5).
func (rt *ResourceType) Apply(attrs, readOnly Value, p Patch, t Tolerance) (PatchResult, error) {
	if len(p.ops) == 0 && !t.NoOperations {
		return PatchResult{}, badSyntax("Operations must be an array of at least one operation")
	}
	a := applier{rt: rt, t: t, d: decoder{t: t, patch: true}, tree: rt.load(attrs), readOnly: readOnly}
	for _, op := range p.ops {
		if err := a.operation(op); err != nil {
			return PatchResult{}, err
		}
		if a.visits > MaxVisits {
			return PatchResult{}, Errorf(413, "", "the operations examine elements more than %d times: send fewer in one request", MaxVisits)
		}
	}
	if err := a.finish(attrs); err != nil {
		return PatchResult{}, err
	}
	out := a.tree.value()
	return PatchResult{Attributes: out, Changed: !out.Equal(attrs), Elements: a.steps.finished()}, nil
}

// applier is the state of one Apply.
type applier struct {
	rt       *ResourceType
	t        Tolerance
	d        decoder
	tree     *tree
	readOnly Value
	steps    elementSteps
	// owned marks the multi-valued attributes whose element slice was made here and may be changed in place.
	owned map[*attribute]bool
	// index holds the positions of the elements of long arrays by their key, as long as operations only add to them.
	index  map[*attribute]map[string]int
	visits int // elements examined
	// lost holds the error for each required attribute that lost its value, in case it has none at the end.
	lost map[*attribute]error
}

func (a *applier) operation(op patchOp) error {
	if op.kind != patchRemove && !op.hasValue {
		return badValue("%s needs a value", [...]string{"add", "replace"}[op.kind])
	}
	if op.hasPath {
		tg, err := a.rt.parsePath(op.path, a.t)
		if err != nil {
			return err
		}
		return a.target(op, tg)
	}
	if op.kind == patchRemove {
		return Errorf(400, TypeNoTarget, "remove needs a path")
	}
	if op.value.kind != Object {
		return badValue("without a path the value must be an object of attributes")
	}
	for _, m := range op.value.members {
		tg, err := a.key(m.Name)
		if err != nil {
			return err
		}
		if a.passesOver(tg, m.Value) {
			continue
		}
		if err := a.target(patchOp{kind: op.kind, value: m.Value, hasValue: true}, tg); err != nil {
			return err
		}
	}
	return nil
}

// passesOver reports whether a read-only attribute of a path-less value does no harm: it has that value already, or the
// profile ignores it. Only the id of another resource was meant for somebody else (C36).
func (a *applier) passesOver(tg target, v Value) bool {
	if tg.attr == nil || !tg.attr.readOnly && (tg.sub == nil || !tg.sub.readOnly) || tg.filter != nil {
		return false
	}
	if a.t.IgnoreReadOnly && (!tg.attr.isCommon || tg.attr.Name != "id" || a.d.empty(v)) {
		return true
	}
	if !a.t.EqualReadOnly {
		return false
	}
	current := a.readOnly.Get(tg.attr.Name)
	if tg.sub != nil {
		current = current.Get(tg.sub.Name)
	}
	return sameSet(current, v)
}

// sameSet compares two values, arrays without regard to order.
func sameSet(v, w Value) bool {
	if v.kind != Array || w.kind != Array {
		return v.Equal(w) || v.kind == Null && w.kind == Array && len(w.elems) == 0
	}
	left := slices.Clone(w.elems)
	for _, e := range v.elems {
		i := slices.IndexFunc(left, e.Equal)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return len(left) == 0
}

// key reads a member name of a path-less value: an attribute or an extension URN, and any path if tolerated (C7).
func (a *applier) key(name string) (target, error) {
	if !a.t.DottedKeys && strings.ContainsAny(name, ".:[") && a.rt.extension(name) == nil {
		return target{}, badPath("%s is not an attribute of %s", shown(name), a.rt.id)
	}
	return a.rt.parsePath(name, a.t)
}

// target applies one operation to one target.
func (a *applier) target(op patchOp, tg target) error {
	at := tg.attr
	switch {
	case tg.unread != "":
		return passOver(tg.unread, op.value)
	case at == nil:
		return a.extension(op, tg)
	case at.isCommon && at.Name == "schemas":
		return nil // derived from the data (C12)
	case at.readOnly || tg.sub != nil && tg.sub.readOnly:
		return Errorf(400, TypeMutability, "%s is read-only", tg.where)
	case at.never:
		return a.discard(op, at)
	case at.External:
		return a.external(op, tg)
	case tg.filter != nil && !at.MultiValued:
		return a.chosen(op, tg)
	case op.kind == patchRemove:
		return a.remove(op, tg)
	case op.kind == patchAdd && op.value.kind == Array && len(op.value.elems) == 0:
		return nil // nothing to add
	case tg.filter != nil:
		return a.setElements(op, tg)
	case tg.sub != nil:
		return a.setSub(op, tg)
	case at.MultiValued:
		return a.setArray(op, at)
	}
	return a.setSingle(op, at)
}

// chosen applies an operation to a single complex value that a filter chooses, or not.
func (a *applier) chosen(op patchOp, tg target) error {
	at, current := tg.attr, a.tree.get(tg.attr)
	hit := !current.IsNull() && tg.filter.match(0, current)
	plain := tg
	plain.filter = nil
	switch {
	case op.kind == patchRemove || a.clears(op):
		if !hit {
			return nil
		}
		return a.remove(patchOp{kind: patchRemove}, plain)
	case hit:
	case !current.IsNull():
		return Errorf(400, TypeNoTarget, "%s is another one", at.path)
	default:
		e, err := a.described(tg)
		if err != nil {
			return err
		}
		a.tree.set(at, e)
	}
	return a.target(op, plain)
}

// discard checks a value that is accepted but not kept, such as a password.
func (a *applier) discard(op patchOp, at *attribute) error {
	if op.kind == patchRemove {
		return nil
	}
	_, err := a.d.attribute(at, op.value)
	return err
}

// extension applies an operation to an extension named by its URN alone.
func (a *applier) extension(op patchOp, tg target) error {
	if op.kind == patchRemove || a.clears(op) {
		for _, at := range tg.table.attrs {
			if !a.tree.get(at).IsNull() {
				a.clear(at, op)
			}
		}
		return nil
	}
	if op.value.kind != Object {
		return badValue("%s must be an object", tg.where)
	}
	for _, m := range op.value.members {
		at := tg.table.find(m.Name)
		if at == nil && sameName(m.Name, "schemas") {
			continue // ignored as in the core: clients generated from the schemas list an extension's URN inside it
		}
		if at == nil && a.t.SkipUnknown {
			if err := passOver(tg.where+":"+m.Name, m.Value); err != nil {
				return err
			}
			continue
		}
		if at == nil {
			return badPath("%s is not an attribute of %s", shown(m.Name), tg.where)
		}
		inner := target{table: tg.table, attr: at, where: at.path}
		if err := a.target(patchOp{kind: op.kind, value: m.Value, hasValue: true}, inner); err != nil {
			return err
		}
	}
	return nil
}

// clears reports whether an add or replace unassigns its target: with "" or null if tolerated; in replace always with
// null or [] (C5, RFC 7643 §2.5).
func (a *applier) clears(op patchOp) bool {
	switch op.value.kind {
	case Null:
		return op.kind == patchReplace || a.t.EmptyClears
	case String:
		return op.value.text == "" && a.t.EmptyClears
	case Array:
		return op.kind == patchReplace && len(op.value.elems) == 0
	}
	return false
}

// clear unassigns an attribute, and records the error in case it must have a value at the end.
func (a *applier) clear(at *attribute, op patchOp) {
	a.tree.set(at, Value{})
	a.forget(at)
	if !at.Required && !at.assigned {
		return
	}
	if a.lost == nil {
		a.lost = map[*attribute]error{}
	}
	if op.kind == patchRemove {
		a.lost[at] = Errorf(400, TypeMutability, "%s is required and cannot be removed", at.path)
	} else {
		a.lost[at] = badValue("%s is required and cannot be empty", at.path)
	}
}

// finish checks the end result.
func (a *applier) finish(before Value) error {
	for _, t := range a.rt.tables {
		for _, at := range t.attrs {
			v := a.tree.get(at)
			if err := a.lost[at]; err != nil && v.IsNull() && (t.index == 0 || a.hasData(t)) {
				return err
			}
			if v.kind != Array {
				continue
			}
			if len(v.elems) > MaxElements {
				return Errorf(413, "", "%s would have more than %d elements", at.path, MaxElements)
			}
			if err := onePrimary(at, v.elems); err != nil {
				return err
			}
			a.tree.set(at, ArrayValue(v.elems...))
		}
	}
	if err := a.tree.check(); err != nil {
		return err
	}
	return a.rt.CheckImmutable(before, a.tree.value())
}

func (a *applier) hasData(t *table) bool {
	for _, at := range t.attrs {
		if !a.tree.get(at).IsNull() {
			return true
		}
	}
	return false
}

// setSingle adds or replaces a single-valued attribute. Sub-attributes of a complex one that are not given are kept.
func (a *applier) setSingle(op patchOp, at *attribute) error {
	if op.value.kind == Array && len(op.value.elems) == 1 && at.kind == Object && a.t.SingleElementArray {
		op.value = op.value.elems[0]
	}
	if a.clears(op) {
		a.clear(at, op)
		return nil
	}
	if op.value.IsNull() {
		return badValue("%s needs a value", at.path)
	}
	if at.kind != Object {
		v, err := a.d.single(at, op.value)
		switch {
		case err != nil:
			return err
		case v.IsNull():
			a.clear(at, op)
		default:
			a.tree.set(at, v)
		}
		return nil
	}
	given, err := a.object(at, op.value)
	if err != nil {
		return err
	}
	v, err := a.merge(at, a.tree.get(at), given, op)
	if err == nil {
		a.tree.set(at, v)
	}
	return err
}

// object unwraps the tolerated spellings of one complex value: an array of one, a bare string (C3).
func (a *applier) object(at *attribute, v Value) (Value, error) {
	if v.kind == Array && a.t.SingleElementArray && !at.MultiValued {
		if len(v.elems) > 0 {
			return v, badValue("%s takes one value, not an array of several", at.path)
		}
		return Value{kind: Object}, nil
	}
	if v.kind == String && a.t.BareComplexValue && at.value != nil {
		v = ObjectValue(Member{"value", v})
	}
	if v.kind != Object {
		return v, badValue("%s must be an object", at.path)
	}
	return v, nil
}

// merge sets the given sub-attributes on a complex value and removes those given as unassigned. The result is null when
// nothing is left.
func (a *applier) merge(at *attribute, old, given Value, op patchOp) (Value, error) {
	if err := a.d.named(at, given); err != nil {
		return old, err
	}
	for _, m := range given.members {
		sub, err := a.d.member(at, m.Name)
		if err != nil {
			return old, err
		}
		if sub == nil {
			continue
		}
		v := Value{}
		if !a.clears(patchOp{kind: op.kind, value: m.Value}) {
			if v, err = a.d.attribute(sub, m.Value); err != nil {
				return old, err
			}
		}
		if old, err = withSub(at, old, sub, v); err != nil {
			return old, err
		}
	}
	return old, nil
}

// withSub sets one sub-attribute, in schema order, or removes it for null. The result is null when nothing is left.
func withSub(at *attribute, old Value, sub *attribute, v Value) (Value, error) {
	if v.IsNull() {
		if sub.Required {
			return old, badValue("%s is required and cannot be empty", sub.path)
		}
		old = old.With(sub.Name, v)
		if len(old.members) == 0 {
			return Value{}, nil
		}
		return old, nil
	}
	if old.index(sub.Name) >= 0 {
		return old.With(sub.Name, v), nil
	}
	members := make([]Member, 0, len(old.members)+1)
	placed := false
	for _, m := range old.members {
		if known := at.sub(m.Name); !placed && known != nil && known.slot > sub.slot {
			members, placed = append(members, Member{sub.Name, v}), true
		}
		members = append(members, m)
	}
	if !placed {
		members = append(members, Member{sub.Name, v})
	}
	return ObjectValue(members...), nil
}
