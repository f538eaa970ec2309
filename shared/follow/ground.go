package follow

import (
	"context"
	"sync"

	"rollcall/shared/directory"
	"rollcall/shared/parallel"
)

// grounds are the providers and tenants of a batch as they were after its entries were written. Safe for concurrent use.
type grounds struct {
	mu sync.Mutex
	of map[rulesOf]directory.Ground
}

// ground returns what is known of a provider, "" for a tenant, and reads it together with that of all entries.
func (c *course) ground(ctx context.Context, t directory.TenantID, p directory.ProviderID) (directory.Ground, error) {
	gs, k := &c.grounds, rulesOf{t, p}
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if g, known := gs.of[k]; known {
		return g, nil
	}
	want := []rulesOf{k}
	asked := map[rulesOf]bool{k: true}
	for _, e := range c.batch {
		k := rulesOf{e.Tenant, e.Entry.Provider}
		if _, known := gs.of[k]; e.Unreadable == nil && !known && !asked[k] {
			want, asked[k] = append(want, k), true
		}
	}
	var mu sync.Mutex
	found := map[rulesOf]directory.Ground{}
	err := parallel.Each(ctx, parallelLooks, len(want), func(ctx context.Context, i int) error {
		k := want[i]
		g, err := c.s.ports.Mappings.Ground(ctx, k.tenant, k.provider)
		mu.Lock()
		defer mu.Unlock()
		found[k] = g
		return err
	})
	if err != nil {
		return directory.Ground{}, err
	}
	if gs.of == nil {
		gs.of = found
	}
	for k, g := range found {
		gs.of[k] = g
	}
	return gs.of[k], nil
}

// tenantGround returns what is known of a tenant: of any of its providers' grounds.
func (c *course) tenantGround(ctx context.Context, t directory.TenantID, e directory.LogEntry) (directory.Ground, error) {
	g, err := c.ground(ctx, t, e.Provider)
	g.Provider, g.Mark = directory.Provider{}, ""
	return g, err
}

// forgetGrounds has them read again.
func (c *course) forgetGrounds() {
	c.grounds.mu.Lock()
	defer c.grounds.mu.Unlock()
	clear(c.grounds.of)
}
