package directorytest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/store/sqlite"
)

// company is an office with people in groups and mappings drawn at random.
type company struct {
	*office
	rt     *rapid.T
	orgs   []directory.Organization
	people []directory.User
	groups []directory.Group
}

func newCompany(t *testing.T, rt *rapid.T, ports func(directory.Ports) directory.Ports) *company {
	store, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		rt.Fatal(err)
	}
	rt.Cleanup(func() { _ = store.Close() })
	c := &company{rt: rt, office: &office{T: t, ctx: context.Background(), now: time.Now(), admin: administration.Admin{Tenant: "acme1"}}}
	c.s = directorytest.New(ports(store.Ports()), directory.Runtime{Now: func() time.Time { return c.now }})
	_, err = c.s.As(c.admin).Tenants.Create(c.ctx, "Acme")
	c.must(err)
	c.p, c.caller = c.provider("Entra")
	c.orgs = []directory.Organization{c.org("A", "agent-user"), c.org("B"), c.org("C", "org-manager")}
	for i := range rapid.IntRange(1, 15).Draw(rt, "people") {
		c.people = append(c.people, c.user(c.caller, fmt.Sprint("p", i)))
	}
	for i := range 4 {
		var in []directory.ScimID
		for k, u := range c.people {
			if rapid.Bool().Draw(rt, fmt.Sprint("member ", i, " ", k)) {
				in = append(in, u.ScimID)
			}
		}
		c.groups = append(c.groups, c.group(c.caller, fmt.Sprint("g", i), in...))
	}
	c.deliver()
	return c
}

// remap draws mappings.
func (c *company) remap() {
	pick := rapid.IntRange(0, 2)
	c.method(rapid.SampledFrom([]directory.OrgMethod{directory.OrgGroups, directory.OrgGroups, directory.OrgSingle}).Draw(c.rt, "method"),
		c.orgs[pick.Draw(c.rt, "default")].ID)
	c.rolesFromGroups(rapid.Bool().Draw(c.rt, "strict"))
	for i := range 3 {
		c.mapOrg(c.orgs[pick.Draw(c.rt, "target")].ID, c.groups[i].ID)
	}
	c.mapRoles([]directory.RoleID{"agent-user", "desktop-user"}, c.groups[0].ID, c.groups[3].ID)
	c.mapRoles([]directory.RoleID{"agent-user", "org-manager"}, c.groups[1].ID)
	if n := rapid.IntRange(0, len(c.people)-1).Draw(c.rt, "granted"); rapid.Bool().Draw(c.rt, "grant") {
		_, err := c.s.As(c.admin).Users.GrantRole(c.ctx, c.people[n].ID, anyUser, "audit-log-viewer")
		c.must(err)
	}
	c.deliver()
}

func (c *company) accounts() map[directory.UserID]directory.Account {
	out := map[directory.UserID]directory.Account{}
	for _, u := range c.people {
		out[u.ID] = c.reload(u.ID).Account
	}
	return out
}

func (c *company) plan() administration.ApplyProgress {
	r, err := c.s.As(c.admin).ApplyRuns.Create(c.ctx, c.p.ID, false)
	c.must(err)
	c.deliver()
	return c.run(r.ID)
}

func (o *office) run(id directory.RunID) administration.ApplyProgress {
	r, err := o.s.As(o.admin).ApplyRuns.ByID(o.ctx, o.p.ID, id)
	o.must(err)
	return r
}

func (o *office) rows(id directory.RunID) map[directory.UserID]directory.RunRow {
	out := map[directory.UserID]directory.RunRow{}
	for after := ""; ; {
		rows, next, err := o.s.As(o.admin).ApplyRuns.Diff(o.ctx, o.p.ID, id, after, 7, nil)
		o.must(err)
		for _, r := range rows {
			if _, twice := out[r.User]; twice {
				o.Errorf("%s is in the diff twice", r.User)
			}
			out[r.User] = r
		}
		if after = next; next == "" {
			return out
		}
	}
}

func (o *office) apply(id directory.RunID) administration.ApplyProgress {
	_, err := o.s.As(o.admin).ApplyRuns.Start(o.ctx, o.p.ID, id, anyRun)
	o.must(err)
	o.deliver()
	return o.run(id)
}

func unchanged(p directory.Ports) directory.Ports { return p }

// Applying does what the preview shows, and undoing it restores every byte.
func TestPreviewIsWhatApplyDoesAndUndoRestores(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := newCompany(t, rt, unchanged)
		c.remap()
		before := c.accounts()
		r := c.plan()
		if r.State != directory.RunPlanned || r.Tally.Users != len(c.people) {
			rt.Fatalf("planned: %+v", r)
		}
		if diff := cmp.Diff(before, c.accounts()); diff != "" {
			rt.Fatalf("planning changed people:\n%s", diff)
		}
		rows := c.rows(r.ID)
		if len(rows) != r.Tally.Changes {
			rt.Fatalf("%d rows, %d counted", len(rows), r.Tally.Changes)
		}
		done := c.apply(r.ID)
		if done.State != directory.RunCompleted || done.Tally.Applied != len(rows) || done.Tally.Done != len(rows) {
			rt.Fatalf("applied: %+v of %d rows", done, len(rows))
		}
		for id, a := range c.accounts() {
			want := before[id].Placement()
			if row, changes := rows[id]; changes {
				want = row.After
			}
			if !a.Placement().Same(want) {
				rt.Fatalf("%s is %+v, the preview said %+v", id, a.Placement(), want)
			}
		}
		if p := c.stored(c.p.ID); p.AppliedVersion != p.ConfigVersion {
			rt.Fatalf("applied configuration %d of %d", p.AppliedVersion, p.ConfigVersion)
		}
		if again := c.plan(); again.Tally.Changes != 0 {
			rt.Fatalf("a second plan has %d changes", again.Tally.Changes)
		}
		undo, err := c.s.As(c.admin).ApplyRuns.Undo(c.ctx, c.p.ID, r.ID, anyRun)
		c.must(err)
		c.deliver()
		if got := c.run(undo.ID); got.State != directory.RunCompleted || got.Tally.Applied != len(rows) {
			rt.Fatalf("undone: %+v", got)
		}
		if diff := cmp.Diff(before, c.accounts()); diff != "" {
			rt.Fatalf("undo left a difference:\n%s", diff)
		}
		_, err = c.s.As(c.admin).ApplyRuns.Undo(c.ctx, c.p.ID, r.ID, anyRun)
		c.refused("undoing twice", err, directory.Conflict, "", "not undone yet")
	})
}

// After changes between preview and apply, everybody is placed by the rules of the end, and the differences are
// counted.
func TestChangesSinceThePreviewAreResolvedAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := newCompany(t, rt, unchanged)
		c.remap()
		r := c.plan()
		rows := c.rows(r.ID)
		for range rapid.IntRange(1, 8).Draw(rt, "changes") {
			u := c.people[rapid.IntRange(0, len(c.people)-1).Draw(rt, "who")]
			g := c.groups[rapid.IntRange(0, 3).Draw(rt, "group")]
			ids := []directory.ScimID{u.ScimID}
			if rapid.Bool().Draw(rt, "joins") {
				c.regroup(g.ID, ids, nil)
			} else {
				c.regroup(g.ID, nil, ids)
			}
			if rapid.IntRange(0, 4).Draw(rt, "edits") == 0 {
				_, _, err := c.edit(c.caller, u.ScimID, func(p *directory.Profile) { p.ExternalID += "x" })
				c.must(err)
			}
		}
		followed := rapid.Bool().Draw(rt, "followed first")
		if followed {
			c.deliver()
		}
		before := c.accounts()
		done := c.apply(r.ID)
		tally := done.Tally
		if done.State != directory.RunCompleted || tally.Done != len(rows) || tally.Applied+tally.Differed+tally.Unchanged != len(rows) {
			rt.Fatalf("applied: %+v of %d rows", done, len(rows))
		}
		for id, row := range c.rows(r.ID) {
			planned := rows[id].After
			if row.Result == directory.RowApplied && !row.After.Same(planned) || row.Result == directory.RowDiffered && row.After.Same(planned) {
				rt.Fatalf("%s is %s: %+v, planned %+v", id, row.Result, row.After, planned)
			}
			if followed && row.Written && !cmp.Equal(row.Before, before[id].Placement()) {
				rt.Fatalf("%s was %+v, for an undo there is %+v", id, before[id].Placement(), row.Before)
			}
		}
		if again := c.plan(); again.Tally.Changes != 0 {
			rt.Fatalf("after applying, %d people are not where the rules say: %+v", again.Tally.Changes, again.Tally.Samples)
		}
	})
}

// errCrash ends the work under way, as the end of the process does.
var errCrash = directory.Errorf(directory.Unavailable, "the process was killed")

// crashing makes the n-th write of users or runs fail, before or after it is done.
type crashing struct {
	directory.Users
	directory.ApplyRuns
	left  *int
	after *bool
}

func crash[T any](x crashing, write func() (T, error)) (v T, err error) {
	*x.left--
	if *x.left == 0 && !*x.after {
		return v, errCrash
	}
	v, err = write()
	if *x.left == 0 && err == nil {
		return v, errCrash
	}
	return v, err
}

func (x crashing) UpdateUser(
	ctx context.Context, t directory.TenantID, u directory.User, f directory.Update[directory.User],
) (directory.User, error) {
	return crash(x, func() (directory.User, error) { return x.Users.UpdateUser(ctx, t, u, f) })
}

func (x crashing) UpdateRun(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID, f directory.Update[directory.ApplyRun],
) (directory.ApplyRun, error) {
	return crash(x, func() (directory.ApplyRun, error) { return x.ApplyRuns.UpdateRun(ctx, t, p, id, f) })
}

func (x crashing) UpdateRange(
	ctx context.Context, t directory.TenantID, id directory.RunID, n int, f func(directory.RunRange) (directory.RunRange, error),
) (directory.RunRange, error) {
	return crash(x, func() (directory.RunRange, error) { return x.ApplyRuns.UpdateRange(ctx, t, id, n, f) })
}

func (x crashing) PutPage(ctx context.Context, t directory.TenantID, id directory.RunID, p directory.RunPage) error {
	_, err := crash(x, func() (int, error) { return 0, x.ApplyRuns.PutPage(ctx, t, id, p) })
	return err
}

// A run that is killed at any write, once or repeatedly, ends like one that was not, including its counts.
func TestARunSurvivesCrashesAtAnyWrite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		left, after := 0, false
		c := newCompany(t, rt, func(p directory.Ports) directory.Ports {
			x := crashing{p.Users, p.ApplyRuns, &left, &after}
			p.Users, p.ApplyRuns = x, x
			return p
		})
		c.remap()
		before := c.accounts()
		crashes := 0
		play := func(r directory.RunID) {
			for {
				left, after = rapid.IntRange(1, 60).Draw(rt, "crash"), rapid.Bool().Draw(rt, "after")
				refs, err := c.s.OpenRuns(c.ctx)
				c.must(err)
				if len(refs) == 0 {
					left = 0
					return
				}
				if err = c.s.PlayRun(c.ctx, refs[0]); err != nil && !errors.Is(err, errCrash) {
					rt.Fatal(err)
				}
				crashes++
			}
		}
		r, err := c.s.As(c.admin).ApplyRuns.Create(c.ctx, c.p.ID, false)
		c.must(err)
		play(r.ID)
		planned := c.run(r.ID)
		rows := c.rows(r.ID)
		if planned.State != directory.RunPlanned || planned.Tally.Changes != len(rows) || planned.Tally.Users != len(c.people) {
			rt.Fatalf("planned: %+v with %d rows", planned, len(rows))
		}
		_, err = c.s.As(c.admin).ApplyRuns.Start(c.ctx, c.p.ID, r.ID, anyRun)
		c.must(err)
		play(r.ID)
		done := c.run(r.ID)
		if done.State != directory.RunCompleted || done.Tally.Applied != len(rows) || done.Tally.Done != len(rows) {
			rt.Fatalf("applied after %d crashes: %+v of %d rows", crashes, done, len(rows))
		}
		for id, row := range c.rows(r.ID) {
			if !c.reload(id).Placement().Same(rows[id].After) || !row.Before.Same(before[id].Placement()) || !row.Written {
				rt.Fatalf("%s: %+v", id, row)
			}
		}
	})
}
