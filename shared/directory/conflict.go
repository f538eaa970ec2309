package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// ConflictCase is a person whom a directory wants to create but whose userName another user of the tenant
// has: a local user, or one of another provider. Its cause may be another one, too.
type ConflictCase struct {
	ID         ConflictID // ConflictIDOf: one record per person
	Provider   ProviderID
	UserName   string
	ExternalID string
	Cause      ConflictCause
	User       UserID `json:",omitempty"` // of a hint: who was created
	Holder     UserID
	HolderFrom ProviderID // "" for a local user
	State      ConflictState
	Count      int // how often the directory tried
	FirstAt    time.Time
	LastAt     time.Time
	Version    int64
}

// ConflictCause is what a conflict is about.
type ConflictCause string

// The causes of a conflict.
const (
	ConflictOverUserName ConflictCause = ""
	// ConflictOverOrganizations: the people of a provider named more new organizations than MaxAutoOrgs on a day.
	// UserName holds the first name that was not made, Holder whom it was for.
	ConflictOverOrganizations ConflictCause = "organizations"
	// ConflictSamePerson: User, who was created, may be the person that Holder is. A hint; nothing was refused.
	ConflictSamePerson ConflictCause = "same-person"
)

// ConflictState is what became of a conflict.
type ConflictState string

// The states of a conflict. A closed one, unless ignored, is opened by the next attempt that fails.
const (
	ConflictOpen        ConflictState = "open"
	ConflictPreApproved ConflictState = "approved" // the next attempt converts the local user
	ConflictIgnored     ConflictState = "ignored"
	ConflictConverted   ConflictState = "converted"
	ConflictRenamed     ConflictState = "renamed"
)

// Undecided reports whether the conflict can still be settled: an ignored one, too.
func (c ConflictCase) Undecided() bool {
	return c.State == ConflictOpen || c.State == ConflictIgnored || c.State == ConflictPreApproved
}

// ConflictIDOf derives the id of the conflict of a provider over a userName.
func ConflictIDOf(p ProviderID, userName string) ConflictID {
	h := sha256.Sum256([]byte(string(p) + "\x00" + UserNameKey(userName)))
	return ConflictID("c" + hex.EncodeToString(h[:12]))
}
