package adminapi_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"rollcall/shared/adminapi"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
)

func (f *fixture) csv(path string) (out []string) {
	f.t.Helper()
	rows, err := csv.NewReader(strings.NewReader(f.want(200, "GET", path, "").raw)).ReadAll()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, row := range rows {
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

func equalLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The pending deactivations are exported as they are listed, all pages in one table that no spreadsheet runs.
func TestPendingDeactivationsAreExported(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	const head = "due|userName|name|state|provider|organization|cause|requested|waitingFor|user"
	listed := f.want(200, "GET", "/pending-deactivations", "")
	u := listed.items()[0].(map[string]any)
	p := u["pending"].(map[string]any)
	row := fmt.Sprint(p["dueAt"], "|", u["userName"], "|", u["displayName"], "|pending|", w.provider, "|", u["organizationId"], "|",
		p["cause"], "|", p["requestedAt"], "|timer|", u["id"])
	equalLines(t, "all", f.csv("/pending-deactivations:export"), head, row)
	equalLines(t, "of the provider", f.csv("/pending-deactivations:export?provider="+w.provider), head, row)
	equalLines(t, "held by the guard", f.csv("/pending-deactivations:export?gate=guard"), head)
	f.want(400, "GET", "/pending-deactivations:export?gate=none", "")
	for i := range adminapi.MaxPageSize {
		u, err := w.create(fmt.Sprint("=u", i))
		if err != nil {
			t.Fatal(err)
		}
		f.disable(provisioning.Caller{Provider: directory.ProviderID(w.provider), Token: w.scimToken, RequestID: "scim"}, u.ScimID)
	}
	got := f.csv("/pending-deactivations:export")
	if len(got) != adminapi.MaxPageSize+2 || !strings.Contains(strings.Join(got, "\n"), "|'=u7|") {
		t.Errorf("%d lines: %s", len(got), got[1])
	}
}

// A table places people on hold by their user names or ids. An error in any line changes nothing, and all are named; a
// dry run changes nothing either. The custodians are exported with their user names.
func TestCustodiansAsTables(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	m := f.want(201, "POST", "/legal-holds", `{"name":"Case"}`).str("id")
	ids := map[string]string{}
	for _, name := range []string{"ann", "bob", "cat", "dan"} {
		ids[name] = f.want(201, "POST", "/users", `{"userName":"`+name+`@agency.example"}`).str("id")
	}
	f.want(200, "POST", "/users/"+ids["dan"]+":deactivate", `{"reason":"x"}`)
	path := "/legal-holds/" + m + "/custodians"
	custodians := func() []string {
		var out []string
		for _, line := range f.csv(path + ":export")[1:] {
			out = append(out, strings.SplitN(line, "|", 2)[0])
		}
		return out
	}
	refused := func(table string, want ...string) {
		t.Helper()
		got := f.want(400, "POST", path+":import", table)
		var out []string
		for _, e := range got.body["errors"].([]any) {
			out = append(out, fmt.Sprint(e.(map[string]any)["field"], ": ", e.(map[string]any)["detail"]))
		}
		equalLines(t, table, out, want...)
		if strings.Contains(got.raw, "agency") {
			t.Errorf("the answer names somebody: %s", got.raw)
		}
		equalLines(t, "custodians after "+table, custodians())
	}
	refused("userName\nann@agency.example\nnobody@agency.example\n\n\"dan@agency.example\"\n",
		"line 3: nobody has this user name", "line 5: Reactivate the user before adding them to a legal hold")
	refused("userName\nann@agency.example,x\n\" \"\n", "line 2: has 2 columns instead of one", "line 3: is empty")
	refused("id\n"+ids["ann"]+"\nu1\n", "line 3: no such user")
	refused("ann@agency.example\n", "line 1: must name the one column: userName or id")
	refused("userName,id\n", "line 1: must name the one column: userName or id")
	refused("userName\n", "line 1: nobody follows: the table needs a line for each person")
	refused("userName\na\n\"b\" c\n", `line 3: is not CSV (RFC 4180): a quotation mark is wrong`)
	refused("userName\n"+strings.Repeat("x\n", 501), "line 502: a table has at most 500 people")
	f.want(415, "POST", path+":import", "{}", "Content-Type", "application/json")
	f.want(415, "POST", path, "userName\n", "Content-Type", "text/csv")
	f.want(404, "POST", "/legal-holds/m0123456789abcdefghijklmno/custodians:import", "userName\nann@agency.example\n")

	dry := f.want(200, "POST", path+":import?dryRun=true", "userName\nann@agency.example\n")
	if len(dry.items()) != 1 || dry.str("items.0.result") != "done" || dry.str("dryRun") != "true" {
		t.Errorf("the dry run says %s", dry.raw)
	}
	equalLines(t, "after a dry run", custodians())
	done := f.want(200, "POST", path+":import", "\ufeffUSERNAME\r\nANN@agency.example\r\n\"bob@agency.example\"\r\nann@agency.example\r\n")
	if len(done.items()) != 2 || done.str("items.0.user") != ids["ann"] || done.str("items.1.result") != "done" {
		t.Errorf("the answer is %s", done.raw)
	}
	f.want(200, "POST", path+":import", "id\n"+ids["cat"]+"\n"+ids["ann"])
	got := strings.Join(custodians(), " ")
	for name := range ids {
		if strings.Contains(got, name+"@agency.example") != (name != "dan") {
			t.Errorf("on hold: %s", got)
		}
	}
	f.want(200, "POST", path+"/"+ids["bob"]+":release", `{"reason":"x"}`)
	for _, line := range f.csv(path + ":export")[1:] {
		cells := strings.Split(line, "|")
		if former := cells[3] != ""; len(cells) != 6 ||
			cells[1] == "" || former != (cells[0] == "bob@agency.example") || cells[5] != ids[cells[0][:3]] {
			t.Errorf("line %q", line)
		}
	}
	f.want(202, "POST", "/legal-holds/"+m+":close", `{"reason":"x"}`)
	f.want(409, "POST", path+":import", "userName\nann@agency.example\n")
}
