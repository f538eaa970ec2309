package entra

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Difference is one difference between the server and the directory. Object is an object id of the directory or, for
// records that should not exist, the id on the server.
type Difference struct {
	Object    string `json:"object,omitempty"`
	Attribute string `json:"attribute"`
	Want      string `json:"want"`
	Got       string `json:"got"`
}

// String renders the difference on one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s %s: want %q, got %q", d.Object, d.Attribute, d.Want, d.Got)
}

// Census counts the users and groups on a server that do not belong to a population.
type Census struct {
	Users  int `json:"users"`
	Groups int `json:"groups"`
}

// pageSize is the page size of the comparison; bigGroup is the number of members above which a server may refuse to list
// them in one response.
const (
	pageSize = 200
	bigGroup = 10000
)

// CountOthers crawls the server and counts the records that do not belong to the directory's population. Call it before
// the first cycle.
func (j *Job) CountOthers(ctx context.Context, d *Directory) (Census, error) {
	j.start()
	c := &comparison{job: j, directory: d}
	users, err := c.crawl(ctx, "/Users", "attributes=userName")
	if err != nil {
		return Census{}, err
	}
	groups, err := c.crawl(ctx, "/Groups", "attributes=displayName")
	if err != nil {
		return Census{}, err
	}
	var census Census
	for _, u := range users {
		if name, _ := u["userName"].(string); !d.OwnsUser(name) {
			census.Users++
		}
	}
	for _, g := range groups {
		if name, _ := g["displayName"].(string); !d.OwnsGroup(name) {
			census.Groups++
		}
	}
	return census, nil
}

// Compare crawls the whole server by index paging and compares every mapped attribute, active, managers, memberships in
// both directions, and the totals with the directory. It relies on nothing that the job remembers. others counts the
// server's other records; they must not change meanwhile, or the totals differ. The result is empty if all is equal.
func (j *Job) Compare(ctx context.Context, d *Directory, others Census) ([]Difference, error) {
	j.start()
	c := &comparison{job: j, directory: d, ids: map[string]string{}, objects: map[string]string{}}
	if err := c.users(ctx, others.Users); err != nil {
		return nil, err
	}
	if err := c.groups(ctx, others.Groups); err != nil {
		return nil, err
	}
	if err := c.reverse(ctx); err != nil {
		return nil, err
	}
	return c.found, nil
}

type comparison struct {
	job       *Job
	directory *Directory
	ids       map[string]string // object id to SCIM id, users and groups
	objects   map[string]string // SCIM id to object id

	mu    sync.Mutex // guards found; the maps are complete before workers read them
	found []Difference
}

func (c *comparison) differ(object, attribute, want, got string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = append(c.found, Difference{object, attribute, want, got})
}

// crawl reads all pages of an endpoint in sequence. It reports pages that are too short, begin at another index than the
// requested one, or repeat a record.
func (c *comparison) crawl(ctx context.Context, endpoint, query string) ([]map[string]any, error) {
	var all []map[string]any
	seen := map[string]bool{}
	if query != "" {
		query = "&" + query
	}
	for total := -1; total < 0 || len(all) < total; {
		p, err := c.job.client.list(ctx, OpList, fmt.Sprintf("%s?startIndex=%d&count=%d%s", endpoint, len(all)+1, pageSize, query))
		if err != nil {
			return nil, err
		}
		if total >= 0 && p.total != total {
			c.differ("", endpoint+" totalResults", fmt.Sprint(total), fmt.Sprint(p.total))
		}
		total = p.total
		want := min(pageSize, total-len(all))
		if len(p.resources) != want || p.items != want || p.start != len(all)+1 {
			c.differ("", endpoint+" page", fmt.Sprintf("%d resources from %d", want, len(all)+1),
				fmt.Sprintf("%d resources, itemsPerPage %d, startIndex %d", len(p.resources), p.items, p.start))
		}
		if len(p.resources) == 0 {
			break
		}
		for _, r := range p.resources {
			id, _ := r["id"].(string)
			if id == "" || seen[id] {
				c.differ(id, endpoint+" page", "every record once", "a record twice or without id")
			}
			seen[id] = true
		}
		all = append(all, p.resources...)
	}
	return all, nil
}

func (c *comparison) users(ctx context.Context, others int) error {
	records, err := c.crawl(ctx, "/Users", "")
	if err != nil {
		return err
	}
	byName := map[string]map[string]any{}
	for _, r := range records {
		name, _ := r["userName"].(string)
		if c.directory.OwnsUser(name) {
			byName[name] = r
		}
	}
	var expected []Person
	for _, p := range c.directory.People {
		if !p.Seen {
			continue // never active: must not exist; if it does, it is reported below
		}
		expected = append(expected, p)
		if r := byName[userName(p)]; r != nil {
			id, _ := r["id"].(string)
			c.ids[p.ObjectID], c.objects[id] = id, p.ObjectID
		}
	}
	for _, p := range expected {
		name := userName(p)
		if record := byName[name]; record != nil {
			c.user(p, record)
			delete(byName, name)
		} else {
			c.differ(p.ObjectID, "user", "exists", "missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		c.differ(fmt.Sprint(byName[name]["id"]), "user", "missing", "exists")
	}
	if want := others + len(expected); len(records) != want {
		c.differ("", "/Users total", fmt.Sprint(want), fmt.Sprint(len(records)))
	}
	return nil
}

func (c *comparison) user(p Person, record map[string]any) {
	for _, m := range userMappings {
		if want, got := m.source(p), first(read(record, m.path)); want != got {
			c.differ(p.ObjectID, m.path, want, got)
		}
	}
	if active, ok := record["active"].(bool); !ok || active != p.Active() {
		c.differ(p.ObjectID, "active", fmt.Sprint(p.Active()), fmt.Sprint(record["active"]))
	}
	if want, got := c.ids[p.Manager], readManager(record); want != got {
		c.differ(p.ObjectID, "manager", want, got)
	}
}

func first(text string, _ bool) string { return text }

func (c *comparison) groups(ctx context.Context, others int) error {
	records, err := c.crawl(ctx, "/Groups", "excludedAttributes=members")
	if err != nil {
		return err
	}
	byName := map[string]map[string]any{}
	for _, r := range records {
		name, _ := r["displayName"].(string)
		if c.directory.OwnsGroup(name) {
			byName[name] = r
		}
		if r["members"] != nil {
			c.differ(fmt.Sprint(r["id"]), "members", "excluded", "listed")
		}
	}
	var found []Group
	for _, g := range c.directory.Groups {
		record := byName[g.DisplayName]
		if record == nil {
			c.differ(g.ObjectID, "group", "exists", "missing")
			continue
		}
		delete(byName, g.DisplayName)
		if got := first(read(record, "externalId")); got != g.ObjectID {
			c.differ(g.ObjectID, "externalId", g.ObjectID, got)
		}
		id, _ := record["id"].(string)
		c.ids[g.ObjectID], c.objects[id] = id, g.ObjectID
		found = append(found, g)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		c.differ(fmt.Sprint(byName[name]["id"]), "group", "missing", "exists")
	}
	if want := others + len(c.directory.Groups); len(records) != want {
		c.differ("", "/Groups total", fmt.Sprint(want), fmt.Sprint(len(records)))
	}
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(c.job.Concurrency)
	for _, g := range found {
		workers.Go(func() error { return c.membersOf(ctx, g) })
	}
	return workers.Wait()
}

// members returns the SCIM ids that a group must hold: those of its members that are on the server.
func (c *comparison) members(g Group) map[string]bool {
	want := map[string]bool{}
	for _, object := range g.Members {
		if id := c.ids[object]; id != "" {
			want[id] = true
		}
	}
	return want
}

func (c *comparison) membersOf(ctx context.Context, g Group) error {
	want := c.members(g)
	record, err := c.job.client.get(ctx, OpMembersRead, "/Groups/"+url.PathEscape(c.ids[g.ObjectID]))
	var f *Failure
	if errors.As(err, &f) && f.Status == 400 && len(want) > bigGroup {
		return nil // too many to list: reverse compares these memberships
	}
	if err != nil {
		return err
	}
	got := map[string]bool{}
	elements, _ := record["members"].([]any)
	for _, e := range elements {
		element, _ := e.(map[string]any)
		value, _ := element["value"].(string)
		if got[value] {
			c.differ(g.ObjectID, "members", value+" once", "twice")
		}
		got[value] = true
	}
	c.differSets(g.ObjectID, "members", want, got)
	return nil
}

// differSets reports the ids that are in only one of the sets, as object ids where these are known.
func (c *comparison) differSets(object, attribute string, want, got map[string]bool) {
	name := func(id string) string {
		if o := c.objects[id]; o != "" {
			return o
		}
		return id
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if !got[id] {
			c.differ(object, attribute, name(id), "")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(got)) {
		if !want[id] {
			c.differ(object, attribute, "", name(id))
		}
	}
}

// reverse compares memberships as the users show them, in their attribute groups, which a list returns only on request.
func (c *comparison) reverse(ctx context.Context) error {
	records, err := c.crawl(ctx, "/Users", "attributes=groups")
	if err != nil {
		return err
	}
	want := map[string]map[string]bool{}
	for _, g := range c.directory.Groups {
		for member := range c.members(g) {
			if want[member] == nil {
				want[member] = map[string]bool{}
			}
			want[member][c.ids[g.ObjectID]] = true
		}
	}
	for _, r := range records {
		id, _ := r["id"].(string)
		object := c.objects[id]
		if object == "" {
			continue
		}
		got := map[string]bool{}
		elements, _ := r["groups"].([]any)
		for _, e := range elements {
			element, _ := e.(map[string]any)
			value, _ := element["value"].(string)
			got[value] = true
		}
		c.differSets(object, "groups", want[id], got)
	}
	return nil
}
