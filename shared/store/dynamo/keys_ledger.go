package dynamo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
)

const deliveryShards = 16 // a webhook that wants everything costs 4 units an event

func webhooks(t directory.TenantID) string { return join(string(t), "W") }

func webhookKey(t directory.TenantID, id string) key { return key{webhooks(t), escaper.Replace(id)} }

func deliveryShard(t directory.TenantID, shard int) string {
	return join(string(t), "V", strconv.Itoa(shard))
}

func deliveryKey(t directory.TenantID, id string) key {
	return key{deliveryShard(t, spread(id, deliveryShards)), escaper.Replace(id)}
}

// tenantOfDelivery returns the tenant of a delivery's PK.
func tenantOfDelivery(pk string) directory.TenantID {
	t, _, _ := strings.Cut(pk, "#")
	return directory.TenantID(t)
}

// dueDeliveries is a shard of what is due of all tenants, and dueText a time as it sorts there.
func dueDeliveries(shard int) string { return "V#" + strconv.Itoa(shard) }

func dueText(at time.Time) string { return fmt.Sprintf("%013d", at.UnixMilli()) }

func chains(t directory.TenantID) string { return join(string(t), "CH") }

// chainKey is the head of a chain; the tenant's own comes first.
func chainKey(t directory.TenantID, p directory.ProviderID) key {
	return key{chains(t), "p" + escaper.Replace(string(p))}
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
