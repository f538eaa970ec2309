package storetest

import (
	"strings"
	"time"

	"rollcall/shared/directory"
)

// seal gives the victim a webhook, a delivery and a chain.
func (v *victim) seal() {
	v.webhook, v.delivery = v.createWebhook("w"), v.addDelivery(1)
	v.must(v.Ledger.AppendBlock(v.ctx, v.tenant, v.p, v.nextBlock(1, v.entry.Position()), nil))
	v.must(v.Aliases.AddAlias(v.ctx, v.tenant, "former", v.u.ID, v.now))
	v.must(v.Usages.AddUsage(v.ctx, v.tenant, v.p, directory.Usage{LastRequestAt: v.now}))
	v.task = "purge"
	v.must(v.Tasks.UpdateTask(v.ctx, v.tenant, v.task, func(directory.Task) directory.Task { return directory.Task{ID: v.task, After: "x", Version: 1} }))
	v.must(v.Ledger.AddLate(v.ctx, v.tenant, v.p, v.entry.Position()))
}

func (x intruder) ledgerRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Log.EntriesAfter": func() {
			x.empty("EntriesAfter", len(x.after(v.p, "", "", 10)), nil)
			for _, e := range x.after("", "", "", 100) {
				if e.ID == v.own.ID {
					x.Error("another tenant's own entries are shown")
				}
			}
		},
		"Log.DropEntries": func() {
			n, err := x.Ports.Log.DropEntries(ctx, t, v.p, v.now.Add(age), 10)
			x.empty("DropEntries", n, err)
		},
		"Usages.AddUsage": func() { x.must(x.Usages.AddUsage(ctx, t, v.p, directory.Usage{LastRequestAt: v.now})) },
		"Usages.Usage": func() {
			y := newWorld(x.T, x.Ports)
			u, err := y.Usages.Usage(ctx, y.tenant, v.p)
			x.must(err)
			x.equal("another tenant's usage", u, directory.Usage{})
		},
		"Aliases.AddAlias": func() { x.must(x.Aliases.AddAlias(ctx, t, "former", v.u.ID, v.now)) },
		"Aliases.AliasesOf": func() {
			y := newWorld(x.T, x.Ports)
			ids, err := y.Aliases.AliasesOf(ctx, y.tenant, "former", v.start, 10)
			x.empty("AliasesOf", len(ids), err)
		},
		"Tasks.Task": func() {
			k, err := x.Tasks.Task(ctx, t, v.task)
			x.must(err)
			x.equal("another tenant's task", k, directory.Task{})
		},
		"Tasks.UpdateTask": func() {
			x.must(x.Tasks.UpdateTask(ctx, t, v.task, func(k directory.Task) directory.Task {
				x.equal("what update sees", k, directory.Task{})
				return k
			}))
		},
		"Log.AppendEntry": func() { x.must(x.Ports.Log.AppendEntry(ctx, t, x.adminEntry(directory.WebhookRotated, v.webhook.ID))) },
		"Webhooks.CreateWebhook": func() {
			h := x.newWebhook("own")
			h.ID = v.webhook.ID
			x.must(x.Webhooks.CreateWebhook(ctx, t, h, x.adminEntry(directory.WebhookCreated, h.ID)))
			x.must(x.deleteWebhook(h.ID))
		},
		"Webhooks.Webhook": func() {
			_, err := x.Webhooks.Webhook(ctx, t, v.webhook.ID)
			x.notFound("Webhook", err)
		},
		"Webhooks.ListWebhooks": func() {
			hs, err := x.Webhooks.ListWebhooks(ctx, t)
			x.empty("ListWebhooks", len(hs), err)
		},
		"Webhooks.UpdateWebhook": func() {
			_, err := x.Webhooks.UpdateWebhook(ctx, t, v.webhook.ID, func(h directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
				x.Error("update was called for another tenant's webhook")
				return h, nil, nil
			})
			x.notFound("UpdateWebhook", err)
		},
		"Webhooks.DeleteWebhook": func() { x.notFound("DeleteWebhook", x.deleteWebhook(v.webhook.ID)) },
		"Deliveries.AddDelivery": func() { x.must(x.Deliveries.AddDelivery(ctx, t, directory.Delivery{ID: v.delivery.ID})) },
		"Deliveries.Delivery": func() {
			y := newWorld(x.T, x.Ports) // a tenant that has none of this id
			_, err := y.Deliveries.Delivery(ctx, y.tenant, v.delivery.ID)
			x.notFound("Delivery", err)
		},
		"Deliveries.ListDeliveries": func() {
			y := newWorld(x.T, x.Ports)
			ds, err := y.Deliveries.ListDeliveries(ctx, y.tenant, "", 10)
			x.empty("ListDeliveries", len(ds), err)
		},
		"Deliveries.UpdateDelivery": func() {
			y := newWorld(x.T, x.Ports)
			_, err := y.Deliveries.UpdateDelivery(ctx, y.tenant, v.delivery.ID, func(d directory.Delivery) (directory.Delivery, error) { return d, nil })
			x.notFound("UpdateDelivery", err)
		},
		"Ledger.Chains": func() {
			hs, err := x.Ledger.Chains(ctx, t)
			x.empty("Chains", len(hs), err)
		},
		"Ledger.Chain": func() { x.equal("Chain", x.head(v.p), directory.ChainHead{Provider: v.p}) },
		"Ledger.Blocks": func() {
			bs, err := x.Ledger.Blocks(ctx, t, v.p, 1, 10)
			x.empty("Blocks", len(bs), err)
		},
		"Ledger.Late": func() {
			ps, err := x.Ledger.Late(ctx, t, v.p, 10)
			x.empty("Late", len(ps), err)
			x.must(x.Ledger.AddLate(ctx, t, v.p, "0x"))
			x.must(x.Ledger.AppendBlock(ctx, t, v.p, x.nextBlock(1), []string{v.entry.Position()}))
		},
		"Ledger.AddLate":     func() {}, // with Late, which must find nothing before
		"Ledger.AppendBlock": func() {},
		"Ledger.EraseEntry": func() {
			y := newWorld(x.T, x.Ports)
			x.notFound("EraseEntry", y.Ledger.EraseEntry(ctx, y.tenant, v.entry.Stub(nil), 1))
		},
	}
}

func (w *world) deleteWebhook(id string) error {
	return w.Webhooks.DeleteWebhook(w.ctx, w.tenant, id, func(directory.Webhook) (directory.LogEntry, error) {
		return w.adminEntry(directory.WebhookDeleted, id), nil
	})
}

// ledger writes the webhooks, the deliveries and the chains.
func (d *dump) ledger(providers []directory.Provider) {
	for _, h := range got(d.Webhooks.ListWebhooks(d.ctx, d.t)) {
		d.line("webhook", h)
	}
	for _, x := range got(d.Deliveries.ListDeliveries(d.ctx, d.t, "", 10_000)) {
		d.line("delivery", x)
	}
	for _, h := range got(d.Ledger.Chains(d.ctx, d.t)) {
		d.line("chain", h)
		for _, b := range got(d.Ledger.Blocks(d.ctx, d.t, h.Provider, 1, 10_000)) {
			d.line("block", b)
		}
	}
	for _, p := range providers {
		d.line("usage", got(d.Usages.Usage(d.ctx, d.t, p.ID)))
	}
	d.line("aliases", got(d.Aliases.AliasesOf(d.ctx, d.t, "former", time.Time{}, 100)))
	d.line("task", got(d.Tasks.Task(d.ctx, d.t, "purge")))
	for _, p := range append(providers, directory.Provider{}) {
		for _, position := range got(d.Ledger.Late(d.ctx, d.t, p.ID, 10_000)) {
			at, _, _ := strings.Cut(position, ".") // which of several of one moment it is depends on their ids
			d.line("late", at)
		}
	}
}
