package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"rollcall/shared/golden"
)

// clock is at 0 s at the first reading and 2.5 s later at the second.
func clock() func() time.Time {
	at := time.Unix(0, 0)
	return func() time.Time { defer func() { at = at.Add(2500 * time.Millisecond) }(); return at }
}

func recorded(t *testing.T, names ...string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range names {
		b, err := os.ReadFile("testdata/" + name + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// The recordings are real outputs of go test, of packages that pass with a skip, fail, do not build, have no tests,
// and end in the middle.
func TestSummarize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		inputs []string
		ok     bool
	}{
		{"passes", []string{"good", "none"}, true},
		{"fails", []string{"good", "bad"}, false},
		{"does-not-build", []string{"good", "nobuild"}, false},
		{"exits", []string{"good", "exits"}, false},
		{"no-test-ran", []string{"none"}, false},
		{"empty", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			ok, err := summarize(strings.NewReader(recorded(t, c.inputs...)), &out, clock())
			if err != nil || ok != c.ok {
				t.Errorf("gave %v, %v, want %v", ok, err, c.ok)
			}
			golden.Check(t, c.name, out.Bytes())
		})
	}
}

func TestInputThatBreaksOffIsAFailure(t *testing.T) {
	t.Parallel()
	lines := strings.SplitAfter(recorded(t, "good"), "\n")
	for cut := 1; cut < len(lines)-1; cut++ {
		var out bytes.Buffer
		ok, err := summarize(strings.NewReader(strings.Join(lines[:cut], "")), &out, clock())
		if err != nil || ok || !strings.Contains(out.String(), "breaks off") {
			t.Errorf("cut after line %d it gave %v, %v:\n%s", cut, ok, err, out.String())
		}
	}
}

func TestOtherLinesArePassedOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ok, err := summarize(strings.NewReader("a word from elsewhere\n"+recorded(t, "good")), &out, clock())
	if err != nil || !ok || !strings.HasPrefix(out.String(), "a word from elsewhere\n") {
		t.Errorf("gave %v, %v:\n%s", ok, err, out.String())
	}
}

func TestAFailedReadIsAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader(recorded(t, "good")), iotest.ErrReader(broken))
	if ok, err := summarize(in, io.Discard, clock()); ok || !errors.Is(err, broken) {
		t.Errorf("gave %v, %v, want the error", ok, err)
	}
}
