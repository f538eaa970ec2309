package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"rollcall/shared/casefold"
)

// kind is a kind of record that people refer to by name and the API by id.
type kind struct {
	word   string   // its name in messages
	list   string   // the operation that lists them
	items  string   // the member with the records; "": items
	read   string   // the operation that reads one; "": the list has them all
	names  []string // members with a name, in the order in which they are compared
	search bool     // the list can be searched
	latest bool     // the list begins with the newest, and "latest" stands for it
	sample string   // argument in examples
}

// kinds maps the name of a path parameter to its kind.
var kinds = map[string]kind{
	"provider":        {word: "provider", list: "listProviders", read: "getProvider", names: []string{"displayName"}, sample: "Demo"},
	"deletedprovider": {word: "deleted provider", list: "listDeletedProviders", names: []string{"displayName"}, sample: "Demo"},
	"organization": {word: "organization", list: "listOrganizations", read: "getOrganization", names: []string{"name", "aliases"},
		search: true, sample: "Engineering"},
	"group": {word: "group", list: "listGroups", read: "getGroup", names: []string{"displayName"}, search: true, sample: "Sales"},
	"user": {word: "user", list: "searchUsers", read: "getUser", names: []string{"userName", "emails.value"}, search: true,
		sample: "kim@contoso.example"},
	"role":      {word: "role", list: "listRoles", names: []string{"name"}, sample: `"Fleet Observer"`},
	"watchlist": {word: "watchlist", list: "listWatchlists", read: "getWatchlist", names: []string{"title"}, sample: "Leavers"},
	"webhook":   {word: "webhook", list: "listWebhooks", read: "getWebhook", names: []string{"displayName"}, sample: "Payroll"},
	"matter": {word: "legal hold matter", list: "listLegalHolds", read: "getLegalHold", names: []string{"name", "reference"},
		sample: `"Case 12"`},
	"key":      {word: "API key", list: "listApiKeys", names: []string{"displayName"}, sample: "Audit"},
	"tenant":   {word: "tenant", list: "listTenants", read: "getTenant", names: []string{"displayName"}, sample: `"Coast Guard"`},
	"conflict": {word: "conflict", list: "listConflicts", read: "getConflict", names: []string{"userName"}, sample: "kim@contoso.example"},
	"delivery": {word: "delivery", list: "listDeliveries", read: "getDelivery", latest: true, sample: "latest"},
	"task":     {word: "task", list: "listTasks", read: "getTask", latest: true, sample: "latest"},
	"token":    {word: "token", list: "listTokens", names: []string{"lastFour"}, sample: "9XQd"},
	"event":    {word: "guard event", list: "listGuardEvents", read: "getGuardEvent", latest: true, sample: "latest"},
	"run":      {word: "apply run", list: "listApplyRuns", read: "getApplyRun", latest: true, sample: "latest"},
	"orgmapping": {word: "organization mapping", list: "getOrganizationMapping", items: "mappings", names: []string{"groups.displayName"},
		sample: "Sales"},
	"rolemapping": {word: "role mapping", list: "getRoleMapping", items: "mappings", names: []string{"groups.displayName"}, sample: "Sales"},
	"proposal":    {word: "proposal", list: "listProposals", names: []string{"operation"}, sample: "grantRole"},
	"rolemappingproposal": {word: "proposed role mapping", list: "getRoleMapping", items: "proposals", names: []string{"groups.displayName"},
		sample: "Sales"},
}

// references maps members and parameters of requests and responses to the kind whose id they contain.
var references = map[string]string{
	"provider": "provider", "moveTo": "provider", "holderProvider": "provider",
	"organization": "organization", "organizationId": "organization", "parentId": "organization", "templateOrganizationId": "organization",
	"from": "organization", "to": "organization",
	"group": "group", "groups": "group",
	"user": "user", "users": "user", "userId": "user", "holderId": "user", "included": "user", "excluded": "user", "held": "user",
	"role": "role", "roles": "role", "defaultRoles": "role", "missingRoles": "role", "added": "role", "removed": "role", "kept": "role",
	"review": "event", "watchlist": "watchlist", "watchlists": "watchlist", "webhook": "webhook", "holds": "matter", "mappings": "orgmapping",
	"createdBy": "key", "startedBy": "key", "approvedBy": "key", "placedBy": "key", "releasedBy": "key", "closedBy": "key", "decidedBy": "key",
	"proposedBy": "key", "confirmedBy": "key", "requestedBy": "key", "by": "key", "dualControlEndedBy": "key",
}

// kindOf returns the kind of a parameter in the path of an operation.
func (o operation) kindOf(param string) string {
	switch {
	case param == "provider" && strings.HasSuffix(o.path, ":restore"):
		return "deletedprovider"
	case param != "mapping":
		return param
	}
	switch {
	case strings.Contains(o.path, "/organization-mapping/"):
		return "orgmapping"
	case strings.Contains(o.path, "/proposals/"):
		return "rolemappingproposal"
	}
	return "rolemapping"
}

// candidate is a record that a name may refer to.
type candidate struct {
	id    string
	names [][]string // for each of the kind's name members
	item  object
}

// label returns the first name of a candidate, or its id.
func (c candidate) label() string {
	for _, names := range c.names {
		if len(names) > 0 {
			return strings.Join(names, ", ")
		}
	}
	return c.id
}

// candidates lists the records of a kind, only those of the given provider if the kind has one.
func (c *client) candidates(ctx context.Context, k kind, provider, search string, limit int) ([]candidate, error) {
	op := operations()[k.list]
	x := exchange{op: op, query: url.Values{}}
	if k.search && search != "" {
		x.query.Set("search", string([]rune(search)[:min(len([]rune(search)), maxSearch)]))
	}
	providers := []string{provider}
	if within := slices.Contains(op.params, "provider"); within && provider == "" {
		all, err := c.candidates(ctx, kinds["provider"], "", "", limit)
		if err != nil {
			return nil, err
		}
		providers = nil
		for _, p := range all {
			providers = append(providers, p.id)
		}
	} else if !within {
		providers = []string{""}
	}
	var out []candidate
	for _, p := range providers {
		if p != "" {
			x.ids = []string{p}
		}
		items, err := c.itemsOf(ctx, k, x, limit)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			o, _ := item.(object)
			one := candidate{id: text(o, "id"), item: o}
			for _, path := range k.names {
				one.names = append(one.names, namesAt(o, path))
			}
			out = append(out, one)
		}
	}
	return out, nil
}

func (c *client) itemsOf(ctx context.Context, k kind, x exchange, limit int) ([]any, error) {
	if k.items != "" {
		answer, err := c.send(ctx, &x)
		return list(answer, k.items), err
	}
	items, _, err := c.list(ctx, x, limit)
	return items, err
}

// namesAt returns the texts at a path that may lead through arrays.
func namesAt(v any, path string) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, namesAt(e, path)...)
		}
		return out
	case object:
		name, rest, _ := strings.Cut(path, ".")
		return namesAt(x[name], rest)
	}
	return nil
}

var (
	surelyID = regexp.MustCompile(`^[a-z][0-9a-v]{25}$`)       // as the service generates them
	maybeID  = regexp.MustCompile(`^[0-9a-z][0-9a-z-]{0,63}$`) // as the API accepts them
)

const (
	// maxCandidates is the maximum number of records that a name is searched in.
	maxCandidates = 20000
	// maxSearch is the API's maximum length of a search; longer names are compared here.
	maxSearch = 200
)

// resolve returns the id of the record with the given id or, ignoring case, the given name. The error has exit code 2 if
// several records have the name, and 4 if none has it.
func (c *client) resolve(ctx context.Context, kindName, name, provider string) (string, error) {
	k := kinds[kindName]
	if name = strings.TrimSpace(name); surelyID.MatchString(name) {
		return name, nil
	}
	all, err := c.candidates(ctx, k, provider, name, maxCandidates)
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusForbidden && maybeID.MatchString(name) {
		return name, nil // a user may know an id without permission to list
	}
	if err != nil {
		return "", err
	}
	if k.latest && name == "latest" {
		if provider == "" && slices.Contains(operations()[k.list].params, "provider") {
			return "", usagef("the latest %s of which provider? Add --provider", k.word)
		}
		if len(all) > 0 {
			return all[0].id, nil
		}
	}
	if i := slices.IndexFunc(all, func(x candidate) bool { return x.id == name }); i >= 0 {
		return name, nil
	}
	for member := range k.names {
		var hits []candidate
		for _, x := range all {
			if slices.ContainsFunc(x.names[member], func(s string) bool { return casefold.Equal(strings.TrimSpace(s), name) }) {
				hits = append(hits, x)
			}
		}
		if len(hits) == 1 {
			return hits[0].id, nil
		}
		if len(hits) > 1 {
			return "", c.ambiguous(ctx, k, name, hits)
		}
	}
	if k.read != "" && maybeID.MatchString(name) {
		ids := []string{name}
		if slices.Contains(operations()[k.read].params, "provider") && kindName != "provider" {
			ids = []string{provider, name}
		}
		if ids[0] != "" {
			if _, err := c.get(ctx, k.read, ids...); err == nil {
				return name, nil
			}
		}
	}
	return "", c.unknown(ctx, k, name, provider)
}

func (c *client) ambiguous(ctx context.Context, k kind, name string, hits []candidate) error {
	lines := []string{fmt.Sprintf("%d %ss are named %q; give the id of one:", len(hits), k.word, name)}
	for _, x := range hits {
		line := x.id + "  " + printable(x.label())
		if p := text(x.item, "provider"); p != "" {
			line += " of provider " + c.nameFor(ctx, "provider", p, "")
		}
		lines = append(lines, line)
	}
	return usagef("%s", strings.Join(lines, "\n  "))
}

// unknown returns the error for an unknown name, with the nearest name.
func (c *client) unknown(ctx context.Context, k kind, name, provider string) error {
	search := ""
	if k.search && len([]rune(name)) > 2 {
		search = string([]rune(name)[:2]) // a search does not find misspellings
	}
	var names []string
	all, err := c.candidates(ctx, k, provider, search, pageSize)
	if err != nil {
		all = nil // the error is complete without a suggestion
	}
	for _, x := range all {
		for _, some := range x.names {
			names = append(names, some...)
		}
	}
	return failf(exitNotFound, "there is no %s %q%s", k.word, name, didYouMean(name, names))
}

// exactName returns the name of the record with the id as the API has it, or "".
func (c *client) exactName(ctx context.Context, kindName, id string) string {
	item, err := c.known(ctx, kinds[kindName].read, id)
	if err != nil {
		return ""
	}
	name, _ := item[kinds[kindName].names[0]].(string)
	return name
}

// nameFor returns the printable name of the record with the id, or the id if it has no name or cannot be read.
func (c *client) nameFor(ctx context.Context, kindName, id, provider string) string {
	if id == "" {
		return ""
	}
	if fresh, ok := strings.CutPrefix(id, "new:"); ok {
		return printable(fresh) + " (new)" // an organization that an apply run will create
	}
	k := kinds[kindName]
	if k.read == "" {
		known, err := c.memory.once(k.list+" "+provider, func() (object, error) {
			all, err := c.candidates(ctx, k, provider, "", maxCandidates)
			names := object{}
			for _, x := range all {
				names[x.id] = x.label()
			}
			return names, err
		})
		if err != nil {
			return printable(id)
		}
		return cmp.Or(printable(known[id]), printable(id))
	}
	ids := []string{id}
	if kindName == "group" {
		if provider == "" {
			return printable(id)
		}
		ids = []string{provider, id}
	}
	item, err := c.known(ctx, k.read, ids...)
	if err != nil || len(k.names) == 0 {
		return printable(id)
	}
	return cmp.Or(text(item, k.names[0]), printable(id))
}
