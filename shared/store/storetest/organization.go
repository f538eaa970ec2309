package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var organizationChapter = []promise{
	{"organizations/every field is kept, listed by id", everyOrganizationField},
	{"organizations/a name or alias is unique in the tenant", organizationNames},
	{"organizations/racing names have one winner", raceOrganizations},
	{"organizations/a quota limits creations", organizationQuota},
}

func orgID() directory.OrgID { return directory.OrgID("o" + random.ID()) }

// newOrg returns an organization with a value in every field, not stored yet.
func (w *world) newOrg(name string) directory.Organization {
	return directory.Organization{
		ID: orgID(), Name: name, Aliases: []string{"was " + name}, Parent: directory.DefaultOrg, ExternalRef: "ref",
		DefaultRoles: []directory.RoleID{"a", "b"},
		Blocked:      true, State: directory.OrgDeactivated, Auto: w.p, CreatedBy: "someone", Version: 1,
		Created: w.now(), Modified: w.now(), DeactivatedAt: w.now(),
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
	return w.Organizations.UpdateOrganization(w.ctx, w.tenant, id,
		func(o directory.Organization) (directory.Organization, *directory.LogEntry, error) {
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
	slices.SortFunc(all, func(a, b directory.Organization) int { return cmp.Compare(a.ID, b.ID) })
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
	by, err := w.Organizations.OrganizationsByID(w.ctx, w.tenant, []directory.OrgID{all[0].ID, "unknown", all[2].ID, all[0].ID, ""})
	w.must(err)
	w.equal("OrganizationsByID", by, map[directory.OrgID]directory.Organization{all[0].ID: all[0], all[2].ID: all[2]})
	entries := len(w.log(directory.LogQuery{}))
	w.wantKind("the same id again", w.tryOrg(directory.Organization{ID: all[0].ID, Name: "other"}, nil), directory.Conflict)
	_, err = w.updateOrg("unknown", func(*directory.Organization) { w.Error("update was called for an unknown organization") })
	w.wantKind("change of an unknown one", err, directory.NotFound)
	mine := directory.Errorf(directory.Forbidden, "mine")
	_, err = w.Organizations.UpdateOrganization(w.ctx, w.tenant, all[0].ID,
		func(o directory.Organization) (directory.Organization, *directory.LogEntry, error) {
			o.Name = "changed"
			return o, nil, mine
		})
	w.equal("the caller's error", err, error(mine))
	same, err := w.Organizations.UpdateOrganization(w.ctx, w.tenant, all[0].ID,
		func(o directory.Organization) (directory.Organization, *directory.LogEntry, error) {
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
	for name, want := range map[string]directory.OrgID{"base": first.ID, "head quarters": first.ID, "was head quarters": "",
		"second": second.ID} {
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
	created := 0
	for _, err := range errs {
		if err == nil {
			created++
		} else {
			w.wantKind("beyond the quota", err, directory.TooMany)
		}
	}
	w.equal("created", created, 5)
	w.must(w.tryOrg(directory.Organization{ID: orgID(), Name: "another day"}, &directory.Quota{Key: "next", Max: 1}))
	os, err := w.Organizations.ListOrganizations(w.ctx, w.tenant, "", 100)
	w.must(err)
	w.equal("stored", len(os), 6)
}

func (x intruder) organizationsRows() map[string]func() {
	ctx, t := x.ctx, x.tenant
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
	}
}
