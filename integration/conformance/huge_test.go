package conformance_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
)

// A group with more members than one response may have (C15) grows and shrinks like any other. Only a request that would
// return or replace all its members is refused, without a change, and so is a search that would scan more users.
func TestHugeGroup(t *testing.T) {
	t.Parallel()
	const size = 10_001
	s := stack.New(t, stack.Options{Profile: "generic"})
	c := newClient(t, s, s.Local())
	elements := make([]string, size)
	for i := range elements {
		id := c.create("last", "/Users", fmt.Sprintf(`{"userName":"u%d"}`, i)).id()
		elements[i] = `{"value":"` + id + `"}`
	}
	c.create("more", "/Users", `{"userName":"more"}`)
	c.create("huge", "/Groups", `{"displayName":"Huge","members":[`+strings.Join(elements[:5000], ",")+`]}`)
	c.patch("/Groups/${huge}", 200, op("add", "members", "["+strings.Join(elements[5000:10_000], ",")+"]"))
	if members, _ := c.get("/Groups/${huge}").json["members"].([]any); len(members) != 10_000 {
		t.Fatalf("%d members are shown of 10,000", len(members))
	}
	c.patch("/Groups/${huge}", 204, op("add", "members", "["+elements[10_000]+"]"))

	filter := c.expand(`groups.value eq "${huge}"`)
	for _, a := range []answer{c.send("GET", "/Groups/${huge}", ""), c.send("GET", "/Groups", ""),
		c.send("GET", "/Groups?filter=displayName+eq+%22huge%22&cursor", ""),
		c.send("POST", "/Groups/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}`)} {
		if detail, _ := a.want(c, 400, "tooMany").json["detail"].(string); !strings.Contains(detail, filter) {
			t.Errorf("the detail is %q, without %s", detail, filter)
		}
	}
	readThroughPeople(t, c, filter)
	version := c.get("/Groups/${huge}?excludedAttributes=members").version()
	if got := c.get("/Groups?excludedAttributes=members").listed(); len(got) != 1 {
		t.Errorf("listed %q", got)
	}
	c.send("PUT", "/Groups/${huge}", `{"displayName":"Small","members":[]}`).want(c, 400, "tooMany")
	for _, all := range []string{op("replace", "members", `[]`), op("replace", "members", "["+elements[0]+"]"), op("remove", "members", ""),
		op("remove", `members[type eq "User"]`, "")} {
		c.send("PATCH", "/Groups/${huge}", ops(all)).want(c, 400, "tooMany")
	}
	if now := c.get("/Groups/${huge}?excludedAttributes=members").version(); now != version {
		t.Errorf("refused, but the version was %v and is %v", version, now)
	}

	c.send("PUT", "/Groups/${huge}", `{"displayName":"Renamed"}`).want(c, 204, "") // it keeps its members (C27)
	if got := c.get("/Groups/${huge}?excludedAttributes=members").json["displayName"]; got != "Renamed" {
		t.Errorf("PUT without members: displayName %v", got)
	}

	// There are also more users than a request may scan: only searches with an index are answered.
	refused := func(query string, says ...string) {
		t.Helper()
		a := c.send("GET", "/Users?"+query, "")
		a.want(c, 400, "tooMany")
		for _, word := range says {
			if detail, _ := a.json["detail"].(string); !strings.Contains(detail, word) {
				t.Errorf("%s: the detail is %q, without %q", query, detail, word)
			}
		}
	}
	refused("filter=nickName+eq+%22x%22", "nickName", "matchingAttributes")
	refused("filter=nickName+eq+%22x%22&cursor", "nickName", "matchingAttributes")
	refused("filter=title+sw+%22x%22+or+emails[type+eq+%22home%22]", "title, emails", "matchingAttributes")
	refused("sortBy=userName", "userName", "matchingAttributes")
	matchesWhenIndexed(t, s, c, refused)
	if got := c.find("/Users", `userName eq "U777" and nickName ne "x"`); len(got) != 1 {
		t.Errorf("found %q", got)
	}

	in := func(name string) bool {
		t.Helper()
		a := c.get("/Groups?attributes=id&filter=members+eq+%22${" + name + "}%22")
		return a.json["totalResults"] == 1.0
	}
	c.patch("/Groups/${huge}", 204, op("Add", "members", list(member, "more")))
	c.patch("/Groups/${huge}", 204, op("remove", `members[value eq "${last}"]`, ""))
	if !in("more") || in("last") {
		t.Errorf("more is in: %v, last is in: %v", in("more"), in("last"))
	}
	c.patch("/Groups/${huge}", 200, op("Remove", "members", list(member, "more")), op("Replace", "displayName", `"Less"`))
	if in("more") {
		t.Error("more is still in")
	}
	c.send("GET", "/Groups/${huge}", "").want(c, 200, "")
	c.send("DELETE", "/Groups/${huge}", "").want(c, 204, "")
	c.wantNotFound("/Groups", "huge")
}

// matchesWhenIndexed: a matching attribute finds people of any number of people, once they are all indexed (rule C40).
func matchesWhenIndexed(t *testing.T, s *stack.Stack, c client, refused func(query string, says ...string)) {
	t.Helper()
	const number = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"
	c.create("late", "/Users", `{"userName":"late","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"E77"}}`)
	query := "filter=" + url.QueryEscape(number+` eq "e77"`)
	refused(query, number, "matchingAttributes")
	p, err := s.Service.As(s.Admin).Providers.Patch(t.Context(), s.Provider.ID, administration.Unchecked,
		administration.ProviderPatch{Matching: &[]string{"employeeNumber"}})
	if err != nil {
		t.Fatal(err)
	}
	refused(query, number, "matchingAttributes", "0 of 10003 users", p.Modified.Format(time.RFC3339))
	e, err := s.Service.Log.Entry(t.Context(), s.Admin.Tenant, "", p.Modified, p.MatchingRun)
	if err == nil {
		err = s.Service.FollowEntry(t.Context(), s.Admin.Tenant, e)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Minute)
	if err := s.Service.RunTasks(t.Context(), func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	refused("filter="+url.QueryEscape(`userType pr or `+number+` eq "E77"`), number, "userType")
	for _, filter := range []string{number + ` eq "e77"`, `nickName ne "x" and (employeeNumber eq "E77")`} {
		if got := c.find("/Users", filter); len(got) != 1 || got[0] != "late" {
			t.Errorf("%s: found %q", filter, got)
		}
	}
}

// readThroughPeople reads the members of the group of 10,001 as users, in pages by cursor (rule C39).
func readThroughPeople(t *testing.T, c client, filter string) {
	t.Helper()
	pages := func(filter string, more string) (ids map[string]bool, total any, pages int) {
		t.Helper()
		ids = map[string]bool{}
		for cursor := ""; ; pages++ {
			a := c.get("/Users?filter=" + url.QueryEscape(c.expand(filter)) + "&count=200&cursor=" + cursor + more)
			for _, id := range a.listed() {
				if ids[id] {
					t.Errorf("%s twice", id)
				}
				ids[id] = true
			}
			total = a.json["totalResults"]
			if cursor, _ = a.json["nextCursor"].(string); cursor == "" {
				return ids, total, pages + 1
			}
		}
	}
	if ids, total, n := pages(filter, "&attributes=userName"); len(ids) != 10_001 || total != 10_001.0 || n != 51 {
		t.Errorf("%d people of %v in %d pages", len(ids), total, n)
	}
	if ids, total, n := pages(filter+` and userName co "U1000"`, ""); len(ids) != 2 || total != nil || n > 11 {
		t.Errorf("with another term: %d people of %v in %d pages", len(ids), total, n)
	}
	for _, query := range []string{"", "&startIndex=1&count=1", "&cursor=&sortBy=userName"} {
		a := c.send("GET", "/Users?filter="+url.QueryEscape(filter)+query, "").want(c, 400, "tooMany")
		if detail, _ := a.json["detail"].(string); !strings.Contains(detail, filter+"&cursor=") {
			t.Errorf("%s: the detail is %q", query, detail)
		}
	}
	if got := c.find("/Users", filter+` and userName eq "u77"`); len(got) != 1 {
		t.Errorf("with a key: found %q", got)
	}
}
