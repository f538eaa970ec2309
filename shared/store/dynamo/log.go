package dynamo

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// packFrom is the number of members from which a log entry has their ids packed, in 16 bytes each, so that 20,000 of
// them fit in an item.
const packFrom = 20

// remainder is the subject of an entry's Remaining work: a group of a provider, or the SCIM id of a user that left it.
// ops is the size of the transactions that roll a change of members forward: its chunks are counted, so everyone must
// use the same size.
type remainder struct {
	provider directory.ProviderID
	id       string
	ops      int
}

// log adds a log entry. If its id exists, the transaction was carried out before.
func (x *tx) log(s *Store, t directory.TenantID, e directory.LogEntry, r remainder) {
	x.logItem(s, t, e, encodeEntry(t, e, r))
}

func (x *tx) logItem(s *Store, t directory.TenantID, e directory.LogEntry, it item) {
	x.days = append(x.days, schema.Key{PK: schema.LogDays(t, e.Provider), SK: schema.DayOf(e.At)})
	it["ttl"] = num(e.At.Add(s.retention).Unix())
	k := schema.EntryKey(t, e.Provider, e.At, e.ID)
	x.entries = append(x.entries, k)
	x.put(s, k, it, absent, func(item) error { return errCommitted })
	if e.ChangesRules() {
		x.update(s, schema.RulesKey(t), edit{add: map[string]int64{"n": 1}}, always, nil)
	}
}

func encodeEntry(t directory.TenantID, e directory.LogEntry, r remainder) item {
	it := item{"v": num(schemaVersion)}
	switch {
	case e.User != "":
		it["S1"] = str(schema.Subject(t, string(e.User)))
	case e.Group != "":
		it["S1"] = str(schema.Subject(t, string(e.Group)))
	}
	if e.Remaining != directory.RemainingNone && r.id != "" {
		it["rp"], it["ri"], it["ro"] = str(string(r.provider)), str(r.id), num(r.ops)
	}
	if len(e.Added)+len(e.Removed) >= packFrom {
		added, ok := packIDs(e.Added)
		removed, also := packIDs(e.Removed)
		if ok && also {
			e.Added, e.Removed = nil, nil
			if len(added) > 0 {
				it["add"] = bin(added)
			}
			if len(removed) > 0 {
				it["rem"] = bin(removed)
			}
		}
	}
	it["e"] = str(string(e.AppendJSON(make([]byte, 0, 512))))
	return it
}

func decodeEntry(it item) (e directory.LogEntry, err error) {
	if err := checkVersion(it); err != nil {
		return e, err
	}
	if err := getJSON(it, "e", &e); err != nil {
		return e, err
	}
	if b := bytesOf(it, "add"); b != nil {
		e.Added = unpackIDs(b)
	}
	if b := bytesOf(it, "rem"); b != nil {
		e.Removed = unpackIDs(b)
	}
	decodeNumber(it, &e)
	return e, nil
}

// packed is the size of a packed id: one bit for the kind, 125 for the random characters.
const packed = 16

const idDigits = "0123456789abcdefghijklmnopqrstuv"

// packIDs packs ids, and returns false when one does not have the form of an id.
func packIDs(ids []directory.ScimID) ([]byte, bool) {
	out := make([]byte, 0, packed*len(ids))
	for _, id := range ids {
		if !id.IsUser() && !id.IsGroup() {
			return nil, false
		}
		var hi, lo uint64
		for i := 1; i < len(id); i++ {
			hi, lo = hi<<5|lo>>59,
				lo<<5|uint64(strings.IndexByte(idDigits, id[i])) //nolint:gosec // G115: a digit's index is 0 to 31, the form was checked
		}
		if id.IsGroup() {
			hi |= 1 << 63
		}
		out = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(out, hi), lo)
	}
	return out, true
}

func unpackIDs(b []byte) []directory.ScimID {
	out := make([]directory.ScimID, 0, len(b)/packed)
	for one := range slices.Chunk(b, packed) {
		if len(one) < packed {
			break
		}
		hi, lo := binary.BigEndian.Uint64(one), binary.BigEndian.Uint64(one[8:])
		id := make([]byte, directory.IDLength)
		id[0] = 'u'
		if hi>>63 == 1 {
			id[0] = 'g'
		}
		for i := directory.IDLength - 1; i > 0; i-- {
			id[i] = idDigits[lo&31]
			hi, lo = hi>>5, lo>>5|hi<<59
		}
		out = append(out, directory.ScimID(id))
	}
	return out
}

// markDays ensures that the days of log entries are listed before the entries exist: one more call for a provider's
// first change of a day in a process.
func (s *Store) markDays(ctx context.Context, days []schema.Key) error {
	for _, k := range days {
		s.mu.Lock()
		known := s.days[k]
		s.mu.Unlock()
		if known {
			continue
		}
		if err := s.put(ctx, "mark day", k, item{}); err != nil {
			return err
		}
		s.mu.Lock()
		if len(s.days) > 10_000 { // a process that runs for long, or serves very many providers
			clear(s.days)
		}
		s.days[k] = true
		s.mu.Unlock()
	}
	return nil
}

// logStore implements directory.Log.
type logStore struct{ *Store }

func (s logStore) Entry(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, at time.Time, id directory.EntryID,
) (directory.LogEntry, error) {
	e, _, err := s.entry(ctx, schema.EntryKey(t, p, at, id))
	return e, err
}

func (s *Store) entry(ctx context.Context, k schema.Key) (directory.LogEntry, remainder, error) {
	it, err := s.getOne(ctx, k)
	if err == nil && it == nil {
		err = notFound("log entry")
	}
	if err != nil {
		return directory.LogEntry{}, remainder{}, err
	}
	e, err := decodeEntry(it)
	return e, remainder{directory.ProviderID(text(it, "rp")), text(it, "ri"), int(number(it, "ro"))}, err
}

// bounds returns the positions of a query: from lo, inclusive, to hi, exclusive; "" for open.
func bounds(q directory.LogQuery) (lo, hi string) {
	if !q.Since.IsZero() {
		lo = directory.LogEntry{At: q.Since}.Position()
	}
	if !q.Until.IsZero() {
		hi = directory.LogEntry{At: q.Until}.Position()
	}
	if q.Before != "" && (hi == "" || q.Before < hi) {
		hi = q.Before
	}
	return lo, hi
}

// dayOfPosition returns the day of a position, "" for one that cannot be ours.
func dayOfPosition(position string) string {
	millis, _, _ := strings.Cut(position, ".")
	at := timeOfPosition(millis)
	if at.IsZero() || len(millis) > 9 {
		return ""
	}
	return schema.DayOf(at)
}

// timeOfPosition returns the time in the digits of a position, zero for others.
func timeOfPosition(digits string) time.Time {
	n, err := strconv.ParseInt(digits, 36, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// newest reads at most count keys or items of a partition, newest first, within bounds.
func (s *Store) newest(ctx context.Context, pk, index, lo, hi string, count int) ([]item, error) {
	its, _, err := s.query(ctx, span{pk: pk, index: index, lo: lo, hi: hi, desc: true, limit: count + 1})
	its = slices.DeleteFunc(its, func(it item) bool { return hi != "" && text(it, "SK") >= hi })
	return its[:min(len(its), count)], err
}

func (s logStore) Entries(ctx context.Context, t directory.TenantID, q directory.LogQuery) ([]directory.LogEntry, error) {
	if q.Count < 1 {
		return nil, nil
	}
	lo, hi := bounds(q)
	var its []item
	var err error
	switch {
	case q.User != "":
		its, err = s.subjectEntries(ctx, schema.Subject(t, string(q.User)), lo, hi, q.Count)
	case q.Group != "":
		its, err = s.subjectEntries(ctx, schema.Subject(t, string(q.Group)), lo, hi, q.Count)
	default:
		its, err = s.providerEntries(ctx, t, q.Provider, lo, hi, q.Count)
	}
	if err != nil {
		return nil, err
	}
	out := make([]directory.LogEntry, len(its))
	for i, it := range its {
		if out[i], err = decodeEntry(it); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Store) subjectEntries(ctx context.Context, subject, lo, hi string, count int) ([]item, error) {
	found, err := s.newest(ctx, subject, indexSubject, lo, hi, count)
	if err != nil {
		return nil, err
	}
	keys := make([]schema.Key, len(found))
	for i, it := range found {
		keys[i] = keyOf(it)
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var out []item
	for _, k := range keys {
		if it := got[k]; it != nil {
			out = append(out, it)
		}
	}
	return out, nil
}

// providerEntries merges the shards of each day, newest first.
func (s *Store) providerEntries(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, lo, hi string, count int,
) ([]item, error) {
	days, _, err := s.query(ctx, span{pk: schema.LogDays(t, p), lo: dayOfPosition(lo), hi: dayOfPosition(hi), desc: true})
	if err != nil {
		return nil, err
	}
	var out []item
	for _, day := range days {
		var parts [schema.LogShards][]item
		var fns []func(context.Context) error
		for i := range schema.LogShards {
			fns = append(fns, func(ctx context.Context) (err error) {
				parts[i], err = s.newest(ctx, schema.LogShard(t, p, text(day, "SK"), i), "", lo, hi, count-len(out))
				return err
			})
		}
		if err := meter.Parallel(ctx, fns...); err != nil {
			return nil, err
		}
		all := slices.Concat(parts[:]...)
		slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(b, "SK"), text(a, "SK")) })
		out = append(out, all...)
		if len(out) >= count {
			return out[:count], nil
		}
	}
	return out, nil
}

// EntriesAfter implements directory.Log: it merges the shards of each day.
func (s logStore) EntriesAfter(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, count int,
) ([]directory.LogEntry, error) {
	days, _, err := s.query(ctx, span{pk: schema.LogDays(t, p), lo: dayOfPosition(after), hi: dayOfPosition(before)})
	if err != nil {
		return nil, err
	}
	var out []directory.LogEntry
	for _, day := range days {
		its, err := s.oldest(ctx, t, p, text(day, "SK"), after, before, count-len(out))
		if err != nil {
			return nil, err
		}
		for _, it := range its {
			e, err := decodeEntry(it)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		if len(out) >= count {
			break
		}
	}
	return out, nil
}

// oldest reads the first entries of a day between two positions. Each shard is asked for its share, and again only while
// it may hold one of the first.
func (s *Store) oldest(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, day, from, before string, count int,
) ([]item, error) {
	const spare = 8 // chance gives one shard more than another
	var left [schema.LogShards]span
	var more [schema.LogShards]bool
	for i := range schema.LogShards {
		left[i] = span{pk: schema.LogShard(t, p, day, i), lo: after(from), hi: before, limit: min(count, count/schema.LogShards+spare)}
		more[i] = true
	}
	for all := []item(nil); ; {
		var fns []func(context.Context) error
		var parts [schema.LogShards][]item
		for i := range schema.LogShards {
			if !more[i] || len(all) >= count && left[i].lo > text(all[count-1], "SK") {
				continue
			}
			fns = append(fns, func(ctx context.Context) (err error) {
				parts[i], more[i], err = s.query(ctx, left[i])
				if n := len(parts[i]); n > 0 {
					left[i].lo = after(text(parts[i][n-1], "SK"))
				}
				return err
			})
		}
		if len(fns) == 0 {
			return all[:min(count, len(all))], nil
		}
		if err := meter.Parallel(ctx, fns...); err != nil {
			return nil, err
		}
		all = append(all, slices.Concat(parts[:]...)...)
		all = slices.DeleteFunc(all, func(it item) bool { return before != "" && text(it, "SK") >= before })
		slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(a, "SK"), text(b, "SK")) })
		share := max(spare, (count-len(all))/len(fns)) // one shard may have them all: those of a group
		for i := range left {
			left[i].limit = share
		}
	}
}

// NumberEntries implements directory.Log: a transaction raises a group's last number under the condition that nobody else
// has, and stores the numbers with the entries that have none. So there is neither a gap nor a number twice.
func (s logStore) NumberEntries(ctx context.Context, t directory.TenantID, es []directory.LogEntry) ([]directory.LogEntry, error) {
	out := slices.Clone(es)
	of := map[directory.GroupID]*numbering{}
	for i, e := range out {
		if !e.Unnumbered {
			continue
		}
		n := of[e.Group]
		if n == nil {
			n = &numbering{Store: s.Store, t: t, group: e.Group, given: map[directory.EntryID]int64{}}
			of[e.Group] = n
		}
		if !slices.ContainsFunc(n.left, func(o directory.LogEntry) bool { return o.ID == e.ID }) {
			n.left = append(n.left, out[i])
		}
	}
	var fns []func(context.Context) error
	for _, g := range slices.Sorted(maps.Keys(of)) {
		fns = append(fns, of[g].all)
	}
	if len(fns) == 0 {
		return out, nil
	}
	err := meter.Parallel(ctx, fns...)
	for i, e := range out {
		if n := of[e.Group]; e.Unnumbered && n != nil {
			if v, ok := n.given[e.ID]; ok {
				out[i].Version, out[i].Unnumbered = v, false
			}
		}
	}
	return out, err
}

func (s logStore) AppendEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	x := &tx{}
	x.log(s.Store, t, e, remainder{})
	return s.commitOnce(ctx, "append entry", x)
}

// DropEntries implements directory.Log. The table expires entries itself at the end of their time to live; a tenant may
// keep them for a shorter time. The marks of complete days are dropped with them.
func (s logStore) DropEntries(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, before time.Time, count int,
) (n int, err error) {
	end := directory.LogEntry{At: before}.Position()
	days, _, err := s.query(ctx, span{pk: schema.LogDays(t, p), hi: schema.DayOf(before)})
	if err != nil {
		return 0, err
	}
	for _, day := range days {
		its, err := s.oldest(ctx, t, p, text(day, "SK"), "", end, count-n)
		if err != nil {
			return n, err
		}
		keys := make([]schema.Key, len(its), len(its)+1)
		for i, it := range its {
			keys[i] = keyOf(it)
		}
		n += len(its)
		if n < count && text(day, "SK") < schema.DayOf(before) {
			keys = append(keys, keyOf(day))
		}
		if err := s.erase(ctx, "drop entries", keys); err != nil || n >= count {
			return n, err
		}
	}
	return n, nil
}
