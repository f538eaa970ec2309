package storetest

import (
	"errors"
	"fmt"
	"slices"

	"rollcall/shared/directory"
)

var mappingChapter = []promise{
	{"organizations/every field is kept, listed by id", everyOrganizationField},
	{"organizations/a name or alias is unique in the tenant", organizationNames},
	{"organizations/racing names have one winner", raceOrganizations},
	{"organizations/a quota ends at its number", organizationQuota},
	{"roles/the catalogue is kept", catalogue},
	{"mappings/change with their provider", mappings},
	{"mappings/racing changes all count", raceMappings},
	{"watchlists/kept, listed and removed", watchlists},
	{"apply runs/kept, newest first", applyRuns},
	{"apply runs/ranges and pages", runPages},
	{"tallies/each entry counts once", tallies},
}

func orgID() directory.OrgID { return directory.OrgID("o" + directory.RandomID()) }

// newOrg is an organization with a value in every field, not stored yet.
func (w *world) newOrg(name string) directory.Organization {
	return directory.Organization{
		ID: orgID(), Name: name, Aliases: []string{"was " + name}, Parent: directory.DefaultOrg, ExternalRef: "ref", DefaultRoles: []directory.RoleID{"a", "b"},
		Blocked: true, State: directory.OrgDeactivated, Auto: w.p, CreatedBy: "someone", Version: 1, Created: w.now(), Modified: w.now(),
	}
}

func (w *world) tryOrg(o directory.Organization, q *directory.Quota) error {
	return w.Organizations.CreateOrganization(w.ctx, w.tenant, o, q, w.adminEntry(directory.OrganizationCreated, string(o.ID)))
}

func (w *world) org(name string) directory.Organization {
	w.Helper()
	o := w.newOrg(name)
	w.must(w.tryOrg(o, nil))
	return o
}

func (w *world) updateOrg(id directory.OrgID, edit func(*directory.Organization)) (directory.Organization, error) {
	return w.Organizations.UpdateOrganization(w.ctx, w.tenant, id, func(o directory.Organization) (directory.Organization, *directory.LogEntry, error) {
		o.Aliases = slices.Clone(o.Aliases)
		edit(&o)
		o.Version++
		e := w.adminEntry(directory.OrganizationUpdated, string(id))
		return o, &e, nil
	})
}

func everyOrganizationField(w *world) {
	var all []directory.Organization
	for _, name := range []string{"Prüfung <&>", "b", "c"} {
		all = append(all, w.org(name))
	}
	slices.SortFunc(all, func(a, b directory.Organization) int { return compare(a.ID, b.ID) })
	var seen []directory.Organization
	for after := directory.OrgID(""); ; after = seen[len(seen)-1].ID {
		os, err := w.Organizations.ListOrganizations(w.ctx, w.tenant, after, 2)
		w.must(err)
		if len(os) == 0 {
			break
		}
		seen = append(seen, os...)
	}
	w.equal("ListOrganizations", seen, all)
	by, err := w.Organizations.OrganizationsByID(w.ctx, w.tenant, []directory.OrgID{all[0].ID, "nobody", all[2].ID, all[0].ID, ""})
	w.must(err)
	w.equal("OrganizationsByID", by, map[directory.OrgID]directory.Organization{all[0].ID: all[0], all[2].ID: all[2]})
	entries := len(w.log(directory.LogQuery{}))
	w.wantKind("the same id again", w.tryOrg(directory.Organization{ID: all[0].ID, Name: "other"}, nil), directory.Conflict)
	_, err = w.updateOrg("nobody", func(*directory.Organization) { w.Error("update was called for an unknown organization") })
	w.wantKind("change of an unknown one", err, directory.NotFound)
	mine := directory.Errorf(directory.Forbidden, "mine")
	_, err = w.Organizations.UpdateOrganization(w.ctx, w.tenant, all[0].ID, func(o directory.Organization) (directory.Organization, *directory.LogEntry, error) {
		o.Name = "changed"
		return o, nil, mine
	})
	w.equal("the caller's error", err, error(mine))
	same, err := w.Organizations.UpdateOrganization(w.ctx, w.tenant, all[0].ID, func(o directory.Organization) (directory.Organization, *directory.LogEntry, error) {
		o.Name = "changed"
		return o, nil, nil
	})
	w.must(err)
	w.equal("without an entry", same, all[0])
	w.equal("entries of refused changes", len(w.log(directory.LogQuery{})), entries)
	changed, err := w.updateOrg(all[0].ID, func(o *directory.Organization) {
		*o = directory.Organization{ID: o.ID, Name: "bare", State: directory.OrgActive}
	})
	w.must(err)
	by, err = w.Organizations.OrganizationsByID(w.ctx, w.tenant, []directory.OrgID{all[0].ID})
	w.must(err)
	w.equal("after a change", by[all[0].ID], changed)
}

func compare[T ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func organizationNames(w *world) {
	first := w.org("Head  Quarters")
	taken := directory.TakenError{Attr: "name", Holder: string(first.ID)}
	for _, name := range []string{"HEAD quarters", " head quarters ", "Was  Head quarters"} {
		w.wantTaken("creating "+name, w.tryOrg(directory.Organization{ID: orgID(), Name: name}, nil), taken)
		o, err := w.Organizations.OrganizationByName(w.ctx, w.tenant, directory.OrgNameKey(name))
		w.must(err)
		w.equal("found by "+name, o.ID, first.ID)
	}
	second := w.org("Second")
	_, err := w.updateOrg(second.ID, func(o *directory.Organization) { o.Name = "Head quarters" })
	w.wantTaken("renaming", err, taken)
	_, err = w.updateOrg(first.ID, func(o *directory.Organization) { o.Name, o.Aliases = "Base", []string{"Head Quarters"} })
	w.must(err)
	for name, want := range map[string]directory.OrgID{"base": first.ID, "head quarters": first.ID, "was head quarters": "", "second": second.ID} {
		o, err := w.Organizations.OrganizationByName(w.ctx, w.tenant, directory.OrgNameKey(name))
		if want == "" {
			w.wantKind(name, err, directory.NotFound)
		} else if err != nil || o.ID != want {
			w.Errorf("%s finds %s, %v; want %s", name, o.ID, err, want)
		}
	}
	elsewhere := newWorld(w.T, w.Ports)
	elsewhere.org("Base")
}

func raceOrganizations(w *world) {
	errs := race(racers, func(i int) error {
		return w.tryOrg(directory.Organization{ID: orgID(), Name: spellings[i%len(spellings)]}, nil)
	})
	w.wonOnce("creations", "name", errs)
	o := w.org("counted")
	errs = race(racers, func(int) error {
		_, err := w.updateOrg(o.ID, func(o *directory.Organization) { o.ExternalRef += "x" })
		return err
	})
	w.must(errors.Join(errs...))
	by, err := w.Organizations.OrganizationsByID(w.ctx, w.tenant, []directory.OrgID{o.ID})
	w.must(err)
	w.equal("every change", len(by[o.ID].ExternalRef), len("ref")+racers)
}

func organizationQuota(w *world) {
	q := &directory.Quota{Key: "day", Max: 5}
	errs := race(racers, func(i int) error { return w.tryOrg(directory.Organization{ID: orgID(), Name: fmt.Sprint("o", i)}, q) })
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else {
			w.wantKind("beyond the quota", err, directory.TooMany)
		}
	}
	w.equal("made", made, 5)
	w.must(w.tryOrg(directory.Organization{ID: orgID(), Name: "another day"}, &directory.Quota{Key: "next", Max: 1}))
	os, err := w.Organizations.ListOrganizations(w.ctx, w.tenant, "", 100)
	w.must(err)
	w.equal("stored", len(os), 6)
}

func (w *world) updateCatalogue(edit func(*directory.Catalogue)) directory.Catalogue {
	w.Helper()
	c, err := w.Settings.UpdateCatalogue(w.ctx, w.tenant, func(c directory.Catalogue) (directory.Catalogue, *directory.LogEntry, error) {
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
	got, err := w.Settings.Catalogue(w.ctx, w.tenant)
	w.must(err)
	w.equal("before", got, directory.Catalogue{})
	want := w.updateCatalogue(func(c *directory.Catalogue) {
		c.Roles = []directory.CatalogueRole{{ID: "a", Name: "Ä", Description: "d", Privileged: true, System: true}, {ID: "b"}}
	})
	got, err = w.Settings.Catalogue(w.ctx, w.tenant)
	w.must(err)
	w.equal("stored", got, want)
	race(racers, func(int) error { w.updateCatalogue(func(*directory.Catalogue) {}); return nil })
	got, err = w.Settings.Catalogue(w.ctx, w.tenant)
	w.must(err)
	w.equal("after a race", got.Version, int64(1+racers))
}

func (w *world) updateMappings(edit func(*directory.Provider, *directory.Mappings)) (directory.Provider, directory.Mappings, error) {
	return w.Settings.UpdateMappings(w.ctx, w.tenant, w.p, func(p directory.Provider, m directory.Mappings) (directory.Provider, directory.Mappings, *directory.LogEntry, error) {
		edit(&p, &m)
		p.Version++
		m.Version++
		e := w.adminEntry(directory.MappingsUpdated, string(w.p))
		return p, m, &e, nil
	})
}

func mappings(w *world) {
	m, err := w.Settings.Mappings(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("before", m, directory.Mappings{})
	group := directory.MappedGroup{ID: "g1", Name: "Grüße", ExternalID: "x"}
	p, m, err := w.updateMappings(func(p *directory.Provider, m *directory.Mappings) {
		p.ConfigVersion = 9
		p.OrgMapping = directory.OrgSettings{Method: directory.OrgAttribute, Org: "o1", Attribute: "title", Template: "o2"}
		p.RoleMapping = directory.RoleSettings{Mode: directory.RolesGroups, Strict: true}
		m.Orgs = []directory.OrgMapping{{ID: "m1", Groups: []directory.MappedGroup{group}, Org: "o1"}}
		m.Roles = []directory.RoleMapping{{ID: "m2", Groups: []directory.MappedGroup{group}, Roles: []directory.RoleID{"a"}}}
		m.Proposed = []directory.RoleMapping{{ID: "m3", Groups: []directory.MappedGroup{group}, Roles: []directory.RoleID{"b"}, ProposedBy: "k", ProposedAt: w.now()}}
		m.Run = "r1"
	})
	w.must(err)
	gotP, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	gotM, err := w.Settings.Mappings(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("provider", gotP, p)
	w.equal("mappings", gotM, m)
	entries := len(w.log(directory.LogQuery{}))
	_, same, err := w.Settings.UpdateMappings(w.ctx, w.tenant, w.p, func(p directory.Provider, m directory.Mappings) (directory.Provider, directory.Mappings, *directory.LogEntry, error) {
		m.Run = "changed"
		return p, m, nil, nil
	})
	w.must(err)
	w.equal("without an entry", same, m)
	w.equal("entries", len(w.log(directory.LogQuery{})), entries)
	_, _, err = w.Settings.UpdateMappings(w.ctx, w.tenant, directory.ProviderID(string(w.tenant)+"zzzzz"), nil)
	w.wantKind("an unknown provider", err, directory.NotFound)
}

func raceMappings(w *world) {
	errs := race(racers, func(i int) error {
		if i%2 == 0 {
			_, err := w.updateProvider(w.p, func(p *directory.Provider) { p.ConfigVersion++ })
			return err
		}
		_, _, err := w.updateMappings(func(p *directory.Provider, _ *directory.Mappings) { p.ConfigVersion++ })
		return err
	})
	w.must(errors.Join(errs...))
	p, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("increments of 3", p.ConfigVersion, int64(3+racers))
}

func (w *world) putWatchlist(id directory.WatchlistID, n directory.Watchlist) {
	w.Helper()
	_, err := w.Settings.UpdateWatchlist(w.ctx, w.tenant, id, func(directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
		e := w.adminEntry(directory.WatchlistUpdated, string(id))
		return n, &e, nil
	})
	w.must(err)
}

func (w *world) watchlists() []directory.Watchlist {
	w.Helper()
	ws, err := w.Settings.Watchlists(w.ctx, w.tenant)
	w.must(err)
	return ws
}

func watchlists(w *world) {
	full := directory.Watchlist{
		ID: "w2", Type: "custom", Title: "Títle", Groups: []directory.WatchedGroup{{Provider: w.p, MappedGroup: directory.MappedGroup{ID: "g1", Name: "n", ExternalID: "x"}}},
		Departments: []string{"d"}, Included: []directory.UserID{"u1"}, Excluded: []directory.UserID{"u2"}, Version: 3, Created: w.now(), Modified: w.now(),
	}
	bare := directory.Watchlist{ID: "w1", Title: "bare"}
	w.putWatchlist("w2", full)
	w.putWatchlist("w1", bare)
	w.equal("all, by id", w.watchlists(), []directory.Watchlist{bare, full})
	w.putWatchlist("w2", directory.Watchlist{})
	w.equal("after a removal", w.watchlists(), []directory.Watchlist{bare})
}

func applyRuns(w *world) {
	at := w.now()
	full := directory.ApplyRun{
		ID: "r2", Provider: w.p, State: directory.RunPlanned, Config: 4, All: true, Undoes: "r0", UndoneBy: "r9", CreatedBy: "a", StartedBy: "b", ApprovedBy: "c", Failure: "f", Unseen: 5,
		Created: at, Planned: at.Add(1), Started: at.Add(2), Ended: at.Add(3), Version: 7,
	}
	put := func(r directory.ApplyRun) {
		w.Helper()
		_, err := w.ApplyRuns.UpdateRun(w.ctx, w.tenant, w.p, r.ID, func(directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
			e := w.adminEntry(directory.ApplyPlanned, string(r.ID))
			return r, &e, nil
		})
		w.must(err)
	}
	put(full)
	bare := directory.ApplyRun{ID: "r1", State: directory.RunPlanning}
	put(bare)
	got, err := w.ApplyRuns.Run(w.ctx, w.tenant, w.p, "r2")
	w.must(err)
	w.equal("Run", got, full)
	_, err = w.ApplyRuns.Run(w.ctx, w.tenant, w.p, "r3")
	w.wantKind("unknown", err, directory.NotFound)
	_, err = w.ApplyRuns.Run(w.ctx, w.tenant, w.provider("Other"), "r2")
	w.wantKind("another provider's", err, directory.NotFound)
	for _, c := range []struct {
		before directory.RunID
		count  int
		want   []directory.ApplyRun
	}{{"", 10, []directory.ApplyRun{full, bare}}, {"", 1, []directory.ApplyRun{full}}, {"r2", 10, []directory.ApplyRun{bare}}, {"r1", 10, nil}} {
		rs, err := w.ApplyRuns.ListRuns(w.ctx, w.tenant, w.p, c.before, c.count)
		w.must(err)
		w.equal(fmt.Sprintf("ListRuns before %q", c.before), rs, c.want)
	}
	n, entries := 0, len(w.log(directory.LogQuery{}))
	errs := race(racers, func(int) error {
		_, err := w.ApplyRuns.UpdateRun(w.ctx, w.tenant, w.p, "r1", func(r directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
			r.Version++
			return r, nil, nil
		})
		return err
	})
	w.must(errors.Join(errs...))
	got, err = w.ApplyRuns.Run(w.ctx, w.tenant, w.p, "r1")
	w.must(err)
	w.equal("racing changes", got.Version, int64(racers))
	_, err = w.ApplyRuns.UpdateRun(w.ctx, w.tenant, w.p, "r1", func(r directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error) {
		n++
		e := w.adminEntry(directory.ApplyEnded, "r1")
		return r, &e, nil
	})
	w.must(err)
	w.equal("entries of what changed nothing", len(w.log(directory.LogQuery{})), entries)
}

func runPages(w *world) {
	row := directory.RunRow{
		User: "u1", Name: "ü@example.com", Scim: "u1", Version: 3, Reason: "why", Privileged: true, LosesAll: true, Held: true, Intent: true, Allowed: true, Planned: &directory.Placement{Org: "o3"}, Written: true, Result: directory.RowApplied, Note: "n",
		Before: directory.Placement{Org: "o1", Source: "single"},
		After:  directory.Placement{Org: "o2", Source: "group:m1", Group: "g1", Config: 2, Grants: []directory.RoleGrant{{Role: "a", Source: "manual", By: "k", Config: 1, At: w.now()}}},
	}
	var want []directory.RunPage
	for _, n := range []int{0, 2, 10, 31} {
		for _, from := range []string{"u0", "u5"} {
			want = append(want, directory.RunPage{Range: n, From: from, Rows: []directory.RunRow{row}})
		}
	}
	for _, p := range slices.Backward(want) {
		w.must(w.ApplyRuns.PutPage(w.ctx, w.tenant, "r1", directory.RunPage{Range: p.Range, From: p.From}))
		w.must(w.ApplyRuns.PutPage(w.ctx, w.tenant, "r1", p))
	}
	w.must(w.ApplyRuns.PutPage(w.ctx, w.tenant, "r2", want[0]))
	var seen []directory.RunPage
	for after := ""; ; after = seen[len(seen)-1].Key() {
		ps, err := w.ApplyRuns.Pages(w.ctx, w.tenant, "r1", after, 3)
		w.must(err)
		if len(ps) == 0 {
			break
		}
		seen = append(seen, ps...)
	}
	w.equal("pages in their order", seen, want)
	for _, n := range []int{11, 2} {
		errs := race(racers, func(int) error {
			_, err := w.ApplyRuns.UpdateRange(w.ctx, w.tenant, "r1", n, func(r directory.RunRange) (directory.RunRange, error) {
				r.N, r.Phase, r.Cursor, r.Done = n, directory.PhasePlan, "u5", true
				r.Tally = directory.RunTally{Users: r.Tally.Users + 1, Orgs: map[string]int{"a>b": 1}, Samples: []directory.RunRow{row}}
				return r, nil
			})
			return err
		})
		w.must(errors.Join(errs...))
	}
	rs, err := w.ApplyRuns.Ranges(w.ctx, w.tenant, "r1")
	w.must(err)
	if len(rs) != 2 || rs[0].N != 2 || rs[1].N != 11 || rs[1].Tally.Users != racers || !rs[1].Done {
		w.Errorf("ranges: %+v", rs)
	}
	w.equal("a sample", rs[0].Tally.Samples, []directory.RunRow{row})
}

func tallies(w *world) {
	u := w.newUser(w.p, "u")
	counted := func(changes ...directory.Change) directory.LogEntry {
		e := w.userEntry(directory.UserResolved, u)
		e.Changes = changes
		return e
	}
	into := counted(directory.Change{Attr: directory.AttrOrganization, After: []byte(`"o1"`)},
		directory.Change{Attr: directory.AttrRoleGrants, After: []byte(`[{"role":"a","source":"manual"},{"role":"a","source":"mapping:m"},{"role":"b","source":"manual"}]`)})
	over := counted(directory.Change{Attr: directory.AttrOrganization, Before: []byte(`"o1"`), After: []byte(`"o2"`)},
		directory.Change{Attr: directory.AttrRoleGrants, Before: []byte(`[{"role":"b","source":"manual"}]`), After: []byte(`[]`)},
		directory.Change{Attr: directory.AttrWatchlists, After: []byte(`["w1"]`)})
	errs := race(racers, func(i int) error { return w.Follow.Count(w.ctx, w.tenant, []directory.LogEntry{into, over}[i%2]) })
	w.must(errors.Join(errs...))
	more := into
	more.ID = entryID()
	w.must(w.Follow.Count(w.ctx, w.tenant, more))
	got, err := w.Follow.Tallies(w.ctx, w.tenant, []string{"org/o1", "org/o2", "role/a", "role/b", "list/w1"})
	w.must(err)
	for key, want := range map[string]int{"org/o1": 1, "org/o2": 1, "role/a": 2, "role/b": 1, "list/w1": 1, "org/none": 0} {
		if got[key] != want {
			w.Errorf("%s is %d, want %d", key, got[key], want)
		}
	}
}
