package dynamo

import (
	"context"
	"errors"
	"reflect"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// oldName is a record's name, the keys of its guards, and how a guard names the record.
type oldName struct {
	name     string
	guard    func(folded string) schema.Key
	attr, id string
}

// folded is the key of before names were compared without invisible ends (C28), and whether it differs from the one of now.
func (o oldName) folded() (schema.Key, bool) {
	folded, other := directory.OldNameKey(o.name)
	return o.guard(folded), other
}

// settleName completes the look-up items of a record before and after a change, if its name has invisible ends. Such a
// record may be from before they were left out: then its guard is under the folded name, and another record may have the
// guard of now, which a change must not take away; name is the new one. Other names need no read.
func (s *Store) settleName(ctx context.Context, o oldName, name string, was, is map[schema.Key]item) error {
	before, odd := o.folded()
	if !odd {
		return nil
	}
	now := o.guard(directory.UserNameKey(o.name))
	holder, err := s.getOne(ctx, now)
	if err != nil {
		return err
	}
	was[before] = item{}
	if text(holder, o.attr) == o.id {
		return nil
	}
	if holder != nil && name == o.name && reflect.DeepEqual(was[now], is[now]) {
		delete(is, now) // it stays without a guard
	}
	delete(was, now)
	return nil
}

// errChanged ends the rekeying of a record that has changed since it was read: it is read again another day.
var errChanged = errors.New("the record has changed since it was read")

func changedSince(item) error { return errChanged }

func unlessChanged(err error) error {
	if errors.Is(err, errChanged) {
		return nil
	}
	return err
}

// userName is a user's userName as an oldName.
func userName(t directory.TenantID, u directory.User) oldName {
	return oldName{u.UserName, func(folded string) schema.Key { return schema.NameGuard(t, folded) }, "uid", string(u.ID)}
}

// displayName is a group's displayName as an oldName.
func displayName(h schema.Home, g directory.Group) oldName {
	return oldName{g.DisplayName, h.GroupName, "gid", string(g.ID)}
}
