package conformance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// templateCases follow Microsoft's validators (15.1, 15.2) and the discovery of the schema (14).
func templateCases() []entraCase {
	return []entraCase{
		{"14 the schemas produce every name a mapping may target", "entra entra-gov generic okta", func(c client) {
			names := producedNames(c.get("/Schemas").json)
			wanted := []string{"active", "userName", "members", "displayName", "externalId", "nickName", "locale", "timezone",
				"name.middleName", "name.honorificPrefix", "name.honorificSuffix", `roles[primary eq "true"].value`, `roles[primary eq "true"].display`,
				`emails[type eq "home"].value`, `phoneNumbers[type eq "home"].value`, `phoneNumbers[type eq "pager"].value`,
				`phoneNumbers[type eq "other"].value`,
				`addresses[type eq "home"].locality`, entPath + "costCenter", entPath + "organization", customURN + ":tag", customURN + ":remote"}
			for _, m := range append(defaultMapping(), galleryMapping()...) {
				wanted = append(wanted, strings.TrimSuffix(m.path, ":manager"))
			}
			wanted = append(slices.DeleteFunc(wanted, func(w string) bool { return w == entURN }), "manager")
			for _, w := range wanted {
				if !names[strings.ToLower(w)] {
					c.Errorf("no schema attribute produces %s", w)
				}
			}
			for _, w := range []string{"profileUrl", "password"} {
				if names[strings.ToLower(w)] {
					c.Errorf("a schema attribute produces %s", w)
				}
			}
		}},
		{"14 externalId is listed in both core schemas", "", func(c client) {
			for _, urn := range []string{coreURN, groupURN} {
				s := c.get("/Schemas/" + strings.ToUpper(urn))
				if !slices.ContainsFunc(attributesOf(s.json), func(a object) bool { return a["name"] == "externalId" }) || s.json["id"] != urn {
					c.Errorf("%s lists no externalId", urn)
				}
			}
		}},
		{"14 no schema holds a null", "", func(c client) {
			for _, path := range []string{"/Schemas", "/ResourceTypes", "/ServiceProviderConfig"} {
				if a := c.get(path); strings.Contains(a.text, "null") {
					c.Errorf("%s holds null", path)
				}
			}
		}},
		{"14 discovery refuses filters and requests without a token", "", func(c client) {
			for _, path := range []string{"/Schemas", "/ResourceTypes", "/ServiceProviderConfig"} {
				c.send("GET", path+"?filter=id+pr", "").want(c, 403, "")
				closed := c
				closed.token = ""
				unauthorized(closed, closed.send("GET", path, ""))
			}
		}},
		{"15.2 null update: every optional attribute, empty and null", "", nullUpdate},
		{"15.2 user update: every attribute in one request of paths", "", func(c client) {
			userUpdate(c, func(values map[string]string) []string {
				var out []string
				for _, path := range slices.Sorted(maps.Keys(values)) {
					out = append(out, op("Replace", path, values[path]))
				}
				return out
			})
		}},
		{"15.2 user update: every attribute in one batch", "", func(c client) {
			userUpdate(c, func(values map[string]string) []string {
				var out, batch []string
				for _, path := range slices.Sorted(maps.Keys(values)) {
					if strings.Contains(path, "[") {
						out = append(out, op("replace", path, values[path]))
					} else {
						batch = append(batch, quote(path)+":"+values[path])
					}
				}
				return append(out, op("replace", "", "{"+strings.Join(batch, ",")+"}"))
			})
		}},
		{"15.2 user create: found by each matching attribute", "", func(c client) {
			c.create("me", "/Users",
				`{"schemas":["${core}","${ent}"],"userName":"upd-${n}-1a2b3c4d","externalId":"upd-${n}-5e","active":true,`+
					`"emails":[{"type":"work","value":"upd-${n}-6f"}],"${ent}":{"employeeNumber":"upd-${n}"}}`)
			for _, f := range []string{`userName eq "upd-${n}-1a2b3c4d"`, `externalId eq "upd-${n}-5e"`,
				`emails[type eq "work"].value eq "upd-${n}-6f"`, `${ent}:employeeNumber eq "upd-${n}"`} {
				if got := c.find("/Users", f); len(got) != 1 {
					c.Errorf("%s finds %q", f, got)
				}
			}
		}},
		{"15.2 group update: displayName and externalId by path", "", func(c client) {
			c.create("me", "/Groups", `{"displayName":"Tpl ${n}","externalId":"x"}`)
			c.change("/Groups/${me}", `{"displayName":"upd-1a2b-${n}","externalId":"upd-3c4d-${n}"}`, func() answer {
				return c.patch("/Groups/${me}", 204, op("replace", "displayName", `"upd-1a2b-${n}"`), op("replace", "externalId", `"upd-3c4d-${n}"`))
			})
		}},
		{"15.2 manager update: set, changed, cleared", "", func(c client) {
			c.create("me", "/Users", `{"userName":"tpl-${n}","displayName":"D"}`)
			for _, s := range [][2]string{{op("Add", entPath+"manager", `"${boss}"`), managed("boss")},
				{op("replace", entPath+"manager", `"${chief}"`), managed("chief")}, {op("replace", entPath+"manager", `""`), `{"${ent}":null}`}} {
				c.change("/Users/${me}", s[1], func() answer { return c.patch("/Users/${me}", 200, s[0]) })
			}
		}},
		{"15.2 restore: disabled, then back", "", func(c client) {
			c.create("me", "/Users", `{"userName":"tpl-${n}"}`)
			c.patch("/Users/${me}", 200, op("Replace", "active", `"False"`))
			if got := c.find("/Users", `userName eq "tpl-${n}" and active eq "False"`); len(got) != 1 {
				c.Errorf("disabled: found %q", got)
			}
			c.patch("/Users/${me}", 200, op("Replace", "active", `"True"`))
			if got := c.find("/Users", `userName eq "tpl-${n}" and active eq true`); len(got) != 1 {
				c.Errorf("back: found %q", got)
			}
		}},
		{"15.1 create, find, create again, delete", "", func(c client) {
			const body = `{"userName":"web-${n}@contoso.example","displayName":"Web ${n}"}`
			c.create("me", "/Users", body)
			if got := c.find("/Users", `displayName eq "wEB ${n}"`); len(got) != 1 {
				c.Errorf("found %q", got)
			}
			c.send("POST", "/Users", body).want(c, 409, "uniqueness")
			c.send("DELETE", "/Users/${me}", "").want(c, 204, "")
		}},
		{"15.1 add of elements that do not exist, untyped ones, too", "", func(c client) {
			c.create("me", "/Users", `{"userName":"web-${n}"}`)
			c.change("/Users/${me}",
				`{"entitlements":[{"type":"untyped","value":"a","display":"A"}],"x509Certificates":[{"type":"untyped","value":"MIIB"}],`+
					`"phoneNumbers":[{"type":"home","value":"1","primary":true}]}`, func() answer {
					return c.patch("/Users/${me}", 200, op("add", `entitlements[type eq "untyped"].value`, `"a"`),
						op("add", `entitlements[type eq "untyped"].display`, `"A"`),
						op("add", `x509Certificates[type eq "untyped"].value`, `"MIIB"`), op("add", `phoneNumbers[type eq "home"].value`, `"1"`),
						op("add", `phoneNumbers[type eq "home"].primary`, `"true"`))
				})
		}},
		{"15.1 update of the joining property", "", func(c client) {
			c.create("me", "/Users", `{"userName":"join-${n}"}`)
			c.patch("/Users/${me}", 200, op("replace", "userName", `"joined-${n}"`))
			if got := c.find("/Users", `userName eq "joined-${n}"`); len(got) != 1 || len(c.find("/Users", `userName eq "join-${n}"`)) != 0 {
				c.Errorf("found %q", got)
			}
		}},
		{"15.1 disabled users are still returned", "", func(c client) {
			c.create("me", "/Users", `{"userName":"off-${n}"}`)
			c.change("/Users/${me}", `{"active":false}`, func() answer { return c.patch("/Users/${me}", 200, op("replace", "active", `false`)) })
			if got := c.find("/Users", `userName eq "off-${n}"`); len(got) != 1 {
				c.Errorf("found %q", got)
			}
		}},
		{"15.1 a group, the same again, a member, a rename", "", func(c client) {
			c.create("me", "/Groups", `{"displayName":"Web ${n}"}`)
			c.send("POST", "/Groups", `{"displayName":"Web ${n}"}`).want(c, 409, "uniqueness")
			c.change("/Groups/${me}", `{"members":["ann"]}`, func() answer {
				return c.patch("/Groups/${me}", 204, op("add", "members", list(member, "ann")))
			})
			c.change("/Groups/${me}", `{"displayName":"Webbed ${n}"}`, func() answer {
				return c.patch("/Groups/${me}", 204, op("replace", "displayName", `"Webbed ${n}"`))
			})
		}},
	}
}

// optional returns the mappings that the template may clear: all except required ones, references and externalId.
func optional() []mapping {
	return slices.DeleteFunc(append(defaultMapping(), galleryMapping()...), func(m mapping) bool {
		return m.required || m.path == "externalId" || strings.HasSuffix(m.path, ":manager")
	})
}

func nullUpdate(c client) {
	c.create("me", "/Users", `{"userName":"null-${n}","externalId":"keep"}`)
	smallest := c.get("/Users/${me}").json
	for _, nothing := range []string{`""`, "null"} {
		var fill, clear []string
		for _, m := range optional() {
			fill, clear = append(fill, op("add", m.path, m.one)), append(clear, op("replace", m.path, nothing))
		}
		if full := c.patch("/Users/${me}", 200, fill...); len(full.json) < len(smallest)+8 {
			c.Fatalf("not filled: %s", full.text)
		}
		want := []string{}
		for name := range c.get("/Users/${me}").json {
			if _, kept := smallest[name]; !kept {
				want = append(want, quote(name)+":null")
			}
		}
		c.change("/Users/${me}", "{"+strings.Join(want, ",")+"}", func() answer { return c.patch("/Users/${me}", 200, clear...) })
		c.change("/Users/${me}", "", func() answer { return c.patch("/Users/${me}", 200, clear...) })
	}
}

// userUpdate sets every single-valued attribute to a value in the form of the template, and reads it back.
func userUpdate(c client, operations func(map[string]string) []string) {
	c.create("me", "/Users", `{"userName":"update-${n}"}`)
	values := map[string]string{"active": `"true"`, customURN + ":remote": `"true"`, customURN + ":floor": `48213`,
		customURN + ":since": `"2026-11-02T09:00:00.1234567Z"`,
		customURN + ":tag":   `"upd-${n}-tag"`, `roles[primary eq "True"].value`: `"upd-role"`}
	shapes := map[string]object{}
	for i, m := range append(defaultMapping(), galleryMapping()...) {
		if strings.HasSuffix(m.path, ":manager") {
			continue
		}
		values[m.path] = fmt.Sprintf(`"upd-${n}-%08x"`, i)
		shapes[m.path] = c.parse(strings.NewReplacer("%s", values[m.path], "%[1]s", values[m.path]).Replace(m.shape))
	}
	c.patch("/Users/${me}", 200, operations(values)...)
	u := c.get("/Users/${me}")
	for path, shape := range shapes {
		if !contains(u.json, shape) {
			c.Errorf("%s is not %s in %s", path, values[path], u.text)
		}
	}
	custom := c.parse(`{"remote":true,"floor":48213,"since":"2026-11-02T09:00:00.1234567Z","tag":"upd-${n}-tag"}`)
	if !contains(u.json, object{customURN: custom, "active": true, "roles": []any{object{"value": "upd-role", "primary": true}}}) {
		c.Errorf("custom attributes or roles are wrong: %s", u.text)
	}
}

// contains reports whether a JSON value contains another: all its members, an element for each of its elements.
func contains(have, want any) bool {
	switch w := want.(type) {
	case object:
		h, _ := have.(object)
		for k, v := range w {
			if !contains(h[k], v) {
				return false
			}
		}
		return true
	case []any:
		h, _ := have.([]any)
		for _, v := range w {
			if !slices.ContainsFunc(h, func(e any) bool { return contains(e, v) }) {
				return false
			}
		}
		return true
	}
	return have == want
}

func attributesOf(schema object) []object {
	list, _ := schema["attributes"].([]any)
	if list == nil {
		list, _ = schema["subAttributes"].([]any)
	}
	out := make([]object, len(list))
	for i, a := range list {
		out[i] = a.(object)
	}
	return out
}

// producedNames returns the attribute names that the template derives from the schemas, in lower case.
func producedNames(list object) map[string]bool {
	names := map[string]bool{}
	add := func(format string, args ...any) { names[strings.ToLower(fmt.Sprintf(format, args...))] = true }
	for _, r := range list["Resources"].([]any) {
		schema := r.(object)
		for _, a := range attributesOf(schema) {
			name, complexType, many := a["name"].(string), a["type"] == "complex", a["multiValued"] == true
			if id := schema["id"]; id != coreURN && id != groupURN {
				add("%s:%s", id, name)
			}
			switch {
			case name == "manager" || name == "members":
				add("%s", name)
			case complexType:
				nested(add, a, name, many)
			case a["type"] != "reference":
				add("%s", name)
			}
		}
	}
	return names
}

func nested(add func(string, ...any), a object, name string, many bool) {
	var kinds []any
	for _, sub := range attributesOf(a) {
		if sub["name"] == "type" {
			kinds, _ = sub["canonicalValues"].([]any)
		}
	}
	for _, sub := range attributesOf(a) {
		switch {
		case !many && sub["type"] != "complex" && sub["type"] != "reference":
			add("%s.%s", name, sub["name"])
		case many && kinds == nil && sub["name"] != "primary":
			add(`%s[primary eq "True"].%s`, name, sub["name"])
		case many && sub["name"] != "type" && sub["name"] != "primary":
			for _, kind := range kinds {
				add(`%s[type eq "%s"].%s`, name, kind, sub["name"])
			}
		}
	}
}
