package directorytest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/store/sqlite"
)

// The report of unknown countries equals a count of all users, whatever happened to them, and each value is warned of
// once.
func TestCountryReportIsWhatCountingGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		store, err := sqlite.Open(sqlite.Memory, time.Now)
		if err != nil {
			rt.Fatal(err)
		}
		rt.Cleanup(func() { _ = store.Close() })
		o := &office{T: t, ctx: context.Background(), now: time.Now(), admin: administration.Admin{Tenant: "acme1"}}
		o.s = directorytest.New(store.Ports(), directory.Runtime{Now: func() time.Time { return o.now }, Country: func(name string) string {
			if strings.EqualFold(name, "Germany") {
				return "DE"
			}
			return ""
		}})
		_, err = o.s.As(o.admin).Tenants.Create(o.ctx, "Acme")
		o.must(err)
		o.p, o.caller = o.provider("Entra")
		attributes := func() []byte {
			c := rapid.SampledFrom([]string{"", "Germany", "Atlantis", " Atlantis ", "Mu", strings.Repeat("x", 150)}).Draw(rt, "country")
			return []byte(fmt.Sprintf(`{"addresses":[{"type":"work","country":%q}]}`, c))
		}
		ids := []string{"6f1f4d3e-0000-4000-8000-000000000001", "6f1f4d3e-0000-4000-8000-000000000002", "6f1f4d3e-0000-4000-8000-000000000003"}
		users := map[string]directory.User{}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			o.now = o.now.Add(time.Second)
			id := rapid.SampledFrom(ids).Draw(rt, "who")
			u, there := users[id]
			switch do := rapid.IntRange(0, 5).Draw(rt, "what"); {
			case !there:
				users[id], err = o.tryUser(o.caller, directory.Profile{UserName: id, ExternalID: id, Active: true, Attributes: attributes()})
				o.must(err)
			case do == 0:
				o.must(o.remove(o.caller, u.ScimID))
				delete(users, id)
			case do == 1:
				_, _, err = o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Active = !p.Active })
				o.must(err)
			case do == 2 && rapid.Bool().Draw(rt, "follow"):
				o.deliver()
			default:
				_, _, err = o.edit(o.caller, u.ScimID, func(p *directory.Profile) { p.Attributes = attributes() })
				o.must(err)
			}
		}
		o.deliver()
		want := map[string]int{}
		for id := range users {
			u := o.reload(users[id].ID)
			_, country, _ := strings.Cut(string(u.Attributes), `"country":"`)
			country, _, _ = strings.Cut(country, `"`)
			if country = strings.TrimSpace(country); country != "" && country != "Germany" {
				want[country[:min(len(country), 100)]]++
			}
		}
		got := map[string]int{}
		report, err := o.s.As(o.admin).Reports.Countries(o.ctx, "")
		o.must(err)
		for _, c := range report {
			got[c.Value] = c.Users
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || len(report) != len(want) {
			rt.Fatalf("the report says %v, counting %v", got, want)
		}
		if !slices.IsSortedFunc(report, func(a, b administration.CountryCount) int { return b.Users - a.Users }) {
			rt.Fatalf("the report is not in order: %v", report)
		}
		warned, causes := map[string]int{}, map[directory.EntryID]bool{}
		for _, e := range o.log(directory.LogQuery{}) {
			if e.Action == directory.CountryUnknown {
				causes[directory.EntryID(e.Actor.ID)] = true
				if len(e.Changes) > 0 {
					rt.Fatalf("the Audit Log keeps a value: %v", e.Changes)
				}
			}
		}
		for _, e := range o.log(directory.LogQuery{Provider: o.p.ID}) {
			for _, c := range e.Changes {
				var sent directory.SentCountry
				if c.Attr == directory.AttrUnknownCountry && causes[e.ID] && json.Unmarshal(c.After, &sent) == nil {
					warned[sent.Value]++
				}
			}
		}
		for v, n := range warned {
			if n > 1 {
				rt.Fatalf("%s was warned of %d times", v, n)
			}
		}
		for v := range want {
			if warned[v] != 1 {
				rt.Fatalf("%s was not warned of: %v", v, warned)
			}
		}
	})
}

// Users who leave the provider are no longer in its report.
func TestCountryReportOmitsLocalUsers(t *testing.T) {
	o := newOffice(t)
	o.s = directorytest.New(o.s.Ports, directory.Runtime{Now: o.s.Now, Country: func(string) string { return "" }})
	u, err := o.tryUser(o.caller,
		directory.Profile{UserName: "anna", Active: true, Attributes: []byte(`{"addresses":[{"country":"Atlantis"}]}`)})
	o.must(err)
	o.deliver()
	report := func(p directory.ProviderID) int {
		r, err := o.s.As(o.admin).Reports.Countries(o.ctx, p)
		o.must(err)
		return len(r)
	}
	if n := report(o.p.ID); n != 1 {
		t.Fatalf("%d values", n)
	}
	_, err = o.decide(u.ID, directory.DecideLocal)
	o.must(err)
	o.deliver()
	if n := report(o.p.ID); n != 0 {
		t.Fatalf("%d values once anna is local", n)
	}
	_, err = o.s.As(o.admin).Reports.Countries(o.ctx, "acme1nobody")
	o.refused("an unknown provider", err, directory.NotFound, "", "")
}
