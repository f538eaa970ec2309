package scim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/scim"
)

func TestDecode(t *testing.T) {
	long := strings.Repeat("x", scim.MaxStringBytes)
	for _, c := range []struct {
		name, in, want, err string
		tol                 scim.Tolerance
	}{
		{name: "the default mapping of Entra", tol: lenient,
			in: `{'schemas':['urn:ietf:params:scim:schemas:core:2.0:User','E'],'externalId':'adele','userName':'Adele','active':'True',` +
				`'emails':[{'primary':true,'type':'work','value':'a@x'}],'meta':{'resourceType':'User'},'id':'mine','password':'geheim',` +
				`'name':{'formatted':'Adele Vance','familyName':'Vance','givenName':'Adele'},'title':'Manager','preferredLanguage':null,` +
				`'addresses':[{'type':'work','primary':false,'country':'US','formatted':null}],'roles':[],'groups':[{'value':'g'}],'junk':{'a':1},` +
				`'E':{'employeeNumber':'10023','department':'Retail','manager':null,'junk':1},'urn:x:y:z':{'a':1}}`,
			want: `{'externalId':'adele','userName':'Adele','name':{'formatted':'Adele Vance','familyName':'Vance','givenName':'Adele'},` +
				`'title':'Manager','active':true,'emails':[{'value':'a@x','type':'work','primary':true}],` +
				`'addresses':[{'country':'US','type':'work','primary':false}],'E':{'employeeNumber':'10023','department':'Retail'}}`},
		{name: "names without case",
			in:   `{'USERNAME':'k','Name':{'GIVENNAME':'K'},'urn:IETF:params:scim:schemas:extension:ENTERPRISE:2.0:user':{'DEPARTMENT':'D'}}`,
			want: `{'userName':'k','name':{'givenName':'K'},'E':{'department':'D'}}`},
		{name: "manager as object", in: `{'userName':'k','E':{'manager':{'value':'m','$ref':'x','displayName':'y'}}}`,
			want: `{'userName':'k','E':{'manager':{'value':'m'}}}`},
		{name: "manager as text", tol: lenient, in: `{'userName':'k','E':{'manager':'m'}}`,
			want: `{'userName':'k','E':{'manager':{'value':'m'}}}`},
		{name: "manager as array, bare", tol: lenient, in: `{'userName':'k','manager':[{'value':'m'}]}`,
			want: `{'userName':'k','E':{'manager':{'value':'m'}}}`},
		{name: "manager as empty array", tol: lenient, in: `{'userName':'k','E':{'manager':[]}}`, want: `{'userName':'k'}`},
		{name: "manager as array of two", tol: lenient, in: `{'userName':'k','manager':[{'value':'m'},{'value':'n'}]}`, err: "400 invalidValue"},
		{name: "the full name beats the bare one", tol: lenient, in: `{'userName':'k','E':{'department':'full'},'department':'bare'}`,
			want: `{'userName':'k','E':{'department':'full'}}`},
		{name: "bare extension name, strict", in: `{'userName':'k','department':'bare'}`, want: `{'userName':'k'}`},
		{name: "alias", tol: lenient, in: `{'userName':'k','c42OrgName':'O'}`,
			want: `{'userName':'k','` + scim.RollcallURN + `':{'orgName':'O'}}`},
		{name: "empty string clears", tol: lenient, in: `{'userName':'k','title':'','emails':'','name':{'givenName':''}}`,
			want: `{'userName':'k'}`},
		{name: "empty string, strict", in: `{'userName':'k','title':''}`, want: `{'userName':'k','title':''}`},
		{name: "boolean text, strict", in: `{'userName':'k','active':'true'}`, err: "400 invalidValue"},
		{name: "boolean by other text", tol: lenient, in: `{'userName':'k','active':'yes'}`, err: "400 invalidValue"},
		{name: "number for a string", tol: lenient, in: `{'userName':'k','E':{'employeeNumber':5}}`, err: "400 invalidValue"},
		{name: "fraction for an integer", in: `{'userName':'k','T':{'count':1.5}}`, err: "400 invalidValue"},
		{name: "types", in: `{'userName':'k','T':{'count':15,'ratio':1.50,'since':'any text','flag':false,'tags':['a']}}`,
			want: `{'userName':'k','T':{'flag':false,'count':15,'ratio':1.50,'since':'any text','tags':['a']}}`},
		{name: "object for a string", in: `{'userName':{'a':1}}`, err: "400 invalidValue"},
		{name: "text for a complex value", in: `{'userName':'k','name':'K'}`, err: "400 invalidValue"},
		{name: "text for a complex value without `value`", tol: lenient, in: `{'userName':'k','name':'K'}`, err: "400 invalidValue"},
		{name: "object for an array", in: `{'userName':'k','emails':{'value':'x'}}`, want: `{'userName':'k','emails':[{'value':'x'}]}`},
		{name: "array in an array", tol: lenient, in: `{'userName':'k','emails':[[{'value':'x'}]]}`, err: "400 invalidValue"},
		{name: "read-only and never returned attributes of an extension", in: `{'userName':'k','T':{'fixed':'x','secret':'y','text':'z'}}`,
			want: `{'userName':'k','T':{'text':'z'}}`},
		{name: "text for an extension", in: `{'userName':'k','E':'x'}`, err: "400 invalidValue"},
		{name: "nothing for an extension", in: `{'userName':'k','E':{}}`, want: `{'userName':'k'}`},
		{name: "empty elements", in: `{'userName':'k','emails':[{},null,{'value':'x'}]}`, want: `{'userName':'k','emails':[{'value':'x'}]}`},
		{name: "two primaries", in: `{'userName':'k','emails':[{'value':'x','primary':true},{'value':'y','primary':true}]}`,
			err: "400 invalidValue"},
		{name: "required missing", in: `{'title':'x'}`, err: "400 invalidValue"},
		{name: "required empty", in: `{'userName':''}`, err: "400 invalidValue"},
		{name: "required null", tol: lenient, in: `{'userName':null}`, err: "400 invalidValue"},
		{name: "no object", in: `['userName']`, err: "400 invalidSyntax"},
		{name: "string at the limit", in: `{'userName':'` + long + `'}`, want: `{'userName':'` + long + `'}`},
		{name: "string over the limit", in: `{'userName':'` + long + `x'}`, err: "400 invalidValue"},
		{name: "elements at the limit", in: `{'userName':'k','T':{'tags':[` + strings.Repeat("'x',", scim.MaxElements-1) + `'x']}}`,
			want: `{'userName':'k','T':{'tags':[` + strings.Repeat("'x',", scim.MaxElements-1) + `'x']}}`},
		{name: "elements over the limit", in: `{'userName':'k','T':{'tags':[` + strings.Repeat("'x',", scim.MaxElements) + `'x']}}`, err: "413"},
	} {
		got, err := users.Decode(parse(t, c.in), c.tol)
		if fault(err) != c.err {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
			continue
		}
		if c.err != "" {
			continue
		}
		if diff := cmp.Diff(render(parse(t, c.want)), render(got)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
		again, err := users.Decode(got, strict)
		if err != nil || render(again) != render(got) {
			t.Errorf("%s: decoding the tree again: %s, %v", c.name, render(again), err)
		}
	}
}

func TestDecodeNamesTheAttributeOnly(t *testing.T) {
	for in, want := range map[string]string{
		`{'userName':'k','active':'canary'}`:               "active must be true or false",
		`{'userName':'k','emails':[{'primary':'canary'}]}`: "emails.primary must be true or false",
		`{'userName':'k','E':{'manager':[1]}}`:             E + ":manager must be an object",
	} {
		_, err := users.Decode(parse(t, in), lenient)
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

func TestCheckImmutable(t *testing.T) {
	for _, c := range []struct{ before, after, err string }{
		{`{'T':{'badge':'a'}}`, `{'T':{'badge':'a'}}`, ""}, {`{}`, `{'T':{'badge':'a'}}`, ""},
		{`{'T':{'badge':'a'}}`, `{'T':{'badge':'b'}}`, "400 mutability"}, {`{'T':{'badge':'a'}}`, `{}`, "400 mutability"},
	} {
		if err := users.CheckImmutable(parse(t, c.before), parse(t, c.after)); fault(err) != c.err {
			t.Errorf("%s to %s: %v", c.before, c.after, err)
		}
	}
}

func TestComplete(t *testing.T) {
	created := time.Date(2026, 1, 31, 10, 0, 0, 123456789, time.FixedZone("", 3600))
	m := scim.Meta{Created: created, LastModified: created.Add(time.Hour), Location: "https://x/Users/1", Version: `W/"1"`}
	got := users.Complete("1", parse(t, `{'externalId':'e','userName':'k','E':{'department':'D'},'urn:removed:1':{'a':1}}`), m)
	want := `{'schemas':['urn:ietf:params:scim:schemas:core:2.0:User','E'],'id':'1','externalId':'e','userName':'k','E':{'department':'D'},` +
		`'meta':{'resourceType':'User','created':'2026-01-31T09:00:00.123Z','lastModified':'2026-01-31T10:00:00.123Z',` +
		`'location':'https://x/Users/1','version':'W/\'1\''}}`
	if diff := cmp.Diff(render(parse(t, want)), render(got)); diff != "" {
		t.Error(diff)
	}
	got = groups.Complete("2", parse(t, `{'displayName':'G'}`), scim.Meta{Created: created, LastModified: created})
	want = `{'schemas':['urn:ietf:params:scim:schemas:core:2.0:Group'],'id':'2','displayName':'G',` +
		`'meta':{'resourceType':'Group','created':'2026-01-31T09:00:00.123Z','lastModified':'2026-01-31T09:00:00.123Z'}}`
	if diff := cmp.Diff(quote(want), render(got)); diff != "" {
		t.Error(diff)
	}
}

// The data of a removed extension survives a PATCH.
func TestPatchKeepsUnknownData(t *testing.T) {
	from := `{'userName':'k','E':{'department':'D','old':1},'urn:removed:1':{'a':1}}`
	r, err := apply(t, users, from, op("add", "title", "'x'")+","+op("remove", E+":department", ""), lenient)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(render(parse(t, `{'userName':'k','title':'x','E':{'old':1},'urn:removed:1':{'a':1}}`)),
		render(r.Attributes)); diff != "" {
		t.Error(diff)
	}
}
