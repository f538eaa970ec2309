// Package fsck finds what is broken in a store: look-ups, counters and indexes that differ from the records they are
// derived from, records that contradict each other, a hash chain that does not fit the log, and records that are not as
// the log left them. Each store walks its own tables (Store); CheckTenant adds what can be seen through the ports.
//
// It is for an operator and for the end of tests, never for a request: it reads everything, and nothing else may write
// meanwhile. It repairs derived data only, never people's data or the log.
package fsck

import (
	"cmp"
	"context"
	"fmt"

	"rollcall/shared/directory"
)

// Kind is a kind of broken invariant; docs/operations.md explains each.
type Kind string

// The kinds.
const (
	Unreadable  Kind = "unreadable"   // a record cannot be decoded, or the file is damaged
	WrongPlace  Kind = "wrong-place"  // a record's key does not fit the record
	Twice       Kind = "twice"        // a unique value or id belongs to two records
	NameGuard   Kind = "name-guard"   // what makes a name or a hash unique does not fit the records
	LookUp      Kind = "look-up"      // a look-up is missing, or leads to nobody
	Matching    Kind = "matching"     // a matching attribute's look-ups do not fit the attributes of the user
	FormerID    Kind = "former-id"    // the id of a removed user is not remembered
	DueIndex    Kind = "due-index"    // a pending deactivation or delivery is not where it is looked for
	Membership  Kind = "membership"   // a membership of a group or member that does not exist, or in one direction only
	MemberCount Kind = "member-count" // a group's number of members is wrong
	Total       Kind = "total"        // a list's number of users or groups is wrong
	Tally       Kind = "tally"        // the number of people of an organization, role or watchlist is wrong
	Cycle       Kind = "cycle"        // groups that contain each other
	Reference   Kind = "reference"    // a record names another one that does not exist
	LegalHold   Kind = "legal-hold"   // a user's holds differ from the custodians of active matters
	Feed        Kind = "feed"         // the position up to which the log was followed does not fit the log
	LogKey      Kind = "log-key"      // the columns by which an entry is found do not fit the entry
	Chain       Kind = "chain"        // the hash chain is broken
	Sealed      Kind = "sealed-entry" // a sealed entry is missing or was changed
	Unsealed    Kind = "unsealed"     // an entry behind the end of the chain is in no block
	Replay      Kind = "replay"       // a record is not as its log entries left it
	NoTenant    Kind = "no-tenant"    // records of a tenant that does not exist
)

// Kinds returns every kind.
func Kinds() []Kind {
	return []Kind{Unreadable, WrongPlace, Twice, NameGuard, LookUp, Matching, FormerID, DueIndex, Membership, MemberCount, Total, Tally, Cycle,
		Reference, LegalHold, Feed, LogKey, Chain, Sealed, Unsealed, Replay, NoTenant}
}

// Finding is one broken invariant. It holds ids and names of attributes, nothing personal.
type Finding struct {
	Kind       Kind               `json:"kind"`
	Tenant     directory.TenantID `json:"tenant,omitempty"`
	Subject    string             `json:"subject"` // the kind of record: user, group, provider …
	ID         string             `json:"id,omitempty"`
	Detail     string             `json:"detail"`
	Repairable bool               `json:"repairable"` // it is derived, and --repair corrects it
	Repaired   bool               `json:"repaired,omitempty"`
}

// String describes the finding in a line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s %s of tenant %q: %s", f.Kind, f.Subject, f.ID, string(f.Tenant), f.Detail)
}

// Compare orders findings by what they are about.
func (f Finding) Compare(g Finding) int {
	return cmp.Or(cmp.Compare(f.Tenant, g.Tenant), cmp.Compare(f.Subject, g.Subject), cmp.Compare(f.ID, g.ID), cmp.Compare(f.Kind, g.Kind),
		cmp.Compare(f.Detail, g.Detail))
}

// Store is a store that can check itself.
type Store interface {
	// CheckTenant reports what is broken in the tables of a tenant; for "" in what belongs to no tenant. With repair it
	// first corrects what can be, and reports that as Repaired.
	CheckTenant(ctx context.Context, t directory.TenantID, repair bool, report func(Finding)) error
}

// StoreOf returns the store behind ports. Each port of a store is the store itself; tests replace some of them.
func StoreOf(p directory.Ports) (Store, bool) {
	for _, port := range []any{p.Tenants, p.Usages, p.Aliases} {
		if s, ok := port.(Store); ok {
			return s, true
		}
	}
	return nil, false
}
