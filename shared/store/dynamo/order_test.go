package dynamo_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/store/dynamo"
)

// The entries of a user or group lie under one partition key for each day, and the stream, which keeps the order of a
// key, hands them on in the order of their commits.
func TestEntriesOfASubjectAreInOrder(t *testing.T) {
	t.Parallel()
	db, streams := dynamolocal.Clients(t)
	s, err := dynamo.Open(t.Context(), dynamo.Config{Client: db, Streams: streams, Table: newTableOf(t, dynamo.TableSpec()), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := newTenantEnv(t, s)
	u, g := o.user(t.Context(), 0), o.group(t.Context(), "Group")
	changes := proof.Size(100, 1000)
	for i := range changes - 1 {
		if i%10 == 0 {
			o.patchMember(t.Context(), g.ID, o.user(t.Context(), i+1).ScimID)
		}
		o.patchUser(t.Context(), u.ScimID, func(p *directory.Profile) { p.Active = !p.Active })
	}
	tenant, _ := u.Provider.Tenant()
	for id, want := range map[string]int{string(u.ID): changes, string(g.ID): 1 + (changes+8)/10} {
		keys, err := s.LogOf(t.Context(), tenant, id)
		o.must(err)
		shards, entries := map[string]bool{}, 0
		for pk, n := range keys {
			shards[pk[strings.LastIndex(pk, "#"):]] = true
			entries += n
		}
		if len(shards) != 1 || entries != want {
			t.Errorf("%d entries of %s lie under %v, want %d in one shard", entries, id, slices.Sorted(maps.Keys(keys)), want)
		}
	}
	enough := errors.New("all were followed")
	var versions []int64
	for err = error(nil); err == nil; {
		_, err = s.Ports().Feed.Deliver(t.Context(), func(_ context.Context, batch []directory.TenantEntry) error {
			for _, e := range batch {
				if e.Entry.User == u.ID {
					versions = append(versions, e.Entry.Version)
				}
			}
			return nil
		})
		if err == nil && len(versions) >= changes {
			err = enough
		}
	}
	if !errors.Is(err, enough) || !slices.IsSorted(versions) {
		t.Errorf("followed in the order %v: %v", versions, err)
	}
}
