// Package entra simulates Microsoft Entra ID against a SCIM 2.0 server: a generated directory of invented people and
// groups in which people join, move, leave and return, a provisioning job that provisions it as Entra does, and a
// comparison of the server with the directory afterwards.
//
// It is an independent client and imports nothing of the service it tests. It is not a conformance suite: entra/wire
// checks single exchanges.
package entra

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Directory is the source of provisioning: one population of a tenant in Entra ID. It is a value without locks; Evolve
// returns a changed copy.
type Directory struct {
	// Population identifies the people and groups of this directory on a shared server: UPNs end in its domain, group
	// names in its name (OwnsUser, OwnsGroup).
	Population string
	People     []Person // in order of joining, the head of the company first
	Groups     []Group

	seed    uint64
	issued  int      // number of object ids issued
	names   taken    // local parts of UPNs in use, lower case
	titles  taken    // group names in use, lower case
	deleted []Person // hard-deleted, may be hired again
}

// Person is one account in Entra ID. Empty attributes are never sent (Entra omits nulls).
type Person struct {
	ObjectID          string
	UserPrincipalName string // contains #EXT# for a guest
	MailNickname      string
	DisplayName       string
	GivenName         string
	Surname           string
	JobTitle          string
	Department        string
	Mail              string
	PreferredLanguage string
	Office            string // physicalDeliveryOfficeName
	StreetAddress     string
	City              string
	State             string
	PostalCode        string
	Country           string
	Telephone         string
	Mobile            string
	Fax               string
	EmployeeID        string
	Manager           string // object id, or empty
	Enabled           bool
	SoftDeleted       bool // in the recycle bin for 30 days
	// Seen is set once the account was active during a cycle. Entra never creates a disabled account, so until then the
	// person must not exist on the server.
	Seen bool
}

// Active is the value that the job sends as active.
func (p Person) Active() bool { return p.Enabled && !p.SoftDeleted }

// Group is one group with its direct members.
type Group struct {
	ObjectID    string
	DisplayName string
	Members     []string // object ids, sorted, without duplicates
}

// domain returns the UPN suffix of the population.
func (d *Directory) domain() string { return d.Population + ".contoso.example" }

// OwnsUser reports whether a userName on the server belongs to this population.
func (d *Directory) OwnsUser(userName string) bool {
	return strings.HasSuffix(strings.ToLower(userName), "@"+d.domain())
}

// OwnsGroup reports whether a group name on the server belongs to this population.
func (d *Directory) OwnsGroup(displayName string) bool {
	return strings.HasSuffix(displayName, d.groupSuffix())
}

func (d *Directory) groupSuffix() string { return " (" + d.Population + ")" }

func (d *Directory) clone() *Directory {
	c := *d
	c.People = slices.Clone(d.People)
	c.Groups = slices.Clone(d.Groups)
	for i := range c.Groups {
		c.Groups[i].Members = slices.Clone(d.Groups[i].Members)
	}
	c.deleted = slices.Clone(d.deleted)
	c.names, c.titles = d.names.clone(), d.titles.clone()
	return &c
}

// newObjectID issues the next GUID of this population.
func (d *Directory) newObjectID() string {
	d.issued++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", d.Population, d.seed, d.issued))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80 // version 4, variant 1
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// taken is a set of names in use, compared in lower case.
type taken map[string]bool

func (t taken) clone() taken {
	c := make(taken, len(t))
	for name := range t {
		c[name] = true
	}
	return c
}

// claim reserves and returns name, followed by the first number that makes it unique if it is in use.
func (t taken) claim(name, separator string) string {
	candidate := name
	for n := 2; t[strings.ToLower(candidate)]; n++ {
		candidate = fmt.Sprintf("%s%s%d", name, separator, n)
	}
	t[strings.ToLower(candidate)] = true
	return candidate
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// chance returns true in one of n cases.
func chance(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }
