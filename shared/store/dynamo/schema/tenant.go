package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// The keys of records other than users, groups and the log; the table of all is in schema.go.

// Providers is the partition of a tenant's providers.
func Providers(t directory.TenantID) string { return Join(string(t), "P") }

// ProviderKey is the key of a provider.
func ProviderKey(t directory.TenantID, p directory.ProviderID) Key {
	return Key{Providers(t), Escape(string(p))}
}

// EmptiedKey marks a removed provider whose deleted users are kept.
func EmptiedKey(t directory.TenantID, p directory.ProviderID) Key {
	k := ProviderKey(t, p)
	k.SK += "~"
	return k
}

// Archives is the partition of a tenant's deleted providers.
func Archives(t directory.TenantID) string { return Join(string(t), "PA") }

// ArchiveKey is the key of a deleted provider.
func ArchiveKey(t directory.TenantID, p directory.ProviderID) Key {
	return Key{Archives(t), Escape(string(p))}
}

// ArchivePages is the partition of a deleted provider's users and groups.
func ArchivePages(t directory.TenantID, p directory.ProviderID) string {
	return Join(string(t), "PB", string(p))
}

// ProviderName is the key of the guard of a provider's folded name.
func ProviderName(t directory.TenantID, folded string) Key {
	return Key{Join(string(t), "PN", Sum(folded)), "N"}
}

// Matters is the partition of a tenant's legal hold matters.
func Matters(t directory.TenantID) string { return Join(string(t), "H") }

// MatterKey is the key of a legal hold matter.
func MatterKey(t directory.TenantID, id directory.MatterID) Key {
	return Key{Matters(t), Escape(string(id))}
}

// Custodians is the partition of the custodians of a matter.
func Custodians(t directory.TenantID, matter directory.MatterID) string {
	return Join(string(t), "HC", string(matter))
}

// CustodianKey is the key of a custodian.
func CustodianKey(t directory.TenantID, matter directory.MatterID, id directory.UserID) Key {
	return Key{Custodians(t, matter), Escape(string(id))}
}

// GuardEvents is the partition of a provider's guard events.
func GuardEvents(t directory.TenantID, p directory.ProviderID) string {
	return Join(string(t), string(p), "V")
}

// GuardEventKey is the key of a guard event.
func GuardEventKey(t directory.TenantID, p directory.ProviderID, id directory.GuardEventID) Key {
	return Key{GuardEvents(t, p), Escape(string(id))}
}

// DueShards spread the deactivations that wait only for their time: each shard has a sixteenth of the leavers.
const DueShards = 16

// DueShard is a partition of the due index for deactivations that wait only for their time.
func DueShard(i int) string { return strconv.FormatInt(int64(i), DueShards) }

// HeldKey is the partition of a tenant's deactivations that do not wait only for their time, but for those of FrozenKey.
func HeldKey(t directory.TenantID) string { return Join(string(t), "held") }

// FrozenKey is the partition of a tenant's deactivations that a guard froze.
func FrozenKey(t directory.TenantID) string { return Join(string(t), "frozen") }

// DueKeys returns the key of u in the due index, "" if no deactivation is pending.
func DueKeys(t directory.TenantID, u directory.User) (due, at string) {
	switch {
	case u.Pending == nil:
		return "", ""
	case u.Open():
		due = DueShard(Spread(string(u.ID), DueShards))
	case u.Pending.Frozen:
		due = FrozenKey(t)
	default:
		due = HeldKey(t)
	}
	return due, DueAt(u.Pending.DueAt)
}

// DueAt returns a time in the form of the due index, to the millisecond.
func DueAt(at time.Time) string {
	position, _, _ := strings.Cut(directory.LogEntry{At: at}.Position(), ".")
	return position
}

// TenantOfUser returns the tenant of a user record's PK.
func TenantOfUser(pk string) directory.TenantID {
	t, _, _ := strings.Cut(pk, "#")
	return directory.TenantID(t)
}

// Tenants is the partition of the tenants.
const Tenants = "#T" // no tenant's id is empty

// TenantKey is the key of a tenant.
func TenantKey(t directory.TenantID) Key { return Key{Tenants, Escape(string(t))} }

// APIKeys is the partition of a tenant's API keys.
func APIKeys(t directory.TenantID) string { return Join(string(t), "A") }

// APIKeyKey is the key of an API key.
func APIKeyKey(t directory.TenantID, id directory.CredentialID) Key {
	return Key{APIKeys(t), Escape(string(id))}
}

// APIKeyHash is the key of the guard of an API key's hash.
func APIKeyHash(t directory.TenantID, h directory.TokenHash) Key {
	return Key{Join(string(t), "AH", fmt.Sprintf("%x", h[:])), "A"}
}

// CheckNumber returns the key of the number of writes of a kind that were checked against all its records.
func CheckNumber(t directory.TenantID, kind string) Key {
	return Key{Join(string(t), "CN", kind), "CN"}
}

// Conflicts is the partition of a tenant's conflicts.
func Conflicts(t directory.TenantID) string { return Join(string(t), "C") }

// ConflictKey is the key of a conflict.
func ConflictKey(t directory.TenantID, id directory.ConflictID) Key {
	return Key{Conflicts(t), Escape(string(id))}
}

// ReplayKey is the key of an answer kept for an Idempotency-Key.
func ReplayKey(t directory.TenantID, k string) Key { return Key{Join(string(t), "I", k), "I"} }

// Usable reports whether an id from a request can be part of a key; others cannot exist.
func Usable(id string) bool { return id != "" && len(id) <= 200 }

// Attribute names in expressions have letters and digits only, so the dots and hyphens of actions become X and Y.
var (
	toAttr   = strings.NewReplacer(".", "X", "-", "Y")
	fromAttr = strings.NewReplacer("X", ".", "Y", "-")
)

// CountAttr returns the attribute that counts an action; ActionOf is the inverse.
func CountAttr(a directory.Action) string { return "c" + toAttr.Replace(string(a)) }

// ActionOf is the inverse of CountAttr.
func ActionOf(attr string) (directory.Action, bool) {
	name, ok := strings.CutPrefix(attr, "c")
	return directory.Action(fromAttr.Replace(name)), ok
}

// DeliveryShards is how many partitions a tenant's deliveries have.
const DeliveryShards = 16 // a webhook for all events costs 4 units per event

// Webhooks is the partition of a tenant's webhooks.
func Webhooks(t directory.TenantID) string { return Join(string(t), "W") }

// WebhookKey is the key of a webhook.
func WebhookKey(t directory.TenantID, id directory.WebhookID) Key {
	return Key{Webhooks(t), Escape(string(id))}
}

// DeliveryShard is the partition of a shard of a tenant's deliveries.
func DeliveryShard(t directory.TenantID, shard int) string {
	return Join(string(t), "V", strconv.Itoa(shard))
}

// DeliveryKey is the key of a delivery.
func DeliveryKey(t directory.TenantID, id directory.DeliveryID) Key {
	return Key{DeliveryShard(t, Spread(string(id), DeliveryShards)), Escape(string(id))}
}

// TenantOfDelivery returns the tenant of a delivery's PK.
func TenantOfDelivery(pk string) directory.TenantID {
	t, _, _ := strings.Cut(pk, "#")
	return directory.TenantID(t)
}

// DueDeliveries returns a partition of the due index for deliveries of all tenants.
func DueDeliveries(shard int) string { return "V#" + strconv.Itoa(shard) }

// SetAsideShards is how many partitions a tenant's steps set aside have.
const SetAsideShards = 8 // while nothing can be published, 4 units per entry

// SetAsideShard is the partition of a shard of a tenant's steps set aside.
func SetAsideShard(t directory.TenantID, shard int) string {
	return Join(string(t), "SA", strconv.Itoa(shard))
}

// SetAsideKey is the key of steps set aside.
func SetAsideKey(t directory.TenantID, id directory.DeliveryID) Key {
	return Key{SetAsideShard(t, Spread(string(id), SetAsideShards)), Escape(string(id))}
}

// DueSetAside returns a partition of the due index for work set aside of all tenants.
func DueSetAside(shard int) string { return "SA#" + strconv.Itoa(shard) }

// DueText returns a time in the form of DueDeliveries and DueSetAside.
func DueText(at time.Time) string { return fmt.Sprintf("%013d", at.UnixMilli()) }

// TimeOfDue is the inverse of DueText.
func TimeOfDue(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Places returns the partition of a webhook's pending deliveries.
func Places(t directory.TenantID, w directory.WebhookID) string {
	return Join(string(t), "VQ", string(w))
}

// PlaceOf returns the sort key of a pending delivery in places: those due first come first.
func PlaceOf(d directory.Delivery) string {
	return DueText(d.DueAt) + "." + Escape(string(d.ID))
}

// PlaceKey is the key of a pending delivery in Places.
func PlaceKey(t directory.TenantID, d directory.Delivery) Key {
	return Key{Places(t, d.Webhook), PlaceOf(d)}
}

// PlaceTime returns when the delivery of a place is due.
func PlaceTime(place string) time.Time {
	at, _, _ := strings.Cut(place, ".")
	return TimeOfDue(at)
}

// PlaceID is the id of the delivery of a place.
func PlaceID(place string) directory.DeliveryID {
	_, id, _ := strings.Cut(place, ".")
	return directory.DeliveryID(Unescape(id))
}

// QueueKey is the key of a webhook's queue.
func QueueKey(t directory.TenantID, w directory.WebhookID) Key {
	return Key{Join(string(t), "WQ", string(w)), "WQ"}
}

// OwnerOfQueue returns the tenant and webhook of a queue's PK.
func OwnerOfQueue(pk string) (directory.TenantID, directory.WebhookID) {
	k := Key{PK: pk}
	return directory.TenantID(PartOf(k, 0)), directory.WebhookID(PartOf(k, 2))
}

// DueQueueShards is how many partitions of the due index the queues have.
const DueQueueShards = 4

// DueQueueShard returns a partition of the due index for the queues of all tenants, DueQueues that of one.
func DueQueueShard(shard int) string { return "WQ#" + strconv.Itoa(shard) }

// DueQueues is the partition of the due index for a webhook's queue.
func DueQueues(t directory.TenantID, w directory.WebhookID) string {
	return DueQueueShard(Spread(string(t)+string(w), DueQueueShards))
}

// Chains is the partition of the heads of a tenant's chains.
func Chains(t directory.TenantID) string { return Join(string(t), "CH") }

// ChainKey returns the key of a chain's head; the tenant's own chain sorts first.
func ChainKey(t directory.TenantID, p directory.ProviderID) Key {
	return Key{Chains(t), "p" + Escape(string(p))}
}

// GrownKey returns the key of a chain's mark for sealing.
func GrownKey(t directory.TenantID, p directory.ProviderID) Key {
	return Key{Join(string(t), "CG"), "p" + Escape(string(p))}
}

// GrownShards is how many partitions of the due index the marks of grown chains have.
const GrownShards = 8

// DueChains returns a partition of the due index for marks of all tenants, and GrownText the place of one in it.
func DueChains(shard int) string { return "G#" + strconv.Itoa(shard) }

// GrownText is the place of a mark in DueChains, "" if it is not due.
func GrownText(g directory.GrownChain) string {
	if g.Due.IsZero() {
		return ""
	}
	return DueText(g.Due) + "#" + Join(string(g.Tenant), string(g.Provider))
}

// GrownOf returns the mark with a place.
func GrownOf(place string) directory.GrownChain {
	due, of, _ := strings.Cut(place, "#")
	t, p, _ := strings.Cut(of, "#")
	return directory.GrownChain{Tenant: directory.TenantID(t), Provider: directory.ProviderID(p), Due: TimeOfDue(due)}
}

// Blocks is the partition of the blocks of a chain.
func Blocks(t directory.TenantID, p directory.ProviderID) string {
	return Join(string(t), "B", string(p))
}

// BlockText is the sort key of a block.
func BlockText(seq int64) string { return fmt.Sprintf("%012d", seq) }

// BlockKey is the key of a block.
func BlockKey(t directory.TenantID, p directory.ProviderID, seq int64) Key {
	return Key{Blocks(t, p), BlockText(seq)}
}

// LateKey is the key of an entry that was not sealed in order.
func LateKey(t directory.TenantID, p directory.ProviderID, position string) Key {
	return Key{Join(string(t), "LT", string(p)), Escape(position)}
}

// SettledKey is the key of a late entry that has been sealed.
func SettledKey(t directory.TenantID, p directory.ProviderID, position string) Key {
	return Key{Join(string(t), "LS", string(p)), Escape(position)}
}

// TallyShards is how many items a tally has.
const TallyShards = 4

// Organizations is the partition of a tenant's organizations.
func Organizations(t directory.TenantID) string { return Join(string(t), "O") }

// OrganizationKey is the key of an organization.
func OrganizationKey(t directory.TenantID, id directory.OrgID) Key {
	return Key{Organizations(t), Escape(string(id))}
}

// OrganizationName is the key of the guard of an organization's folded name.
func OrganizationName(t directory.TenantID, folded string) Key {
	return Key{Join(string(t), "ON", Sum(folded)), "N"}
}

// QuotaKey is the key of the number of organizations created on a day.
func QuotaKey(t directory.TenantID, k string) Key { return Key{Join(string(t), "OQ", Sum(k)), "Q"} }

// TallyKey is the key of a shard of a tally.
func TallyKey(t directory.TenantID, k string, shard int) Key {
	return Key{Join(string(t), "Y", k, strconv.Itoa(shard)), "Y"}
}

// CatalogueKey is the key of a tenant's catalogue of roles.
func CatalogueKey(t directory.TenantID) Key { return Key{Join(string(t), "RC"), "RC"} }

// RulesKey is the key of what following reads of a tenant for every entry: the number of changes of what its rules read,
// the marks of its chains, and whether its users name managers.
func RulesKey(t directory.TenantID) Key { return Key{Join(string(t), "RV"), "RV"} }

// MarkAttr is the attribute there of the mark of a provider's chain, "" for the tenant's own.
func MarkAttr(p directory.ProviderID) string {
	h := sha256.Sum256([]byte(p))
	return "m" + hex.EncodeToString(h[:8])
}

// NamingAttr is the attribute there that tells whether users name managers by their userNames: 0 if none ever did, absent
// if that is not known.
const NamingAttr = "naming"

// MappingsKey is the key of a provider's mappings.
func MappingsKey(t directory.TenantID, p directory.ProviderID) Key {
	return Key{Join(string(t), "PM"), Escape(string(p))}
}

// Watchlists is the partition of a tenant's watchlists.
func Watchlists(t directory.TenantID) string { return Join(string(t), "WL") }

// WatchlistKey is the key of a watchlist.
func WatchlistKey(t directory.TenantID, id directory.WatchlistID) Key {
	return Key{Watchlists(t), Escape(string(id))}
}

// Runs is the partition of a provider's apply runs.
func Runs(t directory.TenantID, p directory.ProviderID) string {
	return Join(string(t), "AR", string(p))
}

// RunKey is the key of an apply run.
func RunKey(t directory.TenantID, p directory.ProviderID, id directory.RunID) Key {
	return Key{Runs(t, p), Escape(string(id))}
}

// Ranges is the partition of the ranges of an apply run.
func Ranges(t directory.TenantID, id directory.RunID) string {
	return Join(string(t), "AX", string(id))
}

// RangeKey is the key of a range of an apply run.
func RangeKey(t directory.TenantID, id directory.RunID, n int) Key {
	return Key{Ranges(t, id), fmt.Sprintf("%02d", n)}
}

// Pages is the partition of the changes of an apply run.
func Pages(t directory.TenantID, id directory.RunID) string { return Join(string(t), "AP", string(id)) }

// TaskKey is the key of a task.
func TaskKey(t directory.TenantID, id directory.TaskID) Key {
	return Key{Join(string(t), "TK"), Escape(string(id))}
}

// DueTaskShards is how many partitions of the due index the tasks have.
const DueTaskShards = 2

// DueTasks returns a partition of the due index for tasks of all tenants.
func DueTasks(shard int) string { return "TK#" + strconv.Itoa(shard) }

// AliasKey is the key of a user who had a userName.
func AliasKey(t directory.TenantID, alias string, id directory.UserID) Key {
	return Key{Join(string(t), "NA", Sum(alias)), Escape(string(id))}
}

// Countries is the partition of a provider's unknown countries.
func Countries(t directory.TenantID, p directory.ProviderID) string {
	return Join(string(t), "CV", string(p))
}

// CountryKey is the key of an unknown country.
func CountryKey(t directory.TenantID, p directory.ProviderID, value string) Key {
	return Key{Countries(t, p), Sum(value)}
}

// UsageKey is the key of when a provider was used.
func UsageKey(t directory.TenantID, p directory.ProviderID) Key {
	return Key{Join(string(t), "PU", string(p)), "U"}
}

// RequestsKey is the key of what requests of a provider showed.
func RequestsKey(t directory.TenantID, p directory.ProviderID) Key {
	return Key{Join(string(t), "PU", string(p)), "R"}
}
