package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Mappings of groups to an organization and a privileged role are applied step by step under dual control, then undone.
func TestApplyTakesTwoAdministrators(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim := s.person("kim@contoso.example")
	s.group("Divers", kim)
	s.settled()
	s.want(0, `org create "Deep Sea" --default-roles agent-user`)
	s.want(1, `org create "deep  sea"`, "another organization has this name")
	s.want(0, `org-mapping set Demo --method groups --org Default`, "1 of 1 groups are not mapped")
	s.want(0, `org-mapping add Demo --groups Divers --org "Deep Sea"`, "rollcall apply run Demo")
	s.want(0, `org-mapping show Demo`, "All SCIM groups are mapped")
	s.want(1, `org-mapping add Demo --groups Divers --org "Deep Sea"`, "at most one mapping")
	s.want(0, `role-mapping set Demo --mode groups`)
	s.want(0, `role-mapping add Demo --groups Divers --roles security-administrator --confirm "Security Administrator"`,
		"Security Administrator")
	s.want(0, `apply plan Demo`, "planned", "Changes                1", "Privileged             1", "rollcall apply start Demo ")
	s.want(0, `apply diff Demo latest`, "kim@contoso.example", "Deep Sea", "Security Administrator")
	s.want(0, `apply csv Demo latest`, `"user","userName","from","fromName","to","toName","rolesAdded","rolesAddedNames","rolesRemoved",`,
		`"`+kim+`","kim@contoso.example","odefault","Default",`, `,"Deep Sea","security-administrator","Security Administrator",`)
	s.want(2, `apply start Demo latest`, "Apply to 1 person (1 moves, 1 gets other roles, 1 gets or loses privileged roles)?")
	s.want(2, `apply start Demo latest --yes`, "add --confirm Demo")
	s.want(0, `apply plan Demo`, "planned")
	if all := s.want(0, `apply list Demo --columns state`); all != "STATE\nplanned\nexpired\n" {
		t.Errorf("the plan that was replaced: %s", all)
	}
	second := s.as("identity-management-administrator")
	s.want(0, `settings set --dual-control`, "yes")
	s.want(0, `apply start Demo latest -y`, "needs-approval", "Another administrator must approve it: rollcall apply approve Demo ")
	s.want(1, `apply approve Demo latest --yes`, "another administrator")
	second.want(2, `apply approve Demo latest`, "Approve and apply to 1 person")
	second.want(0, `apply approve Demo latest --yes`, "completed", "Undo it with: rollcall apply undo Demo ")
	s.want(0, `role-mapping change Demo Divers --roles "Security Administrator,customer-cloud-admin"`,
		"Awaits approval (proposed by)  Administrator")
	s.want(0, `role-mapping show Demo`, "Proposals, awaiting approval by another administrator")
	if said := s.fails(1, `role-mapping approve Demo Divers`); !strings.Contains(said, "another administrator") || strings.Contains(said,
		"with the role") {
		t.Errorf("approve: %s", said)
	}
	s.want(0, `role-mapping reject Demo divers`, "Customer Cloud Admin")
	s.want(0, `settings set --dual-control=false`, "yes")
	second.want(0, `settings set --dual-control=false`, "no")
	s.want(0, `user explain kim@contoso.example`, "Deep Sea", "a mapping of the group Divers", "wins", "Security Administrator")
	s.want(0, `org members "Deep Sea"`, "kim@contoso.example")
	run := text(s.object(`apply show Demo latest`), "id")
	s.want(2, `apply undo Demo latest --yes`, "add --confirm Demo")
	s.want(0, `apply undo Demo `+run+` --confirm Demo`, "completed", "Undoes")
	s.want(1, `apply undo Demo `+run+` --confirm Demo`, "not undone yet")
	s.want(0, `apply list Demo`, "completed")
	s.want(0, `report drift --provider demo`)
}

// A dry run of apply run shows the plan and cancels it; a run without changes does nothing.
func TestApplyRunWithoutChanges(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.group("Divers", s.person("kim@contoso.example"))
	s.settled()
	s.want(0, `org create Sea`)
	s.want(0, `org-mapping set Demo --method groups --org Default`)
	s.want(0, `org-mapping add Demo --groups Divers --org Sea`)
	s.want(0, `apply run Demo --dry-run`, "kim@contoso.example  Default  Sea")
	s.want(0, `apply show Demo latest`, "cancelled")
	s.want(0, `user list --org Sea -o name`)
	if run := s.object(`apply run Demo --yes`); text(run, "state") != "completed" {
		t.Errorf("the run is %v", run)
	}
	s.want(0, `apply run Demo --yes`, "Nothing would change: 1 person already matches the mappings.")
	s.want(4, `apply run Nowhere`, "no provider")
}

// The configuration is exported as YAML, and applied again with its changes shown.
func TestConfigIsExportedAndApplied(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.group("Divers", s.person("kim@contoso.example"))
	s.settled()
	s.want(0, `org create "Deep Sea"`)
	s.want(0, `org-mapping set Demo --method groups --org Default`)
	s.want(0, `org-mapping add Demo --groups Divers --org "Deep Sea"`)
	mapping := s.object(`org-mapping show Demo`)
	out := s.want(0, `config export`, "Deep Sea", "- Divers", "method: groups")
	file := writeFile(t, out)
	s.want(0, `config plan --file `+file, "0 changes.")
	changed := strings.Replace(strings.Replace(out, "organization: Deep Sea", "organization: Shore", 1), "organizations:\n",
		"organizations:\n  - name: Shore\n", 1)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := []string{"+ organization Shore", "- provider Demo: organization mapping 1: Divers -> Deep Sea",
		"+ provider Demo: organization mapping 1: Divers -> Shore"}
	s.want(0, `config plan --file `+file, append(lines, "3 changes.")...)
	s.want(2, `config apply --file `+file, append(lines, "Apply 3 changes, including 1 removal?")...)
	s.want(2, `config apply -o json --file `+file, "--yes")
	s.want(0, `config apply --dry-run --file `+file, "nothing was changed")
	s.answering("y").want(0, `config apply --file `+file, append(lines, "3 changes were applied.")...)
	s.want(0, `config plan --file `+file, "0 changes.")
	if after := s.object(`org-mapping show Demo`); text(list(after, "mappings")[0], "id") != text(list(mapping, "mappings")[0], "id") {
		t.Error("the mapping has another id, so that people would be moved again")
	}
	s.want(1, `config apply --yes --file `+writeFile(t, "roles: [{id: Bad Id, name: x}]"), "id")
	s.want(2, `config apply --yes --file `+writeFile(t, "organizations: [{name: x, blocked: false, blocked: true}]"), "blocked")
	s.want(1, `config apply --yes --file `+writeFile(t, "organizations: [{name: x, blocked: false, Blocked: true}]"), "given twice")
	s.want(1, `config plan --file `+writeFile(t, `
organizations: [{name: A, parent: Nowhere}, {name: B, defaultRoles: [agent-user, no-role]}]
providers: [{provider: Nobody, organizationMapping: {method: org-name}, roleMapping: {mode: manual}}]`),
		`organizations[0].parent: "Nowhere": no organization`, `organizations[1].defaultRoles[1]: "no-role": no role`,
		`providers[0].provider: "Nobody": no provider has this name`)
	s.want(2, `config apply --file `+writeFile(t, "- a list"), "contains no configuration")
	s.want(2, `config apply`, "--file is missing")
}

// Local users are converted by conflicts and by pre-approval, appear in reports, and are erased.
func TestConflictsReportsAndErasure(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.want(0, `user create glass@contoso.example --display-name "Break Glass" --given-name Break --email a@contoso.example,b@contoso.example`,
		"a@contoso.example, b@contoso.example")
	s.want(0, `user list --search GLASS --provider local --directory-state none`, "Break Glass")
	if status, body := s.scimAt(s.SCIMURL, s.SCIMToken, "POST", "/Users", `{"userName":"Glass@contoso.example"}`); status != 409 {
		t.Fatal(status, body)
	}
	s.want(0, `conflict list --state open`, "Glass@contoso.example")
	s.want(0, `conflict show glass@contoso.example`, "Held by", "glass@contoso.example", "active")
	s.want(0, `conflict convert glass@contoso.example --reason same --dry-run`, "nothing was changed")
	s.want(0, `conflict list`, "  open  ")
	s.want(0, `conflict ignore glass@contoso.example --reason "test account"`, "ignored")
	s.want(2, `conflict rename glass@contoso.example --reason x`, "--user-name is missing")
	s.want(0, `conflict convert glass@contoso.example --reason "same person"`, "converted")

	for _, name := range []string{"anna", "bert"} {
		s.want(0, `user create `+name+`@contoso.example`)
	}
	s.want(1, `conflict pre-approve --provider Demo --reason Migration --file `+writeFile(t, "name,mail\nx,y\n"),
		"must name a column userName")
	file := writeFile(t, "\ufeffName;x,userName\nAnna,anna@contoso.example\nCarl,carl@contoso.example\n")
	s.want(0, `conflict pre-approve --dry-run --provider Demo --reason Migration --file `+file, "done", "not-found", "nothing was changed")
	s.want(0, `conflict pre-approve --provider demo --reason Migration --file `+file, "anna@contoso.example  done",
		"carl@contoso.example  not-found")
	s.want(0, `conflict list --state approved`, "anna@contoso.example")
	anna := text(s.object(`user show anna@contoso.example`), "id")
	if id := s.person("Anna@contoso.example"); text(s.object(`user show anna@contoso.example`), "id") != anna {
		t.Errorf("the directory's POST created %s", id)
	}
	s.want(0, `user convert-to-provisioned bert@contoso.example --reason Migration --provider demo`, "Managed by", "Demo")
	s.disable(s.person("carl@contoso.example"))
	s.want(0, `user unblock carl@contoso.example --reason Mistake`, "active by override")
	s.want(0, `report overrides`, "carl@contoso.example  active by override  override")
	if out := s.want(0, `report stale --days 1`); strings.Contains(out, "contoso") {
		t.Errorf("stale: %s", out)
	}
	s.scim("POST", "/Users", `{"userName":"zoe@contoso.example","addresses":[{"country":"Atlantis"}]}`)
	s.until(`report country-values`, "Atlantis")
	s.want(0, `report country-values --provider Demo`, "Demo      Atlantis  1")
	s.want(0, `sync-log list --cause directory --since 1h`, "user.disabled", "Demo")
	if out := s.want(0, `sync-log list --cause administrator`, "user.unblocked", "Administrator"); strings.Contains(out, "user.disabled") {
		t.Errorf("by administrators: %s", out)
	}
	s.want(0, `sync-log list --org Default --provider Demo`, "user.created")
	s.want(1, `user erase bert@contoso.example --reason Asked --confirm bert@contoso.example`, "not deactivated")
	s.want(0, `user deactivate bert@contoso.example --yes --reason Left --block`, "deactivated")
	s.want(0, `user convert-to-local bert@contoso.example --reason Left`)
	s.want(0, `user timeline bert@contoso.example`, "user.deactivated", "Left")
	s.want(0, `user erase bert@contoso.example --reason Asked --confirm bert@contoso.example`)
	if out := s.want(0, `user list --search bert -o name`); out != "" {
		t.Errorf("found: %s", out)
	}
	s.want(0, fmt.Sprintf(`watchlist create W --type custom --include %s`, anna), "nna@contoso.example")
}
