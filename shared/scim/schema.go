package scim

import (
	"cmp"
	"slices"
	"strings"
)

// Attribute describes one attribute (RFC 7643 §7). Keywords are spelled as there; empty ones mean the defaults: type
// string, mutability readWrite, returned default, uniqueness none.
type Attribute struct {
	Name        string
	Type        string // string, boolean, decimal, integer, dateTime, binary, reference, complex
	Description string

	MultiValued, Required, CaseExact bool

	Mutability string // readOnly, readWrite, immutable, writeOnly
	Returned   string // always, never, default, request
	Uniqueness string // none, server, global

	CanonicalValues, ReferenceTypes []string
	SubAttributes                   []Attribute

	// External marks a multi-valued attribute that the caller keeps outside the attribute tree, because it can be
	// huge (members of a Group). Decode includes it (see TakeElements); Apply yields ElementSteps for it.
	External bool

	// name marks a unique name, which eq and ne compare without invisible ends (C28).
	name bool
	// large marks a text of up to MaxLargeBytes, not MaxStringBytes (C38).
	large bool
	// unlisted attributes work but are not published: a client that reads the schema would map them.
	unlisted bool
	// assigned attributes always have a value: they are published as required, no PATCH removes them (C5: active), and
	// the caller of Decode supplies a missing one (C13).
	assigned bool
}

// Schema is a core schema or an extension (RFC 7643 §7). It must not be changed once a ResourceType uses it.
type Schema struct {
	ID, Name, Description string
	Attributes            []Attribute
	Aliases               map[string]string // lower-case alias -> attribute name, accepted in requests, never shown
}

var attributeTypes = []string{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"}

// NewExtension returns an extension schema for attributes a customer adds to users. It validates the URN (urn:… with at
// least three parts, none of this service's own), the names (RFC 7643 §2.1, no duplicates) and the keywords. Errors are
// *Error 400 invalidValue. The attributes are copied.
func NewExtension(urn, name string, attrs []Attribute) (*Schema, error) {
	if err := checkURN(urn); err != nil {
		return nil, err
	}
	if name == "" || len(name) > 128 {
		return nil, badValue("an extension needs a name of 1 to 128 bytes")
	}
	if len(attrs) == 0 {
		return nil, badValue("an extension needs at least one attribute")
	}
	if err := checkAttributes(attrs, 0); err != nil {
		return nil, err
	}
	return &Schema{ID: urn, Name: name, Attributes: slices.Clone(attrs)}, nil
}

func checkURN(urn string) error {
	parts := strings.Split(urn, ":")
	if len(urn) > 255 || len(parts) < 3 || !sameName(parts[0], "urn") {
		return badValue("the schema of an extension must be a URN such as urn:ietf:params:scim:schemas:extension:Name:2.0:User")
	}
	for _, part := range parts {
		if part == "" {
			return badValue("a part of the URN is empty")
		}
		for i := range len(part) {
			if c := part[i]; !isNameByte(c) && c != '.' || c == '$' {
				return badValue("the URN may hold letters, digits, dots, hyphens and underscores only")
			}
		}
	}
	for _, own := range []string{UserURN, GroupURN, EnterpriseURN, RollcallURN} {
		if sameName(urn, own) {
			return badValue("the URN %s is taken", own)
		}
	}
	if hasNamePrefix(urn, "urn:ietf:params:scim:api:") {
		return badValue("the URN belongs to the protocol")
	}
	return nil
}

func checkAttributes(attrs []Attribute, level int) error {
	seen := map[string]bool{}
	for i := range attrs {
		a := &attrs[i]
		if !isAttributeName(a.Name) || len(a.Name) > 128 {
			return badValue("an attribute name starts with a letter and holds letters, digits, hyphens and underscores, 128 at most")
		}
		if seen[lowerName(a.Name)] {
			return badValue("the attribute %s is given twice", a.Name)
		}
		seen[lowerName(a.Name)] = true
		if a.External {
			return badValue("the attribute %s cannot be external", a.Name)
		}
		for _, k := range []struct {
			keyword, value string
			allowed        []string
		}{
			{"type", a.Type, attributeTypes},
			{"mutability", a.Mutability, []string{"readOnly", "readWrite", "immutable", "writeOnly"}},
			{"returned", a.Returned, []string{"always", "never", "default", "request"}},
			{"uniqueness", a.Uniqueness, []string{"none", "server", "global"}},
		} {
			if k.value != "" && !slices.Contains(k.allowed, k.value) {
				return badValue("the %s of %s must be one of %s", k.keyword, a.Name, strings.Join(k.allowed, ", "))
			}
		}
		isComplex := a.Type == "complex"
		if isComplex && level > 0 || isComplex != (len(a.SubAttributes) > 0) {
			return badValue("the attribute %s: a complex attribute has sub-attributes, which are not complex", a.Name)
		}
		if err := checkAttributes(a.SubAttributes, level+1); err != nil {
			return err
		}
	}
	return nil
}

// isAttributeName checks ATTRNAME of RFC 7643 §2.1.
func isAttributeName(s string) bool {
	if s == "" || !('a' <= s[0] && s[0] <= 'z' || 'A' <= s[0] && s[0] <= 'Z') {
		return false
	}
	for i := range len(s) {
		if !isNameByte(s[i]) || s[i] == '$' {
			return false
		}
	}
	return true
}

// Value returns the schema as /Schemas publishes it (RFC 7643 §7): without the attributes a client should not map
// (password, display of most multi-valued attributes) and without null members.
func (s *Schema) Value(location string) Value {
	members := []Member{
		{"schemas", ArrayValue(StringValue(SchemaURN))},
		{"id", StringValue(s.ID)},
		{"name", StringValue(s.Name)},
	}
	if s.Description != "" {
		members = append(members, Member{"description", StringValue(s.Description)})
	}
	return ObjectValue(append(members,
		Member{"attributes", publishedAttributes(s.Attributes)},
		Member{"meta", ObjectValue(Member{"resourceType", StringValue("Schema")}, Member{"location", StringValue(location)})},
	)...)
}

func publishedAttributes(attrs []Attribute) Value {
	out := make([]Value, 0, len(attrs))
	for i := range attrs {
		if !attrs[i].unlisted {
			out = append(out, attrs[i].published())
		}
	}
	return ArrayValue(out...)
}

func (a *Attribute) published() Value {
	kind := cmp.Or(a.Type, "string")
	members := []Member{
		{"name", StringValue(a.Name)},
		{"type", StringValue(kind)},
		{"multiValued", BoolValue(a.MultiValued)},
	}
	if a.Description != "" {
		members = append(members, Member{"description", StringValue(a.Description)})
	}
	members = append(members, Member{"required", BoolValue(a.Required || a.assigned)})
	if kind == "string" || kind == "reference" || kind == "binary" {
		members = append(members, Member{"caseExact", BoolValue(a.CaseExact)})
	}
	members = append(members,
		Member{"mutability", StringValue(cmp.Or(a.Mutability, "readWrite"))},
		Member{"returned", StringValue(cmp.Or(a.Returned, "default"))})
	if kind != "complex" {
		members = append(members, Member{"uniqueness", StringValue(cmp.Or(a.Uniqueness, "none"))})
	}
	if len(a.CanonicalValues) > 0 {
		members = append(members, Member{"canonicalValues", stringArray(a.CanonicalValues)})
	}
	if len(a.ReferenceTypes) > 0 {
		members = append(members, Member{"referenceTypes", stringArray(a.ReferenceTypes)})
	}
	if len(a.SubAttributes) > 0 {
		members = append(members, Member{"subAttributes", publishedAttributes(a.SubAttributes)})
	}
	return ObjectValue(members...)
}

func stringArray(texts []string) Value {
	out := make([]Value, len(texts))
	for i, s := range texts {
		out[i] = StringValue(s)
	}
	return ArrayValue(out...)
}
