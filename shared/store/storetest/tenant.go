package storetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var tenantChapter = []promise{
	{"tenants/every field is kept, ids are unique", tenants},
	{"tenants/a list by id", listTenants},
	{"tenants/a change with its entry, or without", updateTenant},
	{"tenants/one is erased completely, and no other", eraseTenant},
}

func tenants(w *world) {
	tn := directory.Tenant{
		ID: directory.TenantID(random.ID()[:6]), DisplayName: "Ämter", DeactivationDelay: 17 * time.Minute, Version: 3, Created: w.start,
		Modified: w.now(),
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
	w.wantKind("the same id again", w.Tenants.CreateTenant(w.ctx, again, w.adminEntry(directory.TenantCreated, string(tn.ID))),
		directory.Conflict)
	got, err = w.Tenants.Tenant(w.ctx, tn.ID)
	w.must(err)
	w.equal("after the refusal", got, tn)
	es, err = w.Ports.Log.Entries(w.ctx, tn.ID, directory.LogQuery{Count: 10})
	w.must(err)
	w.equal("its log after the refusal", len(es), 1)
	_, err = w.Tenants.Tenant(w.ctx, "unknown")
	w.wantKind("unknown", err, directory.NotFound)
}

func updateTenant(w *world) {
	tn, err := w.Tenants.Tenant(w.ctx, w.tenant)
	w.must(err)
	entries := func() int { return len(w.log(directory.LogQuery{})) }
	before := entries()
	change := func(e *directory.LogEntry, edit func(*directory.Tenant)) directory.Tenant {
		got, err := w.Tenants.UpdateTenant(w.ctx, w.tenant, func(old directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
			w.equal("passed to update", old, tn)
			edit(&old)
			return old, e, nil
		})
		w.must(err)
		tn, err = w.Tenants.Tenant(w.ctx, w.tenant)
		w.must(err)
		w.equal("stored", tn, got)
		return got
	}
	e := w.adminEntry(directory.TenantRemoved, string(w.tenant))
	removal := directory.TenantRemoval{At: w.now(), By: directory.Actor{Kind: directory.ActorOperator, ID: "k1", RequestID: "r"}, After: "x",
		Swept: true, Next: w.now()}
	got := change(&e, func(t *directory.Tenant) { t.State, t.Removal, t.Version = directory.TenantRemoving, &removal, 7 })
	w.equal("the removal", *got.Removal, removal)
	w.equal("entries", entries(), before+1)
	got = change(nil, func(t *directory.Tenant) { t.Removal = &directory.TenantRemoval{After: "y"} })
	w.equal("without an entry", got.Removal.After, "y")
	change(nil, func(*directory.Tenant) {})
	refused := directory.Errorf(directory.Conflict, "no")
	_, err = w.Tenants.UpdateTenant(w.ctx, w.tenant, func(old directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
		old.DisplayName = "lost"
		return old, &e, refused
	})
	w.wantKind("refused", err, directory.Conflict)
	change(nil, func(*directory.Tenant) {})
	w.equal("entries", entries(), before+1)
	w.must(errors.Join(race(racers, func(int) error {
		_, err := w.Tenants.UpdateTenant(w.ctx, w.tenant, func(old directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
			e := w.adminEntry(directory.TenantUpdated, string(w.tenant))
			old.Version++
			return old, &e, nil
		})
		return err
	})...))
	tn.Version += racers
	change(nil, func(*directory.Tenant) {})
	w.equal("entries after a race", entries(), before+1+racers)
	_, err = w.Tenants.UpdateTenant(w.ctx, "unknown", func(old directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
		w.Error("update was called for an unknown tenant")
		return old, nil, nil
	})
	w.wantKind("unknown", err, directory.NotFound)
}

// eraseTenant erases a tenant with a record of every kind, next to one whose id begins with its id.
func eraseTenant(w *world) {
	id := directory.TenantID(random.ID())
	v, other := newVictim(newWorldIn(w.T, w.Ports, id[:5], age)), newVictim(newWorldIn(w.T, w.Ports, id[:7], age))
	before := other.dump()
	steps := func() (found int) {
		for after, n := "", 0; ; found += n {
			var err error
			after, n, err = w.Tenants.EraseTenant(w.ctx, v.tenant, after)
			w.must(err)
			if after == "" {
				return found + n
			}
		}
	}
	if n := steps(); n < 50 {
		w.Errorf("only %d records were erased", n)
	}
	w.equal("records found by a second pass", steps(), 0)
	rest := func(ids ...directory.TenantID) (found int) {
		for after := ""; ; {
			next, n, err := w.Tenants.EraseRest(w.ctx, ids, after)
			w.must(err)
			if found += n[v.tenant]; len(n) > 1 || n[other.tenant] > 0 {
				w.Errorf("found: %v", n)
			}
			if after = next; after == "" {
				return found
			}
		}
	}
	w.equal("records found of nobody", rest(), 0)
	w.Logf("%d records were left", rest(v.tenant))
	w.equal("records that a second pass over all data found", rest(v.tenant), 0)
	nothing := []string{`roles {"Roles":null,"Version":0}` + "\n", "aliases null\n", `task {"ID":"","Version":0}` + "\n"}
	for line := range strings.Lines(v.dump()) {
		if !strings.HasPrefix(line, "tenant ") && !slices.Contains(nothing, line) {
			w.Errorf("left: %s", line)
		}
	}
	_, err := w.APIKeys.APIKeyByHash(w.ctx, v.tenant, v.key.Hash)
	w.wantKind("a key", err, directory.NotFound)
	if _, found := v.begin("key", "request", v.now); found {
		w.Error("the stored answer is left")
	}
	counts, err := w.Counts.Counts(w.ctx, v.tenant, v.p, v.start)
	w.must(err)
	w.equal("counts", len(counts), 0)
	w.equal("the other tenant", other.dump(), before)
	e := w.adminEntry(directory.TenantErased, string(v.tenant))
	w.must(w.Tenants.RemoveTenant(w.ctx, v.tenant, e))
	_, err = w.Tenants.Tenant(w.ctx, v.tenant)
	w.wantKind("the tenant", err, directory.NotFound)
	es, err := w.Ports.Log.Entries(w.ctx, directory.OperatorScope, directory.LogQuery{Count: 1000})
	w.must(err)
	if !slices.ContainsFunc(es, func(x directory.LogEntry) bool { return x.ID == e.ID }) {
		w.Error("the operators' log has no entry of the erasure")
	}
	w.wantKind("again", w.Tenants.RemoveTenant(w.ctx, v.tenant, w.adminEntry(directory.TenantErased, "x")), directory.NotFound)
}

func listTenants(w *world) {
	var mine []directory.TenantID
	for range 5 {
		tn := directory.Tenant{ID: directory.TenantID(random.ID()[:7]), Version: 1, Created: w.start, Modified: w.start}
		mine = append(mine, tn.ID)
		w.must(w.Tenants.CreateTenant(w.ctx, tn, w.adminEntry(directory.TenantCreated, string(tn.ID))))
	}
	slices.Sort(mine)
	var seen []directory.TenantID
	for after := directory.TenantID(""); ; { // other tests create tenants, too
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

func (x intruder) tenantsRows() map[string]func() {
	ctx, v := x.ctx, x.v
	return map[string]func(){
		"Tenants.CreateTenant": func() {
			err := x.Tenants.CreateTenant(ctx, directory.Tenant{ID: v.tenant, DisplayName: "taken over", Version: 1},
				x.adminEntry(directory.TenantCreated, "x"))
			x.wantKind("CreateTenant", err, directory.Conflict)
		},
		"Tenants.Tenant":      func() {}, // the list of tenants serves operators, who may see all
		"Tenants.ListTenants": func() {},
		// Only operators call these; eraseTenant proves that they do not change other tenants.
		"Tenants.UpdateTenant": func() {},
		"Tenants.EraseTenant":  func() {},
		"Tenants.EraseRest":    func() {},
		"Tenants.RemoveTenant": func() {},
	}
}
