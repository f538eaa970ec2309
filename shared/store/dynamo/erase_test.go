package dynamo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/storetest"
)

// erasing counts what erasing removed tenants costs.
type erasing struct {
	directory.Tenants
	*testing.T
	named  map[directory.TenantID]int // records that were erased by their partitions
	passes []int                      // tenants that each pass over all data looked for
	left   map[directory.TenantID]int
}

func (e *erasing) EraseTenant(ctx context.Context, id directory.TenantID, after string) (string, int, error) {
	ctx, m := meter.With(ctx)
	next, n, err := e.Tenants.EraseTenant(ctx, id, after)
	if e.named[id] += n; m.WriteUnits() > 120 {
		e.Errorf("a step of 30 records of %s cost %v units", id, m.WriteUnits())
	}
	return next, n, err
}

func (e *erasing) EraseRest(ctx context.Context, ids []directory.TenantID, after string) (string, map[directory.TenantID]int, error) {
	if after == "" {
		e.passes = append(e.passes, len(ids))
	}
	if len(e.named) < 10 {
		e.Error("a pass began before all tenants were erased by name")
	}
	next, found, err := e.Tenants.EraseRest(ctx, ids, after)
	for id, n := range found {
		e.left[id] += n
	}
	return next, found, err
}

// Ten removed tenants are erased by what their records lead to, and one pass over the table looks for what is left of all.
func TestErasingTenants(t *testing.T) {
	t.Parallel()
	now := time.Now()
	db, streams := dynamolocal.Clients(t)
	s, err := dynamo.Open(t.Context(), dynamo.Config{Now: time.Now, Client: db, Streams: streams, Table: newTable(t)})
	if err != nil {
		t.Fatal(err)
	}
	s.LimitErases(30)
	ports := s.Ports()
	e := &erasing{Tenants: ports.Tenants, T: t, named: map[directory.TenantID]int{}, left: map[directory.TenantID]int{}}
	ports.Tenants = e
	env := directorytest.New(ports, directory.Runtime{Now: func() time.Time { return now }})
	remains := newTenantEnv(t, s)
	remains.group(t.Context(), "g", remains.user(t.Context(), 1).ScimID)
	before := storetest.Dump(t.Context(), s.Ports(), tenantOf(remains.caller))
	operator := administration.Admin{Tenant: directory.OperatorScope, Actor: directory.Actor{Kind: directory.ActorOperator, ID: "k1"}}
	removed := map[directory.TenantID]bool{}
	for i := range 10 {
		o := newTenantEnv(t, s)
		var ids []directory.ScimID
		for n := range 4 {
			ids = append(ids, o.user(t.Context(), n).ScimID)
		}
		o.group(t.Context(), fmt.Sprint("g", i), ids...)
		o.must(deleteUser(&crashes{tenantEnv: o}, directory.User{ScimID: ids[0]}))
		id := tenantOf(o.caller)
		removed[id] = true
		_, err := env.As(operator).Tenants.Remove(t.Context(), id, func(directory.Tenant) error { return nil })
		o.must(err)
	}
	for range 4 {
		if err := env.EraseTenants(t.Context(), func() bool { return false }); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	if !slices.Equal(e.passes, []int{10}) || len(e.named) != 10 {
		t.Errorf("passes for %v tenants, records by name %v, left %v", e.passes, e.named, e.left)
	}
	for id := range removed {
		_, err := ports.Tenants.Tenant(t.Context(), id)
		if !directory.IsKind(err, directory.NotFound) || e.named[id] < 20 || e.left[id] > 0 {
			t.Errorf("%s: %v, %d records were erased by name, %d were left", id, err, e.named[id], e.left[id])
		}
	}
	if after := storetest.Dump(t.Context(), s.Ports(), tenantOf(remains.caller)); after != before || strings.Count(before, "\n") < 5 {
		t.Errorf("the other tenant: %s", after)
	}
	t.Logf("by name %v", e.named)
}
