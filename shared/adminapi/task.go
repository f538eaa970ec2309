package adminapi

import (
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func taskRoutes() []route {
	return []route{
		{Route{get, "/tasks", "listTasks", readers}, []string{"cursor", "limit", "state", "kind"}, (*request).listTasks},
		{Route{get, "/tasks/{id}", "getTask", readers}, nil, (*request).getTask},
		{Route{post, "/tasks/{id}:retry", "retryTask", administrators}, dryQuery, (*request).retryTask},
	}
}

type task struct {
	ID         directory.TaskID    `json:"id"`
	Kind       directory.TaskKind  `json:"kind"`
	State      directory.TaskState `json:"state"`
	TargetKind string              `json:"targetKind"`
	Target     string              `json:"target"`
	Entry      directory.EntryID   `json:"entry"`
	At         instant             `json:"at"`
	Done       int                 `json:"done"`
	Total      int                 `json:"total,omitempty"`
	Failures   int                 `json:"failures,omitempty"`
	Cause      string              `json:"cause,omitempty"`
	CreatedAt  instant             `json:"createdAt"`
	ChangedAt  instant             `json:"changedAt"`
	DueAt      *instant            `json:"dueAt,omitempty"`
	DoneAt     *instant            `json:"doneAt,omitempty"`
	DryRun     bool                `json:"dryRun,omitempty"`
}

func (r *request) viewTask(k directory.Task) task {
	v := task{
		ID: k.ID, Kind: k.Kind, State: k.State, TargetKind: k.Of, Target: k.Target, Entry: k.Run, At: instant{k.At}, Done: k.Done,
		Total: k.Total, CreatedAt: instant{k.CreatedAt}, ChangedAt: instant{k.ChangedAt}, DoneAt: timeOrNil(k.DoneAt), DryRun: r.admin.DryRun,
	}
	if k.Holder == "" && k.State != directory.TaskDone { // until its result is stored, a step counts as failed
		v.Failures, v.Cause = k.Failures, k.Cause
	}
	if k.State == directory.TaskRunning && k.Holder == "" {
		v.DueAt = timeOrNil(administration.NextStep(k))
	}
	return v
}

func (r *request) listTasks() (answer, error) {
	state, err := r.choice("state", string(directory.TaskRunning), string(directory.TaskWaiting), string(directory.TaskDone))
	if err != nil {
		return answer{}, err
	}
	kind, err := r.choice("kind", mapSlice(administration.TaskKinds(), func(k directory.TaskKind) string { return string(k) })...)
	if err != nil {
		return answer{}, err
	}
	before, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	f := administration.TaskFilter{State: directory.TaskState(state), Kind: directory.TaskKind(kind)}
	ks, next, err := r.as().Tasks.List(r.ctx(), f, directory.TaskID(before), limit)
	return answer{body: page[task]{Items: mapSlice(ks, r.viewTask), NextCursor: r.cursor(string(next))}}, err
}

func (r *request) getTask() (answer, error) {
	id, err := pathID[directory.TaskID](r, 0, "task")
	if err != nil {
		return answer{}, err
	}
	k, err := r.as().Tasks.ByID(r.ctx(), id)
	return answer{body: r.viewTask(k)}, err
}

func (r *request) retryTask() (answer, error) {
	id, err := pathID[directory.TaskID](r, 0, "task")
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	if err := r.as().Tasks.Retry(r.ctx(), id, func(directory.Task) error { return nil }); err != nil {
		return answer{}, err
	}
	return r.getTask()
}
