package storetest

import (
	"slices"

	"rollcall/shared/directory"
)

var roleChapter = []promise{
	{"roles/the catalogue is kept", catalogue},
}

func (w *world) updateCatalogue(edit func(*directory.Catalogue)) directory.Catalogue {
	w.Helper()
	c, err := w.Roles.UpdateCatalogue(w.ctx, w.tenant, func(c directory.Catalogue) (directory.Catalogue, *directory.LogEntry, error) {
		c.Roles = slices.Clone(c.Roles)
		edit(&c)
		c.Version++
		e := w.adminEntry(directory.RolesUpdated, "roles")
		return c, &e, nil
	})
	w.must(err)
	return c
}

func catalogue(w *world) {
	got, err := w.Roles.Catalogue(w.ctx, w.tenant)
	w.must(err)
	w.equal("before", got, directory.Catalogue{})
	want := w.updateCatalogue(func(c *directory.Catalogue) {
		c.Roles = []directory.CatalogueRole{{ID: "a", Name: "Ä", Description: "d", Privileged: true, System: true}, {ID: "b"}}
	})
	got, err = w.Roles.Catalogue(w.ctx, w.tenant)
	w.must(err)
	w.equal("stored", got, want)
	race(racers, func(int) error { w.updateCatalogue(func(*directory.Catalogue) {}); return nil })
	got, err = w.Roles.Catalogue(w.ctx, w.tenant)
	w.must(err)
	w.equal("after a race", got.Version, int64(1+racers))
}

func (x intruder) rolesRows() map[string]func() {
	ctx, t := x.ctx, x.tenant
	return map[string]func(){
		"Roles.Catalogue": func() {
			got, err := x.Roles.Catalogue(ctx, t)
			x.empty("Catalogue", len(got.Roles), err)
		},
		"Roles.UpdateCatalogue": func() {
			x.updateCatalogue(func(c *directory.Catalogue) { x.equal("passed to update", *c, directory.Catalogue{}) })
		},
	}
}
