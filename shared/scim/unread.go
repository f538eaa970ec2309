package scim

// UnreadName is a name in a request that no schema has, and whether it came as a boolean or the text of one (C23).
type UnreadName struct {
	Name    string
	Boolean bool
}

// Unread returns the names in the body of a POST or PUT that no schema has. Names that could hold a value are left out.
func (rt *ResourceType) Unread(body Value, t Tolerance) []UnreadName {
	u := unreader{rt: rt, t: t}
	for _, m := range body.members {
		u.member(m)
	}
	return u.names
}

// UnreadIn returns the names in a PATCH that no schema has, as Unread does.
func (rt *ResourceType) UnreadIn(p Patch, t Tolerance) []UnreadName {
	u := unreader{rt: rt, t: t}
	u.t.SkipUnknown = true
	for _, op := range p.ops {
		if op.hasPath {
			u.path(op.path, op.value)
			continue
		}
		for _, m := range op.value.members {
			u.path(m.Name, m.Value)
		}
	}
	return u.names
}

type unreader struct {
	rt    *ResourceType
	t     Tolerance
	names []UnreadName
}

// member looks at a member of a body: an attribute, or an extension.
func (u *unreader) member(m Member) {
	if ext := u.rt.extension(m.Name); ext != nil {
		u.extension(ext, m.Value)
		return
	}
	a := u.rt.tables[0].find(m.Name)
	if a == nil && u.t.UnqualifiedExtension {
		a = u.rt.find(m.Name, u.rt.tables[1:])
	}
	switch {
	case a != nil:
		u.inside(a, m.Value)
	case u.rt.common.find(m.Name) == nil:
		u.note(m.Name, m.Value)
	}
}

func (u *unreader) extension(ext *table, v Value) {
	for _, m := range v.members {
		if a := ext.find(m.Name); a != nil {
			u.inside(a, m.Value)
		} else if !sameName(m.Name, "schemas") {
			u.note(ext.schema.ID+":"+m.Name, m.Value)
		}
	}
}

// inside looks at the members of a complex value, and of each of its elements.
func (u *unreader) inside(a *attribute, v Value) {
	if a.kind != Object || a.External {
		return
	}
	for _, e := range v.elems {
		u.inside(a, e)
	}
	for _, m := range v.members {
		if a.sub(m.Name) == nil {
			u.note(a.path+"."+m.Name, m.Value)
		}
	}
}

// path looks at a path of a PATCH and the value that it is to get.
func (u *unreader) path(path string, v Value) {
	tg, err := u.rt.parsePath(path, u.t)
	switch {
	case err != nil:
	case tg.unread != "":
		u.note(tg.unread, v)
	case tg.attr == nil && tg.table != nil:
		u.extension(tg.table, v)
	case tg.attr != nil && tg.sub == nil:
		u.inside(tg.attr, v)
	}
}

func (u *unreader) note(name string, v Value) {
	for i := range len(name) {
		if c := name[i]; !isNameByte(c) && c != '.' && c != ':' {
			return
		}
	}
	v = innermost(v)
	_, text := boolText(v.text)
	u.names = append(u.names, UnreadName{name, v.kind == Bool || v.kind == String && text})
}

// innermost returns what a value holds that is wrapped in an array of one or in an object with a value.
func innermost(v Value) Value {
	if v.kind == Array && len(v.elems) == 1 {
		v = v.elems[0]
	}
	if v.kind == Object && v.index("value") >= 0 {
		v = v.Get("value")
	}
	return v
}
