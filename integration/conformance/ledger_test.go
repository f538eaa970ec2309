package conformance_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rollcall/shared/golden"
)

// ledgerRow is one rule of an RFC: the normative sentences from to until of a section, and who owns them.
type ledgerRow struct {
	rfc, section, keyword, rule, owner string
	from, until                        int
}

var ledgerLine = regexp.MustCompile(`^([0-9.]+) (\d+)(?:-(\d+))? ([A-Z]+(?: NOT)?) \| (.+?) \| (.+)$`)

// readLedger returns the rows of testdata/rfc-ledger.txt, and its lines that are none.
func readLedger(text string) (rows []ledgerRow, faults []string) {
	rfc := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch m := ledgerLine.FindStringSubmatch(line); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "RFC "):
			rfc = line
		case m == nil:
			faults = append(faults, "no row: "+line)
		default:
			from, _ := strconv.Atoi(m[2])
			until, err := strconv.Atoi(m[3])
			if err != nil {
				until = from
			}
			rows = append(rows, ledgerRow{rfc: rfc, section: m[1], keyword: m[4], rule: m[5], owner: m[6], from: from, until: until})
		}
	}
	return rows, faults
}

// departure is a row of docs/divergences.md.
type departure struct{ sections, text string }

func departures(page string) (all []departure) {
	for line := range strings.Lines(page) {
		if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) > 3 && !strings.HasPrefix(line, "|---") {
			all = append(all, departure{strings.TrimSpace(cells[1]), strings.Join(cells[2:], "|")})
		}
	}
	return all
}

var ledgerTest = regexp.MustCompile(`^(Test\w+)(?:/(.+))?$`)

// disown returns why an owner is none, or "".
func disown(owner string, tests, cases map[string]bool, known []departure) string {
	if m := ledgerTest.FindStringSubmatch(owner); m != nil {
		switch {
		case !tests[m[1]]:
			return "there is no test " + m[1]
		case m[2] != "" && !cases[m[2]]:
			return fmt.Sprintf("there is no case %q", m[2])
		}
		return ""
	}
	if where, ok := strings.CutPrefix(owner, "departs "); ok {
		section, text, _ := strings.Cut(where, ": ")
		n := 0
		for _, d := range known {
			if slices.Contains(strings.Split(d.sections, ", "), section) && strings.Contains(d.text, text) {
				n++
			}
		}
		if n != 1 {
			return fmt.Sprintf("%d rows of docs/divergences.md are %q", n, where)
		}
		return ""
	}
	if reason, ok := strings.CutPrefix(owner, "not ours: "); ok && reason != "" {
		return ""
	}
	return fmt.Sprintf("no test, no departure and no reason: %q", owner)
}

// ledgerFaults returns what is wrong with the rows: owners that are none or several, sentences left out or named twice.
func ledgerFaults(rows []ledgerRow, tests, cases map[string]bool, known []departure) (faults []string) {
	next := map[string]int{}
	for _, r := range rows {
		where := fmt.Sprintf("%s %s %d", r.rfc, r.section, r.from)
		if strings.Contains(r.owner, " | ") {
			faults = append(faults, where+": two owners")
		} else if why := disown(r.owner, tests, cases, known); why != "" {
			faults = append(faults, where+": "+why)
		}
		section := r.rfc + " " + r.section
		if want := next[section] + 1; r.from != want || r.until < r.from {
			faults = append(faults, fmt.Sprintf("%s: sentence %d of the section is next", where, want))
		}
		next[section] = r.until
	}
	return faults
}

// ledgerPage renders the tables of docs/rfc-ledger.md.
func ledgerPage(rows []ledgerRow) string {
	var b strings.Builder
	rfc, proved, departed, others := "", 0, 0, 0
	for _, r := range rows {
		switch n := r.until - r.from + 1; {
		case strings.HasPrefix(r.owner, "Test"):
			proved += n
		case strings.HasPrefix(r.owner, "departs "):
			departed += n
		default:
			others += n
		}
	}
	fmt.Fprintf(&b, "Of %d sentences, tests prove %d, the service departs from %d, and %d bind somebody else.\n", proved+departed+others,
		proved,
		departed, others)
	for _, r := range rows {
		if r.rfc != rfc {
			rfc = r.rfc
			fmt.Fprintf(&b, "\n## %s\n\n| section | no. | keyword | rule | owner |\n|---|---|---|---|---|\n", rfc)
		}
		number := strconv.Itoa(r.from)
		if r.until > r.from {
			number += " to " + strconv.Itoa(r.until)
		}
		owner := r.owner
		if strings.HasPrefix(owner, "Test") {
			owner = "`" + owner + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.section, number, r.keyword, r.rule, owner)
	}
	return b.String()
}

// TestLedger holds every normative sentence of the RFCs to one owner, and docs/rfc-ledger.md to the ledger.
func TestLedger(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/rfc-ledger.txt")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/divergences.md")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]bool{}
	for _, c := range slices.Concat(entraCases(), rfcCases()) {
		cases[c.name] = true
	}
	rows, faults := readLedger(string(text))
	for _, fault := range append(faults, ledgerFaults(rows, testFunctions(t), cases, departures(string(page)))...) {
		t.Error(fault)
	}
	golden.Section(t, "../../docs/rfc-ledger.md", "ledger", ledgerPage(rows))
}

// Each kind of fault in the ledger is found.
func TestLedgerFaultsAreFound(t *testing.T) {
	t.Parallel()
	const right = "RFC 1\n1 1 MUST | A. | TestA/x\n1 2-3 SHALL NOT | B. | departs 4: odd\n2 1 SHOULD | C. | not ours: clients\n"
	known := []departure{{"3, 4", " an odd row "}, {"4", " another "}, {"5", " odd "}, {"5", " odd, too "}}
	for _, tt := range []struct{ name, old, with, fault string }{
		{"no fault", "", "", ""},
		{"no owner", " | TestA/x", "", "no row: 1 1 MUST | A.\nRFC 1 1 2: sentence 1 of the section is next"},
		{"an empty reason", "not ours: clients", "not ours: ", `RFC 1 2 1: no test, no departure and no reason: "not ours:"`},
		{"two owners", "TestA/x", "TestA/x | TestA", "RFC 1 1 1: two owners"},
		{"an unknown test", "TestA", "TestB", "RFC 1 1 1: there is no test TestB"},
		{"an unknown case", "TestA/x", "TestA/z", `RFC 1 1 1: there is no case "z"`},
		{"an unknown departure", "4: odd", "4: even", `RFC 1 1 2: 0 rows of docs/divergences.md are "4: even"`},
		{"an unclear departure", "4: odd", "5: odd", `RFC 1 1 2: 2 rows of docs/divergences.md are "5: odd"`},
		{"something else", "not ours: clients", "nobody", `RFC 1 2 1: no test, no departure and no reason: "nobody"`},
		{"a sentence left out", "1 2-3", "1 3", "RFC 1 1 3: sentence 2 of the section is next"},
		{"a sentence twice", "1 2-3", "1 1-3", "RFC 1 1 1: sentence 2 of the section is next"},
	} {
		rows, faults := readLedger(strings.Replace(right, tt.old, tt.with, 1))
		faults = append(faults, ledgerFaults(rows, map[string]bool{"TestA": true}, map[string]bool{"x": true}, known)...)
		if got := strings.Join(faults, "\n"); got != tt.fault {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.fault)
		}
	}
}
