package directory

import "time"

// Refusal is the last request of a directory about a user that was refused although it disabled the user, which was done
// all the same (C22). It is kept with the user until a request about the user succeeds.
type Refusal struct {
	At        time.Time `json:"at"`
	Attribute string    `json:"attribute,omitempty"` // what was refused, as far as that is known
	ScimType  string    `json:"scimType,omitempty"`
}

// AttrRefused is the attribute of Refusal in log entries.
const AttrRefused = "refused"

// RefusalConflictID derives the id of the conflict that lists a user's Refusal.
func RefusalConflictID(p ProviderID, u UserID) ConflictID {
	return ConflictIDOf(p, "refused disable of "+string(u))
}
