package directory_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/shared/directory"
)

// AppendJSON writes what encoding/json reads back as the same entry.
func TestLogEntryJSON(t *testing.T) {
	t.Parallel()
	text := rapid.StringOf(rapid.SampledFrom([]rune("ab\"\\\n\x01,{}ü𝄞")))
	ids := rapid.SliceOfN(rapid.Map(text, func(s string) directory.ScimID { return directory.ScimID(s) }), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		raw := func(name string) json.RawMessage {
			if rapid.Bool().Draw(t, name+" given") {
				return nil
			}
			b, err := json.Marshal(text.Draw(t, name))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		want := directory.LogEntry{
			ID: "e1", At: time.UnixMilli(rapid.Int64Range(0, 1e13).Draw(t, "at")).UTC(), Provider: directory.ProviderID(text.Draw(t, "provider")),
			Actor: directory.Actor{
				Kind: directory.ActorKind(text.Draw(t, "kind")), ID: text.Draw(t, "actor"), RequestID: directory.RequestID(text.Draw(t, "request")),
				ClientRequestID: directory.RequestID(text.Draw(t, "client request")), Reason: text.Draw(t, "reason"),
			},
			Action: directory.UserUpdated, User: directory.UserID(text.Draw(t, "user")), Group: directory.GroupID(text.Draw(t, "group")),
			Target: text.Draw(t, "target"), Name: text.Draw(t, "name"), Added: ids.Draw(t, "added"), Removed: ids.Draw(t, "removed"),
			Version: rapid.Int64Range(0, 9).Draw(t, "version"), Audit: rapid.Bool().Draw(t, "audit"),
			Effects: rapid.SliceOfN(rapid.SampledFrom([]directory.Effect{directory.EffectBlocked, directory.EffectMoved}), 1, 3).Draw(t,
				"effects"),
			Remaining: directory.Remaining(text.Draw(t, "rest")),
		}
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			want.Changes = append(want.Changes, directory.Change{Attr: text.Draw(t, "attr"), Before: raw("before"), After: raw("after")})
		}
		var got directory.LogEntry
		data := want.AppendJSON([]byte("x"))
		if err := json.Unmarshal(data[1:], &got); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		for _, list := range []*[]directory.ScimID{&want.Added, &want.Removed} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-want +got)\n%s\n%s", d, data)
		}
	})
}

// Positions sort as times do, and then by id.
func TestPositionOrder(t *testing.T) {
	t.Parallel()
	at := func(year int, id directory.EntryID) string {
		return directory.LogEntry{At: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), ID: id}.Position()
	}
	order := []string{at(1970, "e9"), at(1999, "e5"), at(2026, "e1"), at(2026, "e2"), at(2059, "e0"), at(5188, "e0")}
	for i := 1; i < len(order); i++ {
		if order[i-1] >= order[i] {
			t.Errorf("%q does not come before %q", order[i-1], order[i])
		}
	}
}
