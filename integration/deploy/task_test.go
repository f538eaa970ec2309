//go:build deploy

package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"golang.org/x/sync/errgroup"

	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/workflow"
)

// longTask deletes a provider with so many people that its task takes several steps: the job does the first one and hands the
// others over to the state machine. An execution whose task waits for a person fails.
func (d *deployment) longTask(t *testing.T) {
	const people = 1300
	id, _, token := d.provider(t, "Crowded")
	store := d.store(t)
	svc := provisioning.New(store.Ports(), app.NewRuntime(0, directory.External{}))
	var all errgroup.Group
	all.SetLimit(8)
	began := time.Now()
	for i := range people {
		all.Go(func() error {
			_, err := svc.CreateUser(t.Context(), provisioning.Caller{Provider: id, Token: token}, "", nil,
				func(directory.Provider) (directory.Profile, []directory.Change, error) {
					return directory.Profile{UserName: fmt.Sprintf("crowd-%d@example.com", i), Active: true}, nil, nil
				})
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d people created in %.1f s", people, time.Since(began).Seconds())
	d.rollcall(t, "provider", "delete", string(id), "--users", "local", "--confirm", "Crowded")
	task := func() object {
		tasks := d.listed(t, "task", "list", "--kind", "delete-provider")
		i := slices.IndexFunc(tasks, func(k object) bool { return k["target"] == string(id) })
		if i < 0 {
			return object{}
		}
		return tasks[i]
	}
	eventually(t, "a task", time.Minute, func() bool { return task()["id"] != nil })
	if _, err := d.cloud.Invoke(t.Context(), "Rollcall-jobs", object{"Do": "tasks"}); err != nil { // as its schedule does
		t.Fatal(err)
	}
	var shown []any
	eventually(t, "done", 2*time.Minute, func() bool {
		k := task()
		shown = append(shown, k["done"])
		return k["state"] == "done"
	})
	within := func(done any) bool { n, _ := done.(float64); return n > 0 && n < people }
	if k := task(); k["done"] != float64(people) || !slices.ContainsFunc(shown, within) {
		t.Errorf("done: %v, progress %v", k, shown)
	}
	carried := 0
	eventually(t, "ended", time.Minute, func() bool {
		carried = 0
		for name, status := range d.executions(t, "Rollcall-tasks") {
			if strings.HasPrefix(name, task()["id"].(string)+"-") && status == types.ExecutionStatusSucceeded {
				carried++
			}
		}
		return carried > 0
	})
	if carried != 1 {
		t.Errorf("%d executions carried it", carried)
	}
	d.failingTask(t, store.Ports().Tasks)
}

// failingTask hands over a task that has failed ten times, and waits for the end of its execution.
func (d *deployment) failingTask(t *testing.T, tasks directory.Tasks) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	e := directory.LogEntry{ID: "e00000000000000000000000a1", At: now}
	k := directory.Task{ID: directory.NewTaskID("delete-provider", e), Kind: "delete-provider", At: now, Run: e.ID,
		State: directory.TaskRunning, Failures: directory.MaxTaskFailures, CreatedAt: now, DueAt: now.Add(time.Hour), Version: 1}
	k.Execution = string(k.ID) + "-1"
	if _, err := tasks.UpdateTask(t.Context(), directory.DefaultTenant, k.ID, func(directory.Task) (directory.Task, error) {
		return k, nil
	}); err != nil {
		t.Fatal(err)
	}
	machine := workflow.StepFunctions{Client: sfn.NewFromConfig(d.cloud.Config()), Machine: *d.machine(t, "Rollcall-tasks")}
	for range 2 {
		err := machine.CarryTask(t.Context(),
			directory.TaskRef{Tenant: directory.DefaultTenant, Task: k.ID, Execution: k.Execution})
		if err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "failed", time.Minute, func() bool {
		return d.executions(t, "Rollcall-tasks")[k.Execution] == types.ExecutionStatusFailed
	})
	if got := d.object(t, "task", "show", string(k.ID)); got["state"] != "waiting" {
		t.Errorf("the task: %v", got)
	}
}
