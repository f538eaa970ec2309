package storetest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var isolationChapter = []promise{
	{"isolation/another tenant reaches no record by any method", foreignTenant},
	{"isolation/another provider reaches no record by any method", foreignProvider},
	{"isolation/tenants do not share names and keys", sameNames},
}

// victim is a tenant with at least one record of every kind.
type victim struct {
	task directory.TaskID
	*world
	u, removed, local directory.User
	g                 directory.Group
	entry             directory.LogEntry
	own               directory.LogEntry // an entry of the tenant itself
	key, second       directory.APIKey
	conflict          directory.ConflictCase
	leaver            directory.User
	matter            directory.Matter
	guard             directory.GuardEvent
	webhook           directory.Webhook
	delivery, queued  directory.Delivery
	aside             directory.Delivery
	archive           directory.ProviderID
	now               time.Time
}

func newVictim(w *world) victim {
	v := victim{world: w, now: replayNow()}
	boss := w.user(w.p, "boss")
	v.u = w.user(w.p, "u", func(u *directory.User) { u.Manager = string(boss.ScimID) })
	v.removed = w.remove(w.user(w.p, "removed"))
	v.local = w.local("local")
	v.g = w.group(w.p, "g", v.u.ScimID)
	v.entry = w.log(directory.LogQuery{User: v.u.ID})[0]
	v.own = w.log(directory.LogQuery{})[0]
	v.key, v.second = w.newAPIKey("key"), w.newAPIKey("second")
	for _, k := range []directory.APIKey{v.key, v.second} {
		w.must(w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, nil, w.adminEntry(directory.APIKeyCreated, string(k.ID))))
	}
	v.conflict = w.newConflict("c")
	w.putConflict(v.conflict)
	v.leaver = w.user(w.p, "leaver", pending(w.now()))
	v.matter = w.matter("matter")
	w.must(w.place(v.matter, v.u))
	v.guard = w.guardEvent(w.p)
	v.fillMappings()
	v.archive = w.provider("archived")
	w.must(w.removeProvider(v.archive))
	w.must(w.Providers.PutArchivePage(w.ctx, w.tenant, v.archive, directory.ArchivePage{Key: "a", Users: []directory.ArchivedUser{{ID: "u1"}}},
		v.now.Add(time.Hour)))
	w.begin("key", "request", v.now)
	w.count(v.entry)
	v.fillWebhooksAndChains()
	return v
}

// foreignTenant calls every method of every port with the ids of another tenant. One tenant's id begins with the
// other's, so that keys that are only concatenated would be equal.
func foreignTenant(w *world) {
	for _, cut := range [][2]int{{7, 5}, {5, 7}} {
		id := directory.TenantID(random.ID())
		v := newVictim(newWorldIn(w.T, w.Ports, id[:cut[0]], age))
		x := intruder{newWorldIn(w.T, w.Ports, id[:cut[1]], age), v}
		before := v.dump()
		rows := x.rows()
		for _, name := range portMethods() {
			if rows[name] == nil {
				w.Errorf("no test of isolation for %s", name)
				continue
			}
			rows[name]()
		}
		w.equal("the tenant after all attempts", v.dump(), before)
		if _, found := v.begin("key", "request", v.now); !found {
			w.Error("the stored answer is lost")
		}
		if got, err := v.Counts.Counts(v.ctx, v.tenant, v.p, v.start); err != nil || got[v.entry.Action] != 1 {
			w.Errorf("counts: %v, %v", got, err)
		}
	}
}

// tenantless are the methods that take no tenant, since they serve the system.
var tenantless = []string{"Feed.Deliver", "Feed.Taken", "Feed.Together", "Deliveries.DueDeliveries", "Deliveries.DueQueues",
	"Deliveries.DropDeliveries", "Chains.GrownChains", "Chains.ClearGrown", "SetAsides.DueSetAside", "Tasks.DueTasks",
	"Wakeups.WakeAt"}

// portMethods returns the names of all methods of all ports that take a tenant.
func portMethods() (names []string) {
	ports := reflect.TypeFor[directory.Ports]()
	for i := range ports.NumField() {
		for k := range ports.Field(i).Type.NumMethod() {
			if name := ports.Field(i).Name + "." + ports.Field(i).Type.Method(k).Name; !slices.Contains(tenantless, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// intruder is a tenant that knows the ids of another one.
type intruder struct {
	*world
	v victim
}

func (x intruder) notFound(name string, err error) {
	x.Helper()
	x.wantKind(name+" with another tenant's id", err, directory.NotFound)
}

// empty fails if there is an error or a record was found.
func (x intruder) empty(name string, n int, err error) {
	x.Helper()
	if err != nil || n != 0 {
		x.Errorf("%s with another tenant's id: found %d, %v", name, n, err)
	}
}

func (x intruder) rows() map[string]func() {
	rows := map[string]func(){}
	for _, of := range []map[string]func(){
		x.organizationsRows(), x.rolesRows(), x.proposalsRows(), x.mappingsRows(), x.watchlistsRows(), x.applyRunsRows(),
		x.countriesRows(), x.countsRows(),
		x.usersRows(), x.groupsRows(), x.providersRows(), x.tenantsRows(), x.logRows(), x.conflictsRows(), x.apiKeysRows(), x.replaysRows(),
		x.completionRows(), x.usagesRows(), x.aliasesRows(), x.tasksRows(), x.webhooksRows(), x.deliveriesRows(), x.chainsRows(),
		x.setAsidesRows(), x.leaversRows(), x.legalHoldsRows(), x.guardsRows(),
	} {
		maps.Copy(rows, of)
	}
	return rows
}

// stranger is an Admit that fails if it is called with another tenant's provider.
func (x intruder) stranger(p directory.Provider) error {
	x.equal("the provider passed to admit", p, directory.Provider{})
	return nil
}

// searchUsers searches for the victim's users, and from the victim's positions and invented ones. An error is allowed.
func (x intruder) searchUsers() {
	v := x.v
	x.empty("SearchUsers", len(x.search(directory.UserSearch{Text: "u"})), nil)
	x.empty("SearchUsers", len(x.search(directory.UserSearch{Provider: v.p})), nil)
	afters := []string{" ", "/", "a", string(v.tenant), string(v.tenant) + "/", string(v.tenant) + "/" + string(v.p) + " "}
	for q := (directory.UserSearch{Count: 1}); len(afters) < 20; {
		_, next, err := v.Users.SearchUsers(v.ctx, v.tenant, q)
		x.must(err)
		if next == "" {
			break
		}
		afters, q.After = append(afters, next), next
	}
	for _, after := range afters {
		us, _, err := x.Users.SearchUsers(x.ctx, x.tenant, directory.UserSearch{After: after, Count: 100})
		if err == nil {
			x.empty(fmt.Sprintf("SearchUsers after %q", after), len(us), nil)
		}
	}
}

// foreignProvider uses the ids of one provider as another provider of the same tenant.
func foreignProvider(w *world) {
	v := newVictim(w)
	other := w.provider("Other")
	own := w.group(other, "own")
	before := w.dump()
	for name, call := range w.requests(v.u, v.g, other, func(directory.Provider) {}) {
		if strings.HasPrefix(name, "Read") {
			w.wantKind(name, call(nil), directory.NotFound)
		}
	}
	for _, key := range append(v.u.AllLookups(), directory.Lookup{Attr: directory.AttrUserName, Value: v.u.UserName},
		directory.Lookup{Attr: directory.AttrManager, Value: v.u.Manager}) {
		w.equal("FindUsers by "+key.Attr, w.find(other, key.Attr, key.Value), nil)
	}
	for _, key := range []directory.Lookup{{Attr: directory.AttrDisplayName, Value: "g"},
		{Attr: directory.AttrExternalID, Value: v.g.ExternalID}, {Attr: directory.AttrMember, Value: string(v.u.ScimID)}} {
		w.equal("FindGroups by "+key.Attr, w.findGroups(other, key.Attr, key.Value), nil)
	}
	w.wantTotals("of the other provider", other, 0, 1)
	_, err := w.Groups.Members(w.ctx, w.tenant, other, v.g.ID, "", 10)
	w.wantKind("Members", err, directory.NotFound)
	stolen := v.g
	stolen.Provider = other
	_, err = w.editGroup(stolen, func(p *directory.GroupProfile) { p.ExternalID = "stolen" })
	w.wantKind("UpdateGroup", err, directory.NotFound)
	w.wantKind("DeleteGroup", w.deleteGroup(stolen), directory.NotFound)
	for _, member := range []directory.ScimID{v.u.ScimID, directory.ScimID(v.g.ID)} {
		_, err = w.tryMembers(own, []directory.ScimID{member}, nil)
		w.wantKind("a member of another provider", err, directory.Invalid)
	}
	w.equal("log", len(w.log(directory.LogQuery{Provider: other})), 1)
	counts, err := w.Counts.Counts(context.WithoutCancel(w.ctx), w.tenant, other, w.start)
	w.must(err)
	w.equal("counts", counts, nil)
	w.equal("state after all attempts", w.dump(), before)
}

func sameNames(w *world) {
	other := newWorld(w.T, w.Ports)
	for _, x := range []*world{w, other} {
		u := x.user(x.p, "same")
		g := x.group(x.p, "same", u.ScimID)
		x.wantMembers("own", g, scimIDs([]directory.User{u}))
		x.wantTotals("own", x.p, 1, 1)
		if _, found := x.begin("same", "r", replayNow()); found {
			x.Error("the key of a replay is shared")
		}
		c := x.newConflict("same")
		c.ID = "csame"
		x.putConflict(c)
		x.equal("conflicts", x.conflicts("", "", 10), []directory.ConflictCase{c})
	}
}

// fillMappings gives the victim organizations, roles, mappings, a country, a watchlist and an apply run.
func (v *victim) fillMappings() {
	o := v.newOrg("Org")
	o.ID = "o1"
	v.must(v.tryOrg(o, &directory.Quota{Key: "q", Max: 1}))
	v.updateCatalogue(func(c *directory.Catalogue) { c.Roles = []directory.CatalogueRole{{ID: "a"}} })
	_, _, err := v.updateMappings(func(_ *directory.Provider, m *directory.MappingSet) { m.Run = "r1" })
	v.must(err)
	v.putCountry("Atlantis")
	v.putWatchlist("w1", directory.Watchlist{ID: "w1", Title: "t"})
	_, err = v.ApplyRuns.UpdateRun(v.ctx, v.tenant, v.p, "r1", func(directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
		return directory.ApplyRun{ID: "r1", Created: v.now, State: directory.RunPlanned}, nil, nil
	})
	v.must(err)
	_, err = v.ApplyRuns.UpdateRange(v.ctx, v.tenant, "r1", 1,
		func(directory.RunRange) (directory.RunRange, error) { return directory.RunRange{N: 1}, nil })
	v.must(err)
	v.must(v.ApplyRuns.PutPage(v.ctx, v.tenant, "r1", directory.RunPage{Range: 1}))
}

// fillWebhooksAndChains gives the victim a webhook, a delivery, work that was set aside, a chain, an alias, usage and a task.
func (v *victim) fillWebhooksAndChains() {
	v.webhook, v.delivery, v.queued = v.createWebhook("w"), v.addDelivery(1), v.queue("w1", 1)[0]
	v.aside = v.putSetAside(v.newSetAside(1))
	v.must(v.Chains.AppendBlock(v.ctx, v.tenant, v.p, v.nextBlock(1, v.entry.Position()), nil))
	v.must(v.Aliases.AddAlias(v.ctx, v.tenant, "former", v.u.ID, v.now))
	v.must(v.Usages.AddUsage(v.ctx, v.tenant, v.p, directory.Usage{LastRequestAt: v.now}))
	v.must(v.Usages.AddRequests(v.ctx, v.tenant, v.p, directory.RequestReport{Refused: 1}))
	v.task = "purge"
	v.putTask(directory.Task{ID: v.task, After: "x", Version: 1})
	v.putTask(v.newTask(v.now))
	v.must(v.Chains.AddLate(v.ctx, v.tenant, v.p, v.entry.Position()))
}
