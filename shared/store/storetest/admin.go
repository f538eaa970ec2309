package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"rollcall/shared/directory"
)

var adminChapter = []promise{
	{"tenants/every field is kept, ids are unique", tenants},
	{"tenants/a list by id", listTenants},
	{"providers/every field is kept", everyProviderField},
	{"providers/a displayName is unique in the tenant", providerNames},
	{"providers/racing changes and names", raceProviders},
	{"providers/nil entry and errors write nothing", refusedProviderChange},
	{"providers/removal needs an empty provider", removeProvider},
	{"collisions/every field is kept", collisions},
	{"collisions/a list by id and state", listCollisions},
	{"collisions/racing attempts all count", raceCollisions},
	{"api keys/every field is kept", apiKeys},
	{"api keys/found by hash in their tenant", apiKeyByHash},
	{"replays/one begins, the others see it", replays},
	{"replays/a race has one winner", raceReplays},
	{"replays/expired ones are forgotten", expiredReplays},
}

func (w *world) adminEntry(a directory.Action, target string) directory.LogEntry {
	e := w.entry(a)
	e.Provider, e.Target, e.Audit = "", target, true
	return e
}

func tenants(w *world) {
	tn := directory.Tenant{
		ID: directory.TenantID(directory.RandomID()[:6]), DisplayName: "Ämter", DeactivationDelay: 17 * time.Minute, Version: 3, Created: w.start, Modified: w.now(),
	}
	e := w.adminEntry(directory.TenantCreated, string(tn.ID))
	w.must(w.Tenants.CreateTenant(w.ctx, tn, e))
	got, err := w.Tenants.Tenant(w.ctx, tn.ID)
	w.must(err)
	w.equal("Tenant", got, tn)
	es, err := w.Ports.Log.Entries(w.ctx, tn.ID, directory.LogQuery{Count: 10})
	w.must(err)
	w.equal("its own log", es, []directory.LogEntry{e})
	again := tn
	again.DisplayName = "other"
	w.wantKind("the same id again", w.Tenants.CreateTenant(w.ctx, again, w.adminEntry(directory.TenantCreated, string(tn.ID))), directory.Conflict)
	got, err = w.Tenants.Tenant(w.ctx, tn.ID)
	w.must(err)
	w.equal("after the refusal", got, tn)
	es, err = w.Ports.Log.Entries(w.ctx, tn.ID, directory.LogQuery{Count: 10})
	w.must(err)
	w.equal("its log after the refusal", len(es), 1)
	_, err = w.Tenants.Tenant(w.ctx, "nobody0")
	w.wantKind("unknown", err, directory.NotFound)
	update := func(id directory.TenantID, edit func(*directory.Tenant) *directory.LogEntry) (directory.Tenant, error) {
		return w.Tenants.UpdateTenant(w.ctx, id, func(t directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
			e := edit(&t)
			return t, e, nil
		})
	}
	changed, err := update(tn.ID, func(t *directory.Tenant) *directory.LogEntry {
		t.DualControl, t.DualEndedBy, t.Version = true, "k1", t.Version+1
		e := w.adminEntry(directory.TenantUpdated, string(tn.ID))
		return &e
	})
	w.must(err)
	tn.DualControl, tn.DualEndedBy, tn.Version = true, "k1", 4
	w.equal("changed", changed, tn)
	same, err := update(tn.ID, func(t *directory.Tenant) *directory.LogEntry { t.DisplayName = "other"; return nil })
	w.must(err)
	w.equal("without an entry", same, tn)
	w.must(errors.Join(race(racers, func(int) error {
		_, err := update(tn.ID, func(t *directory.Tenant) *directory.LogEntry {
			t.Version++
			e := w.adminEntry(directory.TenantUpdated, string(tn.ID))
			return &e
		})
		return err
	})...))
	got, err = w.Tenants.Tenant(w.ctx, tn.ID)
	w.must(err)
	tn.Version += racers
	w.equal("after a race", got, tn)
	es, err = w.Ports.Log.Entries(w.ctx, tn.ID, directory.LogQuery{Count: 100})
	w.must(err)
	w.equal("entries", len(es), 2+racers)
	_, err = update("nobody0", func(*directory.Tenant) *directory.LogEntry {
		w.Error("update was called for an unknown tenant")
		return nil
	})
	w.wantKind("change of an unknown one", err, directory.NotFound)
}

func listTenants(w *world) {
	var mine []directory.TenantID
	for range 5 {
		tn := directory.Tenant{ID: directory.TenantID(directory.RandomID()[:7]), Version: 1, Created: w.start, Modified: w.start}
		mine = append(mine, tn.ID)
		w.must(w.Tenants.CreateTenant(w.ctx, tn, w.adminEntry(directory.TenantCreated, string(tn.ID))))
	}
	sortIDs(mine)
	var seen []directory.TenantID
	for after := directory.TenantID(""); ; { // other tests make tenants, too
		ts, err := w.Tenants.ListTenants(w.ctx, after, 2)
		w.must(err)
		if len(ts) == 0 {
			break
		}
		for _, tn := range ts {
			seen = append(seen, tn.ID)
		}
		after = seen[len(seen)-1]
	}
	if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
		w.Errorf("tenants out of order or twice: %v", seen)
	}
	for _, id := range mine {
		if !slices.Contains(seen, id) {
			w.Errorf("tenant %s is missing", id)
		}
	}
}

func (w *world) updateProvider(id directory.ProviderID, edit func(*directory.Provider)) (directory.Provider, error) {
	return w.Providers.UpdateProvider(w.ctx, w.tenant, id, func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
		p := old
		p.Credentials = slices.Clone(old.Credentials)
		edit(&p)
		p.Version, p.Modified = old.Version+1, w.now()
		e := w.adminEntry(directory.ProviderUpdated, string(id))
		e.Version = p.Version
		return p, &e, nil
	})
}

func (w *world) removeProvider(id directory.ProviderID) error {
	e := w.adminEntry(directory.ProviderDeleted, string(id))
	e.Provider = id
	return w.Providers.RemoveProvider(w.ctx, w.tenant, id, e)
}

func everyProviderField(w *world) {
	p := w.newProvider("Prüfung <&>")
	w.must(w.Providers.CreateProvider(w.ctx, w.tenant, p, w.adminEntry(directory.ProviderCreated, string(p.ID))))
	read := func() directory.Provider {
		got, err := w.Providers.Provider(w.ctx, w.tenant, p.ID)
		w.must(err)
		return got
	}
	w.equal("Provider", read(), p)
	got, err := w.updateProvider(p.ID, func(q *directory.Provider) {
		*q = directory.Provider{ID: p.ID, Tenant: p.Tenant, DisplayName: "bare", State: directory.ProviderLive, Created: p.Created}
	})
	w.must(err)
	w.equal("after a change", read(), got)
	if got.Version != 2 || got.DisplayName != "bare" || got.Deletion != nil {
		w.Errorf("after a change: %+v", got)
	}
	first, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	want := []directory.Provider{first, got}
	slices.SortFunc(want, func(a, b directory.Provider) int { return strings.Compare(string(a.ID), string(b.ID)) })
	all, err := w.Providers.ListProviders(w.ctx, w.tenant)
	w.must(err)
	w.equal("ListProviders", all, want)
	w.wantKind("the same id again", w.Providers.CreateProvider(w.ctx, w.tenant, p, w.adminEntry(directory.ProviderCreated, string(p.ID))), directory.Conflict)
	w.equal("after the refusal", read(), got)
	_, err = w.Providers.Provider(w.ctx, w.tenant, directory.ProviderID(string(w.tenant)+"zzzzz"))
	w.wantKind("unknown", err, directory.NotFound)
	_, err = w.updateProvider(directory.ProviderID(string(w.tenant)+"zzzzz"), func(*directory.Provider) { w.Error("update was called for an unknown provider") })
	w.wantKind("change of an unknown one", err, directory.NotFound)
	w.wantKind("removal of an unknown one", w.removeProvider(directory.ProviderID(string(w.tenant)+"zzzzz")), directory.NotFound)
}

func providerNames(w *world) {
	first := w.provider(spellings[0])
	taken := directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(first), Provider: first}
	for _, name := range spellings {
		err := w.Providers.CreateProvider(w.ctx, w.tenant, w.newProvider(name), w.adminEntry(directory.ProviderCreated, "x"))
		w.wantTaken("creating "+name, err, taken)
		_, err = w.updateProvider(w.p, func(p *directory.Provider) { p.DisplayName = name })
		w.wantTaken("renaming to "+name, err, taken)
		_, err = w.updateProvider(first, func(p *directory.Provider) { p.DisplayName = name })
		w.must(err) // its own
	}
	_, err := w.updateProvider(first, func(p *directory.Provider) { p.DisplayName = "free" })
	w.must(err)
	second := w.provider(spellings[1])
	w.must(w.removeProvider(second))
	w.provider(spellings[2])
	elsewhere := newWorld(w.T, w.Ports)
	elsewhere.provider(spellings[0])
	if all, err := w.Providers.ListProviders(w.ctx, w.tenant); err != nil || len(all) != 3 {
		w.Errorf("%d providers, %v; want 3", len(all), err)
	}
}

func raceProviders(w *world) {
	errs := race(racers, func(i int) error {
		return w.Providers.CreateProvider(w.ctx, w.tenant, w.newProvider(spellings[i%len(spellings)]), w.adminEntry(directory.ProviderCreated, "x"))
	})
	w.wonOnce("creations", directory.AttrDisplayName, errs)
	errs = race(racers, func(int) error {
		_, err := w.updateProvider(w.p, func(p *directory.Provider) { p.ConfigVersion++ })
		return err
	})
	w.must(errors.Join(errs...))
	p, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	if p.ConfigVersion != 3+racers || p.Version != 1+racers {
		w.Errorf("after %d increments of 3: %d at version %d", racers, p.ConfigVersion, p.Version)
	}
}

func refusedProviderChange(w *world) {
	before, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	entries := len(w.log(directory.LogQuery{}))
	mine := directory.Errorf(directory.Forbidden, "mine")
	for _, answer := range []error{nil, mine} {
		_, err := w.Providers.UpdateProvider(w.ctx, w.tenant, w.p, func(p directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			p.DisplayName = "changed"
			if answer == nil {
				return p, nil, nil
			}
			e := w.adminEntry(directory.ProviderUpdated, "x")
			return p, &e, answer
		})
		if err != answer { //nolint:errorlint // the caller's own error comes back as it is, not wrapped
			w.Errorf("got error %v, want %v", err, answer)
		}
		after, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
		w.must(err)
		w.equal("stored", after, before)
	}
	if n := len(w.log(directory.LogQuery{})); n != entries {
		w.Errorf("%d entries were written", n-entries)
	}
}

func removeProvider(w *world) {
	u := w.user(w.p, "u")
	g := w.group(w.p, "g")
	w.wantKind("with a user and a group", w.removeProvider(w.p), directory.Conflict)
	w.remove(u)
	w.wantKind("with a group", w.removeProvider(w.p), directory.Conflict)
	w.must(w.deleteGroup(g))
	v := w.user(w.p, "v")
	w.wantKind("with a user", w.removeProvider(w.p), directory.Conflict)
	w.remove(v)
	w.must(w.removeProvider(w.p))
	_, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.wantKind("afterwards", err, directory.NotFound)
	w.wantKind("again", w.removeProvider(w.p), directory.NotFound)
	if all, err := w.Providers.ListProviders(w.ctx, w.tenant); err != nil || len(all) != 0 {
		w.Errorf("providers left: %v, %v", all, err)
	}
	if es := w.log(directory.LogQuery{Provider: w.p}); len(es) != 7 || es[0].Action != directory.ProviderDeleted {
		w.Errorf("its log: %d entries, want 7 with the removal first", len(es))
	}
	w.provider("Provider") // the name is free
}

func (w *world) newCollision(name string) directory.Collision {
	return directory.Collision{
		ID: directory.CollisionID(w.p, name), Provider: w.p, UserName: name, ExternalID: "x", Holder: userID(), HolderFrom: "other012345",
		State: directory.CollisionOpen, Count: 1, FirstAt: w.now(), LastAt: w.now(), Version: 1,
	}
}

func (w *world) putCollision(c directory.Collision) {
	w.Helper()
	got, err := w.Collisions.UpdateCollision(w.ctx, w.tenant, c.ID, func(directory.Collision) (directory.Collision, *directory.LogEntry, error) {
		e := w.entry(directory.ConflictOpened)
		e.Target = c.ID
		return c, &e, nil
	})
	w.must(err)
	w.equal("answer", got, c)
}

func (w *world) collisions(state directory.CollisionState, after string, count int) []directory.Collision {
	w.Helper()
	cs, err := w.Collisions.ListCollisions(w.ctx, w.tenant, state, after, count)
	w.must(err)
	return cs
}

func collisions(w *world) {
	c := w.newCollision("Åsa")
	_, err := w.Collisions.UpdateCollision(w.ctx, w.tenant, c.ID, func(old directory.Collision) (directory.Collision, *directory.LogEntry, error) {
		w.equal("what update sees first", old, directory.Collision{})
		return old, nil, directory.Errorf(directory.Forbidden, "mine")
	})
	w.wantKind("an error of the caller", err, directory.Forbidden)
	w.equal("nothing stored", w.collisions("", "", 10), nil)
	w.putCollision(c)
	w.equal("stored", w.collisions("", "", 10), []directory.Collision{c})
	entries := len(w.log(directory.LogQuery{Provider: w.p}))

	again := c
	again.Count, again.LastAt, again.Version = 2, w.now(), 2
	_, err = w.Collisions.UpdateCollision(w.ctx, w.tenant, c.ID, func(old directory.Collision) (directory.Collision, *directory.LogEntry, error) {
		w.equal("what update sees next", old, c)
		return again, nil, nil
	})
	w.must(err)
	w.equal("stored without an entry", w.collisions("", "", 10), []directory.Collision{again})
	if n := len(w.log(directory.LogQuery{Provider: w.p})); entries != 1 || n != 1 {
		w.Errorf("entries: got %d, then %d, want 1 and 1", entries, n)
	}
}

func listCollisions(w *world) {
	var open, all []directory.Collision
	for i := range 7 {
		c := w.newCollision(fmt.Sprint("c", i))
		if i%3 == 0 {
			c.State = directory.CollisionIgnored
		}
		w.putCollision(c)
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b directory.Collision) int { return strings.Compare(a.ID, b.ID) })
	for _, c := range all {
		if c.State == directory.CollisionOpen {
			open = append(open, c)
		}
	}
	w.equal("all", w.collisions("", "", 100), all)
	w.equal("open", w.collisions(directory.CollisionOpen, "", 100), open)
	w.equal("the first two open", w.collisions(directory.CollisionOpen, "", 2), open[:2])
	w.equal("the next two open", w.collisions(directory.CollisionOpen, open[1].ID, 2), open[2:])
	w.equal("the last five", w.collisions("", all[1].ID, 5), all[2:])
	w.equal("none", w.collisions(directory.CollisionRenamed, "", 5), nil)
	closed := open[0]
	closed.State = directory.CollisionConverted
	w.putCollision(closed)
	w.equal("still open", w.collisions(directory.CollisionOpen, "", 100), open[1:])
	w.equal("closed", w.collisions(directory.CollisionConverted, "", 100), []directory.Collision{closed})
}

func raceCollisions(w *world) {
	c := w.newCollision("race")
	errs := race(racers, func(int) error {
		_, err := w.Collisions.UpdateCollision(w.ctx, w.tenant, c.ID, func(old directory.Collision) (directory.Collision, *directory.LogEntry, error) {
			n := c
			n.Count, n.Version = old.Count+1, old.Version+1
			return n, nil, nil
		})
		return err
	})
	w.must(errors.Join(errs...))
	if cs := w.collisions("", "", 10); len(cs) != 1 || cs[0].Count != racers {
		w.Errorf("after %d attempts: %+v", racers, cs)
	}
}

func (w *world) newAPIKey(name string) directory.APIKey {
	return directory.APIKey{
		Credential: directory.Credential{
			ID: "k" + directory.RandomID(), Hash: directory.HashToken(name + string(w.tenant)), LastFour: "1234", CreatedAt: w.now(), CreatedBy: "someone",
			ExpiresAt: w.now(), RetiresAt: w.now(), State: directory.CredentialRetiring,
		},
		Tenant: w.tenant, DisplayName: name, Role: directory.RoleAuditor, Version: 1,
	}
}

func apiKeys(w *world) {
	var all []directory.APIKey
	for i := range 3 {
		k := w.newAPIKey(fmt.Sprint("key", i))
		e := w.adminEntry(directory.APIKeyCreated, k.ID)
		w.must(w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, e))
		w.equal("its entry", w.log(directory.LogQuery{Count: 1})[0], e)
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b directory.APIKey) int { return strings.Compare(a.ID, b.ID) })
	list := func() []directory.APIKey {
		ks, err := w.APIKeys.ListAPIKeys(w.ctx, w.tenant)
		w.must(err)
		return ks
	}
	w.equal("ListAPIKeys", list(), all)
	entries := len(w.log(directory.LogQuery{}))
	edit := func(write bool) (directory.APIKey, error) {
		return w.APIKeys.UpdateAPIKey(w.ctx, w.tenant, all[1].ID, func(old directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
			w.equal("what update sees", old, all[1])
			if !write {
				return old, nil, nil
			}
			old.State, old.Version = directory.CredentialRevoked, 2
			e := w.adminEntry(directory.APIKeyRevoked, old.ID)
			return old, &e, nil
		})
	}
	_, err := edit(false)
	w.must(err)
	w.equal("after no change", list(), all)
	got, err := edit(true)
	w.must(err)
	all[1].State, all[1].Version = directory.CredentialRevoked, 2
	w.equal("answer", got, all[1])
	w.equal("after a change", list(), all)
	byHash, err := w.APIKeys.APIKeyByHash(w.ctx, w.tenant, all[1].Hash)
	w.must(err)
	w.equal("by hash after a change", byHash, all[1])
	if n := len(w.log(directory.LogQuery{})); n != entries+1 {
		w.Errorf("%d entries were written, want 1", n-entries)
	}
	_, err = w.APIKeys.UpdateAPIKey(w.ctx, w.tenant, "kunknown", func(k directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
		w.Error("update was called for an unknown key")
		return k, nil, nil
	})
	w.wantKind("unknown", err, directory.NotFound)
}

func apiKeyByHash(w *world) {
	k := w.newAPIKey("key")
	w.must(w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, w.adminEntry(directory.APIKeyCreated, k.ID)))
	got, err := w.APIKeys.APIKeyByHash(w.ctx, w.tenant, k.Hash)
	w.must(err)
	w.equal("by hash", got, k)
	_, err = w.APIKeys.APIKeyByHash(w.ctx, w.tenant, directory.HashToken("other"))
	w.wantKind("unknown", err, directory.NotFound)
	_, err = w.APIKeys.APIKeyByHash(w.ctx, w.tenant, directory.TokenHash{})
	w.wantKind("no hash", err, directory.NotFound)
}

func (w *world) begin(key, request string, now time.Time) (directory.Replay, bool) {
	w.Helper()
	r, found, err := w.Replays.BeginReplay(w.ctx, w.tenant, directory.Replay{Key: key, Request: request, Expires: now.Add(time.Hour)}, now)
	w.must(err)
	return r, found
}

// replayNow is the real time: a store may drop what expired by its own clock.
func replayNow() time.Time { return time.Now().UTC().Truncate(time.Second) }

func replays(w *world) {
	now := replayNow()
	if _, found := w.begin("a", "r1", now); found {
		w.Error("the first found a record")
	}
	running := directory.Replay{Key: "a", Request: "r1", Expires: now.Add(time.Hour)}
	got, found := w.begin("a", "r2", now.Add(time.Second))
	w.equal("while it runs", got, running)
	w.equal("while it runs", found, true)
	done := running
	done.Answer, done.Expires = []byte{0, 1, 2, 0xff}, now.Add(2*time.Hour)
	w.must(w.Replays.FinishReplay(w.ctx, w.tenant, done))
	got, found = w.begin("a", "r1", now.Add(90*time.Minute))
	w.equal("its answer", got, done)
	w.equal("its answer", found, true)
	if _, found := w.begin("b", "r1", now); found {
		w.Error("another key found the record")
	}
	w.must(w.Replays.FinishReplay(w.ctx, w.tenant, directory.Replay{Key: "b", Request: "r1"}))
	if _, found := w.begin("b", "r3", now); found {
		w.Error("a record without an answer was not removed")
	}
}

func raceReplays(w *world) {
	now := replayNow()
	var won atomic.Int32
	errs := race(racers, func(i int) error {
		old, found, err := w.Replays.BeginReplay(w.ctx, w.tenant, directory.Replay{Key: "k", Request: fmt.Sprint(i), Expires: now.Add(time.Hour)}, now)
		if err == nil && !found {
			won.Add(1)
		}
		if found && old.Key != "k" {
			return fmt.Errorf("the record found is %+v", old)
		}
		return err
	})
	w.must(errors.Join(errs...))
	w.equal("winners", won.Load(), int32(1))
}

func expiredReplays(w *world) {
	now := replayNow()
	w.begin("k", "r1", now)
	if _, found := w.begin("k", "r2", now.Add(time.Hour-time.Second)); !found {
		w.Error("forgotten before its time")
	}
	if _, found := w.begin("k", "r2", now.Add(time.Hour)); found {
		w.Error("kept after its time")
	}
	got, found := w.begin("k", "r3", now.Add(time.Hour))
	w.equal("the next", got, directory.Replay{Key: "k", Request: "r2", Expires: now.Add(2 * time.Hour)})
	w.equal("the next", found, true)
}
