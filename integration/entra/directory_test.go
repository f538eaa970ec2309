package entra_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/integration/entra"
)

func same(a, b *entra.Directory) string {
	return cmp.Diff(a, b, cmpopts.IgnoreUnexported(entra.Directory{}))
}

func TestGenerateAndEvolveAreDeterministic(t *testing.T) {
	t.Parallel()
	o := entra.Options{Users: 300, Groups: 20, Seed: 7}
	a, b := entra.Generate(o), entra.Generate(o)
	for step := range uint64(4) {
		if diff := same(a, b); diff != "" {
			t.Fatalf("step %d: %s", step, diff)
		}
		a, _ = a.Evolve(step)
		b, _ = b.Evolve(step)
	}
	other := entra.Generate(entra.Options{Users: 300, Groups: 20, Seed: 8, Population: "p7"})
	if same(entra.Generate(o), other) == "" {
		t.Error("another seed gives the same directory")
	}
}

func TestEvolveLeavesItsReceiverAlone(t *testing.T) {
	t.Parallel()
	o := entra.Options{Users: 200, Groups: 10, Seed: 3}
	d := entra.Generate(o)
	d.Evolve(1)
	d.Evolve(2)
	if diff := same(entra.Generate(o), d); diff != "" {
		t.Error(diff)
	}
}

// check tests the invariants of a directory.
func check(t *testing.T, d *entra.Directory) {
	t.Helper()
	people := map[string]entra.Person{}
	names := map[string]bool{}
	for _, p := range d.People {
		upn := strings.ToLower(strings.Replace(p.UserPrincipalName, "#EXT#", "", 1))
		switch {
		case people[p.ObjectID].ObjectID != "":
			t.Fatalf("object id %s twice", p.ObjectID)
		case names[upn]:
			t.Fatalf("userPrincipalName %s twice", upn)
		case !d.OwnsUser(upn):
			t.Fatalf("%s is outside the population", upn)
		case p.UserPrincipalName == "" || p.MailNickname == "" || p.DisplayName == "" || p.EmployeeID == "":
			t.Fatalf("incomplete person %+v", p)
		case p.Active() && !p.Seen:
			t.Fatalf("active but not seen: %s", upn)
		}
		for _, c := range upn {
			if c > 0x7e || strings.ContainsRune(` "\,;:()<>[]`, c) {
				t.Fatalf("a userPrincipalName cannot hold %q: %s", c, upn)
			}
		}
		people[p.ObjectID], names[upn] = p, true
	}
	for _, p := range d.People {
		for steps, at := 0, p; at.Manager != ""; steps++ {
			boss, ok := people[at.Manager]
			if !ok || !boss.Seen || steps > len(d.People) {
				t.Fatalf("%s: the chain of managers is broken, circular or contains a person who was never provisioned", p.UserPrincipalName)
			}
			at = boss
		}
	}
	titles := map[string]bool{}
	for _, g := range d.Groups {
		name := strings.ToLower(g.DisplayName)
		if titles[name] || !d.OwnsGroup(g.DisplayName) {
			t.Fatalf("group %q twice or outside the population", g.DisplayName)
		}
		titles[name] = true
		for i, m := range g.Members {
			if people[m].ObjectID == "" || (i > 0 && g.Members[i-1] >= m) {
				t.Fatalf("group %q: member %s unknown, twice or out of order", g.DisplayName, m)
			}
		}
	}
}

func TestDirectoriesKeepTheirInvariants(t *testing.T) {
	t.Parallel()
	for _, users := range []int{0, 1, 2, 5, 40, 1000} {
		for seed := range uint64(4) {
			d := entra.Generate(entra.Options{Users: users, Groups: 12, Seed: seed})
			check(t, d)
			for step := range uint64(8) {
				d, _ = d.Evolve(step)
				check(t, d)
			}
		}
	}
}

func TestGeneratedDirectoryLooksLikeACompany(t *testing.T) {
	t.Parallel()
	d := entra.Generate(entra.Options{Users: 1000, Groups: 50, Seed: 1})
	reports := map[string]int{}
	found := map[string]int{}
	for _, p := range d.People {
		reports[p.Manager]++
		count := func(what string, is bool) {
			if is {
				found[what]++
			}
		}
		count("guest", strings.Contains(p.UserPrincipalName, "#EXT#"))
		count("apostrophe in the UPN", strings.Contains(p.UserPrincipalName, "'"))
		count("capital in the UPN", strings.ToLower(p.UserPrincipalName) != p.UserPrincipalName)
		count("disabled", !p.Enabled)
		count("quote in an attribute", strings.Contains(p.JobTitle+p.StreetAddress, `"`))
		count("combining mark", strings.ContainsAny(p.DisplayName, "\u0308\u030a"))
		count("beyond the basic plane", strings.ContainsRune(p.DisplayName, '𠮷'))
		count("no department", p.Department == "")
		for _, script := range []string{"太", "Ив", "Ελ", "محمد", "נועה", "प्रिया", "민준", "สม"} {
			count(script, strings.Contains(p.GivenName, script))
		}
	}
	for _, what := range []string{"guest", "apostrophe in the UPN", "capital in the UPN", "disabled", "quote in an attribute",
		"combining mark",
		"beyond the basic plane", "no department", "太", "Ив", "Ελ", "محمد", "נועה", "प्रिया", "민준", "สม"} {
		if found[what] == 0 {
			t.Errorf("none in 1000: %s", what)
		}
	}
	if reports[""] != 1 {
		t.Errorf("%d people without a manager, want the head only", reports[""])
	}
	short := 0
	for boss, n := range reports {
		if boss != "" && n > 12 {
			t.Errorf("a manager has %d reports, want at most 12", n)
		}
		if boss != "" && n < 3 {
			short++
		}
	}
	if short > 1 {
		t.Errorf("%d managers with fewer than 3 reports, want at most the last", short)
	}
	sizes := map[string]int{}
	for _, g := range d.Groups {
		switch n := len(g.Members); {
		case n == 1000:
			sizes["everyone"]++
		case n > 300:
			sizes["large"]++
		case n < 100:
			sizes["small"]++
		}
		if len(g.Members) == 1 {
			sizes["one"]++
		}
	}
	if sizes["everyone"] != 1 || sizes["one"] == 0 || sizes["large"] == 0 || sizes["small"] <= sizes["large"] {
		t.Errorf("sizes of groups: %v", sizes)
	}
}

func TestEvolveDoesEverythingThatHappensToPeople(t *testing.T) {
	t.Parallel()
	d := entra.Generate(entra.Options{Users: 500, Groups: 30, Seed: 2})
	var sum entra.Changes
	for step := range uint64(3) {
		var c entra.Changes
		d, c = d.Evolve(step)
		if c.Joined == 0 || c.Disabled == 0 || c.SoftDeleted == 0 || c.Renamed == 0 || c.Moved == 0 || c.ManagersChanged == 0 ||
			c.GroupsRenamed == 0 || c.GroupsCreated == 0 || c.GroupsDeleted == 0 || c.MembersAdded == 0 || c.MembersRemoved == 0 {
			t.Errorf("step %d: %s", step, c)
		}
		sum.HardDeleted += c.HardDeleted
		sum.Restored += c.Restored
		sum.Rehired += c.Rehired
	}
	if sum.HardDeleted == 0 || sum.Restored == 0 || sum.Rehired == 0 {
		t.Errorf("in three steps: %s", sum)
	}
}
