package integration_test

import (
	"fmt"
	"testing"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
)

// When more people would move differently from the preview than the guard allows, the run changes as many as the guard
// allows, over all its ranges. It skips the others, who keep their placement until their own entries are followed.
func TestApplySkipsUnseenMovesBeyondTheGuard(t *testing.T) {
	t.Parallel()
	for name, ports := range map[string]func(testing.TB) directory.Ports{"SQLite": stack.SQLite, "DynamoDB": stack.DynamoDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Ports: ports})
			c := newPopulation(t, s, 2*14)
			ctx, p := t.Context(), s.Provider.ID
			anyRun := func(directory.ApplyRun) error { return nil }
			narrow := directory.GuardSettings{MoveMinimum: 8, MovePercent: 1}
			rec, err := s.Service.As(c.admin).Guards.Set(ctx, p, func(directory.Provider) error { return nil }, narrow)
			c.must(err)
			// Everybody starts in an organization that the mappings no longer name.
			first, err := s.Service.As(c.admin).ApplyRuns.Create(ctx, p, false)
			c.must(err)
			c.follow()
			_, err = s.Service.As(c.admin).ApplyRuns.Start(ctx, p, first.ID, anyRun)
			c.must(err)
			c.follow()
			other, err := s.Service.As(c.admin).Organizations.Create(ctx, administration.NewOrganization{Name: "Other"})
			c.must(err)
			m, err := s.Service.Mappings.MappingSet(ctx, c.admin.Tenant, p)
			c.must(err)
			_, _, err = s.Service.As(c.admin).OrgMappings.Patch(ctx, p, func(directory.Provider) error { return nil }, m.Orgs[0].ID, nil, &other.ID)
			c.must(err)
			c.follow()
			r, err := s.Service.As(c.admin).ApplyRuns.Create(ctx, p, false)
			c.must(err)
			c.follow()
			if n := len(c.rows(r.ID)); n != 14 {
				t.Fatalf("%d people would move, want 14", n)
			}
			// After the preview 12 of them leave the group: they would move to the default organization and lose a role.
			var leave []directory.ScimID
			for i := 0; len(leave) < 12; i += 2 {
				leave = append(leave, c.people[i].ScimID)
			}
			_, _, err = s.Service.UpdateGroup(ctx, provisioning.Caller{Provider: p, Token: s.Token}, c.group, directory.GroupWant{Named: leave},
				nil, func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
					return provisioning.GroupEdit{Profile: v.GroupProfile, Remove: leave}, nil
				})
			c.must(err)
			before := c.accounts()
			_, err = s.Service.As(c.admin).ApplyRuns.Start(ctx, p, r.ID, anyRun)
			c.must(err)
			c.must(s.Service.PlayRun(ctx, directory.RunRef{Tenant: c.admin.Tenant, Provider: p, Run: r.ID, Phase: directory.PhaseApply}))
			limit := rec.Guard.MoveLimit(len(c.people))
			done := c.run(r.ID)
			got := fmt.Sprint(done.State, done.Tally.Applied, done.Tally.Differed, done.Tally.Skipped, done.Tally.Guarded, done.Unseen)
			c.equal("outcome", got, fmt.Sprint(directory.RunCompleted, 2, limit, 12-limit, 12-limit, limit))
			after := c.accounts()
			for id, row := range c.rows(r.ID) {
				if row.Result == directory.RowSkipped {
					c.equal("a skipped user", after[id], before[id])
				}
			}
			c.follow()
			again, err := s.Service.As(c.admin).ApplyRuns.Create(ctx, p, false)
			c.must(err)
			c.follow()
			c.equal("people whose placement differs from the rules", len(c.rows(again.ID)), 0)
		})
	}
}
