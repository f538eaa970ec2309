package scim_test

import (
	"errors"
	"strings"
	"testing"

	"rollcall/shared/scim"
)

// lenient is every tolerance there is.
var lenient = scim.Tolerance{
	BoolText: true, BareComplexValue: true, SingleElementArray: true, UpsertFilterPath: true, EmptyClears: true,
	RemoveMissing: true, RemoveByValue: true, DottedKeys: true, EqualReadOnly: true, UnqualifiedExtension: true,
	BareWords: true, LooseBlanks: true, ElementComparison: true,
}

var strict scim.Tolerance

// The URN prefixes of tests: E for the enterprise extension, T for a custom one with an attribute of each type.
const (
	E       = scim.EnterpriseURN
	T       = "urn:ietf:params:scim:schemas:extension:Test:2.0:User"
	coreURN = scim.UserURN
)

var (
	users  = userType()
	groups = scim.NewResourceType("Group", "/Groups", "Group", scim.GroupSchema())
)

func userType() *scim.ResourceType {
	custom, err := scim.NewExtension(T, "Test", []scim.Attribute{
		{Name: "text"}, {Name: "exact", CaseExact: true}, {Name: "flag", Type: "boolean"},
		{Name: "count", Type: "integer"}, {Name: "ratio", Type: "decimal"}, {Name: "since", Type: "dateTime"},
		{Name: "blob", Type: "binary", CaseExact: true}, {Name: "link", Type: "reference", CaseExact: true},
		{Name: "tags", MultiValued: true}, {Name: "badge", Mutability: "immutable"},
		{Name: "secret", Returned: "never"}, {Name: "onDemand", Returned: "request"},
		{Name: "fixed", Mutability: "readOnly"}, {Name: "kept", Returned: "always"},
		{Name: "box", Type: "complex", SubAttributes: []scim.Attribute{{Name: "value"}, {Name: "size", Type: "integer"}}},
	})
	if err != nil {
		panic(err)
	}
	return scim.NewResourceType("User", "/Users", "User Account", scim.UserSchema(), scim.EnterpriseUserSchema(),
		scim.RollcallUserSchema(), custom)
}

// parse reads JSON in which single quotes stand for double ones, E: and T: for the extension URNs.
func parse(t testing.TB, text string) scim.Value {
	t.Helper()
	v, err := scim.Parse([]byte(quote(text)))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return v
}

func quote(text string) string {
	return strings.NewReplacer("'E:", `"`+E+":", "'E'", `"`+E+`"`, "'T:", `"`+T+":", "'T'", `"`+T+`"`, "'", `"`).Replace(text)
}

func render(v scim.Value) string { return string(v.Append(nil)) }

// fault gives "status scimType" of an error, "" for none.
func fault(err error) string {
	if err == nil {
		return ""
	}
	var e *scim.Error
	if !errors.As(err, &e) {
		return "not a scim.Error: " + err.Error()
	}
	if e.Detail == "" {
		return "no detail"
	}
	status, _, _ := strings.Cut(e.Error(), ":")
	return status
}
