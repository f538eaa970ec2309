package integration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/proof"
	"rollcall/shared/provisioning"
)

// TestProviderDeletionIsATask deletes a provider with many people, who are all in one group, while another tenant goes on.
// The process dies five times, and the next one continues: in the end everything is as if none had died. What follows
// from the other tenant's changes waits for none of it, and how far it is can be seen in between.
func TestProviderDeletionIsATask(t *testing.T) {
	t.Parallel()
	people := map[string]int{"SQLite": proof.Size(2100, 20_000), "DynamoDB": proof.Size(30, 200)}
	for name, ports := range crashStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeletion(t, ports(t), people[name])
			got := d.run(5)
			if want := newDeletion(t, ports(t), people[name]).run(0); got != want {
				t.Errorf("after five crashes:\n got %s\nwant %s", got, want)
			}
		})
	}
}

// bigDeletion is the deletion of a provider with many people, and another tenant on the same store.
type bigDeletion struct {
	*testing.T
	*stack.Stack
	ports  directory.Ports
	other  *stack.Stack
	people []directory.UserID
	task   directory.TaskID
}

func newDeletion(t *testing.T, ports directory.Ports, people int) *bigDeletion {
	t.Helper()
	same := func(testing.TB) directory.Ports { return ports }
	d := &bigDeletion{T: t, Stack: stack.New(t, stack.Options{Ports: same}), ports: ports, other: stack.New(t, stack.Options{Ports: same})}
	var ids []directory.ScimID
	for i := range people {
		u := createOn(t, d.Stack, fmt.Sprintf("p%06d", i))
		d.people, ids = append(d.people, u.ID), append(ids, u.ScimID)
	}
	caller := provisioning.Caller{Provider: d.Provider.ID, Token: d.Token}
	g, err := d.Service.CreateGroup(t.Context(), caller, nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: "Everybody"}, nil, nil, nil
		})
	for some := range slices.Chunk(ids, 5000) {
		if err == nil {
			_, _, err = d.Service.UpdateGroup(t.Context(), caller, g.ID, directory.GroupWant{Named: some}, nil,
				func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
					return provisioning.GroupEdit{Profile: v.GroupProfile, Add: some}, nil
				})
		}
	}
	d.Clock.Advance(time.Second)
	if err == nil {
		_, err = d.Service.As(d.Admin).Providers.Delete(t.Context(), d.Provider.ID, administration.Unchecked,
			directory.ProviderDeletion{Users: directory.FateLocal})
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func createOn(t *testing.T, s *stack.Stack, name string) directory.User {
	t.Helper()
	return createWith(t, s, name, "")
}

func createWith(t *testing.T, s *stack.Stack, name, attributes string) directory.User {
	t.Helper()
	u, err := s.Service.CreateUser(t.Context(), provisioning.Caller{Provider: s.Provider.ID, Token: s.Token}, "", nil,
		func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: name, Active: true, Attributes: []byte(attributes)}, nil, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// dying is a process that dies at a change of a user: no later write is done.
type dying struct{ left atomic.Int64 }

type (
	dyingUsers struct {
		directory.Users
		d *dying
	}
	dyingTasks struct {
		directory.Tasks
		d *dying
	}
)

func (u dyingUsers) UpdateUser(
	ctx context.Context, t directory.TenantID, old directory.User, update directory.Update[directory.User],
) (directory.User, error) {
	if u.d.left.Add(-1) < 0 {
		return directory.User{}, errCrashed
	}
	return u.Users.UpdateUser(ctx, t, old, update)
}

func (u dyingTasks) UpdateTask(
	ctx context.Context, t directory.TenantID, id directory.TaskID, update func(directory.Task) (directory.Task, error),
) (directory.Task, error) {
	if u.d.left.Load() < 0 {
		return directory.Task{}, errCrashed
	}
	return u.Tasks.UpdateTask(ctx, t, id, update)
}

// run carries out the deletion with crashes, and returns the state at its end.
func (d *bigDeletion) run(crashes int) string {
	d.Helper()
	ctx := d.Context()
	d.followed(d.Stack, "the deletion")
	p := d.stored()
	d.task = p.Deletion.Task
	steps, shown, whole := 0, []int{}, crashes == 0
	for k := d.progress(); k.State == directory.TaskRunning; k = d.progress() {
		ports := d.ports
		if crashes > 0 {
			u := &dying{}
			u.left.Store(int64(min(len(d.people)/7, 300) + steps%3)) // within a step
			ports.Users, ports.Tasks = dyingUsers{ports.Users, u}, dyingTasks{ports.Tasks, u}
		}
		_, err := directorytest.New(ports, d.Service.Runtime).StepTask(ctx, d.Admin.Tenant, d.task)
		switch {
		case errors.Is(err, errCrashed):
			crashes--
			d.Clock.Advance(time.Minute) // the lease of the dead process
		case err != nil:
			d.Fatal(err)
		}
		if steps++; steps > 1000 {
			d.Fatalf("no end: %+v", k)
		}
		d.otherGoesOn(steps)
		if k := d.progress(); k.Done > 0 && k.Done < len(d.people) {
			shown = append(shown, k.Done)
		}
	}
	if crashes > 0 || !slices.IsSorted(shown) || whole && len(shown) == 0 && len(d.people) > 1000 {
		d.Errorf("%d crashes are left, progress %v", crashes, shown)
	}
	d.Follow(d.T)
	d.Logf("%d people: %d steps, progress %v", len(d.people), steps, shown)
	return d.state()
}

func (d *bigDeletion) stored() directory.Provider {
	d.Helper()
	p, err := d.Service.As(d.Admin).Providers.ByID(d.Context(), d.Provider.ID)
	if err != nil {
		d.Fatal(err)
	}
	return p
}

// progress reads the task, as administrators do.
func (d *bigDeletion) progress() directory.Task {
	d.Helper()
	k, err := d.Service.As(d.Admin).Tasks.ByID(d.Context(), d.task)
	if err != nil || k.Total != 0 && k.Total != len(d.people) || k.Done > len(d.people) {
		d.Fatalf("the task: %+v, %v", k, err)
	}
	return k
}

// otherGoesOn has the other tenant change something and follows that: none of the deletion is done with it.
func (d *bigDeletion) otherGoesOn(n int) {
	d.Helper()
	before := d.left()
	d.other.Clock.Advance(time.Second)
	createOn(d.T, d.other, fmt.Sprint("other", n))
	d.followed(d.other, "the other tenant")
	if after := d.left(); after != before {
		d.Errorf("following the other tenant changed people of the deleted provider: %d, before %d", after, before)
	}
}

// left is how many people the deleted provider has.
func (d *bigDeletion) left() int {
	d.Helper()
	page, err := d.ports.Users.ListUsers(d.Context(), d.Admin.Tenant, d.Provider.ID, directory.Page{Start: 1}, directory.UserWant{}, nil)
	if err != nil {
		d.Fatal(err)
	}
	return page.Total
}

// followed follows what a tenant's log has of the last moment, without its tasks.
func (d *bigDeletion) followed(s *stack.Stack, what string) {
	d.Helper()
	var batch []directory.TenantEntry
	for _, p := range []directory.ProviderID{"", s.Provider.ID} {
		es, err := s.Service.Log.Entries(d.Context(), s.Admin.Tenant, directory.LogQuery{Provider: p, Count: 3})
		if err != nil {
			d.Fatal(err)
		}
		for _, e := range es {
			batch = append(batch, directory.TenantEntry{Tenant: s.Admin.Tenant, Entry: e})
		}
	}
	if failed := s.Service.FollowBatch(d.Context(), batch); len(failed) > 0 || len(batch) == 0 {
		d.Fatalf("following %s: %d entries, %v", what, len(batch), failed)
	}
}

// state is what became of the provider, its people and its group, as text that is the same in each run.
func (d *bigDeletion) state() string {
	d.Helper()
	ctx, as := d.Context(), d.Service.As(d.Admin)
	if _, err := as.Providers.ByID(ctx, d.Provider.ID); !directory.IsKind(err, directory.NotFound) {
		d.Errorf("the provider: %v", err)
	}
	var out strings.Builder
	people := map[string]int{}
	for _, id := range d.people {
		v, err := as.Users.ByID(ctx, id)
		if err != nil {
			d.Fatal(err)
		}
		es, err := d.Service.Log.Entries(ctx, d.Admin.Tenant, directory.LogQuery{User: id, Count: 10})
		if err != nil {
			d.Fatal(err)
		}
		var actions []directory.Action
		for _, e := range es {
			actions = append(actions, e.Action)
		}
		people[fmt.Sprint(v.Provider, v.ScimID, v.Active, len(v.Groups), v.Version, actions)]++
	}
	fmt.Fprintln(&out, people)
	archived, err := as.Providers.Deleted(ctx)
	fmt.Fprintln(&out, len(archived), err)
	kept := map[directory.UserID]bool{}
	for after, members := "", 0; ; {
		pages, err := d.ports.Providers.ArchivePages(ctx, d.Admin.Tenant, d.Provider.ID, after, 10)
		if err != nil {
			d.Fatal(err)
		}
		for _, page := range pages {
			after = page.Key
			members += len(page.Members)
			for _, a := range page.Users {
				kept[a.ID] = true
			}
		}
		if len(pages) == 0 {
			if len(kept) != len(d.people) || members != len(d.people) {
				d.Errorf("the archive has %d people and %d members of %d", len(kept), members, len(d.people))
			}
			break
		}
	}
	left, err := d.Service.Log.Entries(ctx, d.Admin.Tenant, directory.LogQuery{Provider: "", Count: 20})
	if err != nil {
		d.Fatal(err)
	}
	var last []directory.Action
	for _, e := range left {
		last = append(last, e.Action)
	}
	slices.Sort(last)
	fmt.Fprintln(&out, last)
	return out.String()
}
