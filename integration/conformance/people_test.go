package conformance_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const everyProfile = "entra entra-gov okta generic"

// peopleCases read the people of a group through its memberships (C39).
func peopleCases() []entraCase {
	world := func(c client) {
		for _, who := range []string{"a", "b", "c"} {
			c.create("in-"+who, "/Users", `{"userName":"in-`+who+`-${n}@contoso.example","title":"T`+who+`"}`)
		}
		c.create("out", "/Users", `{"userName":"out-${n}@contoso.example","title":"Ta"}`)
		c.create("crew", "/Groups", `{"displayName":"Crew ${n}",`+
			`"members":[{"value":"${in-a}"},{"value":"${in-b}"},{"value":"${in-c}"},{"value":"${sub}"}]}`)
		c.create("other", "/Groups", `{"displayName":"Other ${n}","members":[{"value":"${in-a}"},{"value":"${in-b}"},{"value":"${out}"}]}`)
	}
	names := func(c client, a answer) []string {
		var out []string
		for _, name := range a.listed() {
			out = append(out, strings.TrimSuffix(name, c.expand("-${n}@contoso.example")))
		}
		slices.Sort(out)
		return out
	}
	is := func(c client, filter, more string, want ...string) answer {
		c.Helper()
		a := c.get("/Users?filter=" + url.QueryEscape(c.expand(filter)) + more)
		if got := names(c, a); !slices.Equal(got, want) {
			c.Errorf("%s%s: found %q, want %q", filter, more, got, want)
		}
		return a
	}
	return []entraCase{
		{"C39 the people of a group are found by it", everyProfile, func(c client) {
			world(c)
			for _, filter := range []string{`groups.value eq "${crew}"`, `groups eq "${crew}"`, `groups[value eq "${crew}"]`,
				`GROUPS.VALUE EQ "${crew}"`} {
				for _, more := range []string{"", "&cursor", "&count=3&cursor=", "&startIndex=1&count=200", "&sortBy=title&cursor"} {
					a := is(c, filter, more, "in-a", "in-b", "in-c")
					if a.json["totalResults"] != 3.0 {
						c.Errorf("%s%s: totalResults %v, want 3: a group is no person", filter, more, a.json["totalResults"])
					}
				}
			}
			is(c, `groups.value eq "gunknown"`, "&cursor")
			is(c, `groups.value eq "gunknown"`, "")
		}},
		{"C39 with other terms", everyProfile, func(c client) {
			world(c)
			for _, more := range []string{"", "&cursor"} {
				is(c, `groups.value eq "${crew}" and title eq "Ta"`, more, "in-a")
				is(c, `title sw "t" and groups eq "${crew}" and groups eq "${other}"`, more, "in-a", "in-b")
				is(c, `groups.value eq "${crew}" and not (groups.value eq "${other}")`, more, "in-c")
				is(c, `groups.value eq "${crew}" and userName eq "out-${n}@contoso.example"`, more)
				is(c, `groups[value eq "${crew}" and type eq "direct"]`, more, "in-a", "in-b", "in-c")
			}
			if a := is(c, `groups.value eq "${crew}" and title pr`, "&cursor", "in-a", "in-b", "in-c"); a.json["totalResults"] != nil {
				c.Errorf("totalResults %v, which nobody counted", a.json["totalResults"])
			}
		}},
		{"C39 page by page, each person once", "", func(c client) {
			world(c)
			for _, filter := range []string{`groups.value eq "${crew}"`, `groups.value eq "${crew}" and title pr`} {
				var seen []string
				cursor := ""
				for n := 1; ; n++ {
					a := c.get("/Users?count=1&filter=" + url.QueryEscape(c.expand(filter)) + "&cursor=" + cursor)
					seen = append(seen, names(c, a)...)
					if cursor, _ = a.json["nextCursor"].(string); cursor == "" {
						break
					}
					if n == 1 { // somebody leaves and comes back between two pages
						c.patch("/Groups/${crew}", 204, op("remove", `members[value eq "${in-a}"]`, ""))
						c.patch("/Groups/${crew}", 204, op("add", "members", list(member, "in-a")))
					}
				}
				if slices.Sort(seen); fmt.Sprint(seen) != "[in-a in-b in-c]" {
					c.Errorf("%s: saw %v", filter, seen)
				}
			}
			c.send("GET", "/Users?filter="+url.QueryEscape(c.expand(`groups.value eq "${crew}"`))+"&cursor=x", "").want(c, 400, "invalidCursor")
		}},
		{"C39 groups are shown only when requested, and then all of them", "", func(c client) {
			world(c)
			for _, more := range []string{"", "&cursor"} {
				first := func(query string) object {
					a := c.get("/Users?filter=" + url.QueryEscape(c.expand(`groups.value eq "${crew}" and title eq "Ta"`)) + more + query)
					return a.json["Resources"].([]any)[0].(object)
				}
				if u := first(""); u["groups"] != nil || u["title"] != "Ta" {
					c.Errorf("not requested: %v", u)
				}
				if u := first("&attributes=groups"); len(u["groups"].([]any)) != 2 {
					c.Errorf("requested: %v", u)
				}
			}
		}},
		{"C39 by .search, of users and of everything", "", func(c client) {
			world(c)
			for _, path := range []string{"/Users/.search", "/.search"} {
				a := c.send("POST", path, c.expand(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],`+
					`"filter":"groups.value eq \"${crew}\" and title eq \"Tb\""}`)).want(c, 200, "")
				if got := names(c, a); len(got) != 1 || got[0] != "in-b" {
					c.Errorf("%s: found %q", path, got)
				}
			}
		}},
	}
}
