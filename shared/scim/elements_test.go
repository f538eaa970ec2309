package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/scim"
)

var stepNames = map[scim.StepKind]string{scim.AddElements: "add", scim.RemoveElements: "remove",
	scim.ReplaceAll: "replace", scim.RemoveAll: "clear", scim.RemoveMatching: "match"}

// describe renders steps as "add u1 u2; clear".
func describe(steps []scim.ElementStep) string {
	var parts []string
	for _, s := range steps {
		words := []string{stepNames[s.Kind]}
		for _, v := range s.Values {
			words = append(words, v.Get("value").Text())
		}
		if s.IDs != nil {
			words = append(words, "of "+strings.Join(s.IDs, "|"))
		}
		if (s.Match != nil) != (s.Kind == scim.RemoveMatching) || s.Attr != "members" {
			words = append(words, "WRONG")
		}
		parts = append(parts, strings.Join(words, " "))
	}
	return strings.Join(parts, "; ")
}

func TestPatchMembers(t *testing.T) {
	const group = `{'displayName':'G'}`
	for _, c := range []struct{ name, ops, want, err string }{
		{"legacy add", op("Add", "members", `[{'$ref':null,'value':'u1'}]`), "add u1", ""},
		{"add several, repeated", op("add", "members", `[{'value':'u1'},{'value':'u2'},{'value':'u1'}]`), "add u1 u2", ""},
		{"add one object", op("add", "members", `{'value':'u1','displayName':'x','junk':1}`), "add u1", ""},
		{"add bare text", op("add", "members", `'u1'`), "add u1", ""},
		{"add bare texts", op("add", "members", `['u1','u2']`), "add u1 u2", ""},
		{"add without path", op("add", "", `{'members':[{'value':'u1'}]}`), "add u1", ""},
		{"add nothing", op("add", "members", `[]`), "", ""},
		{"add null", op("add", "members", `null`), "", ""},
		{"add without value member", op("add", "members", `[{'type':'User'}]`), "", "400 invalidValue"},
		{"add without value", op("add", "members", ``), "", "400 invalidValue"},
		{"neighbours join",
			op("add", "members", `'u1'`) + "," + op("add", "members", `'u2'`) + "," + op("remove", "members", `'u1'`) + "," + op("remove",
				`members[value eq "u3"]`, ``),
			"add u1 u2; remove u1 u3", ""},
		{"legacy remove", op("Remove", "members", `[{'$ref':null,'value':'u1'}]`), "remove u1", ""},
		{"remove none", op("Remove", "members", `[]`), "", ""},
		{"remove empty text", op("Remove", "members", `''`), "", ""},
		{"remove all", op("Remove", "members", ``), "clear", ""},
		{"remove all by null", op("Remove", "members", `null`), "clear", ""},
		{"compliant remove", op("remove", `members[value eq "u1"]`, ``), "remove u1", ""},
		{"compliant remove of several", op("remove", `members[value eq "u1" or value eq "u2"]`, ``), "remove u1 u2", ""},
		{"value ignored with a filter", op("remove", `members[value eq "u1"]`, `[{'value':'u9'}]`), "remove u1", ""},
		{"remove by other filter", op("remove", `members[type eq "User"]`, ``), "match", ""},
		{"remove by a filter with value", op("remove", `members[type eq "User" and value eq "u1"]`, ``), "match of u1", ""},
		{"remove by or of and", op("remove", `members[type eq "User" and value eq "u1" or value eq "u2"]`, ``), "match of u1|u2", ""},
		{"remove by mixed or", op("remove", `members[type eq "User" or value eq "u1"]`, ``), "match", ""},
		{"replace", op("replace", "members", `[{'value':'u1'},{'value':'u1'}]`), "replace u1", ""},
		{"replace by none", op("replace", "members", `[]`), "replace", ""},
		{"replace by null", op("replace", "members", `null`), "replace", ""},
		{"replace by nothing but null", op("replace", "members", `[null]`), "replace", ""},
		{"replace without path", op("replace", "", `{'displayName':'G','members':[]}`), "replace", ""},
		{"add by filter", op("add", `members[value eq "u1"]`, `{'value':'u1'}`), "", "400 noTarget"},
		{"replace by filter", op("replace", `members[value eq "u1"].display`, `'x'`), "", "400 noTarget"},
		{"set sub-attribute", op("replace", `members.display`, `'x'`), "", "400 mutability"},
		{"remove sub-attribute", op("remove", `members[value eq "u1"].display`, ``), "", "400 mutability"},
		{"unknown sub-attribute in filter", op("remove", `members[nope eq "u1"]`, ``), "", "400 invalidFilter"},
	} {
		r, err := apply(t, groups, group, c.ops, lenient)
		if fault(err) != c.err {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
			continue
		}
		if got := describe(r.Elements); got != c.want || r.Changed {
			t.Errorf("%s: %q changed=%v, want %q", c.name, got, r.Changed, c.want)
		}
	}
	r, err := apply(t, groups, group, op("remove", "members", `[{'value':'u1'}]`), strict)
	if err != nil || describe(r.Elements) != "clear" {
		t.Errorf("strict remove ignores the value: %q %v", describe(r.Elements), err)
	}
}

func TestPatchMembersMatch(t *testing.T) {
	r, err := apply(t, groups, `{'displayName':'G'}`, op("remove", `members[type eq "user" and value ne "u1"]`, ``), lenient)
	if err != nil {
		t.Fatal(err)
	}
	for element, want := range map[string]bool{
		`{'value':'u2','type':'User'}`: true, `{'value':'u1','type':'User'}`: false, `{'value':'u2','type':'Group'}`: false,
	} {
		if got := r.Elements[0].Match(parse(t, element)); got != want {
			t.Errorf("%s: %v", element, got)
		}
	}
}

func TestPatchThousandMemberOperations(t *testing.T) {
	var ops []string
	for i := range 1000 {
		ops = append(ops, op("remove", fmt.Sprintf(`members[value eq "u%d"]`, i), ""))
	}
	r, err := apply(t, groups, `{'displayName':'G'}`, strings.Join(ops, ","), lenient)
	if err != nil || len(r.Elements) != 1 || len(r.Elements[0].Values) != 1000 {
		t.Errorf("%d steps, %v", len(r.Elements), err)
	}
}

func TestTakeElements(t *testing.T) {
	tree, err := groups.Decode(parse(t, `{'displayName':'G','members':[{'value':'a','type':'User','$ref':'x'},{'value':'a'},'b']}`), lenient)
	if err != nil {
		t.Fatal(err)
	}
	rest, elements := scim.TakeElements(tree, "MEMBERS")
	got := render(rest) + render(scim.ArrayValue(elements...))
	if diff := cmp.Diff(quote(`{'displayName':'G'}[{'value':'a','type':'User'},{'value':'b'}]`), got); diff != "" {
		t.Error(diff)
	}
}
