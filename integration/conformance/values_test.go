package conformance_test

import (
	"fmt"
	"net/url"
	"strings"
)

// large is a text of the most bytes that a certificate or a photo may have (C38).
var large = strings.Repeat("QUJD", 16<<10)

// valueUserCases are more forms of values that the rules C5 to C38 decide.
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
	{name: "C38 a certificate and a photo of 64 KB are kept", profiles: everyProfile,
		ops:  op("add", "x509Certificates", `[{"value":"`+large+`"}]`) + "," + op("add", "photos", `[{"value":"`+large+`","type":"photo"}]`),
		want: `{"x509Certificates":[{"value":"` + large + `"}],"photos":[{"value":"` + large + `","type":"photo"}]}`},
	{name: "C38 a photo is set by its path", profiles: everyProfile, given: `{"photos":[{"value":"a","type":"photo"}]}`,
		ops:  op("replace", `photos[type eq "photo"].value`, quote(large)),
		want: `{"photos":[{"value":"` + large + `","type":"photo"}]}`},
	{name: "C38 PUT, too", profiles: everyProfile, method: "PUT",
		body: `{"userName":"u${n}@contoso.example","x509Certificates":{"value":"` + large + `"}}`,
		want: `{"x509Certificates":[{"value":"` + large + `"}]}`},
	{name: "C38 more than 64 KB are refused", profiles: everyProfile, ops: op("add", "photos", `[{"value":"`+large+`x"}]`),
		status: 400, scimType: "invalidValue"},
	{name: "C38 what stands beside the value has 4 KB", profiles: everyProfile,
		ops:    op("add", "x509Certificates", `[{"value":"x","display":"`+large[:4097]+`"}]`),
		status: 400, scimType: "invalidValue"},
}

// largeCases are about people with certificates and photos (C38).
func largeCases() []entraCase {
	return []entraCase{
		{"C38 a person has 150 KB, and a refusal names the largest attribute", everyProfile, func(c client) {
			c.create("me", "/Users", `{"userName":"l${n}@contoso.example"}`)
			photos := `[{"value":"` + large + `"},{"value":"` + large + `","type":"thumbnail"}]`
			cert := `[{"value":"` + large[:30<<10] + `"}]`
			body := `{"userName":"l2${n}@contoso.example","photos":` + photos + `,"x509Certificates":` + cert + `}`
			for _, a := range []answer{
				c.send("POST", "/Users", body), c.send("PUT", "/Users/${me}", body),
				c.send("PATCH", "/Users/${me}", ops(op("add", "photos", photos), op("add", "x509Certificates", cert))),
			} {
				if a.want(c, 413, ""); !strings.Contains(a.text, "the largest of these is photos with 131") {
					c.Errorf("answered %s", a.text)
				}
			}
			a := c.send("POST", "/Bulk", fmt.Sprintf(bulkBody, `{"method":"POST","path":"/Users","bulkId":"1","data":`+body+`}`)).want(c, 200, "")
			if !strings.Contains(a.text, `"status":"413"`) || !strings.Contains(a.text, "largest of these is photos") {
				c.Errorf("answered %s", a.text)
			}
			a = c.send("POST", "/Users", `{"userName":"l2${n}@contoso.example","title":"T","`+customURN+`":{"tag":"x"},"photos":`+photos+`}`)
			a.want(c, 201, "")
		}},
		{"C38 lists have certificates and photos only when named", everyProfile, func(c client) {
			both := `"photos":[{"value":"p","type":"photo"}],"title":"T","x509Certificates":[{"value":"c"}]`
			a := c.create("me", "/Users", `{"userName":"m${n}@contoso.example",`+both+`}`)
			if a.json["photos"] == nil || c.get("/Users/${me}").json["x509Certificates"] == nil {
				c.Errorf("one person has neither: %s", a.text)
			}
			filter, walk := c.expand(`userName eq "m${n}@contoso.example"`), c.expand(`userName sw "m${n}@"`)
			uses := c.expand(`userName sw "m${n}@" and photos pr and x509Certificates.value eq "c"`)
			search := func(endpoint, names string) answer {
				return c.send("POST", endpoint, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":`+quote(filter)+
					nameList(names)+`}`)
			}
			for what, send := range map[string]func(attributes string) answer{
				"a filter": func(names string) answer { return c.get("/Users?filter=" + url.QueryEscape(filter) + names) },
				"a walk":   func(names string) answer { return c.get("/Users?filter=" + url.QueryEscape(walk) + names) },
				"a cursor": func(names string) answer { return c.get("/Users?cursor=&filter=" + url.QueryEscape(walk) + names) },
				"their values": func(names string) answer {
					return c.get("/Users?sortBy=photos.value&filter=" + url.QueryEscape(uses) + names)
				},
				"a search":        func(names string) answer { return search("/Users/.search", names) },
				"a search of all": func(names string) answer { return search("/.search", names) },
			} {
				for names, want := range map[string]string{
					"": "title", "&attributes=title": "title", "&excludedAttributes=title": "", "&attributes=photos": "photos",
					"&attributes=x509Certificates.value,title": "title x509Certificates", "&attributes=photos.type": "photos",
				} {
					if got := shownOf(c, what+" with "+names, send(names).want(c, 200, "")); got != want {
						c.Errorf("%s with %q shows %q, want %q", what, names, got, want)
					}
				}
			}
		}},
	}
}

// nameList returns a parameter of a query as a member of a search.
func nameList(parameter string) string {
	name, names, given := strings.Cut(strings.TrimPrefix(parameter, "&"), "=")
	if !given {
		return ""
	}
	return "," + quote(name) + `:["` + strings.ReplaceAll(names, ",", `","`) + `"]`
}

// shownOf returns which of title, photos and x509Certificates a list shows of the case's person.
func shownOf(c client, what string, a answer) string {
	c.Helper()
	resources, _ := a.json["Resources"].([]any)
	for _, r := range resources {
		o := r.(object)
		if o["id"] != c.names["me"] {
			continue
		}
		var shown []string
		for _, name := range []string{"photos", "title", "x509Certificates"} {
			if o[name] != nil {
				shown = append(shown, name)
			}
		}
		return strings.Join(shown, " ")
	}
	c.Errorf("%s lacks the person: %s", what, a.text)
	return ""
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
