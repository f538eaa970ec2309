package scim

import (
	"slices"
	"strings"
)

// Projection selects the attributes of a response (RFC 7644 §3.9). The zero Projection has no resource type and shows a
// resource unchanged. It is immutable and safe for concurrent use.
type Projection struct {
	rt      *ResourceType
	include bool // `attributes` was given
	list    bool // large attributes are hidden unless named
	attrs   []*attribute
	tables  []*table // extensions named by their URN alone
}

// ParseProjection reads `attributes` and `excludedAttributes`: names, sub-attributes, URN forms, or an extension URN
// alone, ignoring case. Unknown names are ignored; bare names of extension attributes are accepted. A filter in brackets
// stands for its attribute in attributes; in excluded it makes the name unknown, because leaving out more than was named
// would be wrong. Both given: 400 invalidValue. Neither: the defaults.
func (rt *ResourceType) ParseProjection(attributes, excluded []string) (Projection, error) {
	if len(attributes) > 0 && len(excluded) > 0 {
		return Projection{}, badValue("attributes and excludedAttributes cannot be given together")
	}
	p := Projection{rt: rt, include: len(attributes) > 0}
	for _, name := range slices.Concat(attributes, excluded) {
		if p.include {
			name = withoutFilter(name)
		}
		ref, fault := rt.resolve(strings.TrimSpace(name), true)
		switch {
		case fault != pathOK:
		case ref.attr != nil:
			p.attrs = append(p.attrs, ref.attr)
		default:
			p.tables = append(p.tables, ref.table)
		}
	}
	return p, nil
}

// ForList returns the projection of the resources of a list: attributes that may hold large texts only when named (C38).
func (p Projection) ForList() Projection {
	p.list = true
	return p
}

// withoutFilter returns the name of attr[filter] and of attr[filter].sub.
func withoutFilter(name string) string {
	open, end := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']')
	if open < 0 || end < open {
		return name
	}
	return strings.TrimRight(name[:open], " ") + name[end+1:]
}

// IsZero reports whether the defaults apply: no attribute is requested or excluded.
func (p Projection) IsZero() bool { return !p.include && len(p.attrs) == 0 && len(p.tables) == 0 }

// Named reports whether `attributes` names exactly this attribute, ignoring case and whether the URN is spelled out:
// "groups", "urn:…:User:manager.displayName". Naming its parent does not count.
func (p Projection) Named(attr string) bool {
	if !p.include {
		return false
	}
	ref, fault := p.rt.resolve(attr, true)
	return fault == pathOK && ref.attr != nil && slices.Contains(p.attrs, ref.attr)
}

// NamedPart reports whether `attributes` names this attribute or a sub-attribute of it.
func (p Projection) NamedPart(attr string) bool {
	if !p.include {
		return false
	}
	ref, fault := p.rt.resolve(attr, true)
	return fault == pathOK && ref.attr != nil &&
		slices.ContainsFunc(p.attrs, func(n *attribute) bool { return n == ref.attr || n.parent == ref.attr })
}

// Wants reports whether the response would have the attribute or some part of it, if the resource has it. Callers read
// members only then.
func (p Projection) Wants(attr string) bool {
	if p.rt == nil {
		return true
	}
	ref, fault := p.rt.resolve(attr, true)
	if fault != pathOK {
		return false
	}
	if ref.attr == nil {
		return slices.ContainsFunc(ref.table.attrs, func(a *attribute) bool { return p.shows(a) != hidden })
	}
	if ref.attr.parent != nil {
		top := p.shows(ref.attr.parent)
		return top != hidden && p.showsSub(ref.attr, top)
	}
	return p.shows(ref.attr) != hidden
}

type extent uint8

const (
	hidden  extent = iota
	partial        // some sub-attributes
	whole
)

// shows returns how much of a top-level attribute is shown.
func (p Projection) shows(a *attribute) extent {
	if a.never {
		return hidden
	}
	always := a.Returned == "always"
	named := slices.Contains(p.attrs, a) || a.table.index > 0 && slices.Contains(p.tables, a.table)
	switch {
	case always:
		return whole
	case p.include:
		if named {
			return whole
		}
		if slices.ContainsFunc(p.attrs, func(n *attribute) bool { return n.parent == a }) {
			return partial
		}
		return hidden
	case named || a.Returned == "request" || p.list && a.holdsLarge():
		return hidden
	}
	return whole
}

// showsSub reports whether a sub-attribute is shown, of an attribute shown whole or in part.
func (p Projection) showsSub(a *attribute, top extent) bool {
	named := slices.Contains(p.attrs, a)
	switch {
	case a.never:
		return false
	case a.Returned == "always":
		return true
	case p.include && named:
		return true
	case a.Returned == "request" || named:
		return false
	}
	return top == whole
}

// Append appends the selected attributes of the resource, as Complete returns it, to dst as JSON. It omits attributes
// with returned `never`, those with `request` unless named, and attributes left empty.
func (p Projection) Append(dst []byte, resource Value) []byte {
	if p.rt == nil {
		return resource.Append(dst)
	}
	dst = append(dst, '{')
	start := len(dst)
	for _, m := range resource.members {
		if ext := p.rt.extension(m.Name); ext != nil {
			dst = p.appendExtension(dst, start, ext, m)
			continue
		}
		if a := p.rt.find(m.Name, p.rt.tables[:1]); a != nil {
			dst = p.appendAttribute(dst, start, a, m)
		}
	}
	return append(dst, '}')
}

func (p Projection) appendExtension(dst []byte, start int, ext *table, m Member) []byte {
	before := len(dst)
	dst = append(appendName(dst, start, m.Name), '{')
	inner := len(dst)
	for _, sub := range m.Value.members {
		if a := ext.find(sub.Name); a != nil {
			dst = p.appendAttribute(dst, inner, a, sub)
		}
	}
	if len(dst) == inner {
		return dst[:before]
	}
	return append(dst, '}')
}

// appendName appends the comma, unless the object begins at start, and the name.
func appendName(dst []byte, start int, name string) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	return append(appendString(dst, name), ':')
}

func (p Projection) appendAttribute(dst []byte, start int, a *attribute, m Member) []byte {
	top := p.shows(a)
	if top == hidden {
		return dst
	}
	before := len(dst)
	dst = appendName(dst, start, m.Name)
	switch {
	case a.kind != Object || m.Value.kind != Object && m.Value.kind != Array:
		return m.Value.Append(dst)
	case m.Value.kind == Object:
		out, some := p.appendComplex(dst, a, m.Value, top)
		if !some {
			return dst[:before]
		}
		return out
	}
	dst = append(dst, '[')
	first := len(dst)
	for _, e := range m.Value.elems {
		mark := len(dst)
		if mark > first {
			dst = append(dst, ',')
		}
		var some bool
		dst, some = p.appendComplex(dst, a, e, top)
		if !some {
			dst = dst[:mark]
		}
	}
	if len(dst) == first && len(m.Value.elems) > 0 {
		return dst[:before]
	}
	return append(dst, ']')
}

func (p Projection) appendComplex(dst []byte, a *attribute, v Value, top extent) (out []byte, some bool) {
	dst = append(dst, '{')
	start := len(dst)
	for _, m := range v.members {
		if sub := a.sub(m.Name); sub == nil && top == whole || sub != nil && p.showsSub(sub, top) {
			dst = m.Value.Append(appendName(dst, start, m.Name))
		}
	}
	return append(dst, '}'), len(dst) > start
}
