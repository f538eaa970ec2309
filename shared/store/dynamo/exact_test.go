package dynamo_test

import (
	"errors"
	"testing"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

// A change with a precondition on the version conflicts with a change of other members; one without does not.
func TestExactMeetsOtherMembers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	ports := open(t, newTable(t)).Ports()
	svc := directorytest.New(ports, directory.Runtime{})
	admin := administration.Admin{Tenant: directory.DefaultTenant, Actor: directory.Actor{Kind: directory.ActorSystem, ID: "test"}}
	if _, err := svc.As(admin).Tenants.Create(ctx, "Test"); err != nil {
		t.Fatal(err)
	}
	p, token, err := svc.As(admin).Providers.Create(ctx, administration.NewProvider{DisplayName: "Test", Profile: "entra"})
	if err != nil {
		t.Fatal(err)
	}
	caller := provisioning.Caller{Provider: p.ID, Token: token}
	var ids []directory.ScimID
	for _, name := range []string{"a", "b", "c"} {
		u, err := svc.CreateUser(ctx, caller, "", nil, func(directory.Provider) (directory.Profile, []directory.Change, error) {
			return directory.Profile{UserName: name, Active: true}, nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, u.ScimID)
	}
	g, err := svc.CreateGroup(ctx, caller, nil,
		func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
			return directory.GroupProfile{DisplayName: "G"}, nil, nil, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	old, err := ports.Groups.ReadGroup(ctx, directory.DefaultTenant, p.ID, g.ID, directory.GroupWant{Named: ids}, nil)
	if err != nil {
		t.Fatal(err)
	}
	errMoved := errors.New("moved")
	add := func(id directory.ScimID, exact bool) error {
		want := directory.GroupWant{Named: ids, Exact: exact}
		_, err := ports.Groups.UpdateGroup(ctx, directory.DefaultTenant, old, want, func(v directory.GroupView) (directory.GroupChange, error) {
			if v.Version != old.Version {
				return directory.GroupChange{}, errMoved
			}
			e := directory.LogEntry{ID: directory.EntryID("e" + random.ID()), At: svc.Now(), Provider: p.ID, Action: directory.MembersChanged,
				Group: g.ID}
			return directory.GroupChange{GroupProfile: v.GroupProfile, Add: []directory.ScimID{id}, Entry: &e}, nil
		})
		return err
	}
	if err := add(ids[0], true); err != nil {
		t.Fatalf("the first: %v", err)
	}
	if err := add(ids[1], true); !errors.Is(err, errMoved) {
		t.Errorf("with a precondition from before the first: got %v, want %v", err, errMoved)
	}
	if err := add(ids[2], false); err != nil {
		t.Errorf("without one: %v", err)
	}
}
