package storetest

import (
	"rollcall/shared/directory"
)

var admitChapter = []promise{
	{"admit/is called with the provider before anything happens", admitSees},
	{"admit/can refuse with its own error, and nothing happens", admitRefuses},
	{"admit/is called with the newest provider", admitFresh},
}

// requests returns all methods that take an Admit, each as a call that would succeed. Those that write pass the
// provider they were given to write.
func (w *world) requests(
	u directory.User, g directory.Group, p directory.ProviderID, write func(directory.Provider),
) map[string]func(directory.Admit) error {
	page := directory.Page{Start: 1, Count: 10}
	name := directory.Lookup{Attr: directory.AttrUserName, Value: u.UserName}
	display := directory.Lookup{Attr: directory.AttrDisplayName, Value: g.DisplayNameKey()}
	return map[string]func(directory.Admit) error{
		"ReadUser": func(a directory.Admit) error {
			_, err := w.Users.ReadUser(w.ctx, w.tenant, p, u.ScimID, directory.UserWant{Groups: true, ManagerName: true}, a)
			return err
		},
		"FindUsers": func(a directory.Admit) error {
			_, err := w.Users.FindUsers(w.ctx, w.tenant, p, name, 10, directory.UserWant{}, a)
			return err
		},
		"ListUsers": func(a directory.Admit) error {
			_, err := w.Users.ListUsers(w.ctx, w.tenant, p, page, directory.UserWant{}, a)
			return err
		},
		"CreateUser": func(a directory.Admit) error {
			_, err := w.Users.CreateUser(w.ctx, w.tenant, p, a, func(rec directory.Provider) (directory.User, directory.LogEntry, error) {
				write(rec)
				n := w.newUser(p, "created")
				return n, w.userEntry(directory.UserCreated, n), nil
			})
			return err
		},
		"ReadGroup": func(a directory.Admit) error {
			_, err := w.Groups.ReadGroup(w.ctx, w.tenant, p, g.ID, directory.GroupWant{AllMembers: true}, a)
			return err
		},
		"FindGroups": func(a directory.Admit) error {
			_, err := w.Groups.FindGroups(w.ctx, w.tenant, p, display, 10, directory.GroupWant{}, a)
			return err
		},
		"ListGroups": func(a directory.Admit) error {
			_, err := w.Groups.ListGroups(w.ctx, w.tenant, p, page, directory.GroupWant{}, a)
			return err
		},
		"CreateGroup": func(a directory.Admit) error {
			_, err := w.Groups.CreateGroup(w.ctx, w.tenant, p, a,
				func(rec directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error) {
					write(rec)
					n := w.newGroup(p, "created")
					return n, nil, w.groupEntry(directory.GroupCreated, n), nil
				})
			return err
		},
	}
}

func admitSees(w *world) {
	u, g := w.user(w.p, "u"), w.group(w.p, "g")
	want, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	for name, call := range w.requests(u, g, w.p, func(p directory.Provider) { w.equal("the provider passed to create", p, want) }) {
		calls := 0
		w.must(call(func(p directory.Provider) error {
			calls++
			w.equal(name, p, want)
			return nil
		}))
		if calls == 0 {
			w.Errorf("%s did not call admit", name)
		}
	}
}

func admitRefuses(w *world) {
	u, g := w.user(w.p, "u"), w.group(w.p, "g")
	known, err := w.Providers.Provider(w.ctx, w.tenant, w.p)
	w.must(err)
	refusal := directory.Errorf(directory.Unauthenticated, "no")
	unknown := directory.ProviderID(string(w.tenant) + "zzzzz")
	before := w.dump()
	for _, c := range []struct {
		p    directory.ProviderID
		want directory.Provider
	}{{w.p, known}, {unknown, directory.Provider{}}, {"otherabcde", directory.Provider{}}, {"", directory.Provider{}}} {
		for name, call := range w.requests(u, g, c.p, func(directory.Provider) { w.Error("create was called for a refused request") }) {
			calls := 0
			got := call(func(p directory.Provider) error {
				calls++
				w.equal(name, p, c.want)
				return refusal
			})
			w.sameError(name+" by "+string(c.p), got, refusal)
			if calls == 0 {
				w.Errorf("%s by %s did not call admit", name, c.p)
			}
		}
	}
	// The refusal also comes before NotFound.
	u.ScimID, g.ID = directory.ScimID(userID()), groupID()
	for name, call := range w.requests(u, g, w.p, func(directory.Provider) {}) {
		w.sameError(name+" of an unknown record", call(func(directory.Provider) error { return refusal }), refusal)
	}
	w.equal("state after all refusals", w.dump(), before)
}

func admitFresh(w *world) {
	u, g := w.user(w.p, "u"), w.group(w.p, "g")
	for version := int64(2); version < 6; version++ {
		_, err := w.updateProvider(w.p, func(p *directory.Provider) { p.Credentials[0].State = directory.CredentialRevoked })
		w.must(err)
		for name, call := range w.requests(u, g, w.p, func(directory.Provider) {}) {
			err := call(func(p directory.Provider) error {
				if p.Version != version {
					w.Errorf("%s was called with version %d of the provider, not %d", name, p.Version, version)
				}
				return directory.Errorf(directory.Forbidden, "enough")
			})
			w.wantKind(name, err, directory.Forbidden)
		}
	}
}
