package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollcall/shared/app"
	"rollcall/shared/directory"
)

// TestMappingCommandsTellAStory maps groups, plans, applies, explains, undoes, and carries the configuration over.
func TestMappingCommandsTellAStory(t *testing.T) {
	t.Parallel()
	svc, server, key := adminServer(t)
	ctx, stop := context.WithCancel(t.Context())
	run := func(want int, line string) string {
		t.Helper()
		code, out, diags := rollcall(t, server, key, line)
		if code != want {
			t.Fatalf("%s = %d, want %d\n%s%s", line, code, want, out, diags)
		}
		return out + diags
	}
	field := func(out, name string) string {
		t.Helper()
		m := regexp.MustCompile(`(?m)^` + name + ` {2,}(.*)$`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no %s in\n%s", name, out)
		}
		return m[1]
	}
	has := func(out string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(out, p) {
				t.Errorf("no %q in\n%s", p, out)
			}
		}
	}
	made := run(0, "provider create -name Entra")
	p := field(made, "Id")
	has(run(0, "org-mapping show "+p), "single", "none")
	caller := directory.Caller{Provider: directory.ProviderID(p), Token: field(made, "Token")}
	u, err := svc.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
		return directory.Profile{UserName: "anna@agency.example", Active: true, Attributes: []byte(`{"addresses":[{"country":"Atlantis"}]}`)}, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := svc.CreateGroup(ctx, caller, nil, func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
		return directory.GroupProfile{DisplayName: "Divers"}, []directory.ScimID{u.ScimID}, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Feed.Deliver(ctx, svc.FollowEntry); err != nil { // they came before the mappings
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		app.FollowLog(ctx, svc, app.NewLog(&bytes.Buffer{}))
	}()
	defer func() { stop(); <-done }()
	org := field(run(0, "org create -name Deep~Sea -default-roles agent-user"), "Id")
	has(run(1, "org create -name deep~~sea"), "another organization has this name")
	has(run(0, "org-mapping set "+p+" -method groups -org odefault"), "some-unmapped")
	mapping := field(run(0, "org-mapping add "+p+" -groups "+string(g.ID)+" -org "+org), "Id")
	has(run(0, "org-mapping show "+p), "all-mapped", mapping)
	has(run(1, "org-mapping add "+p+" -groups "+string(g.ID)+" -org "+org), "at most one mapping")
	run(0, "role-mapping set "+p+" -mode groups")
	has(run(1, "role-mapping add "+p+" -groups "+string(g.ID)+" -roles security-administrator"), "Security Administrator")
	roles := field(run(0, "role-mapping add "+p+" -groups "+string(g.ID)+" -roles security-administrator -confirm Security~Administrator"), "Id")
	plan := run(0, "apply plan "+p)
	id := field(plan, "Run")
	if field(plan, "State") != "planned" || field(plan, "To be changed") != "1" || field(plan, "Privileged") != "1" {
		t.Errorf("planned\n%s", plan)
	}
	has(run(0, "apply diff "+p+" "+id), "anna@agency.example", org, "security-administrator")
	has(run(0, "apply csv "+p+" "+id), "user,userName,from,to", string(u.ID)+",anna@agency.example,odefault,"+org)
	has(run(1, "apply start "+p+" "+id), "display name")
	has(run(0, "settings set -dual-control true"), "true")
	second := keyFile(t, field(run(0, "apikey create -name Second -role identity-management-administrator"), "Token"))
	if out := run(0, "apply start "+p+" "+id); field(out, "State") != "needs-approval" {
		t.Errorf("asked for\n%s", out)
	}
	has(run(1, "apply approve "+p+" "+id), "another administrator")
	first := key
	key = second
	if out := run(0, "apply approve "+p+" "+id); field(out, "State") != "completed" || field(out, "Applied") != "1" {
		t.Errorf("applied\n%s", out)
	}
	change := run(0, "role-mapping change "+p+" "+roles+" -roles security-administrator,customer-cloud-admin")
	if field(change, "Waits for another administrator than") == "" {
		t.Errorf("proposed\n%s", change)
	}
	has(run(1, "role-mapping approve "+p+" "+field(change, "Id")), "another administrator")
	has(run(0, "role-mapping reject "+p+" "+field(change, "Id")), "customer-cloud-admin")
	has(run(0, "settings set -dual-control false"), "true")
	key = first
	has(run(0, "settings set -dual-control false"), "false")
	has(run(0, "user explain "+string(u.ID)), "Deep Sea", "group:"+mapping, "wins", "security-administrator")
	has(run(0, "org members "+org), "anna@agency.example")
	has(run(1, "apply undo "+p+" "+id), "display name")
	if out := run(0, "apply undo "+p+" "+id+" -confirm Entra"); field(out, "State") != "completed" || field(out, "Undoes") != id {
		t.Errorf("undone\n%s", out)
	}
	has(run(1, "apply undo "+p+" "+id), "not undone yet")

	file := filepath.Join(t.TempDir(), "config.yaml")
	text := run(0, "config export")
	has(text, "Deep Sea", "- Divers", "method: groups")
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	has(run(0, "config plan -file "+file), "0 changes.")
	changed := strings.Replace(strings.Replace(text, "organization: Deep Sea", "organization: Shore", 1), "organizations:\n", "organizations:\n  - name: Shore\n", 1)
	write(changed)
	for _, verb := range []string{"plan", "apply"} {
		has(run(0, "config "+verb+" -file "+file), "+ organization Shore", "- provider Entra: organization mapping 1: Divers -> Deep Sea", "+ provider Entra: organization mapping 1: Divers -> Shore")
	}
	has(run(0, "config plan -file "+file), "0 changes.")
	if !strings.Contains(run(0, "org-mapping show "+p), mapping) {
		t.Error("the mapping has another id, so that people would not stay where it put them")
	}
	has(run(1, "config apply -file "+keyFile(t, "roles: [{id: Bad Id, name: x}]")), "id")
	has(run(0, "watchlist create -type departing -title Leavers -groups "+string(g.ID)), "Leavers")
	has(run(0, "role create -name Fleet~Observer -privileged true"), "fleet-observer")
	has(run(0, fmt.Sprintf("user move %s -org %s -pin true", u.ID, org)), "true")
	has(run(0, fmt.Sprintf("user grant %s -role fleet-observer", u.ID)), "fleet-observer")
	has(run(0, "user list -search anna"), "anna@agency.example")
	has(run(0, "report country-values"), "PROVIDER", "Atlantis", p)
	has(run(0, "report country-values -provider "+p), "Atlantis")
}

func TestCountryCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{{[]string{"Côte", "d'Ivoire"}, exitOK, "CI\n"}, {[]string{"Atlantis"}, exitNotFound, ""}, {nil, exitUsage, ""}, {[]string{"expression"}, exitOK, "IIF("}} {
		var out, diags bytes.Buffer
		if code := run(t.Context(), append([]string{"country"}, c.args...), &out, &diags); code != c.code || !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("%v = %d %s %s", c.args, code, out.String(), diags.String())
		}
	}
}
