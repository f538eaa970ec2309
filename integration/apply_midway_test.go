package integration_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
)

// interrupter calls interrupt before and after each read and write of a step of an apply run.
type interrupter struct {
	directory.Users
	directory.ApplyRuns
	interrupt func() // nil: nothing
}

// around carries out a call of the step with an interruption before and after it.
func around[T any](m *interrupter, call func() (T, error)) (T, error) {
	if m.interrupt == nil {
		return call()
	}
	interrupt := m.interrupt
	m.interrupt = nil // an interruption is not itself interrupted
	interrupt()
	v, err := call()
	interrupt()
	m.interrupt = interrupt
	return v, err
}

func (m *interrupter) ReadUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.ScimID, want directory.UserWant, admit directory.Admit,
) (directory.UserView, error) {
	return around(m, func() (directory.UserView, error) { return m.Users.ReadUser(ctx, t, p, id, want, admit) })
}

func (m *interrupter) UpdateUser(
	ctx context.Context, t directory.TenantID, u directory.User, f directory.Update[directory.User],
) (directory.User, error) {
	return around(m, func() (directory.User, error) { return m.Users.UpdateUser(ctx, t, u, f) })
}

func (m *interrupter) PutPage(ctx context.Context, t directory.TenantID, id directory.RunID, p directory.RunPage) error {
	_, err := around(m, func() (int, error) { return 0, m.ApplyRuns.PutPage(ctx, t, id, p) })
	return err
}

// People are changed at every read and write of the step that applies their change. Afterwards every placement follows
// the rules, each change is counted once, and an undo reverts only placements that were not changed since.
func TestPeopleChangeInTheMiddleOfApplying(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ports func(testing.TB) directory.Ports
		seeds int
	}{"SQLite": {stack.SQLite, 40}, "DynamoDB": {stack.DynamoDB, proof.Size(1, 3)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range c.seeds {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					t.Parallel()
					changeMidway(t, c.ports, rand.New(rand.NewPCG(uint64(seed), 7))) //nolint:gosec // G115: counts from 0
				})
			}
		})
	}
}

func changeMidway(t *testing.T, ports func(testing.TB) directory.Ports, random *rand.Rand) {
	m := &interrupter{}
	s := stack.New(t, stack.Options{Ports: func(t testing.TB) directory.Ports {
		p := ports(t)
		m.Users, m.ApplyRuns = p.Users, p.ApplyRuns
		p.Users, p.ApplyRuns = m, m
		return p
	}})
	c := newPopulation(t, s, 14)
	ctx, p := t.Context(), s.Provider.ID
	anyRun := func(directory.ApplyRun) error { return nil }
	before := c.accounts()
	r, err := s.Service.As(c.admin).ApplyRuns.Create(ctx, p, false)
	c.must(err)
	c.follow()
	planned := c.rows(r.ID)
	touched := map[directory.UserID]bool{}
	m.interrupt = func() {
		if random.IntN(6) == 0 {
			u := c.people[random.IntN(len(c.people))]
			touched[u.ID] = true
			c.change(u, random.IntN(6))
		}
	}
	_, err = s.Service.As(c.admin).ApplyRuns.Start(ctx, p, r.ID, anyRun)
	c.must(err)
	c.must(s.Service.PlayRun(ctx, directory.RunRef{Tenant: c.admin.Tenant, Provider: p, Run: r.ID, Phase: directory.PhaseApply}))
	m.interrupt = nil
	done := c.run(r.ID)
	if n := done.Tally; done.State != directory.RunCompleted || n.Done != len(planned) ||
		n.Applied+n.Differed+n.Unchanged+n.Skipped != len(planned) || len(touched) == 0 {
		t.Fatalf("%d were touched, and %d planned changes ended as %+v", len(touched), len(planned), done)
	}
	rows := c.rows(r.ID)
	for id, row := range rows {
		switch {
		case !touched[id] && (row.Result != directory.RowApplied || !row.After.Same(planned[id].After) ||
			!row.Before.Same(before[id].Placement())):
			t.Errorf("%s, which was not touched: %+v, planned %+v", id, row, planned[id])
		case row.Result == directory.RowApplied && !row.After.Same(planned[id].After),
			row.Result == directory.RowDiffered && row.After.Same(planned[id].After):
			t.Errorf("%s is %s: %+v, planned %+v", id, row.Result, row.After, planned[id].After)
		}
	}
	// The run itself, before the log is followed, placed its people by the rules.
	again, err := s.Service.As(c.admin).ApplyRuns.Create(ctx, p, false)
	c.must(err)
	c.must(s.Service.PlayRun(ctx, directory.RunRef{Tenant: c.admin.Tenant, Provider: p, Run: again.ID, Phase: directory.PhasePlan}))
	for id, row := range c.rows(again.ID) {
		if _, ran := rows[id]; ran && !touched[id] {
			t.Errorf("the placement of %s differs from the rules: %+v", id, row)
		}
	}
	c.follow()
	again, err = s.Service.As(c.admin).ApplyRuns.Create(ctx, p, false)
	c.must(err)
	c.follow()
	if left := c.rows(again.ID); len(left) > 0 {
		t.Errorf("the placements of %d people differ from the rules: %+v", len(left), left)
	}
	was := c.accounts()
	undo, err := s.Service.As(c.admin).ApplyRuns.Undo(ctx, p, r.ID, anyRun)
	c.must(err)
	c.follow()
	if got := c.run(undo.ID); got.State != directory.RunCompleted {
		t.Fatalf("undone: %+v", got)
	}
	for id, a := range c.accounts() {
		row, ran := rows[id]
		want := was[id].Placement()
		if ran && !touched[id] {
			want = before[id].Placement()
		}
		if !touched[id] && !a.Placement().Same(want) {
			t.Errorf("%s is %+v after undo, want %+v; the row %+v", id, a.Placement(), want, row)
		}
	}
}

// change changes a person as a directory or an administrator may at any time.
func (c *population) change(u directory.User, how int) {
	c.Helper()
	ctx, caller := c.Context(), provisioning.Caller{Provider: c.s.Provider.ID, Token: c.s.Token}
	member := func(edit func(*provisioning.GroupEdit)) {
		_, _, err := c.s.Service.UpdateGroup(ctx, caller, c.group, directory.GroupWant{Named: []directory.ScimID{u.ScimID}}, nil,
			func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
				e := provisioning.GroupEdit{Profile: v.GroupProfile}
				edit(&e)
				return e, nil
			})
		c.mustUnlessRemoved(err)
	}
	profile := func(edit func(*directory.Profile)) {
		_, _, err := c.s.Service.UpdateUser(ctx, caller, u.ScimID, directory.UserWant{}, nil,
			func(_ directory.Provider, v directory.UserView) (directory.Profile, []directory.Change, error) {
				p := v.Profile
				edit(&p)
				return p, nil, nil
			})
		c.mustUnlessRemoved(err)
	}
	switch how {
	case 0:
		member(func(e *provisioning.GroupEdit) { e.Add = []directory.ScimID{u.ScimID} })
	case 1:
		member(func(e *provisioning.GroupEdit) { e.Remove = []directory.ScimID{u.ScimID} })
	case 2:
		profile(func(p *directory.Profile) { p.ExternalID += "x" })
	case 3:
		profile(func(p *directory.Profile) { p.Active = !p.Active })
	case 4:
		_, err := c.s.Service.As(c.admin).Users.Move(ctx, u.ID, func(directory.User) error { return nil }, directory.DefaultOrg, true)
		c.mustUnlessRemoved(err)
	case 5:
		c.mustUnlessRemoved(c.s.Service.DeleteUser(ctx, caller, u.ScimID, func(directory.User) error { return nil }))
	}
}

// mustUnlessRemoved fails on an error, unless the person was removed before.
func (c *population) mustUnlessRemoved(err error) {
	c.Helper()
	if directory.IsKind(err, directory.NotFound) || directory.IsKind(err, directory.Conflict) || directory.IsKind(err, directory.Invalid) {
		return
	}
	c.must(err)
}

func (c *population) rows(id directory.RunID) map[directory.UserID]directory.RunRow {
	c.Helper()
	rows, _, err := c.s.Service.As(c.admin).ApplyRuns.Diff(c.Context(), c.s.Provider.ID, id, "", 1000, nil)
	c.must(err)
	out := map[directory.UserID]directory.RunRow{}
	for _, r := range rows {
		out[r.User] = r
	}
	return out
}
