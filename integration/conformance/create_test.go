package conformance_test

import (
	"cmp"
	"maps"
	"net/url"

	gocmp "github.com/google/go-cmp/cmp"
)

// createCase is a POST and the resource afterwards.
type createCase struct {
	name, profiles string
	endpoint, body string // "" for /Users
	status         int    // 0 for 201
	scimType       string
	want           string // JSON: the whole resource but id, meta and schemas
}

func (cc createCase) run(c client) {
	endpoint := cmp.Or(cc.endpoint, "/Users")
	total := c.get(endpoint + "?count=0").json["totalResults"].(float64)
	a := c.send("POST", endpoint, cc.body).want(c, cmp.Or(cc.status, 201), cc.scimType)
	if a.status != 201 {
		if now := c.get(endpoint + "?count=0").json["totalResults"]; now != total {
			c.Errorf("refused, but there are %v resources after %v", now, total)
		}
		return
	}
	c.names["me"] = a.id()
	got := c.get(endpoint + "/${me}")
	if d := gocmp.Diff(got.json, a.json); d != "" {
		c.Errorf("the response is not the resource (-want +got):\n%s", d)
	}
	if l, meta := a.header.Get("Location"), a.json["meta"].(object); a.id() == "" || l != c.base+endpoint+"/"+a.id() ||
		meta["location"] != l || meta["version"] != a.header.Get("ETag") || meta["created"] != meta["lastModified"] {
		c.Errorf("Location %q, ETag %q, meta %v", l, a.header.Get("ETag"), meta)
	}
	expected, shown := c.parse(cc.want), c.short(got.json)
	if d := gocmp.Diff(schemasOf(shown), sorted(got.json["schemas"])); d != "" {
		c.Errorf("schemas do not follow from the data (-want +got):\n%s", d)
	}
	maps.DeleteFunc(shown, func(k string, _ any) bool { return k == "id" || k == "meta" || k == "schemas" })
	if d := gocmp.Diff(expected, shown); d != "" {
		c.Errorf("stored (-want +got):\n%s", d)
	}
}

// bare is the smallest resource after a create.
const bare = `{"userName":"c${n}@contoso.example","active":true}`

func createCases() []createCase {
	return append(userCreateCases[:len(userCreateCases):len(userCreateCases)], groupCreateCases...)
}

var userCreateCases = []createCase{
	{name: "7.1 a create as Entra sends it",
		body: `{"schemas":["${core}","${ent}"],"externalId":"kim.akers","userName":"c${n}@contoso.example","active":true,
		"displayName":"Kim Akers",
		"title":"Analyst","preferredLanguage":null,"emails":[{"primary":true,"type":"work","value":"kim@contoso.example"}],
		"phoneNumbers":[{"type":"work","value":"4255550101"}],
		"addresses":[{"type":"work","primary":false,"country":"US","formatted":null}],"name":{"formatted":"Kim Akers","familyName":"Akers",
		"givenName":"Kim"},
		"meta":{"resourceType":"User"},"roles":[],"${ent}":{"department":"Finance"}}`,
		want: `{"externalId":"kim.akers","userName":"c${n}@contoso.example","active":true,"displayName":"Kim Akers","title":"Analyst",
		"emails":[{"primary":true,"type":"work","value":"kim@contoso.example"}],"phoneNumbers":[{"type":"work","value":"4255550101"}],
		"addresses":[{"type":"work","primary":false,"country":"US"}],"name":{"formatted":"Kim Akers","familyName":"Akers","givenName":"Kim"},
		"${ent}":{"department":"Finance"}}`},
	{name: "7.1 id and meta of the client are ignored",
		body: `{"id":"mine","meta":{"version":"x","created":"1999-01-01T00:00:00Z"},"userName":"c${n}@contoso.example"}`, want: bare},
	{name: "7.1 nulls and empty arrays mean not set",
		body: `{"userName":"c${n}@contoso.example","title":null,"emails":[],"name":null,"roles":null,"${ent}":null}`, want: bare},
	{name: "7.1 an empty text means not set",
		body: `{"userName":"c${n}@contoso.example","title":"","name":{"givenName":""},"${ent}":{"department":""}}`, want: bare},
	{name: "7.1 the extension's URN without data", body: `{"schemas":["${core}","${ent}"],"userName":"c${n}@contoso.example"}`, want: bare},
	{name: "7.1 a misspelt URN is dropped",
		body: `{"schemas":["${core}","urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],"userName":"c${n}@contoso.example"}`,
		want: bare},
	{name: "7.1 an extension's data without its URN is taken",
		body: `{"schemas":["${core}"],"userName":"c${n}@contoso.example","${custom}":{"tag":"x"}}`,
		want: `{"userName":"c${n}@contoso.example","active":true,"${custom}":{"tag":"x"}}`},
	{name: "7.1 data of an unknown extension is dropped",
		body: `{"userName":"c${n}@contoso.example","urn:ietf:params:scim:schemas:extension:Nope:2.0:User":{"tag":"x"}}`, want: bare},
	{name: "7.1 top-level nulls of old samples",
		body: `{"userName":"c${n}@contoso.example","department":null,"manager":null,"addresses":null}`, want: bare},
	{name: "7.1 active as text", body: `{"userName":"c${n}@contoso.example","active":"False"}`,
		want: `{"userName":"c${n}@contoso.example","active":false}`},
	{name: "7.1 a manager in a create", body: `{"userName":"c${n}@contoso.example","${ent}":{"manager":"${boss}"}}`,
		want: `{"userName":"c${n}@contoso.example","active":true,"${ent}":{"manager":{"value":"${boss}","$ref":"${base}/Users/${boss}"}}}`},
	{name: "7.1 a password is accepted and not kept", body: `{"userName":"c${n}@contoso.example","password":"Correct-Horse-1"}`, want: bare},
	{name: "7.1 a user without userName is refused", body: `{"schemas":["${core}"],"displayName":"Kim"}`, status: 400,
		scimType: "invalidValue"},
	{name: "C8 unknown members are ignored", body: `{"userName":"c${n}@contoso.example","shoeSize":43,"name":{"nick":"K","givenName":"Kim"}}`,
		want: `{"userName":"c${n}@contoso.example","active":true,"name":{"givenName":"Kim"}}`},
	{name: "C8 schemas may be missing", body: `{"userName":"c${n}@contoso.example"}`, want: bare},
	{name: "C1 member names in another case",
		body: `{"USERNAME":"c${n}@contoso.example","Emails":[{"VALUE":"a@b","TYPE":"work"}],` +
			`"URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User":{"Department":"D"}}`,
		want: `{"userName":"c${n}@contoso.example","active":true,"emails":[{"value":"a@b","type":"work"}],"${ent}":{"department":"D"}}`},
	{name: "C2 an active that is not a boolean is refused", body: `{"userName":"c${n}@contoso.example","active":"enabled"}`, status: 400,
		scimType: "invalidValue"},
	{name: "C11 the same userName again is refused", body: `{"userName":"boss@contoso.example"}`, status: 409, scimType: "uniqueness"},
	{name: "C11 the same userName in another case is refused", body: `{"userName":"BOSS@Contoso.Example"}`, status: 409,
		scimType: "uniqueness"},
	{name: "C11 userName is kept as it was sent", body: `{"userName":"Kim.ÅKERS+${n}@Contoso.Example"}`,
		want: `{"userName":"Kim.ÅKERS+${n}@Contoso.Example","active":true}`},
	{name: "C11 a guest's name", body: `{"userName":"kim_fabrikam.example${n}#EXT#@contoso.example"}`,
		want: `{"userName":"kim_fabrikam.example${n}#EXT#@contoso.example","active":true}`},
	{name: "C13 active is true by default", body: `{"userName":"c${n}@contoso.example"}`, want: bare},
	{name: "C14 two primaries are refused",
		body: `{"userName":"c${n}@contoso.example","emails":[{"value":"1","primary":true},{"value":"2","primary":"True"}]}`, status: 400,
		scimType: "invalidValue"},
	{name: "C19 nonsense formats are kept",
		body: `{"userName":"c${n}","emails":[{"value":"no mail","type":"work"}],"profileUrl":"not a url","timezone":"x"}`,
		want: `{"userName":"c${n}","active":true,"emails":[{"value":"no mail","type":"work"}],"profileUrl":"not a url","timezone":"x"}`},
	{name: "16.2 a user of the gallery application",
		body: `{"schemas":["${core}","${ent}"],"userName":"c${n}@contoso.example","active":true,"title":"T","emails":[{"type":"work",
		"value":"a@b"}],"name":{"givenName":"K","familyName":"A"},
		"addresses":[{"type":"work","locality":"Oslo","region":"O","country":"NO"}],"externalId":"e","userType":"Employee",
		"${ent}":{"department":"D","division":"V"}}`,
		want: `{"userName":"c${n}@contoso.example","active":true,"title":"T","emails":[{"type":"work","value":"a@b"}],
		"name":{"givenName":"K","familyName":"A"},
		"addresses":[{"type":"work","locality":"Oslo","region":"O","country":"NO"}],"externalId":"e","userType":"Employee",
		"${ent}":{"department":"D","division":"V"}}`},
	{name: "16.3 a single role in a create",
		body: `{"userName":"c${n}@contoso.example","roles":[{"primary":true,"type":"WindowsAzureActiveDirectoryRole","value":"Admin"}]}`,
		want: `{"userName":"c${n}@contoso.example","active":true,"roles":[{"primary":true,"type":"WindowsAzureActiveDirectoryRole",` +
			`"value":"Admin"}]}`},
	{name: "10 a body that is not JSON", body: `{"userName":`, status: 400, scimType: "invalidSyntax"},
}

// strange lists unusual names of directories; the server must keep, find and return each.
var strange = map[string]string{
	"quotes": `The "Big" Team`, "apostrophe": `O'Brien's`, "backslash": `A\B`, "ampersand": `R&D + Sales`, "marks": `!#^~.{}[]()%;,:`,
	"slash": `a/b?c=d#e`, "plus": `1+1=2`,
	"umlauts": `Größe Ünïted`, "CJK": `営業部`, "emoji": `Team 🚀`, "right-to-left": `فريق`, "blanks inside": `a  b`,
	"SQL": `'; DROP TABLE users; --`, "filter": `x" or displayName sw "`, "percent": `100% %22`,
}

var groupCreateCases = append([]createCase{
	{name: "9 a legacy create with the vendor's URI", endpoint: "/Groups",
		body: `{"schemas":["${group}","${vendor}"],"externalId":"e${n}","displayName":"G ${n}","meta":{"resourceType":"Group"}}`,
		want: `{"externalId":"e${n}","displayName":"G ${n}"}`},
	{name: "9 a create with members", endpoint: "/Groups",
		body: `{"schemas":["${group}"],"displayName":"G ${n}","members":[{"value":"${ann}"},{"$ref":null,"value":"${bob}"}]}`,
		want: `{"displayName":"G ${n}","members":["ann","bob"]}`},
	{name: "9 a create with members: []", endpoint: "/Groups", body: `{"displayName":"G ${n}","members":[]}`,
		want: `{"displayName":"G ${n}"}`},
	{name: "9 a create with members null", endpoint: "/Groups", body: `{"displayName":"G ${n}","members":null}`,
		want: `{"displayName":"G ${n}"}`},
	{name: "9 a group without displayName is refused", endpoint: "/Groups", body: `{"externalId":"e"}`, status: 400, scimType: "invalidValue"},
	{name: "C10 duplicates in a create collapse", endpoint: "/Groups",
		body: `{"displayName":"G ${n}","members":[{"value":"${ann}"},"${ann}"]}`, want: `{"displayName":"G ${n}","members":["ann"]}`},
	{name: "C10 an unknown member in a create is refused", endpoint: "/Groups",
		body: `{"displayName":"G ${n}","members":[{"value":"${ann}"},{"value":"nobody"}]}`, status: 400, scimType: "invalidValue"},
	{name: "C11 the same displayName again is refused", endpoint: "/Groups", body: `{"displayName":"Sub"}`, status: 409,
		scimType: "uniqueness"},
	{name: "C11 the same displayName in another case is refused", endpoint: "/Groups", body: `{"displayName":"sUB"}`, status: 409,
		scimType: "uniqueness"},
}, strangeGroups()...)

func strangeGroups() []createCase {
	var all []createCase
	for name, text := range strange {
		all = append(all,
			createCase{name: "9 a group's name with " + name, endpoint: "/Groups", body: `{"displayName":` + quote(text) + `}`,
				want: `{"displayName":` + quote(text) + `}`})
	}
	return all
}

// strangeCases finds users by unusual names: by an index, by a scan, and in brackets.
func strangeCases() []entraCase {
	var all []entraCase
	for name, text := range strange {
		all = append(all, entraCase{"7.2 a user's name with " + name + " is found again", "", func(c client) {
			literal := quote(text + "-${n}")
			c.create("me", "/Users",
				`{"userName":`+literal+`,"externalId":`+literal+`,"nickName":`+literal+`,"emails":[{"type":"work","value":`+literal+`}]}`)
			for _, filter := range []string{`userName eq `, `externalId eq `, `emails[type eq "work"].value eq `, `nickName eq `,
				`emails[type eq "work" and display ne "x"].value eq `} {
				a := c.get("/Users?filter=" + url.QueryEscape(c.expand(filter+literal)))
				if got := a.listed(); len(got) != 1 || got[0] != c.expand(text+"-${n}") {
					c.Errorf("%s%s found %q", filter, literal, got)
				}
			}
		}})
	}
	return all
}
