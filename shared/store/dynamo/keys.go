package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

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
//	rules                 t#RV                   RV             number of changes of what rules read   rare; reads 25
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
// request (or, if it died, CompleteEntry) has rolled the change forward, a user is shown with the groups from before
// it; the same holds for groups just deleted and managers just cleared.

// A page of counts holds how many entries of a provider's minute and log shard had each action, and 8 bytes of the hash of
// each entry's id: whoever finds an entry's mark counts nothing. It is written under the condition of its revision, in
// one transaction with the tallies that its entries move, so that it does not matter how batches are cut, who counts, and
// how often. A process keeps the pages it has seen and reads none: a refused condition brings the page. A full page does
// not change any more; its entries are known, and others go to the next one.
//
// Versions before pages kept the counts under the same key, without a revision, and an item for each entry. A page whose
// counts are more than its marks has such entries: their items are read and get their marks. Since a page is also written
// under the condition of the counts that it changes, this holds while both versions run, for a page that is not full.

// key is the primary key of an item.
type key struct{ pk, sk string }

// How many items the totals of users, a group, and a day's log and a minute's counts are spread over.
const userShards, groupShards, logShards = 16, 8, directory.LogShards

var escaper = strings.NewReplacer("%", "%25", "#", "%23", "~", "%7E", " ", "%20")

// join builds a key of parts. Only the fixed parts in this file have "#" or "~" unescaped.
func join(parts ...string) string {
	for i, p := range parts {
		parts[i] = escaper.Replace(p)
	}
	return strings.Join(parts, "#")
}

func sum(value string) string {
	h := sha256.Sum256([]byte(value))
	return hex.EncodeToString(h[:])
}

// home is the list that a user belongs to: the present users of a provider, those it deleted, or local users.
type home string

func homeFor(t directory.TenantID, p directory.ProviderID, removed bool) home {
	h := join(string(t), string(p))
	if removed {
		h += "~"
	}
	return home(h)
}

func homeOf(t directory.TenantID, u directory.User) home { return homeFor(t, u.Provider, u.Removed()) }

func (h home) users() string      { return string(h) + "#U" }
func (h home) user(id string) key { return key{h.users(), escaper.Replace(id)} }
func (h home) lookup(l directory.Lookup) string {
	return string(h) + "#K#" + join(l.Attr, sum(l.Value))
}
func (h home) former(id directory.ScimID) key {
	return key{string(h) + "#F", escaper.Replace(string(id))}
}
func (h home) groups() string                 { return string(h) + "#G" }
func (h home) group(id directory.GroupID) key { return key{h.groups(), escaper.Replace(string(id))} }
func (h home) groupName(folded string) key    { return key{string(h) + "#GN#" + sum(folded), "N"} }
func (h home) groupKey(l directory.Lookup) string {
	return string(h) + "#GK#" + join(l.Attr, sum(l.Value))
}
func (h home) nesting() key { return key{string(h) + "#X", "X"} }
func (h home) members(g directory.GroupID) string {
	return string(h) + "#M#" + escaper.Replace(string(g))
}
func (h home) groupsOf(m directory.ScimID) string {
	return string(h) + "#R#" + escaper.Replace(string(m))
}
func (h home) totals() string { return string(h) + "#T" }

// groupShard returns the key of shard i of a group.
func (h home) groupShard(g directory.GroupID, i int) key {
	k := h.group(g)
	k.sk += "#S" + strconv.Itoa(i)
	return k
}

// groupEnd sorts after all shards of a group and before the next group.
func groupEnd(g string) string { return escaper.Replace(g) + "#~" }

// member returns the key of the record that must exist for m to be a member: the user or alias, or the group.
func (h home) member(m directory.ScimID) key {
	if m.IsGroup() {
		return h.group(directory.GroupID(m))
	}
	return h.user(string(m))
}

// kind is a list that has totals and bookmarks.
type kind string

const (
	kindUsers  kind = "U"
	kindGroups kind = "G"
)

// total returns the key of the shard of a list's total that counts the record with the id.
func (h home) total(k kind, id string) key {
	return key{h.totals(), string(k) + strconv.FormatInt(int64(totalShard(id)), userShards)}
}

// totalShard returns half the value of an id's first random character, so that shards are ranges of ids.
func totalShard(id string) int {
	if len(id) < 2 {
		return 0
	}
	switch c := id[1]; {
	case c >= '0' && c <= '9':
		return int(c-'0') / 2
	case c >= 'a' && c <= 'v':
		return int(c-'a'+10) / 2
	}
	return userShards - 1
}

// shardStart returns the lowest id of a total's shard; letter is the first one of the list's ids.
func shardStart(letter byte, shard int) string {
	return string(letter) + string("0123456789abcdefghijklmnopqrstuv"[2*shard])
}

func (h home) bookmark(k kind, start int, epoch int64) key {
	return key{string(h) + "#B", string(k) + "#" + strconv.Itoa(start) + "#" + strconv.FormatInt(epoch, 10)}
}

func userNameKey(t directory.TenantID, userName string) key {
	return nameGuard(t, directory.UserNameKey(userName))
}

func nameGuard(t directory.TenantID, folded string) key {
	return key{join(string(t), "N", sum(folded)), "N"}
}

func dayOf(at time.Time) string { return at.UTC().Format("20060102") }

func logDays(t directory.TenantID, p directory.ProviderID) string {
	return join(string(t), "D", string(p))
}

func logShard(t directory.TenantID, p directory.ProviderID, day string, shard int) string {
	return join(string(t), "L", string(p), day, strconv.Itoa(shard))
}

func entryKey(t directory.TenantID, p directory.ProviderID, at time.Time, id directory.EntryID) key {
	return key{
		logShard(t, p, dayOf(at), spread(string(id), logShards)),
		directory.LogEntry{At: at, ID: id}.Position(),
	}
}

// numberKey returns the key of the number of a group's newest entry.
func numberKey(t directory.TenantID, g directory.GroupID) key {
	return key{join(string(t), "NR", string(g)), "NR"}
}

// entryRef returns a reference to an entry, for other items. A PK has no blank.
func entryRef(k key) string { return k.pk + " " + k.sk }

// entryAt returns the key of an entryRef.
func entryAt(ref string) key {
	pk, sk, _ := strings.Cut(ref, " ")
	return key{pk, sk}
}

// tenantOfLog returns the tenant of a log entry's PK, and false for any other item's.
func tenantOfLog(pk string) (directory.TenantID, bool) {
	parts := strings.Split(pk, "#")
	if len(parts) != 5 || parts[1] != "L" || len(parts[3]) != 8 {
		return "", false
	}
	return directory.TenantID(parts[0]), true
}

// entryOfKey returns the fields of a log entry that are in its key.
func entryOfKey(k key) directory.LogEntry {
	return directory.EntryOfPosition(directory.ProviderID(strings.Split(k.pk, "#")[2]), k.sk)
}

// spread chooses a shard by an id.
func spread(id string, shards int) int { return directory.Spread(id, shards) }

func subject(t directory.TenantID, id string) string { return join(string(t), id) }

const minuteForm = "20060102T1504"

func minuteOf(at time.Time) string { return at.UTC().Format(minuteForm) }

// countKey returns the key of a page of counts; the first one has the key of the counts from before pages.
func countKey(t directory.TenantID, p directory.ProviderID, minute string, shard, page int) key {
	k := key{join(string(t), string(p), "Q", strconv.Itoa(shard)), minute}
	if page > 0 {
		k.sk += fmt.Sprintf("#%03d", page)
	}
	return k
}

// countedBefore is the partition of the entries that were counted before pages.
func countedBefore(t directory.TenantID, p directory.ProviderID, minute string, shard int) string {
	return join(string(t), string(p), "QE", minute, strconv.Itoa(shard))
}
