package sqlite

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
	"rollcall/shared/fsck"
)

// checkProviders compares the columns of providers with their records, and the users with their providers.
func (c *checker) checkProviders() error {
	var names []nameKey
	err := c.exec(`SELECT id, name_key, record FROM providers WHERE tenant = ? ORDER BY id`, func(r *sqlite.Stmt) error {
		id := r.ColumnText(0)
		p := directory.BeforeMappings()
		if decode(columnBytes(r, 2), &p) != nil {
			c.add(fsck.Unreadable, "provider", id, "its record cannot be decoded")
			return nil
		}
		if string(p.ID) != id || p.Tenant != c.t {
			c.add(fsck.WrongPlace, "provider", id, "its record has another id or tenant")
		}
		names = append(names, nameKey{id: id, is: r.ColumnText(1), should: p.DisplayNameKey(), old: p.DisplayNameKey(),
			table: "providers", where: "id = ?", args: []any{id}})
		return nil
	}, string(c.t))
	c.checkNameKeys("provider", "display name", names)
	for _, u := range c.users {
		if u.Provider != "" && !u.Removed() && c.providers[u.Provider].Tenant != c.t {
			c.add(fsck.Reference, "user", string(u.ID), "its provider does not exist")
		}
	}
	return err
}

// checkNames compares the names of organizations with the organizations.
func (c *checker) checkNames() error {
	want := map[string]string{}
	err := c.exec(`SELECT id, record FROM organizations WHERE tenant = ? ORDER BY id`, func(r *sqlite.Stmt) error {
		id := r.ColumnText(0)
		c.sameID("organization", id, columnBytes(r, 1))
		var o directory.Organization
		if decode(columnBytes(r, 1), &o) != nil {
			return nil
		}
		for _, key := range o.NameKeys() {
			if holder := want[key]; holder != "" && holder != id {
				c.add(fsck.Twice, "organization", id, "another organization has one of its names")
				continue
			}
			want[key] = id
		}
		return nil
	}, string(c.t))
	if err != nil {
		return err
	}
	err = c.exec(`SELECT key, id FROM organization_names WHERE tenant = ? ORDER BY key`, func(r *sqlite.Stmt) error {
		key, id := r.ColumnText(0), r.ColumnText(1)
		if holder := want[key]; holder != id {
			c.derived(fsck.NameGuard, "organization", id, "a name leads to it that it does not have",
				`DELETE FROM organization_names WHERE tenant = ? AND key = ?`, string(c.t), key)
			return nil
		}
		delete(want, key)
		return nil
	}, string(c.t))
	for _, key := range slices.Sorted(maps.Keys(want)) {
		c.derived(fsck.NameGuard, "organization", want[key], "one of its names does not lead to it",
			`INSERT INTO organization_names (tenant, key, id) VALUES (?,?,?)`, string(c.t), key, want[key])
	}
	return err
}

// checkKeys compares the hashes by which API keys are found with the keys.
func (c *checker) checkKeys() error {
	seen := map[directory.TokenHash]bool{}
	return c.exec(`SELECT id, hash, record FROM api_keys WHERE tenant = ? ORDER BY id`, func(r *sqlite.Stmt) error {
		id := r.ColumnText(0)
		c.sameID("API key", id, columnBytes(r, 2))
		var k directory.APIKey
		if decode(columnBytes(r, 2), &k) != nil {
			return nil
		}
		switch {
		case seen[k.Hash]:
			c.add(fsck.Twice, "API key", id, "another key has its hash")
		case !bytes.Equal(columnBytes(r, 1), k.Hash[:]):
			c.derived(fsck.NameGuard, "API key", id, "it is not found by its hash", `UPDATE api_keys SET hash = ? WHERE tenant = ? AND id = ?`,
				k.Hash[:], string(c.t), id)
		}
		seen[k.Hash] = true
		return nil
	}, string(c.t))
}

func (c *checker) checkConflicts() error {
	return c.exec(`SELECT id, state, record FROM conflicts WHERE tenant = ? ORDER BY id`, func(r *sqlite.Stmt) error {
		id := r.ColumnText(0)
		c.sameID("conflict", id, columnBytes(r, 2))
		var v directory.ConflictCase
		if decode(columnBytes(r, 2), &v) == nil && string(v.State) != r.ColumnText(1) {
			c.derived(fsck.LookUp, "conflict", id, "it is listed under another state", `UPDATE conflicts SET state = ? WHERE tenant = ? AND id = ?`,
				string(v.State), string(c.t), id)
		}
		return nil
	}, string(c.t))
}

func (c *checker) checkDeliveries() error {
	err := c.exec(`SELECT id, due_at, created, record, webhook FROM deliveries WHERE tenant = ? ORDER BY id`, func(r *sqlite.Stmt) error {
		id := r.ColumnText(0)
		c.sameID("delivery", id, columnBytes(r, 3))
		var d directory.Delivery
		if decode(columnBytes(r, 3), &d) == nil &&
			(dueAt(d) != r.ColumnInt64(1) || millis(d.CreatedAt) != r.ColumnInt64(2) || string(d.Webhook) != r.ColumnText(4)) {
			c.derived(fsck.DueIndex, "delivery", id, "it is not where due deliveries are looked for",
				`UPDATE deliveries SET due_at = ?, created = ?, webhook = ? WHERE tenant = ? AND id = ?`, dueAt(d), millis(d.CreatedAt),
				string(d.Webhook), string(c.t), id)
		}
		return nil
	}, string(c.t))
	if err != nil {
		return err
	}
	return c.exec(`SELECT webhook, min(due_at) FROM deliveries d WHERE tenant = ?1 AND webhook <> '' AND due_at > 0
		AND EXISTS (SELECT 1 FROM webhooks w WHERE w.tenant = ?1 AND w.id = d.webhook)
		AND NOT EXISTS (SELECT 1 FROM queues q WHERE q.tenant = ?1 AND q.webhook = d.webhook) GROUP BY webhook`, func(r *sqlite.Stmt) error {
		c.derived(fsck.DueIndex, "webhook", r.ColumnText(0), "it has pending deliveries and no queue",
			`INSERT INTO queues (tenant, webhook, due_at, revision) VALUES (?,?,?,1)`, string(c.t), r.ColumnText(0), r.ColumnInt64(1))
		return nil
	}, string(c.t))
}

func (c *checker) checkSetAside() error {
	return c.exec(`SELECT id, due_at, record FROM set_aside WHERE tenant = ? ORDER BY id`, func(r *sqlite.Stmt) error {
		id := r.ColumnText(0)
		c.sameID("set-aside", id, columnBytes(r, 2))
		var d directory.Delivery
		if decode(columnBytes(r, 2), &d) == nil && millis(d.DueAt) != r.ColumnInt64(1) {
			c.derived(fsck.DueIndex, "set-aside", id, "it is not where work that is due is looked for",
				`UPDATE set_aside SET due_at = ? WHERE tenant = ? AND id = ?`, millis(d.DueAt), string(c.t), id)
		}
		return nil
	}, string(c.t))
}

// checkDocuments decodes the other records.
func (c *checker) checkDocuments() error {
	for subject, query := range map[string]string{
		"legal hold":       `SELECT id, record FROM matters WHERE tenant = ?`,
		"guard event":      `SELECT id, record FROM guard_events WHERE tenant = ?`,
		"webhook":          `SELECT id, record FROM webhooks WHERE tenant = ?`,
		"apply run":        `SELECT id, record FROM documents WHERE tenant = ? AND kind = 'run'`,
		"watchlist":        `SELECT id, record FROM documents WHERE tenant = ? AND kind = 'watchlist'`,
		"deleted provider": `SELECT id, record FROM documents WHERE tenant = ? AND kind = 'archive'`,
		"task":             `SELECT id, record FROM tasks WHERE tenant = ?`,
	} {
		err := c.exec(query, func(r *sqlite.Stmt) error { c.sameID(subject, r.ColumnText(0), columnBytes(r, 1)); return nil }, string(c.t))
		if err != nil {
			return err
		}
	}
	readable := func(r *sqlite.Stmt) error {
		if !json.Valid(columnBytes(r, 1)) {
			c.add(fsck.Unreadable, "record", r.ColumnText(0), "it cannot be decoded")
		}
		return nil
	}
	err := c.exec(`SELECT kind || ' ' || owner, record FROM documents
		WHERE tenant = ? AND kind NOT IN ('run', 'watchlist', 'archive')`, readable, string(c.t))
	if err != nil {
		return err
	}
	return c.exec(`SELECT matter || ' ' || uid, record FROM custodians WHERE tenant = ?`, func(r *sqlite.Stmt) error {
		var v directory.Custodian
		if decode(columnBytes(r, 1), &v) != nil {
			c.add(fsck.Unreadable, "custodian", r.ColumnText(0), "its record cannot be decoded")
		} else if string(v.Matter)+" "+string(v.User) != r.ColumnText(0) {
			c.add(fsck.WrongPlace, "custodian", r.ColumnText(0), "its record is of another matter or user")
		}
		return nil
	}, string(c.t))
}

// checkLog compares the columns by which entries are found with the entries.
func (c *checker) checkLog() error {
	return c.exec(`SELECT provider, position, coalesce(uid, ''), coalesce(gid, ''), entry FROM log WHERE tenant = ?`,
		func(r *sqlite.Stmt) error {
			var e directory.LogEntry
			_, id, _ := strings.Cut(r.ColumnText(1), ".")
			switch {
			case decode(columnBytes(r, 4), &e) != nil:
				c.add(fsck.Unreadable, "log entry", id, "it cannot be decoded")
			case string(e.Provider) != r.ColumnText(0) || e.Position() != r.ColumnText(1) || string(e.User) != r.ColumnText(2) ||
				string(e.Group) != r.ColumnText(3):
				c.add(fsck.LogKey, "log entry", id, "it is not found where it belongs")
			}
			return nil
		}, string(c.t))
}

// checkBlocks compares the numbers of blocks and heads with their records.
func (c *checker) checkBlocks() error {
	err := c.exec(`SELECT provider, seq, block FROM blocks WHERE tenant = ?`, func(r *sqlite.Stmt) error {
		var b directory.Block
		if decode(columnBytes(r, 2), &b) != nil {
			c.add(fsck.Unreadable, "chain", r.ColumnText(0), "a block cannot be decoded")
		} else if b.Seq != r.ColumnInt64(1) {
			c.add(fsck.Chain, "chain", r.ColumnText(0), "a block is stored under another number")
		}
		return nil
	}, string(c.t))
	if err != nil {
		return err
	}
	return c.exec(`SELECT provider, seq, head FROM chains WHERE tenant = ?`, func(r *sqlite.Stmt) error {
		var h directory.ChainHead
		if decode(columnBytes(r, 2), &h) != nil {
			c.add(fsck.Unreadable, "chain", r.ColumnText(0), "its head cannot be decoded")
		} else if h.Seq != r.ColumnInt64(1) || string(h.Provider) != r.ColumnText(0) {
			c.add(fsck.Chain, "chain", r.ColumnText(0), "its head is stored under another provider or number")
		}
		return nil
	}, string(c.t))
}
