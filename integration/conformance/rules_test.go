package conformance_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const (
	lenient = "entra entra-gov okta"
	boss    = entURN + ":manager"
)

// ruleUserCases are requests about a user that C22 to C38 decide.
var ruleUserCases = []userCase{
	// C5, C29: lists keep an element once, and none for its type alone.
	{name: "C5 an element with an emptied value goes", profiles: everyProfile, given: twoMails,
		ops: op("replace", "emails", `[{"type":"work","value":null}]`), want: `{"emails":null}`},
	{name: "C5 an element replaced by an emptied value goes", profiles: everyProfile, given: twoMails,
		ops:  op("replace", `emails[type eq "home"]`, `{"value":""}`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":true}]}`},
	{name: "C5 PUT of an emptied element drops it", profiles: everyProfile, given: `{"emails":[{"value":"a@b","type":"work"}]}`,
		method: "PUT",
		body:   `{"userName":"u${n}@contoso.example","emails":[{"type":"work","value":""}]}`, want: `{"emails":null}`},
	{name: "C5 an element without a value stays for its type", ops: op("replace", "emails", `[{"type":"work"}]`),
		want: `{"emails":[{"type":"work"}]}`},
	{name: "C29 the same type and value is one, in its newer spelling", profiles: everyProfile,
		ops:  op("add", "emails", `[{"value":"b@t.example","type":"work","display":"B"},{"value":"B@t.example","type":"WORK"}]`),
		want: `{"emails":[{"value":"B@t.example","display":"B","type":"WORK"}]}`},
	{name: "C29 adding what is there without its primary is no change", profiles: everyProfile, given: twoMails,
		ops: op("add", "emails", `[{"value":"w@contoso.example","type":"work"}]`)},
	{name: "C29 two elements that become the same are one",
		given: `{"emails":[{"value":"a@b","type":"work"},{"value":"c@d","type":"work"}]}`,
		ops:   op("replace", `emails[type eq "work"].value`, `"x@y"`), want: `{"emails":[{"value":"x@y","type":"work"}]}`},
	{name: "C29 another type is another element", given: `{"emails":[{"value":"a@b","type":"work"}]}`,
		ops:  op("add", "emails", `[{"value":"a@b","type":"home"}]`),
		want: `{"emails":[{"value":"a@b","type":"work"},{"value":"a@b","type":"home"}]}`},
	{name: "C29 equal addresses are one", ops: op("add", "addresses",
		`[{"type":"work","locality":"Oslo"},{"type":"work","locality":"Oslo"}]`),
		want: `{"addresses":[{"locality":"Oslo","type":"work"}]}`},

	// An element chosen by a filter keeps what it was chosen by.
	{name: "C9 replacing a chosen element keeps its type", profiles: everyProfile,
		given: `{"emails":[{"value":"kim@t.example","type":"work"}]}`,
		ops:   op("replace", `emails[type eq "work"]`, `{"value":"kim@t.example"}`)},
	{name: "C9 replacing a chosen element by a bare text keeps its type", given: twoMails, ops: op("replace", `emails[type eq "home"]`,
		`"n@t.example"`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":true},{"value":"n@t.example","type":"home"}]}`},
	{name: "C9 a value that speaks of the type sets it", given: `{"emails":[{"value":"a@b","type":"work"}]}`,
		ops: op("replace", `emails[type eq "work"]`, `{"value":"a@b","type":"home"}`), want: `{"emails":[{"value":"a@b","type":"home"}]}`},
	{name: "C9 replacing the primary role keeps it primary", given: `{"roles":[{"value":"a","primary":true}]}`,
		ops: op("replace", `roles[primary eq "True"]`, `{"value":"b"}`), want: `{"roles":[{"value":"b","primary":true}]}`},
	{name: "C9 a filter key keeps the type", given: `{"phoneNumbers":[{"value":"1","type":"work"}]}`,
		ops: op("replace", "", `{"phoneNumbers[type eq \"work\"]":{"value":"2"}}`), want: `{"phoneNumbers":[{"value":"2","type":"work"}]}`},

	// References that name nobody.
	{name: "C10 a manager by $ref alone is refused", profiles: everyProfile, given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		ops: op("replace", boss, `{"$ref":"${base}/Users/${chief}"}`), status: 400, scimType: "invalidValue"},
	{name: "C10 PUT of a manager by $ref alone is refused", profiles: everyProfile, method: "PUT",
		body:   `{"userName":"u${n}@contoso.example","${ent}":{"manager":{"$ref":"${base}/Users/${chief}"}}}`,
		status: 400, scimType: "invalidValue"},
	{name: "C10 PUT of a manager by name alone is refused", profiles: everyProfile, given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		method: "PUT", body: `{"userName":"u${n}@contoso.example","${ent}":{"manager":{"displayName":"Other"}}}`,
		status: 400, scimType: "invalidValue"},

	// A filter on a single complex value.
	{name: "C4 a manager chosen by a filter is removed", profiles: everyProfile, given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		ops: op("remove", boss+`[value eq "${boss}"]`, ""), want: `{"${ent}":null}`},
	{name: "C4 a manager that the filter does not choose stays", profiles: everyProfile,
		given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		ops:   op("remove", `manager[value eq "${chief}"]`, "")},
	{name: "C4 a manager chosen by a filter is replaced", given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		ops: op("replace", boss+`[value eq "${boss}"].value`, `"${chief}"`), want: managed("chief")},
	{name: "C4 another manager is no target", given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		ops: op("replace", boss+`[value eq "${chief}"].value`, `"${chief}"`), status: 400, scimType: "noTarget"},
	{name: "C4 a filter on an unassigned name creates it", ops: op("add", `name[familyName eq "A"].givenName`, `"K"`),
		want: `{"name":{"familyName":"A","givenName":"K"}}`},
	{name: "C4 a filter on a plain attribute is refused", profiles: everyProfile, ops: op("replace", `title[value eq "x"]`, `"y"`),
		status:   400,
		scimType: "invalidPath"},

	// C22: a disable survives the refusal of what stands beside it.
	{name: "C22 a disable survives a taken name", profiles: everyProfile,
		ops: op("replace", "active", "false") + "," + op("replace", "userName", `"u${n}x@contoso.example"`) + "," + op("replace", "title",
			"12"),
		status: 400, scimType: "invalidValue", want: `{"active":false}`},
	{name: "C22 in the spelling of text, without a path, after the fault", profiles: everyProfile,
		ops: op("replace", "id", `"x"`) + "," + op("replace", "", `{"ACTIVE":"False"}`), status: 400, scimType: "mutability",
		want: `{"active":false}`},
	{name: "C22 wrapped", profiles: "entra entra-gov", ops: op("replace", "title;", `"x"`) + "," + op("Replace", "active",
		`[{"value":"False"}]`),
		status: 400, scimType: "invalidPath", want: `{"active":false}`},
	{name: "C22 the last word counts", profiles: everyProfile, ops: op("replace", "active", "false") + "," + op("replace", "title", "12") +
		"," +
		op("replace", "active", "true"), status: 400, scimType: "invalidValue"},
	{name: "C22 an enable does not survive", profiles: everyProfile, given: `{"active":false}`,
		ops: op("replace", "active", "true") + "," + op("replace", "title", "12"), status: 400, scimType: "invalidValue"},
	{name: "C22 a missing message schema is no reason", profiles: everyProfile,
		body:   `{"Operations":[{"op":"replace","path":"active","value":false}]}`,
		status: 400, scimType: "invalidSyntax", want: `{"active":false}`},
	{name: "C22 nor an operation that is none", profiles: everyProfile,
		body:   `{"schemas":["${patch}"],"Operations":[{"op":"move"},{"op":"replace","path":"active","value":false}]}`,
		status: 400, scimType: "invalidSyntax", want: `{"active":false}`},
	{name: "C22 PUT, too", profiles: everyProfile, method: "PUT", body: `{"userName":"u${n}@contoso.example","active":"False","title":12}`,
		status:   400,
		scimType: "invalidValue", want: `{"active":false}`},
	{name: "C22 not when the version is another", profiles: everyProfile, header: []string{"If-Match", `W/"77"`},
		ops: op("replace", "active", "false") + "," + op("replace", "title", "12"), status: 412},
	{name: "C22 not when the client cannot read the answer's list of attributes", query: "?attributes=id&excludedAttributes=id",
		ops: op("replace", "active", "false"), status: 400, scimType: "invalidValue", want: `{"active":false}`},

	// C23: what nobody reads.
	{name: "C23 an unknown attribute is passed over, the rest is done", profiles: lenient,
		ops: op("replace", "active", "false") + "," + op("replace", "badgeColour", `"red"`), want: `{"active":false}`},
	{name: "C23 unknown keys of a value are passed over", profiles: lenient, ops: op("replace", "",
		`{"title":"T","shoeSize":"43","name.nick":"K"}`),
		want: `{"title":"T"}`},
	{name: "C23 unknown members inside values are passed over", profiles: lenient,
		ops:  op("add", "emails", `[{"value":"a@b","colour":"red"}]`) + "," + op("replace", "name", `{"givenName":"K","nick":"x"}`),
		want: `{"emails":[{"value":"a@b"}],"name":{"givenName":"K"}}`},
	{name: "C23 unknown attributes of extensions are passed over", profiles: lenient,
		ops: op("replace", entPath+"shoeSize", `"43"`) + "," + op("replace", "",
			`{"${ent}":{"department":"D","nope":"x"},"urn:x:y:Nope:2.0:User":{"a":"b"}}`) + "," +
			op("Remove", "shoeSize", "") + "," + op("remove", `badges[type eq "a"].value`, ""), want: `{"${ent}":{"department":"D"}}`},
	{name: "C23 nothing but unknown attributes is a success", profiles: lenient, ops: op("replace", "badgeColour", `"red"`)},
	{name: "C23 an unknown switch is refused", profiles: everyProfile, ops: op("replace", "title", `"T"`) + "," + op("replace",
		"accountEnabled", "false"),
		status: 400, scimType: "invalidPath"},
	{name: "C23 an unknown switch as text is refused", profiles: lenient, ops: op("Replace", "accountEnabled", `"False"`), status: 400,
		scimType: "invalidPath"},
	{name: "C23 an unknown switch as a key is refused", profiles: lenient, ops: op("replace", "",
		`{"title":"T","urn:x:y:Nope:2.0:User":{"enabled":true}}`),
		status: 400, scimType: "invalidPath"},
	{name: "C23 a path of no grammar is refused", profiles: everyProfile, ops: op("replace", "title;", `"x"`), status: 400,
		scimType: "invalidPath"},
	{name: "C23 a path of four names is refused", profiles: everyProfile, ops: op("replace", "a.b.c.d", `"x"`), status: 400,
		scimType: "invalidPath"},
	{name: "C23 a name that begins with an underscore is refused", profiles: everyProfile, ops: op("replace", "__proto__", `"x"`),
		status:   400,
		scimType: "invalidPath"},
	{name: "C23 an unknown attribute in a filter is refused", profiles: lenient, ops: op("replace", `emails[colour eq "red"].value`,
		`"x"`), status: 400,
		scimType: "invalidFilter"},

	// C25, C26, C33, C34
	{name: "C25 no operations are no change", profiles: lenient, body: `{"schemas":["${patch}"],"Operations":[]}`},
	{name: "C25 a generic client gets an error for none", profiles: "generic", body: `{"schemas":["${patch}"],"Operations":[]}`,
		status:   400,
		scimType: "invalidSyntax"},
	{name: "C25 missing operations are refused", profiles: everyProfile, body: `{"schemas":["${patch}"]}`, status: 400,
		scimType: "invalidSyntax"},
	{name: "C26 a wrapped text is unwrapped", profiles: "entra entra-gov", ops: op("replace", "title", `[{"$ref":null,"value":"x"}]`),
		want: `{"title":"x"}`},
	{name: "C26 a text in an array is unwrapped", profiles: "entra entra-gov", ops: op("replace", "", `{"title":["x"]}`),
		want: `{"title":"x"}`},
	{name: "C26 a wrapped disable is not lost", profiles: "entra entra-gov", ops: op("Replace", "active", `[{"value":"False"}]`),
		want: `{"active":false}`},
	{name: "C26 a wrapped null clears", profiles: "entra entra-gov", given: `{"title":"T"}`, ops: op("Replace", "title",
		`[{"value":null}]`),
		want: `{"title":null}`},
	{name: "C26 an array of several is refused", profiles: everyProfile, ops: op("replace", "title", `["a","b"]`), status: 400,
		scimType: "invalidValue"},
	{name: "C26 others do not wrap", profiles: "okta generic", ops: op("replace", "title", `["a"]`), status: 400, scimType: "invalidValue"},
	{name: "C26 PUT unwraps, too", profiles: "entra entra-gov", method: "PUT",
		body: `{"userName":"u${n}@contoso.example","title":[{"value":"x"}]}`,
		want: `{"title":"x"}`},
	{name: "C33 blanks before a bracket", profiles: everyProfile, given: twoMails, ops: op("replace", `emails  [type eq "home"].value`,
		`"n@t.example"`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":true},{"value":"n@t.example","type":"home"}]}`},
	{name: "C33 one object is an array of one in PUT", profiles: everyProfile, method: "PUT",
		body: `{"userName":"u${n}@contoso.example","emails":{"value":"a@b","type":"work"}}`,
		want: `{"emails":[{"value":"a@b","type":"work"}]}`},
	{name: "C33 a byte order mark is skipped", profiles: everyProfile,
		body: "\ufeff" + `{"schemas":["${patch}"],"Operations":[{"op":"replace","path":"title","value":"T"}]}`, want: `{"title":"T"}`},
	{name: "C34 a number may be text", profiles: lenient, ops: op("replace", customURN+":floor", `" 12 "`),
		want: `{"${custom}":{"floor":12}}`},
	{name: "C34 the same number as text is no change", profiles: lenient, given: `{"${custom}":{"floor":12}}`, ops: op("replace",
		customURN+":floor", `"1.2e1"`)},
	{name: "C34 an integer may have a fraction of zeros", profiles: everyProfile, ops: op("replace", customURN+":floor", `12.0`),
		want: `{"${custom}":{"floor":12}}`},
	{name: "C34 a fraction is no integer", profiles: everyProfile, ops: op("replace", customURN+":floor", `12.5`), status: 400,
		scimType: "invalidValue"},
	{name: "C34 other text is no number", profiles: lenient, ops: op("replace", customURN+":floor", `"high"`), status: 400,
		scimType: "invalidValue"},

	// C36
	{name: "C36 repeated read-only attributes do no harm", profiles: lenient, ops: op("replace", "",
		`{"title":"x","groups":[],"meta":{"version":"old"},"id":null}`),
		want: `{"title":"x"}`},
	{name: "C36 whatever the response shows", profiles: lenient, query: "?attributes=userName", ops: op("replace", "",
		`{"title":"x","groups":[{"value":"g"}]}`),
		want: `{"title":"x"}`},
	{name: "C36 a generic client may not change them", profiles: "generic", ops: op("replace", "",
		`{"title":"x","groups":[{"value":"g"}]}`), status: 400,
		scimType: "mutability"},
	{name: "C36 another id is refused", profiles: everyProfile, ops: op("replace", "", `{"id":"${boss}","title":"x"}`), status: 400,
		scimType: "mutability"},
	{name: "C36 by path they are refused", profiles: everyProfile, ops: op("replace", "groups", `[]`), status: 400, scimType: "mutability"},
}

// ruleGroupCases are requests about a group that C22 to C38 decide.
var ruleGroupCases = []groupCase{
	{name: "C36 a push with the group's id replaces the members", profiles: everyProfile, members: "ann bob",
		ops: op("replace", "", `{"id":"${me}","members":[{"value":"${cat}"}]}`), want: `{"members":["cat"]}`},
	{name: "C36 a push with the group's id empties it", profiles: everyProfile, members: "ann bob",
		ops: op("replace", "", `{"id":"${me}","members":[]}`), want: `{"members":null}`},
	{name: "C36 the id in another operation than the members", profiles: everyProfile, members: "ann bob",
		ops: op("replace", "", `{"id":"${me}"}`) + "," + op("replace", "members", list(member, "cat")), want: `{"members":["cat"]}`},
	{name: "C36 the id beside a removal of all", profiles: everyProfile, members: "ann bob",
		ops: op("replace", "", `{"id":"${me}"}`) + "," + op("remove", "members", ""), want: `{"members":null}`},
	{name: "C36 the id beside a removal by filter", profiles: everyProfile, members: "ann bob",
		ops: op("replace", "", `{"id":"${me}"}`) + "," + op("remove", `members[type eq "User"]`, ""), want: `{"members":null}`},
	{name: "C36 old meta beside the members", profiles: lenient, members: "ann bob",
		ops: op("replace", "", `{"meta":{"version":"W/\"0\""},"members":[{"value":"${cat}"}]}`), want: `{"members":["cat"]}`},
	{name: "C10 a member by id alone is refused", profiles: everyProfile, members: "ann", ops: op("replace", "members",
		`[{"id":"${ann}"}]`), status: 400,
		scimType: "invalidValue"},
	{name: "C10 an empty member beside a good one is refused", profiles: everyProfile, members: "ann",
		ops: op("add", "members", `[{"value":"${bob}"},{}]`), status: 400, scimType: "invalidValue"},
	{name: "C10 a member by userName is refused", profiles: everyProfile, members: "ann", ops: op("add", "members",
		`[{"userName":"ann@t.example"}]`),
		status: 400, scimType: "invalidValue"},
	{name: "C10 a member by $ref alone is refused", profiles: everyProfile, members: "ann",
		ops: op("replace", "", `{"members":[{"$ref":"${base}/Users/${bob}"}]}`), status: 400, scimType: "invalidValue"},
	{name: "C10 removing a member by id alone is refused", profiles: everyProfile, members: "ann", ops: op("remove", "members",
		`[{"id":"${ann}"}]`),
		status: 400, scimType: "invalidValue"},
	{name: "C10 PUT of a member without value is refused", profiles: everyProfile, members: "ann", method: "PUT",
		body: `{"displayName":"Group ${n}","members":[{"id":"${ann}"}]}`, status: 400, scimType: "invalidValue"},
	{name: "C23 an unknown attribute of a group is passed over", profiles: lenient, members: "ann",
		ops: op("replace", "badgeColour", `"red"`) + "," + op("add", "members", list(member, "bob")), want: `{"members":["ann","bob"]}`},
	{name: "C25 no operations are no change of a group", profiles: lenient, members: "ann",
		body: `{"schemas":["${patch}"],"Operations":[]}`},
	{name: "C27 PUT without members keeps them", profiles: everyProfile, members: "ann bob", method: "PUT",
		body: `{"displayName":"Team ${n}"}`,
		want: `{"displayName":"Team ${n}"}`},
	{name: "C27 PUT with no members empties the group", profiles: everyProfile, members: "ann bob", method: "PUT",
		body: `{"displayName":"Group ${n}","members":[]}`, want: `{"members":null}`},
	{name: "C27 PUT with null empties the group", profiles: everyProfile, members: "ann bob", method: "PUT",
		body: `{"displayName":"Group ${n}","members":null}`, want: `{"members":null}`},
}

// ruleCases are the other requests that C22 to C38 decide.
func ruleCases() []entraCase {
	both := url.QueryEscape
	return []entraCase{
		{"C10 the refusal of a member says which one", "", func(c client) {
			c.create("me", "/Groups", `{"displayName":"Which ${n}"}`)
			a := c.send("PATCH", "/Groups/${me}", ops(op("add", "members", `[{"value":"${ann}"},{"display":"Bob"}]`))).want(c, 400,
				"invalidValue")
			if !strings.Contains(a.text, "element 2 of members") {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"C22 a disable survives a name that somebody has, in Bulk, too", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"me${n}@contoso.example"}`)
			c.create("you", "/Users", `{"userName":"you${n}@contoso.example"}`)
			taken := op("replace", "active", "false") + "," + op("replace", "userName", `"you${n}@contoso.example"`)
			c.change("/Users/${me}", `{"active":false}`, func() answer {
				return c.send("PATCH", "/Users/${me}", ops(taken)).want(c, 409, "uniqueness")
			})
			c.change("/Users/${me}", "", func() answer { // again: nothing more
				return c.send("PATCH", "/Users/${me}", ops(taken)).want(c, 409, "uniqueness")
			})
			c.change("/Users/${you}", `{"active":false}`, func() answer {
				return c.send("POST", "/Bulk", fmt.Sprintf(bulkBody, `{"method":"PUT","path":"/Users/${you}","data":{"userName":"","active":false}}`)).
					want(c, 200, "")
			})
		}},
		{"C24 members who are gone are passed over", everyProfile, func(c client) {
			c.create("gone", "/Users", `{"userName":"gone${n}@contoso.example"}`)
			c.create("left", "/Groups", `{"displayName":"Left ${n}"}`)
			c.send("DELETE", "/Users/${gone}", "").want(c, 204, "")
			c.send("DELETE", "/Groups/${left}", "").want(c, 204, "")
			made := c.create("me", "/Groups", `{"displayName":"C24 ${n}","members":[{"value":"${ann}"},{"value":"${gone}"}]}`)
			if strings.Contains(made.text, c.names["gone"]) {
				c.Errorf("the answer shows a member whom the group lacks: %s", made.text)
			}
			has := func(want ...string) {
				c.Helper()
				var ids []string
				for _, name := range want {
					ids = append(ids, c.names[name])
				}
				var got []string
				members, _ := c.get("/Groups/${me}").json["members"].([]any)
				for _, m := range members {
					got = append(got, m.(object)["value"].(string))
				}
				slices.Sort(ids)
				slices.Sort(got)
				if !slices.Equal(ids, got) {
					c.Errorf("members %v, want %v", got, want)
				}
			}
			has("ann")
			ok := func(a answer) {
				c.Helper()
				if a.status != 200 && a.status != 204 {
					c.Fatalf("answered %d %s", a.status, a.text)
				}
			}
			ok(c.send("PATCH", "/Groups/${me}", ops(op("add", "members", list(member, "bob", "gone", "left")))))
			has("ann", "bob")
			version := c.get("/Groups/${me}").version()
			ok(c.send("PATCH", "/Groups/${me}", ops(op("add", "members", list(member, "gone")))))
			if now := c.get("/Groups/${me}").version(); now != version {
				c.Errorf("version was %v and is %v", version, now)
			}
			ok(c.send("PUT", "/Groups/${me}", `{"displayName":"C24 ${n}","members":[{"value":"${cat}"},{"value":"${gone}"}]}`))
			has("cat")
			ok(c.send("PATCH", "/Groups/${me}", ops(op("replace", "", `{"members":[{"value":"${gone}"}]}`))))
			has()
		}},
		{"C24 members that never were are named", everyProfile, func(c client) {
			c.create("me", "/Groups", `{"displayName":"C24n ${n}","members":[{"value":"${ann}"}]}`)
			var elements []string
			for i := range 12 {
				elements = append(elements, fmt.Sprintf(`{"value":"u00000000000000000000000%02d"}`, i))
			}
			bad := "[" + member("bob") + "," + strings.Join(elements, ",") + "]"
			for _, a := range []answer{
				c.send("PATCH", "/Groups/${me}", ops(op("add", "members", bad))).want(c, 400, "invalidValue"),
				c.send("PUT", "/Groups/${me}", `{"displayName":"C24n ${n}","members":`+bad+`}`).want(c, 400, "invalidValue"),
				c.send("POST", "/Groups", `{"displayName":"C24x ${n}","members":`+bad+`}`).want(c, 400, "invalidValue"),
			} {
				if !strings.Contains(a.text, "u0000000000000000000000009, u") && !strings.Contains(a.text, "and 2 more") ||
					strings.Contains(a.text, c.names["bob"]) {
					c.Errorf("answered %s", a.text)
				}
			}
			if members, _ := c.get("/Groups/${me}").json["members"].([]any); len(members) != 1 {
				c.Errorf("members %v", members)
			}
		}},
		{"C33 parameters without a value are absent", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"p${n}@contoso.example"}`)
			c.get("/Users?filter=&count=&startIndex=")
			body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"","count":"","startIndex":null}`
			if a := c.send("POST", "/Users/.search", body).want(c, 200, ""); a.json["totalResults"].(float64) < 1 {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"C33 short sort orders", everyProfile, func(c client) {
			for _, order := range []string{"asc", "desc", "DESC"} {
				c.get("/Users?count=1&sortBy=userName&filter=" + both(`userName eq "x"`) + "&sortOrder=" + order)
			}
		}},
		{"C33 endpoints in any case", everyProfile, func(c client) {
			a := c.send("POST", "/users", `{"userName":"case${n}@contoso.example"}`).want(c, 201, "")
			c.names["me"] = a.id()
			if l := a.header.Get("Location"); l != c.base+"/Users/"+a.id() {
				c.Errorf("Location %q", l)
			}
			c.get("/USERS/${me}")
			c.send("PATCH", "/users/${me}", ops(op("replace", "title", `"T"`))).want(c, 200, "")
			c.send("GET", "/groups", "").want(c, 200, "")
			c.send("POST", "/Bulk", fmt.Sprintf(bulkBody, `{"method":"DELETE","path":"/users/${me}"}`)).want(c, 200, "")
			c.wantNotFound("/Users", "me")
		}},
		{"C33 an encoded body is refused", everyProfile, func(c client) {
			a := c.send("POST", "/Users", `{"userName":"gz${n}@contoso.example"}`, "Content-Encoding", "gzip").want(c, 415, "")
			if a.header.Get("Accept-Encoding") != "identity" {
				c.Errorf("Accept-Encoding %q", a.header.Get("Accept-Encoding"))
			}
			c.send("POST", "/Users", `{"userName":"gz${n}@contoso.example"}`, "Content-Encoding", "Identity").want(c, 201, "")
		}},
		{"3 parameters of the media type are ignored", everyProfile, func(c client) {
			for i, ct := range []string{"application/scim+json; charset=ISO-8859-1", "application/json;charset=utf8",
				"Application/JSON; Version=2; CHARSET=x",
				"application/json;"} {
				c.send("POST", "/Users", fmt.Sprintf(`{"userName":"ct${n}-%d@contoso.example"}`, i), "Content-Type", ct).want(c, 201, "")
			}
		}},
		{"3 no answer may be stored or sniffed", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"h${n}@contoso.example"}`)
			wrong := c
			wrong.token = "rc_wrong"
			for _, a := range []answer{c.get("/Users?count=0"), c.send("GET", "/Nope", ""), wrong.send("GET", "/Users", ""),
				c.send("POST", "/Users", "{"),
				c.send("DELETE", "/Users/${me}", "")} {
				if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
					c.Errorf("%d: Cache-Control %q, X-Content-Type-Options %q", a.status, a.header.Get("Cache-Control"),
						a.header.Get("X-Content-Type-Options"))
				}
			}
		}},
		{"C9 a version does not cover the groups of a user", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"g${n}@contoso.example"}`)
			tag := c.get("/Users/${me}").header.Get("ETag")
			c.create("crew", "/Groups", `{"displayName":"G ${n}","members":[{"value":"${me}"}]}`)
			if a := c.send("GET", "/Users/${me}", "", "If-None-Match", tag).want(c, 200, ""); !strings.Contains(a.text, c.names["crew"]) {
				c.Errorf("answered %s", a.text)
			}
			c.send("GET", "/Users/${me}?excludedAttributes=groups", "", "If-None-Match", tag).want(c, 304, "")
		}},
		{"7.2 a filter inside attributes stands for its attribute", everyProfile, func(c client) {
			c.create("me", "/Users",
				`{"userName":"f${n}@contoso.example","title":"T","emails":[{"value":"a,b@t.example","type":"work"},{"value":"c@t.example"}]}`)
			for _, attributes := range []string{`emails[type eq "work"]`, `emails[value eq "x,y]"]`, coreURN + `:emails[type eq "work"]`} {
				a := c.get("/Users/${me}?attributes=" + both(attributes))
				if emails, _ := a.json["emails"].([]any); len(emails) != 2 || a.json["title"] != nil {
					c.Errorf("%s: answered %s", attributes, a.text)
				}
			}
			a := c.get("/Users/${me}?attributes=" + both(`emails[value eq "a,b"].value,title`))
			if strings.Contains(a.text, `"type"`) || a.json["title"] != "T" || a.json["emails"] == nil {
				c.Errorf("answered %s", a.text)
			}
			if a := c.get("/Users/${me}?excludedAttributes=" + both(`emails[type eq "work"]`)); a.json["emails"] == nil {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"C28 what cannot be seen at an end of a name tells nobody apart", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"kim${n}@contoso.example\u3000"}`)
			c.create("lee", "/Users", `{"userName":"lee${n}@contoso.example"}`)
			c.create("team", "/Groups", `{"displayName":"\u00a0Team ${n}"}`)
			c.create("two", "/Groups", `{"displayName":"Two ${n}"}`)
			for _, end := range []string{"", " ", `\u0000`, `\t`, `\u00a0`, `\u200b`, `\u2028`, `\u3000`, `\ufeff`} {
				for _, request := range [][3]string{
					{"POST", "/Users", `{"userName":"KIM${n}@contoso.example` + end + `"}`},
					{"PATCH", "/Users/${lee}", ops(op("replace", "userName", `"`+end+`Kim${n}@contoso.example"`))},
					{"PUT", "/Users/${lee}", `{"userName":"` + end + `kim${n}@contoso.example` + end + `"}`},
					{"POST", "/Groups", `{"displayName":"team ${n}` + end + `"}`},
					{"PATCH", "/Groups/${two}", ops(op("replace", "", `{"displayName":"`+end+`Team ${n}"}`))},
					{"PUT", "/Groups/${two}", `{"displayName":"TEAM ${n}` + end + `"}`},
				} {
					c.send(request[0], request[1], request[2]).want(c, 409, "uniqueness")
				}
			}
			for path, filter := range map[string]string{
				"/Users": "userName eq \"\u200b kim${n}@contoso.example\u2028\"", "/Groups": "displayName eq \"team ${n} \"",
			} {
				for _, more := range []string{"", " and schemas pr"} {
					if got := len(c.get(path + "?filter=" + both(c.expand(filter)+more)).listed()); got != 1 {
						c.Errorf("%s %s%s found %d", path, filter, more, got)
					}
				}
			}
			if got := c.get("/Users/${me}").json["userName"]; got != any(c.expand("kim${n}@contoso.example\u3000")) {
				c.Errorf("userName is %q, not as sent", got)
			}
			c.create("inside", "/Users", `{"userName":"kim\u200b${n}@contoso.example"}`)
		}},
		{"C28 a name of nothing that can be seen is refused", everyProfile, func(c client) {
			for _, name := range []string{" ", `\u0000`, `\u200b`, ` \u3000\ufeff`} {
				c.send("POST", "/Users", `{"userName":"`+name+`"}`).want(c, 400, "invalidValue")
				c.send("POST", "/Groups", `{"displayName":"`+name+`"}`).want(c, 400, "invalidValue")
			}
		}},
		{"C30 POST never brings an inactive person back", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"me${n}@contoso.example"}`)
			c.send("PATCH", "/Users/${me}", ops(op("replace", "active", "false"))).want(c, 200, "")
			c.send("POST", "/Users", `{"userName":"me${n}@contoso.example","active":true}`).want(c, 409, "uniqueness")
			if a := c.get("/Users/${me}"); a.json["active"] != false {
				c.Errorf("active is %v", a.json["active"])
			}
		}},
		{"C37 an empty text in a filter is no value", everyProfile, func(c client) {
			for i, title := range []string{"", "", "T"} {
				c.create(fmt.Sprint("u", i), "/Users", fmt.Sprintf(`{"userName":"c37-${n}-%d@contoso.example","title":%q}`, i, title))
			}
			for filter, want := range map[string]int{`title eq ""`: 2, `title ne ""`: 1, `not (title eq "")`: 1, `emails[value eq ""]`: 0} {
				a := c.get("/Users?filter=" + both(c.expand(`userName sw "c37-${n}-" and `+filter)))
				if got := len(a.listed()); got != want {
					c.Errorf("%s found %d, want %d", filter, got, want)
				}
			}
			c.send("GET", "/Users?filter="+both(`active eq ""`), "").want(c, 400, "invalidFilter")
		}},
		{"C34 a number in a filter may be text", lenient, func(c client) {
			c.create("me", "/Users", `{"userName":"c34-${n}@contoso.example","${custom}":{"floor":12}}`)
			a := c.get("/Users?filter=" + both(c.expand(`userName eq "c34-${n}@contoso.example" and `+customURN+`:floor eq "12"`)))
			if got := len(a.listed()); got != 1 {
				c.Errorf("found %d", got)
			}
		}},
	}
}
