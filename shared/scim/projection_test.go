package scim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/scim"
)

const shownUser = `{'schemas':['a'],'id':'1','userName':'k','name':{'familyName':'A','givenName':'K'},` +
	`'emails':[{'value':'x','type':'work'},{'type':'home'}],'groups':[{'value':'g'}],` +
	`'E':{'department':'D','manager':{'value':'m','displayName':'Boss'}},` +
	`'T':{'secret':'s','onDemand':'o','kept':'k','text':'t'},'meta':{'resourceType':'User','version':'1'}}`

func TestProjectionAppend(t *testing.T) {
	for _, c := range []struct{ attributes, excluded, want string }{
		{"", "",
			`{'schemas':['a'],'id':'1','userName':'k','name':{'familyName':'A','givenName':'K'},'emails':[{'value':'x','type':'work'},` +
				`{'type':'home'}],` +
				`'groups':[{'value':'g'}],'E':{'department':'D','manager':{'value':'m'}},'T':{'kept':'k','text':'t'},` +
				`'meta':{'resourceType':'User','version':'1'}}`},
		{"id", "", `{'schemas':['a'],'id':'1','T':{'kept':'k'}}`},
		{"USERNAME,nope", "", `{'schemas':['a'],'id':'1','userName':'k','T':{'kept':'k'}}`},
		{"nope", "", `{'schemas':['a'],'id':'1','T':{'kept':'k'}}`},
		{"name.givenName", "", `{'schemas':['a'],'id':'1','name':{'givenName':'K'},'T':{'kept':'k'}}`},
		{"name.givenName,name", "", `{'schemas':['a'],'id':'1','name':{'familyName':'A','givenName':'K'},'T':{'kept':'k'}}`},
		{"emails.value", "", `{'schemas':['a'],'id':'1','emails':[{'value':'x'}],'T':{'kept':'k'}}`},
		{"emails.display", "", `{'schemas':['a'],'id':'1','T':{'kept':'k'}}`},
		{"urn:ietf:params:scim:schemas:core:2.0:User:userName", "", `{'schemas':['a'],'id':'1','userName':'k','T':{'kept':'k'}}`},
		{E, "", `{'schemas':['a'],'id':'1','E':{'department':'D','manager':{'value':'m'}},'T':{'kept':'k'}}`},
		{E + ":manager", "", `{'schemas':['a'],'id':'1','E':{'manager':{'value':'m'}},'T':{'kept':'k'}}`},
		{E + ":manager.displayName", "", `{'schemas':['a'],'id':'1','E':{'manager':{'displayName':'Boss'}},'T':{'kept':'k'}}`},
		{"manager", "", `{'schemas':['a'],'id':'1','E':{'manager':{'value':'m'}},'T':{'kept':'k'}}`},
		{T + ":onDemand," + T + ":secret", "", `{'schemas':['a'],'id':'1','T':{'onDemand':'o','kept':'k'}}`},
		{"meta.version", "", `{'schemas':['a'],'id':'1','T':{'kept':'k'},'meta':{'version':'1'}}`},
		{"", "id,schemas,userName,name,emails,groups,meta," + E + "," + T, `{'schemas':['a'],'id':'1','T':{'kept':'k'}}`},
		{"", "name.givenName,emails.type,E:department,nope",
			`{'schemas':['a'],'id':'1','userName':'k','name':{'familyName':'A'},'emails':[{'value':'x'}],` +
				`'groups':[{'value':'g'}],'E':{'manager':{'value':'m'}},'T':{'kept':'k','text':'t'},'meta':{'resourceType':'User','version':'1'}}`},
	} {
		p := projection(t, users, c.attributes, c.excluded)
		if diff := cmp.Diff(quote(c.want), string(p.Append(nil, parse(t, shownUser)))); diff != "" {
			t.Errorf("attributes %q excluded %q (-want +got)\n%s", c.attributes, c.excluded, diff)
		}
	}
	if got := string(scim.Projection{}.Append([]byte("x"), parse(t, `{'a':1}`))); got != `x{"a":1}` {
		t.Error(got)
	}
}

func projection(t *testing.T, rt *scim.ResourceType, attributes, excluded string) scim.Projection {
	t.Helper()
	split := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(strings.ReplaceAll(s, "E:", E+":"), ",")
	}
	p, err := rt.ParseProjection(split(attributes), split(excluded))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProjectionWants(t *testing.T) {
	type row struct {
		rt                   *scim.ResourceType
		attributes, excluded string
		attr                 string
		wants, named         bool
	}
	for _, c := range []row{
		{groups, "", "", "members", true, false},
		{groups, "", "Members", "members", false, false},
		{groups, "", "members.display", "members", true, false},
		{groups, "id", "", "members", false, false},
		{groups, "members", "", "MEMBERS", true, true},
		{groups, "members.value", "", "members", true, false},
		{groups, "displayName", "", "id", true, false},
		{users, "", "", "groups", true, false},
		{users, "groups", "", "groups", true, true},
		{users, "", "", E + ":manager.displayName", false, false},
		{users, E + ":manager", "", E + ":manager.displayName", false, false},
		{users, "manager.displayName", "", E + ":manager.displayName", true, true},
		{users, E, "", E + ":manager", true, false},
		{users, "", E, E + ":manager", false, false},
		{users, "userName", "", E, false, false},
		{users, E + ":manager", "", E, true, false},
		{users, "", "", "nope", false, false},
	} {
		p := projection(t, c.rt, c.attributes, c.excluded)
		if p.Wants(c.attr) != c.wants || p.Named(c.attr) != c.named {
			t.Errorf("%+v: Wants %v, Named %v", c, p.Wants(c.attr), p.Named(c.attr))
		}
		if p.IsZero() != (c.attributes == "" && c.excluded == "") {
			t.Errorf("%+v: IsZero %v", c, p.IsZero())
		}
	}
	if _, err := users.ParseProjection([]string{"id"}, []string{"title"}); fault(err) != "400 invalidValue" {
		t.Errorf("both: %v", err)
	}
	if p := (scim.Projection{}); !p.IsZero() || !p.Wants("members") || p.Named("members") {
		t.Error("the zero Projection shows all and names nothing")
	}
}

func TestSort(t *testing.T) {
	all := map[string]string{
		"a": `{'id':'a','userName':'Zoe','emails':[{'value':'m@x'},{'value':'a@x','primary':true}],'active':true,'T':{'count':10,` +
			`'since':'2026-01-01T10:00:00Z','exact':'b'}}`,
		"b": `{'id':'b','userName':'adam','emails':[{'value':'B@x'}],'active':false,'T':{'count':9,` +
			`'since':'2026-01-01T10:30:00+01:00','exact':'C'}}`,
		"c": `{'id':'c','userName':'Éric','emails':[],'T':{'since':'soon'}}`,
	}
	for _, c := range []struct{ by, order, want string }{
		{"userName", "", "b a c"}, {"USERNAME", "Descending", "c a b"}, {"emails.value", "ascending", "a b c"},
		{"emails.value", "descending", "c b a"},
		{"active", "", "b a c"}, {T + ":count", "", "b a c"}, {T + ":count", "descending", "c a b"}, {T + ":since", "", "b a c"},
		{T + ":exact", "", "b a c"},
		{"", "descending", "a b c"}, {"", "", "a b c"}, {T + ":exact", "descending", "c a b"},
	} {
		if c.by == T+":exact" && c.order == "" {
			c.want = "b a c" // "C" before "b" by bytes
		}
		s, err := users.ParseSort(c.by, c.order, strict)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		names := []string{"a", "b", "c"}
		for range names { // bubbles are enough for three
			for i := range 2 {
				if s.Compare(parse(t, all[names[i]]), parse(t, all[names[i+1]])) > 0 {
					names[i], names[i+1] = names[i+1], names[i]
				}
			}
		}
		if got := strings.Join(names, " "); got != c.want || s.IsZero() != (c.by == "") {
			t.Errorf("%+v: %s", c, got)
		}
	}
	for _, c := range [][2]string{{"name", ""}, {"emails", ""}, {"nope", ""}, {"password", ""}, {"userName", "up"}, {"user name", ""},
		{E, ""}, {"manager", ""}, {"department", ""}} {
		if _, err := users.ParseSort(c[0], c[1], strict); fault(err) != "400 invalidValue" {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := users.ParseSort("department", "", lenient); err != nil {
		t.Error(err)
	}
}
