package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/find"
)

// Example fills a store with a value in every field of every record, and with the results of operations on leavers and
// their guard: the data of a release, which every later one must be able to read.
func Example(t *testing.T, ports directory.Ports) {
	t.Helper()
	for _, fill := range []func(*world){
		everyUserField, unusualText, everyGroupField, everyEntryField, appendEntry, everyProviderField, tenants, conflicts, apiKeys,
		everyOrganizationField, organizationQuota, catalogue, proposals, mappings, watchlists, applyRuns, runPages, countryValues,
		keptMatters, keptCustodians, keptGuards, webhooks, deliveries, dueSetAside, appendBlocks, lateEntries, eraseEntry, aliases, usages, tasks,
	} {
		fill(newWorld(t, ports))
	}
	stories := []string{"trip the guard", "move more than the guard allows", "close a matter", "erase", "delete the provider",
		"convert to local"}
	for _, st := range crashStories {
		if !slices.Contains(stories, st.name) {
			continue
		}
		c := newCrash(t, ports)
		c.prepare(st)
		c.must(st.change(c))
		c.must(c.follow())
	}
}

// DumpAll returns Dump of every tenant in the store.
func DumpAll(ctx context.Context, ports directory.Ports) string {
	var out strings.Builder
	err := find.EachTenant(ctx, ports.Tenants, func(t directory.Tenant) error {
		out.WriteString(Dump(ctx, ports, t.ID) + "\n")
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("dump: %v", err))
	}
	return out.String()
}

// GoOn goes on with the data of an earlier release, after it was read: what that release counted is not counted again, so
// that all entries are counted once, and deliveries that it left are sent. It returns how often a delivery was sent, by the
// id of its event.
func GoOn(t *testing.T, ports directory.Ports, now func() time.Time) map[string]int {
	t.Helper()
	err := find.EachTenant(t.Context(), ports.Tenants, func(tenant directory.Tenant) error {
		w := &world{T: t, Ports: ports, ctx: t.Context(), tenant: tenant.ID, tick: new(atomic.Int64), start: now().AddDate(-1, 0, 0)}
		var all []directory.LogEntry
		for _, e := range w.log(directory.LogQuery{}) {
			all = append(all, e)
			if e.Action == directory.ProviderCreated {
				all = append(all, w.log(directory.LogQuery{Provider: directory.ProviderID(e.Target)})...)
			}
		}
		counted := 0
		for es := range slices.Chunk(all, 100) {
			counted += len(es) - w.count(es...)
		}
		w.equal("fresh when repeated", w.count(all...), 0)
		w.recount(fmt.Sprintf("%d of %d entries were counted before", counted, len(all)), all)
		w.start = now()
		w.numbersGoOn(all)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	out := &outside{sent: map[string]int{}}
	svc := directorytest.New(ports, directory.Runtime{Now: now, External: directory.External{Sender: out, Secrets: oneSecret{}}})
	for range 2 {
		_ = svc.RetryDue(t.Context(), func() bool { return false }) // entries that were parked are no longer in the log
		if _, err := svc.DeliverDue(t.Context(), func() bool { return false }); err != nil {
			t.Error(err)
		}
	}
	return out.sent
}

// numbersGoOn fails unless the next changes of groups have numbers above those that their entries have.
func (w *world) numbersGoOn(es []directory.LogEntry) {
	w.Helper()
	last := map[directory.GroupID]int64{}
	for _, e := range es {
		if e.Group != "" && e.Target == "" {
			last[e.Group] = max(last[e.Group], e.Version)
		}
	}
	for _, e := range es {
		if last[e.Group] == 0 {
			continue
		}
		v, err := w.Groups.ReadGroup(w.ctx, w.tenant, e.Provider, e.Group, directory.GroupWant{}, nil)
		if directory.IsKind(err, directory.NotFound) {
			continue
		}
		w.must(err)
		for i := range int64(2) {
			_, err := w.rename(v.Group, fmt.Sprint(e.Group, i))
			w.must(err)
			ns := w.log(directory.LogQuery{Group: e.Group, Count: 1})
			if n := w.numberSome(ns...)[0].Version; n <= last[e.Group] || i > 0 && n != last[e.Group]+1 {
				w.Errorf("a change of a group has the number %d after %d", n, last[e.Group])
			} else {
				last[e.Group] = n
			}
		}
		last[e.Group] = 0 // once each
	}
}

// oneSecret decrypts everything to one secret: those of the examples are none.
type oneSecret struct{}

func (oneSecret) Encrypt(_ context.Context, plain []byte, _ string) ([]byte, error) {
	return plain, nil
}

func (oneSecret) Decrypt(context.Context, []byte, string) ([]byte, error) {
	return []byte("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"), nil
}
