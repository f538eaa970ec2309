package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// groupHead is a group with its shards, read by one query. The version of the group is the sum of those of its record
// and its shards, each of which only grows.
type groupHead struct {
	directory.Group
	own    int64 // the record's part of the version
	pv     int64 // how often the profile has changed
	nf     item  // the record's floor of numbers, see floor; none before numbers were given
	mv     item  // the record's count of memberships added in other groups, if any
	shards [schema.GroupShards]int64
	lock   string // entryRef of a large change that is not rolled forward yet
}

// membership returns the keys of the two rows of one membership.
func membership(h schema.Home, g directory.GroupID, m directory.ScimID) (row, reverse schema.Key) {
	return schema.Key{PK: h.Members(g), SK: schema.Escape(string(m))}, schema.Key{PK: h.GroupsOf(m), SK: schema.Escape(string(g))}
}

// The attributes of a group record are name, pv (how often its profile has changed), nf (see floor) and, like a user's, xid,
// at, ver, cre, mod, mv; those of a shard are n (its part of the count), ver, mod, lock, done (the chunks it has rolled forward)
// and hold (see holdShards).
func encodeGroup(g directory.Group) item {
	it := groupProfile(g.GroupProfile)
	it["v"], it["ver"], it["nf"] = num(schemaVersion), num(g.Version), num(g.Version-1)
	putTime(it, "cre", g.Created)
	putTime(it, "mod", g.Modified)
	return it
}

func groupProfile(g directory.GroupProfile) item {
	it := item{"name": str(g.DisplayName)}
	if g.ExternalID != "" {
		it["xid"] = str(g.ExternalID)
	}
	if len(g.Attributes) > 0 {
		it["at"] = bin(g.Attributes)
	}
	return it
}

// decodeGroups combines records and shards, given in the order of their keys. Shards of the last group may be missing
// if the items end early.
func decodeGroups(p directory.ProviderID, its []item) ([]groupHead, error) {
	var out []groupHead
	for _, it := range its {
		sk := text(it, "SK")
		id, shard, isShard := strings.Cut(sk, "#S")
		if !isShard {
			if err := checkVersion(it); err != nil {
				return nil, err
			}
			g := groupHead{own: number(it, "ver"), pv: number(it, "pv"), mv: item{}, Group: directory.Group{
				ID: directory.GroupID(id), Provider: p, Version: number(it, "ver"), Created: timeOf(it, "cre"), Modified: timeOf(it, "mod"),
				GroupProfile: directory.GroupProfile{DisplayName: text(it, "name"), ExternalID: text(it, "xid"), Attributes: bytesOf(it, "at")},
			}}
			if it["mv"] != nil {
				g.mv["mv"] = it["mv"]
			}
			if it["nf"] != nil {
				g.nf = item{"nf": it["nf"]}
			}
			out = append(out, g)
			continue
		}
		if len(out) == 0 || string(out[len(out)-1].ID) != id || len(shard) != 1 || shard[0]-'0' >= schema.GroupShards {
			continue // its record is being deleted
		}
		g := &out[len(out)-1]
		ver := number(it, "ver")
		g.shards[shard[0]-'0'] = ver
		g.Version += ver
		g.MemberCount += int(number(it, "n"))
		if mod := timeOf(it, "mod"); mod.After(g.Modified) {
			g.Modified = mod
		}
		if ref := text(it, "lock"); ref != "" {
			g.lock = ref
		}
	}
	return out, nil
}

// head reads a group; false when there is none.
func (s *Store) head(ctx context.Context, h schema.Home, p directory.ProviderID, id directory.GroupID) (groupHead, bool, error) {
	if !schema.Usable(string(id)) || p == "" {
		return groupHead{}, false, nil
	}
	its, _, err := s.query(ctx, span{pk: h.Groups(), lo: h.Group(id).SK, hi: schema.GroupEnd(string(id))})
	if err != nil {
		return groupHead{}, false, err
	}
	gs, err := decodeGroups(p, its)
	if err != nil || len(gs) == 0 || gs[0].ID != id {
		return groupHead{}, false, err
	}
	return gs[0], true, nil
}

// heads reads several groups in parallel and omits those that do not exist.
func (s *Store) heads(ctx context.Context, h schema.Home, p directory.ProviderID, ids []directory.GroupID) ([]groupHead, error) {
	gs, ok := make([]groupHead, len(ids)), make([]bool, len(ids))
	var fns []func(context.Context) error
	for i, id := range ids {
		fns = append(fns, func(ctx context.Context) (err error) {
			gs[i], ok[i], err = s.head(ctx, h, p, id)
			return err
		})
	}
	if len(fns) == 0 {
		return nil, nil
	}
	err := meter.Parallel(ctx, fns...)
	var out []groupHead
	for i := range gs {
		if ok[i] {
			out = append(out, gs[i])
		}
	}
	return out, err
}

// groupStore implements directory.Groups.
type groupStore struct{ *Store }

// ReadGroup implements directory.Groups: it reads the provider, the group and the rows of up to 90 named members in one
// step.
func (s groupStore) ReadGroup(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GroupID, want directory.GroupWant, admit directory.Admit,
) (directory.GroupView, error) {
	h := schema.HomeFor(t, p, false)
	var g groupHead
	var ok bool
	var rows []schema.Key
	if len(want.Named) <= maxNamedRead && !want.AllMembers && schema.Usable(string(id)) {
		rows = memberRows(h, id, want.Named)
	}
	_, got, err := s.readAdmitted(ctx, t, p, admit, rows, func(ctx context.Context) (err error) {
		g, ok, err = s.head(ctx, h, p, id)
		return err
	})
	if err == nil && !ok {
		err = notFound("group")
	}
	if err != nil {
		return directory.GroupView{}, err
	}
	shown := 0
	return s.groupView(ctx, t, h, g, want, &shown, got)
}

// maxNamedRead limits the named members read together with the provider.
const maxNamedRead = 90

func memberRows(h schema.Home, g directory.GroupID, ms []directory.ScimID) []schema.Key {
	seen := map[directory.ScimID]bool{}
	var out []schema.Key
	for _, m := range ms {
		if schema.Usable(string(m)) && !seen[m] {
			seen[m] = true
			row, _ := membership(h, g, m)
			out = append(out, row)
		}
	}
	return out
}

// groupView reads the parts of a group in want; shown counts the members of one answer, got holds rows already read. A
// locked group is shown in the state after its entry; if it is unlocked meanwhile, it is read again.
func (s *Store) groupView(
	ctx context.Context, t directory.TenantID, h schema.Home, g groupHead, want directory.GroupWant, shown *int, got map[schema.Key]item,
) (directory.GroupView, error) {
	before := *shown
	for {
		*shown = before
		v, err := s.groupViewOnce(ctx, t, h, g, want, shown, got)
		if err != nil || g.lock == "" {
			return v, err
		}
		now, ok, err := s.head(ctx, h, g.Provider, g.ID)
		if err == nil && !ok {
			err = notFound("group")
		}
		if err != nil || now.lock == g.lock && now.Version == g.Version {
			return v, err
		}
		g, got = now, nil
	}
}

func (s *Store) groupViewOnce(
	ctx context.Context, t directory.TenantID, h schema.Home, g groupHead, want directory.GroupWant, shown *int, got map[schema.Key]item,
) (v directory.GroupView, err error) {
	v.Group, v.Profiles, v.Floor = g.Group, g.pv, g.floor()+1
	if want.AllMembers {
		*shown += g.MemberCount
		if *shown > directory.MaxMembersShown {
			return v, directory.ErrTooManyMembers(g.ID)
		}
		if v.Members, err = s.members(ctx, h, g, "", 0); err != nil {
			return v, err
		}
		v.Present = make(map[directory.ScimID]bool, len(v.Members))
		for _, m := range v.Members {
			v.Present[m] = true
		}
	} else if len(want.Named) > 0 {
		if v.Present, err = s.named(ctx, h, g, want.Named, got); err != nil {
			return v, err
		}
	}
	if want.Ancestors {
		v.Ancestors, _, err = s.ancestors(ctx, t, h, g.ID)
	}
	return v, err
}

// rowsPerUnit is the approximate number of membership rows that a query returns for one read unit.
const rowsPerUnit = 40

// named returns those of the ids that are members. It reads their rows, or all rows of a group that is small compared
// to their number.
func (s *Store) named(
	ctx context.Context, h schema.Home, g groupHead, ids []directory.ScimID, got map[schema.Key]item,
) (map[directory.ScimID]bool, error) {
	out := map[directory.ScimID]bool{}
	all := map[directory.ScimID]bool{}
	if len(ids) > maxNamedRead && g.MemberCount <= rowsPerUnit*len(ids) {
		ms, err := s.members(ctx, h, g, "", 0)
		if err != nil {
			return nil, err
		}
		for _, m := range ms {
			all[m] = true
		}
	} else {
		if got == nil || len(ids) > maxNamedRead {
			var err error
			if got, err = s.get(ctx, memberRows(h, g.ID, ids)...); err != nil {
				return nil, err
			}
		}
		for _, m := range ids {
			row, _ := membership(h, g.ID, m)
			all[m] = got[row] != nil
		}
		if err := s.overlay(ctx, g, func(m directory.ScimID, member bool) { all[m] = member }); err != nil {
			return nil, err
		}
	}
	for _, m := range ids {
		if all[m] {
			out[m] = true
		}
	}
	return out, nil
}

// overlay calls fn for each member that the entry of a locked group adds or removes.
func (s *Store) overlay(ctx context.Context, g groupHead, fn func(m directory.ScimID, member bool)) error {
	if g.lock == "" {
		return nil
	}
	e, _, err := s.entry(ctx, schema.EntryAt(g.lock))
	for _, m := range e.Removed {
		fn(m, false)
	}
	for _, m := range e.Added {
		fn(m, true)
	}
	return err
}

// members reads the members after from, in order; limit 0 for all.
func (s *Store) members(ctx context.Context, h schema.Home, g groupHead, from directory.ScimID, limit int) ([]directory.ScimID, error) {
	present := map[directory.ScimID]bool{}
	changed := map[directory.ScimID]bool{}
	if err := s.overlay(ctx, g, func(m directory.ScimID, member bool) { changed[m] = member }); err != nil {
		return nil, err
	}
	// The changes of a locked group may remove as many rows from the page.
	rows := limit
	if limit > 0 {
		rows += len(changed)
	}
	its, more, err := s.query(ctx, span{pk: h.Members(g.ID), lo: after(schema.Escape(string(from))), limit: rows})
	if err != nil {
		return nil, err
	}
	var out []directory.ScimID
	for _, it := range its {
		m := directory.ScimID(text(it, "SK"))
		if member, touched := changed[m]; !touched || member {
			present[m] = true
			out = append(out, m)
		}
	}
	if len(changed) > 0 {
		last := directory.ScimID("")
		if more {
			last = directory.ScimID(text(its[len(its)-1], "SK"))
		}
		for m, member := range changed {
			if member && !present[m] && m > from && (last == "" || m < last) {
				out = append(out, m)
			}
		}
		slices.Sort(out)
	}
	if limit > 0 {
		out = out[:min(len(out), limit)]
	}
	return out, nil
}

func (s groupStore) Members(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GroupID, from directory.ScimID, count int,
) ([]directory.ScimID, error) {
	h := schema.HomeFor(t, p, false)
	g, ok, err := s.head(ctx, h, p, id)
	if err == nil && !ok {
		err = notFound("group")
	}
	if err != nil || count < 1 {
		return nil, err
	}
	return s.members(ctx, h, g, from, count)
}

// ancestors returns every group that contains g, directly or indirectly, and the version of the provider's nesting from
// before they were read: nesting a group is committed under the condition that the version has not changed.
func (s *Store) ancestors(
	ctx context.Context, t directory.TenantID, h schema.Home, g directory.GroupID,
) (map[directory.GroupID]bool, int64, error) {
	nesting, err := s.getOne(ctx, h.Nesting())
	if err != nil {
		return nil, 0, err
	}
	for _, ref := range textsOf(nesting, "pend") {
		if _, err := s.finishMembers(ctx, t, ref, everything); err != nil { // large changes that nest groups
			return nil, 0, err
		}
	}
	out := map[directory.GroupID]bool{}
	level := []directory.GroupID{g}
	for len(level) > 0 {
		above := make([][]directory.GroupID, len(level))
		var fns []func(context.Context) error
		for i, id := range level {
			fns = append(fns, func(ctx context.Context) (err error) {
				above[i], err = s.groupsOf(ctx, h, directory.ScimID(id), 0)
				return err
			})
		}
		if err := meter.Parallel(ctx, fns...); err != nil {
			return nil, 0, err
		}
		next := map[directory.GroupID]bool{}
		for _, id := range slices.Concat(above...) {
			if !out[id] {
				out[id], next[id] = true, true
			}
		}
		level = slices.Sorted(maps.Keys(next))
	}
	return out, number(nesting, "ver"), nil
}

func (s groupStore) FindGroups(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, by directory.Lookup, limit int, want directory.GroupWant,
	admit directory.Admit,
) ([]directory.GroupView, error) {
	h := schema.HomeFor(t, p, false)
	var ids []directory.GroupID
	var err error
	if by.Attr == directory.AttrDisplayName {
		guards := []schema.Key{h.GroupName(by.Value)} // of before, if the name has invisible ends (C28)
		if by.Value = directory.UserNameKey(by.Value); h.GroupName(by.Value) != guards[0] {
			guards = append(guards, h.GroupName(by.Value))
		}
		var got map[schema.Key]item
		_, got, err = s.readAdmitted(ctx, t, p, admit, guards)
		if i := slices.IndexFunc(guards, func(k schema.Key) bool { return got[k] != nil }); i >= 0 {
			ids = []directory.GroupID{directory.GroupID(text(got[guards[i]], "gid"))}
		}
	} else {
		pk := h.GroupKey(by)
		if by.Attr == directory.AttrMember {
			pk = h.GroupsOf(directory.ScimID(by.Value))
		}
		_, _, err = s.readAdmitted(ctx, t, p, admit, nil, func(ctx context.Context) error {
			its, _, err := s.query(ctx, span{pk: pk, limit: max(limit, 1)})
			for _, it := range its {
				ids = append(ids, directory.GroupID(text(it, "SK")))
			}
			return err
		})
	}
	if err != nil || limit < 1 {
		return nil, err
	}
	gs, err := s.heads(ctx, h, p, ids)
	if err != nil {
		return nil, err
	}
	gs = slices.DeleteFunc(gs, func(g groupHead) bool { // changed since the look-up was read
		return by.Attr == directory.AttrDisplayName && g.DisplayNameKey() != by.Value ||
			by.Attr == directory.AttrExternalID && g.ExternalID != by.Value
	})
	return s.groupViews(ctx, t, h, gs, want)
}

func (s *Store) groupViews(
	ctx context.Context, t directory.TenantID, h schema.Home, gs []groupHead, want directory.GroupWant,
) ([]directory.GroupView, error) {
	vs, shown := make([]directory.GroupView, len(gs)), 0
	for i, g := range gs {
		v, err := s.groupView(ctx, t, h, g, want, &shown, nil)
		if err != nil {
			return nil, err
		}
		vs[i] = v
	}
	return vs, nil
}

func (s groupStore) ListGroups(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, page directory.Page, want directory.GroupWant, admit directory.Admit,
) (out directory.GroupPage, err error) {
	l, err := s.openList(ctx, t, p, schema.KindGroups, page, admit)
	if err != nil || page.Count < 1 {
		if err == nil {
			out.Total = l.total
		}
		return out, err
	}
	from, skip := l.seek()
	gs, err := s.groupsAfter(ctx, l.home, p, from, skip, page.Count+1)
	if err != nil {
		return out, err
	}
	out.More = len(gs) > page.Count
	gs = gs[:min(len(gs), page.Count)]
	last := ""
	if len(gs) > 0 {
		last = string(gs[len(gs)-1].ID)
	}
	if out.Total, err = s.finishList(ctx, l, len(gs), last, out.More); err != nil {
		return out, err
	}
	out.Groups, err = s.groupViews(ctx, t, l.home, gs, want)
	return out, err
}

// groupsAfter skips some groups after an id and reads the next limit; the last one may lack its shards.
func (s *Store) groupsAfter(ctx context.Context, h schema.Home, p directory.ProviderID, id string, skip, limit int) ([]groupHead, error) {
	const each = 1 + schema.GroupShards
	lo := ""
	if id != "" {
		lo = schema.GroupEnd(id)
	}
	var its []item
	for started := 0; started < limit; {
		got, more, err := s.query(ctx, span{pk: h.Groups(), lo: lo, limit: each*(min(skip, 500)+limit-started) + 1})
		if err != nil {
			return nil, err
		}
		for _, it := range got {
			if !strings.Contains(text(it, "SK"), "#") {
				if skip > 0 {
					skip--
					continue
				}
				started++
			}
			if started > 0 {
				its = append(its, it)
			}
		}
		if !more {
			break
		}
		lo = after(text(got[len(got)-1], "SK"))
	}
	gs, err := decodeGroups(p, its)
	return gs[:min(len(gs), limit)], err
}
