package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"rollcall/shared/golden"
)

// The first hour of a newcomer works without ids.
func TestFirstHourByNames(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	legal := s.as("legal-hold-administrator")
	var all bytes.Buffer
	do := func(who *server, prompt, lines string) {
		t.Helper()
		for line := range strings.Lines(lines) {
			line = strings.TrimSpace(line)
			want := 0
			if rest, refused := strings.CutPrefix(line, "refused: "); refused {
				line, want = rest, 2
			}
			code, out, diags := who.run(line)
			if code != want {
				t.Errorf("rollcall %s = %d, want %d\n%s%s", line, code, want, out, diags)
			}
			fmt.Fprintf(&all, "%s rollcall %s\n%s%s\n", prompt, line, out, diags)
		}
	}
	do(s, "$", `org create Engineering --default-roles "Agent User"
		org create Unassigned
		provider create "Entra ID" --delay 20m
		token list "entra id"`)
	kim, lee, max := s.person("kim@contoso.example"), s.person("lee@contoso.example"), s.person("max@contoso.example")
	s.group("Divers", kim, lee)
	s.group("Sales, EMEA", max)
	s.settled()
	do(s, "$", `provider list --columns name,state,health,users,groups,pending,to-apply
		group list Demo --columns name,members
		group members demo divers
		org-mapping set Demo --method groups --org Unassigned
		org-mapping add Demo --groups Divers --org Engineering
		role-mapping set Demo --mode groups
		role-mapping add Demo --groups "Sales, EMEA" --roles "Desktop User,PROe User"
		refused: apply run Demo`)
	do(s.answering("y"), "(y) $", `apply run Demo`)
	do(s, "$", `org-mapping show Demo
		role-mapping show Demo
		user list --columns user-name,state,organization,roles
		user explain kim@contoso.example
		user roles max@contoso.example
		user block lee@contoso.example --reason "Asked by HR"
		user list --state blocked
		user unblock lee@contoso.example --reason "Back"`)
	s.disable(max)
	do(s, "$", `pending list --columns user-name,state,provider,cause`)
	do(legal, "(legal) $", `hold create "Case 12" --reference 2026-12
		hold place "Case 12" max@contoso.example`)
	do(s, "$", `user list --state legal-hold`)
	do(legal, "(legal) $", `hold close "Case 12" --reason settled --dry-run`)
	do(legal.answering("yes"), "(legal) (yes) $", `hold release "Case 12" max@contoso.example --reason settled`)
	do(s, "$", `pending cancel max@contoso.example --reason "Sent by mistake"
		user list --state override
		watchlist create Leavers --type departing --groups divers --include max@contoso.example`)
	s.until("watchlist members Leavers -o name", "max@contoso.example")
	do(s, "$", `watchlist members Leavers
		refused: org deactivate Engineering`)
	do(s.answering("y"), "(y) $", `apply undo Demo latest --columns state,applied`)
	do(s, "$", `user list --columns user-name,organization,roles
		sync-log list --user max@contoso.example --columns action,name,effects,by,reason`)
	golden.Check(t, "firsthour", normalized(all.Bytes()))
}

// normalized replaces values that differ between runs.
func normalized(text []byte) []byte {
	for _, n := range []struct{ what, by string }{
		{`rc_[0-9a-z]+_\w+`, "rc_TOKEN"}, {`127\.0\.0\.1:\d+`, "HOST"}, {`\bdefault[0-9a-z]{5}\b`, "PROVIDERID"},
		{`\b([a-z])[0-9a-z]{25}\b`, "$1-ID"}, {`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"}, {`\bin \d+:\d\d\b`, "in M:SS"},
		{`(?m) +$`, ""}, {` {2,}`, "  "}, {`(ENDS WITH.*\n)\w{4} `, "${1}LAST "},
	} {
		text = regexp.MustCompile(n.what).ReplaceAll(text, []byte(n.by))
	}
	return text
}
