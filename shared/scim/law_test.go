package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/shared/scim"
)

// words are drawn from a small set, so that operations meet.
var words = rapid.SampledFrom([]string{"a", "b", "work", "home"})

func drawElement(t *rapid.T) scim.Value {
	e := scim.ObjectValue(scim.Member{Name: "value", Value: scim.StringValue(words.Draw(t, "value"))})
	if rapid.Bool().Draw(t, "typed") {
		e = e.With("type", scim.StringValue(words.Draw(t, "type")))
	}
	return e
}

// drawTree draws an attribute tree as Decode gives it.
func drawTree(t *rapid.T) scim.Value {
	body := scim.ObjectValue(scim.Member{Name: "userName", Value: scim.StringValue("k")},
		scim.Member{Name: "active", Value: scim.BoolValue(rapid.Bool().Draw(t, "active"))})
	for _, name := range []string{"title", "nickName"} {
		if rapid.Bool().Draw(t, name) {
			body = body.With(name, scim.StringValue(words.Draw(t, "text")))
		}
	}
	if rapid.Bool().Draw(t, "name") {
		body = body.With("name", scim.Value{}.With("givenName", scim.StringValue(words.Draw(t, "text"))))
	}
	var elems []scim.Value
	for range rapid.IntRange(0, 3).Draw(t, "emails") {
		elems = append(elems, drawElement(t))
	}
	if len(elems) > 0 && rapid.Bool().Draw(t, "primary") {
		elems[0] = elems[0].With("primary", scim.BoolValue(true))
	}
	body = body.With("emails", scim.ArrayValue(elems...))
	if rapid.Bool().Draw(t, "extension") {
		body = body.With(E, scim.Value{}.With("department", scim.StringValue(words.Draw(t, "text"))))
	}
	tree, err := users.Decode(body, strict)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// assignment is a path with a value that fits it.
type assignment struct{ path, value string }

func drawAssignment(t *rapid.T) assignment {
	text := func() string { return `"` + words.Draw(t, "text") + `"` }
	switch rapid.IntRange(0, 8).Draw(t, "target") {
	case 0:
		return assignment{"title", text()}
	case 1:
		return assignment{"name.givenName", text()}
	case 2:
		return assignment{"name", `{"familyName":` + text() + `}`}
	case 3:
		return assignment{"emails", `[` + string(drawElement(t).Append(nil)) + `,` + string(drawElement(t).Append(nil)) + `]`}
	case 4:
		return assignment{`emails[type eq "` + words.Draw(t, "type") + `"].value`, text()}
	case 5:
		return assignment{`emails[type eq "` + words.Draw(t, "type") + `"]`, string(drawElement(t).Append(nil))}
	case 6:
		return assignment{E + ":manager", text()}
	case 7:
		return assignment{"", fmt.Sprintf(`{"nickName":%s,%q:%s}`, text(), E+":division", text())}
	}
	return assignment{"active", rapid.SampledFrom([]string{"true", "false", `"True"`}).Draw(t, "active")}
}

func operation(name string, a assignment) string {
	parts := []string{fmt.Sprintf(`"op":%q`, name)}
	if a.path != "" {
		parts = append(parts, fmt.Sprintf(`"path":%q`, a.path))
	}
	if a.value != "" {
		parts = append(parts, `"value":`+a.value)
	}
	return `{` + strings.Join(parts, ",") + `}`
}

// patched applies operations and checks the laws that hold for every Apply.
func patched(t *rapid.T, tree scim.Value, operations ...string) scim.PatchResult {
	body, err := scim.Parse([]byte(patchBodyDouble(strings.Join(operations, ","))))
	if err != nil {
		t.Fatal(err)
	}
	p, err := scim.ParsePatch(body)
	if err != nil {
		t.Fatal(err)
	}
	before := string(tree.Append(nil))
	r, err := users.Apply(tree, scim.Value{}, p, lenient)
	if string(tree.Append(nil)) != before {
		t.Fatalf("the input changed: %s, was %s", tree.Append(nil), before)
	}
	if err != nil {
		t.Fatalf("%s on %s: %v", operations, before, err)
	}
	if r.Changed == r.Attributes.Equal(tree) {
		t.Fatalf("Changed = %v from %s to %s", r.Changed, before, r.Attributes.Append(nil))
	}
	again, err := users.Decode(r.Attributes, strict)
	if err != nil || string(again.Append(nil)) != string(r.Attributes.Append(nil)) {
		t.Fatalf("the result is not canonical: %s, %v", r.Attributes.Append(nil), err)
	}
	return r
}

func patchBodyDouble(ops string) string {
	return strings.ReplaceAll(patchBody(""), "'", `"`)[:len(patchBody(""))-2] + ops + `]}`
}

func sameTree(t *rapid.T, what string, a, b scim.Value) {
	if string(a.Append(nil)) != string(b.Append(nil)) {
		t.Fatalf("%s: %s, want %s", what, a.Append(nil), b.Append(nil))
	}
}

func TestPatchLawReplaceTwiceIsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, a := drawTree(t), drawAssignment(t)
		if strings.HasSuffix(a.path, `"]`) && rapid.Bool().Draw(t, "display") {
			a.value = strings.Replace(a.value, `{`, `{"display":"x",`, 1)
		}
		op := operation("replace", a)
		once := patched(t, tree, op)
		twice := patched(t, once.Attributes, op)
		if strings.HasSuffix(a.path, `"]`) && strings.Contains(a.value, `"type"`) && twice.Changed {
			return // the value says another type than the path, which then chooses nothing
		}
		sameTree(t, "replaced twice", twice.Attributes, once.Attributes)
		if twice.Changed {
			t.Fatal("the second replace changed something")
		}
		sameTree(t, "in one request", patched(t, tree, op, op).Attributes, once.Attributes)
	})
}

func TestPatchLawAddTwiceIsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, a := drawTree(t), drawAssignment(t)
		if strings.HasSuffix(a.path, `"]`) && strings.Contains(a.value, `"type"`) {
			return // adding may change the type the path selects by
		}
		op := operation("add", a)
		once := patched(t, tree, op)
		sameTree(t, "added twice", patched(t, once.Attributes, op).Attributes, once.Attributes)
	})
}

func TestPatchLawAddThenRemoveIsOld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(t)
		for _, c := range []struct {
			absent bool
			a      assignment
		}{
			{tree.Get("title").IsNull(), assignment{"title", `"x"`}},
			{tree.Get("name").IsNull(), assignment{"name.familyName", `"x"`}},
			{tree.Get("name").Get("familyName").IsNull(), assignment{"name.familyName", `"x"`}},
			{tree.Get(E).IsNull(), assignment{E, `{"division":"x"}`}},
			{tree.Get(E).Get("manager").IsNull(), assignment{E + ":manager", `"m"`}},
			{true, assignment{`emails[type eq "new"].value`, `"x"`}},
		} {
			if c.absent {
				added := patched(t, tree, operation("add", c.a))
				sameTree(t, "removed "+c.a.path, patched(t, added.Attributes, operation("remove", assignment{path: c.a.path})).Attributes, tree)
			}
		}
		added := patched(t, tree, operation("add", assignment{"emails", `[{"value":"new"}]`}))
		sameTree(t, "removed by value", patched(t, added.Attributes, operation("remove", assignment{"emails", `[{"value":"new"}]`})).Attributes,
			tree)
	})
}

func TestPatchLawAddEqualsReplaceOnSingleValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, a := drawTree(t), drawAssignment(t)
		if a.path == "emails" || strings.HasSuffix(a.path, "]") {
			return
		}
		sameTree(t, a.path, patched(t, tree, operation("add", a)).Attributes, patched(t, tree, operation("replace", a)).Attributes)
	})
}

func TestPatchLawOneRequestIsManyRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(t)
		var ops []string
		for range rapid.IntRange(1, 6).Draw(t, "ops") {
			name := rapid.SampledFrom([]string{"add", "replace"}).Draw(t, "op")
			ops = append(ops, operation(name, drawAssignment(t)))
		}
		one := tree
		for _, op := range ops {
			one = patched(t, one, op).Attributes
		}
		sameTree(t, "step by step", patched(t, tree, ops...).Attributes, one)
	})
}

func TestPatchLawNoOperationChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(t)
		ops := []string{
			operation("replace", assignment{"", string(tree.Append(nil))}), operation("add", assignment{"", string(tree.Append(nil))}),
			operation("remove", assignment{path: `ims[type eq "none"]`}), operation("remove", assignment{"emails", "[]"}),
			operation("replace", assignment{"timezone", `""`}),
		}
		if r := patched(t, tree, ops...); r.Changed {
			t.Fatalf("changed %s to %s", tree.Append(nil), r.Attributes.Append(nil))
		}
	})
}

// drawLooseElement draws an element as clients send it: with emptied members, in another case, without a value.
func drawLooseElement(t *rapid.T) scim.Value {
	e := scim.ObjectValue()
	for _, name := range []string{"value", "type", "display"} {
		given := rapid.SampledFrom([]string{"-", "null", `""`, `"a"`, `"A"`, `"b"`}).Draw(t, name)
		if given == "-" {
			continue
		}
		v, err := scim.Parse([]byte(given))
		if err != nil {
			t.Fatal(err)
		}
		members := append([]scim.Member{}, e.Members()...)
		e = scim.ObjectValue(append(members, scim.Member{Name: name, Value: v})...)
	}
	return e
}

// Whatever form the elements of a list come in, POST, PUT and a replace of the list keep the same, none of it empty, each
// type and value once, and the same request again changes nothing.
func TestListLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := scim.ArrayValue(rapid.SliceOfN(rapid.Custom(drawLooseElement), 0, 5).Draw(t, "list")...)
		name := rapid.SampledFrom([]string{"emails", "roles"}).Draw(t, "attribute")
		base := scim.ObjectValue(scim.Member{Name: "userName", Value: scim.StringValue("k")},
			scim.Member{Name: "active", Value: scim.BoolValue(true)})
		posted, err := users.Decode(base.With(name, list), lenient)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, e := range posted.Get(name).Elements() {
			key := strings.ToLower(e.Get("type").Text() + "|" + e.Get("value").Text())
			if !e.Get("value").IsNull() && seen[key] || len(e.Members()) == 0 {
				t.Fatalf("%s became %s", list.Append(nil), posted.Append(nil))
			}
			seen[key] = true
		}
		assigned := assignment{name, string(list.Append(nil))}
		sameTree(t, "replaced", patched(t, base, operation("replace", assigned)).Attributes, posted)
		for _, again := range []string{operation("replace", assigned), operation("replace", assignment{"", string(posted.Append(nil))})} {
			if r := patched(t, posted, again); r.Changed {
				t.Fatalf("%s changed %s to %s", again, posted.Append(nil), r.Attributes.Append(nil))
			}
		}
	})
}
