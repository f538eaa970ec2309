package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryCaseOfTheStoryIsReadable(t *testing.T) {
	t.Parallel()
	cases, err := loadCases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 81 {
		t.Errorf("%d cases, want 81", len(cases))
	}
	for i, c := range cases {
		if !strings.HasPrefix(c.Name, fmt.Sprintf("%02d ", i+1)) {
			t.Errorf("case %d is named %q: the order of the files is not the order of the story", i+1, c.Name)
		}
	}
}

func TestUnknownAssertionIsRefused(t *testing.T) {
	t.Parallel()
	for name, assertion := range map[string]string{"unknown kind": `{"at":"/a","matches":"x"}`, "no kind": `{"at":"/a"}`} {
		text := `{"name":"n","request":{"method":"GET","path":"/"},"expect":{"status":200,"json":[` + assertion + `]}}`
		if _, err := parseCase([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAssertionsPassAndFail(t *testing.T) {
	t.Parallel()
	const doc = `{"a":"x","n":7,"t":true,"z":null,"list":["p",{"k":"v","more":1}],"empty":[],"urn:x:2.0:User":{"d/e":"slash"},"id":"u-1"}`
	for _, tc := range []struct{ assertion, failure string }{
		{`{"at":"/a","is":"x"}`, ""},
		{`{"at":"/a","is":"y"}`, `/a: is "x", want "y"`},
		{`{"at":"/b","is":"y"}`, `/b: is missing, want "y"`},
		{`{"at":"/z","is":null}`, ""},
		{`{"at":"/b","is":null}`, `/b: is missing, want null`},
		{`{"at":"/n","is":7}`, ""},
		{`{"at":"/n","is":"7"}`, `/n: is 7, want "7"`},
		{`{"at":"/list","is":["p",{"k":"v","more":1}]}`, ""},
		{`{"at":"/id","is":"${userId}"}`, ""},
		{`{"at":"/id","isNot":"${userId}"}`, `/id: is "u-1", which it must not be`},
		{`{"at":"/a","isNot":"${userId}"}`, ""},
		{`{"at":"/b","isNot":"x"}`, ""},
		{`{"at":"/a","present":true}`, ""},
		{`{"at":"/z","present":true}`, `/z: is null, want it present`},
		{`{"at":"/b","present":true}`, `/b: is missing, want it present`},
		{`{"at":"/b","absent":true}`, ""},
		{`{"at":"/z","absent":true}`, `/z: is null, want it absent`},
		{`{"at":"/empty","absent":true}`, `/empty: is [], want it absent`},
		{`{"at":"/list","size":2}`, ""},
		{`{"at":"/list","size":1}`, `/list: has 2 elements, want 1`},
		{`{"at":"/b","size":0}`, ""},
		{`{"at":"/b","size":1}`, `/b: has 0 elements, want 1`},
		{`{"at":"/a","size":0}`, `/a: is "x", want an array`},
		{`{"at":"/list","has":"p"}`, ""},
		{`{"at":"/list","has":{"k":"v"}}`, ""},
		{`{"at":"/list","has":{"k":"w"}}`, `/list: is ["p",{"k":"v","more":1}], want it to contain {"k":"w"}`},
		{`{"at":"/b","has":"p"}`, `/b: is missing, want it to contain "p"`},
		{`{"at":"/list","hasNot":"q"}`, ""},
		{`{"at":"/b","hasNot":"q"}`, ""},
		{`{"at":"/list","hasNot":{"more":1}}`, `/list: contains {"more":1}, which it must not`},
		{`{"at":"/n","min":7,"max":7}`, ""},
		{`{"at":"/n","min":8}`, `/n: is 7, want at least 8`},
		{`{"at":"/n","max":6}`, `/n: is 7, want at most 6`},
		{`{"at":"/a","max":6}`, `/a: is "x", want a number`},
		{`{"at":"/urn:x:2.0:User/d~1e","is":"slash"}`, ""},
		{`{"at":"/list/1/k","is":"v"}`, ""},
		{`{"at":"/list/2","absent":true}`, ""},
		{`{"at":"/id","is":"${nobody}"}`, "no value for nobody"},
	} {
		var a assertion
		if err := json.Unmarshal([]byte(tc.assertion), &a); err != nil {
			t.Fatal(err)
		}
		var decoded any
		if err := json.Unmarshal([]byte(doc), &decoded); err != nil {
			t.Fatal(err)
		}
		r := newRunner(Target{Vars: map[string]string{"userId": "u-1"}})
		errs := a.check(decoded, r.expand)
		switch {
		case tc.failure == "" && len(errs) > 0:
			t.Errorf("%s: %v", tc.assertion, errs)
		case tc.failure != "" && (len(errs) == 0 || !strings.Contains(errs[0].Error(), tc.failure)):
			t.Errorf("%s: %v, want %q", tc.assertion, errs, tc.failure)
		}
	}
}

// door answers like a server with one user; spoil may write a wrong response instead, which the replay must detect.
func door(spoil func(w http.ResponseWriter, r *http.Request) bool) Target {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if spoil != nil && spoil(w, r) {
			return
		}
		w.Header().Set("Content-Type", "application/scim+json")
		body, _ := io.ReadAll(r.Body)
		user := fmt.Sprintf(`{"id":"7","sent":%q,"meta":{"location":"http://door/scim/Users/7","created":"2026-01-02T03:04:05.678Z"}}`, body)
		switch {
		case r.URL.Path == "/token":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"secret","basic":%q,"form":%q}`, r.Header.Get("Authorization"), body)
		case r.Header.Get("Authorization") != "Bearer good":
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"401"}`)
		case r.Method == http.MethodPost:
			w.Header().Set("Location", "http://door/scim/Users/7")
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, user)
		case r.Method == http.MethodPatch:
			w.Header().Del("Content-Type")
			w.WriteHeader(http.StatusNoContent)
		default:
			fmt.Fprint(w, user)
		}
	})
	return Target{BaseURL: "http://door/scim", Token: "good",
		Vars: map[string]string{"tokenPath": "http://door/token", "clientId": "c:1", "clientSecret": "s"},
		Do: func(r *http.Request) (*http.Response, error) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			return rec.Result(), nil
		}}
}

func cases(t *testing.T, texts ...string) []wireCase {
	t.Helper()
	out := make([]wireCase, len(texts))
	for i, text := range texts {
		c, err := parseCase([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out[i] = c
	}
	return out
}

const (
	create = `{"name":"create","request":{"method":"POST","path":"/Users","headers":{"Authorization":"Bearer ${token}"},` +
		`"body":{ "a": "b" }},"expect":{"status":201,"headers":{"Location":"present"},"json":[{"at":"/sent",` +
		`"is":"{\"a\":\"b\"}"}]},"capture":{"userId":"/id"}}`
	change = `{"name":"change","request":{"method":"PATCH","path":"/Users/${userId}","headers":{"Authorization":"Bearer ` +
		`${token}"},"body":{"to":"x ${userId}"}},"expect":{"status":[200,204]},"then":{"path":"/Users/${userId}","status":200,` +
		`"json":[{"at":"/id","is":"${userId}"}]}}`
	wrong = `{"name":"wrong token","request":{"method":"GET","path":"/Users","headers":{"Authorization":"Bearer ` +
		`wrong-${token}"}},"expect":{"status":401}}`
	token = `{"name":"token","requires":"oauth","request":{"method":"POST","path":"${tokenPath}",` +
		`"headers":{"Authorization":"Basic ${basic(clientId:clientSecret)}"},"form":{"client_id":"${clientId}"}},` +
		`"expect":{"status":200,"json":[{"at":"/basic","is":"Basic YyUzQTE6cw=="},{"at":"/form","is":"client_id=c%3A1"}]}}`
	optional = `{"name":"extension","requires":"custom-extension","request":{"method":"GET","path":"/Users/7",` +
		`"headers":{"Authorization":"Bearer ${token}"}},"expect":{"status":999},"otherwise":{"expect":{"status":200}}}`
)

func TestReplayCountsPassedAndNotApplicable(t *testing.T) {
	t.Parallel()
	got := replay(t, door(nil), cases(t, create, change, wrong, token, optional))
	if diff := cmp.Diff(Result{Passed: 4, NotApplicable: 1}, got); diff != "" {
		t.Error(diff)
	}
	with := door(nil)
	with.Has = map[string]bool{"oauth": true}
	got = replay(t, with, cases(t, create, change, wrong, token, optional))
	if diff := cmp.Diff(Result{Passed: 5}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrongResponseIsDetected(t *testing.T) {
	t.Parallel()
	answer := func(status int, media, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", media)
			w.Header().Set("Location", "http://door/scim/Users/7")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	const scim = "application/scim+json"
	for name, tc := range map[string]struct {
		spoil   func(http.ResponseWriter, *http.Request) bool
		text    string
		failure string
	}{
		"status":               {answer(200, scim, `{"id":"7","sent":"{\"a\":\"b\"}"}`), create, "status is 200, want [201]"},
		"assertion":            {answer(201, scim, `{"id":"7","meta":{"location":"http://door/scim/Users/7"}}`), create, "/sent: is missing"},
		"media type":           {answer(201, "application/json", `{"id":"7"}`), create, "media type"},
		"location":             {answer(201, scim, `{"id":"7","meta":{"location":"http://inner/7"}}`), create, "differs from meta.location"},
		"capture":              {answer(201, scim, `{}`), create, "capture userId"},
		"not JSON":             {answer(201, scim, `oops`), create, "not JSON"},
		"error without schema": {answer(401, scim, `{"status":"401"}`), wrong, "not an error body"},
		"numeric error status": {answer(401, scim, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":401}`), wrong,
			"not an error body"},
		"earlier case failed": {nil, change, "no value for userId"},
	} {
		errs := newRunner(door(tc.spoil)).run(cases(t, tc.text)[0])
		if !slices.ContainsFunc(errs, func(err error) bool { return strings.Contains(err.Error(), tc.failure) }) {
			t.Errorf("%s: %v, want %q", name, errs, tc.failure)
		}
	}
	for body, ok := range map[string]bool{
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":3,"itemsPerPage":1,"Resources":[{}]}`: true,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":3,"itemsPerPage":3,"Resources":[{}]}`: false,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"itemsPerPage":1,"Resources":[{}]}`: false,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}`:                                   false,
	} {
		list := strings.Replace(wrong, "401}", "200}", 1)
		if errs := newRunner(door(answer(200, scim, body))).run(cases(t, list)[0]); (len(errs) == 0) != ok {
			t.Errorf("%s: %v", body, errs)
		}
	}
}

func TestRecordingsAreComparable(t *testing.T) {
	t.Parallel()
	a := []Exchange{
		{"create", 201, http.Header{"Location": {"http://one/s/Users/aa"}, "X-Request-Id": {"1"}},
			[]byte(`{"id":"aa","at":"2026-01-02T03:04:05Z"}`)},
		{"read", 200, http.Header{"Etag": {`W/"1"`}}, []byte(`{"id":"aa","r":"http://one/s/Users/aa","access_token":"x"}`)},
	}
	b := []Exchange{
		{"create", 201, http.Header{"Location": {"https://two/Users/bb"}, "X-Request-Id": {"2"}},
			[]byte(`{"id":"bb","at":"2027-01-02T03:04:05.123Z"}`)},
		{"read", 200, http.Header{"Etag": {`W/"1"`}}, []byte(`{"id":"bb","r":"https://two/Users/bb","access_token":"y"}`)},
	}
	if diff := Diff(Normalize("http://one/s/", a), Normalize("https://two", b)); len(diff) > 0 {
		t.Errorf("differences after Normalize: %q", diff)
	}
	if diff := Diff(a, b); len(diff) != 4 {
		t.Errorf("raw differences: %q", diff)
	}
	b[1].Status, b[1].Header = 404, http.Header{"Warning": {"w"}}
	if diff := Diff(Normalize("http://one/s", a), Normalize("https://two", b)); len(diff) != 3 {
		t.Errorf("status and two headers differ, but: %q", diff)
	}
	if diff := Diff(a, a[:1]); len(diff) != 1 {
		t.Errorf("a missing exchange: %q", diff)
	}
}

func TestRecordStopsWhereAnIdIsMissing(t *testing.T) {
	t.Parallel()
	got, err := Record(door(func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "{}"); return true }))
	if err == nil || !strings.Contains(err.Error(), "09 ") || len(got) != 9 {
		t.Errorf("%d exchanges, error %v; want 9, and no id in the response of case 09", len(got), err)
	}
}
