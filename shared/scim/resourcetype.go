package scim

import (
	"cmp"
	"slices"
	"strings"
)

// attribute is an Attribute compiled for one resource type: found by name, compared by type, spelled by path.
type attribute struct {
	*Attribute
	path      string // canonical: name.givenName, urn:…:User:department
	kind      Kind   // JSON kind of one value; Object for complex
	binary    bool
	dateTime  bool
	integer   bool
	readOnly  bool
	never     bool // returned never: accepted, not kept
	table     *table
	parent    *attribute   // of a sub-attribute
	subs      []*attribute // in schema order
	value     *attribute   // the sub-attribute `value`, or nil
	primary   *attribute   // the sub-attribute `primary` of a multi-valued one, or nil
	slot      int          // index in table.attrs or parent.subs
	isSelf    bool         // the value of a simple multi-valued attribute inside [ ]
	isCommon  bool         // id, meta, schemas: never in an attribute tree
	selfValue *attribute   // for simple multi-valued attributes: the isSelf attribute
}

// table is a schema compiled for one resource type.
type table struct {
	schema *Schema
	prefix string // of paths: "" for core, URN + ":" for an extension
	attrs  []*attribute
	byName map[string]*attribute // names as spelled, and names and aliases in lower case
	index  int                   // 0 for core, then extensions in order
}

// ResourceType is a resource type with its schemas, compiled into lookup tables. It is immutable and safe for
// concurrent use. Create one with NewResourceType.
type ResourceType struct {
	id, endpoint, description string
	schemas                   []*Schema
	tables                    []*table        // core first
	byURN                     []*table        // longest URN first
	common                    *table          // schemas, id, meta
	alone                     []*ResourceType // the type itself, for filters
}

// NewResourceType compiles a resource type (RFC 7643 §6): its id and name such as "User", its endpoint such as
// "/Users", the core schema and the extensions, none of which is required. The schemas must not change afterwards.
func NewResourceType(id, endpoint, description string, core *Schema, ext ...*Schema) *ResourceType {
	rt := &ResourceType{id: id, endpoint: endpoint, description: description, schemas: append([]*Schema{core}, ext...)}
	rt.alone = []*ResourceType{rt}
	for i, s := range rt.schemas {
		prefix := s.ID + ":"
		if i == 0 {
			prefix = ""
		}
		rt.tables = append(rt.tables, newTable(s, prefix, i))
	}
	rt.common = newTable(&Schema{ID: core.ID, Attributes: []Attribute{
		{Name: "schemas", Type: "reference", MultiValued: true, Returned: "always"},
		{Name: "id", CaseExact: true, Mutability: "readOnly", Returned: "always"},
		{Name: "meta", Type: "complex", Mutability: "readOnly", SubAttributes: []Attribute{
			{Name: "resourceType", CaseExact: true, Mutability: "readOnly"},
			{Name: "created", Type: "dateTime", Mutability: "readOnly"},
			{Name: "lastModified", Type: "dateTime", Mutability: "readOnly"},
			{Name: "location", Type: "reference", CaseExact: true, Mutability: "readOnly"},
			{Name: "version", CaseExact: true, Mutability: "readOnly"},
		}},
	}}, "", -1)
	for _, a := range rt.common.attrs {
		a.isCommon = true
	}
	rt.byURN = slices.Clone(rt.tables)
	slices.SortStableFunc(rt.byURN, func(a, b *table) int { return cmp.Compare(len(b.schema.ID), len(a.schema.ID)) })
	return rt
}

func newTable(s *Schema, prefix string, index int) *table {
	t := &table{schema: s, prefix: prefix, index: index, byName: map[string]*attribute{}}
	for i := range s.Attributes {
		a := compile(&s.Attributes[i], prefix, t, nil, i)
		t.attrs = append(t.attrs, a)
		t.byName[a.Name], t.byName[lowerName(a.Name)] = a, a
	}
	for alias, name := range s.Aliases {
		if a := t.byName[lowerName(name)]; a != nil {
			t.byName[lowerName(alias)] = a
		}
	}
	return t
}

func compile(def *Attribute, prefix string, t *table, parent *attribute, slot int) *attribute {
	a := &attribute{Attribute: def, path: prefix + def.Name, table: t, parent: parent, slot: slot, kind: String,
		readOnly: def.Mutability == "readOnly", never: def.Returned == "never" || def.Mutability == "writeOnly"}
	switch def.Type {
	case "boolean":
		a.kind = Bool
	case "integer", "decimal":
		a.kind, a.integer = Number, def.Type == "integer"
	case "binary":
		a.binary = true
	case "dateTime":
		a.dateTime = true
	case "complex":
		a.kind = Object
	}
	for i := range def.SubAttributes {
		sub := compile(&def.SubAttributes[i], a.path+".", t, a, i)
		a.subs = append(a.subs, sub)
		switch sub.Name {
		case "value":
			a.value = sub
		case "primary":
			if def.MultiValued {
				a.primary = sub
			}
		}
	}
	if def.MultiValued && a.kind != Object {
		self := *a
		self.isSelf, self.parent = true, a
		self.path = a.path + ".value"
		a.selfValue = &self
	}
	return a
}

// find looks up a name, ignoring case.
func (t *table) find(name string) *attribute {
	if a := t.byName[name]; a != nil {
		return a
	}
	var buf [64]byte
	if len(name) > len(buf) {
		return t.byName[lowerName(name)]
	}
	for i := range len(name) {
		buf[i] = lowerByte(name[i])
	}
	return t.byName[string(buf[:len(name)])]
}

func (a *attribute) sub(name string) *attribute {
	for _, s := range a.subs {
		if sameName(s.Name, name) {
			return s
		}
	}
	return nil
}

// top returns the top-level attribute that a belongs to.
func (a *attribute) top() *attribute {
	if a.parent != nil {
		return a.parent
	}
	return a
}

// maxBytes returns the most bytes of a text.
func (a *attribute) maxBytes() int {
	if a.large {
		return MaxLargeBytes
	}
	return MaxStringBytes
}

// holdsLarge reports whether an element may hold a text of up to MaxLargeBytes.
func (a *attribute) holdsLarge() bool { return a.value != nil && a.value.large }

// reference is a resolved attribute path: an extension alone (attr nil) or an attribute, perhaps a sub-attribute.
type reference struct {
	table *table
	attr  *attribute // as written: the sub-attribute where one is named
}

type pathFault uint8

const (
	pathOK pathFault = iota
	pathMalformed
	pathUnknown
)

// resolve finds an attribute path (RFC 7644 §3.10): plain, dotted, or behind a schema URN. URNs hold colons and dots,
// so they are recognized as a whole, the longest first. bare allows the bare name of an extension attribute.
func (rt *ResourceType) resolve(path string, bare bool) (reference, pathFault) {
	rest, tables := path, rt.tables[:1]
	if a := rt.tables[0].byName[path]; a != nil {
		return reference{a.table, a}, pathOK
	}
	if len(path) > 4 && lowerByte(path[0]) == 'u' && path[3] == ':' {
		i := slices.IndexFunc(rt.byURN, func(t *table) bool {
			id := t.schema.ID
			return hasNamePrefix(path, id) && (len(path) == len(id) || path[len(id)] == ':')
		})
		if i < 0 && strings.TrimRightFunc(path, isURNRune) != "" {
			return reference{}, pathMalformed
		}
		if i < 0 {
			return reference{}, pathUnknown
		}
		t := rt.byURN[i]
		if len(path) == len(t.schema.ID) {
			return reference{table: t}, pathOK
		}
		rest, tables, bare = path[len(t.schema.ID)+1:], rt.byURN[i:i+1], false
	}
	name, sub, dotted := strings.Cut(rest, ".")
	if !isAttributeName(name) || dotted && sub != "$ref" && !isAttributeName(sub) {
		return reference{}, pathMalformed
	}
	if bare {
		tables = rt.tables
	}
	a := rt.find(name, tables)
	if a == nil {
		return reference{}, pathUnknown
	}
	if dotted {
		if a = a.sub(sub); a == nil {
			return reference{}, pathUnknown
		}
	}
	return reference{a.table, a}, pathOK
}

func isURNRune(r rune) bool { return r == ':' || r == '.' || r >= 0 && r < 0x80 && isNameByte(byte(r)) }

func (rt *ResourceType) find(name string, tables []*table) *attribute {
	for _, t := range tables {
		if a := t.find(name); a != nil {
			return a
		}
		if t.index == 0 {
			if a := rt.common.find(name); a != nil {
				return a
			}
		}
	}
	return nil
}

// extension finds an extension by its URN, ignoring case.
func (rt *ResourceType) extension(urn string) *table {
	for _, t := range rt.tables[1:] {
		if sameName(t.schema.ID, urn) {
			return t
		}
	}
	return nil
}

// Large returns the names of the core attributes that lists leave out unless they are named (C38).
func (rt *ResourceType) Large() []string {
	var names []string
	for _, a := range rt.tables[0].attrs {
		if a.holdsLarge() {
			names = append(names, a.Name)
		}
	}
	return names
}

// ID returns the id, which is also the name and meta.resourceType, such as "User".
func (rt *ResourceType) ID() string { return rt.id }

// Endpoint returns the path below the base URL, such as "/Users".
func (rt *ResourceType) Endpoint() string { return rt.endpoint }

// Schemas returns the core schema and the extensions. The slice is the caller's.
func (rt *ResourceType) Schemas() []*Schema { return slices.Clone(rt.schemas) }

// Value returns the resource type as /ResourceTypes publishes it (RFC 7643 §6).
func (rt *ResourceType) Value(location string) Value {
	extensions := make([]Value, 0, len(rt.schemas)-1)
	for _, s := range rt.schemas[1:] {
		extensions = append(extensions,
			ObjectValue(Member{"schema", StringValue(s.ID)}, Member{"required", BoolValue(false)}))
	}
	return ObjectValue(
		Member{"schemas", ArrayValue(StringValue(ResourceTypeURN))},
		Member{"id", StringValue(rt.id)},
		Member{"name", StringValue(rt.id)},
		Member{"endpoint", StringValue(rt.endpoint)},
		Member{"description", StringValue(rt.description)},
		Member{"schema", StringValue(rt.schemas[0].ID)},
		Member{"schemaExtensions", ArrayValue(extensions...)},
		Member{"meta", ObjectValue(Member{"resourceType", StringValue("ResourceType")},
			Member{"location", StringValue(location)})},
	)
}
