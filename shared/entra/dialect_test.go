package entra_test

import (
	"errors"
	"testing"

	"rollcall/shared/entra"
	"rollcall/shared/scim"
)

const enterprise = scim.EnterpriseURN

var (
	users  = scim.NewResourceType("User", "/Users", "User", scim.UserSchema(), scim.EnterpriseUserSchema())
	groups = scim.NewResourceType("Group", "/Groups", "Group", scim.GroupSchema())
)

// person is the tree the operations below start from.
const person = `{"userName":"kim","title":"Analyst","active":true,"emails":[{"value":"k@w","type":"work"},{"value":"k@h",` +
	`"type":"home"}],"` + enterprise + `":{"department":"Finance"}}`

func parse(t *testing.T, text string) scim.Value {
	t.Helper()
	v, err := scim.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// patch applies one operation and returns the tree, or the scimType of the error.
func patch(t *testing.T, tol scim.Tolerance, operation string) string {
	t.Helper()
	p, err := scim.ParsePatch(parse(t, `{"schemas":["`+scim.PatchOpURN+`"],"Operations":[`+operation+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := users.Apply(parse(t, person), parse(t, `{"id":"1"}`), p, tol)
	return outcome(t, r.Attributes, err)
}

func outcome(t *testing.T, v scim.Value, err error) string {
	t.Helper()
	var e *scim.Error
	switch {
	case err == nil:
		return string(v.Append(nil))
	case errors.As(err, &e):
		return e.Type
	}
	t.Fatal(err)
	return ""
}

// both checks one operation under the profile and under the bare RFC. Attributes are given as the changed part of
// person, read through get.
func both(t *testing.T, operation string, get func(scim.Value) scim.Value, want, rfc string) {
	t.Helper()
	for _, c := range []struct {
		name, want string
		tol        scim.Tolerance
	}{{"entra", want, entra.Entra.Tolerance()}, {"rfc", rfc, scim.Tolerance{}}} {
		got := patch(t, c.tol, operation)
		if got[0] == '{' {
			got = string(get(parse(t, got)).Append(nil))
		}
		if got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.name, operation, got, c.want)
		}
	}
}

func member(name string) func(scim.Value) scim.Value {
	return func(v scim.Value) scim.Value { return v.Get(name) }
}

func manager(v scim.Value) scim.Value { return v.Get(enterprise).Get("manager") }

func filter(t *testing.T, text string, matches bool) {
	t.Helper()
	if _, err := users.ParseFilter(text, scim.Tolerance{}); outcome(t, scim.Value{}, err) != scim.TypeInvalidFilter {
		t.Errorf("%s: the RFC does not refuse it: %v", text, err)
	}
	f, err := users.ParseFilter(text, entra.Entra.Tolerance())
	if err != nil || f.Match(parse(t, person)) != matches {
		t.Errorf("%s: read as %s, %v, want a match: %v", text, f, err, matches)
	}
}

func TestBoolText(t *testing.T) {
	both(t, `{"op":"Replace","path":"active","value":"False"}`, member("active"), "false", "invalidValue")
	both(t, `{"op":"Replace","path":"active","value":"maybe"}`, member("active"), "invalidValue", "invalidValue")
	filter(t, `active eq "True"`, true)
	filter(t, `active eq "false"`, false)
}

func TestBareComplexValue(t *testing.T) {
	both(t, `{"op":"Add","path":"`+enterprise+`:manager","value":"m1"}`, manager, `{"value":"m1"}`, "invalidValue")
}

func TestSingleElementArray(t *testing.T) {
	both(t, `{"op":"Add","path":"`+enterprise+`:manager","value":[{"$ref":"https://x/Users/m1","value":"m1"}]}`, manager, `{"value":"m1"}`,
		"invalidValue")
	both(t, `{"op":"Add","path":"`+enterprise+`:manager","value":[{"value":"m1"},{"value":"m2"}]}`, manager, "invalidValue", "invalidValue")
}

func TestUpsertFilterPath(t *testing.T) {
	const operation = `{"op":"Replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"+1 425"}`
	both(t, operation, member("phoneNumbers"), `[{"value":"+1 425","type":"mobile"}]`, "noTarget")
	if got := patch(t, entra.Generic.Tolerance(), operation); got != "noTarget" {
		t.Errorf("generic: %s", got)
	}
}

func TestEmptyClears(t *testing.T) {
	both(t, `{"op":"replace","path":"title","value":""}`, member("title"), "null", `""`)
	both(t, `{"op":"add","path":"title","value":null}`, member("title"), "null", "invalidValue")
	both(t, `{"op":"remove","path":"emails[type eq \"work\"].value"}`, member("emails"), `[{"value":"k@h","type":"home"}]`,
		`[{"type":"work"},{"value":"k@h","type":"home"}]`)
	both(t, `{"op":"replace","path":"active","value":""}`, member("active"), "invalidValue", "invalidValue")
}

func TestRemoveMissing(t *testing.T) {
	both(t, `{"op":"remove","path":"emails[type eq \"other\"]"}`, member("title"), `"Analyst"`, "noTarget")
}

func TestRemoveByValue(t *testing.T) {
	both(t, `{"op":"Remove","path":"emails","value":[{"value":"k@w"}]}`, member("emails"), `[{"value":"k@h","type":"home"}]`, "null")
	both(t, `{"op":"Remove","path":"emails","value":[]}`, member("emails"), `[{"value":"k@w","type":"work"},{"value":"k@h","type":"home"}]`,
		"null")
	for _, c := range []struct {
		tol  scim.Tolerance
		kind scim.StepKind
	}{{entra.Entra.Tolerance(), scim.RemoveElements}, {scim.Tolerance{}, scim.RemoveAll}} {
		p, err := scim.ParsePatch(parse(t,
			`{"schemas":["`+scim.PatchOpURN+`"],"Operations":[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u1"}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		r, err := groups.Apply(parse(t, `{"displayName":"G"}`), scim.Value{}, p, c.tol)
		if err != nil || len(r.Elements) != 1 || r.Elements[0].Kind != c.kind {
			t.Errorf("members: %+v, %v", r.Elements, err)
		}
	}
}

func TestDottedKeys(t *testing.T) {
	both(t, `{"op":"replace","value":{"name.givenName":"K"}}`, member("name"), `{"givenName":"K"}`, "invalidPath")
	both(t, `{"op":"replace","value":{"`+enterprise+`:department":"HR"}}`, member(enterprise), `{"department":"HR"}`, "invalidPath")
	both(t, `{"op":"replace","value":{"emails[type eq \"work\"].value":"x"}}`, member("emails"),
		`[{"value":"x","type":"work"},{"value":"k@h","type":"home"}]`, "invalidPath")
}

func TestEqualReadOnly(t *testing.T) {
	both(t, `{"op":"replace","value":{"id":"1","title":"T"}}`, member("title"), `"T"`, "mutability")
	both(t, `{"op":"replace","value":{"id":"2","title":"T"}}`, member("title"), "mutability", "mutability")
}

func TestUnqualifiedExtension(t *testing.T) {
	both(t, `{"op":"replace","path":"department","value":"HR"}`, member(enterprise), `{"department":"HR"}`, "invalidPath")
	filter(t, `department eq "finance"`, true)
}

func TestBareWords(t *testing.T) {
	filter(t, `userName eq kim`, true)
	if _, err := users.ParseFilter(`userName eq 'kim'`, entra.Entra.Tolerance()); err == nil {
		t.Error("single quotes are no quotes")
	}
}

func TestLooseBlanks(t *testing.T) {
	filter(t, ` userName  eq "kim"  and ( active eq true ) `, true)
}

func TestElementComparison(t *testing.T) {
	filter(t, `emails[type eq "work"].value eq "K@W"`, true)
	filter(t, `emails[type eq "home"].value eq "k@w"`, false)
}

func TestGroupPatchNoContent(t *testing.T) {
	for p, want := range map[entra.Profile]bool{entra.Entra: true, entra.EntraGov: true, entra.Okta: false, entra.Generic: false} {
		if p.GroupPatchNoContent() != want {
			t.Errorf("%s: %v", p, !want)
		}
	}
}

// C1 has no switch: names, operations and operators are compared without case for every profile.
func TestCaseIsIgnored(t *testing.T) {
	both(t, `{"OP":"REPLACE","Path":"TITLE","VALUE":"T"}`, member("title"), `"T"`, `"T"`)
}

// A role sent as JSON text inside value is kept as the text it is: clients read back what they wrote.
func TestRolesAsTextStayText(t *testing.T) {
	both(t, `{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"1\"}"}]}`, member("roles"), `[{"value":"{\"id\":\"1\"}"}]`,
		`[{"value":"{\"id\":\"1\"}"}]`)
}

func TestWrappedText(t *testing.T) {
	both(t, `{"op":"Replace","path":"title","value":[{"$ref":null,"value":"x"}]}`, member("title"), `"x"`, "invalidValue")
	both(t, `{"op":"Replace","path":"active","value":["False"]}`, member("active"), "false", "invalidValue")
	both(t, `{"op":"Replace","path":"title","value":["x","y"]}`, member("title"), "invalidValue", "invalidValue")
	both(t, `{"op":"Replace","path":"title","value":[{"value":null}]}`, member("title"), "null", "invalidValue")
	both(t, `{"op":"Replace","path":"active","value":[{"value":null}]}`, member("active"), "invalidValue", "invalidValue")
}

func TestNumberText(t *testing.T) {
	ext, err := scim.NewExtension("urn:x:y:Test", "Test", []scim.Attribute{{Name: "floor", Type: "integer"}})
	if err != nil {
		t.Fatal(err)
	}
	rt := scim.NewResourceType("User", "/Users", "User", scim.UserSchema(), ext)
	for given, want := range map[string]string{`"12"`: "12", `" 12 "`: "12", `"1.2e1"`: "12", `12.0`: "12", `"x"`: "invalidValue",
		`12.5`: "invalidValue", `"12.5"`: "invalidValue"} {
		v, err := rt.Decode(parse(t, `{"userName":"k","urn:x:y:Test":{"floor":`+given+`}}`), entra.Entra.Tolerance())
		if got := outcome(t, v.Get("urn:x:y:Test").Get("floor"), err); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
	if _, err := rt.Decode(parse(t, `{"userName":"k","urn:x:y:Test":{"floor":"12"}}`), entra.Generic.Tolerance()); err == nil {
		t.Error("generic reads a text as a number")
	}
	f, err := rt.ParseFilter(`urn:x:y:Test:floor eq "12"`, entra.Entra.Tolerance())
	if err != nil || !f.Match(parse(t, `{"userName":"k","urn:x:y:Test":{"floor":12}}`)) {
		t.Errorf("the filter %s does not match, %v", f, err)
	}
}

func TestIgnoreReadOnly(t *testing.T) {
	both(t, `{"op":"replace","value":{"title":"T","groups":[],"meta":{"version":"old"},"id":null}}`, member("title"), `"T"`, "mutability")
	both(t, `{"op":"replace","path":"groups","value":[]}`, member("title"), "mutability", "mutability")
	both(t, `{"op":"replace","value":{"title":"T","`+enterprise+`":{"manager":{"displayName":"B"}}}}`, member("title"), `"T"`, `"T"`)
}

func TestSkipUnknown(t *testing.T) {
	both(t, `{"op":"replace","path":"badgeColour","value":"red"}`, member("title"), `"Analyst"`, "invalidPath")
	both(t, `{"op":"replace","path":"badgeColour","value":"False"}`, member("title"), "invalidPath", "invalidPath")
	both(t, `{"op":"replace","path":"title;","value":"x"}`, member("title"), "invalidPath", "invalidPath")
}

func TestNoOperations(t *testing.T) {
	p, err := scim.ParsePatch(parse(t, `{"schemas":["`+scim.PatchOpURN+`"],"Operations":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	for profile, want := range map[entra.Profile]string{entra.Entra: "", entra.Okta: "", entra.Generic: "invalidSyntax"} {
		r, err := users.Apply(parse(t, person), scim.Value{}, p, profile.Tolerance())
		if got := outcome(t, scim.Value{}, err); err != nil && got != want || err == nil && (want != "" || r.Changed) {
			t.Errorf("%s: %v, changed %v, want %q", profile, err, r.Changed, want)
		}
	}
}
