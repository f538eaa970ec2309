package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"rollcall/shared/directory"
)

func TestOutputFormats(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim := s.person("kim@contoso.example")
	s.person(`=HYPERLINK(\"http://evil\")`)
	if o := s.object("user list"); len(list(o, "items")) != 2 || text(list(o, "items")[0], "id") == "" {
		t.Errorf("json: %v", o)
	}
	if o := s.object("provider show Demo"); text(o, "id") != s.ProviderID {
		t.Errorf("json: %v", o)
	}
	if o := s.object("version --server"); text(o, "api") != "v1" {
		t.Errorf("json: %v", o)
	}
	s.want(0, "provider show Demo -json", `"id":"`+s.ProviderID+`"`)
	var y struct {
		Items []struct{ ID, UserName string }
	}
	if err := yaml.Unmarshal([]byte(s.want(0, "user list --search kim -o yaml")), &y); err != nil || len(y.Items) != 1 ||
		y.Items[0].ID != kim {
		t.Errorf("yaml: %v %+v", err, y)
	}
	s.want(0, "provider show Demo -o yaml", "deactivationDelaySeconds: 900\n")
	if out := s.want(0, "user list -o name"); out != "=HYPERLINK(\"http://evil\")\nkim@contoso.example\n" {
		t.Errorf("name: %q", out)
	}
	if out := s.want(0, "provider show Demo -o name"); out != "Demo\n" {
		t.Errorf("name: %q", out)
	}
	rows, err := csv.NewReader(strings.NewReader(s.want(0, "user list -o csv --columns user-name,state,id,changed"))).ReadAll()
	if err != nil || len(rows) != 3 || strings.Join(rows[0], " ") != "user-name state id changed" ||
		rows[1][0] != `'=HYPERLINK("http://evil")` || rows[2][2] != kim {
		t.Errorf("csv: %v %q", err, rows)
	}
	if _, err := time.Parse(time.RFC3339, rows[2][3]); err != nil {
		t.Errorf("csv: the time %q", rows[2][3])
	}
	if out := s.want(0, "provider show Demo -o csv --columns name,deactivation-delay"); out !=
		"\"name\",\"deactivation-delay\"\n\"Demo\",\"15m\"\n" {
		t.Errorf("csv: %q", out)
	}
	s.want(0, "user list -o csv --columns user-name", "\"user-name\"\n\"'=HYPERLINK(\"\"http://evil\"\")\"\n\"kim@contoso.example\"\n")
	s.want(2, "user list --columns nonsense", "The available columns are user-name, name, state, organization, provider, roles")
}

// In a cell of several values, each is harmless on its own.
func TestJoinedCellsAreHarmless(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.want(0, `role create "=A"`)
	s.want(0, `role create "@B"`)
	s.want(0, `org create "=Deep" --default-roles "=A,@B"`)
	s.want(0, `org list -o csv --columns name,default-roles`, `"'=Deep","'=A, '@B"`)
	s.want(0, `org list --columns name,default-roles`, "=A, @B")
	s.want(0, `user create "=kim"`)
	s.want(0, `sync-log list -o csv --columns changes`, "userName: none -> '=kim")
}

// A name from outside cannot move the cursor or reverse the text.
func TestTerminalIsSafeFromNames(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.group(`evil\u001b[2J\u202e`)
	if out := s.want(0, "group list Demo"); !strings.Contains(out, "evil�[2J�") || strings.ContainsAny(out, "\x1b\u202e") {
		t.Errorf("%q", out)
	}
}

func TestTimesAreRelativeOnATerminal(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	if out := s.want(0, "token list Demo"); !strings.Contains(out, "Z  bootstrap") {
		t.Errorf("off a terminal:\n%s", out)
	}
	at := *s
	at.terminal = true
	if out := at.want(0, "token list Demo"); !strings.Contains(out, "now") && !strings.Contains(out, "second") {
		t.Errorf("on a terminal:\n%s", out)
	}
	for d, want := range map[time.Duration]string{
		0: "now", 3 * time.Minute: "in 3 minutes", -time.Hour: "1 hour ago", -47 * time.Hour: "47 hours ago", -72 * time.Hour: "3 days ago",
		-20 * time.Second: "20 seconds ago",
	} {
		if got := relative(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestDurationsAndTimesAreRead(t *testing.T) {
	t.Parallel()
	now := noClock()
	for given, want := range map[string]string{
		"1h": "2026-01-31T11:00:00Z", "7d": "2026-01-24T12:00:00Z", "1d12h": "2026-01-30T00:00:00Z", "2025-12-01": "2025-12-01T00:00:00Z",
		"2025-12-01T10:00:00+01:00": "2025-12-01T10:00:00+01:00", "soon": "", "d": "", "-1d": "", "2025-13-01": "",
	} {
		got, err := readTime(given, now, -1)
		if want == "" && err == nil || want != "" && got != want {
			t.Errorf("%s is %v (%v), want %q", given, got, err, want)
		}
	}
	for seconds, want := range map[string]string{"0": "0s", "10": "10s", "90": "1m30s", "900": "15m", "3600": "1h", "3660": "1h1m",
		"86400": "1d", "2592000": "30d", "100": "1m40s"} {
		if got := showSeconds(seconds); got != want {
			t.Errorf("%s s is shown as %s, want %s", seconds, got, want)
		}
		if back, err := readSeconds(want); err != nil || fmt.Sprint(back) != seconds {
			t.Errorf("%s is read as %v (%v), want %s", want, back, err, seconds)
		}
	}
	for d, want := range map[time.Duration]string{
		761 * time.Second: "12:41", 59 * time.Second: "0:59", 3900 * time.Second: "1:05:00", 60 * time.Hour: "2 days",
	} {
		if got := countdown(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

// Every shown state has its text.
func TestShownStates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ user, want string }{
		{`{"shownState":"active"}`, "active"},
		{`{"shownState":"override"}`, "active by override"},
		{`{"shownState":"staged"}`, "active (awaiting review)"},
		{`{"shownState":"blocked"}`, "blocked"},
		{`{"shownState":"organization-blocked"}`, "blocked (organization)"},
		{`{"shownState":"pending","pending":{"dueAt":"2026-01-31T12:12:41Z"}}`, "blocked, deactivation in 12:41"},
		{`{"shownState":"pending","pending":{"dueAt":"2026-01-31T11:00:00Z"}}`, "blocked, deactivation is due"},
		{`{"shownState":"legal-hold"}`, "blocked (legal hold)"},
		{`{"shownState":"awaiting-review"}`, "blocked (awaiting review)"},
		{`{"shownState":"deactivated"}`, "deactivated"},
		{`{"shownState":"removed"}`, "removed by directory"},
		{`{"shownState":"erased"}`, "erased"},
	} {
		var u object
		if err := json.Unmarshal([]byte(c.user), &u); err != nil {
			t.Fatal(err)
		}
		if got := shownState(u, noClock()); got != c.want {
			t.Errorf("%s is %q, want %q", c.user, got, c.want)
		}
	}
	for _, s := range directory.ShownStates() {
		if stateTexts[s] == "" && s != directory.ShownPending {
			t.Errorf("%s has no text", s)
		}
	}
}

// Every list of people shows their state, and user list can be filtered by it.
func TestListsOfPeopleShowTheirState(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim, lee, max := s.person("kim@contoso.example"), s.person("lee@contoso.example"), s.person("max@contoso.example")
	s.group("Divers", kim, lee, max)
	s.settled()
	s.disable(kim)
	s.want(0, "user block lee@contoso.example --reason x")
	s.want(0, "watchlist create Watched --type custom --include kim@contoso.example,lee@contoso.example")
	s.until("watchlist members Watched -o name", "lee")
	for _, list := range []string{"user list", "org members Default", "group members Demo Divers", "watchlist members Watched",
		"pending list"} {
		out := s.want(0, list, "kim@contoso.example", "blocked, deactivation in 14:5")
		if list != "pending list" && !strings.Contains(out, "  blocked  ") {
			t.Errorf("%s: no lee, blocked, in\n%s", list, out)
		}
	}
	for state, want := range map[string]string{
		"active": "max", "blocked": "kim lee", "pending": "kim", "override": "", "removed": "", "deactivated": "", "legal-hold": "",
		"awaiting-review": "",
	} {
		names := strings.ReplaceAll(strings.ReplaceAll(s.want(0, "user list --provider Demo -o name --state "+state), "@contoso.example", ""),
			"\n", " ")
		if strings.TrimSpace(names) != want {
			t.Errorf("--state %s: %s, want %s", state, names, want)
		}
	}
	if out := s.want(0, "user list --directory-state inactive -o name"); out != "kim@contoso.example\n" {
		t.Errorf("--directory-state: %s", out)
	}
	s.want(0, "user list --watchlist Watched --columns user-name,roles,watchlists", "Watched")
	// The people of an organization that is blocked or deactivated cannot sign in either.
	s.want(0, "org create Closed")
	s.want(0, "user move max@contoso.example Closed")
	s.want(0, "org block Closed --yes")
	s.want(0, "user list --state blocked -o name", "max")
	s.want(0, "user show max@contoso.example", "State           blocked (organization)", "May sign in     no")
	s.want(0, "org unblock Closed")
	s.want(0, "user show max@contoso.example", "State           active", "May sign in     yes")
}

// Names with control characters and with joiners are harmless in every format, and can be typed.
func TestNamesWithUnusualCharacters(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, name := range []string{`ev\u001b[2Jil@contoso.example`, `a\u007f\u009bb\u202e@contoso.example`} {
		s.scim("POST", "/Users", `{"userName":"`+name+`","displayName":"`+name+`","emails":[{"value":"shared@contoso.example","type":"work"}]}`)
	}
	for _, c := range []struct {
		code int
		line string
	}{
		{2, "user show shared@contoso.example"}, {0, "user list"}, {0, "user list -o json"}, {0, "user list -o yaml"}, {0, "user list -o csv"},
		{0, "user list -o name"}, {0, "sync-log list -o yaml"}, {0, "org members Default -o yaml"},
	} {
		code, out, diags := s.run(c.line)
		if code != c.code || strings.ContainsAny(out+diags, "\x1b\x7f\u009b\u202e") || !strings.Contains(out+diags, "contoso.example") {
			t.Errorf("rollcall %s = %d\n%q", c.line, code, out+diags)
		}
	}
	items := list(s.object("user list --search ev"), "items")
	if len(items) != 1 || items[0].(object)["userName"] != "ev\x1b[2Jil@contoso.example" {
		t.Errorf("in JSON: %v", items)
	}
	const persian = "می\u200cخواهم"
	s.want(0, "provider create "+persian)
	s.want(2, "provider delete "+persian, "--confirm '"+persian+"'")
	s.answering(persian).want(0, "provider delete "+persian, "deleting")
	long := strings.Repeat("x", 210)
	s.want(0, "user create "+long)
	s.want(0, "user show "+long, long)
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Output that cannot be written is an error.
func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"version", "version -o csv", "country Spain"} {
		var diags bytes.Buffer
		p := &program{called: "rollcall", stdout: fullDisk{}, stderr: &diags, now: time.Now, getenv: noEnv}
		if code := p.execute(t.Context(), words(line)); code != exitFailed || !strings.Contains(diags.String(), "no space left") {
			t.Errorf("rollcall %s = %d, %s", line, code, &diags)
		}
	}
}

// Nested values are shown as lines, never in JSON or Go syntax.
func TestNestedValuesAreLines(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim := s.person("kim@contoso.example")
	s.group("Divers", kim)
	s.want(0, "org-mapping set Demo --method groups --org Default")
	s.want(0, "org-mapping add Demo --groups Divers --org Default")
	s.want(0, "watchlist create W --type custom --groups Divers --departments '\"Research, Development\",Sales' --exclude kim@contoso.example")
	s.want(0, "webhook create Payroll --to https://hooks.contoso.example/ --types user.created,user.blocked")
	for _, line := range []string{
		"org-mapping show Demo", "watchlist show W", "watchlist list", "provider show Demo", "user show kim@contoso.example",
		"webhook show Payroll", "settings show", "me", "guard show Demo",
		"group show Demo Divers", "sync-log list --columns name,changes", "audit-log list --columns target,changes", "role-mapping show Demo",
		"user explain kim@contoso.example",
	} {
		if out := s.want(0, line); strings.ContainsAny(out, "{}") || strings.Contains(out, "map[") || strings.Contains(out, "[]") {
			t.Errorf("%s:\n%s", line, out)
		}
	}
	s.want(0, "webhook show Payroll", "\nSecrets\n", "ENDS WITH", "user.created, user.blocked")
	s.want(0, "watchlist show W", "Research, Development, Sales", "Divers", "kim@contoso.example")
	// The common attributes and the minutes of a guard event.
	var out bytes.Buffer
	c := &call{program: &program{stdout: &out, now: noClock, set: settings{output: "table"}}, client: &client{http: httpClient()}}
	event := object{"id": "x", "kind": "leavers",
		"common":   []any{object{"attribute": "department", "value": "Finance", "count": json.Number("480")}},
		"timeline": []any{object{"at": "2026-01-31T12:00:00Z", "count": json.Number("7")}}}
	i := nounAction("guard", "event")
	if err := c.printOne(t.Context(), i.columns, i.tables, event); err != nil || !strings.Contains(out.String(), "department  Finance  480") ||
		!strings.Contains(out.String(), "2026-01-31T12:00:00Z  7") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// nounAction returns an action of a noun.
func nounAction(noun, name string) action {
	for _, n := range nouns() {
		for _, a := range n.all() {
			if n.name == noun && a.name == name {
				return a
			}
		}
	}
	panic("there is no rollcall " + noun + " " + name)
}

// The list of providers shows everything that may need attention.
func TestProviderListShowsAttentionNeeded(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim := s.person("kim@contoso.example")
	s.disable(kim)
	s.want(0, "org-mapping set Demo --method groups --org Default")
	s.want(0, "provider create Quiet --token-expires 30d")
	out := s.want(0, "provider list --columns name,health,last-request,pending,to-apply")
	if !strings.Contains(out, "Demo   healthy     20") || !strings.Contains(out, "  1        yes") || !strings.Contains(out, "never-used  -") {
		t.Errorf("providers:\n%s", out)
	}
	s.want(0, "provider show Demo", "1 usable token, no expiry", "OAuth token")
	s.want(0, "token create Demo --overlap 1h")
	s.want(0, "provider show Demo", "2 usable tokens, first expiry 20")
	s.want(0, "provider show Quiet", "1 usable token, first expiry 20")
	s.as("auditor")
	s.want(0, "apikey list", "LAST USED", "Administrator  identity-management-administrator", "active  20", "active  -  ", "EXPIRES", "BY")
}

func TestListsReadAllPages(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for i := range 205 {
		s.person(fmt.Sprintf("u%03d", i))
	}
	count := func(line string) (int, string) {
		t.Helper()
		_, out, diags := s.run(line)
		return strings.Count(out, "\n"), diags
	}
	if n, diags := count("user list -o name"); n != 205 || diags != "" {
		t.Errorf("%d users, %s", n, diags)
	}
	if n, diags := count("user list -o name --limit 202"); n != 202 || !strings.Contains(diags, "Only the first 202") {
		t.Errorf("%d users, %s", n, diags)
	}
	if n, diags := count("user list -o name --limit 205"); n != 205 || diags != "" {
		t.Errorf("%d users, %s", n, diags)
	}
}
