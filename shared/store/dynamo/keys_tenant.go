package dynamo

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// The keys of records other than users, groups and the log; the table of all is in keys.go.

func providers(t directory.TenantID) string { return join(string(t), "P") }

func providerKey(t directory.TenantID, p directory.ProviderID) key {
	return key{providers(t), escaper.Replace(string(p))}
}

// emptiedKey marks a removed provider whose deleted users are kept.
func emptiedKey(t directory.TenantID, p directory.ProviderID) key {
	k := providerKey(t, p)
	k.sk += "~"
	return k
}

func archives(t directory.TenantID) string { return join(string(t), "PA") }

func archiveKey(t directory.TenantID, p directory.ProviderID) key {
	return key{archives(t), escaper.Replace(string(p))}
}

func archivePages(t directory.TenantID, p directory.ProviderID) string {
	return join(string(t), "PB", string(p))
}

func providerName(t directory.TenantID, folded string) key {
	return key{join(string(t), "PN", sum(folded)), "N"}
}

func matters(t directory.TenantID) string { return join(string(t), "H") }

func matterKey(t directory.TenantID, id directory.MatterID) key {
	return key{matters(t), escaper.Replace(string(id))}
}

func custodians(t directory.TenantID, matter directory.MatterID) string {
	return join(string(t), "HC", string(matter))
}

func custodianKey(t directory.TenantID, matter directory.MatterID, id directory.UserID) key {
	return key{custodians(t, matter), escaper.Replace(string(id))}
}

func guardEvents(t directory.TenantID, p directory.ProviderID) string {
	return join(string(t), string(p), "V")
}

func guardEventKey(t directory.TenantID, p directory.ProviderID, id directory.GuardEventID) key {
	return key{guardEvents(t, p), escaper.Replace(string(id))}
}

// dueShards spread the deactivations that wait only for their time: each shard has a sixteenth of the leavers.
const dueShards = 16

func dueShard(i int) string { return strconv.FormatInt(int64(i), dueShards) }

// heldKey and frozenKey are the partitions of a tenant's deactivations that do not wait only for their time: frozen by
// a guard, and the others.
func heldKey(t directory.TenantID) string   { return join(string(t), "held") }
func frozenKey(t directory.TenantID) string { return join(string(t), "frozen") }

// dueKeys returns the key of u in the due index, "" if no deactivation is pending.
func dueKeys(t directory.TenantID, u directory.User) (due, at string) {
	switch {
	case u.Pending == nil:
		return "", ""
	case u.Open():
		due = dueShard(spread(string(u.ID), dueShards))
	case u.Pending.Frozen:
		due = frozenKey(t)
	default:
		due = heldKey(t)
	}
	return due, dueAt(u.Pending.DueAt)
}

// dueAt returns a time in the form of the due index, to the millisecond.
func dueAt(at time.Time) string {
	position, _, _ := strings.Cut(directory.LogEntry{At: at}.Position(), ".")
	return position
}

// tenantOfUser returns the tenant of a user record's PK.
func tenantOfUser(pk string) directory.TenantID {
	t, _, _ := strings.Cut(pk, "#")
	return directory.TenantID(t)
}

const tenants = "#T" // no tenant's id is empty

func tenantKey(t directory.TenantID) key { return key{tenants, escaper.Replace(string(t))} }

func apiKeys(t directory.TenantID) string { return join(string(t), "A") }

func apiKeyKey(t directory.TenantID, id directory.CredentialID) key {
	return key{apiKeys(t), escaper.Replace(string(id))}
}

func apiKeyHash(t directory.TenantID, h directory.TokenHash) key {
	return key{join(string(t), "AH", fmt.Sprintf("%x", h[:])), "A"}
}

// checkNumber returns the key of the number of writes of a kind that were checked against all its records.
func checkNumber(t directory.TenantID, kind string) key {
	return key{join(string(t), "CN", kind), "CN"}
}

func conflicts(t directory.TenantID) string { return join(string(t), "C") }

func conflictKey(t directory.TenantID, id directory.ConflictID) key {
	return key{conflicts(t), escaper.Replace(string(id))}
}

func replayKey(t directory.TenantID, k string) key { return key{join(string(t), "I", k), "I"} }

// usable reports whether an id from a request can be part of a key; others cannot exist.
func usable(id string) bool { return id != "" && len(id) <= 200 }

// Attribute names in expressions have letters and digits only, so the dots and hyphens of actions become X and Y.
var (
	toAttr   = strings.NewReplacer(".", "X", "-", "Y")
	fromAttr = strings.NewReplacer("X", ".", "Y", "-")
)

// countAttr returns the attribute that counts an action; actionOf is the inverse.
func countAttr(a directory.Action) string { return "c" + toAttr.Replace(string(a)) }

func actionOf(attr string) (directory.Action, bool) {
	name, ok := strings.CutPrefix(attr, "c")
	return directory.Action(fromAttr.Replace(name)), ok
}

const deliveryShards = 16 // a webhook for all events costs 4 units per event

func webhooks(t directory.TenantID) string { return join(string(t), "W") }

func webhookKey(t directory.TenantID, id directory.WebhookID) key {
	return key{webhooks(t), escaper.Replace(string(id))}
}

func deliveryShard(t directory.TenantID, shard int) string {
	return join(string(t), "V", strconv.Itoa(shard))
}

func deliveryKey(t directory.TenantID, id directory.DeliveryID) key {
	return key{deliveryShard(t, spread(string(id), deliveryShards)), escaper.Replace(string(id))}
}

// tenantOfDelivery returns the tenant of a delivery's PK.
func tenantOfDelivery(pk string) directory.TenantID {
	t, _, _ := strings.Cut(pk, "#")
	return directory.TenantID(t)
}

// dueDeliveries returns a partition of the due index for deliveries of all tenants.
func dueDeliveries(shard int) string { return "V#" + strconv.Itoa(shard) }

const setAsideShards = 8 // while nothing can be published, 4 units per entry

func setAsideShard(t directory.TenantID, shard int) string {
	return join(string(t), "SA", strconv.Itoa(shard))
}

func setAsideKey(t directory.TenantID, id directory.DeliveryID) key {
	return key{setAsideShard(t, spread(string(id), setAsideShards)), escaper.Replace(string(id))}
}

// dueSetAside returns a partition of the due index for work set aside of all tenants.
func dueSetAside(shard int) string { return "SA#" + strconv.Itoa(shard) }

// dueText returns a time in the form of dueDeliveries and dueSetAside.
func dueText(at time.Time) string { return fmt.Sprintf("%013d", at.UnixMilli()) }

func timeOfDue(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// places returns the partition of a webhook's pending deliveries.
func places(t directory.TenantID, w directory.WebhookID) string {
	return join(string(t), "VQ", string(w))
}

// placeOf returns the sort key of a pending delivery in places: those due first come first.
func placeOf(d directory.Delivery) string {
	return dueText(d.DueAt) + "." + escaper.Replace(string(d.ID))
}

func placeKey(t directory.TenantID, d directory.Delivery) key {
	return key{places(t, d.Webhook), placeOf(d)}
}

func placeTime(place string) time.Time {
	at, _, _ := strings.Cut(place, ".")
	return timeOfDue(at)
}

func placeID(place string) directory.DeliveryID {
	_, id, _ := strings.Cut(place, ".")
	return directory.DeliveryID(unescaper.Replace(id))
}

func queueKey(t directory.TenantID, w directory.WebhookID) key {
	return key{join(string(t), "WQ", string(w)), "WQ"}
}

// ownerOfQueue returns the tenant and webhook of a queue's PK.
func ownerOfQueue(pk string) (directory.TenantID, directory.WebhookID) {
	k := key{pk: pk}
	return directory.TenantID(partOf(k, 0)), directory.WebhookID(partOf(k, 2))
}

const dueQueueShards = 4

// dueQueueShard returns a partition of the due index for the queues of all tenants, dueQueues that of one.
func dueQueueShard(shard int) string { return "WQ#" + strconv.Itoa(shard) }

func dueQueues(t directory.TenantID, w directory.WebhookID) string {
	return dueQueueShard(spread(string(t)+string(w), dueQueueShards))
}

func chains(t directory.TenantID) string { return join(string(t), "CH") }

// chainKey returns the key of a chain's head; the tenant's own chain sorts first.
func chainKey(t directory.TenantID, p directory.ProviderID) key {
	return key{chains(t), "p" + escaper.Replace(string(p))}
}

// grownKey returns the key of a chain's mark for sealing.
func grownKey(t directory.TenantID, p directory.ProviderID) key {
	return key{join(string(t), "CG"), "p" + escaper.Replace(string(p))}
}

const grownShards = 8

// dueChains returns a partition of the due index for marks of all tenants, and grownText the place of one in it.
func dueChains(shard int) string { return "G#" + strconv.Itoa(shard) }

func grownText(g directory.GrownChain) string {
	if g.Due.IsZero() {
		return ""
	}
	return dueText(g.Due) + "#" + join(string(g.Tenant), string(g.Provider))
}

// grownOf returns the mark with a place.
func grownOf(place string) directory.GrownChain {
	due, of, _ := strings.Cut(place, "#")
	t, p, _ := strings.Cut(of, "#")
	return directory.GrownChain{Tenant: directory.TenantID(t), Provider: directory.ProviderID(p), Due: timeOfDue(due)}
}

func blocks(t directory.TenantID, p directory.ProviderID) string {
	return join(string(t), "B", string(p))
}

func blockText(seq int64) string { return fmt.Sprintf("%012d", seq) }

func blockKey(t directory.TenantID, p directory.ProviderID, seq int64) key {
	return key{blocks(t, p), blockText(seq)}
}

func lateKey(t directory.TenantID, p directory.ProviderID, position string) key {
	return key{join(string(t), "LT", string(p)), escaper.Replace(position)}
}

func settledKey(t directory.TenantID, p directory.ProviderID, position string) key {
	return key{join(string(t), "LS", string(p)), escaper.Replace(position)}
}

const tallyShards = 4

func organizations(t directory.TenantID) string { return join(string(t), "O") }

func organizationKey(t directory.TenantID, id directory.OrgID) key {
	return key{organizations(t), escaper.Replace(string(id))}
}

func organizationName(t directory.TenantID, folded string) key {
	return key{join(string(t), "ON", sum(folded)), "N"}
}

func quotaKey(t directory.TenantID, k string) key { return key{join(string(t), "OQ", sum(k)), "Q"} }

func tallyKey(t directory.TenantID, k string, shard int) key {
	return key{join(string(t), "Y", k, strconv.Itoa(shard)), "Y"}
}

func catalogueKey(t directory.TenantID) key { return key{join(string(t), "RC"), "RC"} }

func rulesKey(t directory.TenantID) key { return key{join(string(t), "RV"), "RV"} }

func mappingsKey(t directory.TenantID, p directory.ProviderID) key {
	return key{join(string(t), "PM"), escaper.Replace(string(p))}
}

func watchlists(t directory.TenantID) string { return join(string(t), "WL") }

func watchlistKey(t directory.TenantID, id directory.WatchlistID) key {
	return key{watchlists(t), escaper.Replace(string(id))}
}

func runs(t directory.TenantID, p directory.ProviderID) string {
	return join(string(t), "AR", string(p))
}

func runKey(t directory.TenantID, p directory.ProviderID, id directory.RunID) key {
	return key{runs(t, p), escaper.Replace(string(id))}
}

func ranges(t directory.TenantID, id directory.RunID) string {
	return join(string(t), "AX", string(id))
}

func rangeKey(t directory.TenantID, id directory.RunID, n int) key {
	return key{ranges(t, id), fmt.Sprintf("%02d", n)}
}

func pages(t directory.TenantID, id directory.RunID) string { return join(string(t), "AP", string(id)) }

func taskKey(t directory.TenantID, id directory.TaskID) key {
	return key{join(string(t), "TK"), escaper.Replace(string(id))}
}

const dueTaskShards = 2

// dueTasks returns a partition of the due index for tasks of all tenants.
func dueTasks(shard int) string { return "TK#" + strconv.Itoa(shard) }

func aliasKey(t directory.TenantID, alias string, id directory.UserID) key {
	return key{join(string(t), "NA", sum(alias)), escaper.Replace(string(id))}
}

func countries(t directory.TenantID, p directory.ProviderID) string {
	return join(string(t), "CV", string(p))
}

func countryKey(t directory.TenantID, p directory.ProviderID, value string) key {
	return key{countries(t, p), sum(value)}
}

func usageKey(t directory.TenantID, p directory.ProviderID) key {
	return key{join(string(t), "PU", string(p)), "U"}
}

func requestsKey(t directory.TenantID, p directory.ProviderID) key {
	return key{join(string(t), "PU", string(p)), "R"}
}

// oldName is a record's name, the keys of its guards, and how a guard names the record.
type oldName struct {
	name     string
	guard    func(folded string) key
	attr, id string
}

// folded is the key of before names were compared without invisible ends (C28), and whether it differs from the one of now.
func (o oldName) folded() (key, bool) {
	folded, other := directory.OldNameKey(o.name)
	return o.guard(folded), other
}

// settleName completes the look-up items of a record before and after a change, if its name has invisible ends. Such a
// record may be from before they were left out: then its guard is under the folded name, and another record may have the
// guard of now, which a change must not take away; name is the new one. Other names need no read.
func (s *Store) settleName(ctx context.Context, o oldName, name string, was, is map[key]item) error {
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
	return oldName{u.UserName, func(folded string) key { return nameGuard(t, folded) }, "uid", string(u.ID)}
}

// displayName is a group's displayName as an oldName.
func displayName(h home, g directory.Group) oldName {
	return oldName{g.DisplayName, h.groupName, "gid", string(g.ID)}
}
