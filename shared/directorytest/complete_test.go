package directorytest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// unfinished is what a large change left.
type unfinished struct{ left, most int }

func (u *unfinished) CompleteEntry(_ context.Context, _ directory.TenantID, _ directory.LogEntry, limit int) (bool, error) {
	u.most = max(u.most, limit)
	u.left = max(0, u.left-limit)
	return u.left > 0, nil
}

// followed follows the newest entry of a group, as if it had left something, and returns the task that completes it.
func (o *office) followed(g directory.GroupID, left directory.Remaining) directory.TaskID {
	o.Helper()
	e := o.log(directory.LogQuery{Group: g})[0]
	e.Remaining = left
	if failed := o.s.FollowBatch(o.ctx, []directory.TenantEntry{{Tenant: o.admin.Tenant, Entry: e}}); len(failed) > 0 {
		o.Fatal(failed)
	}
	return directory.NewTaskID(follow.TaskComplete, e)
}

func (o *office) kinds() (out []directory.TaskKind) {
	o.Helper()
	ks, err := o.s.Tasks.ListTasks(o.ctx, o.admin.Tenant, "", 10)
	o.must(err)
	for _, k := range ks {
		out = append(out, k.Kind)
	}
	return out
}

// Following completes a little of what a large change left, and leaves the rest to a task, which then starts what needs it.
func TestMuchThatIsLeftIsATask(t *testing.T) {
	o := newOffice(t)
	o.rolesFromGroups(true)
	g := o.group(o.caller, "g")
	o.mapRoles([]directory.RoleID{"desktop-user"}, g.ID)
	o.deliver()
	o.later(time.Second)
	o.must(o.s.DeleteGroup(o.ctx, o.caller, g.ID, func(directory.Group) error { return nil }))
	u := &unfinished{left: 200}
	o.use(func(p *directory.Ports) { p.Completion = u })
	o.followed(g.ID, directory.RemainingGroup)
	o.equal("tasks after a small rest", o.kinds(), []directory.TaskKind{follow.TaskGroup})
	o.later(time.Second)
	h := o.group(o.caller, "h")
	o.mapRoles([]directory.RoleID{"desktop-user"}, h.ID)
	o.later(time.Second)
	o.must(o.s.DeleteGroup(o.ctx, o.caller, h.ID, func(directory.Group) error { return nil }))
	u.left = 3000
	id := o.followed(h.ID, directory.RemainingGroup)
	o.equal("tasks after a large one", o.kinds(), []directory.TaskKind{follow.TaskComplete, follow.TaskGroup})
	if k := o.task(id); u.left < 2750 || k.Of != "group" || k.Target != string(h.ID) {
		t.Errorf("the follower left %d, and the task %+v", u.left, k)
	}
	for before := u.left; ; before = u.left {
		more, err := o.s.StepTask(o.ctx, o.admin.Tenant, id)
		o.must(err)
		if !more {
			break
		}
		if n := before - u.left; n > 1000 || n < 500 {
			t.Errorf("a step did %d", n)
		}
	}
	if k := o.task(id); u.left > 0 || k.State != directory.TaskDone || u.most > 1000 {
		t.Errorf("%d are left, at most %d at a time, task %+v", u.left, u.most, k)
	}
	if ks := o.kinds(); len(ks) != 3 {
		t.Errorf("tasks at the end: %v", ks)
	}
}

// What follows for more than a thousand members of one change is a task, if rules heed the group.
func TestManyMembersAreATask(t *testing.T) {
	o := newOffice(t)
	idle := o.group(o.caller, "idle")
	ids := make([]directory.ScimID, 1050)
	users := make([]directory.UserID, len(ids))
	for i := range ids {
		u := o.user(o.caller, fmt.Sprintf("u%04d", i))
		ids[i], users[i] = u.ScimID, u.ID
	}
	o.deliver()
	o.later(time.Second)
	o.regroup(idle.ID, ids, nil)
	o.followed(idle.ID, "")
	o.equal("tasks where no rule heeds the group", o.kinds(), nil)
	o.rolesFromGroups(true)
	few, g := o.group(o.caller, "few"), o.group(o.caller, "g")
	o.mapRoles([]directory.RoleID{"desktop-user"}, few.ID)
	o.mapRoles([]directory.RoleID{"proe-user"}, g.ID)
	placed := func(role directory.RoleID) (n int) {
		for _, id := range users {
			for _, grant := range o.reload(id).RoleGrants {
				if grant.Role == role {
					n++
				}
			}
		}
		return n
	}
	o.later(time.Second)
	o.regroup(few.ID, ids[:1000], nil)
	o.followed(few.ID, "")
	if n := placed("desktop-user"); n != 1000 || len(o.kinds()) > 0 {
		t.Errorf("a thousand members: %d are placed, tasks %v", n, o.kinds())
	}
	o.later(time.Second)
	o.regroup(g.ID, ids, nil)
	id := o.followed(g.ID, "")
	if n := placed("proe-user"); n > 0 {
		t.Errorf("the follower placed %d", n)
	}
	for _, want := range []int{1000, 1050} {
		_, err := o.s.StepTask(o.ctx, o.admin.Tenant, id)
		o.must(err)
		if n, k := placed("proe-user"), o.task(id); n < want-250 || n > want || k.Done != n || k.Total != 1050 || want == 1050 && n != want {
			t.Errorf("%d are placed, want %d, task %+v", n, want, k)
		}
	}
	if k := o.task(id); k.State != directory.TaskDone {
		t.Errorf("at the end: %+v", k)
	}
}
