package conformance_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/integration/stack"
)

// rfcCases are behaviours that the RFCs require of every service and that no case of TestEntra is about. They run in the
// profile generic, which adds no leniency.
func rfcCases() []entraCase {
	return slices.Concat(resourceCases(), protocolCases(), bulkCases(), cursorCases())
}

// TestRFC runs the cases that docs/rfc-ledger.md names, through both doors.
func TestRFC(t *testing.T) {
	t.Parallel()
	for _, door := range []string{"local", "gateway"} {
		t.Run(door, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Profile: "generic", Extensions: customExtension})
			do := s.Local()
			if door == "gateway" {
				do = s.Gateway()
			}
			all := newClient(t, s, do)
			for i, rc := range rfcCases() {
				t.Run(rc.name, func(t *testing.T) {
					c := all.in(t)
					c.names["n"] = fmt.Sprint("rfc", i)
					rc.run(c)
				})
			}
		})
	}
}

func meta(o object) object {
	m, _ := o["meta"].(object)
	return m
}

func resourceCases() []entraCase {
	return []entraCase{
		{"a create returns the resource with its id, schemas and meta", "", func(c client) {
			for endpoint, body := range map[string]string{
				"/Users":  `{"schemas":["${core}"],"id":"mine","meta":{"resourceType":"Thing","version":"1"},"userName":"a-${n}","externalId":"x"}`,
				"/Groups": `{"schemas":["${group}"],"id":"mine","meta":{"resourceType":"Thing"},"displayName":"A ${n}","externalId":"x"}`,
			} {
				a := c.send("POST", endpoint, body).want(c, 201, "")
				m, kind := meta(a.json), strings.TrimSuffix(endpoint[1:], "s")
				location := c.base + endpoint + "/" + a.id()
				if a.id() == "" || a.id() == "mine" || m["resourceType"] != kind || m["location"] != location ||
					a.header.Get("Location") != location || m["created"] == nil || m["created"] != m["lastModified"] || a.json["externalId"] != "x" {
					c.Errorf("%s returned %s", endpoint, a.text)
				}
				if version := fmt.Sprint(m["version"]); version != a.header.Get("ETag") || !strings.HasPrefix(version, `W/"`) {
					c.Errorf("version %s, ETag %s", version, a.header.Get("ETag"))
				}
				if got := c.get(endpoint + "/" + a.id()); got.id() != a.id() || got.version() != a.version() {
					c.Errorf("a read returned %s, the create %s", got.text, a.text)
				}
			}
		}},
		{"Content-Location is meta.location", "", func(c client) {
			for endpoint, name := range map[string]string{"/Users": "userName", "/Groups": "displayName"} {
				body := `{"` + name + `":"l-${n}","externalId":"1"}`
				a := c.create("me", endpoint, body)
				for _, got := range []answer{a, c.get(endpoint + "/${me}"), c.get(endpoint + "/${me}?attributes=" + name),
					c.send("PUT", endpoint+"/${me}", strings.Replace(body, "1", "2", 1)).want(c, 200, ""),
					c.send("PATCH", endpoint+"/${me}", ops(op("replace", "externalId", `"3"`))).want(c, 200, "")} {
					if want := c.base + endpoint + "/" + a.id(); got.header.Get("Content-Location") != want {
						c.Errorf("Content-Location %q, want %q", got.header.Get("Content-Location"), want)
					}
				}
				unchanged := c.send("GET", endpoint+"/${me}?excludedAttributes=groups", "", "If-None-Match", "*").want(c, 304, "")
				if got := unchanged.header.Get("Content-Location"); got != c.base+endpoint+"/"+a.id() { // RFC 9110 section 15.4.5
					c.Errorf("304 with Content-Location %q", got)
				}
			}
		}},
		{"Content-Location is meta.location in discovery", "", func(c client) {
			for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes/User", "/ResourceTypes/group", "/Schemas/${core}",
				"/Schemas/${custom}"} {
				a := c.get(path)
				if want := meta(a.json)["location"]; want == nil || a.header.Get("Content-Location") != want {
					c.Errorf("%s: Content-Location %q, want %v", path, a.header.Get("Content-Location"), want)
				}
			}
			for _, path := range []string{"/ResourceTypes", "/Schemas", "/Users?count=1"} {
				if got, some := c.get(path).header["Content-Location"]; some {
					c.Errorf("%s: Content-Location %q of a list", path, got)
				}
			}
		}},
		{"schemas has the base schema and each extension with data, once", "", func(c client) {
			a := c.create("me", "/Users", `{"schemas":["${core}","${core}","${ent}","${custom}"],"userName":"s-${n}","${ent}":{"department":"D"}}`)
			if got := fmt.Sprint(a.json["schemas"]); got != c.expand("[${core} ${ent}]") {
				c.Errorf("schemas %s", got)
			}
			b := c.create("you", "/Users", `{"schemas":["${ent}","${core}"],"userName":"t-${n}","${ent}":{"department":"D"}}`)
			if fmt.Sprint(b.json[entURN]) != fmt.Sprint(a.json[entURN]) {
				c.Errorf("in another order: %s", b.text)
			}
		}},
		{"an externalId is never made up", "", func(c client) {
			if a := c.create("me", "/Users", `{"userName":"e-${n}"}`); a.json["externalId"] != nil {
				c.Errorf("returned %s", a.text)
			}
		}},
		{"a name that is not primary is not marked so", "", func(c client) {
			a := c.create("me", "/Users", `{"userName":"p-${n}","emails":[{"value":"a@x.example"},{"value":"b@x.example","primary":true}]}`)
			if strings.Count(a.text, `"primary":true`) != 1 {
				c.Errorf("returned %s", a.text)
			}
		}},
		{"groups of a user have the id and the URI of the group", "", func(c client) {
			c.create("me", "/Users", `{"userName":"g-${n}"}`)
			c.create("team", "/Groups", `{"displayName":"G ${n}","members":[{"value":"${me}"}]}`)
			want := c.expand(`"groups":[{"value":"${team}","$ref":"${base}/Groups/${team}"`)
			if a := c.get("/Users/${me}"); !strings.Contains(a.text, want) {
				c.Errorf("%s does not contain %s", a.text, want)
			}
		}},
		{"a password is never shown, whatever is asked for", "", func(c client) {
			c.create("me", "/Users", `{"userName":"w-${n}","password":"t0p-secret"}`)
			for _, path := range []string{"/Users/${me}", "/Users/${me}?attributes=password", "/Users?attributes=password&filter=" +
				url.QueryEscape(`userName sw "w-"`)} {
				if a := c.get(path); strings.Contains(a.text, "t0p-secret") || strings.Contains(a.text, "password") {
					c.Errorf("%s returned %s", path, a.text)
				}
			}
		}},
		{"a caseExact attribute keeps its case and is compared with it", "", func(c client) {
			c.create("me", "/Users", `{"userName":"c-${n}","${custom}":{"badge":"AbC-${n}"}}`)
			for literal, n := range map[string]int{"AbC-${n}": 1, "abc-${n}": 0} {
				found := c.get("/Users?filter=" + url.QueryEscape(c.expand(customURN+`:badge eq "`+literal+`"`)))
				if got := len(found.listed()); got != n {
					c.Errorf("%s found %d, want %d", literal, got, n)
				}
			}
		}},
	}
}

func protocolCases() []entraCase {
	return []entraCase{
		{"PUT creates nothing", "", func(c client) {
			c.send("PUT", "/Users/u0000000000000000000000000", `{"userName":"new-${n}"}`).want(c, 404, "")
			c.send("PUT", "/Groups/g0000000000000000000000000", `{"displayName":"New ${n}"}`).want(c, 404, "")
		}},
		{"a list without a hit is a success with totalResults 0", "", func(c client) {
			a := c.get("/Users?filter=" + url.QueryEscape(`userName eq "nobody"`))
			if a.json["totalResults"] != 0.0 || fmt.Sprint(a.json["schemas"]) != "[urn:ietf:params:scim:api:messages:2.0:ListResponse]" {
				c.Errorf("returned %s", a.text)
			}
		}},
		{"sortBy orders ascending unless asked otherwise, by the attribute's case rule", "", func(c client) {
			for _, name := range []string{"b", "A", "C"} {
				c.create(name, "/Users", `{"userName":"sort-`+name+`-${n}","displayName":"`+name+`"}`)
			}
			only := "&filter=" + url.QueryEscape(`userName sw "sort-"`)
			for query, want := range map[string]string{"sortBy=displayName": "A b C", "sortBy=displayName&sortOrder=descending": "C b A"} {
				a := c.get("/Users?" + query + only)
				var names []string
				resources, _ := a.json["Resources"].([]any)
				for _, r := range resources {
					names = append(names, fmt.Sprint(r.(object)["displayName"]))
				}
				if got := strings.Join(names, " "); got != want {
					c.Errorf("%s: %s, want %s", query, got, want)
				}
			}
		}},
		{"a search at the root covers every type, and an attribute of one has no value in the other", "", func(c client) {
			c.create("me", "/Users", `{"userName":"root-${n}","displayName":"Root ${n}","title":"T ${n}"}`)
			c.create("team", "/Groups", `{"displayName":"Root ${n}"}`)
			for filter, want := range map[string]float64{`displayName eq "Root ${n}"`: 2, `title eq "T ${n}"`: 1} {
				a := c.send("POST", "/.search",
					`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":`+quote(c.expand(filter))+`}`).want(c, 200, "")
				if a.json["totalResults"] != want {
					c.Errorf("%s: %s", filter, a.text)
				}
			}
		}},
		{"booleans have no order", "", func(c client) {
			for _, op := range []string{"gt", "ge", "lt", "le"} {
				c.send("GET", "/Users?filter="+url.QueryEscape("active "+op+" true"), "").want(c, 400, "invalidFilter")
			}
		}},
		{"an operator that nobody knows is refused and named", "", func(c client) {
			if a := c.send("GET", "/Users?filter="+url.QueryEscape(`userName regex "x"`), "").want(c, 400,
				"invalidFilter"); !strings.Contains(a.text, "regex") {
				c.Errorf("returned %s", a.text)
			}
		}},
		{"attributes and excludedAttributes keep what is always returned", "", func(c client) {
			c.create("me", "/Users", `{"userName":"k-${n}","title":"T"}`)
			for _, query := range []string{"attributes=title", "excludedAttributes=id,schemas,userName"} {
				a := c.get("/Users/${me}?" + query)
				if a.id() == "" || a.json["schemas"] == nil || a.json["title"] != "T" || a.json["userName"] != nil {
					c.Errorf("%s returned %s", query, a.text)
				}
			}
		}},
		{"an error is JSON with the status and the reason, for every status", "", func(c client) {
			c.create("me", "/Users", `{"userName":"err-${n}"}`)
			for _, r := range []struct {
				method, path, body, scimType string
				status                       int
			}{
				{"POST", "/Users", `{`, "invalidSyntax", 400}, {"GET", "/Users/nobody", "", "", 404},
				{"POST", "/Users", `{"userName":"err-${n}"}`, "uniqueness", 409}, {"PUT", "/Schemas", `{}`, "", 405}, {"GET", "/Me", "", "", 501},
			} {
				a := c.send(r.method, r.path, r.body).want(c, r.status, r.scimType)
				if a.json["status"] != fmt.Sprint(r.status) || a.json["detail"] == nil {
					c.Errorf("%s %s returned %s", r.method, r.path, a.text)
				}
			}
		}},
		{"another version of the protocol is not served", "", func(c client) {
			other := c
			other.base = strings.Replace(c.base, "/v2/", "/v1/", 1)
			if a := other.send("GET", "/Users", ""); a.status < 400 {
				c.Errorf("returned %s", a.text)
			}
		}},
		{"discovery returns all in one ListResponse, whatever page is asked for", "", func(c client) {
			for path, n := range map[string]float64{"/Schemas": 5, "/ResourceTypes": 2} {
				a := c.get(path + "?startIndex=2&count=1&sortBy=name")
				if a.json["totalResults"] != n || len(a.json["Resources"].([]any)) != int(n) ||
					fmt.Sprint(a.json["schemas"]) != "[urn:ietf:params:scim:api:messages:2.0:ListResponse]" {
					c.Errorf("%s returned %.300s", path, a.text)
				}
			}
			const config = "[urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig]"
			if a := c.get("/ServiceProviderConfig"); fmt.Sprint(a.json["schemas"]) != config {
				c.Errorf("returned %s", a.text)
			}
			if a := c.get("/Schemas"); strings.Contains(a.text, `"id":"urn:ietf:params:scim:api:`) {
				c.Error("messages are among the schemas")
			}
		}},
	}
}

const bulkBody = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[%s]}`

func bulkCases() []entraCase {
	return []entraCase{
		{"Bulk does each operation, reports each, and goes on after a failure", "", func(c client) {
			c.create("taken", "/Users", `{"userName":"taken-${n}"}`)
			a := c.send("POST", "/Bulk", fmt.Sprintf(bulkBody, `
				{"method":"POST","path":"/Groups","bulkId":"team","data":{"displayName":"Bulk ${n}","members":[{"value":"bulkId:one"}]}},
				{"method":"POST","path":"/Users","bulkId":"one","data":{"userName":"one-${n}","${ent}":{"manager":{"value":"${taken}"}}}},
				{"method":"POST","path":"/Users","bulkId":"two","data":{"userName":"taken-${n}"}},
				{"method":"DELETE","path":"/Users/${taken}"}`)).want(c, 200, "")
			results, _ := a.json["Operations"].([]any)
			if len(results) != 4 {
				c.Fatalf("returned %s", a.text)
			}
			byID := map[string]object{}
			for _, r := range results {
				o, _ := r.(object)
				byID[fmt.Sprint(o["method"], " ", o["bulkId"])] = o
			}
			team, one, two := byID["POST team"], byID["POST one"], byID["POST two"]
			if one["status"] != "201" || team["status"] != "201" || byID["DELETE <nil>"]["status"] != "204" || two["status"] != "409" ||
				two["location"] != nil {
				c.Errorf("returned %s", a.text)
			}
			failed, _ := two["response"].(object)
			if failed["status"] != "409" || failed["detail"] == nil || failed["scimType"] != "uniqueness" {
				c.Errorf("the failure is %v", two)
			}
			members := c.send("GET", strings.TrimPrefix(fmt.Sprint(team["location"]), c.base), "").want(c, 200, "")
			if id := fmt.Sprint(one["location"]); !strings.Contains(members.text, id[strings.LastIndex(id, "/")+1:]) {
				c.Errorf("the group has no member: %s", members.text)
			}
		}},
		{"a Bulk request above a limit names it", "", func(c client) {
			one := `{"method":"DELETE","path":"/Users/u0000000000000000000000000"}`
			a := c.send("POST", "/Bulk", fmt.Sprintf(bulkBody, strings.Repeat(one+",", 1000)+one)).want(c, 413, "")
			if config := c.get("/ServiceProviderConfig"); !strings.Contains(config.text, `"maxOperations":`) || !strings.Contains(config.text,
				`"maxPayloadSize":`) ||
				!strings.Contains(a.text, fmt.Sprint(config.json["bulk"].(object)["maxOperations"])) {
				c.Errorf("returned %s", a.text)
			}
		}},
	}
}

var unreserved = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func cursorCases() []entraCase {
	people := func(c client) {
		for i := range 3 {
			c.create(fmt.Sprint(i), "/Users", fmt.Sprintf(`{"userName":"cursor-${n}-%d"}`, i))
		}
	}
	first := func(c client, rest string) answer {
		c.Helper()
		return c.get("/Users?cursor&" + rest + "&filter=" + url.QueryEscape(c.expand(`userName sw "cursor-${n}"`)))
	}
	return []entraCase{
		{"every page but the last has a nextCursor, in characters that need no escape", "", func(c client) {
			people(c)
			a := first(c, "count=2")
			next := fmt.Sprint(a.json["nextCursor"])
			if !unreserved.MatchString(next) || a.json["previousCursor"] != nil || len(a.listed()) != 2 {
				c.Fatalf("returned %s", a.text)
			}
			last := c.get("/Users?cursor=" + next + "&count=2&filter=" + url.QueryEscape(c.expand(`userName sw "cursor-${n}"`)))
			if last.json["nextCursor"] != nil || len(last.listed()) != 1 {
				c.Errorf("the last page is %s", last.text)
			}
		}},
		{"a negative count is 0, and 0 shows only the total", "", func(c client) {
			people(c)
			for _, count := range []string{"0", "-1"} {
				if a := first(c, "count="+count); a.json["totalResults"] != 3.0 || len(a.listed()) != 0 {
					c.Errorf("count=%s returned %s", count, a.text)
				}
			}
		}},
		{"a cursor is good for its own query, and for nobody else", "", func(c client) {
			people(c)
			next := fmt.Sprint(first(c, "count=2").json["nextCursor"])
			for _, query := range []string{"cursor=" + next + "&count=2", "cursor=nonsense&count=2"} {
				c.send("GET", "/Users?"+query, "").want(c, 400, "invalidCursor")
			}
			c.second().send("GET", "/Users?cursor="+next+"&count=2&filter="+url.QueryEscape(c.expand(`userName sw "cursor-${n}"`)), "").want(c,
				400, "invalidCursor")
		}},
		{"without a parameter pages are by index", "", func(c client) {
			if a := c.get("/Users?count=1"); a.json["nextCursor"] != nil || a.json["startIndex"] != 1.0 {
				c.Errorf("returned %s", a.text)
			}
			if a := c.get("/ServiceProviderConfig"); !strings.Contains(a.text, `"defaultPaginationMethod":"index"`) || !strings.Contains(a.text,
				`"cursor":true`) {
				c.Errorf("returned %s", a.text)
			}
		}},
	}
}
