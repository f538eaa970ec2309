package directory

import (
	"context"
	"time"
)

// This file has the ports of the log and of what follows from it; ports.go has the others.

// Log reads the log. Entries are written only by the methods that change something, and by AppendEntry.
type Log interface {
	// Entries reads entries newest first.
	Entries(ctx context.Context, t TenantID, q LogQuery) ([]LogEntry, error)
	// Entry reads one. NotFound.
	Entry(ctx context.Context, t TenantID, p ProviderID, at time.Time, id EntryID) (LogEntry, error)
	// EntriesAfter reads the entries of p ("" for the tenant's own) after a position and before another ("" for
	// open), the oldest first, at most count.
	EntriesAfter(ctx context.Context, t TenantID, p ProviderID, after, before string, count int) ([]LogEntry, error)
	// NumberEntries returns the entries with the Versions of those that are Unnumbered, which it stores unless they are
	// stored already. Entries of a group are in the order of its changes. It may be repeated, also concurrently and with
	// others. An entry that is no longer in the log gets none.
	NumberEntries(ctx context.Context, t TenantID, es []LogEntry) ([]LogEntry, error)
	// AppendEntry stores an entry about an action that changes no record, such as an export.
	AppendEntry(ctx context.Context, t TenantID, e LogEntry) error
	// DropEntries removes entries of p ("" for the tenant's own) from before a time, at most count, the oldest first,
	// and returns how many. A store that finds the entries to follow in the log keeps those not yet followed.
	DropEntries(ctx context.Context, t TenantID, p ProviderID, before time.Time, count int) (int, error)
}

// Feed delivers log entries to be followed.
type Feed interface {
	// Deliver calls fn with batches of entries that were not yet followed, and returns how many they were. An error of fn
	// ends it and is returned; its batch is delivered again: at least once. Entries of one user or group come in the order
	// of their commits, while provider and day are the same. One caller at a time.
	Deliver(ctx context.Context, fn func(context.Context, []TenantEntry) error) (int, error)
	// Taken marks the batch as followed that Deliver passed with a context, in the transaction of Together if it belongs to
	// one. Deliver does so itself when fn returns without. It does nothing for another context.
	Taken(ctx context.Context) error
	// Together calls fn. A store that can makes one transaction of all that fn does with its context or one made from it,
	// by several goroutines, too: it is stored when fn returns nil, and not at all after another error. A method that fails
	// in it changes nothing, and the others go on. No other call is served meanwhile, so fn must not wait for anything but
	// the ports. Other stores only call fn.
	Together(ctx context.Context, fn func(context.Context) error) error
}

// Completion completes the remaining work of entries (LogEntry.Remaining).
type Completion interface {
	// CompleteEntry applies the remaining effects of an entry on memberships and manager references, about limit at most,
	// and reports whether more are left; with 0 it only reports. It does nothing for those applied before.
	CompleteEntry(ctx context.Context, t TenantID, e LogEntry, limit int) (more bool, err error)
}

// Counts counts log entries by provider and minute, and keeps the tallies of tenants.
type Counts interface {
	// CountEntries adds entries of the log to their providers' counts of their minutes, and LogEntry.Tally to the tenant's
	// tallies, each once, however often it is asked to. fresh names by index those that this call counted; it may miss some.
	CountEntries(ctx context.Context, t TenantID, es []LogEntry) (fresh []bool, err error)
	// Uncounted looks at the entries of p ("" for the tenant's own) after a position and before another, the oldest first, at
	// most count, and returns those that were never counted, and the position of the last one looked at: "" for none. Those
	// counted longer ago than the log is kept at least may be forgotten.
	Uncounted(ctx context.Context, t TenantID, p ProviderID, after, before string, count int) (es []LogEntry, next string, err error)
	// Counts sums the counts of a provider by action since a time.
	Counts(ctx context.Context, t TenantID, p ProviderID, since time.Time) (map[Action]int, error)
	// Timeline reads the counts of the minutes from since's to the last that begins before until (zero: open), in order.
	Timeline(ctx context.Context, t TenantID, p ProviderID, since, until time.Time) ([]Minute, error)
	// Tallies reads sums of LogEntry.Tally over the entries that were counted.
	Tallies(ctx context.Context, t TenantID, keys []string) (map[string]int, error)
}

// Chains stores the hash chains that seal the log (chain.go). A tenant has one for each provider, and its own
// under provider "".
type Chains interface {
	// ChainHeads reads the heads of all chains of a tenant that have a block, by provider.
	ChainHeads(ctx context.Context, t TenantID) ([]ChainHead, error)
	// ChainHead reads the head of one; the zero head when it has no block.
	ChainHead(ctx context.Context, t TenantID, p ProviderID) (ChainHead, error)
	// AppendBlock stores b after the head and settles late positions. Conflict unless b.Seq follows the head's.
	AppendBlock(ctx context.Context, t TenantID, p ProviderID, b Block, settled []string) error
	// Blocks reads blocks in order from a number on, at most count.
	Blocks(ctx context.Context, t TenantID, p ProviderID, from int64, count int) ([]Block, error)
	// AddLate records that the entry at a position may have been written behind the chain. It does nothing for a
	// position recorded before, even one settled since.
	AddLate(ctx context.Context, t TenantID, p ProviderID, position string) error
	// Late reads the recorded positions that are not settled, in order, at most count.
	Late(ctx context.Context, t TenantID, p ProviderID, count int) ([]string, error)
	// MarkGrown marks a chain for sealing from a time on. Of several marks the earliest counts, and the latest is kept.
	MarkGrown(ctx context.Context, t TenantID, p ProviderID, due time.Time) error
	// GrownChains reads the marks of all tenants that are due, the longest due first, after a mark (zero from the
	// first), at most count. One that has just changed may be missing or as it was before.
	GrownChains(ctx context.Context, now time.Time, after GrownChain, count int) ([]GrownChain, error)
	// ClearGrown moves a mark to a later time, or removes it for the zero time, unless the chain was marked since it was
	// read.
	ClearGrown(ctx context.Context, g GrownChain, next time.Time) error
	// EraseEntry replaces an entry by its stub and removes its salt from the block with the number, 0 for none.
	// NotFound.
	EraseEntry(ctx context.Context, t TenantID, stub LogEntry, block int64) error
}

// Webhooks stores the webhooks of tenants.
type Webhooks interface {
	// CreateWebhook stores a webhook with its entry.
	CreateWebhook(ctx context.Context, t TenantID, w Webhook, check Check[Webhook], e LogEntry) error
	// Webhook reads one. NotFound.
	Webhook(ctx context.Context, t TenantID, id WebhookID) (Webhook, error)
	// ListWebhooks reads all of a tenant, by id.
	ListWebhooks(ctx context.Context, t TenantID) ([]Webhook, error)
	// UpdateWebhook replaces a webhook with its entry. NotFound.
	UpdateWebhook(ctx context.Context, t TenantID, id WebhookID, update Update[Webhook]) (Webhook, error)
	// DeleteWebhook removes a webhook with its entry; its deliveries stay. NotFound.
	DeleteWebhook(ctx context.Context, t TenantID, id WebhookID, del func(Webhook) (LogEntry, error)) error
}

// Deliveries stores outstanding work for log entries, and its outcome. Pending ones of a webhook are in its queue.
type Deliveries interface {
	// AddDelivery stores d, which has no webhook, unless a delivery with its id exists.
	AddDelivery(ctx context.Context, t TenantID, d Delivery) error
	// AddDeliveries stores those pending deliveries whose ids do not exist, and has their webhooks' queues looked at: when
	// they are due, or when the pause of a failing one ends. After an error, some may be stored.
	AddDeliveries(ctx context.Context, t TenantID, ds []Delivery) error
	// Delivery reads one. NotFound.
	Delivery(ctx context.Context, t TenantID, id DeliveryID) (Delivery, error)
	// ListDeliveries reads deliveries by id, the newest first, before the given one ("" from the newest).
	ListDeliveries(ctx context.Context, t TenantID, before DeliveryID, count int) ([]Delivery, error)
	// UpdateDelivery replaces a delivery by update(old), which may run several times; its error writes nothing. The id
	// and the entry's time must not change. A pending one is in its webhook's queue then. NotFound.
	UpdateDelivery(ctx context.Context, t TenantID, id DeliveryID, update func(Delivery) (Delivery, error)) (Delivery, error)
	// FinishDelivery stores d, of a webhook, after a try. It does nothing when the stored one is not pending and due at was.
	FinishDelivery(ctx context.Context, t TenantID, d Delivery, was time.Time) error
	// DueQueues returns tenant, webhook and due time of queues of all tenants that are due, held or not: the longest due
	// first, at most count. One that has just changed may be missing or no longer due.
	DueQueues(ctx context.Context, now time.Time, count int) ([]Queue, error)
	// LeaseQueue makes holder the holder of a queue until a time, and returns it. If another one holds it beyond now, it
	// returns the queue as it is. NotFound: nothing is pending.
	LeaseQueue(ctx context.Context, t TenantID, w WebhookID, holder string, now, until time.Time) (Queue, error)
	// ReleaseQueue stores q without its holder; a zero DueAt ends it. Conflict: another has it, or its revision differs.
	ReleaseQueue(ctx context.Context, q Queue) error
	// ResumeQueue makes all pending deliveries of a webhook due now, those that failed as well, and their queue, as if none had
	// failed: its holder sees a later due time than before. A queue without any ends when it is looked at.
	ResumeQueue(ctx context.Context, t TenantID, w WebhookID, now time.Time) error
	// QueuedDeliveries reads due deliveries of a webhook, by due time, at most count; of fewer, next is when another is due.
	QueuedDeliveries(ctx context.Context, t TenantID, w WebhookID, now time.Time, count int) (ds []Delivery, next time.Time, err error)
	// DueDeliveries names due deliveries without a webhook of all tenants, and those with one that an earlier release
	// stored: at most count, roughly the longest due first. One that has just changed may be missing or no longer due.
	DueDeliveries(ctx context.Context, now time.Time, count int) ([]DueDelivery, error)
	// DropDeliveries removes deliveries of all tenants created before a time, at most count, and returns how many; a
	// store in which they expire removes none.
	DropDeliveries(ctx context.Context, before time.Time, count int) (int, error)
}

// SetAsides stores the steps of entries that failed, as deliveries without a webhook. One that is dead is due when it may
// be removed.
type SetAsides interface {
	// UpdateSetAside replaces one by update(old), which may run several times; its error writes nothing. old is the zero
	// Delivery when there is none, and returning that removes it. The id and the entry's time must not change.
	UpdateSetAside(ctx context.Context, t TenantID, id DeliveryID, update func(Delivery) (Delivery, error)) (Delivery, error)
	// ListSetAside reads them by id, the newest first, before the given one ("" from the newest).
	ListSetAside(ctx context.Context, t TenantID, before DeliveryID, count int) ([]Delivery, error)
	// DueSetAside names those of all tenants that are due, at most count, roughly the longest due first. One that has
	// just changed may be missing or no longer due.
	DueSetAside(ctx context.Context, now time.Time, count int) ([]DueDelivery, error)
}

// Tasks stores long work and the progress of jobs, which are tasks without a kind.
type Tasks interface {
	// Task reads a task; the zero one when there is none.
	Task(ctx context.Context, t TenantID, id TaskID) (Task, error)
	// UpdateTask replaces a task by update(old), which may run several times; its error writes nothing. old is zero when
	// there is none, and returning that removes it.
	UpdateTask(ctx context.Context, t TenantID, id TaskID, update func(Task) (Task, error)) (Task, error)
	// ListTasks reads tasks with a kind, but no parts, by id, the newest first, before the given one ("" from the newest).
	ListTasks(ctx context.Context, t TenantID, before TaskID, count int) ([]Task, error)
	// DueTasks names those of all tenants that are due, at most count, roughly the longest due first. One that has just
	// changed may be missing or no longer due.
	DueTasks(ctx context.Context, now time.Time, count int) ([]DueTask, error)
}
