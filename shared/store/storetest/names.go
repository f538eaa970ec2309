package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var nameChapter = []promise{
	{"names/a userName is unique in the tenant in every spelling", uniqueUserName},
	{"names/a userName is freed by deletion and by renaming", freedUserName},
	{"names/a taken name changes nothing", takenChangesNothing},
	{"names/a userName may change its spelling", respelledUserName},
	{"names/a group's displayName is unique in its provider in every spelling", uniqueDisplayName},
	{"names/a group's displayName is freed by deletion and by renaming", freedDisplayName},
}

var raceChapter = []promise{
	{"races/one creation gets the userName", raceCreate},
	{"races/one renaming gets the userName", raceRename},
	{"races/deletion and creation exchange the userName", raceReuse},
	{"races/one group gets the displayName", raceDisplayName},
	{"races/no update of a user is lost", raceUpdate},
	{"races/members added at the same time are all kept", raceMembers},
	{"races/a member added by many counts once", raceSameMember},
	{"races/two groups cannot contain each other", raceCycle},
	{"races/a user deleted while being added is no member", raceDeleteMember},
}

// spellings are spellings of one name: letter case, full case folding, composed and decomposed letters.
var spellings = []string{"Straße.Åsa", "STRASSE.ÅSA", "strasse.a\u030asa", "STRAßE.A\u030aSA"}

// nameSpellings are those of a userName or of a group's displayName, which what cannot be seen at an end does not tell apart.
var nameSpellings = append(slices.Clone(spellings), " strasse.åsa\u200b")

// racers is the number of concurrent callers.
const racers = 16

func uniqueUserName(w *world) {
	other := w.provider("Other")
	u := w.user(w.p, spellings[0])
	for _, name := range nameSpellings {
		for _, p := range []directory.ProviderID{w.p, other, ""} {
			n := w.newUser(p, name)
			if p == "" {
				n.ScimID = ""
			}
			w.wantTaken("creating "+name, w.create(n), directory.TakenError{Attr: directory.AttrUserName, Holder: string(u.ID), Provider: w.p})
		}
		w.equal("found as "+name, w.find(w.p, directory.AttrUserName, directory.UserNameKey(name)), []directory.UserID{u.ID})
		w.equal("found in the other provider", w.find(other, directory.AttrUserName, directory.UserNameKey(name)), nil)
	}
	local := w.local("Local")
	w.wantTaken("creating the name of a local user", w.create(w.newUser(w.p, "lOCAL")),
		directory.TakenError{Attr: directory.AttrUserName, Holder: string(local.ID)})
	v := w.user(other, "v")
	_, err := w.tryUpdate(v, directory.UserUpdated, func(u *directory.User) { u.UserName = spellings[1] })
	w.wantTaken("renaming", err, directory.TakenError{Attr: directory.AttrUserName, Holder: string(u.ID), Provider: w.p})
	w.equal("after the refusal", w.mustReadUser(v).User, v)
	// İ folds to two characters, which are not i: another name.
	w.user(w.p, "İ")
	w.user(w.p, "i")
}

func freedUserName(w *world) {
	other := w.provider("Other")
	u := w.user(w.p, spellings[0])
	w.remove(u)
	v := w.user(other, spellings[1])
	v = w.update(v, func(v *directory.User) { v.UserName = "renamed" })
	x := w.user(w.p, spellings[2])
	w.wantTaken("the new name is taken", w.create(w.newUser(w.p, "RENAMED")),
		directory.TakenError{Attr: directory.AttrUserName, Holder: string(v.ID), Provider: other})
	// A restored user needs a free name.
	removed, err := w.Users.UserByID(w.ctx, w.tenant, u.ID)
	w.must(err)
	_, err = w.tryUpdate(removed.User, directory.UserEnabled, restored)
	w.wantTaken("restoring", err, directory.TakenError{Attr: directory.AttrUserName, Holder: string(x.ID), Provider: w.p})
	_, err = w.readUser(w.p, u.ScimID)
	w.wantKind("not restored", err, directory.NotFound)
}

func takenChangesNothing(w *world) {
	w.user(w.p, "taken")
	u := w.user(w.p, "u")
	n := w.newUser(w.p, "Taken")
	if err := w.create(n); err == nil {
		w.Fatal("a taken name was accepted")
	}
	if _, err := w.tryUpdate(u, directory.UserUpdated, func(u *directory.User) { u.UserName, u.ExternalID = "TAKEN", "new" }); err == nil {
		w.Fatal("a taken name was accepted")
	}
	w.equal("look-up of the refused user", w.find(w.p, directory.AttrExternalID, n.ExternalID), nil)
	w.equal("look-up of the refused change", w.find(w.p, directory.AttrExternalID, "new"), nil)
	w.equal("user", w.mustReadUser(u).User, u)
	w.wantTotals("after refusals", w.p, 2, 0)
	if es := w.log(directory.LogQuery{Provider: w.p}); len(es) != 2 {
		w.Errorf("entries: got %d, want 2", len(es))
	}
}

func respelledUserName(w *world) {
	u := w.user(w.p, spellings[0])
	for _, name := range append(nameSpellings, spellings[0], "other", spellings[1]) {
		u = w.update(u, func(u *directory.User) { u.UserName = name })
		w.equal("spelling", w.mustReadUser(u).UserName, name)
		w.equal("found", w.find(w.p, directory.AttrUserName, directory.UserNameKey(name)), []directory.UserID{u.ID})
	}
	w.equal("the name between", w.find(w.p, directory.AttrUserName, "other"), nil)
}

func uniqueDisplayName(w *world) {
	other := w.provider("Other")
	g, h := w.group(w.p, spellings[0]), w.group(w.p, "h")
	taken := directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(g.ID), Provider: w.p}
	for _, name := range nameSpellings {
		_, err := w.tryGroup(w.newGroup(w.p, name))
		w.wantTaken("creating "+name, err, taken)
		_, err = w.rename(h, name)
		w.wantTaken("renaming to "+name, err, taken)
		w.equal("found as "+name, w.findGroups(w.p, directory.AttrDisplayName, g.DisplayNameKey()), []directory.GroupID{g.ID})
	}
	w.equal("after refusals", w.readGroup(w.p, h.ID).Group, h)
	w.group(other, spellings[0]) // names are unique in one provider only
	w.wantTotals("after refusals", w.p, 0, 2)
}

func freedDisplayName(w *world) {
	g := w.group(w.p, "Name")
	w.must(w.deleteGroup(g))
	g = w.group(w.p, "NAME")
	g, err := w.rename(g, "name") // only the spelling
	w.must(err)
	w.equal("spelling", w.readGroup(w.p, g.ID).DisplayName, "name")
	_, err = w.rename(g, "other")
	w.must(err)
	w.group(w.p, "name")
}

func (w *world) rename(g directory.Group, name string) (directory.Group, error) {
	return w.editGroup(g, func(p *directory.GroupProfile) { p.DisplayName = name })
}

// wonOnce fails unless exactly one racer succeeded and all others found the attribute taken.
func (w *world) wonOnce(what, attr string, errs []error) {
	w.Helper()
	won := 0
	for _, err := range errs {
		var taken *directory.TakenError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &taken) || taken.Attr != attr:
			w.Errorf("%s: a loser got %v, want TakenError", what, err)
		}
	}
	if won != 1 {
		w.Errorf("%s: %d winners, want 1", what, won)
	}
}

func raceCreate(w *world) {
	other := w.provider("Other")
	for round := range 3 {
		errs := race(racers, func(i int) error {
			p := w.p
			if i%2 == 1 {
				p = other
			}
			u := w.newUser(p, fmt.Sprint(spellings[i%len(spellings)], round))
			u.ExternalID = ""
			return w.create(u)
		})
		w.wonOnce("creations", directory.AttrUserName, errs)
	}
	if n := w.total(w.p, false) + w.total(other, false); n != 3 {
		w.Errorf("users: got %d, want 3", n)
	}
}

func raceRename(w *world) {
	us := w.users(w.p, racers, "u")
	errs := race(racers, func(i int) error {
		_, err := w.tryUpdate(us[i], directory.UserUpdated, func(u *directory.User) { u.UserName = nameSpellings[i%len(nameSpellings)] })
		return err
	})
	w.wonOnce("renamings", directory.AttrUserName, errs)
	won := slices.Index(errs, nil)
	w.equal("holder", w.find(w.p, directory.AttrUserName, directory.UserNameKey(spellings[0])), []directory.UserID{us[won].ID})
	w.equal("the winner's old name", w.find(w.p, directory.AttrUserName, fmt.Sprint("u", won)), nil)
}

// raceReuse lets callers delete a user and create it again, as fast as they can: never two have the name.
func raceReuse(w *world) {
	var present atomic.Int32
	var mu sync.Mutex
	holder := w.user(w.p, "name")
	present.Store(1)
	errs := race(8, func(int) error {
		for range 3 {
			n := w.newUser(w.p, "NAME")
			err := again(func() error { return w.create(n) })
			var taken *directory.TakenError
			switch {
			case err == nil:
				if present.Add(1) > 1 {
					return errors.New("two users have the name")
				}
				mu.Lock()
				holder = n
				mu.Unlock()
			case errors.As(err, &taken):
				mu.Lock()
				if string(holder.ID) == taken.Holder {
					present.Add(-1)
					err = again(func() error {
						_, err := w.tryUpdate(holder, directory.UserDeleted, func(u *directory.User) { u.RemovedAt = w.now() })
						return err
					})
					holder = directory.User{}
				} else {
					err = nil
				}
				mu.Unlock()
				if err != nil {
					return err
				}
			default:
				return err
			}
		}
		return nil
	})
	w.must(errors.Join(errs...))
	w.wantTotals("after the race", w.p, int(present.Load()), 0)
	if n := len(w.find(w.p, directory.AttrUserName, "name")); n != int(present.Load()) {
		w.Errorf("found %d users of the name, want %d", n, present.Load())
	}
}

func raceDisplayName(w *world) {
	gs := make([]directory.Group, racers/2)
	for i := range gs {
		gs[i] = w.group(w.p, fmt.Sprint("g", i))
	}
	errs := race(racers, func(i int) error {
		name := nameSpellings[i%len(nameSpellings)]
		if i < len(gs) {
			_, err := w.rename(gs[i], name)
			return err
		}
		_, err := w.tryGroup(w.newGroup(w.p, name))
		return err
	})
	w.wonOnce("groups", directory.AttrDisplayName, errs)
	if n := len(w.findGroups(w.p, directory.AttrDisplayName, directory.UserNameKey(spellings[0]))); n != 1 {
		w.Errorf("groups of the name: got %d, want 1", n)
	}
}

// raceUpdate lets all racers increment a number, starting from the same copy.
func raceUpdate(w *world) {
	u := w.user(w.p, "u", func(u *directory.User) { u.ExternalID = "0" })
	const each = 3
	errs := race(racers, func(int) error {
		for range each {
			err := again(func() error {
				_, err := w.tryUpdate(u, directory.UserUpdated, func(u *directory.User) {
					var n int
					_, _ = fmt.Sscan(u.ExternalID, &n)
					u.ExternalID = fmt.Sprint(n + 1)
				})
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	w.must(errors.Join(errs...))
	got := w.mustReadUser(u)
	if got.ExternalID != fmt.Sprint(racers*each) || got.Version != 1+racers*each {
		w.Errorf("after %d increments: %s at version %d", racers*each, got.ExternalID, got.Version)
	}
	w.equal("look-up", w.find(w.p, directory.AttrExternalID, got.ExternalID), []directory.UserID{u.ID})
	versions := map[int64]bool{}
	for _, e := range w.log(directory.LogQuery{User: u.ID}) {
		versions[e.Version] = true
	}
	if len(versions) != 1+racers*each {
		w.Errorf("the log has %d different versions, want %d", len(versions), 1+racers*each)
	}
}

func raceMembers(w *world) {
	us := w.users(w.p, racers*2, "u")
	g := w.group(w.p, "g", scimIDs(us[racers:])...)
	errs := race(racers*2, func(i int) error {
		if i < racers {
			_, err := w.tryMembers(g, []directory.ScimID{us[i].ScimID}, nil)
			return err
		}
		_, err := w.tryMembers(g, nil, []directory.ScimID{us[i].ScimID})
		return err
	})
	w.must(errors.Join(errs...))
	w.wantMembers("after the race", g, scimIDs(us[:racers]))
}

func raceSameMember(w *world) {
	u := w.user(w.p, "u")
	g := w.group(w.p, "g")
	errs := race(racers, func(int) error {
		_, err := w.tryMembers(g, []directory.ScimID{u.ScimID}, nil)
		return err
	})
	w.must(errors.Join(errs...))
	w.wantMembers("after the race", g, []directory.ScimID{u.ScimID})
	if es := w.log(directory.LogQuery{Group: g.ID}); len(es) != 2 {
		w.Errorf("entries: got %d, want 2", len(es))
	}
	errs = race(racers, func(int) error {
		_, err := w.tryMembers(g, nil, []directory.ScimID{u.ScimID})
		return err
	})
	w.must(errors.Join(errs...))
	w.wantMembers("after removal", g, nil)
}

func raceCycle(w *world) {
	for round := range 4 {
		ring := make([]directory.Group, 2+round%2)
		for i := range ring {
			ring[i] = w.group(w.p, fmt.Sprint("ring", round, "-", i))
		}
		errs := race(len(ring), func(i int) error { return w.nest(ring[i], ring[(i+1)%len(ring)]) })
		refused := 0
		for _, err := range errs {
			if err != nil {
				refused++
				w.wantKind("the loser", err, directory.Invalid)
			}
		}
		if refused != 1 {
			w.Errorf("a ring of %d: %d additions refused, want 1", len(ring), refused)
		}
		for _, g := range ring {
			v, err := w.Groups.ReadGroup(w.ctx, w.tenant, w.p, g.ID, directory.GroupWant{Ancestors: true}, nil)
			w.must(err)
			if v.Ancestors[g.ID] {
				w.Error("a group contains itself")
			}
		}
	}
}

// raceDeleteMember adds users to a group while they are deleted: no removed user may remain a member.
func raceDeleteMember(w *world) {
	us := w.users(w.p, racers/2, "u")
	g := w.group(w.p, "g")
	errs := race(racers, func(i int) error {
		u := us[i/2]
		if i%2 == 0 {
			_, err := w.tryUpdate(u, directory.UserDeleted, func(u *directory.User) { u.RemovedAt = w.now() })
			return err
		}
		_, err := w.tryMembers(g, []directory.ScimID{u.ScimID}, nil)
		if directory.IsKind(err, directory.Invalid) {
			return nil
		}
		return err
	})
	w.must(errors.Join(errs...))
	w.wantMembers("after all were deleted", g, nil)
}

// Rekey tests records from before names were compared without invisible ends (C28). plantUser and plantGroup store the key
// of a record's name as it was then: folded.
func Rekey(
	t *testing.T, ports directory.Ports, plantUser func(directory.TenantID, directory.User), plantGroup func(directory.Group),
) {
	t.Helper()
	w := newWorldIn(t, ports, directory.TenantID(random.ID()[:6]), time.Minute)
	w.rekeyUsers(plantUser)
	w.rekeyGroups(plantGroup)
}

func (w *world) rekeyUsers(plant func(directory.TenantID, directory.User)) {
	old := func(name string) directory.User {
		u := w.user(w.p, name+"\u3000")
		plant(w.tenant, u)
		return u
	}
	found := func(what, name string, want ...directory.UserID) {
		w.equal(what, w.find(w.p, directory.AttrUserName, directory.UserNameKey(name)), want)
	}
	taken := func(what string, err error, by directory.User) {
		w.wantTaken(what, err, directory.TakenError{Attr: directory.AttrUserName, Holder: string(by.ID), Provider: w.p})
	}
	alone := old("alone")
	for range 2 {
		w.equal("found as it is spelled", w.find(w.p, directory.AttrUserName, alone.UserName), []directory.UserID{alone.ID})
		w.must(w.Users.RekeyUser(w.ctx, w.tenant, alone))
		found("rekeyed", "alone", alone.ID)
	}
	taken("its name", w.create(w.newUser(w.p, "ALONE")), alone)

	a := old("twin")
	b := w.user(w.p, "twin")
	taken("rekeying a twin", w.Users.RekeyUser(w.ctx, w.tenant, a), b)
	a = w.update(a, func(u *directory.User) { u.ExternalID, u.Manager = "x", "BOSS" })
	found("a change of the twin", "twin", b.ID)
	a = w.update(a, func(u *directory.User) { u.UserName = "other" })
	found("renamed", "other", a.ID)
	found("the twin of the renamed one", "twin", b.ID)
	_, err := w.tryUpdate(a, directory.UserUpdated, func(u *directory.User) { u.UserName = "twin " })
	taken("renamed back", err, b)
	w.managersAreNamed()
	w.equal("by a manager's name", w.find(w.p, directory.AttrManager, directory.ManagerKey(" boss")), []directory.UserID{a.ID})

	gone := old("gone")
	stays := w.user(w.p, "gone")
	w.remove(gone)
	found("the twin of a removed one", "gone", stays.ID)
	taken("its name", w.create(w.newUser(w.p, "gone")), stays)

	changed := old("changed")
	changed = w.update(changed, func(u *directory.User) { u.UserName = "Changed" })
	found("renamed before it is rekeyed", "changed", changed.ID)
}

func (w *world) rekeyGroups(plant func(directory.Group)) {
	old := func(name string) directory.Group {
		g := w.group(w.p, name+"\u3000")
		plant(g)
		return g
	}
	found := func(what, name string, want ...directory.GroupID) {
		w.equal(what, w.findGroups(w.p, directory.AttrDisplayName, directory.GroupProfile{DisplayName: name}.DisplayNameKey()), want)
	}
	change := func(g directory.Group, name, externalID string) error {
		_, err := w.Groups.UpdateGroup(w.ctx, w.tenant, w.readGroup(w.p, g.ID), directory.GroupWant{},
			func(v directory.GroupView) (directory.GroupChange, error) {
				e := w.groupEntry(directory.GroupUpdated, v.Group)
				p := directory.GroupProfile{DisplayName: name, ExternalID: externalID}
				return directory.GroupChange{GroupProfile: p, Entry: &e}, nil
			})
		return err
	}
	alone := old("alone")
	w.equal("found as it is spelled", w.findGroups(w.p, directory.AttrDisplayName, "alone\u3000"), []directory.GroupID{alone.ID})
	for range 2 {
		w.must(w.Groups.RekeyGroup(w.ctx, w.tenant, alone))
		found("rekeyed", "alone", alone.ID)
	}
	a := old("twin")
	b := w.group(w.p, "twin")
	by := directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(b.ID), Provider: w.p}
	w.wantTaken("rekeying a twin", w.Groups.RekeyGroup(w.ctx, w.tenant, a), by)
	w.must(change(a, a.DisplayName, "x"))
	found("a change of the twin", "twin", b.ID)
	w.must(change(a, "other", "x"))
	found("renamed", "other", a.ID)
	found("the twin of the renamed one", "twin", b.ID)
	w.wantTaken("renamed back", change(a, "twin ", "x"), by)
	gone := old("gone")
	stays := w.group(w.p, "gone")
	w.must(w.Groups.DeleteGroup(w.ctx, w.tenant, gone, func(g directory.Group) (directory.LogEntry, error) {
		return w.groupEntry(directory.GroupDeleted, g), nil
	}))
	found("the twin of a deleted one", "gone", stays.ID)
}
