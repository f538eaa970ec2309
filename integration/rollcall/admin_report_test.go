package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/shared/directory"
)

// TestReportsConversionsAndErasureByCommand brings local users under the directory, reports, and erases one.
func TestReportsConversionsAndErasureByCommand(t *testing.T) {
	t.Parallel()
	svc, server, key := adminServer(t)
	ctx := t.Context()
	do := func(want int, line string, parts ...string) string {
		t.Helper()
		code, out, diags := rollcall(t, server, key, line)
		if code != want {
			t.Fatalf("%s = %d, want %d\n%s%s", line, code, want, out, diags)
		}
		for _, p := range parts {
			if !strings.Contains(out+diags, p) {
				t.Errorf("%s: no %q in\n%s%s", line, p, out, diags)
			}
		}
		return out
	}
	value := func(out, name string) string {
		t.Helper()
		for line := range strings.Lines(out) {
			if rest, ok := strings.CutPrefix(line, name+"  "); ok {
				return strings.TrimSpace(rest)
			}
		}
		t.Fatalf("no %s in\n%s", name, out)
		return ""
	}
	made := do(0, "provider create -name Entra")
	p := value(made, "Id")
	caller := directory.Caller{Provider: directory.ProviderID(p), Token: value(made, "Token")}
	post := func(name string) directory.User {
		t.Helper()
		u, err := svc.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: name, Active: true}, nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	deliver := func() {
		t.Helper()
		for n := 1; n > 0; {
			var err error
			if n, err = svc.Feed.Deliver(ctx, svc.FollowEntry); err != nil {
				t.Fatal(err)
			}
		}
	}
	anna, bert := value(do(0, "user create -user-name anna@agency.example"), "Id"), value(do(0, "user create -user-name bert@agency.example"), "Id")
	file := filepath.Join(t.TempDir(), "people.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("name,mail\nx,y\n")
	do(1, "conflict pre-approve -provider "+p+" -reason Migration -file "+file, "must name a column userName")
	write("\ufeffName;x,userName\nAnna,anna@agency.example\nCarl,carl@agency.example\n")
	do(0, "conflict pre-approve -dry-run -provider "+p+" -reason Migration -file "+file, "done", "not-found", "nothing was changed")
	do(0, "conflict list -state approved")
	do(0, "conflict pre-approve -provider "+p+" -reason Migration -file "+file, "anna@agency.example", "done", "carl@agency.example", "not-found")
	do(0, "conflict list -state approved", "anna@agency.example")
	if u := post("Anna@agency.example"); string(u.ID) != anna {
		t.Errorf("the directory's POST made %s, want %s", u.ID, anna)
	}
	do(0, "user convert-to-provisioned "+bert+" -reason Migration -provider "+p, "provider", p)
	deliver()
	do(0, "conflict list -state converted", "anna@agency.example")

	carl := post("carl@agency.example")
	_, _, err := svc.UpdateUser(ctx, caller, carl.ScimID, directory.UserWant{}, nil, func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
		n := old.Profile
		n.Active = false
		return n, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	do(0, "user unblock "+string(carl.ID)+" -reason Mistake")
	do(0, "report overrides", "carl@agency.example", "override")
	do(0, "report drift -provider "+p, "carl@agency.example", "override")
	if out := do(0, "report stale -days 1"); strings.Contains(out, "agency") {
		t.Errorf("stale: %s", out)
	}
	do(1, "report stale -days 0", "days must be")
	do(0, "sync-log list -cause directory", "user.disabled", "directory")
	if out := do(0, "sync-log list -cause administrator"); strings.Contains(out, "user.disabled") || !strings.Contains(out, "user.unblocked") {
		t.Errorf("by administrators: %s", out)
	}
	do(0, "sync-log list -org odefault -provider "+p, "user.created")
	if out := do(0, "sync-log list -role desktop-user"); strings.Contains(out, "user.") {
		t.Errorf("of a role nobody has: %s", out)
	}
	do(0, "settings show", "90", "400")
	do(0, "settings set -keep-users 120 -keep-log 200", "120", "200")
	do(0, "settings set -keep-log 500", "400")

	do(1, "user erase "+bert+" -reason Asked -confirm bert@agency.example", "not deactivated")
	do(0, "user deactivate "+bert+" -reason Left")
	do(1, "user erase "+bert+" -reason Asked -confirm bert@agency.example", "still knows")
	do(0, "user convert-to-local "+bert+" -reason Left")
	do(1, "user erase "+bert+" -reason Asked -confirm anna@agency.example", "confirm must be")
	if out := do(0, "user erase "+bert+" -reason Asked -confirm bert@agency.example", "purged"); strings.Contains(out, "bert@") {
		t.Errorf("left: %s", out)
	}
	if out := do(0, "user list -search bert"); strings.Contains(out, bert) {
		t.Errorf("found: %s", out)
	}
}
