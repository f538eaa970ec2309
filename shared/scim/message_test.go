package scim_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/shared/scim"
)

func TestAppendList(t *testing.T) {
	for _, c := range []struct {
		info scim.ListInfo
		rs   [][]byte
		want string
	}{
		{scim.ListInfo{Total: 0, StartIndex: 1}, nil, `'totalResults':0,'startIndex':1,'itemsPerPage':0,'Resources':[]}`},
		{scim.ListInfo{Total: 7, StartIndex: 3}, [][]byte{[]byte("{}"), []byte("1")},
			`'totalResults':7,'startIndex':3,'itemsPerPage':2,'Resources':[{},1]}`},
		{scim.ListInfo{Total: -1, NextCursor: "a.b"}, nil, `'itemsPerPage':0,'nextCursor':'a.b','Resources':[]}`},
	} {
		want := quote(`{'schemas':['urn:ietf:params:scim:api:messages:2.0:ListResponse'],` + c.want)
		if diff := cmp.Diff(want, string(scim.AppendList(nil, c.info, c.rs))); diff != "" {
			t.Error(diff)
		}
	}
}

// show renders a request for comparing.
func show(r scim.SearchRequest) string {
	var parts []string
	add := func(name, v string) {
		if v != "" {
			parts = append(parts, name+"="+v)
		}
	}
	add("attributes", strings.Join(r.Attributes, "|"))
	add("excluded", strings.Join(r.Excluded, "|"))
	if r.Filter != nil {
		add("filter", *r.Filter)
	}
	add("sortBy", r.SortBy)
	add("sortOrder", r.SortOrder)
	if r.StartIndex != nil {
		add("startIndex", render(scim.IntValue(int64(*r.StartIndex))))
	}
	if r.Count != nil {
		add("count", render(scim.IntValue(int64(*r.Count))))
	}
	if r.Cursor != nil {
		add("cursor", "<"+*r.Cursor+">")
	}
	return strings.Join(parts, " ")
}

func TestParseQuery(t *testing.T) {
	for query, want := range map[string]string{
		``: ``, `aadOptscim062020`: ``, `filter=userName+eq+%22x%22&startIndex=3&count=5`: `filter=userName eq "x" startIndex=3 count=5`,
		`attributes=id,%20userName,&attributes=title`: `attributes=id|userName|title`, `excludedAttributes=members`: `excluded=members`,
		`startIndex=0&count=-1`: `startIndex=1 count=0`, `startIndex=-5&count=0`: `startIndex=1 count=0`,
		`startIndex=99999999999999999999`: `startIndex=2147483647`, `count=-99999999999999999999`: `count=0`,
		`sortBy=userName&sortOrder=descending`: `sortBy=userName sortOrder=descending`, `cursor`: `cursor=<>`,
		`cursor=&count=2`: `count=2 cursor=<>`, `cursor=a.b`: `cursor=<a.b>`,
		`count=a`: `400 invalidValue`, `count=`: ``, `count=1.5`: `400 invalidValue`, `startIndex=+1`: `400 invalidValue`,
		`startIndex=--1`:       `400 invalidValue`,
		`cursor=&startIndex=1`: `400 invalidValue`, `filter=`: ``, `filter`: ``, `startIndex=`: ``,
		`filter=+`: `400 invalidFilter`,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		r, err := scim.ParseQuery(q)
		if got := show(r) + fault(err); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func TestParseSearch(t *testing.T) {
	const schema = `'schemas':['urn:ietf:params:scim:api:messages:2.0:SearchRequest']`
	for body, want := range map[string]string{
		`{` + schema + `}`: ``, `{}`: `400 invalidSyntax`, `[]`: `400 invalidSyntax`, `{'schemas':['x']}`: `400 invalidSyntax`,
		`{` + schema +
			`,'attributes':['id'],'excludedAttributes':[],'filter':'title pr','sortBy':'id','sortOrder':'ascending','startIndex':0,` +
			`'count':-1,'x':1}`: `attributes=id filter=title pr sortBy=id sortOrder=ascending startIndex=1 count=0`,
		`{` + schema + `,'COUNT':5,'cursor':'','filter':null}`: `count=5 cursor=<>`,
		`{` + schema + `,'attributes':'id'}`:                   `400 invalidValue`, `{` + schema + `,'attributes':[1]}`: `400 invalidValue`,
		`{` + schema + `,'filter':5}`:  `400 invalidValue`,
		`{` + schema + `,'count':'5'}`: `400 invalidValue`, `{` + schema + `,'count':1.5}`: `400 invalidValue`,
		`{` + schema + `,'sortBy':1}`:                               `400 invalidValue`,
		`{` + schema + `,'filter':'','count':'','startIndex':null}`: ``, `{` + schema + `,'cursor':'','startIndex':1}`: `400 invalidValue`,
	} {
		r, err := scim.ParseSearch(parse(t, body))
		if got := show(r) + fault(err); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func TestParseBulk(t *testing.T) {
	bulk := func(ops string) string {
		return `{'schemas':['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],'failOnErrors':1,'Operations':[` + ops + `]}`
	}
	post, remove := `{'method':'post','path':'/Users','bulkId':'a','data':{'userName':'k'}}`,
		`{'method':'DELETE','path':'/Users/1','version':'W/1'}`
	for body, want := range map[string]string{
		bulk(post + "," + remove): "", bulk(""): "400 invalidSyntax", bulk("5"): "400 invalidSyntax",
		bulk(post + "," + post):     "400 invalidSyntax",
		bulk(remove + "," + remove): "", bulk(remove + "," + remove + "," + remove): "413",
		bulk(`{'method':'GET','path':'/Users'}`): "400 invalidSyntax", bulk(`{'method':'DELETE'}`): "400 invalidSyntax",
		bulk(`{'method':5,'path':'/x'}`):                    "400 invalidSyntax",
		bulk(`{'method':'POST','path':'/Users','data':{}}`): "400 invalidSyntax",
		bulk(`{'method':'PUT','path':'/Users/1'}`):          "400 invalidSyntax",
		`{'Operations':[` + remove + `]}`:                   "400 invalidSyntax", `5`: "400 invalidSyntax",
		strings.Replace(bulk(remove), "'failOnErrors':1", "'failOnErrors':0", 1): "400 invalidSyntax",
	} {
		if _, err := scim.ParseBulk(parse(t, body), 2); fault(err) != want {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	r, err := scim.ParseBulk(parse(t, bulk(post+","+remove)), 2)
	if err != nil {
		t.Fatal(err)
	}
	a, b := r.Operations[0], r.Operations[1]
	if r.FailOnErrors != 1 || a.Method != "POST" || a.BulkID != "a" || a.Path != "/Users" || a.Data.Get("userName").Text() != "k" ||
		b.Version != "W/1" || !b.Data.IsNull() {
		t.Errorf("%+v", r)
	}
	if _, err := scim.ParseBulk(parse(t, bulk(remove+","+remove+","+remove)), 2); !strings.Contains(err.Error(), "maxOperations") ||
		!strings.Contains(err.Error(), "2") {
		t.Errorf("the limit is not named: %v", err)
	}
}

func TestAppendBulkResponse(t *testing.T) {
	got := scim.AppendBulkResponse(nil, []scim.BulkResult{
		{Method: "POST", BulkID: "a", Location: "https://x/Users/1", Version: `W/"1"`, Status: 201},
		{Method: "POST", BulkID: "b", Status: 409, Response: []byte(`{"status":"409"}`)},
	})
	want := `{'schemas':['urn:ietf:params:scim:api:messages:2.0:BulkResponse'],'Operations':[{'method':'POST','bulkId':'a',` +
		`'location':'https://x/Users/1','version':'W/\'1\'','status':'201'},` +
		`{'method':'POST','bulkId':'b','status':'409','response':{'status':'409'}}]}`
	if diff := cmp.Diff(render(parse(t, want)), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestBulkReferences(t *testing.T) {
	v := parse(t, `{'members':[{'value':'bulkId:a'},{'value':'u'},{'value':'bulkId:b'},{'value':'bulkId:a'}],'x':'bulkId:c'}`)
	if diff := cmp.Diff([]string{"a", "b", "c"}, scim.BulkReferences(v)); diff != "" {
		t.Error(diff)
	}
	known := map[string]string{"a": "1", "b": "2", "c": "3"}
	resolve := func(id string) (string, bool) { s, ok := known[id]; return s, ok }
	got, err := scim.ReplaceBulkReferences(v, resolve)
	if err != nil || render(got) != quote(`{'members':[{'value':'1'},{'value':'u'},{'value':'2'},{'value':'1'}],'x':'3'}`) {
		t.Errorf("%s, %v", render(got), err)
	}
	delete(known, "c")
	if _, err := scim.ReplaceBulkReferences(v, resolve); fault(err) != "400 invalidValue" {
		t.Errorf("%v", err)
	}
	if !strings.Contains(render(v), "bulkId:a") {
		t.Error("the input changed")
	}
}
