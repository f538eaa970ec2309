package conformance_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// transportCases test HTTP: URLs, headers, encodings (3).
func transportCases() []entraCase {
	create := func(c client) { c.create("me", "/Users", `{"userName":"t${n}@contoso.example"}`) }
	return []entraCase{
		{"3 two slashes in the URL of a user", "", func(c client) {
			create(c)
			c.send("GET", "//Users/${me}", "").want(c, 200, "")
			c.send("PATCH", "//Users//${me}", ops(op("Add", "title", `"T"`))).want(c, 200, "")
			c.send("DELETE", "//Users/${me}", "").want(c, 204, "")
			c.wantNotFound("/Users", "me")
		}},
		{"3 two slashes in a create", "", func(c client) {
			a := c.send("POST", "//Users", `{"userName":"t${n}@contoso.example"}`).want(c, 201, "")
			if l := a.header.Get("Location"); l != c.base+"/Users/"+a.id() {
				c.Errorf("Location %q", l)
			}
		}},
		{"3 the flag after every URL", "", func(c client) {
			a := c.send("POST", "/Users?aadOptscim062020", `{"userName":"t${n}@contoso.example"}`).want(c, 201, "")
			c.names["me"] = a.id()
			c.send("GET", "/Users/${me}?aadOptscim062020", "").want(c, 200, "")
			c.send("DELETE", "/Users/${me}?aadOptscim062020", "").want(c, 204, "")
			c.send("GET", "/Schemas?aadOptscim062020", "").want(c, 200, "")
		}},
		{"3 bodies in application/json", "", func(c client) {
			create(c)
			for _, ct := range []string{"application/json", "application/json; charset=utf-8", "application/scim+json",
				"application/scim+json; charset=UTF-8"} {
				c.send("PATCH", "/Users/${me}", ops(op("Replace", "title", quote(ct))), "Content-Type", ct).want(c, 200, "")
				if got := c.get("/Users/${me}").json["title"]; got != ct {
					c.Errorf("title %v after %s", got, ct)
				}
			}
		}},
		{"3 another media type is refused", "", func(c client) {
			create(c)
			c.change("/Users/${me}", "", func() answer {
				return c.send("PATCH", "/Users/${me}", ops(op("Add", "title", `"T"`)), "Content-Type", "text/plain").want(c, 415, "")
			})
		}},
		{"3 any Accept gets scim+json", "", func(c client) {
			for _, accept := range []string{"application/scim+json", "application/json", "*/*", "text/html"} {
				c.send("GET", "/Users/${boss}", "", "Accept", accept).want(c, 200, "") // send checks the media type
			}
		}},
		{"3 the scheme of the token in any case", "", func(c client) {
			for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
				c.send("GET", "/Users/${boss}", "", "Authorization", scheme+c.token).want(c, 200, "")
			}
		}},
		{"3 URLs do not depend on the Host header", "", func(c client) {
			a := c.send("GET", "/Users/${boss}", "", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example").want(c, 200, "")
			if strings.Contains(a.text, "evil") {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"3 an unsupported method gets the supported ones", "", func(c client) {
			if a := c.send("PUT", "/Users", `{"userName":"x"}`).want(c, 405, ""); a.header.Get("Allow") == "" {
				c.Error("no Allow header")
			}
		}},
		{"10 an unknown endpoint gets 404", "", func(c client) { c.send("GET", "/Devices", "").want(c, 404, "") }},
		{"10 errors carry their status as text", "", func(c client) {
			a := c.send("GET", "/Users/nobody", "").want(c, 404, "")
			if a.json["status"] != "404" || fmt.Sprint(a.json["schemas"]) != "[urn:ietf:params:scim:api:messages:2.0:Error]" {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"C9 If-None-Match of the version gets 304", "", func(c client) {
			create(c)
			tag := c.get("/Users/${me}").header.Get("ETag")
			if a := c.send("GET", "/Users/${me}", "", "If-None-Match", tag).want(c, 304, ""); a.text != "" {
				c.Errorf("304 with a body: %s", a.text)
			}
			c.patch("/Users/${me}", 200, op("Add", "title", `"T"`))
			c.send("GET", "/Users/${me}", "", "If-None-Match", tag).want(c, 200, "")
		}},
		{"C9 If-Match of another version refuses a delete", "", func(c client) {
			create(c)
			c.change("/Users/${me}", "", func() answer { return c.send("DELETE", "/Users/${me}", "", "If-Match", `W/"9"`).want(c, 412, "") })
		}},
	}
}

// shapeCases test the content of responses (C21, attributes, excludedAttributes).
func shapeCases() []entraCase {
	world := func(c client) {
		c.create("lead", "/Users", `{"userName":"lead-${n}@contoso.example","displayName":"Lead ${n}"}`)
		c.create("me", "/Users",
			`{"userName":"me-${n}@contoso.example","title":"T","name":{"givenName":"K","familyName":"A"},`+
				`"${ent}":{"manager":"${lead}","department":"D"}}`)
		c.create("crew", "/Groups", `{"displayName":"Crew ${n}","members":[{"value":"${me}"}]}`)
	}
	// entry returns the one user in a list of the case's users.
	entry := func(c client, rest string) object {
		c.Helper()
		a := c.get("/Users?filter=" + url.QueryEscape(c.expand(`userName eq "me-${n}@contoso.example"`)) + rest)
		all, _ := a.json["Resources"].([]any)
		if len(all) != 1 {
			c.Fatalf("found %s", a.text)
		}
		return all[0].(object)
	}
	keys := func(o object) string {
		var names []string
		for k := range o {
			names = append(names, k)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	return []entraCase{
		{"C21 a single user has the groups", "", func(c client) {
			world(c)
			want := fmt.Sprint([]any{object{"value": c.names["crew"], "$ref": c.base + "/Groups/" + c.names["crew"], "type": "direct"}})
			if got := fmt.Sprint(c.get("/Users/${me}").json["groups"]); got != want {
				c.Errorf("groups %s, want %s", got, want)
			}
			if got := fmt.Sprint(c.patch("/Users/${me}", 200, op("Add", "title", `"U"`)).json["groups"]); got != want {
				c.Errorf("groups after PATCH %s, want %s", got, want)
			}
		}},
		{"C21 lists have groups only when requested", "", func(c client) {
			world(c)
			if u := entry(c, ""); u["groups"] != nil {
				c.Errorf("groups %v", u["groups"])
			}
			if u := entry(c, "&attributes=userName,groups"); len(u["groups"].([]any)) != 1 {
				c.Errorf("groups %v", u["groups"])
			}
		}},
		{"C21 a manager's displayName only when requested", "", func(c client) {
			world(c)
			manager := func(u object) object { return u[entURN].(object)["manager"].(object) }
			for _, u := range []object{c.get("/Users/${me}").json, entry(c, "")} {
				if m := manager(u); m["displayName"] != nil || m["value"] != c.names["lead"] {
					c.Errorf("manager %v", m)
				}
			}
			if m := manager(c.get("/Users/${me}?attributes=" + url.QueryEscape(entURN+":manager")).json); m["$ref"] != c.base+"/Users/"+
				c.names["lead"] || m["displayName"] != nil {
				c.Errorf("manager %v", m)
			}
			named := "attributes=" + url.QueryEscape(entURN+":manager.displayName")
			for _, u := range []object{c.get("/Users/${me}?" + named).json, entry(c, "&"+named)} {
				if m := manager(u); m["displayName"] != c.expand("Lead ${n}") || m["$ref"] != nil {
					c.Errorf("manager %v", m)
				}
			}
		}},
		{"9 excludedAttributes omits members from a read", "", func(c client) {
			world(c)
			if g := c.get("/Groups/${crew}?excludedAttributes=members"); g.json["members"] != nil || g.json["displayName"] == nil {
				c.Errorf("answered %s", g.text)
			}
			if g := c.get("/Groups/${crew}?excludedAttributes=MEMBERS"); g.json["members"] != nil {
				c.Errorf("answered %s", g.text)
			}
		}},
		{"9 excludedAttributes omits members from a list", "", func(c client) {
			world(c)
			a := c.get("/Groups?excludedAttributes=members&filter=" + url.QueryEscape(c.expand(`displayName eq "Crew ${n}"`)))
			if strings.Contains(a.text, c.names["me"]) || len(a.listed()) != 1 {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"9 the reference check returns only the id", "", func(c client) {
			world(c)
			a := c.get("/Groups?attributes=id&filter=" + url.QueryEscape(c.expand(`id eq "${crew}" and members eq "${me}"`)))
			if g, _ := a.json["Resources"].([]any); len(g) != 1 || keys(g[0].(object)) != "id schemas" {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"7.2 attributes selects attributes", "", func(c client) {
			world(c)
			if got := keys(c.get("/Users/${me}?attributes=TITLE,name.givenName").json); got != "id name schemas title" {
				c.Errorf("answered %s", got)
			}
			if got := keys(entry(c, "&attributes=id")); got != "id schemas" {
				c.Errorf("answered %s", got)
			}
		}},
		{"7.2 attributes and excludedAttributes together are refused", "", func(c client) {
			c.send("GET", "/Users/${boss}?attributes=title&excludedAttributes=name", "").want(c, 400, "invalidValue")
		}},
	}
}

// pagingCases crawl all users, including those of other cases.
func pagingCases() []entraCase {
	return []entraCase{
		{"18 a crawl sees every user once, in full pages", "entra generic", func(c client) {
			for i := range 12 {
				c.create(fmt.Sprint("p", i), "/Users", fmt.Sprintf(`{"userName":"crawl-%d-${n}"}`, i))
			}
			total := c.total()
			seen := c.crawl(5, nil)
			if len(seen) != total {
				c.Errorf("saw %d of %d users", len(seen), total)
			}
			for name, times := range seen {
				if times != 1 {
					c.Errorf("saw %s %d times", name, times)
				}
			}
		}},
		{"15.2 pages are full while users are created and deleted", "", func(c client) {
			for i := range 20 {
				c.create(fmt.Sprint("p", i), "/Users", fmt.Sprintf(`{"userName":"page-%d-${n}"}`, i))
				c.create("stays", "/Users", fmt.Sprintf(`{"userName":"stay-%d-${n}"}`, i))
			}
			step := 0
			seen := c.crawl(5, func() {
				step++
				if step <= 80 { // about half of them are created behind the crawl's position
					c.create("new", "/Users", fmt.Sprintf(`{"userName":"late-%d-${n}"}`, step))
				}
				if step <= 20 {
					c.send("DELETE", fmt.Sprintf("/Users/${p%d}", step-1), "").want(c, 204, "")
				}
			})
			for i := range 20 {
				if name := c.expand(fmt.Sprintf("stay-%d-${n}", i)); seen[name] != 1 {
					c.Errorf("saw %s %d times", name, seen[name])
				}
			}
		}},
		{"5 a page of one has one user", "", func(c client) {
			a := c.get("/Users?startIndex=1&count=1")
			if len(a.listed()) != 1 || a.json["itemsPerPage"] != 1.0 || a.json["startIndex"] != 1.0 || a.json["totalResults"].(float64) < 2 {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"18 a page beyond the end has the same total", "", func(c client) {
			a := c.get("/Users?startIndex=1000000&count=5")
			if resources, ok := a.json["Resources"].([]any); !ok || len(resources) != 0 || a.json["totalResults"] != float64(c.total()) ||
				a.json["itemsPerPage"] != 0.0 {
				c.Errorf("answered %s", a.text)
			}
		}},
		{"18 counts and indexes out of range", "", func(c client) {
			if a := c.get("/Users?startIndex=-3&count=2"); a.json["startIndex"] != 1.0 || len(a.listed()) != 2 {
				c.Errorf("answered %s", a.text)
			}
			if a := c.get("/Users?count=-1"); len(a.listed()) != 0 || a.json["totalResults"] != float64(c.total()) {
				c.Errorf("answered %s", a.text)
			}
			if a := c.get("/Users?count=100000"); len(a.listed()) > 200 {
				c.Errorf("%d users in one page", len(a.listed()))
			}
			c.send("GET", "/Users?count=many", "").want(c, 400, "invalidValue")
		}},
		{"18 lists are ordered by id", "", func(c client) {
			var ids []string
			for _, r := range c.get("/Users?count=200").json["Resources"].([]any) {
				ids = append(ids, r.(object)["id"].(string))
			}
			if !slices.IsSorted(ids) {
				c.Errorf("ids %q", ids)
			}
		}},
		{"18 a crawl by cursor sees every user once", "generic entra", func(c client) {
			seen, cursor := map[string]int{}, ""
			for {
				a := c.get("/Users?count=7&cursor=" + url.QueryEscape(cursor))
				for _, name := range a.listed() {
					seen[name]++
				}
				if _, given := a.json["startIndex"]; given || a.json["totalResults"] != float64(c.total()) {
					c.Errorf("startIndex %v, totalResults %v", a.json["startIndex"], a.json["totalResults"])
				}
				if cursor, _ = a.json["nextCursor"].(string); cursor == "" {
					break
				}
			}
			for name, times := range seen {
				if times != 1 {
					c.Errorf("saw %s %d times", name, times)
				}
			}
			if len(seen) != c.total() {
				c.Errorf("saw %d of %d users", len(seen), c.total())
			}
		}},
		{"18 search over all types has no cursors", "", func(c client) {
			c.send("POST", "/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"cursor":""}`).want(c, 400,
				"invalidCursor")
		}},
		{"18 the same query returns the same page", "", func(c client) {
			if a, b := c.get("/Users?startIndex=2&count=3"), c.get("/Users?startIndex=2&count=3"); a.text != b.text {
				c.Errorf("answered %s and %s", a.text, b.text)
			}
		}},
		{"15.2 pages of groups", "", func(c client) {
			for i := range 11 {
				c.create("g", "/Groups", fmt.Sprintf(`{"displayName":"Page %d ${n}"}`, i))
			}
			total := int(c.get("/Groups?count=0").json["totalResults"].(float64))
			seen := map[string]bool{}
			for start := 1; start <= total; {
				a := c.get(fmt.Sprintf("/Groups?startIndex=%d&count=4&excludedAttributes=members", start))
				names := a.listed()
				if want := min(4, total-start+1); len(names) != want || a.json["startIndex"] != float64(start) {
					c.Fatalf("page at %d: %s", start, a.text)
				}
				for _, name := range names {
					seen[name] = true
				}
				start += len(names)
			}
			if len(seen) != total {
				c.Errorf("saw %d of %d groups", len(seen), total)
			}
		}},
	}
}

// total returns the number of users.
func (c client) total() int {
	c.Helper()
	return int(c.get("/Users?count=0").json["totalResults"].(float64))
}

// crawl reads all pages as the validation template does, calls between after each, and returns how often it saw each
// user. Each page must begin at the requested index and be full until totalResults is reached.
func (c client) crawl(count int, between func()) map[string]int {
	c.Helper()
	seen := map[string]int{}
	for start, total := 1, 1; start <= total; {
		a := c.get(fmt.Sprintf("/Users?startIndex=%d&count=%d", start, count))
		names := a.listed()
		total = int(a.json["totalResults"].(float64))
		if want := min(count, total-start+1); len(names) != want || a.json["startIndex"] != float64(start) ||
			a.json["itemsPerPage"] != float64(want) {
			c.Fatalf("page at %d of %d: %d users, startIndex %v, itemsPerPage %v", start, total, len(names), a.json["startIndex"],
				a.json["itemsPerPage"])
		}
		for _, name := range names {
			seen[name]++
		}
		start += len(names)
		if between != nil {
			between()
		}
	}
	return seen
}
