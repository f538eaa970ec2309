package storetest

import (
	"errors"
	"strings"

	"rollcall/shared/directory"
)

var taskChapter = []promise{
	{"tasks/racing changes all count", tasks},
}

func tasks(w *world) {
	first, err := w.Tasks.Task(w.ctx, w.tenant, "t")
	w.must(err)
	w.equal("none", first, directory.Task{})
	at := w.now()
	w.must(errors.Join(race(racers, func(int) error {
		return w.Tasks.UpdateTask(w.ctx, w.tenant, "t", func(old directory.Task) directory.Task {
			return directory.Task{ID: "t", After: old.After + "x", DoneAt: at, Run: "e1", Done: old.Done + 1, Version: old.Version + 1}
		})
	})...))
	got, err := w.Tasks.Task(w.ctx, w.tenant, "t")
	w.must(err)
	w.equal("the task", got, directory.Task{ID: "t", After: strings.Repeat("x", racers), DoneAt: at, Run: "e1", Done: racers,
		Version: racers})
	other, err := w.Tasks.Task(w.ctx, w.tenant, "other")
	w.must(err)
	w.equal("another one", other, directory.Task{})
}

func (x intruder) tasksRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Tasks.Task": func() {
			k, err := x.Tasks.Task(ctx, t, v.task)
			x.must(err)
			x.equal("another tenant's task", k, directory.Task{})
		},
		"Tasks.UpdateTask": func() {
			x.must(x.Tasks.UpdateTask(ctx, t, v.task, func(k directory.Task) directory.Task {
				x.equal("passed to update", k, directory.Task{})
				return k
			}))
		},
	}
}
