package entra

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// groupObjects creates and renames groups, without their members.
func (j *Job) groupObjects(ctx context.Context, d *Directory) error {
	var due []Group
	for _, g := range d.Groups {
		if link := j.groups[g.ObjectID]; link == nil || link.processed != g.DisplayName {
			due = append(due, g)
		}
	}
	return each(ctx, j, "groups", due, func(g Group) string { return g.ObjectID }, j.syncGroup)
}

func (j *Job) syncGroup(ctx context.Context, g Group) error {
	j.mu.Lock()
	link := j.groups[g.ObjectID]
	j.mu.Unlock()
	var record map[string]any
	var err error
	if link != nil {
		record, err = j.client.get(ctx, OpGroupRead, "/Groups/"+url.PathEscape(link.id)+"?excludedAttributes=members")
	} else {
		record, err = j.match(ctx, OpGroupMatch, "/Groups?excludedAttributes=members&"+filter("displayName eq %s", g.DisplayName))
	}
	switch {
	case err != nil:
		return err
	case record == nil:
		return j.createGroup(ctx, g)
	case record["members"] != nil:
		return &Failure{Operation: OpGroupMatch, Code: "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse", Status: http.StatusOK,
			Detail: "the response has members although they were excluded"}
	}
	if link == nil {
		id, _ := record["id"].(string)
		link = &groupLink{id: id, sent: map[string]bool{}}
		j.linkGroup(g.ObjectID, link)
		j.count("groups matched", 1)
	}
	var changes []difference
	for _, m := range []struct{ path, want string }{{"displayName", g.DisplayName}, {"externalId", g.ObjectID}} {
		if got, found := read(record, m.path); got != m.want {
			changes = append(changes, difference{m.path, m.want, found})
		}
	}
	if len(changes) > 0 {
		if _, err := j.client.call(ctx, OpGroupUpdate, http.MethodPatch, "/Groups/"+url.PathEscape(link.id),
			patch(j.Dialect.groupAttributes(link.id, changes)...), http.StatusOK, http.StatusNoContent); err != nil {
			return err
		}
		j.count("groups updated", 1)
		if err := j.readGroup(ctx, g, link.id); err != nil {
			return err
		}
	}
	link.processed = g.DisplayName
	return nil
}

func (j *Job) createGroup(ctx context.Context, g Group) error {
	a, err := j.client.call(ctx, OpGroupCreate, http.MethodPost, "/Groups", j.Dialect.createGroup(g), http.StatusCreated)
	if err != nil {
		return err
	}
	record, err := a.decode(OpGroupCreate)
	if err != nil {
		return err
	}
	id, _ := record["id"].(string)
	if id == "" || a.header.Get("Location") == "" || record["displayName"] != g.DisplayName {
		return &Failure{Operation: OpGroupCreate, Code: incompatible, Status: a.status,
			Detail: "the created group lacks id or Location, or its displayName is not the one sent"}
	}
	j.linkGroup(g.ObjectID, &groupLink{id: id, processed: g.DisplayName, sent: map[string]bool{}})
	j.count("groups created", 1)
	return j.readGroup(ctx, g, id)
}

func (j *Job) linkGroup(object string, link *groupLink) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.groups[object] = link
}

// batch is one PATCH of members.
type batch struct {
	group   string // object id
	link    *groupLink
	objects []string
	remove  bool
	all     bool     // the objects are all members the group shall have
	gone    []string // with all, the former members among those sent
}

// pushedMembers is how many members Okta's push of a whole group holds here at most; larger groups get their changes.
const pushedMembers = 1000

// members sends the changed memberships of people who are on the server, in batches and for all groups in parallel, so
// that concurrent requests change the same group.
func (j *Job) members(ctx context.Context, d *Directory) error {
	var due []batch
	for _, g := range d.Groups {
		link := j.groups[g.ObjectID]
		if link == nil {
			continue
		}
		var add, remove []string
		wanted := make(map[string]bool, len(g.Members))
		for _, object := range g.Members {
			user := j.users[object]
			if user == nil || user.id == "" {
				continue
			}
			wanted[object] = true
			if !link.sent[object] {
				add = append(add, object)
			}
		}
		for object := range link.sent {
			if !wanted[object] {
				remove = append(remove, object)
			}
		}
		slices.Sort(remove)
		if j.Dialect == Okta && len(add)+len(remove) > 0 && len(wanted) <= pushedMembers {
			due = append(due, batch{group: g.ObjectID, link: link, objects: slices.Sorted(maps.Keys(wanted)), all: true, gone: remove})
			continue
		}
		for objects := range slices.Chunk(add, j.MemberBatch) {
			due = append(due, batch{group: g.ObjectID, link: link, objects: objects})
		}
		for objects := range slices.Chunk(remove, j.MemberBatch) {
			due = append(due, batch{group: g.ObjectID, link: link, objects: objects, remove: true})
		}
	}
	return each(ctx, j, "members", due, func(b batch) string { return b.group }, j.syncMembers)
}

// syncMembers sends one batch. It sends the documented reference query only for the first member to add: for every
// member it would double the requests of a cycle, and not every real job sends it.
func (j *Job) syncMembers(ctx context.Context, b batch) error {
	ids := make([]string, len(b.objects))
	for i, object := range b.objects {
		ids[i] = j.user(object).id
	}
	op, operations, counter := OpMembersRemove, j.Dialect.removeMembers(ids), "members removed"
	switch {
	case b.all:
		op, counter = OpMembersAdd, "members added"
		operations = []operation{{Op: "replace", Value: map[string]any{"id": b.link.id, "members": plainMembers(ids)}}}
		j.count("members removed", len(b.gone))
	case !b.remove:
		held, err := j.holds(ctx, OpMemberCheck, "/Groups?"+filter("id eq %s and members eq %s", b.link.id, ids[0])+"&attributes=id", b.link.id)
		if err != nil {
			return err
		}
		if held {
			ids = ids[1:]
		}
		op, operations, counter = OpMembersAdd, j.Dialect.addMembers(ids), "members added"
	}
	if len(ids) > 0 || b.all {
		if _, err := j.client.call(ctx, op, http.MethodPatch, "/Groups/"+url.PathEscape(b.link.id), patch(operations...), http.StatusOK,
			http.StatusNoContent); err != nil {
			return err
		}
		j.count(counter, len(ids))
		if err := j.readMembers(ctx, b, ids); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, object := range b.objects {
		if b.remove {
			delete(b.link.sent, object)
		} else {
			b.link.sent[object] = true
		}
	}
	for _, object := range b.gone {
		delete(b.link.sent, object)
	}
	return nil
}

// summary renders the counts of a cycle, largest first.
func (c Cycle) summary() string {
	names := make([]string, 0, len(c.Counts))
	for name := range c.Counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if c.Counts[a] != c.Counts[b] {
			return c.Counts[b] - c.Counts[a]
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", c.Counts[name], name))
	}
	if parts == nil {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}
