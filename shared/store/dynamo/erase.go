package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// part is a partition of a tenant that can be named without looking for it, and what follows from its items.
type part struct {
	pk string
	// of returns the partitions that an item lists, which are erased before it, and the other items that it leads to; nil:
	// none.
	of func(it item) (parts []part, keys []schema.Key)
}

// eraser erases partitions until it has looked at so many items and partitions.
type eraser struct {
	*Store
	left, erased int
}

// erasesAtOnce is how many items and partitions a step of erasing a tenant looks at.
const erasesAtOnce = 1000

// drain erases a partition, with what its items lead to, and reports whether it is empty.
func (e *eraser) drain(ctx context.Context, p part) (empty bool, err error) {
	for {
		if e.left < 1 {
			return false, nil
		}
		most := maxBatchGet
		if p.of != nil { // each leads to others
			most /= 4
		}
		e.left--
		its, more, err := e.query(ctx, span{pk: p.pk, limit: min(e.left+1, most)})
		if err != nil {
			return false, err
		}
		whole, keys, err := e.lead(ctx, p, its)
		if err != nil {
			return false, err
		}
		if err := e.erase(ctx, "erase tenant", keys); err != nil || !whole {
			return false, err
		}
		if e.left -= len(keys); !more {
			return true, nil
		}
	}
}

// lead erases the partitions that items of a partition list, and returns the keys of these items and of others that they
// lead to. It ends with an item whose partitions it cannot empty, and then returns false.
func (e *eraser) lead(ctx context.Context, p part, its []item) (all bool, keys []schema.Key, err error) {
	all = true
	for _, it := range its {
		if p.of != nil {
			inner, others := p.of(it)
			for _, q := range inner {
				if all && err == nil {
					all, err = e.drain(ctx, q)
				}
			}
			if !all || err != nil {
				break
			}
			keys = append(keys, others...)
		}
		keys = append(keys, keyOf(it))
		e.erased++
	}
	slices.SortFunc(keys, schema.Key.Compare)
	return all, slices.Compact(keys), err // a batch must not name an item twice
}

func parts(pks ...string) (out []part) {
	for _, pk := range pks {
		out = append(out, part{pk: pk})
	}
	return out
}

// partsOf returns the partitions of a tenant, those last that the others are named by.
func (s *Store) partsOf(ctx context.Context, t directory.TenantID) ([]part, error) {
	known := map[directory.ProviderID]bool{"": true}
	for _, pk := range []string{schema.Providers(t), schema.Archives(t)} {
		its, _, err := s.query(ctx, span{pk: pk})
		if err != nil {
			return nil, err
		}
		for _, it := range its {
			known[directory.ProviderID(schema.Unescape(strings.TrimSuffix(text(it, "SK"), "~")))] = true
		}
	}
	var out []part
	for _, p := range slices.Sorted(maps.Keys(known)) {
		out = append(out, partsOfProvider(t, p)...)
	}
	out = append(out, partsOfTenant(t)...)
	named := func(it item) (_ []part, keys []schema.Key) {
		if p, err := decodeProvider(it); err == nil && p.ID != "" {
			keys = append(keys, schema.ProviderName(t, p.DisplayNameKey()))
		}
		id := schema.Unescape(strings.TrimSuffix(text(it, "SK"), "~"))
		return nil, append(keys, tallies(t, directory.ActiveTally(directory.ProviderID(id)))...)
	}
	return append(out, part{schema.Archives(t), nil}, part{schema.Providers(t), named}), nil
}

// tallies returns the keys of a tally's shards.
func tallies(t directory.TenantID, name string) (keys []schema.Key) {
	for i := range schema.TallyShards {
		keys = append(keys, schema.TallyKey(t, name, i))
	}
	return keys
}

func partsOfProvider(t directory.TenantID, p directory.ProviderID) (out []part) {
	for _, removed := range []bool{false, true} {
		h := schema.HomeFor(t, p, removed)
		out = append(out, part{h.Groups(), func(it item) ([]part, []schema.Key) { return ofGroup(t, h, p, it) }},
			part{h.Users(), func(it item) ([]part, []schema.Key) {
				u, ok, err := decodeUser(it)
				if !ok || err != nil {
					return nil, nil
				}
				return parts(h.GroupsOf(u.ScimID)), slices.Collect(maps.Keys(indexItems(t, u)))
			}})
		out = append(out, parts(h.Former("").PK, h.Totals(), h.Bookmark("", 0, 0).PK, h.Nesting().PK)...)
	}
	out = append(out, part{schema.LogDays(t, p), func(it item) (days []part, _ []schema.Key) {
		for i := range schema.LogShards {
			days = append(days, parts(schema.LogShard(t, p, text(it, "SK"), i))...)
		}
		return days, nil
	}}, part{schema.Runs(t, p), func(it item) ([]part, []schema.Key) {
		id := directory.RunID(schema.Unescape(text(it, "SK")))
		return parts(schema.Ranges(t, id), schema.Pages(t, id)), nil
	}}, part{schema.Countries(t, p), func(it item) ([]part, []schema.Key) {
		var v directory.CountryValue
		_ = getJSON(it, "r", &v)
		return nil, tallies(t, directory.CountryTally(directory.SentCountry{Provider: p, Value: v.Value}))
	}}, part{schema.GuardEvents(t, p), func(it item) ([]part, []schema.Key) {
		return nil, tallies(t, directory.ReviewTally(directory.GuardEventID(schema.Unescape(text(it, "SK")))))
	}})
	for i := range schema.LogShards {
		out = append(out, parts(schema.CountKey(t, p, "", i, 0).PK)...)
	}
	return append(out, parts(schema.ArchivePages(t, p), schema.UsageKey(t, p).PK, schema.Blocks(t, p), schema.LateKey(t, p, "").PK,
		schema.SettledKey(t, p, "").PK)...)
}

func ofGroup(t directory.TenantID, h schema.Home, p directory.ProviderID, it item) (inner []part, keys []schema.Key) {
	gs, err := decodeGroups(p, []item{it})
	if err != nil || len(gs) == 0 { // a shard
		return nil, nil
	}
	g := gs[0].Group
	members := part{h.Members(g.ID), func(it item) ([]part, []schema.Key) {
		_, reverse := membership(h, g.ID, directory.ScimID(schema.Unescape(text(it, "SK"))))
		return nil, []schema.Key{reverse}
	}}
	return []part{members}, append(slices.Collect(maps.Keys(groupIndex(h, g))), schema.NumberKey(t, g.ID))
}

func partsOfTenant(t directory.TenantID) []part {
	id := func(it item) string { return schema.Unescape(text(it, "SK")) }
	out := []part{
		{schema.Matters(t), func(it item) ([]part, []schema.Key) {
			return parts(schema.Custodians(t, directory.MatterID(id(it)))), nil
		}},
		{schema.Webhooks(t), func(it item) ([]part, []schema.Key) {
			w := directory.WebhookID(id(it))
			return parts(schema.Places(t, w)), []schema.Key{schema.QueueKey(t, w)}
		}},
		{schema.Organizations(t), func(it item) (_ []part, keys []schema.Key) {
			var o directory.Organization
			_ = getJSON(it, "r", &o)
			for _, k := range o.NameKeys() {
				keys = append(keys, schema.OrganizationName(t, k))
			}
			return nil, append(keys, tallies(t, directory.OrgTally(directory.OrgID(id(it))))...)
		}},
		{schema.Watchlists(t), func(it item) ([]part, []schema.Key) {
			return nil, tallies(t, directory.ListTally(directory.WatchlistID(id(it))))
		}},
		{schema.CatalogueKey(t).PK, func(it item) (_ []part, keys []schema.Key) {
			var c directory.Catalogue
			_ = getJSON(it, "r", &c)
			for _, r := range c.Roles {
				keys = append(keys, tallies(t, directory.RoleTally(r.ID))...)
			}
			return nil, keys
		}},
		{schema.APIKeys(t), func(it item) ([]part, []schema.Key) {
			var k directory.APIKey
			_ = getJSON(it, "r", &k)
			return nil, []schema.Key{schema.APIKeyHash(t, k.Hash)}
		}},
	}
	for i := range schema.DeliveryShards {
		out = append(out, parts(schema.DeliveryShard(t, i))...)
	}
	for i := range schema.SetAsideShards {
		out = append(out, parts(schema.SetAsideShard(t, i))...)
	}
	for _, kind := range []string{"api-keys", "watchlists", "webhooks"} {
		out = append(out, parts(schema.CheckNumber(t, kind).PK)...)
	}
	return append(out, parts(schema.Conflicts(t), schema.Chains(t), schema.GrownKey(t, "").PK, proposalsKey(t).PK,
		schema.RulesKey(t).PK, schema.MappingsKey(t, "").PK, schema.TaskKey(t, "").PK)...)
}
