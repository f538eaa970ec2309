package dynamo

import (
	"context"
	"errors"
	"maps"
	"reflect"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// StopBefore lets fn stop the store before any of its writes, as a crash would.
func (s *Store) StopBefore(fn func(name string) error) { s.step = fn }

// LimitOps makes transactions smaller than DynamoDB allows, so that small changes take several.
func (s *Store) LimitOps(n int) { s.maxOps = n }

// LimitMarks makes pages of counts full with fewer marks.
func (s *Store) LimitMarks(n int) { s.pageMarks = n }

// LimitErases makes a step of erasing a tenant shorter.
func (s *Store) LimitErases(n int) { s.erases = n }

// CountBefore counts an entry as versions before pages did: with an item for each.
func (s *Store) CountBefore(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	minute, shard := schema.MinuteOf(e.At), schema.Spread(string(e.ID), schema.LogShards)
	x := &tx{}
	x.put(s, schema.Key{PK: schema.CountedBefore(t, e.Provider, minute, shard), SK: schema.Escape(string(e.ID))}, item{}, absent,
		func(item) error { return errDone })
	x.update(s, schema.CountKey(t, e.Provider, minute, shard, 0), edit{add: map[string]int64{schema.CountAttr(e.Action): 1}}, always, nil)
	for name, n := range e.Tally() {
		k := schema.TallyKey(t, name, schema.Spread(string(e.ID), schema.TallyShards))
		x.update(s, k, edit{add: map[string]int64{"n": int64(n)}}, always, nil)
	}
	if err := s.commit(ctx, "count", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// SameShard reports whether entries are in the same shard of a day's log.
func SameShard(a, b directory.EntryID) bool {
	return schema.Spread(string(a), schema.LogShards) == schema.Spread(string(b), schema.LogShards)
}

// Damage changes the items of a kind (kindOf) of a tenant behind the store's back: change returns the item to store, nil
// to remove it. It returns how many items changed, and a function that brings all items of the tenant back.
func (s *Store) Damage(
	ctx context.Context, t directory.TenantID, kind string, change func(it item) item,
) (n int, restore func(context.Context) error, err error) {
	before, err := s.itemsOf(ctx, t)
	if err != nil {
		return 0, nil, err
	}
	after := maps.Clone(before)
	for k, it := range before {
		if kindOf(k) != kind {
			continue
		}
		is := change(maps.Clone(it))
		if reflect.DeepEqual(is, it) {
			continue
		}
		n++
		delete(after, k)
		if is != nil {
			after[keyOf(is)] = is
		}
	}
	return n, func(ctx context.Context) error { return s.become(ctx, t, before) }, s.become(ctx, t, after)
}

func (s *Store) itemsOf(ctx context.Context, t directory.TenantID) (map[schema.Key]item, error) {
	out := map[schema.Key]item{}
	return out, s.scan(ctx, schema.Escape(string(t))+"#", "", func(it item) { out[keyOf(it)] = it })
}

// become makes the items of a tenant those given.
func (s *Store) become(ctx context.Context, t directory.TenantID, want map[schema.Key]item) error {
	is, err := s.itemsOf(ctx, t)
	if err != nil {
		return err
	}
	for k, it := range is {
		if want[k] == nil {
			err = errors.Join(err, s.erase(ctx, "damage", []schema.Key{k}))
		} else if !reflect.DeepEqual(want[k], it) {
			err = errors.Join(err, s.put(ctx, "damage", k, want[k]))
		}
	}
	for k, it := range want {
		if is[k] == nil {
			err = errors.Join(err, s.put(ctx, "damage", k, it))
		}
	}
	return err
}

// PlantUserName moves the guard of a user's name to another key.
func (s *Store) PlantUserName(ctx context.Context, t directory.TenantID, u directory.User, folded string) error {
	return s.plant(ctx, schema.UserNameKey(t, u.UserName), schema.NameGuard(t, folded), indexItems(t, u))
}

// PlantGroupName moves the guard of a group's name to another key.
func (s *Store) PlantGroupName(ctx context.Context, g directory.Group, folded string) error {
	t, _ := g.Provider.Tenant()
	h := schema.HomeFor(t, g.Provider, false)
	return s.plant(ctx, h.GroupName(g.DisplayNameKey()), h.GroupName(folded), groupIndex(h, g))
}

func (s *Store) plant(ctx context.Context, from, to schema.Key, items map[schema.Key]item) error {
	x := &tx{}
	x.delete(s, from, always, nil)
	x.put(s, to, items[from], always, nil)
	return s.commitOnce(ctx, "plant", x)
}

// LogOf returns the partition keys of the log entries about a user or group, with their number.
func (s *Store) LogOf(ctx context.Context, t directory.TenantID, id string) (map[string]int, error) {
	its, err := s.itemsOf(ctx, t)
	out := map[string]int{}
	for k, it := range its {
		if text(it, "S1") == schema.Subject(t, id) {
			out[k.PK]++
		}
	}
	return out, err
}
