package conformance_test

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
)

// groupCase is one request that changes a group, or must not change it.
type groupCase struct {
	name, profiles string
	members        string // short names of the members before
	ops            string // the operations of a PATCH, with commas between
	method, body   string // another request instead of a PATCH
	query          string
	header         []string
	status         int // 0 for the status of a PATCH in the profile
	scimType       string
	want           string // JSON: the attributes that differ afterwards, members as short names in order; "" for no change
}

func (gc groupCase) run(c client) {
	elements := []string{}
	for _, m := range strings.Fields(gc.members) {
		elements = append(elements, member(m))
	}
	c.create("me", "/Groups", `{"displayName":"Group ${n}","members":[`+strings.Join(elements, ",")+`]}`)
	status := gc.status
	if status == 0 {
		status = 200
		if p := c.stack.Provider.Profile; gc.method == "" && gc.query == "" && strings.HasPrefix(p, "entra") {
			status = 204
		}
	}
	a := c.change("/Groups/${me}", gc.want, func() answer {
		return c.send(cmp.Or(gc.method, http.MethodPatch), "/Groups/${me}"+gc.query, cmp.Or(gc.body, ops(gc.ops)), gc.header...).
			want(c, status, gc.scimType)
	})
	if a.status == 204 && a.text != "" {
		c.Errorf("204 with a body: %s", a.text)
	}
	if a.status == 200 && gc.query == "" {
		if d := gocmp.Diff(c.get("/Groups/${me}").json, a.json); d != "" {
			c.Errorf("the response is not the resource (-want +got):\n%s", d)
		}
	}
}

// member returns a member in the form of the compliant dialect.
func member(name string) string { return `{"value":"${` + name + `}"}` }

// legacyMember returns a member in the form of the legacy dialect.
func legacyMember(name string) string { return `{"$ref":null,"value":"${` + name + `}"}` }

func list(of func(string) string, names ...string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = of(n)
	}
	return "[" + strings.Join(out, ",") + "]"
}

func groupCases() []groupCase {
	return append(append(append(addCases[:len(addCases):len(addCases)], removeCases...), groupOtherCases...), manyOperations())
}

var addCases = []groupCase{
	{name: "9 legacy Add of a member", ops: op("Add", "members", list(legacyMember, "ann")), want: `{"members":["ann"]}`},
	{name: "9 legacy Add of several members", members: "ann", ops: op("Add", "members", list(legacyMember, "bob", "cat")),
		want: `{"members":["ann","bob","cat"]}`},
	{name: "9 compliant add of a member", ops: op("add", "members", list(member, "ann")), want: `{"members":["ann"]}`},
	{name: "9 add without a path", members: "ann", ops: op("add", "", `{"members":[{"value":"${bob}"}]}`), want: `{"members":["ann","bob"]}`},
	{name: "9 adding a present member changes nothing", members: "ann", ops: op("Add", "members", list(legacyMember, "ann"))},
	{name: "9 a member as bare text", ops: op("Add", "members", `"${ann}"`), want: `{"members":["ann"]}`},
	{name: "9 members as an array of bare text", ops: op("Add", "members", `["${ann}","${bob}"]`), want: `{"members":["ann","bob"]}`},
	{name: "9 a member as one object", ops: op("Add", "members", member("ann")), want: `{"members":["ann"]}`},
	{name: "9 only value counts of a member",
		ops:  op("Add", "members", `[{"value":"${ann}","displayName":"x","display":"Ann","type":"Group","$ref":"http://x/Users/1"}]`),
		want: `{"members":["ann"]}`},
	{name: "9 path in another case", ops: op("ADD", "MEMBERS", `[{"VALUE":"${ann}"}]`), want: `{"members":["ann"]}`},
	{name: "9 a core-URN path", ops: op("Add", groupURN+":members", list(member, "ann")), want: `{"members":["ann"]}`},
	{name: "9 replace replaces the whole list", members: "ann bob", ops: op("replace", "members", list(member, "bob", "cat")),
		want: `{"members":["bob","cat"]}`},
	{name: "9 replace with the same list changes nothing", members: "ann bob", ops: op("replace", "members", list(member, "bob", "ann"))},
	{name: "C10 a group as a member", ops: op("Add", "members", list(member, "sub", "ann")), want: `{"members":["ann","sub"]}`},
	{name: "C10 duplicates in one request collapse",
		ops:  op("Add", "members", list(member, "ann", "ann")) + "," + op("Add", "members", list(member, "ann")),
		want: `{"members":["ann"]}`},
	{name: "C10 an unknown member is refused", members: "ann", ops: op("Add", "members", `[{"value":"u0000000000000000000000000"}]`),
		status: 400, scimType: "invalidValue"},
	{name: "C10 one unknown member refuses all", members: "ann",
		ops: op("Add", "members", list(member, "bob")) + "," + op("Add", "members", `[{"value":"someone"}]`), status: 400,
		scimType: "invalidValue"},
	{name: "C10 a group in itself is refused", ops: op("Add", "members", list(member, "me")), status: 400, scimType: "invalidValue"},
	{name: "C10 members without value are refused", ops: op("Add", "members", `[{"display":"Ann"}]`), status: 400, scimType: "invalidValue"},
	{name: "C10 a number as a member is refused", ops: op("Add", "members", `[7]`), status: 400, scimType: "invalidValue"},
	{name: "C4 a filter path never creates a member", ops: op("Add", `members[value eq "${ann}"].display`, `"Ann"`), status: 400,
		scimType: "noTarget"},
	{name: "C4 a filter path never replaces a member", members: "ann", ops: op("Replace", `members[value eq "${ann}"]`, member("bob")),
		status: 400, scimType: "noTarget"},
}

var removeCases = []groupCase{
	{name: "C6 legacy Remove takes only the listed member", members: "ann bob", ops: op("Remove", "members", list(legacyMember, "ann")),
		want: `{"members":["bob"]}`},
	{name: "C6 legacy Remove of several members", members: "ann bob cat", ops: op("Remove", "members", list(legacyMember, "ann", "cat")),
		want: `{"members":["bob"]}`},
	{name: "C6 Remove of members as bare text", members: "ann bob", ops: op("Remove", "members", `["${ann}"]`), want: `{"members":["bob"]}`},
	{name: "C6 Remove of a member as one object", members: "ann bob", ops: op("Remove", "members", member("bob")),
		want: `{"members":["ann"]}`},
	{name: "C6 Remove of members compares value alone", members: "ann bob",
		ops: op("Remove", "members", `[{"value":"${ann}","display":"other","type":"Group"}]`), want: `{"members":["bob"]}`},
	{name: "C6 Remove of members with [] removes none", members: "ann bob", ops: op("Remove", "members", `[]`)},
	{name: "C6 Remove of members without a value removes all", members: "ann bob", ops: op("Remove", "members", ""), want: `{"members":null}`},
	{name: "C6 Remove of members with null removes all", members: "ann bob", ops: op("Remove", "members", "null"), want: `{"members":null}`},
	{name: "C6 the path's filter decides over the value", members: "ann bob",
		ops: op("Remove", `members[value eq "${ann}"]`, list(member, "bob")), want: `{"members":["bob"]}`},
	{name: "9 compliant remove by path", members: "ann bob", ops: op("remove", `members[value eq "${ann}"]`, ""), want: `{"members":["bob"]}`},
	{name: "9 compliant removes, one operation each", members: "ann bob cat",
		ops:  op("remove", `members[value eq "${ann}"]`, "") + "," + op("remove", `members[value eq "${bob}"]`, ""),
		want: `{"members":["cat"]}`},
	{name: "9 a remove by path with or", members: "ann bob cat", ops: op("remove", `members[value eq "${ann}" or value eq "${cat}"]`, ""),
		want: `{"members":["bob"]}`},
	{name: "9 a remove by type", members: "ann sub", ops: op("remove", `members[type eq "Group"]`, ""), want: `{"members":["ann"]}`},
	{name: "9 removing an absent member changes nothing", members: "ann", ops: op("Remove", "members", list(legacyMember, "bob"))},
	{name: "9 removing an absent member by path changes nothing", members: "ann", ops: op("remove", `members[value eq "${bob}"]`, "")},
	{name: "9 removing an unknown id changes nothing", members: "ann", ops: op("Remove", "members", `[{"value":"nobody"}]`)},
	{name: "9 add and remove in one request", members: "ann",
		ops: op("Add", "members", list(member, "bob")) + "," + op("Remove", "members", list(member, "ann")), want: `{"members":["bob"]}`},
	{name: "9 operations on members follow one another", members: "ann",
		ops: op("Remove", "members", list(member, "ann")) + "," + op("Add", "members", list(member, "ann"))},
	{name: "C5 [] in replace empties a group", members: "ann bob", ops: op("replace", "members", `[]`), want: `{"members":null}`},
	{name: "C5 an empty text in Add of members adds nothing", members: "ann", ops: op("Add", "members", `""`)},
}

var groupOtherCases = []groupCase{
	{name: "9 legacy rename", members: "ann", ops: op("Replace", "displayName", `"Renamed ${n}"`), want: `{"displayName":"Renamed ${n}"}`},
	{name: "9 compliant rename without a path", members: "ann", ops: op("replace", "", `{"displayName":"Renamed ${n}"}`),
		want: `{"displayName":"Renamed ${n}"}`},
	{name: "9 rename and members in one request", members: "ann",
		ops:  op("Replace", "displayName", `"Renamed ${n}"`) + "," + op("Add", "members", list(member, "bob")),
		want: `{"displayName":"Renamed ${n}","members":["ann","bob"]}`},
	{name: "9 externalId is set by Add", ops: op("Add", "externalId", `"e${n}"`), want: `{"externalId":"e${n}"}`},
	{name: "9 a rename to a taken name is refused", ops: op("Replace", "displayName", `"SUB"`), status: 409, scimType: "uniqueness"},
	{name: "9 a rename to a taken name adds no members", members: "ann",
		ops: op("Add", "members", list(member, "bob")) + "," + op("Replace", "displayName", `"Sub"`), status: 409, scimType: "uniqueness"},
	{name: "C5 removing displayName is refused", ops: op("Remove", "displayName", ""), status: 400, scimType: "mutability"},
	{name: "C5 emptying displayName is refused", ops: op("Replace", "displayName", `""`), status: 400, scimType: "invalidValue"},
	{name: "C8 an unknown path of a group is refused", profiles: "generic", members: "ann",
		ops: op("Add", "members", list(member, "bob")) + "," + op("Add", "colour", `"red"`), status: 400, scimType: "invalidPath"},
	{name: "C9 If-Match of another version refuses members", ops: op("Add", "members", list(member, "ann")),
		header: []string{"If-Match", `W/"9"`}, status: 412},
	{name: "C12 id of a group by path is refused", ops: op("Replace", "id", `"x"`), status: 400, scimType: "mutability"},
	{name: "C12 Okta's rename carries the id", profiles: "okta entra", ops: op("replace", "", `{"id":"${me}","displayName":"Renamed ${n}"}`),
		want: `{"displayName":"Renamed ${n}"}`},
	{name: "C15 PATCH of a group returns 204 to Entra", profiles: "entra entra-gov", ops: op("Add", "members", list(member, "ann")),
		status: 204, want: `{"members":["ann"]}`},
	{name: "C15 PATCH of a group returns the resource to others", profiles: "generic okta", ops: op("add", "members", list(member, "ann")),
		status: 200, want: `{"members":["ann"]}`},
	{name: "C15 no change returns 204 to Entra, too", profiles: "entra entra-gov", members: "ann",
		ops: op("Add", "members", list(member, "ann")), status: 204},
	{name: "9 PUT replaces a group", members: "ann bob", method: "PUT",
		body: `{"displayName":"Put ${n}","members":[{"value":"${cat}"}]}`, want: `{"displayName":"Put ${n}","members":["cat"]}`},
	{name: "C10 PUT with an unknown member is refused", members: "ann", method: "PUT",
		body: `{"displayName":"Put ${n}","members":[{"value":"nobody"}]}`, status: 400, scimType: "invalidValue"},
	{name: "13 the members of on-demand, five in one request",
		ops:  op("Add", "members", list(legacyMember, "ann", "bob", "cat", "boss", "chief")),
		want: `{"members":["ann","bob","boss","cat","chief"]}`},
}

// manyOperations has a thousand operations in one request; the last round removes ann.
func manyOperations() groupCase {
	var all []string
	for i := range 1000 {
		verb, who := "Add", []string{"ann", "bob", "cat"}[i%3]
		if i/3%2 == 1 {
			verb = "Remove"
		}
		all = append(all, op(verb, "members", list(legacyMember, who)))
	}
	return groupCase{name: "9 a thousand operations in one request", ops: strings.Join(all, ","), want: `{"members":["bob","cat"]}`}
}

// answerCases test the form of responses: attributes and excludedAttributes, and 10,000 members.
func answerCases() []entraCase {
	patchAnswer := func(query string, members bool) func(client) {
		return func(c client) {
			c.create("me", "/Groups", `{"displayName":"Group ${n}"}`)
			a := c.send("PATCH", "/Groups/${me}"+query, ops(op("Add", "members", list(legacyMember, "ann")))).want(c, 200, "")
			if _, has := a.json["members"]; has != members || a.id() != c.names["me"] {
				c.Errorf("answered %s", a.text)
			}
		}
	}
	return []entraCase{
		{"C15 excludedAttributes brings Entra a response without members", "entra entra-gov generic",
			patchAnswer("?excludedAttributes=members", false)},
		{"C15 attributes brings Entra a response with the named attributes", "entra entra-gov generic",
			patchAnswer("?attributes=displayName,members", true)},
		{"C15 PATCH of a user returns 200 in every profile", "entra entra-gov okta generic", func(c client) {
			c.create("me", "/Users", `{"userName":"p${n}@contoso.example"}`)
			a := c.send("PATCH", "/Users/${me}", ops(op("Add", "title", `"T"`))).want(c, 200, "")
			if a.json["title"] != "T" || a.json["userName"] == nil || a.header.Get("Location") != c.base+"/Users/"+a.id() {
				c.Errorf("not the whole resource: %s", a.text)
			}
		}},
		{"C15 attributes in a PATCH of a user are applied", "entra", func(c client) {
			c.create("me", "/Users", `{"userName":"p${n}@contoso.example","title":"T","nickName":"N"}`)
			a := c.send("PATCH", "/Users/${me}?attributes=title", ops(op("Add", "title", `"U"`))).want(c, 200, "")
			if a.json["title"] != "U" || a.json["nickName"] != nil || a.id() == "" {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"C10 a cycle of groups is refused", "", func(c client) {
			c.create("inner", "/Groups", `{"displayName":"Inner ${n}"}`)
			c.create("outer", "/Groups", `{"displayName":"Outer ${n}","members":[{"value":"${inner}"}]}`)
			c.change("/Groups/${inner}", "", func() answer {
				return c.send("PATCH", "/Groups/${inner}", ops(op("Add", "members", list(member, "outer")))).want(c, 400, "invalidValue")
			})
		}},
		{"C10 more than 10,000 elements are refused", "", func(c client) {
			c.create("me", "/Groups", `{"displayName":"Group ${n}"}`)
			ids := make([]string, 10_001)
			for i := range ids {
				ids[i] = fmt.Sprintf(`{"value":"u%025d"}`, i)
			}
			c.change("/Groups/${me}", "", func() answer {
				return c.send("PATCH", "/Groups/${me}", ops(op("Add", "members", "["+strings.Join(ids, ",")+"]"))).want(c, 413, "")
			})
		}},
		{"C9 a change of members moves the group's version and not the user's", "", func(c client) {
			c.create("me", "/Groups", `{"displayName":"Group ${n}"}`)
			before := c.get("/Users/${ann}").version()
			c.change("/Groups/${me}", `{"members":["ann"]}`, func() answer {
				return c.send("PATCH", "/Groups/${me}", ops(op("Add", "members", list(member, "ann")))).want(c, 204, "")
			})
			if after := c.get("/Users/${ann}").version(); after != before {
				c.Errorf("the user's version was %v and is %v", before, after)
			}
		}},
	}
}
