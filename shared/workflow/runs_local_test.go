package workflow_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
	"rollcall/shared/provisioning"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/workflow"
)

// A run is planned in the background, applied by a process that starts later, and undone.
func TestLocalCarriesRunsOutAndGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, admin := t.Context(), administration.Admin{Tenant: "acme1"}
	first := workflow.NewLocalRuns()
	svc := directorytest.New(store.Ports(), directory.Runtime{External: directory.External{Runs: first}})
	_, err = svc.As(admin).Tenants.Create(ctx, "Acme")
	must(err)
	p, token, err := svc.As(admin).Providers.Create(ctx, administration.NewProvider{DisplayName: "Entra", Profile: "entra"})
	must(err)
	for i := range 30 {
		_, err := svc.CreateUser(ctx, provisioning.Caller{Provider: p.ID, Token: token}, "", nil,
			func(directory.Provider) (directory.Profile, []directory.Change, error) {
				return directory.Profile{UserName: fmt.Sprint("p", i), Active: true}, nil, nil
			})
		must(err)
	}
	follow := func(svc *directorytest.Env) {
		t.Helper()
		_, err := svc.FollowNew(ctx, func(failed []follow.Failure) {
			if len(failed) > 0 {
				t.Error(failed)
			}
		})
		must(err)
	}
	follow(svc)
	org, err := svc.As(admin).Organizations.Create(ctx, administration.NewOrganization{Name: "Elsewhere"})
	must(err)
	_, _, err = svc.As(admin).OrgMappings.Set(ctx, p.ID, func(directory.Provider) error { return nil },
		directory.OrgSettings{Method: directory.OrgSingle, Org: org.ID})
	must(err)
	serve := func(l *workflow.LocalRuns, svc *directorytest.Env) (stop func()) {
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.Serve(ctx, svc.Follow, func(err error) { t.Error(err) })
		}()
		return func() { cancel(); <-done }
	}
	state := func(id directory.RunID, want directory.RunState) administration.ApplyProgress {
		t.Helper()
		for range 2000 {
			r, err := svc.As(admin).ApplyRuns.ByID(ctx, p.ID, id)
			must(err)
			if r.State == want {
				return r
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("the run was never %s", want)
		return administration.ApplyProgress{}
	}
	stop := serve(first, svc)
	r, err := svc.As(admin).ApplyRuns.Create(ctx, p.ID, false)
	must(err)
	follow(svc)
	state(r.ID, directory.RunPlanned)
	stop()
	_, err = svc.As(admin).ApplyRuns.Start(ctx, p.ID, r.ID, func(directory.ApplyRun) error { return nil })
	must(err)
	follow(svc) // starts it in a process that ends
	second := workflow.NewLocalRuns()
	svc = directorytest.New(store.Ports(), directory.Runtime{External: directory.External{Runs: second}})
	stop = serve(second, svc)
	defer stop()
	if got := state(r.ID, directory.RunCompleted); got.Tally.Applied != 30 {
		t.Errorf("applied: %+v", got.Tally)
	}
	undo, err := svc.As(admin).ApplyRuns.Undo(ctx, p.ID, r.ID, func(directory.ApplyRun) error { return nil })
	must(err)
	follow(svc)
	if got := state(undo.ID, directory.RunCompleted); got.Tally.Applied != 30 {
		t.Errorf("undone: %+v", got.Tally)
	}
}
