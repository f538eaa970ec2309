package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/provisioning"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/sqlite"
)

// applyGroups is the number of groups that hold the people of an apply run: half of the groups move their members.
const applyGroups = 10

// applyBench is a provider with people, and mappings that move half of them and give all of them roles.
type applyBench struct {
	svc   *directorytest.Env
	admin administration.Admin
	p     directory.ProviderID
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

// newApplyBench creates n people in groups. It does not follow their log entries, because only the run is measured.
func newApplyBench(ctx context.Context, ports directory.Ports, n int, batch func(func() error) error) applyBench {
	t := applyBench{svc: directorytest.New(ports, directory.Runtime{}),
		admin: administration.Admin{Tenant: directory.DefaultTenant, Actor: directory.Actor{Kind: directory.ActorSystem, ID: "bench"}}}
	_, err := t.svc.As(t.admin).Tenants.Create(ctx, "Bench")
	check(err)
	p, token, err := t.svc.As(t.admin).Providers.Create(ctx, administration.NewProvider{DisplayName: "Bench", Profile: "entra"})
	check(err)
	t.p = p.ID
	caller := provisioning.Caller{Provider: p.ID, Token: token}
	members := make([][]directory.ScimID, applyGroups)
	const each = 1000 // people in a batch
	for from := 0; from < n; from += each {
		check(batch(func() error {
			for i := from; i < min(from+each, n); i++ {
				u, err := t.svc.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
					name := "user" + strconv.Itoa(i)
					return directory.Profile{UserName: name, ExternalID: name, Active: true,
						Attributes: []byte(`{"displayName":"` + name + `","title":"Analyst"}`)}, nil, nil
				})
				if err != nil {
					return err
				}
				members[i%applyGroups] = append(members[i%applyGroups], u.ScimID)
			}
			return nil
		}))
	}
	org, err := t.svc.As(t.admin).Organizations.Create(ctx, administration.NewOrganization{Name: "Elsewhere"})
	check(err)
	anyone := func(directory.Provider) error { return nil }
	_, _, err = t.svc.As(t.admin).OrgMappings.Set(ctx, t.p, anyone,
		directory.OrgSettings{Method: directory.OrgGroups, Org: directory.DefaultOrg})
	check(err)
	_, _, err = t.svc.As(t.admin).RoleMappings.Set(ctx, t.p, anyone, directory.RoleSettings{Mode: directory.RolesGroups}, false)
	check(err)
	for i, ms := range members {
		g, err := t.svc.CreateGroup(ctx, caller, nil,
			func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
				return directory.GroupProfile{DisplayName: "group" + strconv.Itoa(i)}, nil, nil, nil
			})
		check(err)
		for at := 0; at < len(ms); at += 5000 {
			part := ms[at:min(at+5000, len(ms))]
			_, _, err := t.svc.UpdateGroup(ctx, caller, g.ID, directory.GroupWant{Named: part}, nil,
				func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
					return provisioning.GroupEdit{Profile: v.GroupProfile, Add: part}, nil
				})
			check(err)
		}
		if i%2 == 0 {
			_, _, err = t.svc.As(t.admin).OrgMappings.Add(ctx, t.p, anyone, []directory.GroupID{g.ID}, org.ID)
			check(err)
		}
		_, err = t.svc.As(t.admin).RoleMappings.Add(ctx, t.p, anyone, []directory.GroupID{g.ID}, []directory.RoleID{"desktop-user"}, "")
		check(err)
	}
	return t
}

// phase carries out one phase of a run and returns the processor time it took.
func (t applyBench) phase(ctx context.Context, run directory.RunID, phase directory.RunPhase) time.Duration {
	begin := cpuTime()
	check(t.svc.PlayRun(ctx, directory.RunRef{Tenant: t.admin.Tenant, Provider: t.p, Run: run, Phase: phase}))
	return cpuTime() - begin
}

// cpuTime returns the processor time of the process, which other load on the machine does not affect.
func cpuTime() time.Duration {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// planAndApply returns the processor time of planning and of applying, and the number of changed people.
func (t applyBench) planAndApply(ctx, planning, applying context.Context) (plan, apply time.Duration, changes int) {
	r, err := t.svc.As(t.admin).ApplyRuns.Create(ctx, t.p, false)
	check(err)
	plan = t.phase(planning, r.ID, directory.PhasePlan)
	_, err = t.svc.As(t.admin).ApplyRuns.Start(ctx, t.p, r.ID, func(directory.ApplyRun) error { return nil })
	check(err)
	apply = t.phase(applying, r.ID, directory.PhaseApply)
	done, err := t.svc.As(t.admin).ApplyRuns.ByID(ctx, t.p, r.ID)
	check(err)
	if done.State != directory.RunCompleted || done.Tally.Applied != done.Tally.Changes {
		fail(fmt.Errorf("the run ended as %+v", done))
	}
	return plan, apply, done.Tally.Applied
}

// applyGrowth prints the cost of planning and applying for each person, for several numbers of people.
func applyGrowth(sizes string) {
	ctx := context.Background()
	fmt.Println("| people on SQLite, disk | plan, CPU µs a person | apply, CPU µs a person changed | Go's heap after it |")
	fmt.Println("|---|---|---|---|")
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		check(err)
		path := scratch()
		store, err := sqlite.Open(path, time.Now)
		check(err)
		begin := time.Now()
		t := newApplyBench(ctx, store.Ports(), n, store.Batch)
		fmt.Fprintf(os.Stderr, "%d people created in %v\n", n, time.Since(begin).Round(time.Second))
		plan, apply, changed := t.planAndApply(ctx, ctx, ctx)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Printf("| %d | %.0f | %.0f | %d MB |\n", n, perPerson(plan, n), perPerson(apply, changed), m.HeapAlloc>>20)
		check(store.Close())
		check(os.RemoveAll(filepath.Dir(path)))
	}
	fmt.Println()
}

func perPerson(d time.Duration, n int) float64 { return float64(d.Microseconds()) / float64(n) }

// applyUnits prints the cost of planning and applying for each person on DynamoDB.
func applyUnits(n int) {
	ctx := context.Background()
	local, err := dynamolocal.Start(ctx, "")
	check(err)
	defer func() { _ = local.Close() }()
	client, _ := local.Clients()
	spec := dynamo.TableSpec()
	spec.Stream = "" // not read here, and DynamoDB Local is slow with a stream
	check(spec.Create(ctx, client, "apply"))
	store, err := dynamo.Open(ctx, dynamo.Config{Now: time.Now, Client: client, Table: "apply"})
	check(err)
	t := newApplyBench(ctx, store.Ports(), n, func(load func() error) error { return load() })
	planning, plan := meter.With(ctx)
	applying, apply := meter.With(ctx)
	_, _, changed := t.planAndApply(ctx, planning, applying)
	fmt.Printf("| apply run over %d people on DynamoDB | read units a person | write units a person |\n|---|---|---|\n", n)
	fmt.Printf("| plan | %.2f | %.2f |\n| apply, of %d changed | %.2f | %.2f |\n\n", plan.ReadUnits()/float64(n), plan.WriteUnits()/float64(n),
		changed, apply.ReadUnits()/float64(changed), apply.WriteUnits()/float64(changed))
}
