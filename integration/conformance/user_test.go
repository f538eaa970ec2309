package conformance_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"

	gocmp "github.com/google/go-cmp/cmp"
)

// userCase is one request that changes a user, or must not change it.
type userCase struct {
	name, profiles string
	given          string // JSON: attributes of the user in addition to userName and active
	ops            string // the operations of a PATCH, with commas between
	method, body   string // another request instead of a PATCH
	query          string // of the URL
	header         []string
	status         int // 0 for 200
	scimType       string
	want           string // JSON: the attributes that differ afterwards, null for removed; "" for no change
}

func (uc userCase) run(c client) {
	u := object{"schemas": []string{coreURN}, "userName": c.expand("u${n}@contoso.example"), "active": true}
	maps.Copy(u, c.parse(cmp.Or(uc.given, "{}")))
	body, err := json.Marshal(u)
	if err != nil {
		c.Fatal(err)
	}
	c.create("me", "/Users", string(body))
	request := cmp.Or(uc.body, ops(uc.ops))
	a := c.change("/Users/${me}", uc.want, func() answer {
		return c.send(cmp.Or(uc.method, http.MethodPatch), "/Users/${me}"+uc.query, request, uc.header...).
			want(c, cmp.Or(uc.status, 200), uc.scimType)
	})
	if a.status == 200 && uc.query == "" {
		if d := gocmp.Diff(c.get("/Users/${me}").json, a.json); d != "" {
			c.Errorf("the response is not the resource (-want +got):\n%s", d)
		}
	}
}

const (
	workPath = `emails[type eq "work"].value`
	entPath  = entURN + ":"
)

// twoMails is a user with a work and a home address.
const twoMails = `{"emails":[{"value":"w@contoso.example","type":"work","primary":true},{"value":"h@contoso.example","type":"home"}]}`

// managed returns the enterprise extension of a user whose manager has the short name.
func managed(name string) string {
	return `{"${ent}":{"manager":{"value":"${` + name + `}","$ref":"${base}/Users/${` + name + `}"}}}`
}

func userCases() []userCase {
	var all []userCase
	for _, table := range [][]userCase{
		spellingCases, booleanCases, complexCases, upsertCases, clearCases, removeValueCases, pathlessCases, unknownCases,
		noChangeCases, readOnlyCases, primaryCases, formatCases, dialectCases, extensionCases, managerCases, roleCases, putCases,
	} {
		all = append(all, table...)
	}
	return append(all, typedCases()...)
}

var spellingCases = []userCase{
	{name: "C1 op Add with a capital", ops: op("Add", "title", `"T"`), want: `{"title":"T"}`},
	{name: "C1 op REPLACE in capitals", ops: op("REPLACE", "title", `"T"`), want: `{"title":"T"}`},
	{name: "C1 op rEmOvE in mixed case", given: `{"title":"T"}`, ops: op("rEmOvE", "title", ""), want: `{"title":null}`},
	{name: "C1 path in another case", ops: op("Add", "TITLE", `"T"`), want: `{"title":"T"}`},
	{name: "C1 dotted path in another case", ops: op("Add", "NAME.givenname", `"Kim"`), want: `{"name":{"givenName":"Kim"}}`},
	{name: "C1 typed path in another case", ops: op("Add", `Emails[TYPE EQ "work"].VALUE`, `"a@b"`),
		want: `{"emails":[{"value":"a@b","type":"work"}]}`},
	{name: "C1 type in a typed path in another case finds the element", given: twoMails,
		ops:  op("Replace", `emails[type eq "WORK"].value`, `"x@y"`),
		want: `{"emails":[{"value":"x@y","type":"work","primary":true},{"value":"h@contoso.example","type":"home"}]}`},
	{name: "C1 extension URN in another case", ops: op("Add", "URN:IETF:PARAMS:SCIM:SCHEMAS:EXTENSION:ENTERPRISE:2.0:USER:Department", `"D"`),
		want: `{"${ent}":{"department":"D"}}`},
	{name: "C1 core URN in another case", ops: op("Add", "URN:ietf:params:scim:schemas:CORE:2.0:user:TITLE", `"T"`), want: `{"title":"T"}`},
	{name: "C1 keys of a path-less value in another case", ops: op("Replace", "", `{"DISPLAYNAME":"D","Name":{"FAMILYNAME":"A"}}`),
		want: `{"displayName":"D","name":{"familyName":"A"}}`},
	{name: "C1 members of the request in another case",
		body: `{"SCHEMAS":["${patch}"],"operations":[{"OP":"Add","Path":"title","VALUE":"T"}]}`, want: `{"title":"T"}`},
	{name: "C1 message schema in another case",
		body: `{"schemas":["URN:IETF:params:scim:api:messages:2.0:patchop"],"Operations":[{"op":"Add","path":"title","value":"T"}]}`,
		want: `{"title":"T"}`},
}

var booleanCases = []userCase{
	{name: "C2 False as text blocks", ops: op("Replace", "active", `"False"`), want: `{"active":false}`},
	{name: "C2 false as text blocks", ops: op("Replace", "active", `"false"`), want: `{"active":false}`},
	{name: "C2 FALSE as text blocks", ops: op("replace", "", `{"active":"FALSE"}`), want: `{"active":false}`},
	{name: "C2 True as text enables", given: `{"active":false}`, ops: op("Replace", "active", `"True"`), want: `{"active":true}`},
	{name: "C2 False as text on a created user", given: `{"active":"False"}`, ops: op("Replace", "active", `false`)},
	{name: "C2 primary as text", ops: op("Add", "emails", `[{"value":"a@b","type":"work","primary":"True"}]`),
		want: `{"emails":[{"value":"a@b","type":"work","primary":true}]}`},
	{name: "C2 a custom boolean as text", ops: op("Replace", customURN+":remote", `"True"`), want: `{"${custom}":{"remote":true}}`},
	{name: "C2 other text is refused", ops: op("Replace", "active", `"no"`), status: 400, scimType: "invalidValue"},
	{name: "C2 a number is refused", ops: op("Replace", "active", `0`), status: 400, scimType: "invalidValue"},
	{name: "C2 a phone number as primary is refused", ops: op("Replace", `phoneNumbers[type eq "work"].primary`, `"4255550101"`), status: 400,
		scimType: "invalidValue"},
	{name: "C2 text booleans in every profile", profiles: "generic okta entra-gov", ops: op("replace", "active", `"False"`),
		want: `{"active":false}`},
}

var complexCases = []userCase{
	{name: "C3 a bare string is a value", ops: op("Add", "emails", `["a@b"]`), want: `{"emails":[{"value":"a@b"}]}`},
	{name: "C3 a bare string without an array is a value", ops: op("Add", "emails", `"a@b"`), want: `{"emails":[{"value":"a@b"}]}`},
	{name: "C3 an array of one is a single complex value", ops: op("Add", "name", `[{"givenName":"Kim"}]`),
		want: `{"name":{"givenName":"Kim"}}`},
	{name: "C3 an array of two is refused for a single complex value", ops: op("Add", "name", `[{"givenName":"Kim"},{"familyName":"A"}]`),
		status: 400, scimType: "invalidValue"},
	{name: "C3 a manager twice is refused", ops: op("Add", entPath+"manager", `["${boss}","${chief}"]`), status: 400,
		scimType: "invalidValue"},
	{name: "C3 the client's $ref is not kept",
		ops: op("Add", entPath+"manager", `{"value":"${boss}","$ref":"http://elsewhere.example/Users/1"}`), want: managed("boss")},
	{name: "C3 a bare string for a complex value without value is refused", ops: op("Add", "name", `"Kim"`), status: 400,
		scimType: "invalidValue"},
}

var upsertCases = []userCase{
	{name: "C4 Add creates from one eq", ops: op("Add", `phoneNumbers[type eq "fax"].value`, `"1"`),
		want: `{"phoneNumbers":[{"value":"1","type":"fax"}]}`},
	{name: "C4 Replace creates from and of eq", ops: op("Replace", `emails[type eq "work" and primary eq true].value`, `"a@b"`),
		want: `{"emails":[{"value":"a@b","type":"work","primary":true}]}`},
	{name: "C4 Replace of a whole element creates it", ops: op("Replace", `addresses[type eq "work"]`, `{"locality":"Oslo"}`),
		want: `{"addresses":[{"locality":"Oslo","type":"work"}]}`},
	{name: "C4 or creates nothing", ops: op("Add", `emails[type eq "work" or type eq "home"].value`, `"a@b"`), status: 400,
		scimType: "noTarget"},
	{name: "C4 ne creates nothing", ops: op("Add", `emails[type ne "work"].value`, `"a@b"`), status: 400, scimType: "noTarget"},
	{name: "C4 co creates nothing", ops: op("Replace", `emails[value co "@"].display`, `"D"`), status: 400, scimType: "noTarget"},
	{name: "C4 not creates nothing", ops: op("Add", `emails[not (type eq "work")].value`, `"a@b"`), status: 400, scimType: "noTarget"},
	{name: "C4 a generic client gets the RFC's noTarget", profiles: "generic", ops: op("replace", `emails[type eq "work"].value`, `"a@b"`),
		status: 400, scimType: "noTarget"},
	{name: "C4 Okta and the government cloud create", profiles: "okta entra-gov", ops: op("replace", `emails[type eq "work"].value`, `"a@b"`),
		want: `{"emails":[{"value":"a@b","type":"work"}]}`},
}

const officeAddress = `{"addresses":[{"type":"work","primary":false,"locality":"Oslo","country":"NO"}]}`

var clearCases = []userCase{
	{name: "C5 an empty text clears", given: `{"title":"T"}`, ops: op("Replace", "title", `""`), want: `{"title":null}`},
	{name: "C5 null clears", given: `{"title":"T"}`, ops: op("Replace", "title", `null`), want: `{"title":null}`},
	{name: "C5 Add of an empty text clears", given: `{"title":"T"}`, ops: op("Add", "title", `""`), want: `{"title":null}`},
	{name: "C5 Add of null clears", given: `{"title":"T"}`, ops: op("Add", "title", `null`), want: `{"title":null}`},
	{name: "C5 clearing an unassigned attribute succeeds",
		ops: op("Replace", "title", `""`) + "," + op("Remove", "nickName", "") + "," + op("replace", "displayName", "null")},
	{name: "C5 [] in replace clears", given: twoMails, ops: op("replace", "emails", `[]`), want: `{"emails":null}`},
	{name: "C5 [] in add adds nothing", given: twoMails, ops: op("add", "emails", `[]`)},
	{name: "C5 null clears a multi-valued attribute", given: twoMails, ops: op("Replace", "emails", `null`), want: `{"emails":null}`},
	{name: "C5 an address with only type and primary is dropped", given: `{"addresses":[{"type":"work","primary":false,"locality":"Oslo"}]}`,
		ops: op("Replace", `addresses[type eq "work"].locality`, `""`), want: `{"addresses":null}`},
	{name: "C5 an address with another value is kept", given: officeAddress, ops: op("Replace", `addresses[type eq "work"].locality`, `""`),
		want: `{"addresses":[{"type":"work","primary":false,"country":"NO"}]}`},
	{name: "C5 the last of two clearings drops the element", given: officeAddress,
		ops:  op("Replace", `addresses[type eq "work"].locality`, `""`) + "," + op("Remove", `addresses[type eq "work"].country`, ""),
		want: `{"addresses":null}`},
	{name: "C5 a set of primary or type alone drops nothing",
		ops:  op("Add", `roles[primary eq "True"].type`, `"T"`) + "," + op("Add", `roles[primary eq "True"].display`, `"D"`),
		want: `{"roles":[{"display":"D","type":"T","primary":true}]}`},
	{name: "C5 type before value, in two requests' order",
		ops:  op("Add", `emails[type eq "work"].primary`, `"True"`) + "," + op("Add", workPath, `"a@b"`),
		want: `{"emails":[{"value":"a@b","type":"work","primary":true}]}`},
	{name: "C5 name is removed with its last part", given: `{"name":{"givenName":"Kim"}}`, ops: op("Replace", "name.givenName", `""`),
		want: `{"name":null}`},
	{name: "C5 name keeps its other parts", given: `{"name":{"givenName":"Kim","familyName":"A"}}`, ops: op("Remove", "name.givenName", ""),
		want: `{"name":{"familyName":"A"}}`},
	{name: "C5 an extension is removed with its last attribute", given: `{"${ent}":{"department":"D"}}`,
		ops: op("Replace", entPath+"department", `""`), want: `{"${ent}":null}`},
	{name: "C5 an extension is removed by its URN", given: `{"${ent}":{"department":"D","division":"V"}}`, ops: op("Remove", entURN, ""),
		want: `{"${ent}":null}`},
	{name: "C5 removing userName is refused", ops: op("Remove", "userName", ""), status: 400, scimType: "mutability"},
	{name: "C5 emptying userName is refused", ops: op("Replace", "userName", `""`), status: 400, scimType: "invalidValue"},
	{name: "C5 userName null is refused", ops: op("Replace", "", `{"userName":null}`), status: 400, scimType: "invalidValue"},
	{name: "C5 removing active is refused", ops: op("Remove", "active", ""), status: 400, scimType: "mutability"},
	{name: "C5 emptying active is refused", ops: op("Replace", "active", `""`), status: 400, scimType: "invalidValue"},
	{name: "C5 active null is refused", ops: op("replace", "active", `null`), status: 400, scimType: "invalidValue"},
	{name: "C5 a filter path without a hit is removed with success", given: twoMails, ops: op("Remove", `emails[type eq "other"]`, "")},
	{name: "C5 a filter path without a hit is cleared with success", given: twoMails,
		ops: op("Replace", `emails[type eq "other"].value`, `null`)},
	{name: "C5 one request clears many", given: `{"title":"T","displayName":"D","name":{"givenName":"Kim"},"${ent}":{"department":"D"}}`,
		ops:  op("replace", "", `{"title":"","displayName":null,"name.givenName":"","${ent}:department":""}`),
		want: `{"title":null,"displayName":null,"name":null,"${ent}":null}`},
}

var removeValueCases = []userCase{
	{name: "C6 Remove with a value removes that element", given: twoMails, ops: op("Remove", "emails", `[{"value":"h@contoso.example"}]`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":true}]}`},
	{name: "C6 all given sub-attributes must agree", given: twoMails,
		ops: op("Remove", "emails", `[{"value":"h@contoso.example","type":"work"}]`)},
	{name: "C6 one object is accepted instead of an array", given: twoMails, ops: op("Remove", "emails", `{"type":"work"}`),
		want: `{"emails":[{"value":"h@contoso.example","type":"home"}]}`},
	{name: "C6 Remove with [] removes nothing", given: twoMails, ops: op("Remove", "emails", `[]`)},
	{name: "C6 Remove without a value removes all", given: twoMails, ops: op("Remove", "emails", ""), want: `{"emails":null}`},
	{name: "C6 Remove with null removes all", given: twoMails, ops: op("Remove", "emails", "null"), want: `{"emails":null}`},
	{name: "C6 with a filter in the path the value is ignored", given: twoMails,
		ops:  op("Remove", `emails[type eq "home"]`, `[{"value":"w@contoso.example"}]`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":true}]}`},
	{name: "C6 Remove of a single value ignores the value", given: `{"title":"T"}`, ops: op("Remove", "title", `"another"`),
		want: `{"title":null}`},
}
