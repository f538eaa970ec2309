package main

import (
	"context"
	"fmt"
	"net/url"
)

func webhookNoun() noun {
	const one = "Name displayName, Id id, URL url, State state, Events types, Secret secret, Created createdAt, Changed modifiedAt, " +
		"Version version"
	name, to := flag{"name", "displayName", "display `name`"}, flag{"to", "url", "`URL` to send to, https"}
	types := flag{"types", "types", "`events`, separated by commas (default: all)"}
	return noun{
		name: "webhook", group: groupRecords, short: "Send applications a signed message for each change", columns: one,
		actions: []action{
			{name: "list", op: "listWebhooks", short: "List the webhooks",
				columns: "NAME displayName, URL url, STATE state, EVENTS types, CHANGED modifiedAt; ID id"},
			{name: "create", op: "createWebhook", short: "Create a webhook; prints its secret once", free: "name",
				example: "Payroll --to https://hooks.contoso.example/",
				flags:   []flag{name, to, types}},
			{name: "show", op: "getWebhook", short: "Show a webhook", tables: []table{
				{"Secrets", "secrets", "ENDS_WITH lastFour, CREATED createdAt, RETIRES retiresAt"},
			}},
			{name: "change", op: "updateWebhook", short: "Change or pause a webhook", example: "Payroll --state paused",
				flags: []flag{name, to, types, {"state", "state", "new `state`"}}},
			{name: "rotate", op: "rotateWebhook", short: "Create a new secret; prints it once", example: "Payroll --overlap 24h", asks: askRotate,
				flags: []flag{
					{"overlap", "overlapSeconds", "`time` for which both secrets sign, 0s to 7d (default 24h)"},
				}},
			{name: "test", op: "testWebhook", short: "Send a test event"},
			{name: "replay", op: "replayWebhook", short: "Send the deliveries of a time span again",
				example: "Payroll --since 2h --until 1h", flags: []flag{
					{"since", "since", "not before this `time`"}, {"until", "until", "before this `time`"},
				}},
			{name: "delete", op: "deleteWebhook", short: "Delete a webhook", asks: askDeleteWebhook},
		},
	}
}

// askRotate asks before a new secret replaces the old one immediately.
func askRotate(ctx context.Context, c *call) (string, error) {
	if seconds, given := c.body["overlapSeconds"]; !given || seconds != int64(0) {
		return "", nil
	}
	return "Stop signing with the old secret of " + c.nameFor(ctx, "webhook", c.ids[0], "") +
		" now? The receiver refuses messages until it has the new secret.", nil
}

// askDeleteWebhook asks before a webhook is deleted, with the number of its pending deliveries.
func askDeleteWebhook(ctx context.Context, c *call) (string, error) {
	waiting := exchange{op: operations()["listDeliveries"], query: url.Values{"webhook": {c.ids[0]}, "state": {"pending"}}}
	items, more, err := c.list(ctx, waiting, 1000)
	n := count(len(items), "pending delivery", "pending deliveries")
	if more {
		n = "more than " + n
	}
	return fmt.Sprintf("Delete webhook %s with %s?", c.nameFor(ctx, "webhook", c.ids[0], ""), n), err
}
