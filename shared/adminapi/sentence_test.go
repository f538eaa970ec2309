package adminapi

import (
	"testing"
	"time"

	"rollcall/shared/directory"
)

// Every action, cause and effect has its words, and the sentence of an entry is whole.
func TestSentences(t *testing.T) {
	t.Parallel()
	for _, a := range actions() {
		if deeds[a] == "" {
			t.Errorf("no words for %s", a)
		}
	}
	for _, c := range directory.Causes() {
		if causers[c] == "" {
			t.Errorf("no words for %s", c)
		}
	}
	for _, x := range directory.Effects() {
		if known := outcomes[x] != ""; !known && x != directory.EffectCreated && x != directory.EffectUpdated && x != directory.EffectRemoved {
			t.Errorf("no words for %s", x)
		}
	}
	by := directory.Actor{Kind: directory.ActorProvider}
	at := time.Date(2026, 11, 2, 9, 15, 0, 0, time.UTC)
	for want, e := range map[string]directory.LogEntry{
		"The directory created the user.": {Actor: by, Action: directory.UserCreated, Effects: []directory.Effect{directory.EffectCreated}},
		"The directory changed the members of the group: 2 joined and 1 left.": {Actor: by, Action: directory.MembersChanged,
			Added: []directory.ScimID{"u1", "u2"}, Removed: []directory.ScimID{"u3"}},
		"The directory disabled the user: sign-in is denied from then on; the deactivation is due at 2026-11-02T09:15:00.000Z.": {
			Actor: by, Action: directory.UserDisabled, Effects: []directory.Effect{directory.EffectBlocked, directory.EffectScheduled},
			Changes: []directory.Change{{Attr: "pending", After: []byte(`{"dueAt":"` + at.Format(time.RFC3339) + `"}`)}}},
		"An administrator changed the organization: sign-in is denied from then on.": {
			Actor: directory.Actor{Kind: directory.ActorAPIKey}, Action: directory.OrganizationUpdated,
			Effects: []directory.Effect{directory.EffectBlocked}, People: 3},
	} {
		if got := sentence(e); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
