package storetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var taskChapter = []promise{
	{"tasks/racing changes all count", tasks},
	{"tasks/long work is listed by time, and the progress of jobs is not", taskList},
	{"tasks/what is due is found until it is moved or removed", taskDue},
}

func tasks(w *world) {
	first, err := w.Tasks.Task(w.ctx, w.tenant, "t")
	w.must(err)
	w.equal("none", first, directory.Task{})
	at := w.now()
	w.must(errors.Join(race(racers, func(int) error {
		_, err := w.Tasks.UpdateTask(w.ctx, w.tenant, "t", func(old directory.Task) (directory.Task, error) {
			return directory.Task{
				ID: "t", After: old.After + "x", DoneAt: at, Run: "e1", Done: old.Done + 1, Version: old.Version + 1,
			}, nil
		})
		return err
	})...))
	got, err := w.Tasks.Task(w.ctx, w.tenant, "t")
	w.must(err)
	w.equal("the task", got, directory.Task{ID: "t", After: strings.Repeat("x", racers), DoneAt: at, Run: "e1", Done: racers,
		Version: racers})
	other, err := w.Tasks.Task(w.ctx, w.tenant, "other")
	w.must(err)
	w.equal("another one", other, directory.Task{})
}

// newTask returns long work that follows from an entry of a time.
func (w *world) newTask(at time.Time) directory.Task {
	e := directory.LogEntry{ID: directory.EntryID("e" + random.ID()), At: at, Provider: w.p}
	return directory.Task{
		ID: directory.NewTaskID("kind", e), Kind: "kind", Provider: w.p, At: at, Run: e.ID, Of: "provider", Target: string(w.p),
		State: directory.TaskRunning, After: "a", Data: []byte(`{"n":1}`), Total: 3, Done: 1, Failures: 2, Cause: "cause", Holder: "h",
		Execution: "x", CreatedAt: at, ChangedAt: at, DueAt: at, DoneAt: at, Version: 1,
	}
}

func (w *world) putTask(k directory.Task) {
	w.Helper()
	got, err := w.Tasks.UpdateTask(w.ctx, w.tenant, k.ID, func(directory.Task) (directory.Task, error) { return k, nil })
	w.must(err)
	w.equal("stored", got, k)
}

func taskList(w *world) {
	at := w.now()
	var want []directory.Task
	for i := range 5 {
		k := w.newTask(at.Add(time.Duration(i) * time.Second))
		w.putTask(k)
		want = append([]directory.Task{k}, want...)
	}
	for _, id := range []directory.TaskID{"purge", "matching x", "seal-pass", "approval v", "zz"} {
		w.putTask(directory.Task{ID: id, After: "u", Version: 1})
	}
	part := want[0]
	part.ID, part.Part = "part-"+part.ID+"-01", 1
	w.putTask(part)
	list := func(before directory.TaskID, count int) []directory.Task {
		w.Helper()
		ks, err := w.Tasks.ListTasks(w.ctx, w.tenant, before, count)
		w.must(err)
		return ks
	}
	w.equal("all", list("", 10), want)
	w.equal("the newest", list("", 2), want[:2])
	w.equal("the next ones", list(want[1].ID, 2), want[2:4])
	w.equal("the last one", list(want[3].ID, 2), want[4:])
	w.equal("none", len(list("", 0))+len(list(want[4].ID, 2))+len(list("a", 2)), 0)
	w.equal("before an id that sorts behind", list("z", 10), want)
	got, err := w.Tasks.Task(w.ctx, w.tenant, want[0].ID)
	w.must(err)
	w.equal("one", got, want[0])
}

func taskDue(w *world) {
	at := w.now().Add(-48 * time.Hour) // before what other tests store
	k := w.newTask(at)
	w.putTask(k)
	due := func(now time.Time) bool {
		w.Helper()
		ds, err := w.Tasks.DueTasks(w.ctx, now, 1000)
		w.must(err)
		return slices.Contains(ds, directory.DueTask{Tenant: w.tenant, ID: k.ID})
	}
	w.equal("due", due(at), true)
	w.equal("a moment before", due(at.Add(-time.Millisecond)), false)
	k.DueAt = at.Add(time.Second)
	w.putTask(k)
	w.equal("moved", due(at), false)
	w.equal("then", due(k.DueAt), true)
	failed := errors.New("no")
	_, err := w.Tasks.UpdateTask(w.ctx, w.tenant, k.ID, func(directory.Task) (directory.Task, error) { return directory.Task{}, failed })
	w.equal("an error of the update", errors.Is(err, failed), true)
	w.equal("after it", due(k.DueAt), true)
	k.DueAt = time.Time{}
	w.putTask(k)
	w.equal("never", due(w.now().Add(time.Hour)), false)
	k.DueAt = at
	w.putTask(k)
	for range 2 {
		_, err = w.Tasks.UpdateTask(w.ctx, w.tenant, k.ID, func(directory.Task) (directory.Task, error) { return directory.Task{}, nil })
		w.must(err)
	}
	w.equal("removed", due(at), false)
	got, err := w.Tasks.Task(w.ctx, w.tenant, k.ID)
	w.must(err)
	w.equal("removed", got, directory.Task{})
}

func (x intruder) tasksRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Tasks.Task": func() {
			k, err := x.Tasks.Task(ctx, t, v.task)
			x.must(err)
			x.equal("another tenant's task", k, directory.Task{})
		},
		"Tasks.ListTasks": func() {
			ks, err := x.Tasks.ListTasks(ctx, t, "", 10)
			x.must(err)
			x.equal("another tenant's tasks", len(ks), 0)
		},
		"Tasks.UpdateTask": func() {
			_, err := x.Tasks.UpdateTask(ctx, t, v.task, func(k directory.Task) (directory.Task, error) {
				x.equal("passed to update", k, directory.Task{})
				return k, nil
			})
			x.must(err)
		},
	}
}
