package scimapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/directory"
	"rollcall/shared/entra"
	"rollcall/shared/scim"
)

// genText generates texts with every character that JSON has to escape.
func genText() *rapid.Generator[string] {
	return rapid.StringOf(rapid.SampledFrom([]rune("ab \"\\{}[]:,\n\tüж𝄞urn:")))
}

func genUser() *rapid.Generator[directory.UserView] {
	return rapid.Custom(func(t *rapid.T) directory.UserView {
		text := func(name string) scim.Value { return scim.StringValue(genText().Draw(t, name)) }
		some := func(name string) bool { return rapid.Bool().Draw(t, name) }
		body := scim.ObjectValue(scim.Member{Name: "userName", Value: scim.StringValue("n" + genText().Draw(t, "userName"))})
		for _, attr := range []string{"externalId", "title", "displayName", "profileUrl"} {
			if some(attr) {
				body = body.With(attr, text(attr+" value"))
			}
		}
		if some("emails") {
			body = body.With("emails",
				scim.ArrayValue(scim.ObjectValue(scim.Member{Name: "value", Value: text("mail")},
					scim.Member{Name: "type", Value: scim.StringValue("work")})))
		}
		for _, attr := range []string{"photos", "x509Certificates"} {
			if some(attr) {
				body = body.With(attr, scim.ArrayValue(scim.ObjectValue(scim.Member{Name: "value", Value: text(attr + " value")})))
			}
		}
		for _, urn := range []string{scim.EnterpriseURN, scim.RollcallURN} {
			if some(urn) {
				attr := map[string]string{scim.EnterpriseURN: "department", scim.RollcallURN: "orgName"}[urn]
				body = body.With(urn, scim.ObjectValue(scim.Member{Name: attr, Value: text("of extension")}))
			}
		}
		tree, err := baseUser.Decode(body, entra.Entra.Tolerance())
		if err != nil {
			t.Fatalf("decode %s: %v", body.Append(nil), err)
		}
		v := directory.UserView{User: directory.User{
			ID: "u0000000000000000000000001", ScimID: "u0000000000000000000000001", Provider: "defaultabcde",
			Profile: userProfile(tree.With("active", scim.BoolValue(some("active")))), Version: rapid.Int64Range(1, 1000).Draw(t, "version"),
			Created: time.UnixMilli(rapid.Int64Range(1, 1e12).Draw(t, "created")), Modified: time.UnixMilli(1e12),
		}}
		if some("manager") {
			v.Profile.Manager = rapid.SampledFrom([]string{"u0000000000000000000000002", `no "id"`}).Draw(t, "manager id")
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "groups") {
			v.Groups = append(v.Groups, directory.GroupID(fmt.Sprintf("g%025d", i)))
		}
		return v
	})
}

// Copying the stored attributes gives the same resource as building and projecting a tree.
func TestSpliceIsTheTree(t *testing.T) {
	t.Parallel()
	r := &request{base: "https://rollcall.example/scim/v2/defaultabcde", types: baseTypes}
	rapid.Check(t, func(t *rapid.T) {
		v := genUser().Draw(t, "user")
		got, ok := r.appendUser(nil, v)
		if !ok {
			t.Fatal("refused")
		}
		resource, err := r.userResource(v)
		if err != nil {
			t.Fatal(err)
		}
		p, err := baseUser.ParseProjection(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := scim.Parse(p.Append(nil, resource))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := scim.Parse(got)
		if err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if !parsed.Equal(want) {
			t.Fatalf("\n got %s\nwant %s", got, want.Append(nil))
		}
	})
}

// Cutting members out of the stored text gives the same text as removing them from the tree.
func TestWithoutIsTheTree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attributes := orEmpty(genUser().Draw(t, "user").Attributes)
		names := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"photos", "x509Certificates", "title", scim.EnterpriseURN, "value"}),
			rapid.ID[string]).Draw(t, "names")
		want, err := scim.Parse(attributes)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			want = want.With(name, scim.Value{})
		}
		if got := without(attributes, names); string(got) != string(want.Append(nil)) {
			t.Fatalf("%s without %q\n got %s\nwant %s", attributes, names, got, want.Append(nil))
		}
	})
}

// A page is measured as it is sent: inside a JSON string.
func TestPagesFitAnAnswer(t *testing.T) {
	t.Parallel()
	page := func(n int, text string) [][]byte {
		return [][]byte{[]byte(strings.Repeat(text, n/len(text))), []byte("{}")}
	}
	for _, tt := range []struct {
		name string
		page [][]byte
		fits bool
	}{
		{"5 MB of plain text", page(maxPage-2, "x"), true},
		{"a byte more", page(maxPage-1, "x"), false},
		{"3 MB of quotes", page(2_990_000, `"`), true},
		{"4 MB of quotes", page(4_000_000, `\"`), false},
	} {
		if _, err := pageOf(scim.ListInfo{}, tt.page); directory.IsKind(err, directory.TooMany) == tt.fits {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// The data of a removed extension is not shown.
func TestSpliceRefusesUnknownExtensions(t *testing.T) {
	t.Parallel()
	r := &request{types: baseTypes}
	v := directory.UserView{User: directory.User{Profile: directory.Profile{Attributes: []byte(`{"title":"x","urn:example:old":{"a":"b"}}`)}}}
	if out, ok := r.appendUser(nil, v); ok {
		t.Errorf("shown: %s", out)
	}
}
