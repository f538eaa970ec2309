package adminapi_test

import (
	"cmp"
	"encoding/csv"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/shared/adminapi"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/spreadsheet"
	"rollcall/shared/verify"
)

// runnable are texts that a spreadsheet would run as a formula.
var runnable = []string{
	"=0+1", "+1", "-2", "@SUM(A3)", "＝4", " =5", "\u00a0=6", "\u3000=7", "\u200b＋8", "\u2028=9", "\ufeff-10", " ﹦11", "\U000e0001=12",
}

// wantHarmless checks that all cells of a CSV are quoted, and that none begins like a formula, wherever else a program
// parts them.
func wantHarmless(t *testing.T, raw string) [][]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	for _, line := range lines {
		for _, cell := range line {
			written += len(strings.ReplaceAll(cell, `"`, `""`)) + len(`"",`)
			for _, part := range strings.Split(cell, "; ") {
				if part != spreadsheet.Harmless(part) {
					t.Errorf("%q of the cell %q would be run", part, cell)
				}
			}
		}
		written += len("\r\n") - len(",")
	}
	if written != len(raw) {
		t.Errorf("not all cells are quoted, or lines end otherwise:\n%s", raw)
	}
	return lines
}

// Whatever the users' names, no cell of the export is run as a formula.
func TestExportInCSV(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	harmless := []string{"quote\"d", "com,ma", "plain", "a;=cmd"}
	for _, name := range append(runnable, harmless...) {
		f.want(201, "POST", "/users", `{"userName":`+quote(name)+`,"title":`+quote(name)+`,"displayName":`+quote(name)+`}`)
	}
	got := f.want(200, "GET", "/sync-log:export?format=csv&action=user.created", "")
	if got.header.Get("Content-Disposition") != `attachment; filename="sync-log.csv"` {
		t.Errorf("answered %v", got.header)
	}
	lines := wantHarmless(t, got.raw)
	column := slices.Index(lines[0], "name")
	for i, name := range append(runnable, harmless...) {
		cell := lines[i+1][column]
		if want := spreadsheet.Harmless(strings.TrimSpace(name)); cell != want || i < len(runnable) && cell == name {
			t.Errorf("%q became %q", name, cell)
		}
	}
	exported := f.entries(f.tenant)[0]
	if exported.Action != administration.LogExported || !exported.Audit {
		t.Errorf("the newest entry is %+v, want the export", exported)
	}
	for _, c := range exported.Changes {
		if c.Attr == "since" || c.Attr == "until" {
			t.Errorf("an export without limits records %s %s", c.Attr, c.After)
		}
	}
}

// logColumns names the column of the CSV for each member that the log shows.
var logColumns = map[string]string{
	"id": "entry", "at": "time", "action": "action", "provider": "provider", "user": "user", "group": "group", "target": "target",
	"name": "name", "version": "version", "result": "result", "cause": "cause", "erased": "erased", "effects": "effects",
	"changes": "attributes", "added": "added", "removed": "removed", "addedCount": "added", "removedCount": "removed",
	"actor.kind": "actor", "actor.id": "actor id", "actor.reason": "reason", "actor.requestId": "request",
	"actor.clientRequestId": "client request", "people": "people", "explanation": "explanation",
}

// Whatever the log shows of an entry is in its CSV.
func TestLogInCSVIsWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	f.want(200, "POST", "/users/"+w.local+":block", `{"reason":"a reason"}`)
	f.want(200, "POST", "/organizations/"+w.organization+":block", "")
	schemas := asMap(asMap(document()["components"])["schemas"])
	for name := range asMap(asMap(schemas["LogEntry"])["properties"]) {
		if logColumns[name] == "" && name != "actor" && name != "userNameNow" && name != "unnumbered" { // which an export does not have
			t.Errorf("no column is known for %s", name)
		}
	}
	for _, log := range []string{"/sync-log", "/audit-log"} {
		rows := map[string]map[string]string{}
		lines := wantHarmless(t, f.want(200, "GET", log+":export?format=csv", "").raw)
		for _, line := range lines[1:] {
			row := map[string]string{}
			for i, title := range lines[0] {
				row[title] = line[i]
			}
			rows[row["entry"]] = row
		}
		items := f.want(200, "GET", log+"?limit=200", "").items()
		for _, item := range items {
			entry := item.(map[string]any)
			if entry["action"] == string(administration.LogExported) {
				continue // it came after the export
			}
			row := rows[entry["id"].(string)]
			for name, v := range entry {
				inner, nested := v.(map[string]any)
				if !nested {
					wantCell(t, row, name, v)
				}
				for leaf, v := range inner {
					wantCell(t, row, name+"."+leaf, v)
				}
			}
		}
		if len(items) < 5 {
			t.Errorf("only %d entries", len(items))
		}
	}
}

// wantCell checks the cell of a member: its text, the texts of a list, or the number of them.
func wantCell(t *testing.T, row map[string]string, member string, v any) {
	t.Helper()
	cell, ok := row[logColumns[member]]
	var want []string
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			change, _ := e.(map[string]any)
			want = append(want, fmt.Sprint(cmp.Or(change["attribute"], e)))
		}
	default:
		want = []string{fmt.Sprint(x)}
	}
	if strings.HasSuffix(member, "Count") {
		cell = strconv.Itoa(len(strings.Split(cell, "; ")))
	}
	if !ok || cell != strings.Join(want, "; ") {
		t.Errorf("the %s of %s is %v in the log and %q in the CSV", member, row["action"], want, cell)
	}
}

// The names of people in a run's changes are as harmless.
func TestChangesInCSV(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	for _, name := range runnable {
		if _, err := w.create(name); err != nil {
			t.Fatal(err)
		}
	}
	f.deliver()
	base := "/providers/" + w.provider
	f.want(200, "PUT", base+"/organization-mapping", `{"method":"single","organizationId":"`+w.organization+`"}`)
	run := f.want(201, "POST", base+"/apply-runs", "").str("id")
	f.deliver()
	got := f.want(200, "GET", base+"/apply-runs/"+run+"/diff.csv", "")
	// The titles, three other people, and these.
	if lines := wantHarmless(t, got.raw); len(lines) != len(runnable)+4 {
		t.Errorf("%d lines:\n%s", len(lines), got.raw)
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

func TestExportAndVerify(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	f.advance(5 * time.Minute)
	if err := f.svc.SealAll(t.Context(), func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(f.want(200, "GET", "/log-key", "").str("publicKey")))
	for _, path := range []string{"/sync-log:export", "/sync-log:export?provider=" + w.provider, "/audit-log:export",
		"/sync-log:export?search=MEMBER&effect=created"} {
		v, err := verify.New(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(f.want(200, "GET", path, "").raw) {
			if err := v.Line([]byte(strings.TrimSuffix(line, "\n"))); err != nil {
				t.Fatalf("%s: %v in %s", path, err, line)
			}
		}
		if got, err := v.End(); err != nil || got.Entries == 0 || !got.Signed {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
	for _, path := range []string{"/sync-log:verify", "/audit-log:verify"} {
		if got := f.want(200, "GET", path, ""); got.str("ok") != "true" || got.str("signed") != "true" || got.str("entries") == "0" {
			t.Errorf("%s answered %s", path, got.raw)
		}
	}
	if err := f.svc.Chains.EraseEntry(t.Context(), f.tenant, f.oldest(w), 0); err != nil {
		t.Fatal(err)
	}
	if got := f.want(200, "GET", "/sync-log:verify?provider="+w.provider, ""); got.str("ok") != "false" || got.str("line") == "" ||
		got.str("detail") == "" {
		t.Errorf("after a change of the log: %s", got.raw)
	}
}

// oldest returns the first entry of the provider, with another name.
func (f *fixture) oldest(w world) directory.LogEntry {
	f.t.Helper()
	es, err := f.svc.Log.EntriesAfter(f.t.Context(), f.tenant, directory.ProviderID(w.provider), "", "", 1)
	if err != nil || len(es) == 0 {
		f.t.Fatalf("%v %v", es, err)
	}
	es[0].Name = "somebody else"
	return es[0]
}

func TestLogSearch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	for query, want := range map[string]string{
		"search=LOCAL.&action=user.created": "user.created", "search=nobody": "", "effect=created&provider=" + w.provider: "user.created",
		"effect=blocked": "", "result=error": "",
		"result=conflict": "conflict.opened", "result=success&group=" + w.group: "group.created",
	} {
		got := f.want(200, "GET", "/sync-log?"+query, "")
		if got.str("items.0.action") != want {
			t.Errorf("%s: %s, want %q", query, got.raw, want)
		}
	}
	f.want(400, "GET", "/sync-log?effect=x", "")
	f.want(400, "GET", "/sync-log:export?format=xml", "")
}

func TestWebhookOverTheAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populate()
	path := "/webhooks/" + w.webhook
	for _, url := range []string{"http://hooks.example/", "https://127.0.0.1/", "https://169.254.169.254/", "ftp://x", "x"} {
		if got := f.want(400, "POST", "/webhooks", `{"displayName":"x","url":"`+url+`"}`); got.str("errors.0.field") != "url" {
			t.Errorf("%s answered %s", url, got.raw)
		}
	}
	f.want(400, "POST", "/webhooks", `{"displayName":"x","url":"https://hooks.example/","types":["webhook.test"]}`)
	if got := f.want(200, "PATCH", path,
		`{"types":["user.removed","user.created"],"state":"paused"}`); got.str("types.0") != "user.created" || got.str("version") != "2" {
		t.Errorf("changed: %s", got.raw)
	}
	f.want(412, "PATCH", path, `{"state":"active"}`, "If-Match", `W/"1"`)
	f.want(409, "POST", path+":test", "")
	rotated := f.want(200, "POST", path+":rotate", `{"overlapSeconds":3600}`)
	if !strings.HasPrefix(rotated.str("secret"), "whsec_") || rotated.str("secrets.1.retiresAt") == "" ||
		rotated.str("secrets.2.lastFour") != "" {
		t.Errorf("rotated: %s", rotated.raw)
	}
	if got := f.want(200, "GET", "/deliveries?state=pending&webhook="+w.webhook, ""); got.str("items.0.id") != w.delivery ||
		got.str("items.0.type") != "webhook.test" {
		t.Errorf("deliveries: %s", got.raw)
	}
	if got := f.want(200, "GET", "/deliveries?state=dead", ""); len(got.items()) != 0 {
		t.Errorf("dead ones: %s", got.raw)
	}
	f.want(200, "POST", path+":replay", `{"since":"2026-11-02T00:00:00Z","until":"2026-11-02T00:00:00Z"}`) // an empty span
	if got := f.want(400, "POST", path+":replay", `{"since":"2026-11-02T00:00:00.001Z","until":"2026-11-02T00:00:00Z"}`); got.str(
		"errors.0.field") != "since" || got.str("errors.1.field") != "until" {
		t.Errorf("a span that ends before it begins: %s", got.raw)
	}
	f.want(404, "POST", "/deliveries/dnone:replay", "")
	f.want(200, "DELETE", path, "")
	f.want(404, "GET", path, "")
	if got := f.want(409, "POST", "/deliveries/"+w.delivery+":replay", ""); !strings.Contains(got.raw, "webhook was deleted") {
		t.Errorf("replay of a deleted webhook's delivery: %s", got.raw)
	}
}

// Where an answer cannot be streamed, an export that is too large is refused, and one that fits is complete.
func TestExportThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/sync-log:export", "/sync-log:export?format=csv"} {
		f := newFixture(t)
		f.populate()
		size := len(f.want(200, "GET", "/sync-log:export?format=csv", "").raw)
		f.h = f.wrapWith(f.svc, adminapi.Options{Origin: origin, MaxExport: size})
		if got := f.want(200, "GET", "/sync-log:export?format=csv", ""); len(got.raw) != size {
			t.Errorf("got %d bytes of %d", len(got.raw), size)
		}
		f.h = f.wrapWith(f.svc, adminapi.Options{Origin: origin, MaxExport: 200})
		if got := f.want(413, "GET", path, ""); !strings.Contains(got.str("detail"), "one answer") ||
			got.header.Get("Content-Disposition") != "" {
			t.Errorf("answered %v %s", got.header, got.raw)
		}
	}
}

// goneWriter is the connection to a client that hung up.
type goneWriter struct{ *httptest.ResponseRecorder }

func (goneWriter) Write([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// An export that ends early leaves an event, at level ERROR only if it was not the client who ended it.
func TestExportThatBreaksOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 600 {
		f.want(201, "POST", "/users", fmt.Sprintf(`{"userName":"%s%d"}`, strings.Repeat("kim", 60), i))
	}
	export := func(w http.ResponseWriter) (broke error) {
		defer func() { broke, _ = recover().(error) }()
		r := httptest.NewRequest("GET", origin+"/api/v1/sync-log:export", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+f.key)
		f.h.ServeHTTP(w, r)
		return nil
	}
	f.log.Reset()
	if broke := export(goneWriter{httptest.NewRecorder()}); !errors.Is(broke, http.ErrAbortHandler) {
		t.Fatalf("the connection stays: %v", broke)
	}
	if log := f.log.String(); !strings.Contains(log, `"level":"INFO","msg":"request"`) || !strings.Contains(log, "exportSyncLog") {
		t.Errorf("the log of a client that hung up: %s", log)
	}
	faulty := &faultyWriter{ResponseRecorder: httptest.NewRecorder(), fail: func() { _ = f.store.Close() }}
	f.log.Reset()
	if broke := export(faulty); !errors.Is(broke, http.ErrAbortHandler) {
		t.Fatalf("the connection stays: %v", broke)
	}
	if log := f.log.String(); !strings.Contains(log, `"level":"ERROR","msg":"request"`) {
		t.Errorf("the log of a store that failed: %s", log)
	}
}

// faultyWriter calls fail once bytes were sent.
type faultyWriter struct {
	*httptest.ResponseRecorder
	fail func()
}

func (w *faultyWriter) Write(b []byte) (int, error) {
	w.fail()
	return w.ResponseRecorder.Write(b)
}
