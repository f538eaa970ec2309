package directorytest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
)

// lease is how long a task waits for a step of its execution.
const lease = 5 * time.Minute

// carrier notes the executions that are handed over.
type carrier struct {
	mu   sync.Mutex
	refs []directory.TaskRef
	err  error
	then func(directory.TaskRef)
}

func (c *carrier) CarryTask(_ context.Context, ref directory.TaskRef) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs = append(c.refs, ref)
	if c.then != nil {
		c.then(ref)
	}
	return c.err
}

// carried starts a task with so many pages of people in a deployment that can hand it over.
func (o *office) carried(pages int) (*longLeavers, *carrier, directory.TaskID) {
	o.Helper()
	l, c := &longLeavers{pages: pages}, &carrier{}
	id := o.delayed(l)
	rt := o.s.Runtime
	rt.Carrier = c
	o.s = directorytest.New(o.s.Ports, rt)
	return l, c, id
}

// step does a step of the execution.
func (o *office) step(ref directory.TaskRef, steps int) follow.CarriedStep {
	o.Helper()
	next, err := o.s.CarryTask(o.ctx, ref, steps)
	var failed follow.TasksError
	if err != nil && !errors.As(err, &failed) {
		o.Fatal(err)
	}
	return next
}

// The job does the first step of a task and hands the others over, once, whoever runs the job meanwhile. The execution does
// them to the end.
func TestTaskIsHandedOver(t *testing.T) {
	o := newOffice(t)
	l, c, id := o.carried(12)
	var jobs sync.WaitGroup
	for range 2 {
		jobs.Go(func() {
			if err := o.s.RunTasks(o.ctx, forever); err != nil {
				t.Error(err)
			}
		})
	}
	jobs.Wait()
	if len(c.refs) != 1 || c.refs[0].Task != id || c.refs[0].Tenant != o.admin.Tenant || len(l.read) != 5 {
		t.Fatalf("handed over: %v, after %d pages", c.refs, len(l.read))
	}
	ref := c.refs[0]
	if !strings.HasPrefix(ref.Execution, string(id)+"-") || len(ref.Execution) > 80 {
		t.Errorf("the execution is named %q", ref.Execution)
	}
	o.later(lease - time.Second)
	o.must(o.s.RunTasks(o.ctx, forever)) // it is the execution's
	if k := o.task(id); k.Done != 1000 || k.Failures != 0 || !follow.NextStep(k).Before(o.s.Now()) {
		t.Errorf("handed over: %+v", k)
	}
	o.equal("a step", o.step(ref, 0), follow.CarriedStep{Again: true})
	o.later(lease - time.Second)
	o.must(o.s.RunTasks(o.ctx, forever))
	o.equal("the last step", o.step(ref, 1), follow.CarriedStep{})
	if k := o.task(id); k.State != directory.TaskDone || k.Done != 2400 || len(l.read) != 12 || len(c.refs) != 1 {
		t.Errorf("done: %+v after %d pages, %d executions", k, len(l.read), len(c.refs))
	}
	o.equal("a step too many", o.step(ref, 2), follow.CarriedStep{})
}

// A task of one step is not handed over.
func TestShortTaskIsNotHandedOver(t *testing.T) {
	o := newOffice(t)
	_, c, id := o.carried(5)
	o.must(o.s.RunTasks(o.ctx, forever))
	if k := o.task(id); k.State != directory.TaskDone || len(c.refs) > 0 {
		t.Errorf("got %+v and %d executions", k, len(c.refs))
	}
}

// While nothing can be handed over, the job does the task itself, and tries again after a minute.
func TestTaskThatCannotBeHandedOver(t *testing.T) {
	o := newOffice(t)
	_, c, id := o.carried(12)
	c.err = errors.New("no such state machine")
	var failed follow.TasksError
	if err := o.s.RunTasks(o.ctx, forever); !errors.As(err, &failed) || len(failed) != 1 || !errors.Is(failed[0].Err, c.err) ||
		failed[0].Task.State != directory.TaskRunning {
		t.Errorf("got %v", err)
	}
	if k := o.task(id); k.State != directory.TaskDone || k.Done != 2400 || len(c.refs) != 1 || k.Failures != 0 {
		t.Errorf("got %+v after %d attempts", k, len(c.refs))
	}
	next := o.delayed(&longLeavers{pages: 12})
	c.err = nil
	o.later(time.Minute)
	o.must(o.s.RunTasks(o.ctx, forever))
	if k := o.task(next); k.Execution == "" || len(c.refs) != 2 {
		t.Errorf("after a minute: %+v, %d attempts", k, len(c.refs))
	}
}

// An execution whose start seemed to fail is not disturbed.
func TestTaskThatWasHandedOverAllTheSame(t *testing.T) {
	o := newOffice(t)
	_, c, id := o.carried(12)
	c.err = errors.New("no answer")
	c.then = func(ref directory.TaskRef) { o.equal("a step", o.step(ref, 0), follow.CarriedStep{Again: true}) }
	o.must(o.s.RunTasks(o.ctx, forever))
	if k := o.task(id); k.Execution != c.refs[0].Execution || k.Done != 2000 || len(c.refs) != 1 {
		t.Errorf("got %+v", k)
	}
}

// When an execution dies, within a step or between two, the job takes the task, and hands it over to another one. The first
// one, if it lives after all, leaves it alone.
func TestTaskOfAnExecutionThatDies(t *testing.T) {
	for what, within := range map[string]bool{"within a step": true, "between two steps": false} {
		t.Run(what, func(t *testing.T) {
			o := newOffice(t)
			l, c, id := o.carried(22)
			o.must(o.s.RunTasks(o.ctx, forever))
			if within {
				dying, die := context.WithCancel(o.ctx)
				l.then, l.err = die, context.Canceled
				if next, err := o.s.CarryTask(dying, c.refs[0], 0); !errors.Is(err, context.Canceled) || !next.Again {
					t.Fatalf("got %v, %v", next, err)
				}
				l.then, l.err = nil, nil
			}
			o.later(lease - time.Second)
			o.must(o.s.RunTasks(o.ctx, forever))
			if len(c.refs) != 1 {
				t.Fatal("taken too early")
			}
			o.later(time.Second)
			o.must(o.s.RunTasks(o.ctx, forever))
			if len(c.refs) != 2 || c.refs[1].Execution == c.refs[0].Execution {
				t.Fatalf("handed over: %v", c.refs)
			}
			o.equal("the first one", o.step(c.refs[0], 1), follow.CarriedStep{})
			if k := o.task(id); k.Done != 2000 || k.Failures != 0 {
				t.Errorf("after the first one: %+v", k)
			}
			for i := 0; o.step(c.refs[1], i).Again; i++ {
			}
			if k := o.task(id); k.State != directory.TaskDone || k.Done != 4400 || len(l.read) != 22 {
				t.Errorf("done: %+v, %d pages", k, len(l.read))
			}
		})
	}
}

// An execution waits after a step that failed, and nobody else takes the task meanwhile. When it fails ten times in a row,
// the execution fails, also if it asks twice; after the retry it is another one.
func TestCarriedTaskThatFails(t *testing.T) {
	o := newOffice(t)
	l, c, id := o.carried(7)
	o.must(o.s.RunTasks(o.ctx, forever))
	l.then = func() { l.err = directory.Errorf(directory.Unavailable, "the table is busy") }
	var waited []time.Duration
	next := o.step(c.refs[0], 0)
	for i := 1; next.Again && i < 20; i++ {
		waited = append(waited, next.After)
		if !follow.NextStep(o.task(id)).Equal(o.s.Now().Add(next.After)) {
			t.Errorf("the next step is shown at %s", follow.NextStep(o.task(id)))
		}
		o.later(next.After)
		o.must(o.s.RunTasks(o.ctx, forever))
		next = o.step(c.refs[0], i)
	}
	if len(waited) != 9 || waited[0] != 5*time.Second || waited[8] != 10*time.Minute {
		t.Errorf("waited %v", waited)
	}
	for range 2 {
		o.equal("in the end", next, follow.CarriedStep{Failed: true})
		next = o.step(c.refs[0], 10)
	}
	if k := o.task(id); k.State != directory.TaskWaiting || k.Cause != "the table is busy" || !k.DueAt.IsZero() {
		t.Errorf("waiting: %+v", k)
	}
	l.then = func() { l.err = nil }
	l.pages = 22
	o.must(o.s.As(o.admin).Tasks.Retry(o.ctx, id, func(directory.Task) error { return nil }))
	o.s.FollowBatch(o.ctx, []directory.TenantEntry{{Tenant: o.admin.Tenant, Entry: o.log(directory.LogQuery{})[0]}})
	if k := o.task(id); k.State != directory.TaskRunning {
		t.Errorf("after the retry: %+v", k)
	}
	o.equal("the first one after the retry", o.step(c.refs[0], 11), follow.CarriedStep{})
	o.must(o.s.RunTasks(o.ctx, forever))
	if k := o.task(id); len(c.refs) != 2 || c.refs[1].Execution == c.refs[0].Execution || k.Execution != c.refs[1].Execution {
		t.Errorf("after the retry: %+v, %v", k, c.refs)
	}
}

// An execution that has done many steps lets another one go on, so that the history of none is too long.
func TestTaskOfManyStepsHasSeveralExecutions(t *testing.T) {
	o := newOffice(t)
	l, c, id := o.carried(1000)
	l.people, l.then = 1, func() { o.later(11 * time.Second) }
	o.must(o.s.RunTasks(o.ctx, forever))
	var steps []int
	for i := 0; i < len(c.refs); i++ {
		n := 1
		for o.step(c.refs[i], n-1).Again {
			n++
		}
		steps = append(steps, n)
	}
	o.equal("steps of the executions", steps, []int{600, 399})
	if k := o.task(id); k.State != directory.TaskDone || len(l.read) != 1000 {
		t.Errorf("got %+v after %d pages", k, len(l.read))
	}
}

// An execution asks again when the store cannot be reached, and in the end lets go.
func TestCarriedTaskWithoutAStore(t *testing.T) {
	o := newOffice(t)
	_, c, _ := o.carried(12)
	o.must(o.s.RunTasks(o.ctx, forever))
	o.use(func(p *directory.Ports) { p.Tasks = noTasks{p.Tasks} })
	for _, row := range []struct {
		steps int
		again bool
	}{{0, true}, {599, true}, {600, false}} {
		next, err := o.s.CarryTask(o.ctx, c.refs[0], row.steps)
		if !directory.IsKind(err, directory.Unavailable) || next.Again != row.again || next.After != 5*time.Second || next.Failed {
			t.Errorf("after %d steps: %+v, %v", row.steps, next, err)
		}
	}
}

type noTasks struct{ directory.Tasks }

func (noTasks) UpdateTask(
	context.Context, directory.TenantID, directory.TaskID, func(directory.Task) (directory.Task, error),
) (directory.Task, error) {
	return directory.Task{}, directory.Errorf(directory.Unavailable, "the table is busy")
}
