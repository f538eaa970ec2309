package sqlite

import (
	"cmp"
	"maps"
	"slices"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
	"rollcall/shared/fsck"
)

// userRow is a user and the list it is stored in.
type userRow struct {
	directory.User
	home string
}

// checkUsers compares the columns of each user that are derived with the others.
func (c *checker) checkUsers() error {
	from, to := c.homes()
	ids := map[directory.UserID]bool{}
	var names []nameKey
	err := c.exec(`SELECT `+userColumns+`, home, tenant, name_key, gate, due_at, arrival, manager_key FROM users
		WHERE tenant = ? OR home BETWEEN ? AND ? ORDER BY arrival`, func(r *sqlite.Stmt) error {
		id, h, arrival := r.ColumnText(0), r.ColumnText(14), r.ColumnInt64(19)
		u, err := scanUser(r)
		if err != nil || joinLookups(u.Lookups) != r.ColumnText(8) {
			c.add(fsck.Unreadable, "user", id, "its record cannot be decoded")
			return nil
		}
		c.users = append(c.users, userRow{u, h})
		if h != c.homeOf(c.t, u) || r.ColumnText(15) != string(c.t) {
			c.add(fsck.WrongPlace, "user", id, "it is not in the list of its provider")
		}
		if ids[u.ID] {
			c.add(fsck.Twice, "user", id, "there are two records")
		}
		ids[u.ID] = true
		k := nameKey{id: id, is: r.ColumnText(16), should: directory.UserNameKey(u.UserName), table: "users", where: "arrival = ?",
			args: []any{arrival}}
		k.old, _ = directory.OldNameKey(u.UserName)
		if u.Removed() {
			k.scope = id // its userName is free
		}
		names = append(names, k)
		if gate := userGate(u); gate[0] != r.ColumnInt(17) || millisOf(gate[1]) != r.ColumnInt64(18) {
			c.derived(fsck.DueIndex, "user", id, "its pending deactivation is not where it is looked for",
				`UPDATE users SET gate = ?, due_at = ? WHERE arrival = ?`, append(gate, arrival)...)
		}
		if key := directory.ManagerKey(u.Manager); key != r.ColumnText(20) {
			c.derived(fsck.LookUp, "user", id, "its manager does not lead to it", `UPDATE users SET manager_key = ? WHERE arrival = ?`, key, arrival)
		}
		if u.ScimID != "" && !u.Removed() {
			c.admit(h, u.ScimID)
		}
		return nil
	}, string(c.t), from, to)
	c.checkNameKeys("user", directory.AttrUserName, names)
	return err
}

func millisOf(v any) int64 {
	if n, ok := v.(int64); ok {
		return n
	}
	return 0
}

// admit notes what can be a member in a home.
func (c *checker) admit(h string, id directory.ScimID) {
	if c.present[h] == nil {
		c.present[h] = map[directory.ScimID]bool{}
	}
	if c.present[h][id] {
		c.add(fsck.Twice, "user", string(id), "two users of a provider have this id in SCIM")
	}
	c.present[h][id] = true
}

type lookupRow struct{ home, attr, value, uid string }

// checkLookups compares the look-ups with the users.
func (c *checker) checkLookups() error {
	missing, extra := map[lookupRow]bool{}, map[lookupRow]bool{}
	for _, u := range c.users {
		for _, l := range u.AllLookups() {
			row := lookupRow{u.home, lookupCode(l.Attr), l.Value, string(u.ID)}
			if u.FoundByName(l) {
				extra[row] = true // of before userNames answered for e-mails
			} else {
				missing[row] = true
			}
		}
	}
	from, to := c.homes()
	err := c.exec(`SELECT home, attr, value, uid FROM lookups WHERE home BETWEEN ? AND ?`, func(r *sqlite.Stmt) error {
		row := lookupRow{r.ColumnText(0), r.ColumnText(1), r.ColumnText(2), r.ColumnText(3)}
		if !missing[row] && !extra[row] {
			c.derived(fsck.LookUp, "user", row.uid, "a look-up leads to it that does not fit it",
				`DELETE FROM lookups WHERE home = ? AND attr = ? AND value = ? AND uid = ?`, row.home, row.attr, row.value, row.uid)
		}
		delete(missing, row)
		return nil
	}, from, to)
	for _, row := range slices.SortedFunc(maps.Keys(missing), func(a, b lookupRow) int {
		return cmp.Or(cmp.Compare(a.uid, b.uid), cmp.Compare(a.attr, b.attr), cmp.Compare(a.value, b.value))
	}) {
		c.derived(fsck.LookUp, "user", row.uid, "a look-up is missing", `INSERT INTO lookups (home, attr, value, uid) VALUES (?,?,?,?)`,
			row.home, row.attr, row.value, row.uid)
	}
	return err
}

// checkFormerIDs looks for removed users whose ids in SCIM are not remembered.
func (c *checker) checkFormerIDs() error {
	type former struct{ home, id string }
	kept := map[former]bool{}
	from, to := c.homes()
	err := c.exec(`SELECT home, id FROM former_ids WHERE home BETWEEN ? AND ?`, func(r *sqlite.Stmt) error {
		kept[former{r.ColumnText(0), r.ColumnText(1)}] = true
		return nil
	}, from, to)
	for _, u := range c.users {
		if f := (former{home(c.t, u.Provider, false), string(u.ScimID)}); u.Removed() && u.Provider != "" && f.id != "" && !kept[f] {
			c.derived(fsck.FormerID, "user", string(u.ID), "its id in SCIM is not remembered",
				`INSERT OR IGNORE INTO former_ids (home, id) VALUES (?,?)`, f.home, f.id)
		}
	}
	return err
}

// checkAliases looks for former userNames of nobody.
func (c *checker) checkAliases() error {
	ids := map[string]bool{}
	for _, u := range c.users {
		ids[string(u.ID)] = true
	}
	return c.exec(`SELECT uid FROM aliases WHERE tenant = ? GROUP BY uid`, func(r *sqlite.Stmt) error {
		if id := r.ColumnText(0); !ids[id] {
			c.derived(fsck.LookUp, "user", id, "a former userName leads to it, but there is no such user",
				`DELETE FROM aliases WHERE tenant = ? AND uid = ?`, string(c.t), id)
		}
		return nil
	}, string(c.t))
}

// checkTallies compares the tallies with the users, as they were before the entries that are not counted yet.
func (c *checker) checkTallies() error {
	want := fsck.Tallies{}
	for _, u := range c.users {
		want.AddUser(u.User)
	}
	err := c.exec(`SELECT entry FROM log WHERE tenant = ? AND uid IS NOT NULL AND seq NOT IN (SELECT seq FROM counted)`,
		func(r *sqlite.Stmt) error {
			var e directory.LogEntry
			if decode(columnBytes(r, 0), &e) == nil {
				want.Without(e)
			}
			return nil
		}, string(c.t))
	if err != nil {
		return err
	}
	have := fsck.Tallies{}
	err = c.exec(`SELECT key, n FROM tallies WHERE tenant = ?`, func(r *sqlite.Stmt) error {
		have[r.ColumnText(0)] = r.ColumnInt(1)
		return nil
	}, string(c.t))
	for _, key := range want.Differ(have) {
		c.derived(fsck.Tally, "tally", key, "it is not the number of people",
			`INSERT INTO tallies (tenant, key, n) VALUES (?1,?2,?3) ON CONFLICT DO UPDATE SET n = ?3`, string(c.t), key, want[key])
	}
	return err
}
