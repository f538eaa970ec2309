package conformance_test

import (
	"net/url"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
)

// queryCase is a search among users that each case creates:
// kim (work mail, manager boss, department D-n, blocked), lee (home mail) and max (nothing).
type queryCase struct {
	name, profiles string
	endpoint       string // "" for /Users
	filter         string
	rest           string // more of the query, ready to send
	raw            string // the whole query instead, ready to send
	status         int    // 0 for 200
	scimType       string
	found          string // short names, in any order
}

func (qc queryCase) run(c client) {
	c.create("kim", "/Users", `{"userName":"Kim-${n}@contoso.example","externalId":"Ext-${n}","active":false,"displayName":"Kim ${n}",
		"emails":[{"value":"kim-${n}@contoso.example","type":"work","primary":true}],"${ent}":{"department":"D-${n}","manager":"${boss}"}}`)
	c.create("lee", "/Users",
		`{"userName":"lee-${n}@contoso.example","externalId":"ext-${n}","title":"T-${n}","emails":[{"value":"kim-${n}@contoso.example",
		"type":"home"}],
		"name":{"givenName":"Lee \"${n}\""},"${custom}":{"tag":"tag-${n}","since":"2026-11-02T09:00:00.5000000+01:00"}}`)
	c.create("max", "/Users", `{"userName":"max-${n}@contoso.example"}`)
	c.create("crew", "/Groups", `{"displayName":"Crew ${n}","externalId":"Crew-${n}","members":[{"value":"${kim}"},{"value":"${lee}"}]}`)
	endpoint := "/Users"
	if qc.endpoint != "" {
		endpoint = qc.endpoint
	}
	query := "filter=" + url.QueryEscape(c.expand(qc.filter)) + qc.rest
	if qc.raw != "" {
		query = c.expand(qc.raw)
	}
	status := qc.status
	if status == 0 {
		status = 200
	}
	a := c.send("GET", endpoint+"?"+query, "").want(c, status, qc.scimType)
	if status != 200 {
		return
	}
	want := []string{}
	for name := range strings.FieldsSeq(qc.found) {
		want = append(want, c.names[name])
	}
	got := []string{}
	resources, ok := a.json["Resources"].([]any)
	for _, r := range resources {
		got = append(got, r.(object)["id"].(string))
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := gocmp.Diff(want, got); d != "" || !ok {
		c.Errorf("found (-want +got):\n%s%s", d, a.text)
	}
	if a.json["totalResults"] != float64(len(want)) || a.json["itemsPerPage"] != float64(len(want)) {
		c.Errorf("totalResults and itemsPerPage are not %d: %s", len(want), a.text)
	}
}

func queryCases() []queryCase {
	return slices.Concat(matchCases, grammarCases, encodingCases, groupQueryCases)
}

var matchCases = []queryCase{
	{name: "7.2 by userName", filter: `userName eq "Kim-${n}@contoso.example"`, found: "kim"},
	{name: "7.2 by userName in another case", filter: `userName eq "KIM-${n}@CONTOSO.EXAMPLE"`, found: "kim"},
	{name: "7.2 by externalId", filter: `externalId eq "Ext-${n}"`, found: "kim"},
	{name: "C11 externalId compares exactly", filter: `externalId eq "ext-${n}"`, found: "lee"},
	{name: "7.2 by work mail", filter: `emails[type eq "work"].value eq "KIM-${n}@contoso.example"`, found: "kim"},
	{name: "7.2 by any mail", filter: `emails eq "kim-${n}@contoso.example"`, found: "kim lee"},
	{name: "7.2 by home mail", filter: `emails[type eq "home" and value eq "kim-${n}@contoso.example"]`, found: "lee"},
	{name: "7.2 two terms on different elements", filter: `userName sw "lee-${n}@" and emails.type eq "work"`, found: ""},
	{name: "7.2 by an enterprise text", filter: `${ent}:department eq "D-${n}"`, found: "kim"},
	{name: "7.2 by a custom text", filter: `${custom}:tag eq "tag-${n}"`, found: "lee"},
	{name: "7.2 by a time, in another zone and precision",
		filter: `${custom}:since eq "2026-11-02T08:00:00.5Z" and ${custom}:tag eq "tag-${n}"`, found: "lee"},
	{name: "7.2 a blocked user is found", filter: `userName eq "kim-${n}@contoso.example" and active eq false`, found: "kim"},
	{name: "7.2 no hit", filter: `userName eq "nobody-${n}"`, found: ""},
	{name: "7.2 the reference check of a manager, set", filter: `id eq "${kim}" and manager eq "${boss}"`, rest: "&attributes=id",
		found: "kim"},
	{name: "7.2 the reference check of a manager, not set", filter: `id eq "${kim}" and manager eq "${chief}"`, rest: "&attributes=id",
		found: ""},
	{name: "7.2 the reference check by the manager's full name", filter: `id eq "${kim}" and ${ent}:manager.value eq "${boss}"`,
		rest: "&attributes=id", found: "kim"},
	{name: "5 test of the connection by userName", raw: `filter=userName+eq+%226f1c1d3e-0000-4000-8000-3a5e1c2b4d5f%22`, found: ""},
	{name: "5 test of the connection by externalId", raw: `filter=externalId+eq+%226f1c1d3e-0000-4000-8000-3a5e1c2b4d5f%22`, found: ""},
	{name: "5 test of the connection by group", endpoint: "/Groups",
		raw: `excludedAttributes=members&filter=displayName+eq+%22a07b1d3e-0000-4000-8000-3a5e1c2b4d5f%22`, found: ""},
}

var grammarCases = []queryCase{
	{name: "C17 a bare word is a text", filter: `externalId eq Ext-${n}`, found: "kim"},
	{name: "C17 a bare word with a dot and an at sign", filter: `userName eq max-${n}@contoso.example`, found: "max"},
	{name: "C17 a bare word before and", filter: `externalId eq Ext-${n} and active eq false`, found: "kim"},
	{name: "C17 an apostrophe begins no literal", filter: `userName eq 'max-${n}@contoso.example'`, status: 400, scimType: "invalidFilter"},
	{name: "C17 blanks are free", filter: `  userName   eq  "max-${n}@contoso.example"  `, found: "max"},
	{name: "C17 an unknown attribute is refused", filter: `shoeSize eq "43"`, status: 400, scimType: "invalidFilter"},
	{name: "C17 an unknown operator is refused", filter: `userName is "x"`, status: 400, scimType: "invalidFilter"},
	{name: "C17 a filter of blanks is refused", raw: `filter=+`, status: 400, scimType: "invalidFilter"},
	{name: "C17 an open quote is refused", filter: `userName eq "x`, status: 400, scimType: "invalidFilter"},
	{name: "C17 a password cannot be asked for", filter: `password eq "x"`, status: 400, scimType: "invalidFilter"},
	{name: "C1 operators and names of a filter in another case", filter: `USERNAME EQ "max-${n}@contoso.example" AND Active Eq True`,
		found: "max"},
	{name: "C1 URN of a filter in another case", filter: `URN:IETF:params:scim:schemas:extension:enterprise:2.0:USER:DEPARTMENT eq "d-${n}"`,
		found: "kim"},
	{name: "C2 a boolean as text in a filter", filter: `userName eq "kim-${n}@contoso.example" and active eq "False"`, found: "kim"},
	{name: "C2 a boolean as text inside brackets", filter: `emails[primary eq "True"].value eq "kim-${n}@contoso.example"`, found: "kim"},
	{name: "C2 other text in a filter is refused", filter: `active eq "perhaps"`, status: 400, scimType: "invalidFilter"},
	{name: "C16 department without its URN in a filter", filter: `department eq "D-${n}"`, found: "kim"},
	{name: "7.2 or", filter: `externalId eq "Ext-${n}" or externalId eq "ext-${n}"`, found: "kim lee"},
	{name: "7.2 and binds before or", filter: `externalId eq "Ext-${n}" or externalId eq "ext-${n}" and active eq false`, found: "kim"},
	{name: "7.2 not", filter: `userName co "-${n}@" and not (externalId pr)`, found: "max"},
	{name: "7.2 pr of an assigned attribute", filter: `userName co "-${n}@" and title pr`, found: "lee"},
	{name: "7.2 ne of an unassigned attribute", filter: `userName co "-${n}@" and title ne "T-${n}"`, found: "kim max"},
	{name: "7.2 a filter by schema", filter: `userName co "-${n}@" and schemas eq "${ent}"`, found: "kim"},
	{name: "7.2 a literal with escapes", filter: `name.givenName eq "Lee \"${n}\""`, found: "lee"},
	{name: "7.2 a literal with a unicode escape", filter: `title eq "\u0054-${n}"`, found: "lee"},
}

var encodingCases = []queryCase{
	{name: "3 + and %22", raw: `filter=userName+eq+%22max-${n}%40contoso.example%22`, found: "max"},
	{name: "3 %20 and %22", raw: `filter=userName%20eq%20%22max-${n}@contoso.example%22`, found: "max"},
	{name: "3 brackets without escapes", raw: `filter=emails[type+eq+%22work%22].value+eq+%22kim-${n}%40contoso.example%22`, found: "kim"},
	{name: "3 brackets with escapes", raw: `filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22kim-${n}%40contoso.example%22`,
		found: "kim"},
	{name: "3 a flag before the filter", raw: `aadOptscim062020&filter=userName+eq+%22max-${n}%40contoso.example%22`, found: "max"},
	{name: "3 unknown parameters are ignored", raw: `filter=userName+eq+%22max-${n}%40contoso.example%22&foo=bar&baz`, found: "max"},
	{name: "3 excludedAttributes before the filter", endpoint: "/Groups",
		raw: `excludedAttributes=members&filter=displayName+eq+%22Crew+${n}%22`, found: "crew"},
	{name: "3 excludedAttributes after the filter", endpoint: "/Groups",
		raw: `filter=displayName+eq+%22Crew+${n}%22&excludedAttributes=members`, found: "crew"},
	{name: "3 two slashes before the endpoint", endpoint: "//Users", filter: `userName eq "max-${n}@contoso.example"`, found: "max"},
	{name: "3 a slash after the endpoint", endpoint: "/Users/", filter: `userName eq "max-${n}@contoso.example"`, found: "max"},
}

var groupQueryCases = []queryCase{
	{name: "9 match by displayName", endpoint: "/Groups", filter: `displayName eq "Crew ${n}"`, rest: "&excludedAttributes=members",
		found: "crew"},
	{name: "15.1 match by displayName in another case", endpoint: "/Groups", filter: `displayName eq "cREW ${n}"`, found: "crew"},
	{name: "9 match by externalId", endpoint: "/Groups", filter: `externalId eq "Crew-${n}"`, found: "crew"},
	{name: "9 externalId of a group compares exactly", endpoint: "/Groups", filter: `externalId eq "crew-${n}"`, found: ""},
	{name: "9 the reference check of a member, in", endpoint: "/Groups", filter: `id eq "${crew}" and members eq "${kim}"`,
		rest: "&attributes=id", found: "crew"},
	{name: "9 the reference check of a member, out", endpoint: "/Groups", filter: `id eq "${crew}" and members eq "${max}"`,
		rest: "&attributes=id", found: ""},
	{name: "9 the reference check by members.value", endpoint: "/Groups", filter: `id eq "${crew}" and members.value eq "${lee}"`,
		rest: "&attributes=id", found: "crew"},
	{name: "9 the reference check in brackets", endpoint: "/Groups", filter: `id eq "${crew}" and members[value eq "${lee}"]`,
		rest: "&excludedAttributes=members", found: "crew"},
	{name: "9 groups of a member", endpoint: "/Groups", filter: `members eq "${lee}"`, rest: "&excludedAttributes=members", found: "crew"},
	{name: "C17 a group's bare name", endpoint: "/Groups", filter: `externalId eq Crew-${n}`, found: "crew"},
	{name: "9 an unknown attribute of groups is refused", endpoint: "/Groups", filter: `userName eq "x"`, status: 400,
		scimType: "invalidFilter"},
}
