package directory

import (
	"encoding/json"
	"testing"
	"time"
)

// The log's short form of a pending deactivation is what encoding/json would write of it.
func TestPendingChangeJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 15, 0, 0, 5e8, time.UTC)
	for _, p := range []pendingChange{
		{DueAt: at, Cause: CauseDisable, Generation: 3},
		{at, CauseDelete, 1, true, true, true},
	} {
		want, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(p.appendJSON(nil)); got != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
