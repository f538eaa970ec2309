package directory

import (
	"context"
	"time"
)

// Webhooks stores where a tenant's events are sent (webhook.go).
type Webhooks interface {
	// CreateWebhook stores a webhook with its entry.
	CreateWebhook(ctx context.Context, t TenantID, w Webhook, e LogEntry) error
	// Webhook reads one. NotFound.
	Webhook(ctx context.Context, t TenantID, id string) (Webhook, error)
	// ListWebhooks reads all of a tenant, by id.
	ListWebhooks(ctx context.Context, t TenantID) ([]Webhook, error)
	// UpdateWebhook replaces a webhook by update(old) with its entry; a nil entry writes nothing. update is
	// pure and may run several times. NotFound.
	UpdateWebhook(ctx context.Context, t TenantID, id string, update func(Webhook) (Webhook, *LogEntry, error)) (Webhook, error)
	// DeleteWebhook removes a webhook with its entry; its deliveries stay. NotFound.
	DeleteWebhook(ctx context.Context, t TenantID, id string, del func(Webhook) (LogEntry, error)) error
}

// Deliveries stores the work that is still to be done for log entries, and what became of it.
type Deliveries interface {
	// AddDelivery stores d unless a delivery with its id exists.
	AddDelivery(ctx context.Context, t TenantID, d Delivery) error
	// Delivery reads one. NotFound.
	Delivery(ctx context.Context, t TenantID, id string) (Delivery, error)
	// ListDeliveries reads deliveries by id downwards, the newest first, from below the given id ("" from the top).
	ListDeliveries(ctx context.Context, t TenantID, before string, count int) ([]Delivery, error)
	// UpdateDelivery replaces a delivery by update(old), which may run several times; its error writes
	// nothing. Neither id nor times of the entry change. NotFound.
	UpdateDelivery(ctx context.Context, t TenantID, id string, update func(Delivery) (Delivery, error)) (Delivery, error)
	// DueDeliveries names pending deliveries of all tenants that are due, at most count, the longest due
	// first as far as one can tell. One just changed may be missing or named in vain.
	DueDeliveries(ctx context.Context, now time.Time, count int) ([]DueDelivery, error)
	// DropDeliveries removes deliveries of all tenants made before a time, at most count, and returns how
	// many; a store that forgets by itself removes none.
	DropDeliveries(ctx context.Context, before time.Time, count int) (int, error)
}

// Ledger stores the hash chains that seal the log (chain.go). A tenant has one for each provider, and its own
// under provider "".
type Ledger interface {
	// Chains reads the heads of all chains of a tenant that have a block, by provider.
	Chains(ctx context.Context, t TenantID) ([]ChainHead, error)
	// Chain reads the head of one; the zero head when it has no block.
	Chain(ctx context.Context, t TenantID, p ProviderID) (ChainHead, error)
	// AppendBlock stores b behind the head and settles late positions. Conflict unless b.Seq follows the head's.
	AppendBlock(ctx context.Context, t TenantID, p ProviderID, b Block, settled []string) error
	// Blocks reads blocks in order from a number on, at most count.
	Blocks(ctx context.Context, t TenantID, p ProviderID, from int64, count int) ([]Block, error)
	// AddLate remembers that the entry at a position may have come behind the chain, once for ever: also
	// after it was settled it does nothing.
	AddLate(ctx context.Context, t TenantID, p ProviderID, position string) error
	// Late reads the positions that are remembered and not settled, in order, at most count.
	Late(ctx context.Context, t TenantID, p ProviderID, count int) ([]string, error)
	// EraseEntry replaces an entry by its stub and forgets its salt in the block with the number, 0 for
	// none. NotFound.
	EraseEntry(ctx context.Context, t TenantID, stub LogEntry, block int64) error
}
