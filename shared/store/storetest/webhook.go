package storetest

import (
	"errors"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var webhookChapter = []promise{
	{"webhooks/each is kept as stored", webhooks},
	{"webhooks/racing changes all count", raceWebhooks},
}

func (w *world) newWebhook(name string) directory.Webhook {
	return directory.Webhook{
		ID: directory.WebhookID("w" + random.ID()), DisplayName: name, URL: "https://hooks.example/" + name,
		Types: []directory.EventType{directory.EventUserBlocked},
		State: directory.WebhookPaused, Version: 1, Created: w.now(), Modified: w.now(),
		Secrets: []directory.WebhookSecret{
			{Encrypted: []byte{0, 1, 0xff}, LastFour: "abcd", CreatedAt: w.now()},
			{Encrypted: []byte{2}, LastFour: "efgh", CreatedAt: w.now(), RetiresAt: w.now()},
		},
	}
}

func (w *world) createWebhook(name string) directory.Webhook {
	w.Helper()
	h := w.newWebhook(name)
	w.must(w.Webhooks.CreateWebhook(w.ctx, w.tenant, h, nil, w.adminEntry(directory.WebhookCreated, string(h.ID))))
	return h
}

func webhooks(w *world) {
	all := []directory.Webhook{w.createWebhook("a"), w.createWebhook("b"), w.createWebhook("c")}
	slices.SortFunc(all, func(a, b directory.Webhook) int { return strings.Compare(string(a.ID), string(b.ID)) })
	list := func() []directory.Webhook {
		hs, err := w.Webhooks.ListWebhooks(w.ctx, w.tenant)
		w.must(err)
		return hs
	}
	w.equal("all", list(), all)
	edit := func(id string, write bool) (directory.Webhook, error) {
		return w.Webhooks.UpdateWebhook(w.ctx, w.tenant, directory.WebhookID(id),
			func(h directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
				h.State, h.Version = directory.WebhookActive, h.Version+1
				e := w.adminEntry(directory.WebhookUpdated, id)
				if !write {
					return h, nil, nil
				}
				return h, &e, nil
			})
	}
	_, err := edit(string(all[1].ID), false)
	w.must(err)
	w.equal("after no change", list(), all)
	h, err := edit(string(all[1].ID), true)
	w.must(err)
	all[1].State, all[1].Version = directory.WebhookActive, 2
	w.equal("answer", h, all[1])
	one, err := w.Webhooks.Webhook(w.ctx, w.tenant, all[1].ID)
	w.must(err)
	w.equal("one", one, all[1])
	_, err = edit("wunknown", true)
	w.wantKind("change of an unknown one", err, directory.NotFound)
	del := func(id string) error {
		return w.Webhooks.DeleteWebhook(w.ctx, w.tenant, directory.WebhookID(id), func(h directory.Webhook) (directory.LogEntry, error) {
			w.equal("passed to del", h, all[0])
			return w.adminEntry(directory.WebhookDeleted, id), nil
		})
	}
	w.must(del(string(all[0].ID)))
	w.equal("after the deletion", list(), all[1:])
	w.wantKind("deleted again", del(string(all[0].ID)), directory.NotFound)
	_, err = w.Webhooks.Webhook(w.ctx, w.tenant, all[0].ID)
	w.wantKind("read when deleted", err, directory.NotFound)
	var did []string
	for _, e := range w.log(directory.LogQuery{Count: 5}) {
		did = append(did, string(e.Action))
	}
	w.equal("entries", did, []string{"webhook.deleted", "webhook.updated", "webhook.created", "webhook.created", "webhook.created"})
}

func raceWebhooks(w *world) {
	h := w.createWebhook("a")
	errs := race(racers, func(int) error {
		_, err := w.Webhooks.UpdateWebhook(w.ctx, w.tenant, h.ID, func(h directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
			h.Version++
			e := w.adminEntry(directory.WebhookUpdated, string(h.ID))
			return h, &e, nil
		})
		return err
	})
	w.must(errors.Join(errs...))
	got, err := w.Webhooks.Webhook(w.ctx, w.tenant, h.ID)
	w.must(err)
	w.equal("version", got.Version, int64(1+racers))
}

func (w *world) deleteWebhook(id string) error {
	return w.Webhooks.DeleteWebhook(w.ctx, w.tenant, directory.WebhookID(id), func(directory.Webhook) (directory.LogEntry, error) {
		return w.adminEntry(directory.WebhookDeleted, id), nil
	})
}

func (x intruder) webhooksRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Webhooks.CreateWebhook": func() {
			h := x.newWebhook("own")
			h.ID = v.webhook.ID
			x.must(x.Webhooks.CreateWebhook(ctx, t, h, nil, x.adminEntry(directory.WebhookCreated, string(h.ID))))
			x.must(x.deleteWebhook(string(h.ID)))
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
		"Webhooks.DeleteWebhook": func() { x.notFound("DeleteWebhook", x.deleteWebhook(string(v.webhook.ID))) },
	}
}
