package conformance_test

import (
	"fmt"
	"strings"
)

// mapping is a row of an attribute mapping: the path that Entra writes to, two values, and the form of the attribute with
// the value at %s.
type mapping struct {
	path, one, two string
	shape          string
	required       bool // it cannot be cleared
}

func typed(attr, kind, sub string) mapping {
	return mapping{path: fmt.Sprintf(`%s[type eq %q].%s`, attr, kind, sub), one: `"upd-1a2b3c4d"`, two: `"upd-5e6f7081"`,
		shape: fmt.Sprintf(`{"%s":[{"%s":%%s,"type":"%s"}]}`, attr, sub, kind)}
}

func plain(name string) mapping {
	return mapping{path: name, one: `"One ${n}"`, two: `"Two ${n}"`, shape: `{"` + name + `":%s}`}
}

func part(name string) mapping {
	m := plain(name)
	m.path, m.shape = "name."+name, `{"name":{"`+name+`":%s}}`
	return m
}

func enterprise(name string) mapping {
	m := plain(name)
	m.path, m.shape = entPath+name, `{"${ent}":{"`+name+`":%s}}`
	return m
}

var (
	userNameMapping = mapping{path: "userName", one: `"map-one-${n}@contoso.example"`, two: `"map-two-${n}@contoso.example"`,
		shape: `{"userName":%s}`, required: true}
	managerMapping = mapping{path: entPath + "manager", one: `"${boss}"`, two: `"${chief}"`,
		shape: `{"${ent}":{"manager":{"value":%[1]s,"$ref":"${base}/Users/"}}}`}
)

// defaultMapping is the initial mapping of a non-gallery application (16.1), without active.
func defaultMapping() []mapping {
	return []mapping{
		userNameMapping, plain("displayName"), plain("title"), typed("emails", "work", "value"), typed("emails", "other", "value"),
		plain("preferredLanguage"), part("givenName"), part("familyName"), part("formatted"), typed("addresses", "work", "formatted"),
		typed("addresses", "other", "formatted"), typed("addresses", "work", "streetAddress"), typed("addresses", "work", "locality"),
		typed("addresses", "work", "region"), typed("addresses", "work", "postalCode"), typed("addresses", "work", "country"),
		typed("phoneNumbers", "work", "value"), typed("phoneNumbers", "mobile", "value"), typed("phoneNumbers", "fax", "value"),
		plain("externalId"), enterprise("employeeNumber"), enterprise("department"), managerMapping,
	}
}

// galleryMapping lists the additional mappings of the gallery application (16.2).
func galleryMapping() []mapping { return []mapping{plain("userType"), enterprise("division")} }

// mappingCases writes each mapped attribute in both dialects: without and with a previous value, unchanged, and removed.
func mappingCases() []entraCase {
	var all []entraCase
	for rule, mappings := range map[string][]mapping{"16.1": defaultMapping(), "16.2": galleryMapping()} {
		for _, m := range mappings {
			name := strings.TrimPrefix(m.path, entPath)
			all = append(all,
				entraCase{rule + " legacy writes " + name, "", func(c client) {
					m.flow(c, op("Add", m.path, m.one), op("Replace", m.path, m.two), op("Replace", m.path, `""`), op("Remove", m.path, ""))
				}},
				entraCase{rule + " compliant writes " + name, "", func(c client) {
					m.flow(c, m.batched(m.one), m.batched(m.two), m.batched(`""`), m.batched(`null`))
				}})
		}
	}
	return append(all, activeCases()...)
}

// batched returns the operation of the compliant dialect: with a path only if the path is typed.
func (m mapping) batched(value string) string {
	if strings.Contains(m.path, "[") {
		return op("replace", m.path, value)
	}
	return op("replace", "", `{`+quote(m.path)+`:`+value+`}`)
}

// at returns the attribute with the value.
func (m mapping) at(value string) string {
	out := fmt.Sprintf(m.shape, value)
	return strings.ReplaceAll(out, `Users/"`, `Users/`+strings.Trim(value, `"`)+`"`)
}

// none returns the attribute without a value.
func (m mapping) none() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(m.shape, `{"`), `"`)
	return `{"` + name + `":null}`
}

func (m mapping) flow(c client, set, replace, empty, away string) {
	c.create("me", "/Users", `{"schemas":["${core}"],"userName":"map-${n}@contoso.example","externalId":"e${n}"}`)
	if m.path == "externalId" {
		c.send("PATCH", "/Users/${me}", ops(op("Remove", "externalId", ""))).want(c, 200, "")
	}
	patch := func(operation, want string, status int, scimType string) {
		c.Helper()
		c.change("/Users/${me}", want, func() answer {
			return c.send("PATCH", "/Users/${me}", ops(operation)).want(c, status, scimType)
		})
	}
	patch(set, m.at(m.one), 200, "")
	patch(set, "", 200, "")
	patch(replace, m.at(m.two), 200, "")
	if m.required {
		patch(empty, "", 400, "invalidValue")
		return
	}
	patch(empty, m.none(), 200, "")
	patch(away, "", 200, "")
	patch(set, m.at(m.one), 200, "")
	patch(away, m.none(), 200, "")
}

func activeCases() []entraCase {
	flow := func(off, on string) func(client) {
		return func(c client) {
			c.create("me", "/Users", `{"userName":"active-${n}@contoso.example"}`)
			for _, s := range []struct{ operation, want string }{{off, `{"active":false}`}, {off, ""}, {on, `{"active":true}`}, {on, ""}} {
				c.change("/Users/${me}", s.want, func() answer { return c.send("PATCH", "/Users/${me}", ops(s.operation)).want(c, 200, "") })
			}
		}
	}
	return []entraCase{
		{"16.1 legacy writes active", "", flow(op("Replace", "active", `"False"`), op("Replace", "active", `"True"`))},
		{"16.1 compliant writes active", "", flow(op("replace", "", `{"active":false}`), op("replace", "", `{"active":true}`))},
	}
}

// target is a typed path with a matching and another element, and the elements that result from an operation.
type target struct {
	attr, path          string
	hit, other          string // elements before
	set, cleared, fresh string // the matching element with the new value, and without a value ("": dropped); the created element
}

var targets = []target{
	{"emails", workPath, `{"value":"w@x","type":"work","primary":true}`, `{"value":"h@x","type":"home"}`,
		`{"value":"new","type":"work","primary":true}`, "", `{"value":"new","type":"work"}`},
	{"phoneNumbers", `phoneNumbers[type eq "mobile"].value`, `{"value":"1","type":"mobile"}`, `{"value":"2","type":"work"}`,
		`{"value":"new","type":"mobile"}`, "", `{"value":"new","type":"mobile"}`},
	{"addresses", `addresses[type eq "work"].locality`, `{"locality":"Oslo","country":"NO","type":"work"}`,
		`{"locality":"Bergen","type":"home"}`,
		`{"locality":"new","country":"NO","type":"work"}`, `{"country":"NO","type":"work"}`, `{"locality":"new","type":"work"}`},
	{"roles", `roles[primary eq "True"].value`, `{"value":"A","primary":true}`, `{"value":"B","primary":false}`,
		`{"value":"new","primary":true}`, "", `{"value":"new","primary":true}`},
	{"ims", `ims[type eq "skype"].value`, `{"value":"a","display":"A","type":"skype"}`, `{"value":"b","type":"msn"}`,
		`{"value":"new","display":"A","type":"skype"}`, `{"display":"A","type":"skype"}`, `{"value":"new","type":"skype"}`},
	{"entitlements", `entitlements[type eq "untyped"].value`, `{"value":"a","type":"untyped"}`, `{"value":"b","type":"t"}`,
		`{"value":"new","type":"untyped"}`, "", `{"value":"new","type":"untyped"}`},
}

// typedCases covers 7.4: with and without an element, set or cleared, in each form.
func typedCases() []userCase {
	var all []userCase
	for _, tg := range targets {
		array := func(elements ...string) string {
			kept := elements[:0]
			for _, e := range elements {
				if e != "" {
					kept = append(kept, e)
				}
			}
			return `{"` + tg.attr + `":[` + strings.Join(kept, ",") + `]}`
		}
		with, without := array(tg.hit, tg.other), array(tg.other)
		for _, verb := range []string{"Add", "Replace"} {
			all = append(all,
				userCase{name: fmt.Sprintf("7.4 %s %s, with an element", verb, tg.path), given: with, ops: op(verb, tg.path, `"new"`),
					want: array(tg.set, tg.other)},
				userCase{name: fmt.Sprintf("7.4 %s %s, without an element", verb, tg.path), given: without, ops: op(verb, tg.path, `"new"`),
					want: array(tg.other, tg.fresh)})
		}
		for how, operation := range map[string]string{
			"Remove": op("Remove", tg.path, ""), "Replace with an empty text": op("Replace", tg.path, `""`),
			"Replace with null": op("Replace", tg.path, "null"), "Add with an empty text": op("Add", tg.path, `""`),
		} {
			all = append(all,
				userCase{name: fmt.Sprintf("7.4 %s %s, with an element", how, tg.path), given: with, ops: operation, want: array(tg.cleared, tg.other)},
				userCase{name: fmt.Sprintf("7.4 %s %s, without an element", how, tg.path), given: without, ops: operation})
		}
	}
	return all
}
