package entra

import (
	"context"
	"fmt"
	"net/url"
)

// manyMembers is the number of members above which a batch is read back with a query for each of its members, instead
// of all members of the group.
const manyMembers = 500

func (j *Job) differ(object, attribute, want, got string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.running.Differences = append(j.running.Differences, Difference{object, attribute + " (read back)", want, got})
}

// readUser reads a user back after a write.
func (j *Job) readUser(ctx context.Context, p Person, id string) error {
	if !j.ReadBack {
		return nil
	}
	record, err := j.client.get(ctx, OpReadBack, "/Users/"+url.PathEscape(id))
	if err != nil {
		return err
	}
	for _, d := range differences(p, record) {
		j.differ(p.ObjectID, d.path, d.value, first(read(record, d.path)))
	}
	if active, ok := record["active"].(bool); !ok || active != p.Active() {
		j.differ(p.ObjectID, "active", fmt.Sprint(p.Active()), fmt.Sprint(record["active"]))
	}
	return nil
}

// readManager reads a user back whose manager was set or cleared.
func (j *Job) readManager(ctx context.Context, r reference) error {
	if !j.ReadBack {
		return nil
	}
	record, err := j.client.get(ctx, OpReadBack, "/Users/"+url.PathEscape(r.link.id))
	if err != nil {
		return err
	}
	if got := readManager(record); got != r.managerID {
		j.differ(r.object, "manager", r.managerID, got)
	}
	return nil
}

// readGroup reads a group back that was created or renamed.
func (j *Job) readGroup(ctx context.Context, g Group, id string) error {
	if !j.ReadBack {
		return nil
	}
	record, err := j.client.get(ctx, OpReadBack, "/Groups/"+url.PathEscape(id)+"?excludedAttributes=members")
	if err != nil {
		return err
	}
	for path, want := range map[string]string{"displayName": g.DisplayName, "externalId": g.ObjectID} {
		if got := first(read(record, path)); got != want {
			j.differ(g.ObjectID, path, want, got)
		}
	}
	return nil
}

// readMembers reads back whether the users of a batch are members, or no longer are.
func (j *Job) readMembers(ctx context.Context, b batch, ids []string) error {
	if !j.ReadBack {
		return nil
	}
	member := map[string]bool{}
	if len(b.link.sent) > manyMembers && !b.all {
		for _, id := range ids {
			held, err := j.holds(ctx, OpReadBack, "/Groups?"+filter("id eq %s and members eq %s", b.link.id, id)+"&attributes=id", b.link.id)
			if err != nil {
				return err
			}
			member[id] = held
		}
	} else {
		record, err := j.client.get(ctx, OpReadBack, "/Groups/"+url.PathEscape(b.link.id))
		if err != nil {
			return err
		}
		elements, _ := record["members"].([]any)
		for _, e := range elements {
			element, _ := e.(map[string]any)
			member[fmt.Sprint(element["value"])] = true
		}
	}
	if b.all && len(member) != len(ids) {
		j.differ(b.group, "members", fmt.Sprint(len(ids)), fmt.Sprint(len(member)))
	}
	for _, id := range ids {
		if member[id] == b.remove {
			j.differ(b.group, "members", fmt.Sprint(id, " ", !b.remove), fmt.Sprint(member[id]))
		}
	}
	return nil
}
