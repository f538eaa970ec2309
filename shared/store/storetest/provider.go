package storetest

import (
	"errors"
	"slices"
	"strings"

	"rollcall/shared/directory"
)

var providerChapter = []promise{
	{"providers/every field is kept", everyProviderField},
	{"providers/a displayName is unique in the tenant", providerNames},
	{"providers/racing changes all count, racing names have one winner", raceProviders},
	{"providers/nil entry and errors write nothing", refusedProviderChange},
	{"providers/removal needs an empty provider", removeProvider},
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
		"Providers.RemoveProvider": func() { x.notFound("RemoveProvider", x.removeProvider(v.p)) },
	}
}
