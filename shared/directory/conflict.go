package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Collision is a person whom a directory wants to create but whose userName another user of the tenant
// has: a local user, or one of another provider. The admin API calls it a conflict.
type Collision struct {
	ID         string // CollisionID: one record per person
	Provider   ProviderID
	UserName   string
	ExternalID string
	Cause      CollisionCause
	User       UserID `json:",omitempty"` // of a hint: who was created
	Holder     UserID
	HolderFrom ProviderID // "" for a local user
	State      CollisionState
	Count      int // how often the directory tried
	FirstAt    time.Time
	LastAt     time.Time
	Version    int64
}

// CollisionCause is what a collision is about.
type CollisionCause string

// The causes of a collision.
const (
	CauseUserName CollisionCause = ""
	// CauseOrganizations: the people of a provider named more new organizations than MaxAutoOrgs on a day.
	// UserName holds the first name that was not made, Holder whom it was for.
	CauseOrganizations CollisionCause = "organizations"
	// CauseSamePerson: User, who was created, may be the person that Holder is. A hint; nothing was refused.
	CauseSamePerson CollisionCause = "same-person"
)

// CollisionState is what became of a collision.
type CollisionState string

// The states of a collision. A closed one, unless ignored, is opened by the next attempt that fails.
const (
	CollisionOpen      CollisionState = "open"
	CollisionApproved  CollisionState = "approved" // the next attempt converts the local user
	CollisionIgnored   CollisionState = "ignored"
	CollisionConverted CollisionState = "converted"
	CollisionRenamed   CollisionState = "renamed"
)

// undecided reports whether the collision can still be settled: an ignored one, too.
func (c Collision) undecided() bool {
	return c.State == CollisionOpen || c.State == CollisionIgnored || c.State == CollisionApproved
}

// CollisionID derives the id of the collision of a provider over a userName.
func CollisionID(p ProviderID, userName string) string {
	h := sha256.Sum256([]byte(string(p) + "\x00" + UserNameKey(userName)))
	return "c" + hex.EncodeToString(h[:12])
}
