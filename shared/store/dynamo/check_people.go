package dynamo

import (
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/fsck"
	"rollcall/shared/store/dynamo/schema"
)

// checkLog compares the keys by which entries are found with the entries, and notes what they leave to do.
func (c *checker) checkLog() {
	for _, k := range c.kinds["p QE"] {
		c.counted[markOf(directory.EntryID(schema.Unescape(k.SK)))] = true
	}
	for _, k := range c.kinds["p Q"] {
		for _, m := range pageOf(c.items[k]).marks {
			c.counted[m] = true
		}
	}
	type leaves struct {
		e  directory.LogEntry
		id string
	}
	var open []leaves
	for _, k := range c.kinds["L"] {
		it := c.items[k]
		_, id, _ := strings.Cut(k.SK, ".")
		e, err := decodeEntry(it)
		if err != nil {
			c.add(fsck.Unreadable, "log entry", id, "it cannot be decoded")
			continue
		}
		if schema.EntryKey(c.t, e.Provider, e.At, e.ID) != k || text(encodeEntry(c.t, e, remainder{}), "S1") != text(it, "S1") {
			c.add(fsck.LogKey, "log entry", id, "it is not found where it belongs")
		}
		day := schema.Key{PK: schema.LogDays(c.t, e.Provider), SK: schema.DayOf(e.At)}
		if _, expected := c.want[day]; !expected {
			c.want[day] = wanted{item{}, fsck.LookUp, "log", string(e.Provider)}
		}
		c.newest = directory.Latest(c.newest, e.At)
		c.logged[text(it, "S1")] = true
		if r := text(it, "ri"); r != "" {
			open = append(open, leaves{e, r})
		}
	}
	for _, l := range open {
		if c.uncounted(l.e) {
			c.unfinished[l.id] = true
		}
	}
}

// uncounted reports whether an entry was not counted yet, which is one of the last steps that follow it. That it was is
// not remembered forever.
func (c *checker) uncounted(e directory.LogEntry) bool {
	return !c.counted[markOf(e.ID)] && c.newest.Sub(e.At) < countedFor
}

// checkUsers compares the users with their keys, and derives what leads to them.
func (c *checker) checkUsers() {
	ids := map[directory.UserID]bool{}
	for _, k := range c.kinds["p U"] {
		it := c.items[k]
		if text(it, "alias") != "" {
			continue
		}
		u, _, err := decodeUser(it)
		if err != nil {
			c.add(fsck.Unreadable, "user", k.SK, "its record cannot be decoded")
			continue
		}
		c.users = append(c.users, u)
		c.checkUser(k, it, u)
		if ids[u.ID] {
			c.add(fsck.Twice, "user", string(u.ID), "there are two records")
		}
		ids[u.ID] = true
	}
	for _, k := range c.kinds["p U"] {
		if _, expected := c.want[k]; text(c.items[k], "alias") != "" && !expected {
			c.derived(fsck.LookUp, "user", text(c.items[k], "alias"), "an id leads to it that it does not have",
				func(x *tx) { x.delete(c.Store, k, unchanged(c.items[k]), nil) })
		}
	}
	k := schema.RulesKey(c.t)
	nobodyLooks := c.items[k][schema.NamingAttr] != nil && number(c.items[k], schema.NamingAttr) == 0
	if i := slices.IndexFunc(c.users, namesManager); i >= 0 && nobodyLooks {
		c.derived(fsck.LookUp, "user", string(c.users[i].ID), "it names a manager, and nobody looks for such users",
			func(x *tx) { x.update(c.Store, k, edit{set: item{schema.NamingAttr: num(1)}}, exists, nil) })
	}
	for _, k := range c.kinds["NA"] {
		if id := schema.Unescape(k.SK); !ids[directory.UserID(id)] {
			c.derived(fsck.LookUp, "user", id, "a former userName leads to it, but there is no such user",
				func(x *tx) { x.delete(c.Store, k, exists, nil) })
		}
	}
}

func (c *checker) checkUser(k schema.Key, it item, u directory.User) {
	id := string(u.ID)
	if schema.HomeOf(c.t, u).User(id) != k {
		c.add(fsck.WrongPlace, "user", id, "it is not in the list of its provider")
	}
	if u.Provider != "" && !u.Removed() && !c.providers[u.Provider] {
		c.add(fsck.Reference, "user", id, "its provider does not exist")
	}
	if due, _ := schema.DueKeys(c.t, u); due != text(it, "due") {
		c.derived(fsck.DueIndex, "user", id, "its pending deactivation is not where it is looked for", func(x *tx) {
			e := edit{set: item{"due": str(due)}}
			if due == "" {
				e = edit{remove: []string{"due", "dueAt"}}
			}
			x.update(c.Store, k, e, atVersion(u), nil)
		})
	}
	for derived, is := range indexItems(c.t, u) {
		if is == nil {
			if c.items[derived] == nil {
				continue
			}
			is = item{}
		}
		if derived == schema.UserNameKey(c.t, u.UserName) {
			c.expectName(derived, userName(c.t, u), wanted{is, fsck.NameGuard, "user", id})
		} else {
			c.expect(derived, wanted{is, fsck.LookUp, "user", id})
		}
	}
	if !u.Removed() || u.Provider == "" || u.ScimID == "" {
		return
	}
	// The log answers for ids that were given back before they were remembered.
	former := schema.HomeFor(c.t, u.Provider, false).Former(u.ScimID)
	if c.items[former] == nil && !c.logged[schema.Subject(c.t, string(u.ScimID))] {
		c.derived(fsck.FormerID, "user", id, "its id in SCIM is not remembered", func(x *tx) { x.put(c.Store, former, item{}, absent, nil) })
	}
}

// expectName expects the guard of a name. A record from before names were compared without invisible ends (C28) may have
// it under its old key, or, where another one has the name, none.
func (c *checker) expectName(k schema.Key, o oldName, w wanted) {
	before, odd := o.folded()
	holder := text(c.items[k], o.attr)
	switch {
	case !odd || holder == o.id || holder == "" && text(c.items[before], o.attr) != o.id:
		c.expect(k, w)
	case text(c.items[before], o.attr) == o.id:
		c.expect(before, w)
	}
}

// groupsOfHomes returns the groups of each list, with their shards.
func (c *checker) groupsOfHomes() map[string][]item {
	out := map[string][]item{}
	for _, k := range c.kinds["p G"] {
		out[k.PK] = append(out[k.PK], c.items[k])
	}
	return out
}

// checkGroups derives what leads to groups, and compares their numbers of members with the memberships.
func (c *checker) checkGroups() {
	rows := map[string]int{}
	for _, k := range c.kinds["p M"] {
		rows[k.PK]++
	}
	for pk, its := range c.groupsOfHomes() {
		h, p := homeIn(schema.Key{PK: pk}), directory.ProviderID(schema.PartOf(schema.Key{PK: pk}, 1))
		gs, err := decodeGroups(p, its)
		if err != nil {
			c.add(fsck.Unreadable, "group", "", "a record cannot be decoded")
			continue
		}
		for _, g := range gs {
			id := string(g.ID)
			if !c.providers[p] {
				c.add(fsck.Reference, "group", id, "its provider does not exist")
			}
			for k, is := range groupIndex(h, g.Group) {
				if k == h.GroupName(g.DisplayNameKey()) {
					c.expectName(k, displayName(h, g.Group), wanted{is, fsck.NameGuard, "group", id})
				} else {
					c.expect(k, wanted{is, fsck.LookUp, "group", id})
				}
			}
			if g.lock != "" {
				c.locked[h.Group(g.ID)] = true
				continue
			}
			c.checkCount(h, g, rows[h.Members(g.ID)])
		}
	}
}

// checkCount compares the shards of a group with the number of its members.
func (c *checker) checkCount(h schema.Home, g groupHead, members int) {
	missing := -1
	for i := range schema.GroupShards {
		if c.items[h.GroupShard(g.ID, i)] == nil {
			missing = i
			break
		}
	}
	by := int64(members - g.MemberCount)
	switch {
	case missing >= 0:
		c.derived(fsck.MemberCount, "group", string(g.ID), "a part of its number of members is missing", func(x *tx) {
			for i := range schema.GroupShards {
				if k := h.GroupShard(g.ID, i); c.items[k] == nil {
					n := int64(0)
					if i == missing {
						n = by
					}
					x.put(c.Store, k, item{"n": num(n), "ver": num(0)}, absent, nil)
				}
			}
		})
	case by != 0:
		k := h.GroupShard(g.ID, 0)
		c.derived(fsck.MemberCount, "group", string(g.ID), "its number of members is wrong",
			func(x *tx) { x.update(c.Store, k, edit{add: map[string]int64{"n": by}}, unchanged(c.items[k]), nil) })
	}
}

// checkMembers looks for memberships of nobody and for groups that contain each other, and derives the reverse rows.
func (c *checker) checkMembers() {
	nested := map[directory.ScimID][]directory.ScimID{}
	for _, k := range c.kinds["p M"] {
		h, g, m := homeIn(k), directory.GroupID(schema.PartOf(k, 3)), directory.ScimID(schema.Unescape(k.SK))
		if m.IsGroup() {
			nested[directory.ScimID(g)] = append(nested[directory.ScimID(g)], m)
		}
		_, reverse := membership(h, g, m)
		if c.unsettled(reverse) {
			continue
		}
		if c.items[h.Group(g)] == nil {
			c.add(fsck.Membership, "group", string(g), "it has a member, but does not exist")
		}
		if it := c.items[h.Member(m)]; it == nil || it["sid"] != nil {
			c.add(fsck.Membership, "group", string(g), "its member "+string(m)+" does not exist")
		}
		c.expect(reverse, wanted{item{}, fsck.Membership, "group", string(g)})
	}
	for _, g := range fsck.Cycles(nested) {
		c.add(fsck.Cycle, "group", string(g), "it contains itself through other groups")
	}
}

// checkTotals compares the totals of lists with the lists.
func (c *checker) checkTotals() {
	want := map[schema.Key]int64{}
	for _, u := range c.users {
		if !u.Removed() {
			want[schema.HomeOf(c.t, u).Total(schema.KindUsers, string(u.ID))]++
		}
	}
	for _, k := range c.kinds["p G"] {
		if !strings.Contains(k.SK, "#") {
			want[homeIn(k).Total(schema.KindGroups, k.SK)]++
		}
	}
	for _, k := range c.kinds["p T"] {
		want[k] += 0
	}
	for k, n := range want {
		if by := n - number(c.items[k], "n"); by != 0 {
			c.derived(fsck.Total, "list", k.PK+" "+k.SK, "its total is wrong", func(x *tx) { c.addNumber(x, k, by) })
		}
	}
}

// addNumber adds to an item's number, as it was read.
func (c *checker) addNumber(x *tx, k schema.Key, by int64) {
	is := absent
	if c.items[k] != nil {
		is = unchanged(c.items[k])
	}
	x.update(c.Store, k, edit{add: map[string]int64{"n": by}}, is, nil)
}

// checkTallies compares the tallies with the users, as they were before the entries that are not counted yet.
func (c *checker) checkTallies() {
	want, have := fsck.Tallies{}, fsck.Tallies{}
	for _, u := range c.users {
		want.AddUser(u)
	}
	for _, k := range c.kinds["L"] {
		if e, err := decodeEntry(c.items[k]); err == nil && c.uncounted(e) {
			want.Without(e)
		}
	}
	for _, k := range c.kinds["Y"] {
		have[schema.PartOf(k, 2)] += int(number(c.items[k], "n"))
	}
	for _, name := range want.Differ(have) {
		by := int64(want[name] - have[name])
		c.derived(fsck.Tally, "tally", name, "it is not the number of people", func(x *tx) { c.addNumber(x, schema.TallyKey(c.t, name, 0), by) })
	}
}

// checkProviders derives the guards of providers' names.
func (c *checker) checkProviders() {
	for _, k := range c.kinds["P"] {
		if text(c.items[k], "emptied") != "" {
			continue
		}
		p, err := decodeProvider(c.items[k])
		if err != nil {
			c.add(fsck.Unreadable, "provider", k.SK, "its record cannot be decoded")
			continue
		}
		if schema.ProviderKey(c.t, p.ID) != k || p.Tenant != c.t {
			c.add(fsck.WrongPlace, "provider", k.SK, "its record has another id or tenant")
		}
		c.providers[p.ID] = true
		c.expect(schema.ProviderName(c.t, p.DisplayNameKey()), wanted{item{"p": str(string(p.ID))}, fsck.NameGuard, "provider", string(p.ID)})
	}
}

// checkNames derives the guards of organizations' names and of API keys' hashes.
func (c *checker) checkNames() {
	for _, k := range c.kinds["O"] {
		var o directory.Organization
		if getJSON(c.items[k], "r", &o) == nil {
			for _, name := range o.NameKeys() {
				c.expect(schema.OrganizationName(c.t, name), wanted{item{"id": str(string(o.ID))}, fsck.NameGuard, "organization", string(o.ID)})
			}
		}
	}
	for _, k := range c.kinds["A"] {
		var v directory.APIKey
		if getJSON(c.items[k], "r", &v) == nil {
			c.expect(schema.APIKeyHash(c.t, v.Hash), wanted{item{"id": str(string(v.ID))}, fsck.NameGuard, "API key", string(v.ID)})
		}
	}
}

// checkDeliveries compares the due index with the deliveries and the work set aside.
func (c *checker) checkDeliveries() {
	c.checkDue("V", "delivery", "it is not where due deliveries are looked for", schema.DeliveryKey, deliveryItem)
	c.checkDue("SA", "set-aside", notFoundWhenDue, schema.SetAsideKey,
		func(d directory.Delivery, _ int64) (item, error) { return setAsideItem(d), nil })
	for _, k := range c.kinds["TK"] {
		var v directory.Task
		should := item{}
		if getJSON(c.items[k], "r", &v) == nil {
			should = taskItem(v)
		}
		if text(should, "due") != text(c.items[k], "due") || text(should, "dueAt") != text(c.items[k], "dueAt") {
			c.derived(fsck.DueIndex, "task", k.SK, notFoundWhenDue, func(x *tx) { c.place(x, k, should) })
		}
	}
}

const notFoundWhenDue = "it is not where work that is due is looked for"

// place corrects where an item is looked for.
func (c *checker) place(x *tx, k schema.Key, should item) {
	e := edit{set: item{}}
	for _, name := range []string{"due", "dueAt", "place"} {
		if should[name] != nil {
			e.set[name] = should[name]
		} else {
			e.remove = append(e.remove, name)
		}
	}
	x.update(c.Store, k, e, when("#rev = :rev", item{":rev": c.items[k]["rev"]}), nil)
}

func (c *checker) checkDue(
	kind, noun, detail string, place func(directory.TenantID, directory.DeliveryID) schema.Key,
	itemOf func(directory.Delivery, int64) (item, error),
) {
	for _, k := range c.kinds[kind] {
		it := c.items[k]
		var d directory.Delivery
		if getJSON(it, "r", &d) != nil || d.ID == "" {
			c.add(fsck.Unreadable, noun, k.SK, "its record cannot be decoded")
			continue
		}
		if place(c.t, d.ID) != k {
			c.add(fsck.WrongPlace, noun, k.SK, "its record has another id")
		}
		should, err := itemOf(d, number(it, "rev"))
		if err != nil || c.isFound(d, it, should) {
			continue
		}
		c.derived(fsck.DueIndex, noun, k.SK, detail, func(x *tx) {
			c.place(x, k, should)
			if should["place"] != nil {
				x.put(c.Store, schema.PlaceKey(c.t, d), placeItem(d), always, nil)
				x.update(c.Store, schema.QueueKey(c.t, d.Webhook), queueDue(c.t, d), always, nil)
			}
		})
	}
}

// isFound reports whether a delivery is found when it is due; one from an earlier release may be in the due index still.
// A webhook that is gone needs no queue.
func (c *checker) isFound(d directory.Delivery, it, should item) bool {
	if old := should["place"] != nil && it["place"] == nil && it["due"] != nil; old {
		return true
	}
	for _, name := range []string{"due", "dueAt", "place"} {
		if text(should, name) != text(it, name) {
			return false
		}
	}
	return should["place"] == nil || c.items[schema.PlaceKey(c.t, d)] != nil &&
		(c.items[schema.QueueKey(c.t, d.Webhook)]["due"] != nil || c.items[schema.WebhookKey(c.t, d.Webhook)] == nil)
}
