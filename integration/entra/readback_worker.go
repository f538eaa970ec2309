package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	bulkURN   = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	maxPeople = 30 // of a worker
	maxGroups = 6
)

// readBackWorker writes to its own people and groups, one request at a time.
type readBackWorker struct {
	run    *readBackRun
	r      *rand.Rand
	client *client
	name   string
	issued int
	users  []*modelUser
	groups []*modelGroup
	gone   []string // ids of deleted users
}

func (w *readBackWorker) work(ctx context.Context) error {
	for w.run.next() {
		if err := w.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step makes one write and reads back what it wrote.
func (w *readBackWorker) step(ctx context.Context) error {
	switch {
	case len(w.users) < 3 || len(w.users) < maxPeople && chance(w.r, 20):
		return w.createUser(ctx)
	case len(w.groups) == 0 || len(w.groups) < maxGroups && chance(w.r, 40):
		return w.createGroup(ctx)
	case chance(w.r, 60):
		return w.deleteUser(ctx)
	case chance(w.r, 200):
		return w.deleteGroup(ctx)
	case chance(w.r, 10):
		return w.refused(ctx)
	case chance(w.r, 6):
		return w.put(ctx)
	case chance(w.r, 2):
		return w.patchUser(ctx)
	}
	return w.patchGroup(ctx)
}

// word returns a new text: letters, an umlaut, quotes, so that values have to be kept as they are.
func (w *readBackWorker) word(prefix string) string {
	w.issued++
	return fmt.Sprintf("%s %s-%d%s", prefix, w.name, w.issued, pick(w.r, []string{"", " é", ` "q"`, " ß", " 名"}))
}

// request is one write. wants says whether the server has to accept it.
type request struct {
	form, method, path string
	body               any
	wants              bool
}

// send sends a write, sometimes within a Bulk request, and returns its status. A status of 503 or 429 is repeated.
func (w *readBackWorker) send(ctx context.Context, r request) (int, map[string]any, error) {
	if r.method == http.MethodDelete || !chance(w.r, 6) {
		return w.exchange(ctx, r.method, r.path, r.body)
	}
	operation := jsonObject{"method": r.method, "path": r.path, "data": r.body}
	if r.method == http.MethodPost {
		operation["bulkId"] = "one"
	}
	status, answer, err := w.exchange(ctx, http.MethodPost, "/Bulk", jsonObject{"schemas": []string{bulkURN}, "Operations": []any{operation}})
	if err != nil || status != http.StatusOK {
		return status, answer, err
	}
	results, _ := answer["Operations"].([]any)
	if len(results) != 1 {
		return 0, answer, nil
	}
	result, _ := results[0].(map[string]any)
	status, _ = strconv.Atoi(fmt.Sprint(result["status"]))
	location := fmt.Sprint(result["location"])
	return status, jsonObject{"id": location[strings.LastIndex(location, "/")+1:]}, nil
}

func (w *readBackWorker) exchange(ctx context.Context, method, path string, body any) (int, map[string]any, error) {
	payload, err := encode(body)
	if err != nil {
		return 0, nil, err
	}
	for attempt := 0; ; attempt++ {
		a, err := w.client.send(ctx, method, path, payload)
		if err != nil {
			return 0, nil, err
		}
		if pause, again := retryAfter(a); again && attempt < retries {
			select {
			case <-time.After(pause):
				continue
			case <-ctx.Done():
				return 0, nil, ctx.Err()
			}
		}
		var object map[string]any
		_ = json.Unmarshal(a.body, &object) // a body that is none has nothing to compare
		return a.status, object, nil
	}
}

// differ reports a discrepancy of a request.
func (w *readBackWorker) differ(r request, status int, what, want, got string) {
	text, err := encode(r.body)
	if err != nil {
		text = []byte(err.Error())
	}
	w.run.differ(Discrepancy{r.form, fmt.Sprintf("%s %s %.600s", r.method, r.path, text), status, what, want, got})
}

// judge counts a request and reports a status that is not the expected kind.
func (w *readBackWorker) judge(r request, status int, answer map[string]any) (accepted bool) {
	accepted = status >= 200 && status < 300
	w.run.note(func(rep *ReadBackReport) {
		for name := range strings.SplitSeq(r.form, " + ") {
			rep.Forms[name]++
		}
		switch {
		case accepted:
			rep.Writes++
		case !r.wants:
			rep.Refused++
		}
	})
	if accepted != r.wants || status >= 500 {
		want := map[bool]string{true: "2xx", false: "4xx"}[r.wants]
		w.differ(r, status, "status", want, fmt.Sprintf("%d %v", status, answer["detail"]))
	}
	return accepted
}

// write sends a write and reads back what it wrote: read compares the resource with the model after a success, or after a
// refusal, and returns its version. A request that can be repeated without effect sometimes is.
func (w *readBackWorker) write(
	ctx context.Context, r request, repeatable bool, read func(accepted bool, status int) (string, error),
) error {
	status, answer, err := w.send(ctx, r)
	if err != nil {
		return err
	}
	accepted := w.judge(r, status, answer) && r.wants
	version, err := read(accepted, status)
	if err != nil || !r.wants || !chance(w.r, 8) || !repeatable {
		return err
	}
	if _, _, err = w.send(ctx, r); err != nil {
		return err
	}
	w.run.note(func(rep *ReadBackReport) { rep.Repeated++ })
	again, err := read(accepted, status)
	if err == nil && again != version {
		w.differ(r, status, "version after the same request", version, again)
	}
	return err
}

// read reads a resource back and compares its state, as flat returns it, with the expected one. The record is nil if it
// was not found.
func (w *readBackWorker) read(
	ctx context.Context, path string, flat func(map[string]any) map[string]string, expected map[string]string, r request, written int,
) (record map[string]any, got map[string]string, err error) {
	status, record, err := w.exchange(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, nil, err
	}
	w.run.note(func(rep *ReadBackReport) { rep.Reads++ })
	if status != http.StatusOK {
		w.differ(r, written, "GET after it", "200", strconv.Itoa(status))
		return nil, nil, nil
	}
	got = flat(record)
	if what, wanted, found := differing(expected, got); what != "" {
		w.differ(r, written, what, wanted, found)
	}
	return record, got, nil
}

// versionOf returns meta.version of a record.
func versionOf(record map[string]any) string {
	meta, _ := record["meta"].(map[string]any)
	return fmt.Sprint(meta["version"])
}

// writeUser writes a user. u is the model before, want the model after a success, refused that after a refusal. The
// server's state becomes the model in any case, so that one fault is reported once.
func (w *readBackWorker) writeUser(ctx context.Context, u, want, refused *modelUser, r request) error {
	return w.write(ctx, r, true, func(accepted bool, status int) (string, error) {
		if accepted {
			return w.readUser(ctx, u, want, r, status)
		}
		return w.readUser(ctx, u, refused, r, status)
	})
}

// readUser compares the server's user with the expected one, adopts it, and returns its version.
func (w *readBackWorker) readUser(ctx context.Context, u, expected *modelUser, r request, written int) (string, error) {
	record, got, err := w.read(ctx, "/Users/"+u.id, flatUser, expected.flat(), r, written)
	if err != nil || record == nil {
		return "", err
	}
	w.groupsOf(u.id, record, r, written)
	*u = *expected
	u.adopt(got)
	return versionOf(record), nil
}

// groupsOf compares the groups that a user shows with those that have the user as a member.
func (w *readBackWorker) groupsOf(id string, record map[string]any, r request, written int) {
	var want, got []string
	for _, g := range w.groups {
		if g.members[id] {
			want = append(want, g.id)
		}
	}
	elements, _ := record["groups"].([]any)
	for _, e := range elements {
		element, _ := e.(map[string]any)
		got = append(got, fmt.Sprint(element["value"]))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		w.differ(r, written, "groups", fmt.Sprint(want), fmt.Sprint(got))
	}
}

// adopt takes over the state that the server shows.
func (u *modelUser) adopt(got map[string]string) {
	u.userName, u.active, u.manager = got["userName"], got["active"] == "true", got["manager"]
	u.texts, u.typed = map[string]string{}, map[string]string{}
	for name, value := range got {
		switch {
		case slices.Contains(textPaths, name):
			u.texts[name] = value
		case slices.Contains(typedPaths, name):
			u.typed[name] = value
		}
	}
}

// writeGroup is writeUser for a group, which a refusal leaves as it is.
func (w *readBackWorker) writeGroup(ctx context.Context, g, want *modelGroup, r request) error {
	before := g.copy()
	return w.write(ctx, r, !strings.Contains(r.form, "then added"), func(accepted bool, status int) (string, error) {
		if accepted {
			return w.readGroup(ctx, g, want, r, status)
		}
		return w.readGroup(ctx, g, before, r, status)
	})
}

func (w *readBackWorker) readGroup(ctx context.Context, g, expected *modelGroup, r request, written int) (string, error) {
	record, got, err := w.read(ctx, "/Groups/"+g.id, flatGroup, expected.flat(), r, written)
	if err != nil || record == nil {
		return "", err
	}
	g.displayName, g.externalId, g.members = got["displayName"], got["externalId"], map[string]bool{}
	for _, id := range strings.Fields(got["members"]) {
		g.members[id] = true
	}
	return versionOf(record), nil
}

// someone returns a random user, and some a few of them, at least one.
func (w *readBackWorker) someone() *modelUser { return pick(w.r, w.users) }

func (w *readBackWorker) some(from []string, most int) []string {
	chosen := map[string]bool{}
	for range 1 + w.r.IntN(most) {
		chosen[pick(w.r, from)] = true
	}
	return slices.Sorted(maps.Keys(chosen))
}

func (w *readBackWorker) userIDs() []string {
	out := make([]string, len(w.users))
	for i, u := range w.users {
		out[i] = u.id
	}
	return out
}
