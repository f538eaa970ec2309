package integration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
	"rollcall/shared/provisioning"
)

// mortalUsers refuses to change more users than left.
type mortalUsers struct {
	directory.Users
	left *atomic.Int64
}

func (m mortalUsers) UpdateUser(
	ctx context.Context, t directory.TenantID, old directory.User, update directory.Update[directory.User],
) (directory.User, error) {
	if m.left.Add(-1) < 0 {
		return old, errors.New("the process is killed")
	}
	return m.Users.UpdateUser(ctx, t, old, update)
}

// atlas is a stack with users from the time when no country was known.
type atlas struct {
	*stack.Stack
	t    *testing.T
	old  *directorytest.Env
	left *atomic.Int64
	ids  map[string]directory.UserID // by country
}

func newAtlas(t *testing.T, open func(testing.TB) directory.Ports, countries ...string) *atlas {
	a := &atlas{t: t, left: new(atomic.Int64), ids: map[string]directory.UserID{}}
	a.left.Store(1 << 30)
	var ports directory.Ports
	a.Stack = stack.New(t, stack.Options{Ports: func(t testing.TB) directory.Ports {
		ports = open(t)
		ports.Users = mortalUsers{ports.Users, a.left}
		return ports
	}})
	a.old = directorytest.New(ports, directory.Runtime{Now: a.Clock.Now, Country: func(string) string { return "" }})
	for _, c := range countries {
		a.create(c)
	}
	a.Follow(t)
	return a
}

func (a *atlas) create(country string) {
	a.t.Helper()
	caller := provisioning.Caller{Provider: a.Provider.ID, Token: a.Token}
	u, err := a.old.Provisioning.CreateUser(a.t.Context(), caller, "", nil,
		func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: "in " + country, Active: true,
				Attributes: fmt.Appendf(nil, `{"addresses":[{"type":"work","country":%q}]}`, country)}, nil, nil
		})
	if err != nil {
		a.t.Fatal(err)
	}
	a.ids[country] = u.ID
}

// work runs the job that gives codes.
func (a *atlas) work() error {
	a.t.Helper()
	i := slices.IndexFunc(follow.Jobs(), func(j follow.Job) bool { return j.Name == directory.JobCountries })
	err := follow.Jobs()[i].Run(a.t.Context(), a.Service.Follow, func() bool { return false })
	a.Follow(a.t)
	return err
}

// codes returns the codes of the users, by what their directory sent, and how often each was changed.
func (a *atlas) codes() map[string]string {
	a.t.Helper()
	out := map[string]string{}
	for c, id := range a.ids {
		u, err := a.Service.Ports.Users.UserByID(a.t.Context(), a.Admin.Tenant, id)
		if err != nil {
			a.t.Fatal(err)
		}
		out[c] = fmt.Sprint(u.CountryCode, " ", u.Version)
	}
	return out
}

// unknown returns the report of unknown countries.
func (a *atlas) unknown() string {
	a.t.Helper()
	report, err := a.Service.As(a.Admin).Reports.Countries(a.t.Context(), "")
	if err != nil {
		a.t.Fatal(err)
	}
	var values []string
	for _, c := range report {
		values = append(values, c.Value)
	}
	slices.Sort(values)
	return strings.Join(values, ", ")
}

func (a *atlas) is(want map[string]string, unknown string) {
	a.t.Helper()
	if d := cmp.Diff(want, a.codes()); d != "" {
		a.t.Errorf("codes and versions (-want +got):\n%s", d)
	}
	if got := a.unknown(); got != unknown {
		a.t.Errorf("unknown are %q, want %q", got, unknown)
	}
}

// Stored users get the code of a country that is known now, in the background, once, with an entry, and the report loses
// the value (C35).
func TestStoredUsersGetCountryCodes(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAtlas(t, open, "Federal Republic of Germany", "日本", "Kosovo", "Atlantis", "")
			a.is(map[string]string{"Federal Republic of Germany": " 1", "日本": " 1", "Kosovo": " 1", "Atlantis": " 1", "": " 1"},
				"Atlantis, Federal Republic of Germany, Kosovo, 日本")
			a.Clock.Advance(time.Second)
			want := map[string]string{"Federal Republic of Germany": "DE 2", "日本": "JP 2", "Kosovo": "XK 2", "Atlantis": " 1", "": " 1"}
			for range 2 {
				if err := a.work(); err != nil {
					t.Fatal(err)
				}
				a.is(want, "Atlantis")
			}
			entries, err := a.Service.Ports.Log.Entries(t.Context(), a.Admin.Tenant,
				directory.LogQuery{User: a.ids["日本"], Count: 10})
			if err != nil || len(entries) != 2 {
				t.Fatalf("%d entries, %v", len(entries), err)
			}
			e := entries[0]
			if e.Action != directory.UserUpdated || e.Actor != directory.JobActor(directory.JobCountries) || e.Provider != a.Provider.ID ||
				len(e.Changes) == 0 || e.Changes[0].Attr != "countryCode" || string(e.Changes[0].After) != `"JP"` {
				t.Errorf("the entry is %+v", e)
			}
			a.create("Brasil") // by a process that has the old table still
			for _, later := range []time.Duration{time.Hour, 24 * time.Hour} {
				a.Clock.Advance(later)
				if err := a.work(); err != nil {
					t.Fatal(err)
				}
			}
			want["Brasil"] = "BR 2"
			a.is(want, "Atlantis")
		})
	}
}

// Giving codes goes on after a kill, and changes nobody twice.
func TestCountryCodesSurviveAKill(t *testing.T) {
	t.Parallel()
	var countries []string
	want := map[string]string{}
	for i := range 450 {
		c := fmt.Sprint("Germany (", i, ")")
		countries, want[c] = append(countries, c), "DE 2"
	}
	a := newAtlas(t, stack.SQLite, countries...)
	a.left.Store(300)
	if err := a.work(); err == nil {
		t.Error("the kill was not noticed")
	}
	a.left.Store(150) // the first 300 are not done again
	if err := a.work(); err != nil {
		t.Fatal(err)
	}
	a.is(want, "")
}
