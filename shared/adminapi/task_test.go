package adminapi_test

import (
	"testing"
	"time"

	"rollcall/shared/directory"
)

// A task that waits for a person is found by its state, and tried again by an entry.
func TestTasks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	got := f.want(200, "GET", "/tasks?state=waiting", "")
	if len(got.items()) != 1 || got.str("items.0.id") != w.task || got.str("items.0.failures") != "10" ||
		got.str("items.0.cause") != "internal" || got.str("items.0.dueAt") != "" {
		t.Errorf("waiting: %s", got.raw)
	}
	if got := f.want(200, "GET", "/tasks?kind=change-watchlist&limit=1", ""); got.str("items.0.kind") != "change-watchlist" ||
		got.str("items.0.targetKind") != "watchlist" || got.str("items.0.target") != w.watchlist || got.str("items.0.entry") == "" {
		t.Errorf("of a kind: %s", got.raw)
	}
	f.want(400, "GET", "/tasks?kind=none", "")
	f.want(404, "GET", "/tasks/purge", "") // the progress of a job
	f.want(200, "POST", "/tasks/"+w.task+":retry?dryRun=true", "")
	f.deliver()
	if got := f.want(200, "GET", "/tasks/"+w.task, ""); got.str("state") != "waiting" {
		t.Errorf("after a dry run: %s", got.raw)
	}
	f.want(200, "POST", "/tasks/"+w.task+":retry", "")
	f.deliver()
	if got := f.want(200, "GET", "/tasks/"+w.task, ""); got.str("state") != "running" || got.str("failures") != "" {
		t.Errorf("after a retry: %s", got.raw)
	}
	has := func(holder, execution string, lease time.Duration) {
		_, err := f.store.Ports().Tasks.UpdateTask(t.Context(), f.tenant, directory.TaskID(w.task),
			func(k directory.Task) (directory.Task, error) {
				k.Holder, k.Execution, k.DueAt, k.Version = holder, execution, k.DueAt.Add(lease), k.Version+1
				return k, nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	has("a process in its step", "", 0) // until when it has the task is no time of a next step
	if got := f.want(200, "GET", "/tasks/"+w.task, ""); got.str("state") != "running" || got.str("dueAt") != "" {
		t.Errorf("during a step: %s", got.raw)
	}
	has("", "", 0)
	due := f.want(200, "GET", "/tasks/"+w.task, "").str("dueAt")
	has("", "an execution", 5*time.Minute) // nor until when an execution does the steps
	if got := f.want(200, "GET", "/tasks/"+w.task, ""); due == "" || got.str("dueAt") != due {
		t.Errorf("between steps, due %s: %s", due, got.raw)
	}
	has("", "", -5*time.Minute)
	if _, err := f.svc.StepTask(t.Context(), f.tenant, directory.TaskID(w.task)); err != nil {
		t.Fatal(err)
	}
	if got := f.want(200, "GET", "/tasks/"+w.task, ""); got.str("state") != "done" || got.str("doneAt") == "" {
		t.Errorf("after its step: %s", got.raw)
	}
	f.want(409, "POST", "/tasks/"+w.task+":retry", "")
	if got := f.want(200, "GET", "/audit-log?action=task.retried", ""); len(got.items()) != 1 || got.str("items.0.target") != w.task {
		t.Errorf("the log: %s", got.raw)
	}
}
