package sqlite

import (
	"context"
	"encoding/json"
	"slices"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
	"rollcall/shared/fsck"
)

// checker collects what is broken in the tables of a tenant, and the statements that correct it.
type checker struct {
	*Store
	t     directory.TenantID
	found []fsck.Finding
	first []statement // before the fixes
	fixes []statement

	users   []userRow
	present map[string]map[directory.ScimID]bool // the members that each home can have: users and groups
}

type statement struct {
	query string
	args  []any
}

// CheckTenant implements fsck.Store, in one transaction.
func (s *Store) CheckTenant(ctx context.Context, t directory.TenantID, repair bool, report func(fsck.Finding)) error {
	c := &checker{Store: s, t: t, present: map[string]map[directory.ScimID]bool{}}
	run, parts := s.read, []func() error{
		c.checkUsers, c.checkGroups, c.checkMembers, c.checkLookups, c.checkFormerIDs, c.checkAliases, c.checkTallies, c.checkProviders,
		c.checkNames, c.checkKeys, c.checkConflicts, c.checkDeliveries, c.checkSetAside, c.checkDocuments, c.checkLog, c.checkBlocks,
	}
	if t == "" {
		parts = []func() error{c.checkFile, c.checkFeed, c.checkTotals, c.checkTenants}
	}
	if repair {
		run = s.write
	}
	err := run(ctx, func() error {
		for _, part := range parts {
			if err := part(); err != nil {
				return err
			}
		}
		if !repair || len(c.found) == 0 {
			return nil
		}
		for _, fix := range slices.Concat(c.first, c.fixes) {
			if err := s.exec(fix.query, nil, fix.args...); err != nil {
				return err
			}
		}
		return s.forgetRows()
	})
	if err != nil {
		return err
	}
	for _, f := range c.found {
		f.Repaired = repair && f.Repairable
		report(f)
	}
	return nil
}

// add notes what cannot be repaired.
func (c *checker) add(k fsck.Kind, subject, id, detail string) {
	c.found = append(c.found, fsck.Finding{Kind: k, Tenant: c.t, Subject: subject, ID: id, Detail: detail})
}

// derived notes what is wrong in derived data, and the statement that corrects it.
func (c *checker) derived(k fsck.Kind, subject, id, detail, query string, args ...any) {
	c.found = append(c.found, fsck.Finding{Kind: k, Tenant: c.t, Subject: subject, ID: id, Detail: detail, Repairable: true})
	c.fixes = append(c.fixes, statement{query, args})
}

// nameKey is the key of a name that is unique in a scope, as it is and as it should be. where selects its row.
type nameKey struct {
	id, scope, is, should string
	old                   string // the key of before invisible ends were left out, which one of two may keep (C28)
	table, where          string
	args                  []any
}

// checkNameKeys compares the keys of names that have to be unique.
func (c *checker) checkNameKeys(subject, attr string, keys []nameKey) {
	keys = slices.DeleteFunc(keys, func(k nameKey) bool { return k.is == k.old && k.old != k.should })
	holders := map[[2]string]int{}
	for _, k := range keys {
		holders[[2]string{k.scope, k.should}]++
	}
	for _, k := range keys {
		switch {
		case holders[[2]string{k.scope, k.should}] > 1:
			c.add(fsck.Twice, subject, k.id, "its "+attr+" is also another one's")
		case k.is != k.should:
			c.derived(fsck.NameGuard, subject, k.id, "the key of its "+attr+" is wrong", `UPDATE `+k.table+` SET name_key = ? WHERE `+k.where,
				append([]any{k.should}, k.args...)...)
			// Out of the way of others: two records may have each other's key.
			c.first = append(c.first, statement{`UPDATE ` + k.table + ` SET name_key = ? WHERE ` + k.where, append([]any{"\x00" + k.id}, k.args...)})
		}
	}
}

// homes returns the first and the last possible home of the tenant; "0" is the character after "/".
func (c *checker) homes() (from, to string) { return string(c.t) + "/", string(c.t) + "0" }

// checkFile lets SQLite compare its indexes with its tables.
func (c *checker) checkFile() error {
	return c.exec(`PRAGMA integrity_check(20)`, func(r *sqlite.Stmt) error {
		if r.ColumnText(0) != "ok" {
			c.add(fsck.Unreadable, "file", "", "SQLite's integrity check found damage in the file: restore a backup")
		}
		return nil
	})
}

// checkFeed compares the position up to which the log was followed with the log.
func (c *checker) checkFeed() error {
	return c.exec(`SELECT 1 FROM followed WHERE seq > (SELECT coalesce(max(seq), 0) FROM log)`, func(*sqlite.Stmt) error {
		c.derived(fsck.Feed, "log", "", "it is marked as followed beyond its newest entry, so that the next ones would not be followed",
			`UPDATE followed SET seq = (SELECT coalesce(max(seq), 0) FROM log)`)
		return nil
	})
}

// checkTenants looks for rows of tenants that do not exist.
func (c *checker) checkTenants() error {
	known := map[string]bool{string(directory.OperatorScope): true}
	err := c.exec(`SELECT id, record FROM tenants`, func(r *sqlite.Stmt) error {
		known[r.ColumnText(0)] = true
		c.sameID("tenant", r.ColumnText(0), columnBytes(r, 1))
		return nil
	})
	if err != nil {
		return err
	}
	var tables []string
	err = c.exec(`SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND c.name = 'tenant' ORDER BY 1`,
		func(r *sqlite.Stmt) error { tables = append(tables, r.ColumnText(0)); return nil })
	for _, table := range tables {
		if err != nil {
			return err
		}
		err = c.exec(`SELECT DISTINCT tenant FROM `+table, func(r *sqlite.Stmt) error {
			if id := r.ColumnText(0); !known[id] {
				c.add(fsck.NoTenant, "tenant", id, "it does not exist, but has rows in "+table)
			}
			return nil
		})
	}
	return err
}

// sameID notes a record that cannot be decoded or has another id than its key.
func (c *checker) sameID(subject, id string, record []byte) {
	var v struct{ ID string }
	if json.Unmarshal(record, &v) != nil {
		c.add(fsck.Unreadable, subject, id, "its record cannot be decoded")
	} else if v.ID != id {
		c.add(fsck.WrongPlace, subject, id, "its record has another id")
	}
}
