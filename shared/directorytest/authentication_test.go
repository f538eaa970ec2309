package directorytest_test

import (
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

// requests are all requests of a provider, as calls that succeed with the right token.
func (o *office) requests(u directory.User, g directory.Group) map[string]func(provisioning.Caller) error {
	return map[string]func(provisioning.Caller) error{
		"Authorize": func(c provisioning.Caller) error { return o.s.Authorize(o.ctx, c, nil) },
		"User": func(c provisioning.Caller) error {
			_, err := o.s.User(o.ctx, c, u.ScimID, directory.UserWant{}, nil)
			return err
		},
		"FindUsers": func(c provisioning.Caller) error {
			_, err := o.s.FindUsers(o.ctx, c, directory.Lookup{Attr: directory.AttrUserName, Value: "anna"}, 1, directory.UserWant{}, nil)
			return err
		},
		"ListUsers": func(c provisioning.Caller) error {
			_, err := o.s.ListUsers(o.ctx, c, directory.Page{Start: 1, Count: 1}, directory.UserWant{}, nil)
			return err
		},
		"CreateUser": func(c provisioning.Caller) error {
			_, err := o.tryUser(c, directory.Profile{UserName: random.ID()})
			return err
		},
		"UpdateUser": func(c provisioning.Caller) error {
			_, _, err := o.edit(c, u.ScimID, func(*directory.Profile) {})
			return err
		},
		"Group": func(c provisioning.Caller) error {
			_, err := o.s.Group(o.ctx, c, g.ID, directory.GroupWant{}, nil)
			return err
		},
		"FindGroups": func(c provisioning.Caller) error {
			_, err := o.s.FindGroups(o.ctx, c, directory.Lookup{Attr: directory.AttrDisplayName, Value: "g"}, 1, directory.GroupWant{}, nil)
			return err
		},
		"ListGroups": func(c provisioning.Caller) error {
			_, err := o.s.ListGroups(o.ctx, c, directory.Page{Start: 1, Count: 1}, directory.GroupWant{}, nil)
			return err
		},
		"CreateGroup": func(c provisioning.Caller) error { _, err := o.tryGroup(c, random.ID()); return err },
		"UpdateGroup": func(c provisioning.Caller) error {
			_, _, err := o.editGroup(c, g.ID, directory.GroupWant{}, func(*provisioning.GroupEdit) {})
			return err
		},
		"DeleteGroup": func(c provisioning.Caller) error {
			return o.s.DeleteGroup(o.ctx, c, g.ID, func(directory.Group) error { return directory.Errorf(directory.VersionMismatch, "kept") })
		},
		"DeleteUser": func(c provisioning.Caller) error {
			return o.s.DeleteUser(o.ctx, c, u.ScimID, func(directory.User) error { return directory.Errorf(directory.VersionMismatch, "kept") })
		},
	}
}

// Every request of a provider is authenticated, whatever it asks for.
func TestEveryRequestIsAuthenticated(t *testing.T) {
	o := newOffice(t)
	_, other := o.provider("Other")
	u := o.user(o.caller, "anna")
	g := o.group(o.caller, "g", u.ScimID)
	calls := o.requests(u, g)
	for name, call := range calls {
		if err := call(o.caller); err != nil && !directory.IsKind(err, directory.VersionMismatch) {
			t.Errorf("%s with the right token: %v", name, err)
		}
		for what, c := range map[string]provisioning.Caller{
			"no token":               {Provider: o.p.ID},
			"another's token":        {Provider: o.p.ID, Token: other.Token},
			"an unknown provider":    {Provider: "acme1zzzzz", Token: o.caller.Token},
			"no provider":            {Token: o.caller.Token},
			"no id of a provider":    {Provider: "../acme1abcde", Token: o.caller.Token},
			"an unknown tenant's id": {Provider: "nobodyabcde", Token: o.caller.Token},
		} {
			if err := call(c); !directory.IsKind(err, directory.Unauthenticated) {
				t.Errorf("%s with %s: got %v, want Unauthenticated", name, what, err)
			}
		}
	}
	_, err := o.s.As(o.admin).Providers.SetState(o.ctx, o.p.ID, func(directory.Provider) error { return nil }, directory.ProviderPaused)
	o.must(err)
	for name, call := range calls {
		if err := call(o.caller); !directory.IsKind(err, directory.Unavailable) {
			t.Errorf("%s while paused: got %v, want Unavailable", name, err)
		}
		if err := call(provisioning.Caller{Provider: o.p.ID, Token: other.Token}); !directory.IsKind(err, directory.Unauthenticated) {
			t.Errorf("%s while paused, with another's token: got %v, want Unauthenticated", name, err)
		}
	}
}
