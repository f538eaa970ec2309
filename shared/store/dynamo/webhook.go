package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// webhookStore implements directory.Webhooks.
type webhookStore struct{ *Store }

func (s webhookStore) CreateWebhook(
	ctx context.Context, t directory.TenantID, w directory.Webhook, check directory.Check[directory.Webhook], e directory.LogEntry,
) error {
	return s.rerun(ctx, "webhook", func(int) error {
		x := &tx{}
		if err := checking(s.Store, check, schema.CheckNumber(t, "webhooks"), schema.Webhooks(t))(ctx, x); err != nil {
			return err
		}
		x.putRecord(s.Store, schema.WebhookKey(t, w.ID), w, 0)
		x.ops[len(x.ops)-1].fail = conflict("the webhook's id is taken")
		x.log(s.Store, t, e, remainder{})
		return s.commit(ctx, "create webhook", x)
	})
}

func (s webhookStore) Webhook(ctx context.Context, t directory.TenantID, id directory.WebhookID) (directory.Webhook, error) {
	w, _, err := readRecord[directory.Webhook](ctx, s.Store, "webhook", schema.WebhookKey(t, id), string(id))
	return w, err
}

func (s webhookStore) ListWebhooks(ctx context.Context, t directory.TenantID) ([]directory.Webhook, error) {
	return all[directory.Webhook](ctx, s.Store, span{pk: schema.Webhooks(t)})
}

func (s webhookStore) UpdateWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, update directory.Update[directory.Webhook],
) (directory.Webhook, error) {
	if !schema.Usable(string(id)) {
		return directory.Webhook{}, notFound("webhook")
	}
	return updateRecord(ctx, s.Store, t, "webhook", schema.WebhookKey(t, id), mustExist, update)
}

func (s webhookStore) DeleteWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, del func(directory.Webhook) (directory.LogEntry, error),
) error {
	if !schema.Usable(string(id)) {
		return notFound("webhook")
	}
	_, err := updateRecord(ctx, s.Store, t, "webhook", schema.WebhookKey(t, id), mustExist|zeroRemoves,
		func(old directory.Webhook) (directory.Webhook, *directory.LogEntry, error) {
			e, err := del(old)
			return directory.Webhook{}, &e, err
		})
	return err
}
