package follow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// schemas compiles events/schemas, by the type of event.
func schemas(t *testing.T) map[directory.EventType]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	out := map[directory.EventType]*jsonschema.Schema{}
	for _, typ := range append(directory.EventTypes(), directory.EventTest) {
		s, err := c.Compile(filepath.Join("../../events/schemas", string(typ)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		out[typ] = s
	}
	return out
}

func asJSON(t *testing.T, v any) map[string]any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return out.(map[string]any)
}

const secretValue = "canary-7f3a"

// entryOf is an entry with a personal value in every place an entry has for one.
func entryOf(a directory.Action, effects ...directory.Effect) directory.LogEntry {
	e := directory.LogEntry{
		ID: "e0000000000000000000000001", At: time.Date(2026, 11, 2, 9, 0, 0, 5e6, time.UTC), Provider: "default0a1b2", Action: a,
		Actor: directory.Actor{Kind: directory.ActorProvider, ID: "k1", RequestID: "r1", ClientRequestID: secretValue, Reason: secretValue},
		Name:  secretValue,
		Changes: []directory.Change{{Attr: "title", Before: json.RawMessage(`"` + secretValue + `"`)},
			{Attr: "active", After: json.RawMessage(`false`)}},
		Version: 7, Effects: effects,
	}
	if strings.HasPrefix(string(a), "group") {
		e.Group = "g0000000000000000000000001"
	} else {
		e.User = "u0000000000000000000000001"
	}
	return e
}

func TestEventsOfAnEntry(t *testing.T) {
	t.Parallel()
	members := func(n int) (out []directory.ScimID) {
		for i := range n {
			out = append(out, directory.ScimID(fmt.Sprintf("u%025d", i)))
		}
		return out
	}
	renamed := entryOf(directory.GroupUpdated)
	renamed.Changes = []directory.Change{{Attr: directory.AttrDisplayName}, {Attr: "externalId"}}
	both := renamed
	both.Added = members(2)
	created := entryOf(directory.GroupCreated)
	created.Changes, created.Added = renamed.Changes, members(1)
	changed, large := entryOf(directory.MembersChanged), entryOf(directory.MembersChanged)
	changed.Added, changed.Removed = members(40), members(60)
	large.Added = members(101)
	tenant := entryOf(directory.ProviderUpdated)
	tenant.User = ""
	guard := func(a directory.Action) directory.LogEntry {
		e := entryOf(a)
		e.User, e.Provider, e.Target = "", "", "default0a1b2/v0000000000000000000000001"
		return e
	}
	org := func(effects ...directory.Effect) directory.LogEntry {
		e := entryOf(directory.OrganizationUpdated, effects...)
		e.User, e.Provider, e.Target, e.Audit, e.People = "", "", "o0000000000000000000000001", true, 12
		return e
	}
	token := func(a directory.Action, target string, changes ...directory.Change) directory.LogEntry {
		e := entryOf(a)
		e.User, e.Provider, e.Target, e.Audit, e.Changes = "", "", target, true, changes
		return e
	}
	ends := directory.NewChange("expiresAt", nil, time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC))
	listed := entryOf(directory.UserResolved, directory.EffectWatchlists)
	listed.Changes = []directory.Change{{Attr: directory.AttrWatchlists}, {
		Attr: "watchlistReasons",
		Before: json.RawMessage(`[{"List":"w0000000000000000000000001","Why":"group:g0000000000000000000000001"},` +
			`{"List":"w0000000000000000000000002","Why":"included"}]`),
		After: json.RawMessage(`[{"List":"w0000000000000000000000002","Why":"group:g0000000000000000000000001"},` +
			`{"List":"w0000000000000000000000003","Why":"department:` + secretValue + `"}]`),
	}}
	reasons := listed
	reasons.Effects = nil
	seen := map[directory.EventType]bool{}
	compiled := schemas(t)
	for _, c := range []struct {
		name  string
		entry directory.LogEntry
		want  string
	}{
		{"of nothing: none", entryOf(directory.UserUpdated), ""},
		{"updated", entryOf(directory.UserUpdated, directory.EffectUpdated), "user.updated"},
		{"converted", entryOf(directory.UserConverted, directory.EffectConverted), "user.updated"},
		{"created deactivated", entryOf(directory.UserCreated, directory.EffectCreated, directory.EffectDeactivated),
			"user.created user.deactivated"},
		{"disabled with a delay", entryOf(directory.UserDisabled, directory.EffectUpdated, directory.EffectBlocked, directory.EffectScheduled),
			"user.updated user.blocked user.deactivation-scheduled"},
		{"enabled in time", entryOf(directory.UserEnabled, directory.EffectUnblocked, directory.EffectCancelled),
			"user.unblocked user.deactivation-cancelled"},
		{"brought back", entryOf(directory.UserEnabled, directory.EffectReactivated), "user.reactivated"},
		{"removed", entryOf(directory.UserDeleted, directory.EffectRemoved, directory.EffectBlocked), "user.removed user.blocked"},
		{"moved with new roles: one event",
			entryOf(directory.UserUpdated, directory.EffectUpdated, directory.EffectMoved, directory.EffectRoles), "user.updated"},
		{"removed from a watchlist, added to another, on a third for another reason", listed, "watchlist.member-removed watchlist.member-added"},
		{"on the same watchlists for other reasons: none", reasons, ""},
		{"held back: none", entryOf(directory.UserUpdated, directory.EffectHeld, directory.EffectFrozen), ""},
		{"group created with members", created, "group.created group.members-changed"},
		{"group renamed", renamed, "group.renamed"},
		{"group replaced", both, "group.renamed group.members-changed"},
		{"another attribute of a group: none", entryOf(directory.GroupUpdated), ""},
		{"members changed", changed, "group.members-changed"},
		{"many members", large, "group.members-changed"},
		{"group deleted", entryOf(directory.GroupDeleted), "group.deleted"},
		{"neither user nor group: none", tenant, ""},
		{"a guard tripped", guard(directory.GuardTripped), "guard.tripped"},
		{"a guard warned", guard(directory.GuardWarned), "guard.warned"},
		{"nobody decided", guard(directory.GuardReminded), "guard.reminded"},
		{"approved", guard(directory.GuardApproved), "guard.approved"},
		{"rejected", guard(directory.GuardRejected), "guard.rejected"},
		{"an organization blocked", org(directory.EffectBlocked), "organization.blocked"},
		{"an organization unblocked", org(directory.EffectUnblocked), "organization.unblocked"},
		{"another change of an organization: none", org(), ""},
		{"a token ends", token(directory.TokenExpiring, "default0a1b2/k0000000000000000000000001", ends), "token.expiring"},
		{"an API key ends", token(directory.APIKeyExpiring, "k0000000000000000000000001", ends), "token.expiring"},
		{"a token ends, erased: none", token(directory.TokenExpiring, "default0a1b2/k0000000000000000000000001"), ""},
		{"a move held back: none", entryOf(directory.UserReassignmentHeld, directory.EffectHeldBack), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			events := follow.Events("default", c.entry)
			for i, e := range events {
				got = append(got, string(e.Type))
				seen[e.Type] = true
				const sequence = 7
				if want := fmt.Sprintf("%s-%d", c.entry.ID, i); e.ID != want || e.Sequence != sequence || !e.Time.Equal(c.entry.At) {
					t.Errorf("event %+v, want id %s and sequence %d", e, want, sequence)
				}
				v := asJSON(t, e)
				if err := compiled[e.Type].Validate(v); err != nil {
					t.Errorf("%v", err)
				}
				if text := fmt.Sprint(v); strings.Contains(text, secretValue) {
					t.Errorf("%s holds a personal value: %s", e.Type, text)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if diff := cmp.Diff(events, follow.Events("default", c.entry)); diff != "" {
				t.Errorf("the second time differs: %s", diff)
			}
		})
	}
	for _, typ := range directory.EventTypes() {
		if !seen[typ] {
			t.Errorf("no entry led to %s", typ)
		}
	}
	for i, want := range []directory.EventWatchlist{{ID: "w0000000000000000000000001", Reason: "group", Group: "g0000000000000000000000001"},
		{ID: "w0000000000000000000000003", Reason: "department"}} {
		if got := follow.Events("default", listed)[i].Watchlist; *got != want {
			t.Errorf("event %d is about %+v, want %+v", i, got, want)
		}
	}
	if e := follow.Events("default", large)[0]; e.Members.AddedCount != 101 || e.Members.Added != nil {
		t.Errorf("a large change: %+v, want its count only", e.Members)
	}
}

// Each schema refuses everything but its event.
func TestEventSchemasReject(t *testing.T) {
	t.Parallel()
	letters := map[string]string{"user": "u", "group": "g", "guard": "v", "webhook": "w", "watchlist": "u", "organization": "o", "token": "k"}
	for typ, s := range schemas(t) {
		kind, _, _ := strings.Cut(string(typ), ".")
		subject := letters[kind] + "0000000000000000000000001"
		list := kind == "watchlist"
		e := directory.Event{
			ID: "e1-0", Type: typ, Time: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), Tenant: "default", Provider: "default0a1b2",
			Subject: subject, Sequence: 1,
			Cause: directory.EventCause{Entry: "e1", Kind: directory.ActorSystem},
		}
		if typ == directory.EventMembersChanged {
			e.Members = &directory.EventMembers{AddedCount: 1, Added: []directory.ScimID{"u0000000000000000000000001"}}
		}
		if kind == "organization" {
			e.People = new(int)
		}
		if kind == "token" {
			e.ExpiresAt = &e.Time
		}
		if list {
			e.Watchlist = &directory.EventWatchlist{ID: "w0000000000000000000000001", Reason: "group", Group: "g0000000000000000000000001"}
		}
		if err := s.Validate(asJSON(t, e)); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		breaks := map[string]func(map[string]any){
			"another type":    func(v map[string]any) { v["type"] = "user.other" },
			"a name":          func(v map[string]any) { v["userName"] = "kim" },
			"no sequence":     func(v map[string]any) { delete(v, "sequence") },
			"sequence 0":      func(v map[string]any) { v["sequence"] = json.Number("0") },
			"another subject": func(v map[string]any) { v["subject"] = "x" + subject[1:] },
			"no time":         func(v map[string]any) { v["time"] = "yesterday" },
			"a reason":        func(v map[string]any) { v["cause"].(map[string]any)["reason"] = "why" },
			"a foreign actor": func(v map[string]any) { v["cause"].(map[string]any)["kind"] = "someone" },
		}
		switch typ {
		case directory.EventUserUpdated:
			breaks["values"] = func(v map[string]any) { v["changed"] = []any{map[string]any{"title": "x"}} }
		case directory.EventMembersChanged:
			breaks["no members"] = func(v map[string]any) { delete(v, "members") }
			delete(breaks, "no sequence")
		default:
			breaks["members"] = func(v map[string]any) { v["members"] = map[string]any{} }
			breaks["changed"] = func(v map[string]any) { v["changed"] = []any{"title"} }
		}
		if kind == "organization" {
			breaks["no number of people"] = func(v map[string]any) { delete(v, "people") }
		}
		if kind == "token" {
			breaks["no end"] = func(v map[string]any) { delete(v, "expiresAt") }
		}
		if list {
			breaks["no watchlist"] = func(v map[string]any) { delete(v, "watchlist") }
			breaks["a department"] = func(v map[string]any) { v["watchlist"].(map[string]any)["reason"] = "Sales" }
		}
		for name, spoil := range breaks {
			v := asJSON(t, e)
			spoil(v)
			if s.Validate(v) == nil {
				t.Errorf("%s: the schema accepts %s: %v", typ, name, v)
			}
		}
	}
	types := directory.EventTypes()
	slices.Sort(types)
	if len(slices.Compact(types)) != 23 {
		t.Errorf("%d types of events, want 23", len(types))
	}
}
