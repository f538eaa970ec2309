package entra

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// fingerprint identifies the state of a person that the user phase provisions.
func fingerprint(p Person) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%t", p.Active())
	for _, m := range userMappings {
		fmt.Fprintf(&b, "\x00%s", m.source(p))
	}
	return b.String()
}

// people creates, updates, disables and restores users.
func (j *Job) people(ctx context.Context, d *Directory) error {
	var due []Person
	for _, p := range d.People {
		if link := j.users[p.ObjectID]; link == nil || link.processed != fingerprint(p) {
			due = append(due, p)
		}
	}
	return each(ctx, j, "users", due, func(p Person) string { return p.ObjectID }, j.syncUser)
}

// syncUser provisions one person: a linked one is read by id and patched, another one is matched first and created when
// the query finds no record.
func (j *Job) syncUser(ctx context.Context, p Person) error {
	link := j.user(p.ObjectID)
	var record map[string]any
	var err error
	if link != nil && link.id != "" {
		record, err = j.client.get(ctx, OpUserRead, "/Users/"+url.PathEscape(link.id))
	} else {
		record, err = j.match(ctx, OpUserMatch, "/Users?"+filter("userName eq %s", userName(p)))
	}
	if err != nil {
		return err
	}
	if record == nil {
		if p.Active() {
			return j.createUser(ctx, p)
		}
		j.linkUser(p.ObjectID, &userLink{processed: fingerprint(p)}) // disabled people are never created
		return nil
	}
	if link == nil || link.id == "" {
		id, ok := record["id"].(string)
		if !ok || id == "" {
			return &Failure{Operation: OpUserMatch, Code: incompatible, Status: http.StatusOK, Detail: "a user without id"}
		}
		link = &userLink{id: id, managerID: readManager(record)}
		j.linkUser(p.ObjectID, link)
		j.count("users matched", 1)
	}
	if err := j.updateUser(ctx, p, link, record); err != nil {
		return err
	}
	link.processed = fingerprint(p)
	return nil
}

// match runs a matching query. It returns nil without a hit, and a failure with more than one.
func (j *Job) match(ctx context.Context, op Operation, query string) (map[string]any, error) {
	p, err := j.client.list(ctx, op, query)
	switch {
	case err != nil:
		return nil, err
	case p.total != len(p.resources):
		return nil,
			&Failure{Operation: op, Code: incompatible, Status: http.StatusOK,
				Detail: fmt.Sprintf("totalResults %d with %d resources", p.total, len(p.resources))}
	case p.total == 0:
		return nil, nil
	case p.total > 1:
		return nil,
			&Failure{Operation: op, Code: "DuplicateTargetEntries", Status: http.StatusOK, Detail: fmt.Sprintf("%d records match", p.total)}
	}
	return p.resources[0], nil
}

func (j *Job) createUser(ctx context.Context, p Person) error {
	a, err := j.client.call(ctx, OpUserCreate, http.MethodPost, "/Users", createBody(p), http.StatusCreated)
	if err != nil {
		return err
	}
	record, err := a.decode(OpUserCreate)
	if err != nil {
		return err
	}
	id, _ := record["id"].(string)
	if id == "" || a.header.Get("Location") == "" || record["userName"] != userName(p) {
		return &Failure{Operation: OpUserCreate, Code: incompatible, Status: a.status,
			Detail: "the created user lacks id or Location, or its userName is not the one sent"}
	}
	j.linkUser(p.ObjectID, &userLink{id: id, processed: fingerprint(p)})
	j.count("users created", 1)
	return j.readUser(ctx, p, id)
}

// updateUser patches the differing attributes; without a difference it sends nothing.
func (j *Job) updateUser(ctx context.Context, p Person, link *userLink, record map[string]any) error {
	changes := differences(p, record)
	if j.Dialect == Okta && len(changes) > 0 {
		return j.pushUser(ctx, p, link, record)
	}
	operations := j.Dialect.attributes(changes)
	op, counter := OpUserUpdate, "users updated"
	if active, _ := record["active"].(bool); active != p.Active() {
		operations = append(operations, j.Dialect.active(p.Active()))
		op, counter = OpUserDisable, "users disabled"
		if p.Active() {
			op, counter = OpUserRestore, "users restored"
		}
	}
	if len(operations) == 0 {
		return nil
	}
	_, err := j.client.call(ctx, op, http.MethodPatch, "/Users/"+url.PathEscape(link.id), patch(operations...), http.StatusOK,
		http.StatusNoContent)
	if err != nil {
		return err
	}
	j.count(counter, 1)
	return j.readUser(ctx, p, link.id)
}

// pushUser replaces the whole user with PUT, as Okta does when a profile has changed.
func (j *Job) pushUser(ctx context.Context, p Person, link *userLink, record map[string]any) error {
	body := createBody(p)
	body["id"] = link.id
	if manager := readManager(record); manager != "" {
		extension, _ := body[enterpriseURN].(map[string]any)
		extension["manager"] = map[string]any{"value": manager}
	}
	if _, err := j.client.call(ctx, OpUserUpdate, http.MethodPut, "/Users/"+url.PathEscape(link.id), body, http.StatusOK); err != nil {
		return err
	}
	j.count("users updated", 1)
	return j.readUser(ctx, p, link.id)
}

// reference is a manager to set or, with an empty managerID, to clear.
type reference struct {
	object, managerID string
	link              *userLink
}

// managers sends the references after the people exist. A manager who is not on the server is not sent.
func (j *Job) managers(ctx context.Context, d *Directory) error {
	var due []reference
	for _, p := range d.People {
		link := j.users[p.ObjectID]
		if link == nil || link.id == "" {
			continue
		}
		managerID := ""
		if p.Manager != "" {
			manager := j.users[p.Manager]
			if manager == nil || manager.id == "" {
				continue
			}
			managerID = manager.id
		}
		if managerID != link.managerID {
			due = append(due, reference{p.ObjectID, managerID, link})
		}
	}
	return each(ctx, j, "managers", due, func(r reference) string { return r.object }, j.syncManager)
}

func (j *Job) syncManager(ctx context.Context, r reference) error {
	if r.managerID != "" {
		held, err := j.holds(ctx, OpManagerCheck, "/Users?"+filter("id eq %s and manager eq %s", r.link.id, r.managerID)+"&attributes=id",
			r.link.id)
		if err != nil {
			return err
		}
		if held {
			r.link.managerID = r.managerID
			return nil
		}
	}
	body := patch(j.Dialect.manager(r.managerID, r.link.managerID != ""))
	if _, err := j.client.call(ctx, OpManagerUpdate, http.MethodPatch, "/Users/"+url.PathEscape(r.link.id), body, http.StatusOK,
		http.StatusNoContent); err != nil {
		return err
	}
	r.link.managerID = r.managerID
	j.count("managers set", 1)
	return j.readManager(ctx, r)
}

// holds reports whether the record with the id matches a reference query. Any other record in the response is a failure.
func (j *Job) holds(ctx context.Context, op Operation, query, id string) (bool, error) {
	record, err := j.match(ctx, op, query)
	if err != nil || record == nil {
		return false, err
	}
	if record["id"] != id {
		return false, &Failure{Operation: op, Code: incompatible, Status: http.StatusOK, Detail: "a reference query found another record"}
	}
	return true, nil
}
