package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/scim"
)

// person is the tree most PATCH rows start from.
const person = `{'userName':'kim','name':{'familyName':'Akers','givenName':'Kim'},'title':'Analyst','active':true,` +
	`'emails':[{'value':'k@w','type':'work','primary':true},{'value':'k@h','type':'home'}]` + extension + `}`

const extension = `,'E':{'department':'Finance','manager':{'value':'m1'}}`

func patchBody(ops string) string {
	return `{'schemas':['urn:ietf:params:scim:api:messages:2.0:PatchOp'],'Operations':[` + ops + `]}`
}

func apply(t testing.TB, rt *scim.ResourceType, from, ops string, tol scim.Tolerance) (scim.PatchResult, error) {
	t.Helper()
	attrs := parse(t, from)
	before := render(attrs)
	p, err := scim.ParsePatch(parse(t, patchBody(ops)))
	if err != nil {
		return scim.PatchResult{}, err
	}
	readOnly := parse(t, `{'id':'1','meta':{'resourceType':'User','version':'W/\'3\''},'groups':[{'value':'g1'}]}`)
	r, err := rt.Apply(attrs, readOnly, p, tol)
	if after := render(attrs); after != before {
		t.Errorf("Apply changed its input\n%s", cmp.Diff(before, after))
	}
	return r, err
}

// op builds an operation from "add", "replace" or "remove", a path ("" for none) and a value ("" for none).
func op(name, path, value string) string {
	out := `{'op':'` + name + `'`
	if path != "" {
		out += `,'path':'` + strings.ReplaceAll(path, `"`, `\'`) + `'`
	}
	if value != "" {
		out += `,'value':` + value
	}
	return out + `}`
}

type patchRow struct {
	name string
	from string // "" for person
	ops  string
	want string // the whole tree, or the changed parts as "+name" rows by with; "" unchanged
	err  string
	tol  *scim.Tolerance
}

func runPatchRows(t *testing.T, rows []patchRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			from, tol := row.from, lenient
			if from == "" {
				from = person
			}
			if row.tol != nil {
				tol = *row.tol
			}
			r, err := apply(t, users, from, row.ops, tol)
			if fault(err) != row.err {
				t.Fatalf("error %v, want %q", err, row.err)
			}
			if row.err != "" {
				return
			}
			want := render(parse(t, from))
			if row.want != "" {
				want = render(parse(t, row.want))
			}
			if diff := cmp.Diff(want, render(r.Attributes)); diff != "" {
				t.Errorf("attributes (-want +got)\n%s", diff)
			}
			if r.Changed != (row.want != "") {
				t.Errorf("Changed = %v", r.Changed)
			}
		})
	}
}

// The rows of the table of operations and targets in RFC 7644 §3.5.2 with the contract decisions.
func TestPatchOperationsByTarget(t *testing.T) {
	small := `{'userName':'kim','active':true}`
	mail := func(elems string) string { return `{'userName':'kim','active':true,'emails':[` + elems + `]}` }
	work, home := `{'value':'k@w','type':'work'}`, `{'value':'k@h','type':'home'}`
	two := mail(work + "," + home)
	runPatchRows(t, []patchRow{
		{name: "add without path sets each attribute", from: small, ops: op("add", "", `{'title':'A','nickName':'B'}`),
			want: `{'userName':'kim','nickName':'B','title':'A','active':true}`},
		{name: "replace without path sets each attribute", from: small, ops: op("replace", "", `{'title':'A'}`),
			want: `{'userName':'kim','title':'A','active':true}`},
		{name: "add without path appends elements", from: mail(work), ops: op("add", "", `{'emails':[`+home+`]}`), want: two},
		{name: "replace without path replaces arrays", from: mail(work), ops: op("replace", "", `{'emails':[`+home+`]}`), want: mail(home)},
		{name: "add without path merges complex values", ops: op("add", "", `{'name':{'middleName':'X'}}`),
			want: strings.Replace(person, `'Kim'}`, `'Kim','middleName':'X'}`, 1)},
		{name: "remove without path", ops: op("remove", "", ""), err: "400 noTarget"},
		{name: "remove without path but value", ops: op("remove", "", `{'title':'x'}`), err: "400 noTarget"},

		{name: "add single", from: small, ops: op("add", "title", `'A'`), want: `{'userName':'kim','title':'A','active':true}`},
		{name: "add single over value", ops: op("add", "title", `'A'`), want: strings.Replace(person, "Analyst", "A", 1)},
		{name: "replace single", ops: op("replace", "title", `'A'`), want: strings.Replace(person, "Analyst", "A", 1)},
		{name: "replace single unassigned", from: small, ops: op("replace", "title", `'A'`),
			want: `{'userName':'kim','title':'A','active':true}`},
		{name: "remove single", ops: op("remove", "title", ""), want: strings.Replace(person, `'title':'Analyst',`, "", 1)},
		{name: "remove single unassigned", from: small, ops: op("remove", "title", "")},

		{name: "add complex merges", ops: op("add", "name", `{'givenName':'K'}`), want: strings.Replace(person, `'Kim'`, `'K'`, 1)},
		{name: "replace complex keeps what is not given", ops: op("replace", "name", `{'givenName':'K'}`),
			want: strings.Replace(person, `'Kim'`, `'K'`, 1)},
		{name: "replace complex with a null inside clears that", ops: op("replace", "name", `{'givenName':null}`),
			want: strings.Replace(person, `,'givenName':'Kim'`, ``, 1)},
		{name: "remove complex", ops: op("remove", "name", ""),
			want: strings.Replace(person, `'name':{'familyName':'Akers','givenName':'Kim'},`, "", 1)},

		{name: "add sub-attribute creates the parent", from: small, ops: op("add", "name.givenName", `'K'`),
			want: `{'userName':'kim','name':{'givenName':'K'},'active':true}`},
		{name: "replace sub-attribute creates the parent", from: small, ops: op("replace", "name.givenName", `'K'`),
			want: `{'userName':'kim','name':{'givenName':'K'},'active':true}`},
		{name: "sub-attributes keep schema order", ops: op("add", "name.formatted", `'K A'`),
			want: strings.Replace(person, `{'familyName'`, `{'formatted':'K A','familyName'`, 1)},
		{name: "remove sub-attribute", ops: op("remove", "name.givenName", ""), want: strings.Replace(person, `,'givenName':'Kim'`, "", 1)},
		{name: "remove last sub-attribute drops the parent", from: `{'userName':'kim','name':{'givenName':'K'}}`,
			ops: op("remove", "name.givenName", ""), want: `{'userName':'kim'}`},
		{name: "remove sub-attribute of nothing", from: small, ops: op("remove", "name.givenName", "")},

		{name: "add array appends", from: mail(work), ops: op("add", "emails", `[`+home+`]`), want: two},
		{name: "add one object appends", from: mail(work), ops: op("add", "emails", home), want: two},
		{name: "add an equal element", from: two, ops: op("add", "emails", `[`+home+`,`+work+`]`)},
		{name: "add same type other value keeps both", from: mail(work), ops: op("add", "emails", `{'value':'x','type':'work'}`),
			want: mail(work + `,{'value':'x','type':'work'}`)},
		{name: "add to nothing", from: small, ops: op("add", "emails", work), want: mail(work)},
		{name: "add nothing", from: two, ops: op("add", "emails", `[]`)},
		{name: "replace array", from: two, ops: op("replace", "emails", `[{'value':'x'}]`), want: mail(`{'value':'x'}`)},
		{name: "replace array by one object", from: two, ops: op("replace", "emails", `{'value':'x'}`), want: mail(`{'value':'x'}`)},
		{name: "remove array", from: two, ops: op("remove", "emails", ""), want: small},
		{name: "remove array unassigned", from: small, ops: op("remove", "emails", "")},

		{name: "add sub-attribute of every element", from: two, ops: op("add", "emails.display", `'D'`),
			want: mail(`{'value':'k@w','display':'D','type':'work'},{'value':'k@h','display':'D','type':'home'}`)},
		{name: "replace sub-attribute of every element", from: two, ops: op("replace", "emails.type", `'other'`),
			want: mail(`{'value':'k@w','type':'other'},{'value':'k@h','type':'other'}`)},
		{name: "set sub-attribute of no element", from: small, ops: op("add", "emails.type", `'x'`), err: "400 noTarget"},
		{name: "remove sub-attribute of every element", from: two, ops: op("remove", "emails.type", ""),
			want: mail(`{'value':'k@w'},{'value':'k@h'}`)},
		{name: "remove value of every element drops them", from: two, ops: op("remove", "emails.value", ""), want: small},

		{name: "add with filter merges into hits", from: two, ops: op("add", `emails[type eq "work"]`, `{'display':'D'}`),
			want: mail(`{'value':'k@w','display':'D','type':'work'},` + home)},
		{name: "add with filter clears inside", from: two, ops: op("add", `emails[type eq "work"]`, `{'value':''}`), want: mail(home)},
		{name: "replace with filter replaces hits", from: two, ops: op("replace", `emails[type eq "work"]`, `{'value':'x'}`),
			want: mail(`{'value':'x','type':'work'},` + home)},
		{name: "replace with filter takes an array of one", from: two, ops: op("replace", `emails[type eq "work"]`, `[{'value':'x'}]`),
			want: mail(`{'value':'x','type':'work'},` + home)},
		{name: "replace with filter, two elements", from: two, ops: op("replace", `emails[type eq "work"]`, `[{'value':'x'},{'value':'y'}]`),
			err: "400 invalidValue"},
		{name: "remove with filter removes hits", from: two, ops: op("remove", `emails[type eq "work"]`, ""), want: mail(home)},
		{name: "remove with filter, the last", from: mail(work), ops: op("remove", `emails[type eq "work"]`, ""), want: small},
		{name: "remove with filter ignores a value", from: two, ops: op("remove", `emails[type eq "work"]`, `[{'value':'k@h'}]`),
			want: mail(home)},

		{name: "add with filter and sub sets each hit", from: two, ops: op("add", `emails[type eq "work"].value`, `'x'`),
			want: mail(`{'value':'x','type':'work'},` + home)},
		{name: "replace with filter and sub sets every hit", from: two, ops: op("replace", `emails[value sw "k@"].display`, `'x'`),
			want: mail(`{'value':'k@w','display':'x','type':'work'},{'value':'k@h','display':'x','type':'home'}`)},
		{name: "remove with filter and sub", from: two, ops: op("remove", `emails[value eq "k@w"].type`, ""),
			want: mail(`{'value':'k@w'},` + home)},

		{name: "no hit, sub: created", from: mail(work), ops: op("add", `emails[type eq "home"].value`, `'k@h'`), want: two},
		{name: "no hit, sub: created by replace", from: mail(work), ops: op("replace", `emails[type eq "home"].value`, `'k@h'`), want: two},
		{name: "no hit: created", from: mail(work), ops: op("add", `emails[type eq "home"]`, `{'value':'k@h'}`), want: two},
		{name: "no hit, and of eq: created", from: mail(work), ops: op("replace", `emails[type eq "home" and display eq "D"].value`, `'k@h'`),
			want: mail(work + `,{'value':'k@h','display':'D','type':'home'}`)},
		{name: "no hit, or: no target", from: mail(work), ops: op("add", `emails[type eq "home" or type eq "other"].value`, `'x'`),
			err: "400 noTarget"},
		{name: "no hit, ne: no target", from: mail(work), ops: op("add", `emails[type ne "work"].value`, `'x'`), err: "400 noTarget"},
		{name: "no hit, wrong type: no target", from: mail(work), ops: op("add", `emails[type eq 5].value`, `'x'`), err: "400 noTarget"},
		{name: "no hit, remove", from: mail(work), ops: op("remove", `emails[type eq "home"]`, "")},
		{name: "no hit, remove sub", from: mail(work), ops: op("remove", `emails[type eq "home"].value`, "")},
		{name: "no hit, clear", from: mail(work), ops: op("replace", `emails[type eq "home"].value`, `''`)},
		{name: "no hit, clear by null", from: mail(work), ops: op("add", `emails[type eq "home"].value`, `null`)},

		{name: "extension alone merges", ops: op("add", E, `{'costCenter':'9'}`),
			want: strings.Replace(person, `{'department'`, `{'costCenter':'9','department'`, 1)},
		{name: "extension alone, replace merges too", ops: op("replace", E, `{'costCenter':'9'}`),
			want: strings.Replace(person, `{'department'`, `{'costCenter':'9','department'`, 1)},
		{name: "extension alone, remove", ops: op("remove", E, ""), want: strings.Replace(person, extension, "", 1)},
		{name: "extension alone, null", ops: op("replace", E, "null"), want: strings.Replace(person, extension, "", 1)},
		{name: "extension alone, no object", ops: op("replace", E, "'x'"), err: "400 invalidValue"},
		{name: "extension attribute by colon path", ops: op("add", E+":division", "'D'"),
			want: strings.Replace(person, `{'department'`, `{'division':'D','department'`, 1)},
		{name: "extension goes with its last attribute", from: `{'userName':'kim','E':{'division':'D'}}`, ops: op("remove", E+":division", ""),
			want: `{'userName':'kim'}`},
		{name: "core attribute with its URN", ops: op("replace", coreURN+":name.givenName", "'K'"),
			want: strings.Replace(person, `'Kim'`, `'K'`, 1)},
		{name: "names and operations without case", ops: op("RePlAcE", strings.ToUpper(coreURN)+":NAME.givenname", "'K'"),
			want: strings.Replace(person, `'Kim'`, `'K'`, 1)},

		{name: "password is accepted and not kept", ops: op("replace", "password", "'geheim'")},
		{name: "schemas are ignored", ops: op("add", "schemas", "['urn:x:y']")},
		{name: "schemas are ignored without path", ops: op("add", "", "{'schemas':['urn:x:y']}")},
		{name: "schemas are ignored inside an extension", ops: op("add", E, "{'schemas':['urn:x:y']}")},
		{name: "simple multi-valued: add", from: `{'userName':'k','T':{'tags':['a']}}`, ops: op("add", T+":tags", "['a','b']"),
			want: `{'userName':'k','T':{'tags':['a','b']}}`},
		{name: "simple multi-valued: remove hit", from: `{'userName':'k','T':{'tags':['a','b']}}`,
			ops: op("remove", T+`:tags[value eq "a"]`, ""), want: `{'userName':'k','T':{'tags':['b']}}`},
		{name: "simple multi-valued: remove by value", from: `{'userName':'k','T':{'tags':['a','b']}}`, ops: op("remove", T+`:tags`, "['A']"),
			want: `{'userName':'k','T':{'tags':['b']}}`},
		{name: "simple multi-valued: replace hit", from: `{'userName':'k','T':{'tags':['a','b']}}`,
			ops: op("replace", T+`:tags[value eq "a"]`, "'c'"), want: `{'userName':'k','T':{'tags':['c','b']}}`},
		{name: "order of operations", from: small,
			ops:  op("add", "title", `'A'`) + "," + op("remove", "title", "") + "," + op("add", "title", `'B'`),
			want: `{'userName':'kim','title':'B','active':true}`},
	})
}

func TestPatchErrors(t *testing.T) {
	with := func(f func(*scim.Tolerance)) *scim.Tolerance { t := lenient; f(&t); return &t }
	long := strings.Repeat("x", scim.MaxStringBytes)
	runPatchRows(t, []patchRow{
		{name: "unreadable path", ops: op("add", "na me", "'x'"), err: "400 invalidPath"},
		{name: "path with an index", ops: op("add", "emails[0].value", "'x'"), err: "400 invalidFilter"},
		{name: "path without closing bracket", ops: op("add", `emails[type eq "work"`, "'x'"), err: "400 invalidPath"},
		{name: "path with trailing text", ops: op("add", `emails[type eq "work"]x`, "'x'"), err: "400 invalidPath"},
		{name: "empty path", ops: `{'op':'add','path':'','value':'x'}`, err: "400 invalidPath"},
		{name: "unknown attribute", ops: op("add", "shoeSize", "'x'"), err: "400 invalidPath"},
		{name: "unknown extension", ops: op("add", "urn:ietf:params:scim:schemas:extension:Nope:2.0:User:tag", "'x'"), err: "400 invalidPath"},
		{name: "unknown key", ops: op("add", "", "{'shoeSize':'x'}"), err: "400 invalidPath"},
		{name: "unknown key in an extension", ops: op("add", "", "{'E':{'shoeSize':'x'}}"), err: "400 invalidPath"},
		{name: "core schema alone", ops: op("remove", coreURN, ""), err: "400 invalidPath"},
		{name: "unknown sub-attribute", ops: op("add", "name.nope", "'x'"), err: "400 invalidPath"},
		{name: "sub-attribute of a simple attribute", ops: op("add", "title.x", "'x'"), err: "400 invalidPath"},
		{name: "filter on a plain attribute", ops: op("add", `title[value eq "x"]`, "'x'"), err: "400 invalidPath"},
		{name: "filter without a hit", ops: op("add", `name[givenName eq "x"].familyName`, "'x'"), err: "400 noTarget"},
		{name: "two levels", ops: op("add", "emails.type.x", "'x'"), err: "400 invalidPath"},
		{name: "two levels after a filter", ops: op("add", `emails[type eq "work"].value.x`, "'x'"), err: "400 invalidPath"},
		{name: "wrong filter", ops: op("add", `emails[type].value`, "'x'"), err: "400 invalidFilter"},
		{name: "empty filter", ops: op("add", `emails[].value`, "'x'"), err: "400 invalidFilter"},
		{name: "unknown sub-attribute in filter", ops: op("add", `emails[nope eq "x"].value`, "'x'"), err: "400 invalidFilter"},

		{name: "wrong type", ops: op("add", "title", "5"), err: "400 invalidValue"},
		{name: "wrong type of sub-attribute", ops: op("add", `emails[type eq "work"].value`, "{'a':1}"), err: "400 invalidValue"},
		{name: "text for a boolean", ops: op("replace", "active", "'maybe'"), err: "400 invalidValue"},
		{name: "phone-like primary", ops: op("replace", `emails[type eq "work"].primary`, "'+1 425'"), err: "400 invalidValue"},
		{name: "missing value for add", ops: op("add", "title", ""), err: "400 invalidValue"},
		{name: "missing value for replace", ops: op("replace", "title", ""), err: "400 invalidValue"},
		{name: "no object without path", ops: op("replace", "", "'x'"), err: "400 invalidValue"},
		{name: "unknown member", ops: op("add", "name", "{'nope':'x'}"), err: "400 invalidValue"},
		{name: "two primaries in an array", ops: op("replace", "emails", "[{'value':'a','primary':true},{'value':'b','primary':true}]"),
			err: "400 invalidValue"},
		{name: "two primaries by a filter", ops: op("replace", `emails[value pr].primary`, "true"), err: "400 invalidValue"},
		{name: "string at the limit", from: `{'userName':'k'}`, ops: op("add", "title", "'"+long+"'"),
			want: `{'userName':'k','title':'` + long + `'}`},
		{name: "string over the limit", ops: op("add", "title", "'"+long+"x'"), err: "400 invalidValue"},

		{name: "read-only", ops: op("replace", "id", "'x'"), err: "400 mutability"},
		{name: "read-only meta", ops: op("add", "meta.version", "'x'"), err: "400 mutability"},
		{name: "read-only groups", ops: op("remove", `groups[value eq "g1"]`, ""), err: "400 mutability"},
		{name: "read-only sub-attribute", ops: op("add", E+":manager.displayName", "'x'"), err: "400 mutability"},
		{name: "read-only in an extension", ops: op("add", T+":fixed", "'x'"), err: "400 mutability"},
		{name: "read-only without path, other value", ops: op("replace", "", "{'id':'2'}"), err: "400 mutability"},
		{name: "read-only without path, equal",
			ops: op("replace", "", "{'id':'1','groups':[{'value':'g1'}],'meta':{'version':'W/\\'3\\'','resourceType':'User'}}")},
		{name: "read-only without path, equal, strict", ops: op("replace", "", "{'id':'1'}"), err: "400 mutability", tol: &strict},
		{name: "immutable set once", from: `{'userName':'k'}`, ops: op("add", T+":badge", "'x'"), want: `{'userName':'k','T':{'badge':'x'}}`},
		{name: "immutable same", from: `{'userName':'k','T':{'badge':'x'}}`, ops: op("add", T+":badge", "'x'")},
		{name: "immutable other", from: `{'userName':'k','T':{'badge':'x'}}`, ops: op("add", T+":badge", "'y'"), err: "400 mutability"},
		{name: "immutable removed", from: `{'userName':'k','T':{'badge':'x'}}`, ops: op("remove", T+":badge", ""), err: "400 mutability"},
		{name: "required removed", ops: op("remove", "userName", ""), err: "400 mutability"},
		{name: "required emptied", ops: op("replace", "userName", "''"), err: "400 invalidValue"},
		{name: "required nulled", ops: op("replace", "userName", "null"), err: "400 invalidValue"},
		{name: "required emptied, strict", ops: op("replace", "userName", "''"), err: "400 invalidValue", tol: &strict},
		{name: "required removed and set again", ops: op("remove", "userName", "") + "," + op("add", "userName", "'kim'")},
		{name: "active removed", ops: op("remove", "active", ""), err: "400 mutability"},
		{name: "active emptied", ops: op("replace", "active", "''"), err: "400 invalidValue"},
		{name: "active nulled", ops: op("replace", "", "{'active':null}"), err: "400 invalidValue"},

		{name: "atomic: a later fault undoes all", ops: op("add", "title", "'x'") + "," + op("add", "nope", "'x'"), err: "400 invalidPath"},
		{name: "upsert off", ops: op("replace", `emails[type eq "other"].value`, "'x'"), err: "400 noTarget",
			tol: with(func(t *scim.Tolerance) { t.UpsertFilterPath = false })},
		{name: "upsert off, clearing still succeeds", ops: op("replace", `emails[type eq "other"].value`, "''"),
			tol: with(func(t *scim.Tolerance) { t.UpsertFilterPath = false })},
		{name: "remove without hit, strict", ops: op("remove", `emails[type eq "other"]`, ""), err: "400 noTarget", tol: &strict},
	})
}

// C5: the result of clearing.
func TestPatchClears(t *testing.T) {
	mail := func(elems string) string { return `{'userName':'k','emails':[` + elems + `]}` }
	none := `{'userName':'k'}`
	runPatchRows(t, []patchRow{
		{name: "empty string", ops: op("replace", "title", "''"), want: strings.Replace(person, `'title':'Analyst',`, "", 1)},
		{name: "null", ops: op("replace", "title", "null"), want: strings.Replace(person, `'title':'Analyst',`, "", 1)},
		{name: "add null", ops: op("add", "title", "null"), want: strings.Replace(person, `'title':'Analyst',`, "", 1)},
		{name: "already unassigned", from: none,
			ops: op("replace", "title", "''") + "," + op("replace", "title", "null") + "," + op("replace", "name.givenName", "''")},
		{name: "empty array in replace", from: mail(`{'value':'a'}`), ops: op("replace", "emails", "[]"), want: none},
		{name: "null in replace of an array", from: mail(`{'value':'a'}`), ops: op("replace", "emails", "null"), want: none},
		{name: "element left with type and primary goes", from: mail(`{'value':'a','type':'work','primary':true},{'value':'b'}`),
			ops: op("replace", `emails[type eq "work"].value`, "''"), want: mail(`{'value':'b'}`)},
		{name: "element left with display stays", from: mail(`{'value':'a','display':'A','type':'work'}`),
			ops: op("remove", `emails[type eq "work"].value`, ""), want: mail(`{'display':'A','type':'work'}`)},
		{name: "never after a set", from: none, ops: op("add", `emails[type eq "work"].primary`, "true"),
			want: mail(`{'type':'work','primary':true}`)},
		{name: "sub-attributes of several", from: mail(`{'value':'a','type':'work'},{'value':'b','type':'home'}`),
			ops: op("replace", "emails.value", "null"), want: none},
		{name: "manager by empty string", ops: op("replace", E+":manager", "''"),
			want: strings.Replace(person, `,'manager':{'value':'m1'}`, "", 1)},
		{name: "manager value by empty string", ops: op("replace", E+":manager.value", "''"),
			want: strings.Replace(person, `,'manager':{'value':'m1'}`, "", 1)},
		{name: "hit by empty string", from: mail(`{'value':'a','type':'work'},{'value':'b'}`),
			ops: op("replace", `emails[type eq "work"]`, "''"), want: mail(`{'value':'b'}`)},
		{name: "empty string is a value by the RFC", ops: op("replace", "title", "''"), want: strings.Replace(person, `Analyst`, "", 1),
			tol: &strict},
		{name: "null in add, strict", ops: op("add", "title", "null"), err: "400 invalidValue", tol: &strict},
		{name: "element left bare stays, strict", from: mail(`{'value':'a','type':'work'}`),
			ops: op("remove", `emails[type eq "work"].value`, ""), want: mail(`{'type':'work'}`), tol: &strict},
	})
}

// C2, C3, C6, C7, C14, C16 and the strict reading of each.
func TestPatchDialects(t *testing.T) {
	mail := func(elems string) string { return `{'userName':'k','emails':[` + elems + `]}` }
	manager := func(id string) string { return strings.Replace(person, "m1", id, 1) }
	a, b := `{'value':'a','type':'work'}`, `{'value':'b','type':'work'}`
	runPatchRows(t, []patchRow{
		{name: "boolean text", ops: op("Replace", "active", "'False'"), want: strings.Replace(person, "'active':true", "'active':false", 1)},
		{name: "boolean text, strict", ops: op("Replace", "active", "'False'"), err: "400 invalidValue", tol: &strict},
		{name: "boolean text inside", from: mail(a), ops: op("add", `emails[value eq "a"].primary`, "'True'"),
			want: mail(`{'value':'a','type':'work','primary':true}`)},
		{name: "manager as text", ops: op("Add", E+":manager", "'m2'"), want: manager("m2")},
		{name: "manager as text, strict", ops: op("Add", E+":manager", "'m2'"), err: "400 invalidValue", tol: &strict},
		{name: "manager as array of one, bare name", ops: op("Add", "manager", `[{'$ref':'http://x/Users/m2','value':'m2'}]`),
			want: manager("m2")},
		{name: "manager as array, strict", ops: op("Add", E+":manager", `[{'value':'m2'}]`), err: "400 invalidValue", tol: &strict},
		{name: "manager as array of two", ops: op("Add", "manager", `[{'value':'m2'},{'value':'m3'}]`), err: "400 invalidValue"},
		{name: "manager as object with computed parts", ops: op("replace", E+":manager", `{'value':'m2','displayName':'Boss','$ref':'x'}`),
			want: manager("m2")},
		{name: "bare name, strict", ops: op("Add", "department", "'x'"), err: "400 invalidPath", tol: &strict},
		{name: "alias of the organization", from: `{'userName':'k'}`, ops: op("add", "c42OrgName", "'Org'"),
			want: `{'userName':'k','` + scim.RollcallURN + `':{'orgName':'Org'}}`},
		{name: "elements as text", from: `{'userName':'k'}`, ops: op("add", "emails", "['a','b']"), want: mail(`{'value':'a'},{'value':'b'}`)},

		{name: "remove by value", from: mail(a + `,` + `{'value':'b','type':'work'}`), ops: op("Remove", "emails", `[{'value':'B'}]`),
			want: mail(a)},
		{name: "remove by value, all sub-attributes count", from: mail(a + "," + b),
			ops: op("Remove", "emails", `[{'value':'a','type':'home'}]`)},
		{name: "remove by one object", from: mail(a + "," + b), ops: op("Remove", "emails", `{'type':'WORK','value':'b'}`), want: mail(a)},
		{name: "remove by empty list", from: mail(a + "," + b), ops: op("Remove", "emails", `[]`)},
		{name: "remove by null", from: mail(a + "," + b), ops: op("Remove", "emails", `null`), want: `{'userName':'k'}`},
		{name: "remove by value, strict", from: mail(a + "," + b), ops: op("Remove", "emails", `[{'value':'a'}]`), want: `{'userName':'k'}`,
			tol: &strict},

		{name: "dotted and URN keys",
			ops:  op("replace", "", `{'name.givenName':'K','E:department':'D','emails[type eq \'work\'].value':'x','active':'True'}`),
			want: strings.NewReplacer("'Kim'", "'K'", "Finance", "D", "k@w", "x").Replace(person)},
		{name: "extension object as key", ops: op("replace", "", `{'E':{'department':'D'}}`), want: strings.Replace(person, "Finance", "D", 1)},
		{name: "extension object as key, strict", ops: op("replace", "", `{'E':{'department':'D'}}`),
			want: strings.Replace(person, "Finance", "D", 1), tol: &strict},
		{name: "dotted key, strict", ops: op("replace", "", `{'name.givenName':'K'}`), err: "400 invalidPath", tol: &strict},
		{name: "URN key, strict", ops: op("replace", "", `{'E:department':'K'}`), err: "400 invalidPath", tol: &strict},

		{name: "primary moves by add", from: mail(`{'value':'a','primary':true}`), ops: op("add", "emails", `{'value':'b','primary':true}`),
			want: mail(`{'value':'a','primary':false},{'value':'b','primary':true}`)},
		{name: "primary moves by path", from: mail(`{'value':'a','primary':true},{'value':'b'}`),
			ops:  op("add", `emails[value eq "b"].primary`, `true`),
			want: mail(`{'value':'a','primary':false},{'value':'b','primary':true}`)},
		{name: "primary moves by merge", from: mail(`{'value':'a','primary':true},{'value':'b'}`),
			ops:  op("add", `emails[value eq "b"]`, `{'primary':true}`),
			want: mail(`{'value':'a','primary':false},{'value':'b','primary':true}`)},
		{name: "primary by a quoted boolean in the filter", from: `{'userName':'k','roles':[{'value':'x','primary':false}]}`,
			ops:  op("Add", `roles[primary eq "True"].display`, "'Admin'") + "," + op("Replace", `roles[primary eq "True"].value`, "'admin'"),
			want: `{'userName':'k','roles':[{'value':'x','primary':false},{'value':'admin','display':'Admin','primary':true}]}`},
		{name: "role as JSON text stays text", from: `{'userName':'k'}`, ops: op("Add", "roles", `[{'value':'{\'id\':\'1\'}'}]`),
			want: `{'userName':'k','roles':[{'value':'{\'id\':\'1\'}'}]}`},
		{name: "blanks around the path", ops: op("replace", " title ", "'A'"), want: strings.Replace(person, "Analyst", "A", 1)},
	})
}

func TestPatchStructure(t *testing.T) {
	for _, c := range []struct{ name, body, err string }{
		{"good", patchBody(op("add", "title", "'x'")), ""},
		{"schema without case", strings.Replace(patchBody(op("add", "title", "'x'")), "PatchOp", "PATCHOP", 1), ""},
		{"extra members", patchBody(`{'op':'add','name':'x','path':'title','value':'x'}`), ""},
		{"null path", patchBody(`{'op':'add','path':null,'value':{}}`), ""},
		{"no object", `[]`, "400 invalidSyntax"},
		{"no schema", `{'Operations':[{'op':'add','value':{}}]}`, "400 invalidSyntax"},
		{"other schema", `{'schemas':['urn:x:y'],'Operations':[{'op':'add','value':{}}]}`, "400 invalidSyntax"},
		{"no operations", `{'schemas':['urn:ietf:params:scim:api:messages:2.0:PatchOp']}`, "400 invalidSyntax"},
		{"operations no array", `{'schemas':['urn:ietf:params:scim:api:messages:2.0:PatchOp'],'Operations':{}}`, "400 invalidSyntax"},
		{"operation no object", patchBody("5"), "400 invalidSyntax"},
		{"no op", patchBody("{'path':'title'}"), "400 invalidSyntax"},
		{"unknown op", patchBody("{'op':'move','path':'title'}"), "400 invalidSyntax"},
		{"path no string", patchBody("{'op':'add','path':5,'value':{}}"), "400 invalidSyntax"},
	} {
		if _, err := scim.ParsePatch(parse(t, c.body)); fault(err) != c.err {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
	}
}

func TestPatchLimits(t *testing.T) {
	many := func(n int) string { return strings.TrimSuffix(strings.Repeat(op("add", "title", "'x'")+",", n), ",") }
	if r, err := apply(t, users, person, many(scim.MaxOperations), lenient); err != nil || !r.Changed {
		t.Errorf("%d operations: %v", scim.MaxOperations, err)
	}
	if _, err := apply(t, users, person, many(scim.MaxOperations+1), lenient); fault(err) != "413" {
		t.Errorf("%d operations: %v, want 413", scim.MaxOperations+1, err)
	}
	elements := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "{'value':'%d'},", i)
		}
		return "[" + strings.TrimSuffix(b.String(), ",") + "]"
	}
	if _, err := apply(t, users, `{'userName':'k'}`, op("replace", "emails", elements(scim.MaxElements)), lenient); err != nil {
		t.Errorf("%d elements: %v", scim.MaxElements, err)
	}
	if _, err := apply(t, users, `{'userName':'k'}`, op("replace", "emails", elements(scim.MaxElements+1)), lenient); fault(err) != "413" {
		t.Errorf("%d elements: %v, want 413", scim.MaxElements+1, err)
	}
	halves := op("replace", "emails", elements(scim.MaxElements/2+1)) + "," + op("replace", "ims", elements(scim.MaxElements/2))
	if _, err := apply(t, users, `{'userName':'k'}`, halves, lenient); fault(err) != "413" {
		t.Errorf("elements over several operations: %v, want 413", err)
	}
	if _, err := apply(t, users, `{'userName':'k','emails':`+elements(scim.MaxElements)+`}`, op("add", "emails", "{'value':'x'}"),
		lenient); fault(err) != "413" {
		t.Errorf("an array that grows too large: %v, want 413", err)
	}
}

// Long arrays are searched through an index, which must follow every change.
func TestPatchLongArray(t *testing.T) {
	var elems []string
	for i := range 100 {
		elems = append(elems, fmt.Sprintf("{'value':'%d','type':'t%d'}", i, i))
	}
	from := `{'userName':'k','emails':[` + strings.Join(elems, ",") + `]}`
	again := op("add", "emails", elems[50])
	for _, c := range []struct {
		name, ops string
		more      int
	}{
		{"equal", again, 0},
		{"new, then the same", op("add", "emails", "{'value':'new'}") + "," + op("add", "emails", "{'value':'new'}"), 1},
		{"removed by filter, then added", again + "," + op("remove", `emails[value eq "50"]`, "") + "," + again, 0},
		{"removed by value, then added", again + "," + op("remove", "emails", elems[50]) + "," + again, 0},
		{"changed, then added", again + "," + op("replace", `emails[value eq "50"].type`, "'x'") + "," + again, 1},
		{"primary moved, then added",
			op("add", "emails", "{'value':'p','primary':true}") + "," + op("add", "emails", "{'value':'q','primary':true}") + "," +
				op("add", "emails", "{'value':'p','primary':false}"), 2},
		{"created by path, then added",
			again + "," + op("add", `emails[type eq "new"].value`, "'n'") + "," + op("add", "emails", "{'value':'n','type':'new'}"), 1},
		{"replaced, then added",
			again + "," + op("replace", "emails", "["+strings.Join(elems[:99], ",")+"]") + "," + op("add", "emails", elems[99]), 0},
		{"cleared, then added", again + "," + op("remove", "emails", "") + "," + op("add", "emails", "["+strings.Join(elems, ",")+"]"), 0},
	} {
		r, err := apply(t, users, from, c.ops, lenient)
		if got := len(r.Attributes.Get("emails").Elements()); err != nil || got != 100+c.more {
			t.Errorf("%s: %d elements, %v", c.name, got, err)
		}
	}
}

func TestPatchStrings(t *testing.T) {
	p, err := scim.ParsePatch(parse(t, patchBody(
		op("Add", "members", "[{'value':'a'},'b',{'x':{'y':['c']}}]")+","+
			op("remove", `members[value eq "d" or value eq "e"]`, "")+","+
			op("remove", `members[value eq g]`, "")+","+
			op("replace", "", `{'members[value eq \'h\']':'i','id':'j'}`))))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	p.Strings(func(s string) bool { got[s] = true; return true })
	for _, want := range []string{"a", "b", "c", "d", "e", "g", "h", "i", "j"} {
		if !got[want] {
			t.Errorf("%q is missing in %v", want, got)
		}
	}
	n := 0
	p.Strings(func(string) bool { n++; return n < 3 })
	if n != 3 {
		t.Errorf("went on after false: %d", n)
	}
	if p.Len() != 4 {
		t.Errorf("Len() = %d", p.Len())
	}
}
