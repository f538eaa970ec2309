package storetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
)

var providerChapter = []promise{
	{"providers/every field is kept", everyProviderField},
	{"providers/a displayName is unique in the tenant", providerNames},
	{"providers/racing changes all count, racing names have one winner", raceProviders},
	{"providers/nil entry and errors write nothing", refusedProviderChange},
	{"providers/removal needs an empty provider", removeProvider},
	{"providers/a removed one is archived and restored", restoreProvider},
	{"providers/the pages of an archive are in order, and dropped with it", archivePages},
}

func everyProviderField(w *world) {
	p := w.newProvider("Prüfung <&>")
	w.must(w.Providers.CreateProvider(w.ctx, w.tenant, p, w.adminEntry(directory.ProviderCreated, string(p.ID))))
	read := func() directory.Provider {
		got, err := w.Providers.Provider(w.ctx, w.tenant, p.ID)
		w.must(err)
		return got
	}
	w.equal("Provider", read(), p)
	got, err := w.updateProvider(p.ID, func(q *directory.Provider) {
		*q = directory.Provider{ID: p.ID, Tenant: p.Tenant, DisplayName: "bare", State: directory.ProviderLive, Created: p.Created}
	})
	w.must(err)
	w.equal("after a change", read(), got)
	if got.Version != 2 || got.DisplayName != "bare" || got.Deletion != nil {
		w.Errorf("after a change: %+v", got)
	}
	first, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	want := []directory.Provider{first, got}
	slices.SortFunc(want, func(a, b directory.Provider) int { return strings.Compare(string(a.ID), string(b.ID)) })
	all, err := w.Providers.ListProviders(w.ctx, w.tenant)
	w.must(err)
	w.equal("ListProviders", all, want)
	w.wantKind("the same id again", w.Providers.CreateProvider(w.ctx, w.tenant, p, w.adminEntry(directory.ProviderCreated, string(p.ID))),
		directory.Conflict)
	w.equal("after the refusal", read(), got)
	_, err = w.Providers.Provider(w.ctx, w.tenant, directory.ProviderID(string(w.tenant)+"zzzzz"))
	w.wantKind("unknown", err, directory.NotFound)
	_, err = w.updateProvider(directory.ProviderID(string(w.tenant)+"zzzzz"), func(*directory.Provider) {
		w.Error("update was called for an unknown provider")
	})
	w.wantKind("change of an unknown one", err, directory.NotFound)
	w.wantKind("removal of an unknown one", w.removeProvider(directory.ProviderID(string(w.tenant)+"zzzzz")), directory.NotFound)
}

func providerNames(w *world) {
	first := w.provider(spellings[0])
	taken := directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(first), Provider: first}
	for _, name := range spellings {
		err := w.Providers.CreateProvider(w.ctx, w.tenant, w.newProvider(name), w.adminEntry(directory.ProviderCreated, "x"))
		w.wantTaken("creating "+name, err, taken)
		_, err = w.updateProvider(w.p, func(p *directory.Provider) { p.DisplayName = name })
		w.wantTaken("renaming to "+name, err, taken)
		_, err = w.updateProvider(first, func(p *directory.Provider) { p.DisplayName = name })
		w.must(err) // its own
	}
	_, err := w.updateProvider(first, func(p *directory.Provider) { p.DisplayName = "free" })
	w.must(err)
	second := w.provider(spellings[1])
	w.must(w.removeProvider(second))
	w.provider(spellings[2])
	elsewhere := newWorld(w.T, w.Ports)
	elsewhere.provider(spellings[0])
	if all, err := w.Providers.ListProviders(w.ctx, w.tenant); err != nil || len(all) != 3 {
		w.Errorf("%d providers, %v; want 3", len(all), err)
	}
}

func raceProviders(w *world) {
	errs := race(racers, func(i int) error {
		return w.Providers.CreateProvider(w.ctx, w.tenant, w.newProvider(spellings[i%len(spellings)]),
			w.adminEntry(directory.ProviderCreated, "x"))
	})
	w.wonOnce("creations", directory.AttrDisplayName, errs)
	errs = race(racers, func(int) error {
		_, err := w.updateProvider(w.p, func(p *directory.Provider) { p.ConfigVersion++ })
		return err
	})
	w.must(errors.Join(errs...))
	p, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	if p.ConfigVersion != 3+racers || p.Version != 1+racers {
		w.Errorf("after %d increments of 3: %d at version %d", racers, p.ConfigVersion, p.Version)
	}
}

func refusedProviderChange(w *world) {
	before, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	entries := len(w.log(directory.LogQuery{}))
	mine := directory.Errorf(directory.Forbidden, "mine")
	for _, answer := range []error{nil, mine} {
		_, err := w.Providers.UpdateProvider(w.ctx, w.tenant, w.p, func(p directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			p.DisplayName = "changed"
			if answer == nil {
				return p, nil, nil
			}
			e := w.adminEntry(directory.ProviderUpdated, "x")
			return p, &e, answer
		})
		if err != answer { //nolint:errorlint // the caller's own error is returned unwrapped
			w.Errorf("got error %v, want %v", err, answer)
		}
		after, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
		w.must(err)
		w.equal("stored", after, before)
	}
	if n := len(w.log(directory.LogQuery{})); n != entries {
		w.Errorf("%d entries were written", n-entries)
	}
}

func removeProvider(w *world) {
	u := w.user(w.p, "u")
	g := w.group(w.p, "g")
	w.wantKind("with a user and a group", w.removeProvider(w.p), directory.Conflict)
	w.remove(u)
	w.wantKind("with a group", w.removeProvider(w.p), directory.Conflict)
	w.must(w.deleteGroup(g))
	v := w.user(w.p, "v")
	w.wantKind("with a user", w.removeProvider(w.p), directory.Conflict)
	w.remove(v)
	w.must(w.removeProvider(w.p))
	_, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.wantKind("afterwards", err, directory.NotFound)
	w.wantKind("again", w.removeProvider(w.p), directory.NotFound)
	if all, err := w.Providers.ListProviders(w.ctx, w.tenant); err != nil || len(all) != 0 {
		w.Errorf("providers left: %v, %v", all, err)
	}
	if es := w.log(directory.LogQuery{Provider: w.p}); len(es) != 7 || es[0].Action != directory.ProviderDeleted {
		w.Errorf("its log: %d entries, want 7 with the removal first", len(es))
	}
	w.provider("Provider") // the name is free
}

func (w *world) archived() []directory.ArchivedProvider {
	w.Helper()
	all, err := w.Providers.ArchivedProviders(w.ctx, w.tenant)
	w.must(err)
	return all
}

func (w *world) restoreProvider(id directory.ProviderID, edit func(*directory.Provider)) (directory.Provider, error) {
	return w.Providers.RestoreProvider(w.ctx, w.tenant, id,
		func(a directory.ArchivedProvider) (directory.Provider, directory.LogEntry, error) {
			p := a.Provider
			edit(&p)
			return p, w.adminEntry(directory.ProviderRestored, string(id)), nil
		})
}

func restoreProvider(w *world) {
	id := w.provider("Straße")
	removed := w.remove(w.user(id, "removed"))
	p, err := w.Providers.Provider(w.ctx, w.tenant, id)
	w.must(err)
	w.must(w.removeProvider(id))
	e := w.log(directory.LogQuery{Provider: id})[0]
	w.equal("archived", w.archived(), []directory.ArchivedProvider{{Provider: p, RemovedAt: e.At}})
	other := w.provider("STRASSE")
	same := func(*directory.Provider) {}
	_, err = w.restoreProvider(id, same)
	w.wantTaken("a taken name", err, directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(other), Provider: other})
	mine := directory.Errorf(directory.Forbidden, "mine")
	_, err = w.Providers.RestoreProvider(w.ctx, w.tenant, id,
		func(a directory.ArchivedProvider) (directory.Provider, directory.LogEntry, error) {
			return a.Provider, w.adminEntry(directory.ProviderRestored, string(id)), mine
		})
	if err != mine { //nolint:errorlint // the caller's own error is returned unwrapped
		w.Errorf("got error %v, want %v", err, mine)
	}
	if n := len(w.archived()); n != 1 {
		w.Errorf("%d archived providers after refusals, want 1", n)
	}
	errs := race(racers, func(int) error {
		_, err := w.restoreProvider(id, func(p *directory.Provider) { p.DisplayName, p.Version = "again", p.Version+1 })
		return err
	})
	won := slices.IndexFunc(errs, func(err error) bool { return err == nil })
	for i, err := range errs {
		if i != won && !directory.IsKind(err, directory.NotFound) {
			w.Errorf("a second restoration: %v, want one success and else NotFound", err)
		}
	}
	p.DisplayName, p.Version = "again", p.Version+1
	got, err := w.Providers.Provider(w.ctx, w.tenant, id)
	w.must(err)
	w.equal("restored", got, p)
	if n := len(w.archived()); n != 0 {
		w.Errorf("%d archived providers after the restoration", n)
	}
	w.equal("a user it had deleted", w.mustByID(removed.ID).User, removed)
	_, err = w.updateProvider(other, func(p *directory.Provider) { p.DisplayName = "AGAIN" })
	w.wantTaken("its name", err, directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(id), Provider: id})
	_, err = w.Leavers.CreateOrRestoreUser(w.ctx, w.tenant, id, removed.ExternalID, nil,
		func(_ directory.Provider, before []directory.User) (directory.User, directory.LogEntry, error) {
			if len(before) != 1 || before[0].ID != removed.ID {
				w.Errorf("users it had deleted: %v", before)
			}
			u := w.newUser(id, "new")
			return u, w.userEntry(directory.UserCreated, u), nil
		})
	w.must(err)
}

func archivePages(w *world) {
	until := w.now().Add(time.Hour)
	g := w.newGroup(w.p, "g")
	pages := []directory.ArchivePage{
		{Key: "a", Users: []directory.ArchivedUser{{ID: "u1", ScimID: "u2", Active: true, Manager: "u3", Usable: true}}},
		{Key: "g1.0", Group: &g, Members: []directory.ScimID{"u2", "g2"}}, {Key: "z"},
	}
	for _, i := range []int{2, 0, 1, 1} {
		w.must(w.Providers.PutArchivePage(w.ctx, w.tenant, w.p, pages[i], until))
	}
	other := w.provider("Other")
	w.must(w.Providers.PutArchivePage(w.ctx, w.tenant, other, pages[0], until))
	read := func(id directory.ProviderID, after string, count int) []directory.ArchivePage {
		got, err := w.Providers.ArchivePages(w.ctx, w.tenant, id, after, count)
		w.must(err)
		return got
	}
	w.equal("all", read(w.p, "", 10), pages)
	w.equal("after a", read(w.p, "a", 1), pages[1:2])
	_, _, err := w.updateMappings(func(_ *directory.Provider, m *directory.MappingSet) { m.Run = "r1" })
	w.must(err)
	w.must(w.Providers.DropArchive(w.ctx, w.tenant, w.p))
	w.equal("dropped", len(read(w.p, "", 10)), 0)
	w.equal("another provider's", read(other, "", 10), pages[:1])
	m, err := w.Mappings.MappingSet(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("the mappings of a provider that is not archived", m.Run, directory.RunID("r1"))
	w.must(w.removeProvider(w.p))
	m, err = w.Mappings.MappingSet(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("the mappings of an archived one", m.Run, directory.RunID("r1"))
	for range 2 {
		w.must(w.Providers.DropArchive(w.ctx, w.tenant, w.p))
	}
	m, err = w.Mappings.MappingSet(w.ctx, w.tenant, w.p)
	w.must(err)
	w.equal("the mappings afterwards", m, directory.MappingSet{})
	_, err = w.restoreProvider(w.p, func(*directory.Provider) {})
	w.wantKind("restoring it", err, directory.NotFound)
}

func (w *world) updateProvider(id directory.ProviderID, edit func(*directory.Provider)) (directory.Provider, error) {
	return w.Providers.UpdateProvider(w.ctx, w.tenant, id, func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
		p := old
		p.Credentials = slices.Clone(old.Credentials)
		edit(&p)
		p.Version, p.Modified = old.Version+1, w.now()
		e := w.adminEntry(directory.ProviderUpdated, string(id))
		e.Version = p.Version
		return p, &e, nil
	})
}

func (w *world) removeProvider(id directory.ProviderID) error {
	e := w.adminEntry(directory.ProviderDeleted, string(id))
	e.Provider = id
	return w.Providers.RemoveProvider(w.ctx, w.tenant, id, e)
}

func (x intruder) providersRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Providers.CreateProvider": func() {
			p := x.newProvider("theirs")
			p.ID = v.p
			if err := x.Providers.CreateProvider(ctx, t, p, x.adminEntry(directory.ProviderCreated, "x")); err == nil {
				x.must(x.removeProvider(v.p)) // a store may keep two records, which must be independent
			}
		},
		"Providers.Provider": func() {
			_, err := x.Providers.Provider(ctx, t, v.p)
			x.notFound("Provider", err)
		},
		"Providers.ListProviders": func() {
			ps, err := x.Providers.ListProviders(ctx, t)
			x.must(err)
			x.empty("ListProviders", len(slices.DeleteFunc(ps, func(p directory.Provider) bool { return p.Tenant == t })), nil)
		},
		"Providers.UpdateProvider": func() {
			_, err := x.updateProvider(v.p, func(*directory.Provider) { x.Error("update was called for another tenant's provider") })
			x.notFound("UpdateProvider", err)
		},
		"Providers.RemoveProvider":    func() { x.notFound("RemoveProvider", x.removeProvider(v.p)) },
		"Providers.ArchivedProviders": func() { x.empty("ArchivedProviders", len(x.archived()), nil) },
		"Providers.RestoreProvider": func() {
			_, err := x.restoreProvider(v.archive, func(*directory.Provider) {})
			x.notFound("RestoreProvider", err)
		},
		"Providers.PutArchivePage": func() {
			x.must(x.Providers.PutArchivePage(ctx, t, v.archive, directory.ArchivePage{Key: "a"}, v.now))
		},
		"Providers.ArchivePages": func() {
			ps, err := x.Providers.ArchivePages(ctx, t, v.archive, "", 10)
			x.empty("ArchivePages", len(slices.DeleteFunc(ps, func(p directory.ArchivePage) bool { return len(p.Users) == 0 })), err)
		},
		"Providers.DropArchive": func() { x.must(x.Providers.DropArchive(ctx, t, v.archive)) },
	}
}
