package integration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/keys"
	"rollcall/shared/verify"
)

func (h *webhookEnv) seal() {
	h.Helper()
	h.must(h.Service.SealAll(h.Context(), func() bool { return false }))
}

func (h *webhookEnv) export(x administration.LogExport) []byte {
	h.Helper()
	var out bytes.Buffer
	h.must(h.Service.As(administration.Admin{Tenant: h.Admin.Tenant}).Logs.Export(h.Context(), x, &out))
	return out.Bytes()
}

func (h *webhookEnv) key() []byte {
	h.Helper()
	der, err := h.Service.As(administration.Admin{}).Logs.SigningKey(h.Context())
	h.must(err)
	return der
}

// verifyExport verifies an export with the signing key, as `rollcall verify` does.
func verifyExport(t *testing.T, export []byte, key []byte) (verify.Result, error) {
	t.Helper()
	v, err := verify.New(key)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(export) {
		text, ok := bytes.CutSuffix(line, []byte("\n"))
		if !ok {
			return verify.Result{}, errors.New("the last line is truncated")
		}
		if err := v.Line(text); err != nil {
			return verify.Result{}, err
		}
	}
	return v.End()
}

// history writes a chain with blocks, checkpoints, a late entry, an erased one, and entries that are not sealed yet.
func (h *webhookEnv) history() directory.User {
	h.Helper()
	n := h.Clock.Now().Unix()
	kim := h.user(fmt.Sprint("kim <&>\u2028", n))
	h.active(kim, false)
	h.follow()
	h.Clock.Advance(5 * time.Minute)
	h.seal()
	late := directory.LogEntry{ID: "e0000000000000000000000late", At: h.Clock.Now().Add(-4 * time.Minute), Provider: h.Provider.ID,
		Action: directory.UserUpdated, User: kim.ID, Name: "late",
		Actor:   directory.Actor{Kind: directory.ActorSystem, Reason: "why"},
		Changes: []directory.Change{{Attr: "title", Before: json.RawMessage(`"<a>"`), After: json.RawMessage(`"b"`)}}}
	late.ID = late.ID[:26]
	h.must(h.Service.Log.AppendEntry(h.Context(), h.Admin.Tenant, late))
	h.user(fmt.Sprint("robin", n))
	h.follow()
	h.Clock.Advance(time.Hour)
	h.seal()
	h.must(h.Service.EraseFromLog(h.Context(), h.Admin.Tenant, kim.ID))
	h.user(fmt.Sprint("new", n))
	h.follow()
	return kim
}

// A clock that was ahead when entries were sealed leaves later entries behind the chain's mark. None is lost: they are
// exported and counted as unsealed at once, also when nobody has followed them, and the next block seals them.
func TestEntriesBehindTheMark(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	chain := administration.LogExport{Filter: administration.LogFilter{Provider: h.Provider.ID}}
	check := func(what, want string) {
		t.Helper()
		got, err := verifyExport(t, h.export(chain), h.key())
		h.must(err)
		h.want(what, fmt.Sprint(got.Entries, got.Unsealed, got.Behind), want)
		since := chain
		since.Filter.Since = h.Clock.Now().Add(-time.Hour)
		if again, err := verifyExport(t, h.export(since), h.key()); err != nil || again.Unsealed != got.Unsealed {
			t.Errorf("%s, since an hour ago: %+v, %v", what, again, err)
		}
		online, err := h.Service.As(h.Admin).Logs.Verify(h.Context(), chain)
		h.must(err)
		h.want(what+", on the server", online, got)
	}
	h.Clock.Advance(10 * time.Minute)
	for i := range 4 {
		h.user(fmt.Sprint("ahead", i))
	}
	h.follow()
	h.Clock.Advance(3 * time.Minute)
	h.seal()
	h.Clock.Advance(-12 * time.Minute)
	for i := range 3 {
		h.user(fmt.Sprint("behind", i))
	}
	n := len(h.Entries(t)) // none of them has been followed
	for _, e := range h.Entries(t) {
		if e.Provider != h.Provider.ID {
			n--
		}
	}
	check("behind the mark", fmt.Sprint(n, " 3 3"))
	h.follow()
	h.seal()
	n = 0
	for _, e := range h.Entries(t) {
		if e.Provider == h.Provider.ID {
			n++
		}
	}
	check("sealed as late", fmt.Sprint(n, " 0 0"))
}

func TestExportIsVerified(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	kim := h.history()
	chain := administration.LogExport{Filter: administration.LogFilter{Provider: h.Provider.ID}}
	export := h.export(chain)
	got, err := verifyExport(t, export, h.key())
	h.must(err)
	h.want("verified", fmt.Sprint(got.Chains, got.Blocks, got.Entries, got.Unsealed, got.Checkpoints, got.Signed), "1 4 5 1 2 true")
	for _, personal := range []string{"kim", "late", "why", `"b"`} {
		if bytes.Contains(export, []byte(`"`+personal)) {
			t.Errorf("%s was erased and is exported", personal)
		}
	}
	es, err := h.Service.Log.Entries(h.Context(), h.Admin.Tenant, directory.LogQuery{User: kim.ID, Count: 10})
	h.must(err)
	for _, e := range es {
		if e.Name != "" || e.Actor.Reason != "" || len(e.Erased) == 0 {
			t.Errorf("erased entry %+v", e)
		}
	}
	for name, x := range map[string]administration.LogExport{
		"everything": {}, "audit": {Audit: true}, "filtered": {Filter: administration.LogFilter{Action: directory.UserCreated}},
		"since": {Filter: administration.LogFilter{Provider: h.Provider.ID, Since: h.Clock.Now().Add(-30 * time.Minute)}},
		"until": {Filter: administration.LogFilter{Provider: h.Provider.ID, Until: h.Clock.Now().Add(-30 * time.Minute)}},
	} {
		if got, err := verifyExport(t, h.export(x), h.key()); err != nil || got.Entries == 0 && name != "since" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	other, err := keys.NewLocal()
	h.must(err)
	der, err := other.PublicKey(t.Context())
	h.must(err)
	if _, err := verifyExport(t, export, der); err == nil {
		t.Error("another key verifies it")
	}
}

// A flipped bit in any byte, and any line that is missing, duplicated, moved or inserted, is detected.
func TestChangedExportIsDetected(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	h.history()
	export := h.export(administration.LogExport{Filter: administration.LogFilter{Provider: h.Provider.ID}})
	key := h.key()
	detected := func(what string, text []byte) {
		t.Helper()
		if _, err := verifyExport(t, text, key); err == nil {
			t.Errorf("%s is not detected", what)
		}
	}
	for i := range export {
		changed := bytes.Clone(export)
		changed[i] ^= 1 << (i % 8)
		detected(fmt.Sprintf("a flipped bit in byte %d, %q", i, export[max(0, i-10):min(len(export), i+10)]), changed)
	}
	lines := slices.Collect(bytes.Lines(export))
	for i := range lines {
		without := slices.Delete(slices.Clone(lines), i, i+1)
		detected(fmt.Sprint("without line ", i+1), bytes.Join(without, nil))
		detected(fmt.Sprint("twice line ", i+1), bytes.Join(slices.Insert(slices.Clone(lines), i, lines[i]), nil))
		for k := range lines {
			if k != i && k != i+1 && !bytes.Equal(lines[i], lines[k]) {
				moved := slices.Insert(slices.Clone(without), min(k, len(without)), lines[i])
				if !slices.EqualFunc(moved, lines, bytes.Equal) {
					detected(fmt.Sprintf("line %d moved to %d", i+1, k+1), bytes.Join(moved, nil))
				}
			}
		}
		detected(fmt.Sprint("truncated after line ", i), bytes.Join(lines[:i], nil))
	}
}

// The chain detects changes in the store, even by a person who can seal new blocks.
func TestChangedLogIsDetected(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h *webhookEnv, e directory.LogEntry) error{
		"another name": func(h *webhookEnv, e directory.LogEntry) error {
			e.Name = "somebody else"
			return h.Service.Chains.EraseEntry(h.Context(), h.Admin.Tenant, e, 0)
		},
		"another actor": func(h *webhookEnv, e directory.LogEntry) error {
			e.Actor.ID = "k0"
			return h.Service.Chains.EraseEntry(h.Context(), h.Admin.Tenant, e, 0)
		},
		"an entry before its time": func(h *webhookEnv, e directory.LogEntry) error {
			e.ID = "e00000000000000000000early"
			return h.Service.Log.AppendEntry(h.Context(), h.Admin.Tenant, e)
		},
	} {
		h := newWebhookEnv(t, nil)
		u := h.user("kim")
		h.user("robin")
		h.follow()
		h.Clock.Advance(5 * time.Minute)
		h.seal()
		x := administration.LogExport{Filter: administration.LogFilter{Provider: h.Provider.ID}}
		if _, err := h.Service.As(administration.Admin{Tenant: h.Admin.Tenant}).Logs.Verify(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		h.must(change(h, h.newest(u)))
		h.Damaged = true
		_, err := h.Service.As(administration.Admin{Tenant: h.Admin.Tenant}).Logs.Verify(t.Context(), x)
		var bad *verify.Error
		if name == "an entry before its time" {
			h.Clock.Advance(5 * time.Minute) // the entry is in no block, and exported as unsealed
			if got := h.export(x); !bytes.Contains(got, []byte("early")) || err != nil {
				t.Errorf("%s: not exported, %v", name, err)
			}
			continue
		}
		if !errors.As(err, &bad) || bad.Line != 3 || !strings.Contains(bad.Detail, "sealed") {
			t.Errorf("%s: %v, want line 3 to be detected", name, err)
		}
	}
}

// Repeated and concurrent sealing seals each entry once.
func TestSealingOnce(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	for range 5 {
		h.history()
		h.Clock.Advance(10 * time.Minute)
		done := make(chan error)
		for range 4 {
			go func() { done <- h.Service.SealAll(t.Context(), func() bool { return false }) }()
		}
		for range 4 {
			h.must(<-done)
		}
		es, err := h.Service.Log.EntriesAfter(t.Context(), h.Admin.Tenant, h.Provider.ID, "", "", 1000)
		h.must(err)
		for _, e := range es { // a stream may deliver them again
			h.must(h.Service.FollowEntry(t.Context(), h.Admin.Tenant, e))
		}
		h.seal()
	}
	late, err := h.Service.Chains.Late(t.Context(), h.Admin.Tenant, h.Provider.ID, 100)
	h.must(err)
	h.want("late entries left", len(late), 0)
	bs, err := h.Service.Chains.Blocks(t.Context(), h.Admin.Tenant, h.Provider.ID, 1, 1000)
	h.must(err)
	sealed := map[string]int{}
	for _, b := range bs {
		for _, s := range append(b.Seals, b.Late...) {
			sealed[s.Position]++
		}
	}
	es, err := h.Service.Log.EntriesAfter(t.Context(), h.Admin.Tenant, h.Provider.ID, "", "", 1000)
	h.must(err)
	for _, e := range es {
		if sealed[e.Position()] != 1 {
			t.Errorf("%s %s was sealed %d times", e.ID, e.Action, sealed[e.Position()])
		}
	}
}

// A chain is still valid after its oldest entries are purged; no entry is purged early.
func TestChainOutlivesItsEntries(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	h.history()
	h.Clock.Advance(directory.DefaultLogRetention / 2)
	h.history()
	h.Clock.Advance(directory.DefaultLogRetention/2 + 24*time.Hour)
	chain := administration.LogExport{Filter: administration.LogFilter{Provider: h.Provider.ID}}
	before, err := h.Service.As(administration.Admin{Tenant: h.Admin.Tenant}).Logs.Verify(t.Context(), chain)
	h.must(err)
	h.seal()
	h.must(h.Service.RetainAll(t.Context(), func() bool { return false }))
	after, err := h.Service.As(administration.Admin{Tenant: h.Admin.Tenant}).Logs.Verify(t.Context(), chain)
	h.must(err)
	h.want("entries", fmt.Sprint(before.Entries, after.Entries), "10 5")
	first, err := h.Service.Log.EntriesAfter(t.Context(), h.Admin.Tenant, h.Provider.ID, "", "", 1)
	h.must(err)
	h.Damaged = true
	h.must(h.Service.Chains.EraseEntry(t.Context(), h.Admin.Tenant, directory.LogEntry{
		ID: first[0].ID, At: first[0].At, Provider: first[0].Provider, Action: first[0].Action, Name: "somebody else"}, 0))
	if _, err := h.Service.As(administration.Admin{Tenant: h.Admin.Tenant}).Logs.Verify(t.Context(), chain); err == nil {
		t.Error("a change of a remaining entry is not detected")
	}
}
