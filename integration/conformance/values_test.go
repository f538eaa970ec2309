package conformance_test

import "net/url"

// valueUserCases are more forms of values that the rules C5 to C36 decide.
var valueUserCases = []userCase{
	{name: "C5 an emptied element is not created by a filter path", profiles: lenient,
		ops: op("replace", `emails[type eq "work"]`, `{"value":""}`) + "," + op("add", `phoneNumbers[type eq "work"]`, `{"value":null}`)},
	{name: "C5 an array of an emptied element clears what a filter chooses", profiles: everyProfile, given: twoMails,
		ops:  op("replace", `emails[type eq "home"]`, `[""]`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":true}]}`},
	{name: "C5 an array of null clears a manager", profiles: everyProfile, given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		ops: op("replace", boss, `[null]`), want: `{"${ent}":null}`},
	{name: "C10 a manager without a value is refused", profiles: everyProfile, given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		ops: op("replace", boss, `{"id":"${chief}"}`), status: 400, scimType: "invalidValue"},
	{name: "C10 an empty manager names nobody", profiles: everyProfile, given: `{"${ent}":{"manager":{"value":"${boss}"}}}`,
		ops: op("add", boss, `{}`), status: 400, scimType: "invalidValue"},
	{name: "C10 PUT of a manager by userName is refused", profiles: everyProfile, method: "PUT",
		body:   `{"userName":"u${n}@contoso.example","${ent}":{"manager":[{"userName":"chief@contoso.example"}]}}`,
		status: 400, scimType: "invalidValue"},
	{name: "C29 elements that lose what parted them are one", profiles: everyProfile,
		given: `{"emails":[{"value":"a@b","type":"work"},{"value":"A@b","type":"home"}]}`,
		ops:   op("remove", "emails.type", ""), want: `{"emails":[{"value":"A@b"}]}`},
	{name: "C33 any blanks before a bracket", profiles: everyProfile, given: twoMails,
		ops:  op("replace", "", `{"emails \t[type eq \"home\"].value":"n@t.example"}`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":true},{"value":"n@t.example","type":"home"}]}`},
}

func valueCases() []entraCase {
	return []entraCase{
		{"C34 other text is no number in a filter", lenient, func(c client) {
			for _, op := range []string{"eq", "ne", "gt"} {
				c.send("GET", "/Users?filter="+url.QueryEscape(customURN+":floor "+op+` "high"`), "").want(c, 400, "invalidFilter")
			}
		}},
		{"C36 a generic client repeats groups under the full name", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"v${n}@contoso.example"}`)
			c.create("crew", "/Groups", `{"displayName":"V ${n}","members":[{"value":"${me}"}]}`)
			groups := `[{"value":"${crew}","$ref":"${base}/Groups/${crew}","type":"direct"}]`
			for _, query := range []string{"", "?attributes=userName", "?excludedAttributes=groups"} {
				for _, key := range []string{"groups", coreURN + ":GROUPS"} {
					c.send("PATCH", "/Users/${me}"+query, ops(op("replace", "", `{"title":"`+query+`","`+key+`":`+groups+`}`))).want(c, 200, "")
				}
			}
		}},
		{"7.2 a part of groups in a list, with a filter", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"w${n}@contoso.example"}`)
			c.create("crew", "/Groups", `{"displayName":"W ${n}","members":[{"value":"${me}"}]}`)
			for _, name := range []string{`groups[type eq "direct"].value`, "groups.value", coreURN + ":groups.value", `groups[type eq "x"]`} {
				a := c.get("/Users?attributes=" + url.QueryEscape(name) + "&filter=" + url.QueryEscape(c.expand(`userName eq "w${n}@contoso.example"`)))
				resources, _ := a.json["Resources"].([]any)
				if len(resources) != 1 || resources[0].(object)["groups"] == nil {
					c.Errorf("%s: answered %s", name, a.text)
				}
			}
		}},
	}
}
