package storetest

import (
	"errors"

	"rollcall/shared/directory"
)

var mappingChapter = []promise{
	{"mappings/are changed with their provider", mappings},
	{"mappings/racing changes all count", raceMappings},
	{"mappings/what rules read is numbered", rulesNumber},
}

func (w *world) updateMappings(edit func(*directory.Provider, *directory.MappingSet)) (directory.Provider, directory.MappingSet, error) {
	return w.Mappings.UpdateMappings(w.ctx, w.tenant, w.p,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, *directory.LogEntry, error) {
			edit(&p, &m)
			p.Version++
			m.Version++
			e := w.adminEntry(directory.MappingsUpdated, string(w.p))
			return p, m, &e, nil
		})
}

func mappings(w *world) {
	m, err := w.Mappings.MappingSet(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("before", m, directory.MappingSet{})
	group := directory.MappedGroup{ID: "g1", Name: "Grüße", ExternalID: "x"}
	p, m, err := w.updateMappings(func(p *directory.Provider, m *directory.MappingSet) {
		p.ConfigVersion = 9
		p.OrgMapping = directory.OrgSettings{Method: directory.OrgAttribute, Org: "o1", Attribute: "title", Template: "o2"}
		p.RoleMapping = directory.RoleSettings{Mode: directory.RolesGroups, Strict: true}
		m.Orgs = []directory.OrgMapping{{ID: "m1", Groups: []directory.MappedGroup{group}, Org: "o1"}}
		m.Roles = []directory.RoleMapping{{ID: "m2", Groups: []directory.MappedGroup{group}, Roles: []directory.RoleID{"a"}}}
		m.Proposed = []directory.RoleMapping{
			{ID: "m3", Groups: []directory.MappedGroup{group}, Roles: []directory.RoleID{"b"}, ProposedBy: "k", ProposedAt: w.now()},
		}
		m.Run = "r1"
	})
	w.must(err)
	gotP, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	gotM, err := w.Mappings.MappingSet(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("provider", gotP, p)
	w.equal("mappings", gotM, m)
	entries := len(w.log(directory.LogQuery{}))
	_, same, err := w.Mappings.UpdateMappings(w.ctx, w.tenant, w.p,
		func(p directory.Provider, m directory.MappingSet) (directory.Provider, directory.MappingSet, *directory.LogEntry, error) {
			m.Run = "changed"
			return p, m, nil, nil
		})
	w.must(err)
	w.equal("without an entry", same, m)
	w.equal("entries", len(w.log(directory.LogQuery{})), entries)
	_, _, err = w.Mappings.UpdateMappings(w.ctx, w.tenant, directory.ProviderID(string(w.tenant)+"zzzzz"), nil)
	w.wantKind("an unknown provider", err, directory.NotFound)
}

func rulesNumber(w *world) {
	number := func() int64 {
		w.Helper()
		g, err := w.Mappings.Ground(w.ctx, w.tenant, w.p)
		w.must(err)
		w.equal("provider", g.Provider.ID, w.p)
		return g.Rules
	}
	raises := func(what string, by int64, change func()) {
		w.Helper()
		before := number()
		change()
		w.equal("raised by "+what, number()-before, by)
	}
	raises("mappings", 1, func() {
		_, _, err := w.updateMappings(func(*directory.Provider, *directory.MappingSet) {})
		w.must(err)
	})
	raises("an organization and its change", 2, func() {
		_, err := w.updateOrg(w.org("Numbered").ID, func(o *directory.Organization) { o.Blocked = false })
		w.must(err)
	})
	raises("the catalogue", 1, func() { w.updateCatalogue(func(*directory.Catalogue) {}) })
	raises("a watchlist", 1, func() { w.putWatchlist("w1", directory.Watchlist{ID: "w1", Title: "numbered"}) })
	raises("a webhook and its end", 2, func() { w.must(w.deleteWebhook(string(w.createWebhook("numbered").ID))) })
	raises("a user, a group and a provider", 0, func() {
		w.group(w.p, "numbered", w.user(w.p, "numbered").ScimID)
		_, err := w.updateProvider(w.p, func(p *directory.Provider) { p.Matching = nil })
		w.must(err)
	})
	g, err := w.Mappings.Ground(w.ctx, w.tenant, "")
	w.must(err)
	w.equal("the tenant's", g, directory.Ground{Rules: number(), NamesManagers: g.NamesManagers})
	g, err = w.Mappings.Ground(w.ctx, w.tenant, directory.ProviderID(string(w.tenant)+"zzzzz"))
	w.must(err)
	w.equal("an unknown provider", g.Provider.ID, directory.ProviderID(""))
	for i, p := range []directory.ProviderID{w.p, ""} {
		mark := []string{"of the provider", "of the tenant"}[i]
		w.must(w.Chains.AppendBlock(w.ctx, w.tenant, p, directory.Block{Seq: 1, Mark: mark}, nil))
		g, err = w.Mappings.Ground(w.ctx, w.tenant, p)
		w.must(err)
		w.equal("the mark of the chain", g.Mark, mark)
	}
}

func raceMappings(w *world) {
	errs := race(racers, func(i int) error {
		if i%2 == 0 {
			_, err := w.updateProvider(w.p, func(p *directory.Provider) { p.ConfigVersion++ })
			return err
		}
		_, _, err := w.updateMappings(func(p *directory.Provider, _ *directory.MappingSet) { p.ConfigVersion++ })
		return err
	})
	w.must(errors.Join(errs...))
	p, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("increments of 3", p.ConfigVersion, int64(3+racers))
}

// managersAreNamed checks that followers look for reports who name their managers.
func (w *world) managersAreNamed() {
	w.Helper()
	g, err := w.Mappings.Ground(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("a user names a manager", g.NamesManagers, true)
}

func (x intruder) mappingsRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Mappings.MappingSet": func() {
			got, err := x.Mappings.MappingSet(ctx, t, v.p)
			x.must(err)
			x.equal("Mappings", got, directory.MappingSet{})
		},
		"Mappings.Ground": func() {
			g, err := x.Mappings.Ground(ctx, t, v.p)
			x.must(err)
			x.equal("Ground", g, directory.Ground{Rules: g.Rules, NamesManagers: g.NamesManagers}) // of the own tenant
		},
		"Mappings.UpdateMappings": func() {
			_, _, err := x.Mappings.UpdateMappings(ctx, t, v.p, nil)
			x.notFound("UpdateMappings", err)
		},
	}
}
