package directory

import (
	"slices"
	"strings"

	"rollcall/shared/casefold"
)

// Extension is a custom User schema extension: a URN and its single-valued attributes.
type Extension struct {
	URN        string
	Name       string
	Attributes []ExtensionAttribute
}

// ExtensionAttribute is one attribute of a custom extension. Type is string, boolean, integer, decimal
// or dateTime: what Entra can send for a custom attribute.
type ExtensionAttribute struct {
	Name      string
	Type      string
	CaseExact bool
}

// Equal reports whether two extensions are equal.
func (e Extension) Equal(f Extension) bool {
	return e.URN == f.URN && e.Name == f.Name && slices.Equal(e.Attributes, f.Attributes)
}

// Limits of custom extensions, which are part of the provider's record (at most 4 KB).
const (
	MaxExtensions          = 5
	MaxExtensionAttributes = 25   // of all extensions of a provider together
	MaxExtensionBytes      = 1500 // URNs and names, likewise
	maxExtensionText       = 100
)

// ExtensionTypes are the types an attribute of a custom extension may have.
func ExtensionTypes() []string {
	return []string{"string", "boolean", "integer", "decimal", "dateTime"}
}

// checkExtensions refuses extensions that could not be served. It is stricter than SCIM, so that every accepted
// extension compiles to a schema.
func checkExtensions(es []Extension) error {
	bad := func(detail string) error { return &Error{Kind: Invalid, Attr: "extensions", Detail: detail} }
	if len(es) > MaxExtensions {
		return bad("a provider has at most 5 extensions")
	}
	urns, attributes, size := map[string]bool{}, 0, 0
	for _, e := range es {
		key := casefold.Fold(e.URN)
		switch {
		case !extensionURN(e.URN):
			return bad(`urn must begin with "urn:", have at least three parts of letters, digits, ".", "-" and "_", at most 100 ` +
				`characters, and belong to no standard schema`)
		case urns[key]:
			return bad("a urn is given twice")
		case len(e.Name) < 1 || len(e.Name) > maxExtensionText || strings.ContainsFunc(e.Name, IsControl):
			return bad("name must have 1 to 100 bytes and no control characters")
		case len(e.Attributes) == 0:
			return bad("an extension has at least one attribute")
		}
		urns[key] = true
		attributes += len(e.Attributes)
		size += len(e.URN) + len(e.Name)
		names := map[string]bool{}
		for _, a := range e.Attributes {
			name := casefold.Fold(a.Name)
			switch {
			case !extensionAttributeName(a.Name):
				return bad(`an attribute's name begins with a letter and has letters, digits, "-" and "_", at most 100`)
			case names[name]:
				return bad("an attribute is given twice")
			case !slices.Contains(ExtensionTypes(), a.Type):
				return bad("an attribute's type must be string, boolean, integer, decimal or dateTime")
			}
			names[name] = true
			size += len(a.Name)
		}
	}
	if attributes > MaxExtensionAttributes || size > MaxExtensionBytes {
		return bad("the extensions of a provider have at most 25 attributes, and at most 1500 bytes of names")
	}
	return nil
}

// extensionURN checks a URN. Those of SCIM and of this service are reserved.
func extensionURN(urn string) bool {
	parts := strings.Split(urn, ":")
	if len(urn) > maxExtensionText || len(parts) < 3 || casefold.Fold(parts[0]) != "urn" {
		return false
	}
	for _, p := range parts {
		if p == "" || strings.ContainsFunc(p, func(r rune) bool { return r != '.' && !nameRune(r) }) {
			return false
		}
	}
	for _, reserved := range []string{
		"urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:", "urn:ietf:params:scim:schemas:extension:enterprise:",
		"urn:ietf:params:scim:schemas:extension:rollcall:",
	} {
		if strings.HasPrefix(casefold.Fold(urn), reserved) {
			return false
		}
	}
	return true
}

// extensionAttributeName checks a name (ATTRNAME of RFC 7643 §2.1).
func extensionAttributeName(name string) bool {
	return name != "" && len(name) <= maxExtensionText && (name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z') &&
		!strings.ContainsFunc(name, func(r rune) bool { return !nameRune(r) })
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
