package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
)

// Harmful commands ask first, with the number of affected people or records. They are refused without a terminal,
// carried out with a yes, and not carried out with a no.
func TestHarmfulCommandsAskFirst(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim, lee := s.person("kim@contoso.example"), s.person("lee@contoso.example")
	s.group("Divers", kim, lee)
	s.settled()
	s.want(0, `org create Engineering`)
	s.want(0, `user move kim@contoso.example Engineering`)
	s.want(0, `role create "Fleet Observer" --privileged`)
	s.want(0, `watchlist create W --type custom --include kim@contoso.example`)
	s.until("watchlist members W -o name", "kim")
	s.want(0, `webhook create Payroll --to https://hooks.contoso.example/`)
	s.want(0, `apikey create Audit --role auditor`)
	s.want(0, `org-mapping set Demo --method groups --org Default`)
	s.want(0, `org-mapping add Demo --groups Divers --org Engineering`)
	s.want(0, `role-mapping set Demo --mode groups`)
	s.want(0, `role-mapping add Demo --groups Divers --roles "Agent User"`)
	last := s.object("token list Demo")
	s.want(0, `token create Demo --overlap 1h`)
	fourth := text(list(last, "items")[0], "lastFour")
	for _, c := range []struct{ line, asks, undone string }{
		{`org deactivate Engineering`, "Deactivate organization Engineering and 1 person in it?", `org show Engineering`},
		{`org block Engineering`, "Deny sign-in to 1 person in organization Engineering?", `org show Engineering`},
		{`role-mapping set Demo --mode manual --mapped-roles remove`,
			"Remove the mapped roles from people immediately? The mapped groups have 2 members.", `role-mapping show Demo`},
		{`user deactivate lee@contoso.example --reason x`, "Deactivate lee@contoso.example immediately?", `user show lee@contoso.example`},
		{`user grant kim@contoso.example "fleet observer"`, "Assign the privileged role Fleet Observer to kim@contoso.example?",
			`user roles kim@contoso.example`},
		{`token revoke Demo ` + fourth, "Revoke the token ending in " + fourth + "? It has authenticated ", `token list Demo`},
		{`token create Demo --overlap 0`, "Revoke 1 token now?", `token list Demo`},
		{`watchlist delete W`, "Delete watchlist W? 1 person is on it.", `watchlist list`},
		{`webhook rotate Payroll --overlap 0s`, "Stop signing with the old secret of Payroll now?", `webhook list`},
		{`webhook delete Payroll`, "Delete webhook Payroll with ", `webhook list`},
		{`apikey revoke Audit`, "Revoke the key Audit with the role auditor?", `apikey list`},
		{`org-mapping delete Demo Divers`, "Delete the mapping of Divers? Its groups have 2 members", `org-mapping show Demo`},
		{`role-mapping delete Demo Divers`, "Delete the mapping of Divers? Its groups have 2 members", `role-mapping show Demo`},
		{`guard set-delay Demo 0 --apply-to-pending`, "Change the due time of 0 pending deactivations?", `guard delay Demo`},
		{`role delete "Fleet Observer"`, "Delete role Fleet Observer? ", `role list`},
	} {
		before := s.want(0, c.undone)
		s.want(2, c.line, c.asks, "add --yes to continue")
		s.answering("n").want(1, c.line, c.asks, "[y/N]", "nothing was changed")
		s.answering("").want(1, c.line, "nothing was changed")
		if after := s.want(0, c.undone); after != before {
			t.Errorf("rollcall %s without a yes changed\n%s into\n%s", c.line, before, after)
		}
		if strings.Contains(c.line, "role delete") {
			s.want(0, `user revoke kim@contoso.example "Fleet Observer" -y`)
		}
		if strings.HasPrefix(c.line, "token") || strings.HasPrefix(c.line, "org deac") {
			s.answering("Yes").want(0, c.line, c.asks)
		} else {
			s.want(0, c.line+" --yes")
		}
		if after := s.want(0, c.undone); after == before && !strings.Contains(c.line, "rotate") {
			t.Errorf("rollcall %s with a yes changed nothing in\n%s", c.line, before)
		}
	}
	// A role that is not privileged, and an overlap, need no question.
	s.want(0, `user grant lee@contoso.example "Agent User"`)
	s.want(2, `user revoke lee@contoso.example "Agent User"`, "Remove the role Agent User from lee@contoso.example?")
	s.want(0, `user revoke lee@contoso.example "Agent User" --dry-run`, "nothing was changed")
	s.want(0, `token create Demo --overlap 1h`)
}

// A confirmation that the API requires is typed on a terminal, or given by --confirm; --yes is not enough.
func TestConfirmationsAreTyped(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim := s.person("kim@contoso.example")
	s.group("Divers", kim)
	s.settled()
	s.want(2, `provider delete Demo`, "Delete provider Demo with 1 group? Its 1 person is kept as local users.", `--confirm Demo to`)
	s.answering("demo").want(1, `provider delete Demo`, "Type Demo to continue", "nothing was changed")
	s.want(1, `provider delete Demo --confirm Dema`, "--confirm")
	s.want(0, `user create glass@contoso.example`)
	s.want(1, `user erase glass@contoso.example --reason Asked --confirm glass@contoso.example`, "not deactivated")
	s.want(0, `user deactivate glass@contoso.example --reason Left --yes`)
	s.want(2, `user erase glass@contoso.example --reason Asked`, "Erase all personal data of glass@contoso.example", "--confirm")
	if out := s.answering("glass@contoso.example").want(0, `user erase glass@contoso.example --reason Asked`, "erased"); strings.Contains(out,
		"glass@") {
		t.Errorf("left: %s", out)
	}
	// A mapping to a privileged role requires the role's name.
	s.want(0, `role-mapping set Demo --mode groups`)
	const add = `role-mapping add Demo --groups Divers --roles security-administrator`
	s.want(2, add, "Give the privileged role Security Administrator to 1 member of the groups?", "add --confirm 'Security Administrator'")
	s.want(2, add+` --dry-run`, "Give the privileged role")
	s.answering("security").want(1, add, "Type Security Administrator to continue", "nothing was changed")
	s.answering("Security Administrator").want(0, add, "Privileged")
	// Applying it requires the provider's name, and then asks no further question.
	s.want(2, `apply run Demo`, "1 gets or loses privileged roles")
	s.want(2, `apply run Demo --yes`, "Privileged roles change.", "add --confirm Demo")
	s.answering("y", "Demo").want(0, `apply run Demo --dry-run`)
	s.want(0, `apply run Demo --confirm Demo`, "kim@contoso.example", "completed")
	s.answering("y", "Demo").want(0, `apply undo Demo latest`, "Undo the changes of the run for 1 person?", "completed")
	s.answering("Demo").want(0, `provider delete Demo`, "deleting")
}

// Closing a hold names each released person and the effect.
func TestClosingAHoldNamesEverybody(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	legal := s.as("legal-hold-administrator")
	for _, name := range []string{"kim", "lee", "max"} {
		id := s.person(name + "@contoso.example")
		if name != "kim" {
			defer s.disable(id)
		}
	}
	s.want(1, `hold create Case`, "This needs a key with the role legal-hold-administrator.")
	legal.want(0, `hold create Case --reference 7`)
	legal.want(0, `hold place Case kim@contoso.example,lee@contoso.example max@contoso.example --reason Subpoena`, "done")
	s.want(0, `guard set-delay Demo 0s`)
	s.disable(text(s.object("user show lee@contoso.example"), "scimId"))
	s.want(0, `guard set-delay Demo 1h`)
	s.disable(text(s.object("user show max@contoso.example"), "scimId"))
	out := legal.want(0, `hold close 7 --reason settled --dry-run`, "the matter is still open")
	for _, line := range []string{"kim@contoso.example  stays active", "lee@contoso.example  deactivated       immediately",
		"max@contoso.example  countdown resumes  20"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(line), " ")) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	if strings.Contains(out, "closed") {
		t.Errorf("a dry run shows a closed matter:\n%s", out)
	}
	legal.want(2, `hold close Case --reason settled`, "Close Case and release 3 people (1 deactivated, 1 countdown resumes, 1 stays active)?",
		"--yes")
	legal.want(2, `hold release Case lee@contoso.example --reason settled`, "Outcome: deactivated.")
	legal.answering("y").want(0, `hold close Case --reason settled`, "closed")
	s.until(`user show lee@contoso.example`, "State           deactivated")
}

// The question about a guard event has the number of people that it holds back.
func TestGuardEventsAreAskedFor(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	var ids []string
	for _, name := range []string{"a", "b", "c"} {
		ids = append(ids, s.person(name+"@contoso.example"))
	}
	s.want(0, `provider go-live Demo`)
	s.want(0, `guard set Demo --minimum 1 --percent 1`)
	for _, id := range ids {
		s.disable(id)
	}
	eventually(t, "a guard event", waitFor, func() bool { _, out, _ := s.run("guard events Demo -o name"); return out != "" })
	event := s.object("guard event Demo latest")
	s.want(0, `guard event Demo `+text(event, "id"), "warning", "By minute") // the first day it only warns
	s.want(2, `guard approve Demo latest --reason ok`, "held back, and will be deactivated when due", "--yes")
	s.want(2, `guard reject Demo latest --reason no`, "will stay active", "--yes")
}

// Ctrl-C ends a question that waits for an answer.
func TestQuestionsCanBeInterrupted(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	p := &program{stdin: bufio.NewReader(r), stderr: io.Discard, asks: true}
	if err := p.agree(ctx, "Go ahead?", false); err == nil || !strings.Contains(err.Error(), "interrupted: nothing was changed") {
		t.Errorf("%v", err)
	}
}

// Where a change gives privileged roles to people whom it does not name, their names are typed.
func TestPrivilegedRolesAreTyped(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.want(0, `role create "Fleet Observer" --privileged`)
	s.want(0, `role create "Fleet Admin" --privileged`)
	for line, asks := range map[string]string{
		`org change Default --default-roles "Fleet Observer,Fleet Admin"`: "Give the privileged role Fleet Admin, Fleet Observer to everybody",
		`role change "Security Administrator" --privileged=false`:         "Change which roles are privileged: Security Administrator?",
	} {
		s.want(2, line, asks, "add --confirm")
		s.answering("no").want(1, line, asks, "nothing was changed")
	}
	s.answering("Fleet Observer, Fleet Admin").want(0, `org change Default --default-roles "Fleet Observer,Fleet Admin"`)
	s.want(0, `role change "Security Administrator" --privileged=false --confirm "Security Administrator"`)
}

// Requests that wait for a second person are shown, listed and approved.
func TestProposals(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.person("kim@contoso.example")
	s.settled()
	second := s.as("identity-management-administrator")
	s.want(0, `settings set --dual-control`, "Keys of different persons")
	grant := `user grant kim@contoso.example "Security Administrator" --yes`
	s.want(0, grant, "grantRole", "Security Administrator to 1 person")
	s.want(0, `proposal list`, "grantRole", "Security Administrator to 1 person")
	s.want(1, `proposal approve grantRole --yes`, "another administrator")
	second.want(2, `proposal approve grantRole`, "which gives Security Administrator to 1 person?")
	second.want(0, `proposal approve grantRole --yes`)
	s.want(0, `user roles kim@contoso.example`, "Security Administrator")
	s.want(0, `apikey create Another --role auditor`)
	s.want(1, `apikey confirm Another --yes`, "another administrator")
	second.want(0, `apikey confirm Another --yes`, "Confirmed by")
}
