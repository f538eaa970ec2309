package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
)

func sureOfProvider(directory.Provider) error { return nil }

// A run that moves people to 5,000 different organizations ends, and its counts add up.
func TestManyOrganizations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options stack.Options
		people  int
	}{
		"SQLite":   {stack.Options{}, 5000},
		"DynamoDB": {stack.Options{Ports: stack.DynamoDB}, proof.Size(210, 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, c.options)
			for i := range c.people {
				createWith(t, s, fmt.Sprintf("p%05d", i), fmt.Sprintf(`{"title":"Organization %05d"}`, i))
			}
			ctx := t.Context()
			if _, _, err := s.Service.As(s.Admin).OrgMappings.Set(ctx, s.Provider.ID, sureOfProvider,
				directory.OrgSettings{Method: directory.OrgAttribute, Attribute: "title"}); err != nil {
				t.Fatal(err)
			}
			r, err := s.Service.As(s.Admin).ApplyRuns.Create(ctx, s.Provider.ID, false)
			if err == nil {
				ref := directory.RunRef{Tenant: s.Admin.Tenant, Provider: s.Provider.ID, Run: r.ID, Phase: directory.PhasePlan}
				err = s.Service.PlayRun(ctx, ref)
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Service.As(s.Admin).ApplyRuns.ByID(ctx, s.Provider.ID, r.ID)
			moved := 0
			for _, n := range got.Tally.Orgs {
				moved += n
			}
			b, _ := json.Marshal(got.Tally)
			changes, pairs := got.Tally.Changes, len(got.Tally.Orgs)
			if err != nil || got.State != directory.RunPlanned || changes != c.people || moved != c.people || pairs != 201 || len(b) > 64<<10 {
				t.Errorf("%s: %d changes, %d moves between %d pairs, %d bytes, %v", got.State, changes, moved, pairs, len(b), err)
			}
		})
	}
}

// breakingRuns loses the progress of one step, as a process that dies does.
type breakingRuns struct {
	directory.ApplyRuns
	lose bool
}

func (r *breakingRuns) UpdateRange(
	ctx context.Context, t directory.TenantID, id directory.RunID, n int, update func(directory.RunRange) (directory.RunRange, error),
) (directory.RunRange, error) {
	if r.lose {
		r.lose = false
		return directory.RunRange{}, errCrashed
	}
	return r.ApplyRuns.UpdateRange(ctx, t, id, n, update)
}

// A page of long changes is stored in parts. When its step is repeated, and finds fewer, none of the parts before is left.
func TestLongChanges(t *testing.T) {
	t.Parallel()
	m := &breakingRuns{}
	s := stack.New(t, stack.Options{Ports: func(t testing.TB) directory.Ports {
		p := stack.SQLite(t)
		m.ApplyRuns, p.ApplyRuns = p.ApplyRuns, m
		return p
	}})
	ctx, p, as := t.Context(), s.Provider.ID, s.Service.As(s.Admin)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var wide []directory.RoleID
	for i := range 30 {
		r, err := as.Roles.Create(ctx, directory.CatalogueRole{Name: fmt.Sprintf("A role with quite a long name %030d", i)})
		must(err)
		wide = append(wide, r.ID)
	}
	from, err := as.Organizations.Create(ctx, administration.NewOrganization{Name: "From", DefaultRoles: wide})
	must(err)
	to, err := as.Organizations.Create(ctx, administration.NewOrganization{Name: "To"})
	must(err)
	_, _, err = as.OrgMappings.Set(ctx, p, sureOfProvider, directory.OrgSettings{Method: directory.OrgSingle, Org: from.ID})
	must(err)
	var people []directory.User
	for i := range 90 {
		people = append(people, createWith(t, s, fmt.Sprintf("p%05d", i), ""))
	}
	s.Follow(t)
	_, _, err = as.OrgMappings.Set(ctx, p, sureOfProvider, directory.OrgSettings{Method: directory.OrgSingle, Org: to.ID})
	must(err)
	r, err := as.ApplyRuns.Create(ctx, p, false)
	must(err)
	ref := directory.RunRef{Tenant: s.Admin.Tenant, Provider: p, Run: r.ID, Phase: directory.PhasePlan}
	m.lose = true
	if err := s.Service.PlayRun(ctx, ref); !errors.Is(err, errCrashed) {
		t.Fatal(err)
	}
	pages, err := m.Pages(ctx, s.Admin.Tenant, r.ID, "", 100)
	if err != nil || len(pages) < 3 {
		t.Fatalf("%d parts, %v", len(pages), err)
	}
	for _, u := range people[:80] {
		_, err := as.Users.Decide(ctx, u.ID, func(directory.User) error { return nil }, directory.DecideDeactivate)
		must(err)
	}
	must(s.Service.PlayRun(ctx, ref))
	_, err = as.ApplyRuns.Start(ctx, p, r.ID, func(directory.ApplyRun) error { return nil })
	must(err)
	ref.Phase = directory.PhaseApply
	must(s.Service.PlayRun(ctx, ref))
	got, err := as.ApplyRuns.ByID(ctx, p, r.ID)
	if n := got.Tally; err != nil || n.Changes != 10 || n.Done != 10 || n.Applied != 10 {
		t.Errorf("%d changes, %d done, %d applied, %v", n.Changes, n.Done, n.Applied, err)
	}
}
