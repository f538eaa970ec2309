package scim_test

import (
	"strings"
	"testing"

	"rollcall/shared/scim"
)

// truth holds, for one attribute and one literal, the outcome of each operator on four stored values: absent, smaller,
// equal, greater than the literal. T true, f false, E refused with 400 invalidFilter.
type truth struct {
	attr, literal string
	stored        [3]string // smaller, equal, greater
	want          map[string]string
}

func ops(eq, ne, co, sw, ew, gt, ge, lt, le string) map[string]string {
	return map[string]string{"eq": eq, "ne": ne, "co": co, "sw": sw, "ew": ew, "gt": gt, "ge": ge, "lt": lt, "le": le, "pr": "fTTT"}
}

const refused = "EEEE"

// TestFilterTruthTable tries every operator on every type of attribute and literal, and every state of presence and
// order.
func TestFilterTruthTable(t *testing.T) {
	ordered := ops("ffTf", "TTfT", refused, refused, refused, "fffT", "ffTT", "fTff", "fTTf")
	text := ops("ffTf", "TTfT", "ffTf", "ffTf", "ffTf", "fffT", "ffTT", "fTff", "fTTf")
	equality := ops("ffTf", "TTfT", refused, refused, refused, refused, refused, refused, refused)
	noOrder := func(m map[string]string) map[string]string {
		out := map[string]string{}
		for k, v := range m {
			out[k] = v
		}
		for _, op := range []string{"co", "sw", "ew"} {
			out[op] = refused
		}
		return out
	}
	// A literal of another type equals nothing and has no order to anything.
	mismatch := ops("ffff", "TTTT", "ffff", "ffff", "ffff", "ffff", "ffff", "ffff", "ffff")
	mismatchEquality := ops("ffff", "TTTT", refused, refused, refused, refused, refused, refused, refused)
	null := ops("Tfff", "fTTT", refused, refused, refused, refused, refused, refused, refused)

	strings3 := [3]string{`'apple'`, `'Mango'`, `'pear'`}
	numbers := [3]string{"-3", "7", "10"}
	times := [3]string{`'2026-01-01T00:00:00Z'`, `'2026-01-01T02:00:00.5+01:00'`, `'2026-01-01T02:00:00Z'`}
	bools := [3]string{"false", "true", "false"} // no order: the first and the last are "other"
	rows := []truth{
		{"T:text", `"mANGO"`, strings3, text},
		{"T:text", `5`, strings3, mismatch},
		{"T:text", `true`, strings3, mismatch},
		{"T:text", `null`, strings3, null},
		{"T:exact", `"mango"`, [3]string{`'Mango'`, `'mango'`, `'mangp'`}, text},
		{"T:link", `"mango"`, [3]string{`'Mango'`, `'mango'`, `'mangp'`}, text},
		{"T:link", `null`, strings3, null},
		{"T:blob", `"QQ=="`, [3]string{`'AA=='`, `'QQ=='`, `'qq=='`}, equality},
		{"T:blob", `5`, strings3, mismatchEquality},
		{"T:blob", `null`, strings3, null},
		{"T:flag", `true`, bools, equality},
		{"T:flag", `"TRUE"`, bools, equality},
		{"T:flag", `"yes"`, bools, ops(refused, refused, refused, refused, refused, refused, refused, refused, refused)},
		{"T:flag", `1`, bools, mismatchEquality},
		{"T:flag", `null`, bools, null},
		{"T:count", `7`, numbers, ordered},
		{"T:count", `7.00`, numbers, ordered},
		{"T:count", `"7"`, numbers, noOrder(mismatch)},
		{"T:count", `null`, numbers, null},
		{"T:ratio", `0.7e1`, numbers, ordered},
		{"T:ratio", `-7.5`, [3]string{"-9", "-7.50", "-0.1"}, ordered},
		{"T:ratio", `0`, [3]string{"-10", "-0.0", "1e-9"}, ordered},
		{"T:since", `"2026-01-01T01:00:00.500Z"`, times, ordered},
		{"T:since", `"soon"`, times, ops(refused, refused, refused, refused, refused, refused, refused, refused, refused)},
		{"T:since", `5`, times, noOrder(mismatch)},
		{"T:since", `null`, times, null},
		{"T:since", `"2026-01-01T01:00:00Z"`, [3]string{`'soon'`, `'soon'`, `'soon'`}, noOrder(mismatch)}, // stored text that is no dateTime
		{"T:box", `"mango"`, [3]string{`{'value':'apple','size':1}`, `{'value':'Mango'}`, `{'value':'pear'}`}, text},
		{"T:box.size", `7`, [3]string{`{'size':6}`, `{'size':7}`, `{'size':8}`}, ordered},
		{"T:tags", `"mango"`, [3]string{`['apple']`, `['mango']`, `['pear']`}, text},
		{"emails", `"mango"`, [3]string{`[{'value':'apple'}]`, `[{'value':'mango'}]`, `[{'value':'pear'}]`}, text},
		{"emails.type", `"mango"`, [3]string{`[{'type':'apple'}]`, `[{'type':'mango'}]`, `[{'type':'pear'}]`}, text},
		{"emails[value pr].type", `"mango"`,
			[3]string{`[{'value':'x','type':'apple'}]`, `[{'value':'x','type':'mango'}]`, `[{'value':'x','type':'pear'}]`}, text},
		{"emails[value pr].type", `null`,
			[3]string{`[{'value':'x','type':'apple'}]`, `[{'value':'x','type':'mango'}]`, `[{'value':'x','type':'pear'}]`}, null},
	}
	cells := 0
	for _, row := range rows {
		for op, want := range row.want {
			cells += row.check(t, op, want)
		}
	}
	if cells < 1000 {
		t.Errorf("only %d cells", cells)
	}
}

func (row truth) check(t *testing.T, op, want string) int {
	attr := strings.Replace(row.attr, "T:", T+":", 1)
	filter := attr + " " + op
	if op != "pr" {
		filter += " " + row.literal
	}
	f, err := users.ParseFilter(filter, lenient)
	if want == refused {
		if fault(err) != "400 invalidFilter" {
			t.Errorf("%s: %v, want it refused", filter, err)
		}
		return 4
	}
	if err != nil {
		t.Errorf("%s: %v", filter, err)
		return 0
	}
	negated, err := users.ParseFilter("not ("+filter+")", lenient)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		v := parse(t, `{'id':'1'}`)
		if i > 0 {
			v = row.with(t, row.stored[i-1])
		}
		if got := f.Match(v); got != (w == 'T') || negated.Match(v) == got {
			t.Errorf("%s on %s: %v, negated %v", filter, render(v), got, negated.Match(v))
		}
	}
	return 8
}

// with returns a resource with the stored value.
func (row truth) with(t *testing.T, stored string) scim.Value {
	name, inT := strings.CutPrefix(row.attr, "T:")
	name, _, _ = strings.Cut(name, ".")
	name, _, _ = strings.Cut(name, "[")
	v := scim.Value{}.With(name, parse(t, stored))
	if inT {
		return scim.Value{}.With(T, v)
	}
	return v
}

// Presence: the values that count as assigned.
func TestFilterPresence(t *testing.T) {
	for stored, want := range map[string]bool{
		`{'T':{'text':'x'}}`: true, `{'T':{'text':''}}`: false, `{'T':{'text':null}}`: false, `{'T':{}}`: false, `{}`: false,
	} {
		matchOne(t, T+`:text pr`, stored, want)
	}
	for stored, want := range map[string]bool{`{'active':false}`: true, `{'active':null}`: false} {
		matchOne(t, `active pr`, stored, want)
	}
	for stored, want := range map[string]bool{
		`{'name':{'givenName':'x'}}`: true, `{'name':{'givenName':''}}`: false, `{'name':{}}`: false,
	} {
		matchOne(t, `name pr`, stored, want)
	}
	for stored, want := range map[string]bool{
		`{'emails':[{'value':'x'}]}`: true, `{'emails':[]}`: false, `{'emails':[{'primary':false}]}`: true, `{'emails':[{'value':''}]}`: false,
	} {
		matchOne(t, `emails pr`, stored, want)
	}
	matchOne(t, T+`:count pr`, `{'T':{'count':0}}`, true)
}

func matchOne(t *testing.T, filter, stored string, want bool) {
	t.Helper()
	f, err := users.ParseFilter(filter, strict)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Match(parse(t, stored)); got != want {
		t.Errorf("%s on %s: %v", filter, stored, got)
	}
}

// Several values: any of them decides, for ne as well.
func TestFilterSeveralValues(t *testing.T) {
	const two = `{'emails':[{'value':'a','type':'work'},{'value':'b'}]}`
	for filter, want := range map[string]bool{
		`emails.value eq "b"`: true, `emails.value ne "a"`: true, `emails.value eq "c"`: false, `not (emails.value eq "a")`: false,
		`emails.type ne "work"`: false, `emails.type eq null`: false, `emails.display eq null`: true, `emails.display ne "x"`: true,
		`emails[type eq "work"].value ne "a"`: false, `emails[type eq null]`: true, `emails[type ne "work"]`: true,
	} {
		f, err := users.ParseFilter(filter, lenient)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(parse(t, two)); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

// Caseless means NFC and full case folding.
func TestFilterFolding(t *testing.T) {
	for filter, want := range map[string]bool{
		`title eq "STRASSE"`: true, `title sw "STRASS"`: true, `title co "ASS"`: true, `nickName eq "rene\u0301e"`: true,
		`nickName ew "NÉE"`: true,
	} {
		f, err := users.ParseFilter(filter, strict)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(parse(t, `{'title':'Straße','nickName':'Renée'}`)); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}
