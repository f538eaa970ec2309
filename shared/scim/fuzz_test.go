package scim_test

import (
	"testing"

	"rollcall/shared/scim"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,true,null,"x\u00e9\ud83d\ude00"]}`, `{"a":1,"A":2}`, `"\ud800"`, `[[[[]]]]`, `{"a":`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agreeWithJSON(t, string(data)) })
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{`userName eq "x"`, `emails[type eq "work"].value ne "x"`, `not (title pr and (active eq true or name pr))`,
		`manager eq x`, `((`, `title eq "\u00`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName sw "a"`, `meta.lastModified gt "2026-01-01T00:00:00Z"`} {
		f.Add(s)
	}
	resource, err := scim.Parse([]byte(quote(resource)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := users.ParseFilter(text, strict); err == nil {
			if _, err := users.ParseFilter(text, lenient); err != nil {
				t.Fatalf("%q: strict reads it, lenient does not: %v", text, err)
			}
		}
		filter, err := users.ParseFilter(text, lenient)
		if err != nil {
			if fault(err) != "400 invalidFilter" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		printed := filter.String()
		filter.Equals()
		if len(printed) > scim.MaxFilterBytes || len(text) > 1000 {
			return // the canonical form may exceed the limit of a client's text
		}
		again, err := users.ParseFilter(printed, strict)
		if err != nil || again.String() != printed || again.Match(resource) != filter.Match(resource) {
			t.Fatalf("%q printed as %q, which reads as %q, %v", text, printed, again, err)
		}
	})
}

// FuzzPath reads a path, as the path of an operation and as a member name: a refusal is one of two kinds, and a path
// accepted in one remove is accepted in a second one.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"title", "name.givenName", `emails[type eq "work"].value`, E + ":manager.value", E, coreURN + ":title",
		`members[value eq "x"]`, "emails[", "a.b.c", `roles[primary eq "True"]`, " title "} {
		f.Add(s)
	}
	tree := parse(f, person)
	f.Fuzz(func(t *testing.T, path string) {
		remove := scim.Value{}.With("op", scim.StringValue("remove")).With("path", scim.StringValue(path))
		p, err := scim.ParsePatch(scim.ObjectValue(scim.Member{Name: "schemas", Value: scim.ArrayValue(scim.StringValue(scim.PatchOpURN))},
			scim.Member{Name: "Operations", Value: scim.ArrayValue(remove, remove)}))
		if err != nil {
			t.Fatal(err)
		}
		for literal := range p.Strings {
			_ = literal
		}
		r, err := users.Apply(tree, scim.Value{}, p, lenient)
		switch fault(err) {
		case "400 invalidPath", "400 invalidFilter", "400 mutability", "400 noTarget":
			return
		case "":
		default:
			t.Fatalf("%q: %v", path, err)
		}
		if twice, err := users.Apply(r.Attributes, scim.Value{}, p, lenient); err != nil || twice.Changed {
			t.Fatalf("%q: removing again: %v, changed %v", path, err, twice.Changed)
		}
	})
}

// FuzzPatch covers paths and values: whatever is sent, the input is not modified, and Decode could return the result.
func FuzzPatch(f *testing.F) {
	for _, s := range [][3]string{{"add", `emails[type eq "work"].value`, `"x"`}, {"replace", "", `{"name.givenName":"K","active":"False"}`},
		{"remove", "emails", `[{"value":"k@w"}]`},
		{"add", E + ":manager", `"m"`}, {"replace", "name", `{"givenName":""}`}, {"remove", `emails[`, ``},
		{"add", "emails", `[{"value":"a","primary":true}]`}, {"replace", "roles", "[]"}} {
		f.Add(s[0], s[1], []byte(s[2]), true)
	}
	tree, err := scim.Parse([]byte(quote(person)))
	if err != nil {
		f.Fatal(err)
	}
	before := render(tree)
	f.Fuzz(func(t *testing.T, name, path string, data []byte, tolerant bool) {
		o := scim.Value{}.With("op", scim.StringValue(name))
		if path != "" {
			o = o.With("path", scim.StringValue(path))
		}
		if v, err := scim.Parse(data); err == nil {
			o = o.With("value", v)
		}
		body := scim.ObjectValue(scim.Member{Name: "schemas", Value: scim.ArrayValue(scim.StringValue(scim.PatchOpURN))},
			scim.Member{Name: "Operations", Value: scim.ArrayValue(o)})
		p, err := scim.ParsePatch(body)
		if err != nil {
			return
		}
		p.Strings(func(string) bool { return true })
		tolerance := strict
		if tolerant {
			tolerance = lenient
		}
		r, err := users.Apply(tree, scim.Value{}, p, tolerance)
		if render(tree) != before {
			t.Fatalf("the input changed: %s", render(tree))
		}
		if err != nil {
			if got := fault(err); got != "400 invalidPath" && got != "400 invalidFilter" && got != "400 noTarget" && got != "400 mutability" &&
				got != "400 invalidValue" && got != "413" {
				t.Fatal(err)
			}
			return
		}
		again, err := users.Decode(r.Attributes, strict)
		if err != nil || render(again) != render(r.Attributes) {
			t.Fatalf("%s is not canonical: %s, %v", render(r.Attributes), render(again), err)
		}
		if r.Changed == r.Attributes.Equal(tree) {
			t.Fatal("Changed is wrong")
		}
	})
}

// FuzzResource decodes, completes and projects.
func FuzzResource(f *testing.F) {
	for _, s := range []string{quote(person), `{"userName":"k","emails":[null,{}]}`, `{"userName":"","manager":"x"}`,
		quote(`{'userName':'k','E':{'manager':[{'value':'m'}]},'active':'True'}`)} {
		f.Add([]byte(s), "name.givenName")
	}
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		body, err := scim.Parse(data)
		if err != nil {
			return
		}
		for _, tolerance := range []scim.Tolerance{strict, lenient} {
			tree, err := users.Decode(body, tolerance)
			if err != nil {
				continue
			}
			again, err := users.Decode(tree, strict)
			if err != nil || render(again) != render(tree) {
				t.Fatalf("%s is not canonical: %s, %v", render(tree), render(again), err)
			}
			whole := users.Complete("1", tree, scim.Meta{})
			for _, names := range [][2][]string{{nil, nil}, {{name}, nil}, {nil, {name}}} {
				p, err := users.ParseProjection(names[0], names[1])
				if err != nil {
					t.Fatal(err)
				}
				out, err := scim.Parse(p.Append(nil, whole))
				if err != nil || out.Get("id").Text() != "1" || out.Get("schemas").IsNull() {
					t.Fatalf("%s, %v", render(out), err)
				}
			}
		}
	})
}
