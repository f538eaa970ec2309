package conformance_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
)

// minimum is the required number of cases.
const minimum = 500

// entraCase is one behaviour of Entra; run ends the test at the first failure.
type entraCase struct {
	name     string // the rule it proves, and its promise
	profiles string // "" for entra
	run      func(c client)
}

// entraCases returns all cases: a request of Entra, the required response, and the required state afterwards.
func entraCases() []entraCase {
	var all []entraCase
	for _, c := range slices.Concat(userCases(), ruleUserCases, valueUserCases) {
		all = append(all, entraCase{c.name, c.profiles, c.run})
	}
	for _, c := range slices.Concat(groupCases(), ruleGroupCases) {
		all = append(all, entraCase{c.name, c.profiles, c.run})
	}
	for _, c := range createCases() {
		all = append(all, entraCase{c.name, c.profiles, c.run})
	}
	for _, c := range queryCases() {
		all = append(all, entraCase{c.name, c.profiles, c.run})
	}
	return slices.Concat(all, answerCases(), mappingCases(), strangeCases(), transportCases(), lifecycleCases(), otherProviderCases(),
		shapeCases(), pagingCases(), templateCases(), peopleCases(), ruleCases(), valueCases(), largeCases())
}

// customExtension has an attribute of each type that a non-gallery application can map.
var customExtension = []directory.Extension{{URN: customURN, Name: "CustomExtensionName", Attributes: []directory.ExtensionAttribute{
	{Name: "tag", Type: "string"}, {Name: "badge", Type: "string", CaseExact: true}, {Name: "remote", Type: "boolean"},
	{Name: "floor", Type: "integer"}, {Name: "since", Type: "dateTime"},
}}}

// TestEntra runs every case for each of its profiles, through both doors. Cases of one door share a provider, as those of
// Microsoft's validation do, so each case uses its own resources.
func TestEntra(t *testing.T) {
	t.Parallel()
	byProfile := map[string][]entraCase{}
	for _, c := range entraCases() {
		profiles := strings.Fields(c.profiles)
		if len(profiles) == 0 {
			profiles = []string{"entra"}
		}
		for _, p := range profiles {
			byProfile[p] = append(byProfile[p], c)
		}
	}
	for profile, cases := range byProfile {
		for _, door := range []string{"local", "gateway"} {
			t.Run(profile+"/"+door, func(t *testing.T) {
				t.Parallel()
				s := stack.New(t, stack.Options{Profile: profile, Extensions: customExtension})
				do := s.Local()
				if door == "gateway" {
					do = s.Gateway()
				}
				all := newClient(t, s, do)
				for _, who := range []string{"boss", "chief"} {
					all.create(who, "/Users", `{"userName":"`+who+`@contoso.example"}`)
				}
				for _, who := range []string{"ann", "bob", "cat"} {
					all.create(who, "/Users", `{"userName":"`+who+`@contoso.example"}`)
				}
				all.create("sub", "/Groups", `{"displayName":"Sub"}`)
				for i, c := range cases {
					t.Run(c.name, func(t *testing.T) {
						own := all.in(t)
						own.names["n"] = fmt.Sprint(i) // for names that no other case has
						c.run(own)
					})
				}
			})
		}
	}
}

// rules lists the contract rules (C) and the topics of Entra's behaviour that have cases; see docs/divergences.md.
var rules = strings.Fields("C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C21 " +
	"C22 C23 C24 C25 C26 C27 C28 C29 C30 C33 C34 C36 C37 C38 C39 " +
	"3 4 5 6 7.1 7.2 7.3 7.4 7.5 7.6 8 9 10 13 14 15.1 15.2 16.1 16.2 16.3 18")

// The suite has the required size, and each rule has a case.
func TestEntraCaseCount(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^(C\d+|\d+(\.\d)?) \S`)
	seen, counts := map[string]bool{}, map[string]int{}
	for _, c := range entraCases() {
		if !form.MatchString(c.name) {
			t.Errorf("%q does not begin with the rule it proves", c.name)
		}
		if seen[c.name] {
			t.Errorf("%q is there twice", c.name)
		}
		seen[c.name] = true
		rule, _, _ := strings.Cut(c.name, " ")
		counts[rule]++
	}
	for _, r := range rules {
		if counts[r] == 0 {
			t.Errorf("no case proves rule %s", r)
		}
	}
	for r := range maps.Keys(counts) {
		if !slices.Contains(rules, r) {
			t.Errorf("there is no rule %s", r)
		}
	}
	t.Logf("%d distinct cases for %d rules", len(seen), len(counts))
	if len(seen) < minimum {
		t.Errorf("%d cases, want at least %d", len(seen), minimum)
	}
}

// change sends a request that changes the resource at path, and compares the resource afterwards with the resource before
// it, changed by the attributes in want (JSON; null: removed; "": no change). It compares the whole resource: schemas
// follow from the extensions that have data, and version and lastModified change if and only if another attribute does.
func (c client) change(path, want string, send func() answer) answer {
	c.Helper()
	before := c.get(path)
	c.stack.Clock.Advance(time.Second)
	a := send()
	after := c.get(path)
	expected := c.short(before.json)
	if want != "" {
		for k, v := range c.parse(want) {
			expected[k] = v
			if v == nil {
				delete(expected, k)
			}
		}
	}
	if moved := before.version()[0] != after.version()[0] && before.version()[1] != after.version()[1]; moved != (want != "") {
		c.Errorf("version and lastModified were %v and are %v", before.version(), after.version())
	}
	if after.header.Get("ETag") != after.version()[0] {
		c.Errorf("ETag %q, but meta.version %q", after.header.Get("ETag"), after.version()[0])
	}
	expected["meta"], expected["schemas"] = after.json["meta"], schemasOf(expected)
	shown := c.short(after.json)
	shown["schemas"] = schemasOf(shown)
	if d := cmp.Diff(expected, shown); d != "" {
		c.Errorf("afterwards (-want +got):\n%s", d)
	}
	if d := cmp.Diff(schemasOf(shown), sorted(after.json["schemas"])); d != "" {
		c.Errorf("schemas do not follow from the data (-want +got):\n%s", d)
	}
	return a
}

// short returns a copy of a resource with the members of a group replaced by their names, in order, after checking that
// each member is a complete and correct reference.
func (c client) short(o object) object {
	c.Helper()
	o = maps.Clone(o)
	members, ok := o["members"].([]any)
	if !ok {
		return o
	}
	var out []string
	for _, m := range members {
		e, _ := m.(object)
		name := ""
		for n, id := range c.names {
			if id == e["value"] {
				name = n
			}
		}
		kind := "User"
		if fmt.Sprint(e["value"])[0] == 'g' {
			kind = "Group"
		}
		if d := cmp.Diff(object{"value": c.names[name], "type": kind, "$ref": c.base + "/" + kind + "s/" + c.names[name]}, e); d != "" {
			c.Errorf("member %s (-want +got):\n%s", name, d)
		}
		out = append(out, name)
	}
	slices.Sort(out)
	o["members"] = anyOf(out)
	return o
}

func anyOf(names []string) []any {
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = n
	}
	return out
}

// schemasOf returns the schemas that a resource with these attributes must list.
func schemasOf(o object) any {
	meta, _ := o["meta"].(object)
	all := []string{coreURN}
	if meta["resourceType"] == "Group" {
		all[0] = groupURN
	}
	for name := range o {
		if strings.HasPrefix(name, "urn:") {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func sorted(v any) any {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = fmt.Sprint(e)
	}
	slices.Sort(out)
	return out
}
