package follow

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/parallel"
)

const (
	// maxRuleRecords limits the rules kept in memory, in records of below a kilobyte: 32 MB.
	maxRuleRecords = 32_768
	// rulesKeptFor limits how long rules are kept although their number stays the same: a process of an earlier release,
	// which may run during an upgrade, does not raise it.
	rulesKeptFor = 5 * time.Minute
)

// ruleCache keeps the rules of providers in memory. Safe for concurrent use.
type ruleCache struct {
	mu sync.Mutex
	of map[rulesOf]*rules
}

type rulesOf struct {
	tenant   directory.TenantID
	provider directory.ProviderID // "" for what belongs to the tenant alone
}

// rules are what resolving a provider's users and announcing events read besides users, groups and the provider. Nothing
// but read and named changes after loading.
type rules struct {
	number, config int64
	loaded, used   time.Time
	mappings       directory.MappingSet
	roles          directory.Catalogue
	lists          []directory.Watchlist
	webhooks       []directory.Webhook
	orgs           map[directory.OrgID]directory.Organization // those that the mappings name
	mu             sync.Mutex
	read           map[directory.OrgID]directory.Organization // those that users named since
	named          map[string]directory.OrgID                 // by OrgNameKey, those in read
}

// rules returns the rules of a provider as it is now, "" for those of a tenant. They are read only if one of them was changed
// since they were kept.
// Errors: NotFound when the provider was removed.
func (s *Service) rules(ctx context.Context, t directory.TenantID, p directory.ProviderID, g directory.Ground) (*rules, error) {
	if g.Provider.ID != p {
		return nil, directory.Errorf(directory.NotFound, "no such provider")
	}
	now, of := s.rt.Time(), rulesOf{t, p}
	if known := s.kept.get(of, g.Rules, g.Provider.ConfigVersion, now); known != nil {
		return known, nil
	}
	loaded, err := s.loadRules(ctx, t, g.Provider)
	if err != nil {
		return nil, err
	}
	// What changed while they were read has raised the number, so that they are read again then.
	loaded.number, loaded.config, loaded.loaded, loaded.used = g.Rules, g.Provider.ConfigVersion, now, now
	s.kept.put(of, loaded)
	return loaded, nil
}

func (s *Service) loadRules(ctx context.Context, t directory.TenantID, p directory.Provider) (*rules, error) {
	r := &rules{read: map[directory.OrgID]directory.Organization{}, named: map[string]directory.OrgID{}}
	reads := []func(context.Context) error{
		func(ctx context.Context) (err error) {
			r.lists, err = s.ports.Watchlists.ListWatchlists(ctx, t)
			return err
		},
		func(ctx context.Context) (err error) {
			r.webhooks, err = s.ports.Webhooks.ListWebhooks(ctx, t)
			return err
		},
	}
	if p.ID != "" {
		reads = append(reads,
			func(ctx context.Context) (err error) {
				r.mappings, err = s.ports.Mappings.MappingSet(ctx, t, p.ID)
				return err
			},
			func(ctx context.Context) (err error) { r.roles, err = s.ports.Roles.Catalogue(ctx, t); return err })
	}
	if err := parallel.Run(ctx, len(reads), reads...); err != nil || p.ID == "" {
		return r, err
	}
	ids := []directory.OrgID{directory.DefaultOrg, p.OrgMapping.Org, p.OrgMapping.Template}
	for _, m := range r.mappings.Orgs {
		ids = append(ids, m.Org)
	}
	var err error
	r.orgs, err = s.ports.Organizations.OrganizationsByID(ctx, t,
		slices.DeleteFunc(ids, func(id directory.OrgID) bool { return id == "" }))
	return r, err
}

// organizations returns the organizations that the mappings name, as a map of the caller's.
func (r *rules) organizations() map[directory.OrgID]directory.Organization {
	out := maps.Clone(r.orgs)
	if out == nil {
		out = map[directory.OrgID]directory.Organization{}
	}
	return out
}

// organization returns the organization with the id; the zero one when there is none.
func (s *Service) organization(ctx context.Context, t directory.TenantID, r *rules, id directory.OrgID) (directory.Organization, error) {
	if o, ok := r.more(func() directory.OrgID { return id }); ok {
		return o, nil
	}
	by, err := s.ports.Organizations.OrganizationsByID(ctx, t, []directory.OrgID{id})
	r.keep(by[id])
	return by[id], err
}

// organizationNamed is organization by the OrgNameKey of its name or an alias.
func (s *Service) organizationNamed(ctx context.Context, t directory.TenantID, r *rules, key string) (directory.Organization, error) {
	if o, ok := r.more(func() directory.OrgID { return r.named[key] }); ok {
		return o, nil
	}
	o, err := s.ports.Organizations.OrganizationByName(ctx, t, key)
	if err != nil {
		return directory.Organization{}, directory.IgnoreNotFound(err)
	}
	r.keep(o)
	return o, nil
}

// more returns one of the organizations that were read since the rules were. id is called under the lock.
func (r *rules) more(id func() directory.OrgID) (directory.Organization, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, ok := r.read[id()]
	return o, ok
}

// keep keeps an organization that was read since the rules were, unless there is none.
func (r *rules) keep(o directory.Organization) {
	if o.ID == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read[o.ID] = o
	for _, key := range o.NameKeys() {
		r.named[key] = o.ID
	}
}

// size returns how many records the rules hold.
func (r *rules) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return 1 + len(r.mappings.Orgs) + len(r.mappings.Roles) + len(r.roles.Roles) + len(r.lists) + len(r.webhooks) + len(r.orgs) +
		len(r.read)
}

func (c *ruleCache) get(of rulesOf, number, config int64, now time.Time) *rules {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.of[of]
	if r == nil || r.number != number || r.config != config || now.Sub(r.loaded) > rulesKeptFor || now.Before(r.loaded) {
		return nil
	}
	r.used = now
	return r
}

func (c *ruleCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.of)
}

// put keeps r, and drops what was used least recently while there is too much. Organizations that are read later are
// counted when the next rules are kept.
func (c *ruleCache) put(of rulesOf, r *rules) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[rulesOf]*rules{}
	}
	c.of[of] = r
	records := 0
	for _, kept := range c.of {
		records += kept.size()
	}
	if records <= maxRuleRecords {
		return
	}
	oldest := slices.SortedFunc(maps.Keys(c.of), func(a, b rulesOf) int {
		return cmp.Or(c.of[a].used.Compare(c.of[b].used), cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.provider, b.provider))
	})
	for _, o := range oldest {
		if records <= maxRuleRecords || o == of {
			continue
		}
		records -= c.of[o].size()
		delete(c.of, o)
	}
}
