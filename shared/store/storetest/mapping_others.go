package storetest

import (
	"context"

	"rollcall/shared/directory"
)

// mappings writes organizations, roles, mappings, watchlists and runs.
func (d *dump) mappings(providers []directory.Provider) {
	for _, o := range got(d.Organizations.ListOrganizations(d.ctx, d.t, "", 10_000)) {
		d.line("organization", o)
	}
	d.line("roles", got(d.Settings.Catalogue(d.ctx, d.t)))
	for _, w := range got(d.Settings.Watchlists(d.ctx, d.t)) {
		d.line("watchlist", w)
	}
	for _, p := range providers {
		d.line("mappings", got(d.Settings.Mappings(d.ctx, d.t, p.ID)))
		for _, v := range got(d.Reports.CountryValues(d.ctx, d.t, p.ID, 1000)) {
			d.line("country", v)
		}
		for _, r := range got(d.ApplyRuns.ListRuns(d.ctx, d.t, p.ID, "", 10_000)) {
			d.line("run", r)
		}
	}
}

// fillMappings gives a victim something of everything of this chapter.
func (v *victim) fillMappings() {
	o := v.newOrg("Org")
	o.ID = "o1"
	v.must(v.tryOrg(o, &directory.Quota{Key: "q", Max: 1}))
	v.updateCatalogue(func(c *directory.Catalogue) { c.Roles = []directory.CatalogueRole{{ID: "a"}} })
	_, _, err := v.updateMappings(func(_ *directory.Provider, m *directory.Mappings) { m.Run = "r1" })
	v.must(err)
	v.putCountry("Atlantis")
	v.putWatchlist("w1", directory.Watchlist{ID: "w1", Title: "t"})
	_, err = v.ApplyRuns.UpdateRun(v.ctx, v.tenant, v.p, "r1", func(directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
		return directory.ApplyRun{ID: "r1", Created: v.now, State: directory.RunPlanned}, nil, nil
	})
	v.must(err)
	_, err = v.ApplyRuns.UpdateRange(v.ctx, v.tenant, "r1", 1, func(directory.RunRange) (directory.RunRange, error) { return directory.RunRange{N: 1}, nil })
	v.must(err)
	v.must(v.ApplyRuns.PutPage(v.ctx, v.tenant, "r1", directory.RunPage{Range: 1}))
}

// mappingRows tries the ids of the victim's organizations, settings and runs.
func (x intruder) mappingRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Organizations.CreateOrganization": func() {
			x.must(x.tryOrg(directory.Organization{ID: "o1", Name: "Org"}, &directory.Quota{Key: "q", Max: 1}))
		},
		"Organizations.UpdateOrganization": func() {
			y := newWorld(x.T, x.Ports)
			_, err := y.updateOrg("o1", func(*directory.Organization) { x.Error("update was called for another tenant's organization") })
			x.notFound("UpdateOrganization", err)
		},
		"Organizations.OrganizationsByID": func() {
			got, err := newWorld(x.T, x.Ports).Organizations.OrganizationsByID(ctx, t+"x", []directory.OrgID{"o1"})
			x.empty("OrganizationsByID", len(got), err)
		},
		"Organizations.OrganizationByName": func() {
			_, err := x.Organizations.OrganizationByName(ctx, t, directory.OrgNameKey("was org"))
			x.notFound("OrganizationByName", err)
		},
		"Organizations.ListOrganizations": func() {
			got, err := x.Organizations.ListOrganizations(ctx, t, "o1", 10)
			x.empty("ListOrganizations", len(got), err)
		},
		"Settings.Catalogue": func() {
			got, err := x.Settings.Catalogue(ctx, t)
			x.empty("Catalogue", len(got.Roles), err)
		},
		"Settings.UpdateCatalogue": func() {
			x.updateCatalogue(func(c *directory.Catalogue) { x.equal("what update sees", *c, directory.Catalogue{}) })
		},
		"Settings.Mappings": func() {
			got, err := x.Settings.Mappings(ctx, t, v.p)
			x.must(err)
			x.equal("Mappings", got, directory.Mappings{})
		},
		"Settings.UpdateMappings": func() {
			_, _, err := x.Settings.UpdateMappings(ctx, t, v.p, nil)
			x.notFound("UpdateMappings", err)
		},
		"Settings.Watchlists": func() { x.empty("Watchlists", len(x.watchlists()), nil) },
		"Settings.UpdateWatchlist": func() {
			_, err := x.Settings.UpdateWatchlist(ctx, t, "w1", func(w directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
				x.equal("what update sees", w, directory.Watchlist{})
				return w, nil, nil
			})
			x.must(err)
		},
		"ApplyRuns.People": func() {
			for part := range directory.RunRanges {
				got, next, err := x.ApplyRuns.People(ctx, t, v.p, part, "", 10)
				x.empty("People "+next, len(got), err)
			}
		},
		"ApplyRuns.Run": func() {
			_, err := x.ApplyRuns.Run(ctx, t, v.p, "r1")
			x.notFound("Run", err)
		},
		"ApplyRuns.UpdateRun": func() {
			_, err := x.ApplyRuns.UpdateRun(ctx, t, v.p, "r1", func(r directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
				x.equal("what update sees", r, directory.ApplyRun{})
				return r, nil, nil
			})
			x.must(err)
		},
		"ApplyRuns.ListRuns": func() {
			got, err := x.ApplyRuns.ListRuns(ctx, t, v.p, "", 10)
			x.empty("ListRuns", len(got), err)
		},
		"ApplyRuns.Ranges": func() {
			got, err := x.ApplyRuns.Ranges(ctx, t, "r1")
			x.empty("Ranges", len(got), err)
		},
		"ApplyRuns.UpdateRange": func() {
			_, err := x.ApplyRuns.UpdateRange(ctx, t, "r1", 1, func(r directory.RunRange) (directory.RunRange, error) {
				x.equal("what update sees", r, directory.RunRange{})
				return r, nil
			})
			x.must(err)
		},
		"ApplyRuns.PutPage": func() {
			x.must(x.ApplyRuns.PutPage(ctx, t, "r1", directory.RunPage{Range: 1, Rows: []directory.RunRow{{}}}))
		},
		"ApplyRuns.Pages": func() {
			got, err := x.ApplyRuns.Pages(context.WithoutCancel(ctx), t, "r2", "", 10)
			x.empty("Pages", len(got), err)
		},
		"Reports.CountryValues": func() {
			got, err := x.Reports.CountryValues(ctx, t, v.p, 10)
			x.empty("CountryValues", len(got), err)
		},
		"Reports.UpdateCountryValue": func() {
			_, err := x.Reports.UpdateCountryValue(ctx, t, v.p, "Atlantis", func(c directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error) {
				x.equal("what update sees", c, directory.CountryValue{})
				return c, nil, nil
			})
			x.must(err)
		},
		"Follow.Tallies": func() {
			got, err := x.Follow.Tallies(ctx, t, []string{"org/o1", "role/a"})
			x.empty("Tallies", got["org/o1"]+got["role/a"], err)
		},
	}
}
