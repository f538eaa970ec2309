package scim

import (
	"slices"
	"strings"
	"time"
)

// tree is an attribute tree under construction: a slot for each attribute of each schema.
type tree struct {
	rt    *ResourceType
	slots [][]Value
	// rest holds members that no schema has, such as the data of a removed extension: kept unchanged.
	rest []Member
}

func (rt *ResourceType) newTree() *tree {
	n := 0
	for _, t := range rt.tables {
		n += len(t.attrs)
	}
	all := make([]Value, n)
	w := &tree{rt: rt, slots: make([][]Value, len(rt.tables))}
	for i, t := range rt.tables {
		w.slots[i], all = all[:len(t.attrs):len(t.attrs)], all[len(t.attrs):]
	}
	return w
}

// load returns the tree of attributes that Decode or Apply returned.
func (rt *ResourceType) load(attrs Value) *tree {
	w := rt.newTree()
	for _, m := range attrs.members {
		if a := rt.tables[0].find(m.Name); a != nil {
			w.set(a, m.Value)
			continue
		}
		ext := rt.extension(m.Name)
		if ext == nil {
			w.rest = append(w.rest, m)
			continue
		}
		var unknown []Member
		for _, sub := range m.Value.members {
			if a := ext.find(sub.Name); a != nil {
				w.set(a, sub.Value)
			} else {
				unknown = append(unknown, sub)
			}
		}
		if unknown != nil {
			w.rest = append(w.rest, Member{m.Name, ObjectValue(unknown...)})
		}
	}
	return w
}

func (w *tree) get(a *attribute) Value { return w.slots[a.table.index][a.slot] }

func (w *tree) set(a *attribute, v Value) { w.slots[a.table.index][a.slot] = v }

// value returns the finished tree: assigned attributes only, in schema order.
func (w *tree) value() Value {
	members := make([]Member, 0, len(w.slots[0])/2)
	for i, t := range w.rt.tables {
		slots := w.slots[i]
		if i == 0 {
			members = appendAssigned(members, t, slots)
			continue
		}
		if data := appendAssigned(nil, t, slots); data != nil {
			members = append(members, Member{t.schema.ID, ObjectValue(data...)})
		}
	}
	for _, m := range w.rest {
		i := slices.IndexFunc(members, func(known Member) bool { return sameName(known.Name, m.Name) })
		if i < 0 {
			members = append(members, m)
			continue
		}
		members[i].Value = ObjectValue(slices.Concat(members[i].Value.members, m.Value.members)...)
	}
	return ObjectValue(members...)
}

func appendAssigned(dst []Member, t *table, slots []Value) []Member {
	for i, a := range t.attrs {
		if !slots[i].IsNull() {
			dst = append(dst, Member{a.Name, slots[i]})
		}
	}
	return dst
}

// check refuses a missing required attribute. Those of an extension are required if the extension has data.
func (w *tree) check() error {
	for i, t := range w.rt.tables {
		if i > 0 && !slices.ContainsFunc(w.slots[i], func(v Value) bool { return !v.IsNull() }) {
			continue
		}
		for _, a := range t.attrs {
			if v := w.get(a); a.Required && !a.External && (v.IsNull() || v.kind == String && v.text == "") {
				return badValue("%s is required", a.path)
			}
		}
	}
	return nil
}

// CheckImmutable checks that every immutable attribute with a value in before has the same value in after (RFC 7643
// §7). Apply does this itself; a caller of Decode does it for a PUT. The error is *Error 400 mutability.
func (rt *ResourceType) CheckImmutable(before, after Value) error {
	for _, t := range rt.tables {
		b, a := before, after
		if t.index > 0 {
			b, a = before.Get(t.schema.ID), after.Get(t.schema.ID)
		}
		if err := keepsImmutable(t.attrs, b, a); err != nil {
			return err
		}
	}
	return nil
}

func keepsImmutable(attrs []*attribute, before, after Value) error {
	for _, a := range attrs {
		if a.External {
			continue
		}
		old := before.Get(a.Name)
		if a.Mutability == "immutable" && present(old) && !old.Equal(after.Get(a.Name)) {
			return Errorf(400, TypeMutability, "%s cannot be changed", a.path)
		}
		if !a.MultiValued {
			if err := keepsImmutable(a.subs, old, after.Get(a.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// TakeElements splits an External attribute such as members off an attribute tree.
func TakeElements(attrs Value, attr string) (rest Value, elements []Value) {
	return attrs.With(attr, Value{}), attrs.Get(attr).Elements()
}

// Meta is the metadata of one resource (RFC 7643 §3.1). Location is absolute; Version is an entity tag such as W/"3" and
// left out when empty.
type Meta struct {
	Created, LastModified time.Time
	Location, Version     string
}

// Complete builds a resource from its attribute tree: schemas (the core one and the extensions that have data), id, the
// attributes, meta. Times are RFC 3339 in UTC with milliseconds. The caller adds computed attributes (groups, members,
// manager.$ref) to attrs first.
func (rt *ResourceType) Complete(id string, attrs Value, m Meta) Value {
	schemas := make([]Value, 1, len(rt.tables))
	schemas[0] = StringValue(rt.schemas[0].ID)
	for _, t := range rt.tables[1:] {
		if len(attrs.Get(t.schema.ID).members) > 0 {
			schemas = append(schemas, StringValue(t.schema.ID))
		}
	}
	meta := make([]Member, 0, 5)
	meta = append(meta, Member{"resourceType", StringValue(rt.id)},
		Member{"created", timeValue(m.Created)}, Member{"lastModified", timeValue(m.LastModified)})
	if m.Location != "" {
		meta = append(meta, Member{"location", StringValue(m.Location)})
	}
	if m.Version != "" {
		meta = append(meta, Member{"version", StringValue(m.Version)})
	}
	members := make([]Member, 0, len(attrs.members)+3)
	members = append(members, Member{"schemas", ArrayValue(schemas...)}, Member{"id", StringValue(id)})
	for _, m := range attrs.members {
		// The data of a removed extension is kept, but not shown.
		if !strings.Contains(m.Name, ":") || rt.extension(m.Name) != nil {
			members = append(members, m)
		}
	}
	return ObjectValue(append(members, Member{"meta", ObjectValue(meta...)})...)
}

func timeValue(t time.Time) Value {
	return StringValue(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}
