package integration_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
	"rollcall/shared/proof"
)

// splitDeletion is the deletion of a provider with so many people, as it says, that its task is split. Its processes, the job
// and the executions, die together at a write.
type splitDeletion struct {
	*bigDeletion
	refs   []directory.TaskRef // handed over, and not ended
	mu     sync.Mutex
	writes int
	dieAt  int // which write is not done any more, with all that follow; 0: none
	most   int // executions side by side
	shown  []int

	now     directory.TaskID // whose step is done
	refuses bool             // no execution can be started
	local   bool             // none can be asked for
	fails   directory.TaskID // whose changes of people fail
}

func newSplitDeletion(t *testing.T, ports directory.Ports, people int) *splitDeletion {
	t.Helper()
	d := &splitDeletion{bigDeletion: newDeletion(t, ports, people)}
	d.followed(d.Stack, "the deletion")
	p, err := ports.Providers.UpdateProvider(t.Context(), d.Admin.Tenant, d.Provider.ID,
		func(p directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			deletion := *p.Deletion
			deletion.UserCount = 10_001
			p.Deletion, p.Version = &deletion, p.Version+1
			e := directory.LogEntry{ID: d.Service.Runtime.EntryID(), At: d.Clock.Now(), Action: directory.ProviderUpdated, Target: string(p.ID)}
			return p, &e, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	d.task = p.Deletion.Task
	return d
}

// written notes a write that is to be done, and returns an error if it is not.
func (d *splitDeletion) written() error {
	if d.writes++; d.dieAt > 0 && d.writes >= d.dieAt {
		return errCrashed
	}
	return nil
}

// CarryTask implements directory.TaskCarrier.
func (d *splitDeletion) CarryTask(_ context.Context, ref directory.TaskRef) error {
	if err := d.written(); err != nil || d.refuses {
		return cmp.Or(err, errRefused)
	}
	if !slices.Contains(d.refs, ref) {
		d.refs = append(d.refs, ref)
	}
	d.most = max(d.most, len(d.refs))
	return nil
}

type (
	splitTasks struct {
		directory.Tasks
		d *splitDeletion
	}
	splitUsers struct {
		directory.Users
		d *splitDeletion
	}
)

func (s splitTasks) UpdateTask(
	ctx context.Context, t directory.TenantID, id directory.TaskID, update func(directory.Task) (directory.Task, error),
) (directory.Task, error) {
	if err := s.d.written(); err != nil {
		return directory.Task{}, err
	}
	return s.Tasks.UpdateTask(ctx, t, id, update)
}

func (s splitUsers) UpdateUser(
	ctx context.Context, t directory.TenantID, old directory.User, update directory.Update[directory.User],
) (directory.User, error) {
	s.d.mu.Lock()
	err := s.d.written()
	s.d.mu.Unlock()
	if err == nil && s.d.fails != "" && s.d.fails == s.d.now {
		err = directory.Errorf(directory.Unavailable, "the table is busy")
	}
	if err != nil {
		return directory.User{}, err
	}
	if i := strings.Index("0123456789abcdefghijklmnopqrstuv", string(old.ID[1])); s.d.now != "" && s.d.now != partOf(s.d.task, i/2+1) {
		s.d.Errorf("%s changes %s", s.d.now, old.ID)
	}
	return s.Users.UpdateUser(ctx, t, old, update)
}

// process is one that can hand tasks over.
func (d *splitDeletion) process() *directorytest.Env {
	ports, rt := d.ports, d.Service.Runtime
	ports.Tasks, ports.Users, rt.Carrier = splitTasks{ports.Tasks, d}, splitUsers{ports.Users, d}, d
	if d.local {
		rt.Carrier = nil
	}
	return directorytest.New(ports, rt)
}

// progress reads the task, as administrators do.
func (d *splitDeletion) progress() directory.Task {
	d.Helper()
	k, err := d.Service.As(d.Admin).Tasks.ByID(d.Context(), d.task)
	if err != nil {
		d.Fatal(err)
	}
	return k
}

// run carries out the deletion, and returns the state at its end.
func (d *splitDeletion) run() string {
	d.Helper()
	svc := d.process()
	for turns := 0; ; turns++ {
		k := d.progress()
		if turns > 200 {
			d.Fatalf("after %d turns: %+v", turns, k)
		}
		d.shown = append(d.shown, k.Done)
		if k.State != directory.TaskRunning {
			break
		}
		err := d.turn(svc)
		if d.Clock.Advance(15 * time.Second); errors.Is(err, errCrashed) {
			d.dieAt, d.refs, svc = 0, nil, d.process()
			d.Clock.Advance(5 * time.Minute) // the lease of executions that are no more
		} else if err != nil {
			d.Fatal(err)
		}
	}
	d.Follow(d.T)
	return d.state()
}

// turn runs the job, and does a step of some executions.
func (d *splitDeletion) turn(svc *directorytest.Env) error {
	err := svc.RunTasks(d.Context(), func() bool { return false })
	for _, ref := range slices.Clone(d.refs[:min(4, len(d.refs))]) {
		if err != nil {
			break
		}
		var next follow.CarriedStep
		d.now = ref.Task
		next, err = svc.CarryTask(d.Context(), ref, 0)
		if d.now = ""; !next.Again && (err == nil || next.Failed) {
			d.refs = slices.DeleteFunc(d.refs, func(r directory.TaskRef) bool { return r == ref })
		}
	}
	var failed follow.TasksError
	switch {
	case !errors.As(err, &failed):
		return err
	case d.dieAt > 0 && d.writes >= d.dieAt: // it died while it handed something over
		return errCrashed
	case d.refuses || d.fails != "":
		return nil
	}
	return err
}

// partOf names a part of a task.
func partOf(id directory.TaskID, n int) directory.TaskID {
	return directory.TaskID(fmt.Sprintf("part-%s-%02d", id, n))
}

var errRefused = errors.New("no such state machine")

// TestDeletionOfManyIsSplit: the people of a provider with many are handled in 16 parts side by side, which no list shows,
// with the progress of all in the task. When all processes die at a write, whichever, the end is the same.
func TestDeletionOfManyIsSplit(t *testing.T) {
	t.Parallel()
	every := map[string]int{"SQLite": proof.Size(11, 1), "DynamoDB": proof.Size(67, 7)}
	for name, ports := range crashStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const people = 40
			d := newSplitDeletion(t, ports(t), people)
			want := d.run()
			if d.most != 16 || !slices.IsSorted(d.shown) || d.shown[len(d.shown)-1] != 10_001 || len(slices.Compact(d.shown)) < 3 {
				t.Errorf("%d executions side by side, progress %v", d.most, d.shown)
			}
			ks, _, err := d.Service.As(d.Admin).Tasks.List(t.Context(), administration.TaskFilter{Kind: follow.TaskDeletion}, "", 100)
			if err != nil || len(ks) != 1 || ks[0].Part != 0 {
				t.Errorf("listed: %+v, %v", ks, err)
			}
			alone := newSplitDeletion(t, ports(t), people)
			if alone.refuses = true; alone.run() != want || alone.most > 0 {
				t.Errorf("without executions it ends otherwise, or there were %d", alone.most)
			}
			local := newSplitDeletion(t, ports(t), people)
			local.local = true
			got := local.run()
			if k, err := local.ports.Tasks.Task(t.Context(), local.Admin.Tenant, partOf(local.task, 1)); got != want || err != nil || k.ID != "" {
				t.Errorf("on one machine it ends otherwise, or has parts: %+v, %v", k, err)
			}
			t.Logf("%d writes", d.writes)
			for at := 1; at <= d.writes; at += every[name] {
				crashed := newSplitDeletion(t, ports(t), people)
				if crashed.dieAt = at; crashed.run() != want {
					t.Errorf("it ends otherwise after a crash at write %d", at)
				}
			}
		})
	}
}

// When a part waits for a person, so does its task, while the other parts go on; retrying the task retries the part.
func TestPartThatFails(t *testing.T) {
	t.Parallel()
	const people = 40
	d := newSplitDeletion(t, stack.SQLite(t), people)
	for n := range 16 { // one that has people
		first := "u" + "0123456789abcdefghijklmnopqrstuv"[2*n:][:1]
		if slices.ContainsFunc(d.people, func(id directory.UserID) bool { return strings.HasPrefix(string(id), first) }) {
			d.fails = partOf(d.task, n+1)
		}
	}
	svc := d.process()
	for turns := 0; d.progress().State == directory.TaskRunning && turns < 300; turns++ {
		if err := d.turn(svc); err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(15 * time.Second)
	}
	left := d.left()
	if k := d.progress(); k.State != directory.TaskWaiting || k.Cause != "the table is busy" || left == 0 || left > people/2 {
		t.Fatalf("got %+v, %d people are left", k, left)
	}
	d.fails = ""
	d.Clock.Advance(time.Second)
	err := d.Service.As(d.Admin).Tasks.Retry(t.Context(), d.task, func(directory.Task) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	d.followed(d.Stack, "the retry")
	d.run()
	if k := d.progress(); k.State != directory.TaskDone {
		t.Errorf("after the retry: %+v", k)
	}
}
