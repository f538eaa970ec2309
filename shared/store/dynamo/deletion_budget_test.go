package dynamo_test

import (
	"context"
	"errors"
	"testing"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/proof"
	"rollcall/shared/store/dynamo/meter"
)

// follows follows entries as one batch.
func (o tenantEnv) follows(ctx context.Context, es []directory.LogEntry) (err error) {
	var batch []directory.TenantEntry
	for _, e := range es {
		batch = append(batch, directory.TenantEntry{Tenant: tenantOf(o.caller), Entry: e})
	}
	for _, f := range o.svc.FollowBatch(ctx, batch) {
		err = errors.Join(err, f.Err)
	}
	return err
}

// TestDeletionBudget limits what the deletion of a provider costs by person: archive, the person's change with its entry,
// and what follows from that in batches of 100.
func TestDeletionBudget(t *testing.T) {
	t.Parallel()
	const people = 100
	leaver := func(o tenantEnv, u directory.User, _ directory.ScimID, _ directory.GroupID) {
		o.patchUser(o.Context(), u.ScimID, func(p *directory.Profile) { p.Active = false })
	}
	type fate struct {
		name string
		directory.ProviderDeletion
		before func(o tenantEnv, u directory.User, boss directory.ScimID, team directory.GroupID)
		budget float64
	}
	for _, c := range proof.Spread(proof.Size(2, proof.All), []fate{
		{"local", directory.ProviderDeletion{Users: directory.FateLocal}, nil, 18},
		{"local, with a group and a manager", directory.ProviderDeletion{Users: directory.FateLocal},
			func(o tenantEnv, u directory.User, boss directory.ScimID, team directory.GroupID) {
				o.patchUser(o.Context(), u.ScimID, func(p *directory.Profile) { p.Manager = string(boss) })
				o.patchMember(o.Context(), team, u.ScimID)
			}, 30},
		{"local, pending, cancelled", directory.ProviderDeletion{Users: directory.FateLocal, CancelPending: true}, leaver, 19},
		{"local, pending", directory.ProviderDeletion{Users: directory.FateLocal}, leaver, 20},
		{"deactivate", directory.ProviderDeletion{Users: directory.FateDeactivate}, nil, 19},
		{"move", directory.ProviderDeletion{Users: directory.FateMove}, nil, 20.2},
	}) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newTenantEnv(t, open(t, newTable(t)))
			ctx := t.Context()
			tenant := tenantOf(o.caller)
			as := o.svc.As(administration.Admin{Tenant: tenant, Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k1"}})
			if c.Users == directory.FateMove {
				p, _, err := as.Providers.Create(ctx, administration.NewProvider{DisplayName: "Other", Profile: "entra"})
				o.must(err)
				c.MoveTo = p.ID
			}
			team := o.group(ctx, "Team")
			var us []directory.User
			for i := range people {
				us = append(us, o.user(ctx, i))
			}
			for _, u := range us {
				if c.before != nil {
					c.before(o, u, us[0].ScimID, team.ID)
				}
			}
			o.follow(ctx)
			_, err := as.Providers.Delete(ctx, o.caller.Provider, administration.Unchecked, c.ProviderDeletion)
			o.must(err)
			es, err := o.svc.Log.Entries(ctx, tenant, directory.LogQuery{Count: 1})
			o.must(err)
			o.must(o.follows(ctx, es))
			id := directory.NewTaskID(follow.TaskDeletion, es[0])
			metered, task := meter.With(ctx)
			steps := 0
			for more := true; more; steps++ {
				more, err = o.svc.StepTask(metered, tenant, id)
				o.must(err)
			}
			metered, after := meter.With(ctx)
			n := 0
			for {
				es, err := o.svc.Log.EntriesAfter(ctx, tenant, o.caller.Provider, *o.followed, "", 100)
				if o.must(err); len(es) == 0 {
					break
				}
				*o.followed = es[len(es)-1].Position()
				n += len(es)
				o.must(o.follows(metered, es))
			}
			k, err := o.svc.Tasks.Task(ctx, tenant, id)
			o.must(err)
			if k.State != directory.TaskDone || n < people {
				t.Fatalf("%+v, %d entries followed", k, n)
			}
			each := (task.WriteUnits() + after.WriteUnits()) / people
			t.Logf("%-15s %5.1f write units a person: %5.2f in %d steps, %5.2f for %d entries; %5.1f read", c.name, each,
				task.WriteUnits()/people, steps, after.WriteUnits()/people, n, (task.ReadUnits()+after.ReadUnits())/people)
			if each > c.budget {
				t.Errorf("at most %g write units a person are allowed", c.budget)
			}
		})
	}
}
