package scim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/scim"
)

// resource is the resource of most filter rows, as Complete returns it with the computed attributes added.
const resource = `{'schemas':['urn:ietf:params:scim:schemas:core:2.0:User','E'],'id':'u1','externalId':'Ext','userName':'Bjensen',` +
	`'name':{'familyName':'O\u0027Malley'},'title':'Tour Guide','userType':'Employee','active':true,` +
	`'emails':[{'value':'b@example.com','type':'work','primary':true},{'value':'b@example.org','type':'home'}],` +
	`'groups':[{'value':'g1','type':'direct'}],'E':{'employeeNumber':'701984','manager':{'value':'M1'}},` +
	`'T':{'text':'x','flag':false,'count':7,'since':'2026-01-31T10:00:00.1234567+01:00','blob':'QQ==','tags':['red','blue']},` +
	`'meta':{'resourceType':'User','created':'2026-01-01T00:00:00.000Z','lastModified':'2026-02-01T00:00:00.000Z',` +
	`'location':'https://x/Users/u1','version':'W/\u00221\u0022'}}`

func TestFilterMatch(t *testing.T) {
	v := parse(t, resource)
	for filter, want := range map[string]bool{
		// RFC 7644 §3.4.2.2, figure 2
		`userName eq "bjensen"`:         true,
		`name.familyName co "O'Malley"`: true,
		`userName sw "J"`:               false,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "B"`: true,
		`title pr`: true,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`:                                                       true,
		`meta.lastModified ge "2026-02-01T01:00:00+01:00"`:                                                  true,
		`meta.lastModified lt "2026-02-01T00:00:00Z"`:                                                       false,
		`meta.lastModified le "2026-02-01T00:00:00Z"`:                                                       true,
		`title pr and userType eq "Employee"`:                                                               true,
		`title pr or userType eq "Intern"`:                                                                  true,
		`schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`:                           true,
		`schemas eq "` + T + `"`:                                                                            false,
		`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`:             true,
		`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`:         false,
		`userType eq "Employee" and (emails.type eq "work")`:                                                true,
		`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`:                     true,
		`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`: true,
		`emails.type eq "work" and emails.value co "example.org"`:                                           true,
		`emails[type eq "work" and value co "example.org"]`:                                                 false,
		`emails[not (type eq "work")]`:                                                                      true,
		`emails[type eq "work"].value eq "B@example.com"`:                                                   true,
		`emails[type eq "work"].value eq "b@example.org"`:                                                   false,
		`emails[type eq "work"].value ne "b@example.com"`:                                                   false,
		`emails[type eq "other"].value ne "b@example.com"`:                                                  true,
		`emails[type eq "other"].value eq null`:                                                             true,
		`emails[type eq "work"].value eq null`:                                                              false,
		`emails[type eq "work"].value ne null`:                                                              true,
		`emails[type eq "work" or type eq "home"].value ew ".org"`:                                          true,
		`userName eq "x" or title pr and active eq true`:                                                    true,
		`(userName eq "x" or title pr) and active eq false`:                                                 false,
		`title pr or userName eq "x" and active eq false`:                                                   true,
		`manager eq "M1"`:                              true,
		`manager eq "m1"`:                              false,
		`id eq "u1" and manager eq "M1"`:               true,
		`id eq "U1"`:                                   false,
		`externalId eq "ext"`:                          false,
		`externalId eq Ext`:                            true,
		`employeeNumber eq 701984`:                     false,
		`active eq "True"`:                             true,
		`active eq TRUE`:                               true,
		`active ne "false"`:                            true,
		`emails[primary eq "True"].value pr`:           true,
		`groups eq "g1"`:                               true,
		`groups.value eq "g2"`:                         false,
		T + `:count ge 7.0`:                            true,
		T + `:count gt 10`:                             false,
		T + `:since eq "2026-01-31T09:00:00.1234567Z"`: true,
		T + `:since lt "2026-01-31T09:30:00"`:          true,
		T + `:tags eq "RED"`:                           true,
		T + `:tags[value eq "blue"]`:                   true,
		T + `:tags ne "red"`:                           true,
		`meta.resourceType eq "User"`:                  true,
		`meta.resourceType eq "Group"`:                 false,
		`name pr`:                                      true,
		`E:manager pr`:                                 true,
		`ims pr`:                                       false,
		`NOT (ims pr)`:                                 true,
		`not(ims pr)`:                                  true,
		"  userName\teq   \"bjensen\"  AND ( active eq true )  ": true,
		`userName EQ "bjensen" OR title PR`:                      true,
		`(userName eq bjensen)`:                                  true,
	} {
		filter = strings.Replace(filter, "E:", E+":", 1)
		f, err := users.ParseFilter(filter, lenient)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := f.Match(v); got != want {
			t.Errorf("%s: %v, read as %s", filter, got, f)
		}
		again, err := users.ParseFilter(f.String(), strict)
		if err != nil || again.String() != f.String() || again.Match(v) != want {
			t.Errorf("%s: printed as %s, which reads as %s, %v", filter, f, again, err)
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	for _, filter := range []string{
		``, ` `, `userName`, `userName eq`, `userName eq `, `eq "x"`, `userName like "x"`, `userName "x"`, `userName eq "x`, `userName eq 'x'`,
		`userName eq x"y"`,
		`userName eq "x" and`, `userName eq "x" and `, `and userName eq "x"`, `userName eq "x" xor title pr`, `userName eq "x" title pr`,
		`(userName eq "x"`, `userName eq "x")`, `()`, `not userName eq "x"`, `not ()`, `emails[type eq "work"`, `emails[type eq "work"]]`,
		`emails[]`, `emails[type eq "a"] eq "x"`, `emails[type eq "a"].value`, `emails[type eq "a"].nope eq "x"`, `emails[emails[type pr]]`,
		`emails[nope eq "x"]`,
		`emails[type.x eq "y"]`, `userName[value eq "x"]`, `name.familyName[value eq "x"]`, `nope eq "x"`, `name.nope eq "x"`,
		`urn:x:y:z eq "x"`, E + ` pr`, E + `:nope pr`,
		`emails.value.x eq "y"`, `.userName eq "x"`, `user name eq "x"`, `1a eq "x"`, `password eq "x"`, `password pr`, T + `:secret eq "x"`,
		`name eq "x"`, `meta eq "x"`, `addresses eq "x"`,
		`active gt true`, `active co "tr"`, `active eq "maybe"`, `active eq maybe`, `active gt null`, `userName gt null`, `userName co null`,
		T + `:blob gt "QQ=="`, T + `:blob co "QQ=="`, T + `:since co "2026"`, T + `:since gt "yesterday"`, T + `:since eq "x"`,
		T + `:count co 5`, T + `:flag le false`,
		`userName eq "\x"`, `userName eq "a" & title pr`, "userName eq \"\xff\"", `title prr`, `title pr pr`, `userName eq {"a":1}`,
		`userName eq [1]`,
	} {
		if f, err := users.ParseFilter(filter, lenient); fault(err) != "400 invalidFilter" {
			t.Errorf("%q: %v, read as %s", filter, err, f)
		}
	}
}

// Without tolerances the RFC alone counts.
func TestFilterStrict(t *testing.T) {
	for _, filter := range []string{`userName eq bjensen`, `active eq "true"`, `active eq True`, `manager eq "x"`, `department pr`,
		`userName  eq "x"`, ` userName eq "x"`, `userName eq "x" `, `( title pr )`, `userName eq"x"`, `(title pr)and(title pr)`,
		`emails[type eq "x"].value eq "y"`, "title\tpr"} {
		if _, err := users.ParseFilter(filter, strict); fault(err) != "400 invalidFilter" {
			t.Errorf("%q strict: %v", filter, err)
		}
		if _, err := users.ParseFilter(filter, lenient); err != nil {
			t.Errorf("%q lenient: %v", filter, err)
		}
	}
}

func TestFilterLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		filter func(n int) string
		limit  int
	}{
		{"bytes", func(n int) string { return `title eq "` + strings.Repeat("x", n-len(`title eq ""`)) + `"` }, scim.MaxFilterBytes},
		{"parentheses", func(n int) string { return strings.Repeat("(", n) + "title pr" + strings.Repeat(")", n) }, scim.MaxFilterDepth},
		{"not", func(n int) string { return strings.Repeat("not (", n) + "title pr" + strings.Repeat(")", n) }, scim.MaxFilterDepth},
		{"brackets", func(n int) string { return strings.Repeat("(", n-1) + "emails[type pr]" + strings.Repeat(")", n-1) }, scim.MaxFilterDepth},
		{"terms", func(n int) string { return strings.TrimSuffix(strings.Repeat("title pr or ", n), " or ") }, scim.MaxFilterTerms},
		{"side by side", func(n int) string { return strings.TrimSuffix(strings.Repeat("(title pr) and ", n), " and ") }, scim.MaxFilterTerms},
	} {
		if _, err := users.ParseFilter(c.filter(c.limit), strict); err != nil {
			t.Errorf("%s at the limit: %v", c.name, err)
		}
		if _, err := users.ParseFilter(c.filter(c.limit+1), strict); fault(err) != "400 invalidFilter" {
			t.Errorf("%s over the limit: %v", c.name, err)
		}
	}
}

func TestFilterCanonical(t *testing.T) {
	for in, want := range map[string]string{
		`USERNAME Eq "x"`:                                   `userName eq "x"`,
		`department eq "x"`:                                 E + `:department eq "x"`,
		`members.x pr`:                                      ``,
		`manager eq "x"`:                                    E + `:manager.value eq "x"`,
		`emails co "x"`:                                     `emails.value co "x"`,
		`emails[TYPE eq "work"].VALUE eq "x"`:               `emails[type eq "work" and value eq "x"]`,
		`emails[type eq "work"].value eq null`:              `not (emails[type eq "work" and value pr])`,
		`(title pr and (title pr and name pr)) and name pr`: `title pr and title pr and name pr and name pr`,
		`(title pr or name pr) and (name pr)`:               `(title pr or name pr) and name pr`,
		`((title pr and name pr)) or not ((name pr))`:       `title pr and name pr or not (name pr)`,
		`active eq "TRUE"`:                                  `active eq true`,
		`c42orgname eq "x"`:                                 scim.RollcallURN + `:orgName eq "x"`,
		`userName eq "\u0041\n"`:                            `userName eq "A\n"`,
	} {
		f, err := users.ParseFilter(in, lenient)
		if want == "" {
			if err == nil {
				t.Errorf("%s is accepted", in)
			}
			continue
		}
		if err != nil || f.String() != want {
			t.Errorf("%s: %s, %v", in, f, err)
		}
	}
	if s := (scim.Filter{}).String(); s != "" {
		t.Error(s)
	}
}

func TestFilterEquals(t *testing.T) {
	for in, want := range map[string]string{
		`userName eq "X"`:                                           `userName="X"`,
		`id eq "a" and manager eq "b"`:                              `id="a" ` + E + `:manager.value="b"`,
		`(id eq "a") and (title pr and externalId eq "b")`:          `id="a" externalId="b"`,
		`id eq "a" or id eq "b"`:                                    ``,
		`not (id eq "a")`:                                           ``,
		`id ne "a" and title eq null`:                               ``,
		`emails[type eq "work"].value eq "x"`:                       `emails[type eq "work"].value="x"`,
		`emails[value eq "x" and type eq "work"]`:                   `emails[type eq "work"].value="x"`,
		`emails[value eq "x"]`:                                      `emails.value="x"`,
		`emails eq "x"`:                                             `emails.value="x"`,
		`emails[type eq "work" and value co "x"]`:                   `emails.type="work"`,
		`emails[type eq "work" or value eq "x"]`:                    ``,
		`emails[primary eq "True" and type eq "work"].value eq "x"`: `emails[primary eq true and type eq "work"].value="x"`,
		`employeeNumber eq "7" and meta.resourceType eq "User"`:     E + `:employeeNumber="7" meta.resourceType="User"`,
		`active eq "true"`:                                          `active=true`,
		`emails[type eq "work"].value ne "x"`:                       ``,
	} {
		f, err := users.ParseFilter(in, lenient)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		var parts []string
		for _, e := range f.Equals() {
			parts = append(parts, e.Path+"="+render(e.Value))
		}
		if got := strings.Join(parts, " "); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	f, err := groups.ParseFilter(`id eq "g" and members eq "u"`, lenient)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("members.value", f.Equals()[1].Path); diff != "" {
		t.Error(diff)
	}
	if (scim.Filter{}).Equals() != nil || !(scim.Filter{}).IsZero() || !(scim.Filter{}).Match(scim.Value{}) {
		t.Error("the zero Filter matches everything")
	}
}

func TestFilterUses(t *testing.T) {
	f, err := users.ParseFilter(`userName eq "x" and not (groups[type eq "a"] or `+E+`:manager.displayName pr)`, lenient)
	if err != nil {
		t.Fatal(err)
	}
	for attr, want := range map[string]bool{"userName": true, "GROUPS": true, "groups.type": true, "groups.value": false, "group": false,
		E + ":manager": true, E + ":manager.displayName": true, E + ":manager.value": false, "members": false} {
		if f.Uses(attr) != want {
			t.Errorf("Uses(%s) = %v", attr, !want)
		}
	}
	if (scim.Filter{}).Uses("id") {
		t.Error("the zero Filter uses nothing")
	}
}

func TestFilterUsesOnlyEquals(t *testing.T) {
	for filter, want := range map[string]bool{
		`displayName eq "members"`:                           true,
		`members eq "u1" and displayName eq "members"`:       true,
		`members[value eq "u1"] and members.value eq "u2"`:   true,
		`members[value eq "u1" and type pr]`:                 true,
		`members eq null`:                                    false,
		`members eq "u1" and members ne "u2"`:                false,
		`members eq "u1" or members eq "u2"`:                 false,
		`not (members eq "u1")`:                              false,
		`members[type eq "User"]`:                            false,
		`members[value eq "u1" and type eq "User"]`:          false,
		`members[value eq "u1" or value eq "u2"]`:            false,
		`members eq "u1" and (id eq "1" or members eq "u1")`: false,
	} {
		f, err := groups.ParseFilter(filter, lenient)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
		} else if f.UsesOnlyEquals("members") != want {
			t.Errorf("%s: UsesOnlyEquals = %v", filter, !want)
		}
	}
	if !(scim.Filter{}).UsesOnlyEquals("members") {
		t.Error("the zero Filter uses nothing")
	}
}

func TestRootFilter(t *testing.T) {
	user := parse(t, resource)
	group := parse(t, `{'id':'g1','displayName':'Sales','members':[{'value':'u1'}],'meta':{'resourceType':'Group'}}`)
	other := parse(t, `{'id':'x','meta':{'resourceType':'Device'}}`)
	for filter, want := range map[string]string{
		`meta.resourceType eq "User"`:            "user",
		`id pr`:                                  "user group",
		`userName eq "bjensen"`:                  "user",
		`userName ne "x"`:                        "user group other",
		`userName eq null`:                       "group other",
		`members eq "u1"`:                        "group",
		`members[value eq "u1"]`:                 "group",
		`displayName eq "sales" or userName pr`:  "user group",
		`nope eq "x"`:                            "",
		`nope ne "x"`:                            "user group other",
		`not (nope[x eq "y"])`:                   "user group other",
		`emails[value co "example.com"]`:         "user",
		`emails[type eq "work"].value ne "x"`:    "user group other",
		E + `:employeeNumber eq "701984"`:        "user",
		`urn:x:unknown:thing eq "x" or title pr`: "user",
	} {
		f, err := scim.ParseRootFilter(filter, lenient, users, groups)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		var got []string
		for _, c := range []struct {
			name string
			v    scim.Value
		}{{"user", user}, {"group", group}, {"other", other}} {
			if f.Match(c.v) {
				got = append(got, c.name)
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", filter, diff)
		}
		again, err := scim.ParseRootFilter(f.String(), strict, users, groups)
		if err != nil || again.String() != f.String() {
			t.Errorf("%s: printed as %s, which reads as %s, %v", filter, f, again, err)
		}
	}
	for _, filter := range []string{`active gt true`, `user name eq "x"`, `password pr`, `name eq "x"`, ``} {
		if _, err := scim.ParseRootFilter(filter, lenient, users, groups); fault(err) != "400 invalidFilter" {
			t.Errorf("%q: %v", filter, err)
		}
	}
}
