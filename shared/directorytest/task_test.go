package directorytest_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// longLeavers is pending deactivations of people whom nobody has, in as many pages as a test says.
type longLeavers struct {
	directory.Leavers
	pages  int
	people int                  // in each; 0: peopleOfPage
	read   []directory.TenantID // of each page that was read
	err    error
	then   func()
}

const peopleOfPage = 200

func (l *longLeavers) PendingUsers(
	_ context.Context, t directory.TenantID, q directory.PendingQuery,
) ([]directory.User, string, error) {
	if l.then != nil {
		l.then()
	}
	if l.err != nil {
		return nil, "", l.err
	}
	l.read = append(l.read, t)
	us := make([]directory.User, cmp.Or(l.people, peopleOfPage))
	for i := range us {
		us[i] = directory.User{ID: "unobody", Provider: q.Provider}
	}
	if next := q.After + "x"; len(next) < l.pages {
		return us, next, nil
	}
	return us, "", nil
}

// delayed changes the delay of the office's provider for everybody, and follows that: a task is stored and nothing done.
func (o *office) delayed(l *longLeavers) directory.TaskID {
	o.Helper()
	o.use(func(p *directory.Ports) { l.Leavers, p.Leavers = p.Leavers, l })
	o.later(time.Second)
	_, err := o.s.As(o.admin).Deactivations.SetDelay(o.ctx, o.p.ID, anyProvider, o.stored(o.p.ID).DeactivationDelay+time.Hour, true)
	o.must(err)
	e := o.log(directory.LogQuery{})[0]
	for range 2 {
		if failed := o.s.FollowBatch(o.ctx, []directory.TenantEntry{{Tenant: o.admin.Tenant, Entry: e}}); len(failed) > 0 {
			o.Fatal(failed)
		}
	}
	ids := follow.TasksOf(e)
	if len(ids) != 1 || len(l.read) > 0 {
		o.Fatalf("tasks %v, %d pages read", ids, len(l.read))
	}
	return ids[0]
}

func (o *office) task(id directory.TaskID) directory.Task {
	o.Helper()
	k, err := o.s.As(o.admin).Tasks.ByID(o.ctx, id)
	o.must(err)
	return k
}

func forever() bool { return false }

// A task is done in steps of a thousand records, and its end is noted; the task is removed when its time is over.
func TestTaskIsDoneInSteps(t *testing.T) {
	o := newOffice(t)
	l := &longLeavers{pages: 12}
	id := o.delayed(l)
	if k := o.task(id); k.State != directory.TaskRunning || k.Of != "provider" || k.Target != string(o.p.ID) {
		t.Errorf("stored: %+v", k)
	}
	var steps []int
	for more := true; more; {
		var err error
		more, err = o.s.StepTask(o.ctx, o.admin.Tenant, id)
		o.must(err)
		steps = append(steps, o.task(id).Done)
	}
	o.equal("records after each step", steps, []int{1000, 2000, 2400})
	if k := o.task(id); k.State != directory.TaskDone || k.Holder != "" || !k.DoneAt.Equal(o.s.Now()) {
		t.Errorf("done: %+v", k)
	}
	o.later(directory.TaskKept - time.Second)
	o.must(o.s.RunTasks(o.ctx, forever))
	o.task(id)
	o.later(time.Second)
	o.must(o.s.RunTasks(o.ctx, forever))
	_, err := o.s.As(o.admin).Tasks.ByID(o.ctx, id)
	o.refused("later", err, directory.NotFound, "", "no such task")
	if len(l.read) != 12 {
		t.Errorf("%d pages were read", len(l.read))
	}
}

// A step ends after ten seconds.
func TestStepsOfTasksEndInTime(t *testing.T) {
	o := newOffice(t)
	l := &longLeavers{pages: 4, then: func() { o.later(6 * time.Second) }}
	id := o.delayed(l)
	more, err := o.s.StepTask(o.ctx, o.admin.Tenant, id)
	o.must(err)
	if !more || len(l.read) != 2 {
		t.Errorf("%d pages were read, more %v", len(l.read), more)
	}
}

// A task that fails is tried again with growing pauses, and after ten failures in a row it waits for a person. What a
// step did before it failed is not done again.
func TestTaskThatFailsWaitsForAPerson(t *testing.T) {
	o := newOffice(t)
	l := &longLeavers{pages: 9}
	id := o.delayed(l)
	l.then = func() {
		if l.err = nil; len(l.read) >= 3 {
			l.err = directory.Errorf(directory.Unavailable, "the table is busy")
		}
	}
	var waited []time.Duration
	for range directory.MaxTaskFailures {
		var failed follow.TasksError
		if err := o.s.RunTasks(o.ctx, forever); !errors.As(err, &failed) || len(failed) != 1 {
			t.Fatalf("got %v", err)
		}
		o.must(o.s.RunTasks(o.ctx, forever)) // its time has not come
		k := o.task(id)
		if k.State == directory.TaskRunning {
			waited = append(waited, k.DueAt.Sub(o.s.Now()))
			o.later(waited[len(waited)-1])
		}
	}
	if !slices.IsSorted(waited) || waited[0] != 5*time.Second || waited[8] != 10*time.Minute {
		t.Errorf("pauses %v", waited)
	}
	k := o.task(id)
	if k.State != directory.TaskWaiting || k.Cause != "the table is busy" || k.Failures != 10 || k.Done != 600 || !k.DueAt.IsZero() {
		t.Errorf("waiting: %+v", k)
	}
	o.later(24 * time.Hour)
	o.must(o.s.RunTasks(o.ctx, forever))
	l.then = func() { l.err = nil }
	o.must(o.s.As(o.admin).Tasks.Retry(o.ctx, id, func(directory.Task) error { return nil }))
	o.follow()
	o.must(o.s.RunTasks(o.ctx, forever))
	if k := o.task(id); k.State != directory.TaskDone || k.Done != 1800 || k.Cause != "" || len(l.read) != 9 {
		t.Errorf("after the retry: %+v, %d pages", k, len(l.read))
	}
}

// A process that dies in a step keeps others away for a minute. A task that ends every process waits for a person.
func TestTaskOfAProcessThatDies(t *testing.T) {
	o := newOffice(t)
	l := &longLeavers{pages: 1}
	id := o.delayed(l)
	l.err = context.Canceled
	for i := range directory.MaxTaskFailures {
		dying, die := context.WithCancel(o.ctx)
		l.then = die
		if more, err := o.s.StepTask(dying, o.admin.Tenant, id); more || !errors.Is(err, context.Canceled) {
			t.Fatalf("step %d: %v, %v", i, more, err)
		}
		o.later(time.Minute - time.Second)
		more, err := o.s.StepTask(o.ctx, o.admin.Tenant, id)
		if k := o.task(id); err != nil || more || k.Holder == "" || k.Failures != i+1 {
			t.Fatalf("within the lease: %v, %v, %+v", more, err, k)
		}
		o.later(time.Second)
	}
	var failed follow.TasksError
	if _, err := o.s.StepTask(o.ctx, o.admin.Tenant, id); !errors.As(err, &failed) || failed[0].Task.State != directory.TaskWaiting {
		t.Errorf("got %v", err)
	}
	if k := o.task(id); k.Cause != "interrupted" || k.State != directory.TaskWaiting {
		t.Errorf("waiting: %+v", k)
	}
}

// A process whose step took longer than its lease does not undo what another one did meanwhile.
func TestTaskIsTakenOver(t *testing.T) {
	o := newOffice(t)
	l := &longLeavers{pages: 1}
	id := o.delayed(l)
	l.then = func() {
		l.then = nil
		o.later(2 * time.Minute)
		if more, err := o.s.StepTask(o.ctx, o.admin.Tenant, id); more || err != nil {
			t.Errorf("taken over: %v, %v", more, err)
		}
		l.err = errors.New("too late")
	}
	more, err := o.s.StepTask(o.ctx, o.admin.Tenant, id)
	if k := o.task(id); more || err != nil || k.State != directory.TaskDone || k.Done != peopleOfPage {
		t.Errorf("got %v, %v, %+v", more, err, k)
	}
}

// Of several tenants with tasks each gets a step in turn, and a busy one gets no more for having several tasks.
func TestTenantsTakeTurnsWithTasks(t *testing.T) {
	o := newOffice(t)
	l := &longLeavers{pages: 15}
	o.delayed(l)
	o.admin.Tenant = "acme2"
	_, err := o.s.As(o.admin).Tenants.Create(o.ctx, "Second")
	o.must(err)
	for _, name := range []string{"First", "Second"} {
		o.p, _ = o.provider(name)
		o.delayed(&longLeavers{})
	}
	o.use(func(p *directory.Ports) { p.Leavers = l })
	o.must(o.s.RunTasks(o.ctx, forever))
	var turns []directory.TenantID
	for i := 0; i < len(l.read); i += 5 {
		turns = append(turns, l.read[i])
	}
	for i := 0; i < 6; i += 2 { // a step each, in whatever order
		if turns[i] == turns[i+1] {
			t.Errorf("whose steps: %v", turns[:6])
		}
	}
}

// A task of a kind that this release does not know waits for a process of one that does.
func TestTaskOfAnotherRelease(t *testing.T) {
	o := newOffice(t)
	id := o.delayed(&longLeavers{pages: 1})
	_, err := o.s.Ports.Tasks.UpdateTask(o.ctx, o.admin.Tenant, id, func(k directory.Task) (directory.Task, error) {
		k.Kind = "unheard-of"
		return k, nil
	})
	o.must(err)
	o.must(o.s.RunTasks(o.ctx, forever))
	if k := o.task(id); k.State != directory.TaskRunning || k.Failures != 0 || !k.DueAt.Equal(o.s.Now().Add(time.Minute)) {
		t.Errorf("got %+v", k)
	}
}
