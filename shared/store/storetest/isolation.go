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
)

var isolationChapter = []promise{
	{"isolation/another tenant reaches nothing by any method", foreignTenant},
	{"isolation/another provider reaches nothing by any method", foreignProvider},
	{"isolation/tenants do not share names and keys", sameNames},
}

// victim is a tenant with something of everything.
type victim struct {
	*world
	u, gone, local directory.User
	g              directory.Group
	entry          directory.LogEntry
	own            directory.LogEntry // an entry of the tenant itself
	key, second    directory.APIKey
	collision      directory.Collision
	leaver         directory.User
	matter         directory.Matter
	guard          directory.GuardEvent
	webhook        directory.Webhook
	delivery       directory.Delivery
	now            time.Time
}

func newVictim(w *world) victim {
	v := victim{world: w, now: replayNow()}
	boss := w.user(w.p, "boss")
	v.u = w.user(w.p, "u", func(u *directory.User) { u.Manager = string(boss.ScimID) })
	v.gone = w.remove(w.user(w.p, "gone"))
	v.local = w.local("local")
	v.g = w.group(w.p, "g", v.u.ScimID)
	v.entry = w.log(directory.LogQuery{User: v.u.ID})[0]
	v.own = w.log(directory.LogQuery{})[0]
	v.key, v.second = w.newAPIKey("key"), w.newAPIKey("second")
	for _, k := range []directory.APIKey{v.key, v.second} {
		w.must(w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, w.adminEntry(directory.APIKeyCreated, k.ID)))
	}
	v.collision = w.newCollision("c")
	w.putCollision(v.collision)
	v.leaver = w.user(w.p, "leaver", pending(w.now()))
	v.matter = w.matter("matter")
	w.must(w.place(v.matter, v.u))
	v.guard = w.guardEvent(w.p)
	v.fillMappings()
	w.begin("key", "request", v.now)
	w.must(w.Follow.Count(w.ctx, w.tenant, v.entry))
	v.seal()
	return v
}

// foreignTenant walks through every method of every port with the ids of another tenant. Either tenant's
// id begins with the other's, so that keys that are only put together would meet.
func foreignTenant(w *world) {
	for _, cut := range [][2]int{{7, 5}, {5, 7}} {
		id := directory.TenantID(directory.RandomID())
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
		if got, err := v.Follow.Counts(v.ctx, v.tenant, v.p, v.start); err != nil || got[v.entry.Action] != 1 {
			w.Errorf("counts: %v, %v", got, err)
		}
	}
}

// tenantless are the methods that serve the system, of all tenants.
var tenantless = []string{"Feed.Deliver", "Deliveries.DueDeliveries", "Deliveries.DropDeliveries", "Log.DropEntries", "Wakeups.WakeAt"}

// portMethods names every method of every port that takes a tenant.
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

// empty fails when there is an error or anything was found.
func (x intruder) empty(name string, n int, err error) {
	x.Helper()
	if err != nil || n != 0 {
		x.Errorf("%s with another tenant's id: found %d, %v", name, n, err)
	}
}

func (x intruder) rows() map[string]func() {
	rows := x.adminRows()
	maps.Copy(rows, x.userRows())
	maps.Copy(rows, x.groupRows())
	maps.Copy(rows, x.keyRows())
	maps.Copy(rows, x.leaverRows())
	maps.Copy(rows, x.ledgerRows())
	maps.Copy(rows, x.mappingRows())
	return rows
}

// stranger fails when a foreign provider is handed out.
func (x intruder) stranger(p directory.Provider) error {
	x.equal("the provider that admit sees", p, directory.Provider{})
	return nil
}

func (x intruder) userRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Users.ReadUser": func() {
			for _, p := range []directory.ProviderID{v.p, x.p} {
				_, err := x.Users.ReadUser(ctx, t, p, v.u.ScimID, directory.UserWant{Groups: true}, nil)
				x.notFound("ReadUser", err)
			}
			_, err := x.Users.ReadUser(ctx, t, v.p, v.u.ScimID, directory.UserWant{}, x.stranger)
			x.notFound("ReadUser", err)
		},
		"Users.FindUsers": func() {
			for _, key := range append(v.u.AllLookups(), directory.Lookup{Attr: directory.AttrUserName, Value: v.u.UserName}, directory.Lookup{Attr: directory.AttrManager, Value: v.u.Manager}) {
				for _, p := range []directory.ProviderID{v.p, x.p} {
					vs, err := x.Users.FindUsers(ctx, t, p, key, 10, directory.UserWant{}, nil)
					x.empty("FindUsers", len(vs), err)
				}
			}
		},
		"Users.ListUsers": func() {
			for _, page := range []directory.Page{{Start: 1, Count: 10}, {Start: 2, Count: 1}, {ByCursor: true, Count: 10}} {
				got, err := x.Users.ListUsers(ctx, t, v.p, page, directory.UserWant{}, x.stranger)
				x.empty("ListUsers", len(got.Users)+got.Total, err)
			}
		},
		"Users.CreateUser": func() {
			_, err := x.Users.CreateUser(ctx, t, v.p, x.stranger, func(p directory.Provider) (directory.User, directory.LogEntry, error) {
				x.equal("the provider that make sees", p, directory.Provider{})
				return directory.User{}, directory.LogEntry{}, directory.Errorf(directory.Forbidden, "seen")
			})
			x.wantKind("CreateUser", err, directory.Forbidden)
		},
		"Users.UpdateUser": func() {
			for _, u := range []directory.User{v.u, v.gone, v.local} {
				_, err := x.tryUpdate(u, directory.UserUpdated, func(u *directory.User) { u.ExternalID = "stolen" })
				x.notFound("UpdateUser", err)
			}
		},
		"Users.UserByID": func() {
			for _, u := range []directory.User{v.u, v.gone, v.local} {
				_, err := x.Users.UserByID(ctx, t, u.ID)
				x.notFound("UserByID", err)
			}
		},
		"Users.SearchUsers": x.searchUsers,
	}
}

// searchUsers searches as the intruder: for what the victim has, and from positions of the victim and such
// as one might make up. An error is as good as nothing.
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

func (x intruder) groupRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Groups.ReadGroup": func() {
			for _, p := range []directory.ProviderID{v.p, x.p} {
				_, err := x.Groups.ReadGroup(ctx, t, p, v.g.ID, directory.GroupWant{AllMembers: true, Ancestors: true}, nil)
				x.notFound("ReadGroup", err)
			}
		},
		"Groups.FindGroups": func() {
			for _, key := range []directory.Lookup{{Attr: directory.AttrDisplayName, Value: v.g.DisplayNameKey()}, {Attr: directory.AttrExternalID, Value: v.g.ExternalID}, {Attr: directory.AttrMember, Value: string(v.u.ScimID)}} {
				for _, p := range []directory.ProviderID{v.p, x.p} {
					vs, err := x.Groups.FindGroups(ctx, t, p, key, 10, directory.GroupWant{}, nil)
					x.empty("FindGroups", len(vs), err)
				}
			}
		},
		"Groups.ListGroups": func() {
			got, err := x.Groups.ListGroups(ctx, t, v.p, directory.Page{Start: 1, Count: 10}, directory.GroupWant{AllMembers: true}, x.stranger)
			x.empty("ListGroups", len(got.Groups)+got.Total, err)
		},
		"Groups.Members": func() {
			_, err := x.Groups.Members(ctx, t, v.p, v.g.ID, "", 10)
			x.notFound("Members", err)
		},
		"Groups.CreateGroup": func() {
			_, err := x.tryGroup(x.newGroup(x.p, "with a stranger"), v.u.ScimID)
			x.wantKind("CreateGroup with another tenant's user", err, directory.Invalid)
			_, err = x.tryGroup(x.newGroup(x.p, "with a stranger"), directory.ScimID(v.g.ID))
			x.wantKind("CreateGroup with another tenant's group", err, directory.Invalid)
		},
		"Groups.UpdateGroup": func() {
			_, err := x.editGroup(v.g, func(p *directory.GroupProfile) { p.ExternalID = "stolen" })
			x.notFound("UpdateGroup", err)
			_, err = x.tryMembers(x.group(x.p, "own"), []directory.ScimID{v.u.ScimID}, nil)
			x.wantKind("UpdateGroup with another tenant's user", err, directory.Invalid)
		},
		"Groups.DeleteGroup": func() { x.notFound("DeleteGroup", x.deleteGroup(v.g)) },
	}
}

func (x intruder) adminRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Providers.CreateProvider": func() {
			p := x.newProvider("theirs")
			p.ID = v.p
			if err := x.Providers.CreateProvider(ctx, t, p, x.adminEntry(directory.ProviderCreated, "x")); err == nil {
				x.must(x.removeProvider(v.p)) // a store may keep two records: they must not touch
			}
		},
		"Providers.Provider": func() {
			_, err := x.Providers.Provider(ctx, t, v.p)
			x.notFound("Provider", err)
		},
		"Providers.ListProviders": func() {
			ps, err := x.Providers.ListProviders(ctx, t)
			x.must(err)
			x.empty("ListProviders", len(slices.DeleteFunc(ps, func(p directory.Provider) bool { return p.Tenant == t })), nil)
		},
		"Providers.UpdateProvider": func() {
			_, err := x.updateProvider(v.p, func(*directory.Provider) { x.Error("update was called for another tenant's provider") })
			x.notFound("UpdateProvider", err)
		},
		"Providers.RemoveProvider": func() { x.notFound("RemoveProvider", x.removeProvider(v.p)) },
		"Tenants.CreateTenant": func() {
			err := x.Tenants.CreateTenant(ctx, directory.Tenant{ID: v.tenant, DisplayName: "taken over", Version: 1}, x.adminEntry(directory.TenantCreated, "x"))
			x.wantKind("CreateTenant", err, directory.Conflict)
		},
		"Tenants.UpdateTenant": func() {}, // takes the tenant itself, and nothing of another
		"Tenants.Tenant":       func() {}, // the tenant directory serves operators, who may see all
		"Tenants.ListTenants":  func() {},
		"Log.Entries": func() {
			for _, q := range []directory.LogQuery{{Provider: v.p}, {User: v.u.ID}, {User: v.local.ID}, {Group: v.g.ID}, {Provider: v.p, Before: "~"}} {
				x.empty("Entries", len(x.log(q)), nil)
			}
			for _, e := range x.log(directory.LogQuery{}) {
				if e.ID == v.own.ID {
					x.Error("another tenant's own entries are shown")
				}
			}
		},
		"Log.Entry": func() {
			_, err := x.Ports.Log.Entry(ctx, t, v.p, v.entry.At, v.entry.ID)
			x.notFound("Entry", err)
			_, err = x.Ports.Log.Entry(ctx, t, "", v.own.At, v.own.ID)
			x.notFound("Entry", err)
		},
	}
}

func (x intruder) keyRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Collisions.UpdateCollision": func() {
			_, err := x.Collisions.UpdateCollision(ctx, t, v.collision.ID, func(old directory.Collision) (directory.Collision, *directory.LogEntry, error) {
				x.equal("what update sees", old, directory.Collision{})
				return directory.Collision{ID: v.collision.ID, Provider: x.p, State: directory.CollisionIgnored}, nil, nil
			})
			x.must(err)
		},
		"Collisions.ListCollisions": func() {
			cs := x.collisions(directory.CollisionOpen, "", 10)
			x.empty("ListCollisions", len(cs), nil)
		},
		"APIKeys.CreateAPIKey": func() {
			k := x.newAPIKey("own")
			k.ID = v.key.ID
			x.must(x.APIKeys.CreateAPIKey(ctx, t, k, x.adminEntry(directory.APIKeyCreated, k.ID)))
		},
		"APIKeys.APIKeyByHash": func() {
			_, err := x.APIKeys.APIKeyByHash(ctx, t, v.key.Hash)
			x.notFound("APIKeyByHash", err)
		},
		"APIKeys.ListAPIKeys": func() {
			ks, err := x.APIKeys.ListAPIKeys(ctx, t)
			x.must(err)
			x.empty("ListAPIKeys", len(slices.DeleteFunc(ks, func(k directory.APIKey) bool { return k.Tenant == t })), nil)
		},
		"APIKeys.UpdateAPIKey": func() {
			_, err := x.APIKeys.UpdateAPIKey(ctx, t, v.second.ID, func(k directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
				x.Error("update was called for another tenant's key")
				return k, nil, nil
			})
			x.notFound("UpdateAPIKey", err)
		},
		"Replays.BeginReplay": func() {
			if r, found := x.begin("key", "mine", v.now); found {
				x.Errorf("BeginReplay found another tenant's record: %+v", r)
			}
		},
		"Replays.FinishReplay": func() {
			x.must(x.Replays.FinishReplay(ctx, t, directory.Replay{Key: "key"}))
			x.must(x.Replays.FinishReplay(ctx, t, directory.Replay{Key: "key", Answer: []byte("x"), Expires: v.now}))
		},
		"Follow.Complete": func() { x.must(x.Follow.Complete(ctx, t, v.entry)) },
		"Follow.Count": func() {
			e := v.entry
			e.ID = entryID()
			x.must(x.Follow.Count(ctx, t, e))
		},
		"Follow.Counts": func() {
			y := newWorld(x.T, x.Ports) // a tenant that counted nothing
			got, err := y.Follow.Counts(ctx, y.tenant, v.p, v.start)
			x.empty("Counts", len(got), err)
		},
	}
}

// foreignProvider tries what a provider can do with the ids of another one of the same tenant.
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
	for _, key := range append(v.u.AllLookups(), directory.Lookup{Attr: directory.AttrUserName, Value: v.u.UserName}, directory.Lookup{Attr: directory.AttrManager, Value: v.u.Manager}) {
		w.equal("FindUsers by "+key.Attr, w.find(other, key.Attr, key.Value), nil)
	}
	for _, key := range []directory.Lookup{{Attr: directory.AttrDisplayName, Value: "g"}, {Attr: directory.AttrExternalID, Value: v.g.ExternalID}, {Attr: directory.AttrMember, Value: string(v.u.ScimID)}} {
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
	counts, err := w.Follow.Counts(context.WithoutCancel(w.ctx), w.tenant, other, w.start)
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
		c := x.newCollision("same")
		c.ID = "csame"
		x.putCollision(c)
		x.equal("collisions", x.collisions("", "", 10), []directory.Collision{c})
	}
}
