package entra_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	messages   = "urn:ietf:params:scim:api:messages:2.0:"
)

// server is a small SCIM server that supports only what the job sends and is correct unless spoil is set. It is its own
// transport, so that tests need no network and can run it within testing/synctest.
type server struct {
	mu      sync.Mutex
	issued  int
	records map[string][]object // by endpoint, in order of creation
	// spoil names one deliberate fault.
	spoil string
	// refuse may refuse a request before it is handled; lose may drop the response of a request that was handled.
	refuse func(*http.Request) *refusal
	lose   func(*http.Request) bool
	bodies []string // of writes, in order of arrival
}

type object = map[string]any

type refusal struct {
	status     int
	retryAfter string
}

var errLost = errors.New("connection reset")

// RoundTrip implements http.RoundTripper.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ServeHTTP(w, r)
	if s.lose != nil && s.lose(r) {
		return nil, errLost
	}
	return w.Result(), nil
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.records == nil {
		s.records = map[string][]object{"Users": {}, "Groups": {}}
	}
	if s.refuse != nil {
		if no := s.refuse(r); no != nil {
			w.Header().Set("Retry-After", no.retryAfter)
			fault(w, no.status, "", "refused")
			return
		}
	}
	data, _ := io.ReadAll(r.Body)
	if len(data) > 0 {
		s.bodies = append(s.bodies, string(data))
	}
	var body object
	_ = json.Unmarshal(data, &body)
	endpoint, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/scim/"), "/")
	switch {
	case r.Header.Get("Authorization") != "Bearer good":
		fault(w, 401, "", "wrong token")
	case r.Method == http.MethodPost:
		s.create(w, endpoint, body)
	case id == "":
		s.list(w, r, endpoint)
	default:
		s.one(w, r, endpoint, id, body)
	}
}

func (s *server) find(endpoint, id string) int {
	return slices.IndexFunc(s.records[endpoint], func(o object) bool { return o["id"] == id })
}

func (s *server) taken(endpoint string, o object) bool {
	key := map[string]string{"Users": "userName", "Groups": "displayName"}[endpoint]
	return slices.ContainsFunc(s.records[endpoint], func(other object) bool {
		return other["id"] != o["id"] && strings.EqualFold(other[key].(string), o[key].(string))
	})
}

func (s *server) create(w http.ResponseWriter, endpoint string, o object) {
	if s.taken(endpoint, o) {
		fault(w, 409, "uniqueness", "taken")
		return
	}
	s.issued++
	o["id"] = fmt.Sprintf("r%d", s.issued)
	delete(o, "roles")
	if ext, ok := o[enterprise].(object); ok && s.spoil == "forget the department" {
		delete(ext, "department")
	}
	if s.spoil == "shout names" && endpoint == "Users" {
		o["displayName"] = strings.ToUpper(fmt.Sprint(o["displayName"]))
	}
	s.records[endpoint] = append(s.records[endpoint], o)
	if s.spoil == "ghosts" && s.issued == 5 {
		ghost := clone(o)
		ghost["id"], ghost["userName"] = "ghost", "ghost@elsewhere.example"
		s.records[endpoint] = append(s.records[endpoint], ghost)
	}
	w.Header().Set("Location", "/"+fmt.Sprint(o["id"]))
	reply(w, 201, o)
}

func (s *server) one(w http.ResponseWriter, r *http.Request, endpoint, id string, body object) {
	i := s.find(endpoint, id)
	if i < 0 {
		fault(w, 404, "", "unknown")
		return
	}
	switch r.Method {
	case http.MethodGet:
		reply(w, 200, s.show(s.records[endpoint][i], r))
	case http.MethodDelete:
		if s.spoil != "keep the deleted" {
			s.records[endpoint] = slices.Delete(s.records[endpoint], i, i+1)
			s.unlink(id)
		}
		w.WriteHeader(204)
	case http.MethodPatch:
		changed := maps.Clone(s.records[endpoint][i])
		if endpoint == "Users" {
			changed = clone(changed) // a refused change must leave nothing behind
		}
		for _, op := range body["Operations"].([]any) {
			s.apply(changed, op.(object))
		}
		if s.taken(endpoint, changed) {
			fault(w, 409, "uniqueness", "taken")
			return
		}
		s.records[endpoint][i] = changed
		w.WriteHeader(204)
	}
}

// unlink removes memberships of and manager references to a deleted record.
func (s *server) unlink(id string) {
	for _, g := range s.records["Groups"] {
		if s.spoil != "dangling members" {
			members, _ := g["members"].([]any)
			g["members"] = slices.DeleteFunc(members, func(m any) bool { return m.(object)["value"] == id })
		}
	}
	for _, u := range s.records["Users"] {
		if ext, _ := u[enterprise].(object); ext != nil && s.manager(u) == id {
			delete(ext, "manager")
		}
	}
}

func (s *server) manager(u object) string {
	ext, _ := u[enterprise].(object)
	m, _ := ext["manager"].(object)
	v, _ := m["value"].(string)
	return v
}

var (
	byFilter = regexp.MustCompile(`^members\[value eq "(.*)"\]$`)
	typed    = regexp.MustCompile(`^(\w+)\[type eq "(\w+)"\]\.(\w+)$`)
)

func (s *server) apply(o, op object) {
	kind, path, value := strings.ToLower(op["op"].(string)), fmt.Sprint(op["path"]), op["value"]
	if op["path"] == nil {
		for key, v := range value.(object) {
			s.set(o, key, v)
		}
		return
	}
	if m := byFilter.FindStringSubmatch(path); m != nil {
		s.removeMembers(o, []any{object{"value": m[1]}})
		return
	}
	switch {
	case path == "members" && kind == "add":
		s.addMembers(o, value.([]any))
	case path == "members" && s.spoil == "remove means all":
		o["members"] = []any{}
	case path == "members":
		s.removeMembers(o, value.([]any))
	case kind == "remove":
		s.set(o, path, nil)
	default:
		s.set(o, path, value)
	}
}

func (s *server) addMembers(o object, values []any) {
	members, _ := o["members"].([]any)
	for i, v := range values {
		id := v.(object)["value"]
		if s.spoil == "drop a member" && i == 1 {
			continue
		}
		if !holds(object{"members": members}, id) {
			members = append(members, object{"value": id})
		}
	}
	o["members"] = members
}

func (s *server) removeMembers(o object, values []any) {
	members, _ := o["members"].([]any)
	for _, v := range values {
		members = slices.DeleteFunc(members, func(m any) bool { return m.(object)["value"] == v.(object)["value"] })
	}
	o["members"] = members
}

func (s *server) set(o object, path string, value any) {
	if ext, ok := strings.CutPrefix(path, enterprise+":"); ok {
		if ext == "manager" {
			if s.spoil == "ignore the manager" {
				return
			}
			if id, ok := value.(string); ok && id != "" {
				value = object{"value": id}
			} else if ok {
				value = nil
			}
		}
		o[enterprise].(object)[ext] = value
		return
	}
	if m := typed.FindStringSubmatch(path); m != nil {
		elements, _ := o[m[1]].([]any)
		for _, e := range elements {
			if e.(object)["type"] == m[2] {
				e.(object)[m[3]] = value
				return
			}
		}
		o[m[1]] = append(elements, object{"type": m[2], m[3]: value})
		return
	}
	if parent, sub, ok := strings.Cut(path, "."); ok {
		o[parent].(object)[sub] = value
		return
	}
	if path == "active" {
		if s.spoil == "lose a disable" {
			return
		}
		if text, ok := value.(string); ok && s.spoil != "text booleans" {
			value = strings.EqualFold(text, "true")
		}
	}
	o[path] = value
}

var (
	equals    = regexp.MustCompile(`^(\w+) eq (".*")$`)
	reference = regexp.MustCompile(`^id eq (".*") and (\w+) eq (".*")$`)
)

func (s *server) list(w http.ResponseWriter, r *http.Request, endpoint string) {
	q := r.URL.Query()
	hits := s.records[endpoint]
	if f := q.Get("filter"); f != "" {
		if s.spoil == "404 for nothing" {
			fault(w, 404, "", "nothing found")
			return
		}
		hits = nil
		match := s.matcher(f)
		for _, o := range s.records[endpoint] {
			if match(o) {
				hits = append(hits, o)
			}
		}
	}
	start, count := 1, 100
	if n, err := strconv.Atoi(q.Get("startIndex")); err == nil {
		start = n
	}
	if n, err := strconv.Atoi(q.Get("count")); err == nil {
		count = n
	}
	total := len(hits)
	page := hits[min(start-1, total):min(start-1+count, total)]
	shown := make([]any, 0, len(page))
	for _, o := range page {
		shown = append(shown, s.show(o, r))
	}
	switch {
	case s.spoil == "total of the page" && count > 1:
		total = len(page)
	case s.spoil == "short pages" && len(page) > 10:
		shown = shown[:10]
	case s.spoil == "repeat a record" && start > 1 && len(shown) > 0:
		shown[0] = s.show(hits[0], r)
	}
	reply(w, 200,
		object{"schemas": []string{messages + "ListResponse"}, "totalResults": total, "startIndex": start, "itemsPerPage": len(shown),
			"Resources": shown})
}

func (s *server) matcher(filter string) func(object) bool {
	if m := reference.FindStringSubmatch(filter); m != nil {
		id, attribute, value := unquote(m[1]), m[2], unquote(m[3])
		return func(o object) bool {
			switch {
			case o["id"] != id:
				return false
			case attribute == "manager":
				return s.manager(o) == value
			}
			return holds(o, value)
		}
	}
	m := equals.FindStringSubmatch(filter)
	if m == nil {
		return func(object) bool { return false }
	}
	value := unquote(m[2])
	return func(o object) bool {
		text, _ := o[m[1]].(string)
		return strings.EqualFold(text, value)
	}
}

func holds(group object, id any) bool {
	members, _ := group["members"].([]any)
	return slices.ContainsFunc(members, func(m any) bool { return m.(object)["value"] == id })
}

func unquote(literal string) string {
	var s string
	_ = json.Unmarshal([]byte(literal), &s)
	return s
}

// show projects a record; it includes groups only when requested.
func (s *server) show(o object, r *http.Request) object {
	q := r.URL.Query()
	switch q.Get("attributes") {
	case "id":
		return object{"id": o["id"]}
	case "groups":
		groups := []any{}
		for _, g := range s.records["Groups"] {
			if s.spoil != "no way back" && holds(g, o["id"]) {
				groups = append(groups, object{"value": g["id"]})
			}
		}
		return object{"id": o["id"], "groups": groups}
	}
	if q.Get("excludedAttributes") == "members" && s.spoil != "members all the same" {
		o = maps.Clone(o)
		delete(o, "members")
	}
	return o
}

func clone(o object) object {
	data, _ := json.Marshal(o)
	var c object
	_ = json.Unmarshal(data, &c)
	return c
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func fault(w http.ResponseWriter, status int, kind, text string) {
	reply(w, status, object{"schemas": []string{messages + "Error"}, "status": fmt.Sprint(status), "scimType": kind, "detail": text})
}
