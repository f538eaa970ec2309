package conformance_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/random"
)

// find searches by filter.
func (c client) find(endpoint, filter string) []string {
	c.Helper()
	return c.get(endpoint + "?filter=" + url.QueryEscape(c.expand(filter))).listed()
}

// patch sends operations, whose response must have the status.
func (c client) patch(path string, status int, operations ...string) answer {
	c.Helper()
	return c.send("PATCH", path, ops(operations...)).want(c, status, "")
}

// wantNotFound fails unless every request for the resource gets 404 and no search finds it.
func (c client) wantNotFound(endpoint, name string) {
	c.Helper()
	path := endpoint + "/${" + name + "}"
	c.send("GET", path, "").want(c, 404, "")
	c.send("PATCH", path, ops(op("Replace", "displayName", `"x"`))).want(c, 404, "")
	c.send("PUT", path, `{"userName":"x","displayName":"x"}`).want(c, 404, "")
	c.send("DELETE", path, "").want(c, 404, "")
	if found := c.find(endpoint, `id eq "${`+name+`}"`); len(found) > 0 {
		c.Errorf("found %q", found)
	}
}

func lifecycleCases() []entraCase {
	return []entraCase{
		{"8 a blocked user stays readable and findable", "entra okta generic", func(c client) {
			c.create("me", "/Users", `{"userName":"leaver-${n}@contoso.example"}`)
			c.patch("/Users/${me}", 200, op("Replace", "active", `"False"`))
			if u := c.get("/Users/${me}"); u.json["active"] != false {
				c.Errorf("active is %v", u.json["active"])
			}
			if got := c.find("/Users", `userName eq "leaver-${n}@contoso.example"`); len(got) != 1 {
				c.Errorf("found %q", got)
			}
		}},
		{"8 a blocked user keeps groups and manager, also when restored", "", func(c client) {
			c.create("me", "/Users", `{"userName":"back-${n}@contoso.example","${ent}":{"manager":"${boss}"}}`)
			c.create("crew", "/Groups", `{"displayName":"Back ${n}","members":[{"value":"${me}"}]}`)
			for _, value := range []string{"False", "True"} {
				c.patch("/Users/${me}", 200, op("Replace", "active", quote(value)))
				u := c.get("/Users/${me}")
				if groups, _ := u.json["groups"].([]any); len(groups) != 1 {
					c.Errorf("active %s: groups %v", value, u.json["groups"])
				}
				if ent, _ := u.json[entURN].(object); ent["manager"] == nil {
					c.Errorf("active %s: no manager", value)
				}
				if g := c.get("/Groups/${crew}"); len(g.json["members"].([]any)) != 1 {
					c.Errorf("active %s: members %v", value, g.json["members"])
				}
			}
		}},
		{"8 restored with differences in the same request", "", func(c client) {
			c.create("me", "/Users", `{"userName":"restored-${n}@contoso.example","active":false,"title":"Old"}`)
			c.change("/Users/${me}", `{"active":true,"title":"New"}`, func() answer {
				return c.patch("/Users/${me}", 200, op("Replace", "active", `"True"`), op("Replace", "title", `"New"`))
			})
		}},
		{"8 a blocked user can be created", "", func(c client) {
			c.create("me", "/Users", `{"userName":"blocked-${n}@contoso.example","active":false}`)
			if u := c.get("/Users/${me}"); u.json["active"] != false {
				c.Errorf("active is %v", u.json["active"])
			}
		}},
		{"8 a hard delete returns 204 and leaves nothing", "entra okta generic", func(c client) {
			c.create("me", "/Users", `{"userName":"deleted-${n}@contoso.example"}`)
			if a := c.send("DELETE", "/Users/${me}", "").want(c, 204, ""); a.text != "" {
				c.Errorf("204 with a body: %s", a.text)
			}
			c.wantNotFound("/Users", "me")
		}},
		{"8 after a hard delete the names are free for another user", "", func(c client) {
			const body = `{"userName":"again-${n}@contoso.example","externalId":"again-${n}"}`
			c.create("old", "/Users", body)
			c.create("crew", "/Groups", `{"displayName":"Again ${n}","members":[{"value":"${old}"}]}`)
			c.patch("/Users/${old}", 200, op("Add", entPath+"manager", `"${boss}"`))
			c.send("DELETE", "/Users/${old}", "").want(c, 204, "")
			c.create("new", "/Users", body)
			u := c.get("/Users/${new}")
			if c.names["new"] == c.names["old"] || u.json["groups"] != nil || u.json[entURN] != nil {
				c.Errorf("the new user has data of the old one: %s", u.text)
			}
			if got := c.find("/Users", `externalId eq "again-${n}"`); len(got) != 1 {
				c.Errorf("found %q", got)
			}
			c.wantNotFound("/Users", "old")
		}},
		{"8 a deleted group is not found and its name is free", "", func(c client) {
			c.create("old", "/Groups", `{"displayName":"Once ${n}","members":[{"value":"${ann}"}]}`)
			c.send("DELETE", "/Groups/${old}", "").want(c, 204, "")
			c.wantNotFound("/Groups", "old")
			c.create("new", "/Groups", `{"displayName":"Once ${n}"}`)
			if g := c.get("/Groups/${new}"); g.json["members"] != nil {
				c.Errorf("the new group has members: %s", g.text)
			}
		}},
		{"C18 a deleted user leaves all groups", "", func(c client) {
			c.create("me", "/Users", `{"userName":"member-${n}@contoso.example"}`)
			c.create("one", "/Groups", `{"displayName":"One ${n}","members":[{"value":"${me}"},{"value":"${ann}"}]}`)
			c.create("two", "/Groups", `{"displayName":"Two ${n}","members":[{"value":"${me}"}]}`)
			c.change("/Groups/${one}", `{"members":["ann"]}`, func() answer { return c.send("DELETE", "/Users/${me}", "").want(c, 204, "") })
			if g := c.get("/Groups/${two}"); g.json["members"] != nil {
				c.Errorf("members %v", g.json["members"])
			}
			if got := c.find("/Groups", `members eq "${me}"`); len(got) > 0 {
				c.Errorf("found %q", got)
			}
		}},
		{"C18 a deleted user is nobody's manager", "", func(c client) {
			c.create("lead", "/Users", `{"userName":"lead-${n}@contoso.example"}`)
			c.create("me", "/Users", `{"userName":"report-${n}@contoso.example","${ent}":{"manager":"${lead}","department":"D"}}`)
			c.change("/Users/${me}", `{"${ent}":{"department":"D"}}`, func() answer {
				return c.send("DELETE", "/Users/${lead}", "").want(c, 204, "")
			})
			if got := c.find("/Users", `manager eq "${lead}"`); len(got) > 0 {
				c.Errorf("found %q", got)
			}
		}},
		{"C18 a deleted group leaves the groups it is in, and its members' groups", "", func(c client) {
			c.create("inner", "/Groups", `{"displayName":"Inner ${n}","members":[{"value":"${ann}"}]}`)
			c.create("outer", "/Groups", `{"displayName":"Outer ${n}","members":[{"value":"${inner}"},{"value":"${bob}"}]}`)
			c.change("/Groups/${outer}", `{"members":["bob"]}`, func() answer { return c.send("DELETE", "/Groups/${inner}", "").want(c, 204, "") })
			if u := c.get("/Users/${ann}"); strings.Contains(u.text, c.names["inner"]) {
				c.Errorf("the user is still in the group: %s", u.text)
			}
		}},
		{"8 a replayed create is refused", "", func(c client) {
			const body = `{"userName":"replay-${n}@contoso.example","externalId":"r${n}"}`
			c.create("me", "/Users", body)
			c.change("/Users/${me}", "", func() answer { return c.send("POST", "/Users", body).want(c, 409, "uniqueness") })
		}},
		{"10 unknown ids get 404 everywhere", "", func(c client) {
			c.names["none"] = "u0000000000000000000000000"
			c.wantNotFound("/Users", "none")
			c.names["none"] = "g0000000000000000000000000"
			c.wantNotFound("/Groups", "none")
			c.names["none"] = "not-an-id"
			c.wantNotFound("/Users", "none")
		}},
		{"7.3 the old name is free after a rename", "", func(c client) {
			c.create("me", "/Users", `{"userName":"maiden-${n}@contoso.example"}`)
			c.patch("/Users/${me}", 200, op("Replace", "userName", `"married-${n}@contoso.example"`))
			if got := c.find("/Users", `userName eq "maiden-${n}@contoso.example"`); len(got) > 0 {
				c.Errorf("the old name finds %q", got)
			}
			if got := c.find("/Users", `userName eq "MARRIED-${n}@contoso.example"`); len(got) != 1 {
				c.Errorf("the new name finds %q", got)
			}
			c.create("other", "/Users", `{"userName":"Maiden-${n}@contoso.example"}`)
		}},
		{"7.3 two users swap their names through a third", "", func(c client) {
			c.create("x", "/Users", `{"userName":"x-${n}"}`)
			c.create("y", "/Users", `{"userName":"y-${n}"}`)
			rename := func(who, to string, status int) {
				c.send("PATCH", "/Users/${"+who+"}", ops(op("Replace", "userName", quote(to+"-${n}")))).want(c, status,
					map[bool]string{true: "uniqueness"}[status == 409])
			}
			rename("x", "y", 409)
			rename("x", "z", 200)
			rename("y", "x", 200)
			rename("x", "y", 200)
			if x, y := c.get("/Users/${x}").json["userName"], c.get("/Users/${y}").json["userName"]; x != c.expand("y-${n}") ||
				y != c.expand("x-${n}") {
				c.Errorf("names %v and %v", x, y)
			}
		}},
		{"13 members added concurrently are all kept", "", func(c client) { concurrentMembers(c, 12) }},
		{"13 a cycle and an on-demand run write one user concurrently", "", func(c client) {
			c.create("me", "/Users", `{"userName":"both-${n}@contoso.example"}`)
			writes := []string{op("Add", "title", `"T"`), op("replace", "", `{"name.givenName":"Kim"}`), op("Add", workPath, `"a@b"`),
				op("replace", "", `{"${ent}:department":"D"}`)}
			var wg sync.WaitGroup
			for _, w := range writes {
				wg.Go(func() {
					if a := c.send("PATCH", "/Users/${me}", ops(w)); a.status != 200 {
						c.Errorf("status %d: %s", a.status, a.text)
					}
				})
			}
			wg.Wait()
			u := c.get("/Users/${me}")
			if u.json["title"] != "T" || u.json["name"] == nil || u.json["emails"] == nil || u.json[entURN] == nil || u.version()[0] != `W/"5"` {
				c.Errorf("something was lost: %s", u.text)
			}
		}},
	}
}

// concurrentMembers adds members in concurrent requests.
func concurrentMembers(c client, n int) {
	c.create("crew", "/Groups", `{"displayName":"Race ${n}"}`)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = c.send("POST", "/Users", fmt.Sprintf(`{"userName":"racer-%d-${n}"}`, i)).want(c, 201, "").id()
	}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			if a := c.send("PATCH", "/Groups/${crew}", ops(op("Add", "members", `[{"value":"`+id+`"}]`))); a.status != 204 {
				c.Errorf("status %d: %s", a.status, a.text)
			}
		})
	}
	wg.Wait()
	g := c.get("/Groups/${crew}")
	if members, _ := g.json["members"].([]any); len(members) != n {
		c.Errorf("%d members of %d", len(members), n)
	}
}

// second returns a client of another provider of the same tenant.
func (c client) second() client {
	c.Helper()
	tenant, _ := c.stack.Provider.ID.Tenant()
	admin := administration.Admin{Tenant: tenant, Actor: directory.Actor{Kind: directory.ActorSystem, ID: "test"}}
	p, token, err := c.stack.Service.As(admin).Providers.Create(context.Background(),
		administration.NewProvider{DisplayName: "Second " + random.ID(), Profile: "entra"})
	if err != nil {
		c.Fatal(err)
	}
	other := c.in(c.TB)
	other.base, other.token = strings.Replace(c.base, string(c.stack.Provider.ID), string(p.ID), 1), token
	return other
}

func otherProviderCases() []entraCase {
	return []entraCase{
		{"C11 userName is unique over the providers of a tenant", "", func(c client) {
			c.create("me", "/Users", `{"userName":"shared-${n}@contoso.example"}`)
			c.second().send("POST", "/Users", `{"userName":"SHARED-${n}@contoso.example"}`).want(c, 409, "uniqueness")
			c.send("DELETE", "/Users/${me}", "").want(c, 204, "")
			c.second().send("POST", "/Users", `{"userName":"Shared-${n}@contoso.example"}`).want(c, 201, "")
		}},
		{"C11 displayName of a group is unique within its provider only", "", func(c client) {
			c.create("me", "/Groups", `{"displayName":"Everyone ${n}"}`)
			c.second().send("POST", "/Groups", `{"displayName":"Everyone ${n}"}`).want(c, 201, "")
		}},
		{"C11 externalId is not unique", "", func(c client) {
			c.create("me", "/Users", `{"userName":"e1-${n}","externalId":"same-${n}"}`)
			c.create("other", "/Users", `{"userName":"e2-${n}","externalId":"same-${n}"}`)
			if got := c.find("/Users", `externalId eq "same-${n}"`); len(got) != 2 {
				c.Errorf("found %q", got)
			}
		}},
		{"C11 names compare after NFC", "", func(c client) {
			c.create("me", "/Users", `{"userName":"josé-${n}@contoso.example"}`)
			c.send("POST", "/Users", `{"userName":"jose\u0301-${n}@contoso.example"}`).want(c, 409, "uniqueness")
			if got := c.find("/Users", `userName eq "JOSE`+"\u0301"+`-${n}@contoso.example"`); len(got) != 1 ||
				got[0] != c.expand("josé-${n}@contoso.example") {
				c.Errorf("found %q", got)
			}
		}},
		{"C11 names compare after full case folding", "", func(c client) {
			c.create("me", "/Users", `{"userName":"strasse-${n}"}`)
			c.send("POST", "/Users", `{"userName":"STRAßE-${n}"}`).want(c, 409, "uniqueness")
		}},
		{"C10 another provider's user cannot be a member", "", func(c client) {
			other := c.second()
			other.create("stranger", "/Users", `{"userName":"stranger-${n}"}`)
			c.names["stranger"] = other.names["stranger"]
			c.create("me", "/Groups", `{"displayName":"Own ${n}"}`)
			c.change("/Groups/${me}", "", func() answer {
				return c.send("PATCH", "/Groups/${me}", ops(op("Add", "members", list(member, "stranger")))).want(c, 400, "invalidValue")
			})
		}},
		{"4 another provider's user is not found", "", func(c client) {
			other := c.second()
			other.create("stranger", "/Users", `{"userName":"hidden-${n}"}`)
			c.names["stranger"] = other.names["stranger"]
			c.wantNotFound("/Users", "stranger")
			if got := c.find("/Users", `userName eq "hidden-${n}"`); len(got) > 0 {
				c.Errorf("found %q", got)
			}
		}},
		{"4 another provider's token is refused", "entra okta generic", func(c client) {
			c.token = c.second().token
			unauthorized(c, c.send("GET", "/Users", ""))
		}},
		{"4 no token, a wrong one and an unknown provider are refused alike", "", func(c client) {
			good := c
			var texts []string
			for _, token := range []string{"", "wrong", good.token + "x", good.token[:len(good.token)-1]} {
				c.token = token
				texts = append(texts, unauthorized(c, c.send("GET", "/Users/${boss}", "")))
			}
			c = good
			c.base = strings.Replace(c.base, string(c.stack.Provider.ID), "defaultzzzzz", 1)
			texts = append(texts, unauthorized(c, c.send("GET", "/Users/${boss}", "")))
			for _, text := range texts {
				if text != texts[0] {
					c.Errorf("responses differ: %s and %s", texts[0], text)
				}
			}
		}},
	}
}

func unauthorized(c client, a answer) string {
	c.Helper()
	a.want(c, 401, "")
	if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		c.Errorf("WWW-Authenticate %q", a.header.Get("WWW-Authenticate"))
	}
	return a.text
}
