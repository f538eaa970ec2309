package directory

import "time"

// UndoWindow is how long after the request for its deletion a provider can be restored.
const UndoWindow = 30 * 24 * time.Hour

// ArchivedProvider is a deleted provider as its record was at the end, with its Deletion. Its mappings stay stored under
// its id, its people and groups are in the pages of its archive.
type ArchivedProvider struct {
	Provider
	RemovedAt time.Time
}

// Until is when the provider can no longer be restored.
func (a ArchivedProvider) Until() time.Time {
	if a.Deletion == nil {
		return a.RemovedAt.Add(UndoWindow)
	}
	return a.Deletion.RequestedAt.Add(UndoWindow)
}

// Restored is the provider again, paused, so that its directory writes nothing before its people are back.
func (a ArchivedProvider) Restored(by string, at time.Time) Provider {
	p := a.Provider
	if p.Resume == "" {
		p.Resume = ProviderSetup
	}
	if p.AppliedVersion == p.ConfigVersion {
		p.AppliedVersion++
	}
	p.ConfigVersion++ // apply runs that were planned before have expired
	p.State, p.Deletion = ProviderPaused, nil
	p.Restoration = &ProviderRestoration{Deletion: *a.Deletion, RequestedAt: at, RequestedBy: by}
	p.Version, p.Modified = p.Version+1, Latest(p.Modified, at)
	return p
}

// ProviderRestoration records how a deleted provider is being restored, or was, with what came of it.
type ProviderRestoration struct {
	Deletion    ProviderDeletion
	RequestedAt time.Time
	RequestedBy string
	DoneAt      time.Time `json:",omitzero"` // when its people and groups were back
	Users       int       `json:",omitempty"`
	Groups      int       `json:",omitempty"`
	Exceptions  int       `json:",omitempty"` // people who are not back, or not as they were
}

// Restoring reports whether not all people and groups of a restored provider are back.
func (p Provider) Restoring() bool { return p.Restoration != nil && p.Restoration.DoneAt.IsZero() }

// ErrRestoring is the Conflict error of what has to wait until Restoring ends.
func ErrRestoring() *Error {
	return Errorf(Conflict, "the provider is being restored: wait until its people are back")
}

// ArchivePage is a part of what a deleted provider had: users, or a group with a part of its members.
type ArchivePage struct {
	Key     string         // people sort before groups
	Users   []ArchivedUser `json:",omitempty"`
	Group   *Group         `json:",omitempty"`
	Members []ScimID       `json:",omitempty"`
}

// ArchivedUser is what a user loses with its provider. It has no personal data: that stays in the user's record alone.
type ArchivedUser struct {
	ID      UserID
	ScimID  ScimID
	Active  bool   `json:",omitempty"`
	Manager ScimID `json:",omitempty"` // "" also for a manager whom the directory named otherwise
	Usable  bool   `json:",omitempty"` // active without a pending deactivation
}

// RestoreException is why a user is not back in a restored provider, or not as before.
type RestoreException string

// The exceptions.
const (
	RestoredErased      RestoreException = "erased"
	RestoredElsewhere   RestoreException = "other-home"  // somebody has decided about the user's home since
	RestoredDeactivated RestoreException = "deactivated" // it is back, but was deactivated since
	// RestoredKept: it is back, and left before the deletion, which cancelled its deactivation: it may sign in.
	RestoredKept RestoreException = "deactivation-cancelled"
)
