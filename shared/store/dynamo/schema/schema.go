// Package schema has the keys of the table: where each kind of item is, and how its items are spread. It reads and writes
// nothing.
package schema

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
)

// The table. t is the tenant, p the provider ("" for local users), h(x) a SHA-256; parts are escaped. Heat is the write
// units per second on one partition key when one tenant sends 200 requests per second.
//
//	item                  PK                     SK             served                                heat
//	user                  t#p#U                  uid            by id; list by id                      400, splits: random ids
//	  alias               t#p#U                  scimId → uid   by id, when restored (scimId ≠ uid)    -
//	  local, removed      t##U, t#p~#U           uid            admin; p~ is "deleted by p"            -
//	userName guard        t#N#h(folded)          N → uid, p     unique in the tenant; eq filter        2
//	look-up of users      t#p#K#attr#h(value)    uid            externalId, work e-mail ², manager …   2; reports of a manager: splits
//	  restorable account  t#p~#K#externalId#h    uid            to find a deleted account again        2
//	former id             t#p#F                  scimId         ids given back; C24                    deletions, splits: random ids
//	totals                t#p#T                  U0…Uf, G0…Gf   totalResults, rank of a startIndex     400, splits: 25 an item
//	bookmark              t#p#B                  U|G#start#½h   smallest id before a page, 1 hour      10
//	group                 t#p#G                  gid            by id; list by id                      splits: random ids
//	  its shards          t#p#G                  gid#S0…S7      count, version, lock; with the group   400 by one group, splits
//	displayName guard     t#p#GN#h(folded)       N → gid        unique in the provider; eq filter      2
//	look-up of groups     t#p#GK#attr#h(value)   gid            externalId                             2
//	nesting               t#p#X                  X              version of the nesting of groups       rare
//	membership            t#p#M#gid              member         members of a group                     400 by one group, splits
//	  reverse             t#p#R#member           gid            groups of a member                     2
//	log entry             t#L#p#day#0…7          position       log of a provider, by day              100 (4 units an entry) ¹
//	  its day             t#D#p                  day            which days have entries                1 a day and process
//	  GSI1 "subject"      S1 = t#uid or t#gid    SK             log of a user or group; keys only      1
//	  last number         t#NR#gid               NR             of the entries of a group             a batch of one group: 2
//	counts                t#p#Q#0…7              minute         entries by action, and a mark of each  12, a batch a second
//	  next pages          t#p#Q#0…7              minute#001…    above 4,000 marks                      64 a batch
//	  counted before      t#p#QE#minute#0…7      entry id       by versions before pages; 32 days      -
//	provider              t#P                    p              with every request; all of a tenant    rare; reads 200
//	  emptied             t#P                    p~             removed, but has deleted users         -
//	  archived            t#PA                   p              deleted; 30 days                       -
//	  its pages           t#PB#p                 page           its people and groups; 30 days         a page for 200 people, group
//	provider name guard   t#PN#h(folded)         N → p          unique in the tenant                   -
//	tenant                #T                     t              the deployment's tenants               rare
//	API key               t#A                    id             all of a tenant                        rare
//	  by hash             t#AH#hash              A → id         sign-in                                rare
//	checked writes        t#CN#kind              CN             number of API keys, webhooks …         rare
//	conflict              t#C                    id             one, all                               20
//	replay                t#I#key                I              Idempotency-Key; expires               2
//	legal hold matter     t#H                    id             all of a tenant                        rare
//	  custodian           t#HC#matter            uid            all of a matter                        200 by a script
//	guard event           t#p#V                  id             all of a provider, by time             rare
//	GSI2 "due"            due                    dueAt          pending deactivations; keys only
//	  gates open          0…f                    time           all tenants: deactivations due         12 each
//	  held; frozen        t#held, t#frozen       time           one tenant: legal hold; guard          200
//	webhook               t#W                    id             all of a tenant                        rare
//	delivery              t#V#0…15               id             one, the newest; 31 days               50 a webhook
//	  GSI2 "due"          due = V#0…15           dueAt          as earlier releases stored it          rare
//	  its mark            t#VQ#webhook           dueAt, id      pending ones of a webhook              50 by 25 events a second
//	queue of a webhook    t#WQ#webhook           WQ             while something is pending             25 by 25 events a second
//	  GSI2 "due"          due = WQ#0…3           dueAt          queues of all tenants                  1 a pause or burst
//	set aside             t#SA#0…7               id             steps of an entry that failed; 31 days 100 while a part fails
//	  GSI2 "due"          due = SA#0…7           dueAt          those of all tenants                   50 while a part fails
//	chain                 t#CH                   p              heads of all chains of a tenant        1 a block
//	  its blocks          t#B#p                  number         a chain, in order                      1 KB for 8 entries
//	  grown               t#CG                   p              has something to seal                  1 a minute and process
//	  GSI2 "due"          due = G#0…7            dueAt, t, p    those of all tenants                   2 a chain and quarter of an hour
//	  late entries        t#LT#p                 position       not sealed in order                    rare
//	  settled ones        t#LS#p                 position       so that none is sealed twice; 31 days  rare
//	organization          t#O                    id             one, all by id                         rare
//	  its names           t#ON#h(folded)         N → id         unique in the tenant, with aliases     2
//	  quota               t#OQ#h(key)            Q              organizations created on a day         rare
//	tally                 t#Y#key#0…3            Y              users of an organization, role, list   100
//	roles, proposals      t#RC, t#RQ             RC, RQ         the catalogue; what needs approval     rare
//	mappings              t#PM                   p              all of a provider                      rare
//	rules                 t#RV                   RV             what following reads for each entry    4 a block; reads 25
//	watchlist             t#WL                   id             all of a tenant                        rare
//	alias                 t#NA#h(folded)         uid            users that had a userName; a year       rare
//	usage                 t#PU#p                 U              when a provider, or API keys, were used 1 a minute and process
//	requests              t#PU#p                 R              what requests of a provider showed   1 a minute and process
//	task                  t#TK                   id             long work, by time; progress of jobs   2 a step of 1,000 records
//	  GSI2 "due"          due = TK#0,1           dueAt          tasks of all tenants                   2 a step
//	unknown country       t#CV#p                 h(value)       one, all of a provider                 rare
//	apply run             t#AR#p                 id             one, all by time                       rare
//	  its ranges          t#AX#run               00…31          its progress                           20
//	  its changes         t#AP#run               range, uid     a page of 100 users                    40, splits
//
// ¹ The shard follows from the entry's id, and the id from its subject (directory.LogEntry.OfUser): the stream keeps the
// order of one partition key, so it hands on the entries of a user or group in the order of their commits. 25 changes of
// one group a second are therefore 100 units a second on one key, beside an eighth of all others; at 1,000 DynamoDB would
// throttle, and we plan for 250.
//
// ² Not of an e-mail that equals the userName: its guard finds the user. Users from before may have it.
//
// Lists are cheap because each page stores a bookmark for the start of the next one, so that reading a whole list costs
// no more than its results. It is the smallest that any crawl stored in this half hour and the one before, so that no
// crawl passes over somebody whom only a faster one has seen. A start without a bookmark is found from the totals, which
// are kept by the first character of the ids: fifteen of sixteen parts of the list are skipped unread.
//
// A change of members writes the rows of its members, one random shard of its group, and the members' own records,
// whose mv it increments: so it conflicts with the deletion of a member, but not with a change of other members. A
// change that depends on all members (replacing them, more members than fit in a transaction, deletion) is committed
// under the condition that no shard has changed since it was computed. A change too large for one transaction locks all
// shards in its commit; readers show such a group as committed by reading the entry, writers finish it first. Until the
// request (or, if it died or more than 12,000 rows are left, CompleteEntry) has rolled the change forward, a user is shown
// with the groups from before it; the same holds for groups just deleted and managers just cleared.

// A page of counts holds how many entries of a provider's minute and log shard had each action, and 8 bytes of the hash of
// each entry's id: whoever finds an entry's mark counts nothing. It is written under the condition of its revision, in
// one transaction with the tallies that its entries move, so that it does not matter how batches are cut, who counts, and
// how often. A process keeps the pages it has seen and reads none: a refused condition brings the page. A full page does
// not change any more; its entries are known, and others go to the next one.
//
// Versions before pages kept the counts under the same key, without a revision, and an item for each entry. A page whose
// counts are more than its marks has such entries: their items are read and get their marks. Since a page is also written
// under the condition of the counts that it changes, this holds while both versions run, for a page that is not full.

// Key is the primary key of an item.
type Key struct{ PK, SK string }

// Compare orders keys by partition, then by sort key.
func (k Key) Compare(other Key) int {
	return cmp.Or(strings.Compare(k.PK, other.PK), strings.Compare(k.SK, other.SK))
}

// Item returns the attributes of the key.
func (k Key) Item() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: k.PK}, "SK": &types.AttributeValueMemberS{Value: k.SK}}
}

// With returns the item under the key.
func (k Key) With(it map[string]types.AttributeValue) map[string]types.AttributeValue {
	out := k.Item()
	for n, v := range it {
		out[n] = v
	}
	return out
}

// How many items some records are spread over.
const (
	UserShards  = 16                  // the totals of users
	GroupShards = 8                   // a group
	LogShards   = directory.LogShards // a day's log, a minute's counts
)

var (
	escaper   = strings.NewReplacer("%", "%25", "#", "%23", "~", "%7E", " ", "%20")
	unescaper = strings.NewReplacer("%23", "#", "%7E", "~", "%20", " ", "%25", "%")
)

// Escape escapes a part of a key.
func Escape(part string) string { return escaper.Replace(part) }

// Unescape is the inverse of Escape.
func Unescape(part string) string { return unescaper.Replace(part) }

// Join builds a key of parts. Only the fixed parts in this file have "#" or "~" unescaped.
func Join(parts ...string) string {
	for i, p := range parts {
		parts[i] = Escape(p)
	}
	return strings.Join(parts, "#")
}

// PartOf returns a part of a partition key.
func PartOf(k Key, i int) string {
	parts := strings.Split(k.PK, "#")
	if i >= len(parts) {
		return ""
	}
	return Unescape(parts[i])
}

// Sum is the hash of a value in a key.
func Sum(value string) string {
	h := sha256.Sum256([]byte(value))
	return hex.EncodeToString(h[:])
}

// Home is the list that a user belongs to: the present users of a provider, those it deleted, or local users.
type Home string

// HomeFor is the list of a provider, "" for local users; removed: of those whom it deleted.
func HomeFor(t directory.TenantID, p directory.ProviderID, removed bool) Home {
	h := Join(string(t), string(p))
	if removed {
		h += "~"
	}
	return Home(h)
}

// HomeOf is the list that a user belongs to.
func HomeOf(t directory.TenantID, u directory.User) Home { return HomeFor(t, u.Provider, u.Removed()) }

// Users is the partition of the users of a list.
func (h Home) Users() string { return string(h) + "#U" }

// User is the key of a user, or of an alias of one.
func (h Home) User(id string) Key { return Key{h.Users(), Escape(id)} }

// Lookup is the partition of the users that have a value of an attribute.
func (h Home) Lookup(l directory.Lookup) string {
	return string(h) + "#K#" + Join(l.Attr, Sum(l.Value))
}

// Former is the key of an id that was given back.
func (h Home) Former(id directory.ScimID) Key {
	return Key{string(h) + "#F", Escape(string(id))}
}

// Groups is the partition of the groups of a list, with their shards.
func (h Home) Groups() string { return string(h) + "#G" }

// Group is the key of a group.
func (h Home) Group(id directory.GroupID) Key { return Key{h.Groups(), Escape(string(id))} }

// GroupName is the key of the guard of a displayName.
func (h Home) GroupName(folded string) Key { return Key{string(h) + "#GN#" + Sum(folded), "N"} }

// GroupKey is the partition of the groups that have a value of an attribute.
func (h Home) GroupKey(l directory.Lookup) string {
	return string(h) + "#GK#" + Join(l.Attr, Sum(l.Value))
}

// Nesting is the key of the version of the nesting of groups.
func (h Home) Nesting() Key { return Key{string(h) + "#X", "X"} }

// Members is the partition of a group's members.
func (h Home) Members(g directory.GroupID) string {
	return string(h) + "#M#" + Escape(string(g))
}

// GroupsOf is the partition of the groups of a member.
func (h Home) GroupsOf(m directory.ScimID) string {
	return string(h) + "#R#" + Escape(string(m))
}

// Totals is the partition of a list's totals.
func (h Home) Totals() string { return string(h) + "#T" }

// GroupShard returns the key of shard i of a group.
func (h Home) GroupShard(g directory.GroupID, i int) Key {
	k := h.Group(g)
	k.SK += "#S" + strconv.Itoa(i)
	return k
}

// GroupEnd sorts after all shards of a group and before the next group.
func GroupEnd(g string) string { return Escape(g) + "#~" }

// Member returns the key of the record that must exist for m to be a member: the user or alias, or the group.
func (h Home) Member(m directory.ScimID) Key {
	if m.IsGroup() {
		return h.Group(directory.GroupID(m))
	}
	return h.User(string(m))
}

// Kind is a list that has totals and bookmarks.
type Kind string

// The lists that have totals and bookmarks.
const (
	KindUsers  Kind = "U"
	KindGroups Kind = "G"
)

// Total returns the key of the shard of a list's total that counts the record with the id.
func (h Home) Total(k Kind, id string) Key {
	return Key{h.Totals(), string(k) + strconv.FormatInt(int64(TotalShard(id)), UserShards)}
}

// TotalShard returns half the value of an id's first random character, so that shards are ranges of ids.
func TotalShard(id string) int {
	if len(id) < 2 {
		return 0
	}
	switch c := id[1]; {
	case c >= '0' && c <= '9':
		return int(c-'0') / 2
	case c >= 'a' && c <= 'v':
		return int(c-'a'+10) / 2
	}
	return UserShards - 1
}

// ShardStart returns the lowest id of a total's shard; letter is the first one of the list's ids.
func ShardStart(letter byte, shard int) string {
	return string(letter) + string("0123456789abcdefghijklmnopqrstuv"[2*shard])
}

// Bookmark is the key of the smallest id before a page, of half an hour.
func (h Home) Bookmark(k Kind, start int, epoch int64) Key {
	return Key{string(h) + "#B", string(k) + "#" + strconv.Itoa(start) + "#" + strconv.FormatInt(epoch, 10)}
}

// UserNameKey is the key of the guard of a userName.
func UserNameKey(t directory.TenantID, userName string) Key {
	return NameGuard(t, directory.UserNameKey(userName))
}

// NameGuard is the key of the guard of a folded userName.
func NameGuard(t directory.TenantID, folded string) Key {
	return Key{Join(string(t), "N", Sum(folded)), "N"}
}

// DayOf is the day of a log entry.
func DayOf(at time.Time) string { return at.UTC().Format("20060102") }

// LogDays is the partition of the days that have entries of a provider.
func LogDays(t directory.TenantID, p directory.ProviderID) string {
	return Join(string(t), "D", string(p))
}

// LogShard is the partition of a shard of a provider's log of a day.
func LogShard(t directory.TenantID, p directory.ProviderID, day string, shard int) string {
	return Join(string(t), "L", string(p), day, strconv.Itoa(shard))
}

// EntryKey is the key of a log entry.
func EntryKey(t directory.TenantID, p directory.ProviderID, at time.Time, id directory.EntryID) Key {
	return Key{
		LogShard(t, p, DayOf(at), Spread(string(id), LogShards)),
		directory.LogEntry{At: at, ID: id}.Position(),
	}
}

// NumberKey returns the key of the number of a group's newest entry.
func NumberKey(t directory.TenantID, g directory.GroupID) Key {
	return Key{Join(string(t), "NR", string(g)), "NR"}
}

// EntryRef returns a reference to an entry, for other items. A PK has no blank.
func EntryRef(k Key) string { return k.PK + " " + k.SK }

// EntryAt returns the key of an entryRef.
func EntryAt(ref string) Key {
	pk, sk, _ := strings.Cut(ref, " ")
	return Key{pk, sk}
}

// TenantOfLog returns the tenant of a log entry's PK, and false for any other item's.
func TenantOfLog(pk string) (directory.TenantID, bool) {
	parts := strings.Split(pk, "#")
	if len(parts) != 5 || parts[1] != "L" || len(parts[3]) != 8 {
		return "", false
	}
	return directory.TenantID(parts[0]), true
}

// EntryOfKey returns the fields of a log entry that are in its key.
func EntryOfKey(k Key) directory.LogEntry {
	return directory.EntryOfPosition(directory.ProviderID(strings.Split(k.PK, "#")[2]), k.SK)
}

// Spread chooses a shard by an id.
func Spread(id string, shards int) int { return directory.Spread(id, shards) }

// Subject is the key of a user or group in the index of the log by subject.
func Subject(t directory.TenantID, id string) string { return Join(string(t), id) }

// MinuteForm is the form of the minute of a page of counts.
const MinuteForm = "20060102T1504"

// MinuteOf is the minute of a page of counts.
func MinuteOf(at time.Time) string { return at.UTC().Format(MinuteForm) }

// CountKey returns the key of a page of counts; the first one has the key of the counts from before pages.
func CountKey(t directory.TenantID, p directory.ProviderID, minute string, shard, page int) Key {
	k := Key{Join(string(t), string(p), "Q", strconv.Itoa(shard)), minute}
	if page > 0 {
		k.SK += fmt.Sprintf("#%03d", page)
	}
	return k
}

// CountedBefore is the partition of the entries that were counted before pages.
func CountedBefore(t directory.TenantID, p directory.ProviderID, minute string, shard int) string {
	return Join(string(t), string(p), "QE", minute, strconv.Itoa(shard))
}
