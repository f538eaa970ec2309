package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/shared/directory"
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
	err := directory.EachTenant(ctx, ports.Tenants, func(t directory.Tenant) error {
		out.WriteString(Dump(ctx, ports, t.ID) + "\n")
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("dump: %v", err))
	}
	return out.String()
}
