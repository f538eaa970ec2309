package scim

// Tolerance lists the accepted deviations from the RFC. The zero value is the RFC; shared/entra names the client that
// needs each, with its source.
type Tolerance struct {
	// BoolText reads the strings "true" and "false", in any case, as booleans, in bodies and filters (C2).
	BoolText bool
	// BareComplexValue reads a bare string as {"value": string} if the attribute is complex with a sub-attribute
	// `value` (C3).
	BareComplexValue bool
	// SingleElementArray reads an array of one element as that element if the attribute is single-valued (C3).
	SingleElementArray bool
	// WrappedText reads an array of one as its element for other single-valued attributes, too, and an element
	// {"value": x} as x (C26).
	WrappedText bool
	// NumberText reads a text that is a JSON number as that number, in bodies and filters (C34).
	NumberText bool
	// UpsertFilterPath lets add and replace with a filter path that has no hit create the element, when the filter is
	// an `and` of `eq` terms. Otherwise 400 noTarget (RFC 7644 §3.5.2.3, C4).
	UpsertFilterPath bool
	// EmptyClears reads "" as unassigned in bodies and PATCH, null in `add` as unassign, and removes an element that is
	// left with nothing but type and primary (C5). null and [] in `replace` unassign by RFC 7643 §2.5.
	EmptyClears bool
	// RemoveMissing lets remove with a filter path that has no hit succeed. Otherwise 400 noTarget (C5).
	RemoveMissing bool
	// RemoveByValue limits a remove without filter to the elements given in `value`. By the RFC the value is ignored
	// and all elements are removed (C6).
	RemoveByValue bool
	// DottedKeys reads each member name of a value without a path as a path: name.givenName, urn:…:User:department,
	// emails[type eq "work"].value (C7).
	DottedKeys bool
	// EqualReadOnly lets a value without a path contain read-only attributes that equal the current ones (C36).
	EqualReadOnly bool
	// IgnoreReadOnly ignores read-only attributes in a value without a path, whatever they are, but for the id of
	// another resource (C36).
	IgnoreReadOnly bool
	// SkipUnknown passes over attributes, sub-attributes and extensions in PATCH that no schema has, unless an attribute
	// comes as a boolean (C23). Otherwise 400 invalidPath, or invalidValue inside a value.
	SkipUnknown bool
	// NoOperations accepts a PATCH with an empty list of operations (C25).
	NoOperations bool
	// UnqualifiedExtension finds an extension attribute by its bare name when the core schema has none of it (C16).
	UnqualifiedExtension bool
	// BareWords reads a word without quotes in a filter as a string (C17).
	BareWords bool
	// LooseBlanks accepts any blanks between the parts of a filter, where the RFC requires exactly one or none (C17).
	LooseBlanks bool
	// ElementComparison accepts attr[filter].sub op value in a filter (C17).
	ElementComparison bool
}
