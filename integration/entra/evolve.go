package entra

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Changes counts the changes that one Evolve made to the directory.
type Changes struct {
	Joined, Rehired, Disabled, SoftDeleted, HardDeleted, Restored, Renamed, Moved, Edited, ManagersChanged int
	GroupsCreated, GroupsDeleted, GroupsRenamed, MembersAdded, MembersRemoved                              int
}

// String lists the counts that are not zero.
func (c Changes) String() string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(c.Joined, "joined")
	add(c.Rehired, "hired again")
	add(c.Disabled, "disabled")
	add(c.SoftDeleted, "soft-deleted")
	add(c.HardDeleted, "hard-deleted")
	add(c.Restored, "restored")
	add(c.Renamed, "renamed")
	add(c.Moved, "moved department")
	add(c.Edited, "edited")
	add(c.ManagersChanged, "managers changed")
	add(c.GroupsCreated, "groups created")
	add(c.GroupsDeleted, "groups deleted")
	add(c.GroupsRenamed, "groups renamed")
	add(c.MembersAdded, "members added")
	add(c.MembersRemoved, "members removed")
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// Evolve returns the directory one provisioning interval later, and the changes: joiners, people hired again under their
// old name, leavers (disabled, then soft-deleted, then hard-deleted), restores, renames, moves, new managers, groups
// created, renamed and deleted, members added and removed. The same directory and seed give the same result; the receiver
// is unchanged. Only the manager is ever emptied: Entra does not send nulls, so a server could not learn of it.
func (d *Directory) Evolve(seed uint64) (*Directory, Changes) {
	e := &evolution{Directory: d.clone(), r: rand.New(rand.NewPCG(seed, d.seed^0x65766f6c7665)), heirs: map[string]string{}}
	e.index()
	if len(e.People) > 1 {
		e.people()
		e.hardDelete()
		e.hire()
		e.index()
	}
	e.groups()
	for i := range e.People {
		e.People[i].Seen = e.People[i].Seen || e.People[i].Active()
	}
	for _, name := range e.freedNames {
		delete(e.names, name)
	}
	for _, title := range e.freedTitles {
		delete(e.titles, title)
	}
	return e.Directory, e.changes
}

type evolution struct {
	*Directory
	r       *rand.Rand
	changes Changes
	at      map[string]int    // object id to place in People
	heirs   map[string]string // object id of a hard-deleted person to their manager

	// Released names may be used again from the next interval on: within one interval, the order of the requests would
	// decide between success and conflict.
	freedNames, freedTitles []string
}

func (e *evolution) index() {
	e.at = make(map[string]int, len(e.People))
	for i := range e.People {
		e.at[e.People[i].ObjectID] = i
	}
}

// share returns about one in n of the people except the first, at least one, in random order.
func (e *evolution) share(n int) []*Person {
	perm := e.r.Perm(len(e.People) - 1)[:1+(len(e.People)-1)/n]
	out := make([]*Person, len(perm))
	for i, k := range perm {
		out[i] = &e.People[k+1]
	}
	return out
}

// people changes accounts that are not deleted in this interval.
func (e *evolution) people() {
	for i := range e.People {
		switch p := &e.People[i]; {
		case p.SoftDeleted && chance(e.r, 4):
			p.SoftDeleted = false
			e.changes.Restored++
		case !p.Enabled && !p.SoftDeleted && chance(e.r, 4):
			p.Enabled = true
			e.changes.Restored++
		}
	}
	for _, p := range e.share(60) {
		if p.Active() {
			p.Enabled = false
			e.changes.Disabled++
		}
	}
	for _, p := range e.share(60) {
		if !p.SoftDeleted {
			p.SoftDeleted = true
			e.changes.SoftDeleted++
		}
	}
	e.edits()
}

// edits changes accounts as an administrator can: disabled accounts too, but none in the recycle bin.
func (e *evolution) edits() {
	for _, p := range e.share(80) {
		if !p.SoftDeleted {
			e.rename(p)
		}
	}
	for _, p := range e.share(30) {
		if to := pick(e.r, departments); to != p.Department && !p.SoftDeleted {
			p.Department, p.JobTitle = to, pick(e.r, jobTitles)
			e.changes.Moved++
		}
	}
	for _, p := range e.share(30) {
		if !p.SoftDeleted {
			e.edit(p)
		}
	}
	for _, p := range e.share(40) {
		boss := pick(e.r, e.People)
		if !p.SoftDeleted && boss.Active() && boss.ObjectID != p.Manager && !e.reportsTo(boss, p.ObjectID) {
			p.Manager = boss.ObjectID
			e.changes.ManagersChanged++
		}
	}
}

// rename gives a person a new surname, and with it a new UPN, nickname and mail address.
func (e *evolution) rename(p *Person) {
	c := pick(e.r, cultures)
	family := pick(e.r, c.family)
	if p.Surname == family.native {
		return
	}
	e.freedNames = append(e.freedNames, strings.ToLower(localPart(*p)))
	p.Surname = family.native
	p.DisplayName = c.display(p.GivenName, p.Surname)
	given, _, _ := strings.Cut(p.MailNickname, ".")
	if given == "" || strings.Contains(given, "_fabrikam") {
		given = "x"
	}
	e.name(e.r, p, given, family.ascii)
	e.changes.Renamed++
}

// localPart returns the UPN before its domain, without the mark of guests: the key in Directory.names.
func localPart(p Person) string {
	local, _, _ := strings.Cut(p.UserPrincipalName, "@")
	return strings.TrimSuffix(local, "#EXT#")
}

// edit sets a few attributes, with and without a previous value.
func (e *evolution) edit(p *Person) {
	at := pick(e.r, places)
	n := e.r.IntN(100)
	switch e.r.IntN(4) {
	case 0:
		p.City, p.State, p.PostalCode, p.Country = at.city, keep(at.state, p.State), at.postal, at.country
		p.StreetAddress = fmt.Sprintf(at.street, 1+n)
	case 1:
		p.Office = fmt.Sprintf(at.office, 1+n)
	case 2:
		p.Mobile = fmt.Sprintf("+1 206 555 %04d", 100+n)
	case 3:
		p.Telephone, p.PreferredLanguage = fmt.Sprintf(at.phone, 100+n), pick(e.r, cultures).language
	}
	e.changes.Edited++
}

func keep(value, old string) string {
	if value == "" {
		return old
	}
	return value
}

// reportsTo reports whether p is objectID or reports to it, directly or indirectly.
func (e *evolution) reportsTo(p Person, objectID string) bool {
	for steps := 0; steps <= len(e.People); steps++ {
		if p.ObjectID == objectID {
			return true
		}
		boss, ok := e.at[p.Manager]
		if !ok {
			return false
		}
		p = e.People[boss]
	}
	return true
}

// hardDelete purges about half of the recycle bin, regardless of age. Half of the orphaned reports move to the manager's
// manager, the others have no manager afterwards.
func (e *evolution) hardDelete() {
	var kept []Person
	for _, p := range e.People {
		if !p.SoftDeleted || chance(e.r, 2) {
			kept = append(kept, p)
			continue
		}
		e.heirs[p.ObjectID] = p.Manager
		e.freedNames = append(e.freedNames, strings.ToLower(localPart(p)))
		e.deleted = append(e.deleted, p)
		e.changes.HardDeleted++
	}
	e.People = kept
	for i := range e.People {
		p := &e.People[i]
		if _, deleted := e.heirs[p.Manager]; !deleted {
			continue
		}
		if chance(e.r, 2) {
			p.Manager = e.heir(p.Manager)
		} else {
			p.Manager = ""
		}
		e.changes.ManagersChanged++
	}
	for i := range e.Groups {
		e.Groups[i].Members = slices.DeleteFunc(e.Groups[i].Members, func(id string) bool {
			_, deleted := e.heirs[id]
			return deleted
		})
	}
}

// heir returns the next manager upwards who is not deleted.
func (e *evolution) heir(objectID string) string {
	for {
		above, deleted := e.heirs[objectID]
		if !deleted {
			return objectID
		}
		objectID = above
	}
}

// hire adds people under existing managers, and rehires a person who was hard-deleted in an earlier interval: with the
// same name and UPN, but as another object.
func (e *evolution) hire() {
	var bosses []string
	for _, p := range e.People {
		if p.Active() && p.Seen {
			bosses = append(bosses, p.ObjectID)
		}
	}
	join := func(p Person) {
		if len(bosses) > 0 {
			p.Manager = pick(e.r, bosses)
		}
		e.People = append(e.People, p)
		for range 2 {
			if len(e.Groups) > 0 {
				e.addMember(&e.Groups[e.r.IntN(len(e.Groups))], p.ObjectID)
			}
		}
	}
	for range 1 + len(e.People)/50 {
		join(e.newPerson(e.r))
		e.changes.Joined++
	}
	earlier := len(e.deleted) - e.changes.HardDeleted
	if earlier <= 0 {
		return
	}
	k := e.r.IntN(earlier)
	p := e.deleted[k]
	e.deleted = slices.Delete(e.deleted, k, k+1)
	if local := strings.ToLower(localPart(p)); !e.names[local] {
		e.names[local] = true
		p.ObjectID, p.Enabled, p.SoftDeleted, p.Seen = e.newObjectID(), true, false, true
		join(p)
		e.changes.Rehired++
	}
}

func (e *evolution) addMember(g *Group, id string) {
	if i, found := slices.BinarySearch(g.Members, id); !found {
		g.Members = slices.Insert(g.Members, i, id)
		e.changes.MembersAdded++
	}
}

// groups renames, deletes and creates groups and moves members. The first group, which holds everyone, is never deleted.
func (e *evolution) groups() {
	if len(e.Groups) == 0 {
		return
	}
	for range 1 + len(e.Groups)/30 {
		g := &e.Groups[e.r.IntN(len(e.Groups))]
		e.freeTitle(*g)
		g.DisplayName = e.groupName(e.r)
		e.changes.GroupsRenamed++
	}
	if len(e.Groups) > 3 {
		k := 1 + e.r.IntN(len(e.Groups)-1)
		e.freeTitle(e.Groups[k])
		e.Groups = slices.Delete(e.Groups, k, k+1)
		e.changes.GroupsDeleted++
	}
	e.Groups = append(e.Groups, e.newGroup(e.r, len(e.Groups)+2))
	e.changes.GroupsCreated++
	for range 1 + len(e.Groups)/4 {
		e.churn(&e.Groups[e.r.IntN(len(e.Groups))])
	}
}

func (e *evolution) freeTitle(g Group) {
	e.freedTitles = append(e.freedTitles, strings.ToLower(strings.TrimSuffix(g.DisplayName, e.groupSuffix())))
}

// churn replaces up to a tenth of a group's members, 200 at most. It does not change memberships of soft-deleted people:
// Entra keeps them through deletion and restore without sending anything.
func (e *evolution) churn(g *Group) {
	n := min(1+len(g.Members)/10, 200)
	for range n {
		if len(g.Members) == 0 {
			break
		}
		k := e.r.IntN(len(g.Members))
		if !e.People[e.at[g.Members[k]]].SoftDeleted {
			g.Members = slices.Delete(g.Members, k, k+1)
			e.changes.MembersRemoved++
		}
	}
	for range n {
		if len(e.People) == 0 {
			break
		}
		if p := pick(e.r, e.People); !p.SoftDeleted {
			e.addMember(g, p.ObjectID)
		}
	}
}
