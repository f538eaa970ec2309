package entra

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Options are the size, the seed and the name of a directory.
type Options struct {
	Users, Groups int
	Seed          uint64
	// Population identifies the directory on a shared server: lower-case letters, digits and hyphens. Empty means
	// "p<seed>".
	Population string
}

// Generate invents a directory. The same options give the same directory on every machine: people from several cultures
// and scripts, some guests, a tree of managers under one head with 3 to 12 direct reports each, one in twenty-five
// disabled from the start (leaves of the tree), groups from a single member to everyone, few of them large.
func Generate(o Options) *Directory {
	d := &Directory{Population: o.Population, seed: o.Seed, names: taken{}, titles: taken{}}
	if d.Population == "" {
		d.Population = fmt.Sprintf("p%d", o.Seed)
	}
	r := rand.New(rand.NewPCG(o.Seed, 0x726f6c6c63616c6c))
	for range o.Users {
		d.People = append(d.People, d.newPerson(r))
	}
	leaves := d.plantTree(r)
	for _, i := range leaves {
		if i > 0 && chance(r, 25) {
			d.People[i].Enabled, d.People[i].Seen = false, false
		}
	}
	for i := range o.Groups {
		d.Groups = append(d.Groups, d.newGroup(r, i))
	}
	return d
}

// newPerson invents an enabled person without a manager.
func (d *Directory) newPerson(r *rand.Rand) Person {
	c := cultures[0]
	if !chance(r, 3) {
		c = pick(r, cultures)
	}
	given, family := pick(r, c.given), pick(r, c.family)
	at := pick(r, places)
	n := len(d.names) + 1
	p := Person{
		ObjectID: d.newObjectID(), GivenName: given.native, Surname: family.native, DisplayName: c.display(given.native, family.native),
		EmployeeID: fmt.Sprintf("%06d", 10000+d.issued), Department: pick(r, departments), JobTitle: pick(r, jobTitles),
		City: at.city, State: at.state, PostalCode: at.postal, Country: at.country, StreetAddress: fmt.Sprintf(at.street, 1+r.IntN(400)),
		Telephone: fmt.Sprintf(at.phone, 100+n%100), Enabled: true, Seen: true,
	}
	d.name(r, &p, given.ascii, family.ascii)
	if !chance(r, 4) {
		p.PreferredLanguage = c.language
	}
	if chance(r, 2) {
		p.Office = fmt.Sprintf(at.office, 1+r.IntN(40))
	}
	if chance(r, 3) {
		p.Mobile = fmt.Sprintf("5555555%04d", n%10000)
	}
	if chance(r, 12) {
		p.Fax = fmt.Sprintf("+1 425 555 %04d x%d", 100+n%100, r.IntN(90))
	}
	if chance(r, 15) {
		p.Department = ""
	}
	return p
}

// name gives the person a unique UPN, mail nickname and mail address.
func (d *Directory) name(r *rand.Rand, p *Person, given, family string) {
	local := given + "." + family
	switch r.IntN(10) {
	case 0: // keeps its capitals
	case 1:
		local = strings.ToLower(given[:1] + "_" + family)
	default:
		local = strings.ToLower(local)
	}
	if chance(r, 20) { // a guest: home address, folded into the UPN
		local = d.names.claim(strings.ToLower(given+"."+family)+"_fabrikam.example", "-")
		p.UserPrincipalName = local + "#EXT#@" + d.domain()
		p.MailNickname = local + "#EXT#"
		p.Mail = strings.Replace(local, "_fabrikam.example", "@fabrikam.example", 1)
		return
	}
	local = d.names.claim(local, "")
	p.UserPrincipalName = local + "@" + d.domain()
	p.MailNickname = local
	p.Mail = p.UserPrincipalName
	if chance(r, 10) {
		p.Mail = "Mail." + local + "@corp." + d.domain()
	}
}

// plantTree gives everyone but the first a manager and returns the indexes of the people without reports.
func (d *Directory) plantTree(r *rand.Rand) []int {
	var leaves []int
	next := 1
	for boss := range d.People {
		span := 3 + r.IntN(10)
		if next >= len(d.People) {
			leaves = append(leaves, boss)
			continue
		}
		for range min(span, len(d.People)-next) {
			d.People[next].Manager = d.People[boss].ObjectID
			next++
		}
	}
	return leaves
}

// newGroup invents the i-th group. The first holds everyone, the second one person; of the others, few are large.
func (d *Directory) newGroup(r *rand.Rand, i int) Group {
	g := Group{ObjectID: d.newObjectID(), DisplayName: d.groupName(r)}
	size := 0
	switch n := len(d.People); {
	case n == 0:
	case i == 0:
		size = n
	case i == 1:
		size = 1
	default: // the eighth power makes small groups common and large ones rare
		x := r.Float64()
		x *= x
		x *= x
		size = 1 + int(x*x*float64(n-1))
	}
	for _, k := range r.Perm(len(d.People))[:size] {
		g.Members = append(g.Members, d.People[k].ObjectID)
	}
	slices.Sort(g.Members)
	return g
}

func (d *Directory) groupName(r *rand.Rand) string {
	return d.titles.claim(fmt.Sprintf(pick(r, groupKinds), pick(r, departments)), " ") + d.groupSuffix()
}
