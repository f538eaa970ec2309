package main

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"

	"rollcall/shared/golden"
)

// The first hour of a newcomer: nothing is named by an id.
func TestFirstHourByNames(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	legal := s.as("legal-hold-administrator")
	var all bytes.Buffer
	note := func(who *server, prompt, line string, want int) {
		t.Helper()
		code, out, diags := who.run(line)
		if code != want {
			t.Errorf("rollcall %s = %d, want %d\n%s%s", line, code, want, out, diags)
		}
		fmt.Fprintf(&all, "%s rollcall %s\n%s%s\n", prompt, line, out, diags)
	}
	do := func(line string) { t.Helper(); note(s, "$", line, 0) }

	do(`org create Engineering --default-roles "Agent User"`)
	do(`org create Unassigned`)
	do(`provider create "Entra ID" --delay 20m`)
	do(`token list "entra id"`)
	kim, lee, max := s.person("kim@contoso.example"), s.person("lee@contoso.example"), s.person("max@contoso.example")
	s.group("Divers", kim, lee)
	s.group("Sales, EMEA", max)
	s.settled()
	do(`provider list --columns name,state,health,users,groups,pending,to-apply`)
	do(`group list Demo --columns name,members`)
	do(`group members demo divers`)
	do(`org-mapping set Demo --method groups --org Unassigned`)
	do(`org-mapping add Demo --groups Divers --org Engineering`)
	do(`role-mapping set Demo --mode groups`)
	do(`role-mapping add Demo --groups "Sales, EMEA" --roles "Desktop User,PROe User"`)
	note(s, "$", `apply run Demo`, 2)
	note(s.answering("y"), "(y) $", `apply run Demo`, 0)
	do(`org-mapping show Demo`)
	do(`role-mapping show Demo`)
	do(`user list --columns user-name,state,organization,roles`)
	do(`user explain kim@contoso.example`)
	do(`user roles max@contoso.example`)
	do(`user block lee@contoso.example --reason "Asked by HR"`)
	do(`user list --state blocked`)
	do(`user unblock lee@contoso.example --reason "Back"`)
	s.disable(max)
	do(`pending list --columns user-name,state,provider,cause`)
	note(legal, "(legal) $", `hold create "Case 12" --reference 2026-12`, 0)
	note(legal, "(legal) $", `hold place "Case 12" max@contoso.example`, 0)
	do(`user list --state legal-hold`)
	note(legal, "(legal) $", `hold close "Case 12" --reason settled --dry-run`, 0)
	note(legal.answering("yes"), "(legal) (yes) $", `hold release "Case 12" max@contoso.example --reason settled`, 0)
	do(`pending cancel max@contoso.example --reason "Sent by mistake"`)
	do(`user list --state override`)
	do(`watchlist create Leavers --type departing --groups divers --include max@contoso.example`)
	s.until("watchlist members Leavers -o name", "max@contoso.example")
	do(`watchlist members Leavers`)
	note(s.answering("n"), "(n) $", `org deactivate Engineering`, 1)
	note(s.answering("y"), "(y) $", `apply undo Demo latest --columns state,applied`, 0)
	do(`user list --columns user-name,organization,roles`)
	do(`sync-log list --user max@contoso.example --columns action,name,effects,by,reason`)

	text := all.Bytes()
	for _, n := range []struct{ what, by string }{
		{`rc_[0-9a-z]+_\w+`, "rc_TOKEN"}, {`127\.0\.0\.1:\d+`, "HOST"}, {`\bdefault[0-9a-z]{5}\b`, "PROVIDERID"},
		{`\b([a-z])[0-9a-z]{25}\b`, "$1-ID"}, {`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"}, {`\bin \d+:\d\d\b`, "in M:SS"},
		{`(?m) +$`, ""}, {` {2,}`, "  "}, {`(ENDS WITH.*\n)\w{4} `, "${1}LAST "},
	} {
		text = regexp.MustCompile(n.what).ReplaceAll(text, []byte(n.by))
	}
	golden.Check(t, "firsthour", text)
}
