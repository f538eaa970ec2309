package follow_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// A tally keeps the heaviest keys and sums the others, so that nothing is lost and its length has a bound.
func TestLongTallies(t *testing.T) {
	t.Parallel()
	count := func() (sum directory.RunTally) {
		for page := range 100 {
			one := directory.RunTally{Changes: 100, Orgs: map[string]int{"heavy>heavier": 50}, RolesRemoved: map[string]int{},
				Reasons: map[string]int{}, Samples: []directory.RunRow{{User: "plain"}, {User: "first", Privileged: true}}}
			for i := range 50 {
				one.Orgs[fmt.Sprintf("o%026d>new:%0255d", page, i)]++
				one.RolesRemoved[fmt.Sprintf("role-%059d", 50*page+i)]++
				one.Reasons[fmt.Sprintf("mapping %0300d", 50*page+i)]++
			}
			sum = follow.SumOf([]directory.RunRange{{Tally: sum}, {Tally: one}})
		}
		return sum
	}
	sum := count()
	for name, m := range map[string]map[string]int{"Orgs": sum.Orgs, "RolesRemoved": sum.RolesRemoved, "Reasons": sum.Reasons} {
		n := 0
		for _, c := range m {
			n += c
		}
		if want := map[string]int{"Orgs": sum.Changes}[name]; want != 0 && n != want || want == 0 && n != 5000 {
			t.Errorf("%s adds up to %d", name, n)
		}
		if len(m) > 201 || m[directory.OtherKeys]+m[directory.OtherKeys+">"+directory.OtherKeys] == 0 {
			t.Errorf("%s has %d keys, and %d others", name, len(m), m[directory.OtherKeys])
		}
	}
	if n := sum.Orgs["heavy>heavier"]; n != 5000 {
		t.Errorf("the heaviest move counts %d", n)
	}
	if len(sum.Samples) != 20 || !sum.Samples[0].Privileged {
		t.Errorf("samples: %+v", sum.Samples)
	}
	if b, err := json.Marshal(sum); err != nil || len(b) > 64<<10 {
		t.Errorf("the tally has %d bytes, %v", len(b), err)
	}
	if again := count(); !maps.Equal(again.Orgs, sum.Orgs) || !maps.Equal(again.RolesRemoved, sum.RolesRemoved) {
		t.Error("the same changes give another tally")
	}
}

func longPlacement(roles int) directory.Placement {
	p := directory.Placement{Source: "group:m1", Config: 1}
	p.Org, p.Group = directory.OrgID(strings.Repeat("o", 27)), directory.GroupID(strings.Repeat("g", 27))
	for i := range roles {
		p.Grants = append(p.Grants, directory.RoleGrant{Role: directory.RoleID(fmt.Sprintf("role-%059d", i)), Source: "manual",
			By: strings.Repeat("k", 27), Config: 12, At: time.Date(2026, 11, 30, 12, 0, 0, 123e6, time.UTC)})
	}
	return p
}

// Parts of a page are in its order, each short enough, and a page that is short has the key it had before there were parts.
func TestParts(t *testing.T) {
	t.Parallel()
	p := directory.RunPage{Range: 3, From: "u5"}
	if parts := follow.SplitPage(p); len(parts) != 1 || parts[0].Key() != "03.u5" {
		t.Errorf("an empty page: %+v", parts)
	}
	for i := range 100 {
		id := fmt.Sprintf("u%026d", i)
		p.Rows = append(p.Rows, directory.RunRow{User: directory.UserID(id), Scim: directory.ScimID(id), Version: 7,
			Before: longPlacement(i % 20), After: longPlacement(20), Reason: strings.Repeat("r", i), Note: "n", Privileged: true, LosesAll: true})
	}
	longer, next := directory.RunPage{Range: 3, From: "u50"}, directory.RunPage{Range: 3, From: "u6"}
	n, last := 0, ""
	for _, part := range follow.SplitPage(p) {
		b, err := json.Marshal(part)
		if err != nil || len(b) > follow.PageBytes+200 {
			t.Errorf("part %d has %d bytes, %v", part.Part, len(b), err)
		}
		if key := part.Key(); key <= last || key >= longer.Key() || key >= next.Key() {
			t.Errorf("part %d has the key %s after %s", part.Part, key, last)
		}
		for _, r := range part.Rows {
			if r.User != p.Rows[n].User {
				t.Errorf("row %d is %s", n, r.User)
			}
			n++
		}
		last = part.Key()
	}
	if n != 100 || last == "03.u5" {
		t.Errorf("%d rows, last part %s", n, last)
	}
}
