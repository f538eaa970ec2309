package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// watchedUsers counts the walks through users, and refuses to index more of them than left.
type watchedUsers struct {
	directory.Users
	walks *atomic.Int64
	left  *atomic.Int64
}

func (w watchedUsers) ListUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, page directory.Page, want directory.UserWant, admit directory.Admit,
) (directory.UserPage, error) {
	out, err := w.Users.ListUsers(ctx, t, p, page, want, admit)
	if err == nil && page.Count > 0 {
		w.walks.Add(1)
	}
	return out, err
}

func (w watchedUsers) IndexUser(
	ctx context.Context, t directory.TenantID, old directory.User, keys func(directory.User) []directory.Lookup,
) error {
	if w.left.Add(-1) < 0 {
		return errors.New("the process is killed")
	}
	return w.Users.IndexUser(ctx, t, old, keys)
}

const (
	employeeNumber = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"
	badgeURN       = "urn:example:badges:2.0:User"
)

// matcher is a stack whose users have employee numbers and badges.
type matcher struct {
	client
	s     *stack.Stack
	users watchedUsers
	ids   []string
}

func newMatcher(t *testing.T, open func(testing.TB) directory.Ports, n int) *matcher {
	m := &matcher{users: watchedUsers{walks: new(atomic.Int64), left: new(atomic.Int64)}}
	m.users.left.Store(1 << 30)
	m.s = stack.New(t, stack.Options{
		Extensions: []directory.Extension{{URN: badgeURN, Name: "Badges", Attributes: []directory.ExtensionAttribute{
			{Name: "exact", Type: "string", CaseExact: true}, {Name: "loose", Type: "string"}, {Name: "count", Type: "integer"},
		}}},
		Ports: func(t testing.TB) directory.Ports {
			ports := open(t)
			m.users.Users = ports.Users
			ports.Users = m.users
			return ports
		},
	})
	m.client = newClient(t, m.s, m.s.Local())
	for i := range n {
		m.ids = append(m.ids, m.create(i))
	}
	return m
}

func (m *matcher) create(i int) string {
	m.t.Helper()
	n := fmt.Sprint(i)
	a := m.send(http.MethodPost, "/Users", object{
		"userName": "u" + n, "title": "T" + n, "name": object{"familyName": "F" + n},
		badgeURN: object{"exact": "e" + n, "loose": "L" + n, "count": i},
		strings.TrimSuffix(employeeNumber, ":employeeNumber"): object{"employeeNumber": "Ä" + n},
	})
	if a.status != http.StatusCreated {
		m.t.Fatalf("create: %d %s", a.status, a.text)
	}
	return a.id()
}

// name names matching attributes.
func (m *matcher) name(paths ...string) directory.Provider {
	m.t.Helper()
	p, err := m.s.Service.As(m.s.Admin).Providers.Patch(m.t.Context(), m.s.Provider.ID, administration.Unchecked,
		administration.ProviderPatch{Matching: &paths})
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

// background follows the log and lets some time pass, in which tasks are done.
func (m *matcher) background(d time.Duration) error {
	m.t.Helper()
	m.s.Follow(m.t)
	m.s.Clock.Advance(d)
	err := m.s.Service.RunTasks(m.t.Context(), never)
	m.s.Follow(m.t)
	return err
}

// find returns the ids that a filter finds, and whether it took a walk.
func (m *matcher) find(filter string) (ids []string, walked bool) {
	m.t.Helper()
	before := m.users.walks.Load()
	a := m.send(http.MethodGet, "/Users?filter="+url.QueryEscape(filter), nil)
	if a.status != http.StatusOK {
		m.t.Fatalf("%s: %d %s", filter, a.status, a.text)
	}
	list, _ := a.json["Resources"].([]any)
	for _, r := range list {
		ids = append(ids, r.(map[string]any)["id"].(string))
	}
	return ids, m.users.walks.Load() > before
}

func (m *matcher) wants(filter string, walk bool, want ...string) {
	m.t.Helper()
	got, walked := m.find(filter)
	if strings.Join(got, " ") != strings.Join(want, " ") || walked != walk {
		m.t.Errorf("%s: found %q (walked: %v), want %q (walked: %v)", filter, got, walked, want, walk)
	}
}

// A provider may name two text attributes, which its directory then finds people by in one read, whatever their number
// (rule C40). People from before are indexed in the background.
func TestMatchingAttributes(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMatcher(t, open, 5)
			m.wants(employeeNumber+` eq "Ä3"`, true, m.ids[3])
			m.name("EmployeeNumber", strings.ToUpper(badgeURN)+":exact")
			m.wants(employeeNumber+` eq "Ä3"`, true, m.ids[3]) // half an index answers nothing
			m.ids = append(m.ids, m.create(5))
			if err := m.background(time.Minute); err != nil {
				t.Fatal(err)
			}
			for i, id := range m.ids {
				m.wants(fmt.Sprintf(`%s eq "ä%d"`, employeeNumber, i), false, id)
				m.wants(fmt.Sprintf(`userType ne "x" and %s:exact eq "e%d"`, badgeURN, i), false, id)
			}
			m.wants(badgeURN+`:exact eq "E1"`, false) // caseExact
			m.wants(badgeURN+`:loose eq "l1"`, true, m.ids[1])
			m.wants(employeeNumber+` eq ""`, true)
			m.wants(employeeNumber+` co "3"`, true, m.ids[3])

			// Every change of the value is followed, and the same value changes nothing.
			patch := func(op string) answer {
				return m.send(http.MethodPatch, "/Users/"+m.ids[1],
					`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+op+`]}`)
			}
			set := `{"op":"replace","path":"` + employeeNumber + `","value":"E77"}`
			first := patch(set).header.Get("ETag")
			m.wants(employeeNumber+` eq "e77"`, false, m.ids[1])
			m.wants(employeeNumber+` eq "Ä1"`, false)
			if again := patch(set).header.Get("ETag"); again != first {
				t.Errorf("the same value again: version %s after %s", again, first)
			}
			patch(`{"op":"remove","path":"` + employeeNumber + `"}`)
			m.wants(employeeNumber+` eq "E77"`, false)
			m.send(http.MethodDelete, "/Users/"+m.ids[2], nil)
			m.wants(employeeNumber+` eq "Ä2"`, false)

			// Another attribute takes a back-fill of its own, and one that is no longer named is dropped.
			m.name(employeeNumber, "name.familyName")
			m.wants(employeeNumber+` eq "Ä3"`, false, m.ids[3])
			m.wants(`name.familyName eq "f3"`, true, m.ids[3])
			if err := m.background(time.Minute); err != nil {
				t.Fatal(err)
			}
			m.wants(`name.familyName eq "f3"`, false, m.ids[3])
			m.wants(badgeURN+`:exact eq "e3"`, true, m.ids[3])
			key := directory.Lookup{Attr: badgeURN + ":exact", Value: "e3"}
			us, err := m.s.Service.Users.FindUsers(t.Context(), m.s.Admin.Tenant, m.s.Provider.ID, key, 1, directory.UserWant{}, nil)
			if err != nil || len(us) > 0 {
				t.Errorf("the index of an attribute that is no longer named: %v, %v", us, err)
			}
		})
	}
}

// Indexing goes on after a kill where it was, and says how far it is.
func TestMatchingSurvivesAKill(t *testing.T) {
	t.Parallel()
	m := newMatcher(t, stack.SQLite, 450)
	p := m.name("title")
	progress := func() string {
		t.Helper()
		now, err := m.s.Service.As(m.s.Admin).Providers.ByID(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		done, total, err := m.s.Service.As(m.s.Admin).Providers.MatchingProgress(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(done, " of ", total, " ", now.Matching[0].Ready)
	}
	is := func(want string) {
		t.Helper()
		if got := progress(); got != want {
			t.Errorf("progress: %s, want %s", got, want)
		}
	}
	is("0 of 450 false")
	m.users.left.Store(300)
	if err := m.background(time.Minute); err == nil {
		t.Error("the kill was not noticed")
	}
	is("200 of 450 false")
	m.wants(`title eq "T449"`, true, m.ids[449])
	m.users.left.Store(250) // the first 200 are not done again
	if err := m.background(time.Minute); err != nil {
		t.Fatal(err)
	}
	is("450 of 450 true")
	for i, id := range m.ids {
		m.wants(fmt.Sprintf(`title eq "t%d"`, i), false, id)
	}
}

// The setting takes text attributes of users with one value only.
func TestMatchingAttributesAreChecked(t *testing.T) {
	t.Parallel()
	m := newMatcher(t, stack.SQLite, 0)
	for _, c := range []struct {
		paths []string
		says  string // "": accepted
	}{
		{[]string{"department", "TITLE"}, ""},
		{[]string{}, ""},
		{[]string{badgeURN + ":loose", badgeURN + ":LOOSE"}, ""},
		{[]string{"title", "userType", "nickName"}, "at most 2"},
		{[]string{"userName"}, "always indexed"},
		{[]string{"externalId"}, "always indexed"},
		{[]string{"emails"}, "no text attribute"},
		{[]string{"active"}, "no text attribute"},
		{[]string{"unknown"}, "no text attribute"},
		{[]string{badgeURN + ":count"}, "no text attribute"},
	} {
		_, err := m.s.Service.As(m.s.Admin).Providers.Patch(t.Context(), m.s.Provider.ID, administration.Unchecked,
			administration.ProviderPatch{Matching: &c.paths})
		if c.says == "" && err != nil || c.says != "" && (!directory.IsKind(err, directory.Invalid) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: got %v, want %q", c.paths, err, c.says)
		}
	}
	m.name(badgeURN + ":loose")
	none := []directory.Extension{}
	_, err := m.s.Service.As(m.s.Admin).Providers.Patch(t.Context(), m.s.Provider.ID, administration.Unchecked,
		administration.ProviderPatch{Extensions: &none})
	if !directory.IsKind(err, directory.Invalid) {
		t.Errorf("an extension without its matching attribute: %v", err)
	}
}

// Every text attribute of users with one value in the published schemas may be named, and nothing else.
func TestMatchingPaths(t *testing.T) {
	t.Parallel()
	var want []string
	var add func(prefix string, as []scim.Attribute)
	add = func(prefix string, as []scim.Attribute) {
		for _, a := range as {
			switch {
			case a.MultiValued || a.Mutability != "" || a.Name == "userName" || a.Name == "externalId":
			case a.Type == "complex" && a.Name != "manager":
				add(prefix+a.Name+".", a.SubAttributes)
			case a.Type == "" && !a.CaseExact:
				want = append(want, prefix+a.Name)
			}
		}
	}
	add("", scim.UserSchema().Attributes)
	for _, s := range []*scim.Schema{scim.EnterpriseUserSchema(), scim.RollcallUserSchema()} {
		add(s.ID+":", s.Attributes)
	}
	got := administration.MatchingPaths()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the paths (-want +got):\n%s", diff)
	}
}
