package sqlite

import (
	"slices"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
	"rollcall/shared/fsck"
)

// checkGroups compares the columns of each group that are derived with the others.
func (c *checker) checkGroups() error {
	from, to := c.homes()
	members := map[[2]string]int{}
	err := c.exec(`SELECT home, gid, count(*) FROM memberships WHERE home BETWEEN ? AND ? GROUP BY home, gid`, func(r *sqlite.Stmt) error {
		members[[2]string{r.ColumnText(0), r.ColumnText(1)}] = r.ColumnInt(2)
		return nil
	}, from, to)
	if err != nil {
		return err
	}
	var names []nameKey
	err = c.exec(`SELECT home, gid, provider, display_name, name_key, members FROM groups WHERE home BETWEEN ? AND ? ORDER BY home, gid`,
		func(r *sqlite.Stmt) error {
			h, id := r.ColumnText(0), r.ColumnText(1)
			p := directory.ProviderID(r.ColumnText(2))
			if h != home(c.t, p, false) {
				c.add(fsck.WrongPlace, "group", id, "it is not in the list of its provider")
			}
			if c.providers[p].Tenant != c.t {
				c.add(fsck.Reference, "group", id, "its provider does not exist")
			}
			old, _ := directory.OldNameKey(r.ColumnText(3))
			names = append(names, nameKey{id: id, old: old, scope: h, is: r.ColumnText(4), table: "groups", where: "home = ? AND gid = ?",
				args: []any{h, id}, should: directory.GroupProfile{DisplayName: r.ColumnText(3)}.DisplayNameKey()})
			if n := members[[2]string{h, id}]; n != r.ColumnInt(5) {
				c.derived(fsck.MemberCount, "group", id, "its number of members is wrong",
					`UPDATE groups SET members = ? WHERE home = ? AND gid = ?`, n, h, id)
			}
			c.admit(h, directory.ScimID(id))
			return nil
		}, from, to)
	c.checkNameKeys("group", directory.AttrDisplayName, names)
	return err
}

// checkMembers looks for memberships of nobody, and for groups that contain each other. Both directions are indexes of
// one table, which checkFile compares.
func (c *checker) checkMembers() error {
	from, to := c.homes()
	nested := map[directory.ScimID][]directory.ScimID{}
	err := c.exec(`SELECT home, gid, member FROM memberships WHERE home BETWEEN ? AND ?`, func(r *sqlite.Stmt) error {
		h, g, m := r.ColumnText(0), directory.ScimID(r.ColumnText(1)), directory.ScimID(r.ColumnText(2))
		if !c.present[h][g] {
			c.add(fsck.Membership, "group", string(g), "it has a member, but does not exist")
		}
		if !c.present[h][m] {
			c.add(fsck.Membership, "group", string(g), "its member "+string(m)+" does not exist")
		}
		if m.IsGroup() {
			nested[g] = append(nested[g], m)
		}
		return nil
	}, from, to)
	for _, g := range fsck.Cycles(nested) {
		c.add(fsck.Cycle, "group", string(g), "it contains itself through other groups")
	}
	return err
}

// checkTotals compares the totals in memory with the lists; a repair reads them again.
func (c *checker) checkTotals() error {
	kept := c.totals.n
	defer func() { c.totals.n = kept }()
	if err := c.loadTotals(); err != nil {
		return err
	}
	var wrong []listName
	for list, n := range c.totals.n {
		if kept[list] != n {
			wrong = append(wrong, list)
		}
	}
	for list, n := range kept {
		if _, counted := c.totals.n[list]; !counted && n != 0 {
			wrong = append(wrong, list)
		}
	}
	for _, list := range wrong {
		c.found = append(c.found, fsck.Finding{Kind: fsck.Total, Subject: "list of " + list.kind, ID: list.home, Repairable: true,
			Detail: "its total in memory is wrong"})
	}
	slices.SortFunc(c.found, fsck.Finding.Compare)
	return nil
}
