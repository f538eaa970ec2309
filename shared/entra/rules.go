package entra

import "slices"

// Rule is one deviation from the RFC.
type Rule struct {
	Name      string // the field of scim.Tolerance, or the method of Profile, that switches it
	Deviation string // the difference, in one sentence
	Source    string // the client that needs it, and where that is documented
	Test      string // the Go test of this package that shows the rule on and off
	Profiles  []Profile
}

// Rules returns every deviation, in the order of C2 to C17 in docs/divergences.md. The slice is the caller's.
func Rules() []Rule { return slices.Concat(valueRules(), requestRules()) }

// valueRules are about the values of attributes and what a path chooses.
func valueRules() []Rule {
	all := Profiles()
	return []Rule{
		{Name: "BoolText", Test: "TestBoolText", Profiles: all,
			Deviation: `The texts "True" and "False", in any case, are read as booleans, in bodies and filters.`,
			Source:    "Entra: legacy PATCH dialect, booleans as text; roles[primary eq \"True\"] in provisioning of roles"},
		{Name: "BareComplexValue", Test: "TestBareComplexValue", Profiles: all,
			Deviation: `A bare text where a complex value belongs means {"value": text}, such as the id of a manager or a member.`,
			Source:    "Entra: gallery validation, manager update; field reports on members as text"},
		{Name: "SingleElementArray", Test: "TestSingleElementArray", Profiles: all,
			Deviation: "An array of one element where a single complex value belongs is read as that element.",
			Source:    "Entra: SCIM developer guide, example of a manager update"},
		{Name: "WrappedText", Test: "TestWrappedText", Profiles: []Profile{Entra, EntraGov},
			Deviation: `A plain single value may come as an array of one, and in an object of it: [{"value": "x"}] is "x".`,
			Source:    "Entra: field reports on single-valued attributes that are mapped from multi-valued ones"},
		{Name: "NumberText", Test: "TestNumberText", Profiles: []Profile{Entra, EntraGov, Okta},
			Deviation: "A text that is a JSON number is that number where an attribute is an integer or a decimal, in bodies and filters.",
			Source:    "Entra: legacy PATCH dialect, which sends every value as text"},
		{Name: "UpsertFilterPath", Test: "TestUpsertFilterPath", Profiles: []Profile{Entra, EntraGov, Okta},
			Deviation: "add and replace with a filter path that has no hit create the element from the eq terms, where the RFC answers noTarget.",
			Source:    "Entra: gallery validation, user update; typed e-mail and phone paths are sent before they exist"},
		{Name: "EmptyClears", Test: "TestEmptyClears", Profiles: all,
			Deviation: `"", and null in add, unassign an optional attribute, and an element left with nothing but type and primary is removed.`,
			Source:    "Entra: gallery validation, null update; manager cleared by an empty text"},
		{Name: "RemoveMissing", Test: "TestRemoveMissing", Profiles: all,
			Deviation: "remove with a filter path that has no hit succeeds without a change.",
			Source:    "Entra: repeats a PATCH whose answer was lost, so removing a member twice must succeed"},
		{Name: "RemoveByValue", Test: "TestRemoveByValue", Profiles: all,
			Deviation: "remove without a filter but with a value removes only the given elements, where the RFC ignores the value.",
			Source:    "Entra: legacy PATCH dialect, members are removed by value"},
		{Name: "DottedKeys", Test: "TestDottedKeys", Profiles: all,
			Deviation: "Each member name of a path-less value is a path: name.givenName, a colon URN, a filter path.",
			Source:    "Entra: compliant PATCH dialect (aadOptscim062020), batched replace"},
		{Name: "EqualReadOnly", Test: "TestEqualReadOnly", Profiles: all,
			Deviation: "A path-less value may repeat read-only attributes with their current values.",
			Source:    "Okta: a group rename carries the group's id"},
	}
}

// requestRules are about names, filters, whole requests and answers.
func requestRules() []Rule {
	all := Profiles()
	return []Rule{
		{Name: "IgnoreReadOnly", Test: "TestIgnoreReadOnly", Profiles: []Profile{Entra, EntraGov, Okta},
			Deviation: "A path-less value may repeat, leave out or empty read-only attributes; only the id of another resource is refused.",
			Source:    "Okta: pushes repeat what an earlier GET returned"},
		{Name: "SkipUnknown", Test: "TestSkipUnknown", Profiles: []Profile{Entra, EntraGov, Okta},
			Deviation: "Attributes that no schema has are passed over in PATCH, unless they come as a boolean.",
			Source:    "Entra: customers map attributes that the receiver does not know, and the refusal would lose the rest"},
		{Name: "NoOperations", Test: "TestNoOperations", Profiles: []Profile{Entra, EntraGov, Okta},
			Deviation: "A PATCH without operations succeeds and changes nothing.",
			Source:    "Okta: field reports on pushes without a difference"},
		{Name: "UnqualifiedExtension", Test: "TestUnqualifiedExtension", Profiles: all,
			Deviation: "The bare name of an extension attribute is understood when the core schema has no such name.",
			Source:    "Entra: SCIM developer guide, path and filter `manager`"},
		{Name: "BareWords", Test: "TestBareWords", Profiles: all,
			Deviation: "A word without quotes in a filter is a string.",
			Source:    "Entra: SCIM developer guide, sample externalId eq jyoung"},
		{Name: "LooseBlanks", Test: "TestLooseBlanks", Profiles: all,
			Deviation: "Blanks in filters are free where the RFC has exactly one or none.",
			Source:    "Entra: field reports; hand-written filters of other clients"},
		{Name: "ElementComparison", Test: "TestElementComparison", Profiles: all,
			Deviation: "A filter may compare a sub-attribute of selected elements: attr[filter].sub op value.",
			Source:    "Entra: matching on emails[type eq \"work\"].value"},
		{Name: "GroupPatchNoContent", Test: "TestGroupPatchNoContent", Profiles: []Profile{Entra, EntraGov},
			Deviation: "PATCH of a group answers 204 without a body unless attributes or excludedAttributes is given; both are " +
				"allowed, but a group may have many members.",
			Source: "Entra: SCIM developer guide, update of group members"},
	}
}

// In reports whether the rule holds for a profile.
func (r Rule) In(p Profile) bool { return slices.Contains(r.Profiles, p) }
