package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// ConflictCase is a conflict that an administrator can resolve, by default over a userName: a directory wants to create
// a user whose userName another user of the tenant has, a local one or one of another provider.
type ConflictCase struct {
	ID          ConflictID // ConflictIDOf: one record per provider and userName
	Provider    ProviderID
	UserName    string
	ExternalID  string
	Cause       ConflictCause
	User        UserID   `json:",omitempty"` // of a hint: the user that was created; of a refusal: the user it is about
	Attribute   string   `json:",omitempty"` // of a refusal: what was refused
	ScimType    string   `json:",omitempty"` // of a refusal
	Group       GroupID  `json:",omitempty"` // of members: the group they were to be in
	Members     []ScimID `json:",omitempty"` // the first MaxNamedMembers refused, the last MaxNotedMembers passed over
	MemberCount int      `json:",omitempty"`
	Holder      UserID
	HolderFrom  ProviderID // "" for a local user
	State       ConflictState
	Count       int // how often the directory tried
	FirstAt     time.Time
	LastAt      time.Time
	Version     int64
}

// ConflictCause is the subject of a conflict.
type ConflictCause string

// The causes of a conflict.
const (
	ConflictOverUserName ConflictCause = ""
	// ConflictOverOrganizations: the users of a provider named more new organizations than MaxAutoOrgs in one day.
	// UserName holds the first name that was not created, Holder the user that named it.
	ConflictOverOrganizations ConflictCause = "organizations"
	// ConflictSamePerson: User, which was created, may be the same person as Holder. A hint; nothing was refused.
	ConflictSamePerson ConflictCause = "same-person"
	// ConflictRefusedDisable: a request of the directory about User was refused, but for the disable in it (C22).
	ConflictRefusedDisable ConflictCause = "refused-disable"
	// ConflictGoneMembers: members of Group that the provider no longer has were passed over (C24).
	ConflictGoneMembers ConflictCause = "gone-members"
	// ConflictUnknownMembers: a change of Group named members that the provider never had, and was refused (C24).
	ConflictUnknownMembers ConflictCause = "unknown-members"
	// ConflictSameName: the names of User and Holder, or of Group and the group in Members, differ only by what cannot be
	// seen. They are from before such names were refused (C28); User or Group is found by its id alone.
	ConflictSameName ConflictCause = "same-name"
)

// ConflictState is the state of a conflict.
type ConflictState string

// The states of a conflict. The next failed attempt reopens a closed one, unless it is ignored.
const (
	ConflictOpen        ConflictState = "open"
	ConflictPreApproved ConflictState = "approved" // the next attempt converts the local user
	ConflictIgnored     ConflictState = "ignored"
	ConflictConverted   ConflictState = "converted"
	ConflictRenamed     ConflictState = "renamed"
	ConflictSucceeded   ConflictState = "succeeded" // a later request succeeded
)

// Undecided reports whether the conflict can still be resolved; an ignored one can.
func (c ConflictCase) Undecided() bool {
	return c.State == ConflictOpen || c.State == ConflictIgnored || c.State == ConflictPreApproved
}

// ConflictIDOf derives the id of a provider's conflict over a userName.
func ConflictIDOf(p ProviderID, userName string) ConflictID {
	h := sha256.Sum256([]byte(string(p) + "\x00" + UserNameKey(userName)))
	return ConflictID("c" + hex.EncodeToString(h[:12]))
}

// UnknownMembersConflictID derives the id of the conflict about members that a provider never had. A group that was to be
// created has no id yet, only a name.
func UnknownMembersConflictID(p ProviderID, g Group) ConflictID {
	if g.ID == "" {
		return ConflictIDOf(p, "unknown members of the new group "+g.DisplayName)
	}
	return ConflictIDOf(p, "unknown members of "+string(g.ID))
}

// SameNameConflictID derives the id of the conflict about a user or group with another's name.
func SameNameConflictID(p ProviderID, id string) ConflictID {
	return ConflictIDOf(p, "same name as "+id)
}

// MaxNotedMembers is how many members who are gone are remembered for each group, so that they are noted once.
const MaxNotedMembers = 1000

// AttrSkippedMembers is the attribute, in log entries, of members that were passed over because they are gone (C24).
const AttrSkippedMembers = "skippedMembers"
