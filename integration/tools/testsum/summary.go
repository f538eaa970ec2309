package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// event is a line of `go test -json` (see `go doc test2json`).
type event struct {
	Action      string
	Package     string
	Test        string
	Output      string
	Elapsed     float64 // seconds
	ImportPath  string  // of build-output and build-fail
	FailedBuild string
}

// testRun is one test while it runs, and after it failed.
type testRun struct {
	name   string
	output strings.Builder
}

// pkgRun is one package while it runs.
type pkgRun struct {
	tests   int
	failed  []*testRun
	running []*testRun // in the order of their start
	skipped []string
	output  strings.Builder // what belongs to no test
}

type summary struct {
	out     io.Writer
	pkgs    map[string]*pkgRun
	builds  map[string]*strings.Builder // what the compiler said, by import path
	tests   int
	failed  []string
	skipped []string
}

// summarize reads events until the input ends and reports whether tests ran and all passed. An error means that in
// could not be read or out not be written.
func summarize(in io.Reader, out io.Writer, now func() time.Time) (bool, error) {
	start := now()
	w := bufio.NewWriter(out)
	s := &summary{out: w, pkgs: map[string]*pkgRun{}, builds: map[string]*strings.Builder{}}
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			s.line(line)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, err
		}
		if r.Buffered() == 0 { // nothing to read at once: show what there is
			if err := w.Flush(); err != nil {
				return false, err
			}
		}
	}
	s.close(now().Sub(start))
	return len(s.failed) == 0 && s.tests > 0, w.Flush()
}

func (s *summary) printf(format string, a ...any) {
	_, _ = fmt.Fprintf(s.out, format, a...) // a bufio.Writer keeps its first error for Flush
}

func (s *summary) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		s.printf("%s\n", strings.TrimSuffix(string(line), "\n")) // not from the test runner: pass it on
		return
	}
	if e.ImportPath != "" {
		if s.builds[e.ImportPath] == nil {
			s.builds[e.ImportPath] = new(strings.Builder)
		}
		s.builds[e.ImportPath].WriteString(e.Output)
		return
	}
	p := s.pkgs[e.Package]
	if p == nil {
		p = &pkgRun{}
		s.pkgs[e.Package] = p
	}
	if e.Test == "" {
		s.pkgEvent(p, e)
	} else {
		p.testEvent(e)
	}
}

func (p *pkgRun) testEvent(e event) {
	i := slices.IndexFunc(p.running, func(t *testRun) bool { return t.name == e.Test })
	if i < 0 {
		p.running = append(p.running, &testRun{name: e.Test})
		i = len(p.running) - 1
	}
	t := p.running[i]
	switch e.Action {
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") { // RUN, PAUSE, CONT, NAME
			t.output.WriteString(e.Output)
		}
		return
	case "pass":
		p.tests++
	case "fail":
		p.tests++
		p.failed = append(p.failed, t)
	case "skip":
		p.tests++
		p.skipped = append(p.skipped, e.Test)
	default:
		return
	}
	p.running = slices.Delete(p.running, i, i+1)
}

func (s *summary) pkgEvent(p *pkgRun, e event) {
	switch e.Action {
	case "output":
		p.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		s.finish(e, p)
		delete(s.pkgs, e.Package)
	}
}

// finish prints a package and adds it to the sums.
func (s *summary) finish(e event, p *pkgRun) {
	for _, t := range p.running {
		t.output.WriteString("it did not finish\n")
		p.failed = append(p.failed, t)
		p.tests++
	}
	s.tests += p.tests
	for _, name := range p.skipped {
		s.skipped = append(s.skipped, e.Package+" "+name)
	}
	switch {
	case e.Action == "fail" || len(p.failed) > 0:
		s.printf("FAIL  %s  %d tests, %.1f s\n", e.Package, p.tests, e.Elapsed)
		for _, t := range p.failed {
			s.printf("      %s\n%s", t.name, indent(t.output.String()))
			s.failed = append(s.failed, e.Package+" "+t.name)
		}
		if len(p.failed) == 0 {
			s.failed = append(s.failed, e.Package+" (the package itself)")
			s.tests++
		}
		if b := s.builds[e.FailedBuild]; b != nil {
			s.printf("%s", indent(b.String()))
		}
		s.printf("%s", indent(p.output.String()))
	case p.tests == 0:
		s.printf("-     %s  no tests\n", e.Package)
	default:
		s.printf("ok    %s  %d tests, %.1f s\n", e.Package, p.tests, e.Elapsed)
	}
}

// close reports what never ended, and prints the closing lines.
func (s *summary) close(took time.Duration) {
	var left []string
	for name := range s.pkgs {
		left = append(left, name)
	}
	slices.Sort(left)
	for _, name := range left {
		p := s.pkgs[name]
		p.output.WriteString("the output breaks off here\n")
		s.finish(event{Action: "fail", Package: name}, p)
	}
	s.printf("\n")
	for _, name := range s.skipped {
		s.printf("skipped: %s\n", name)
	}
	for _, name := range s.failed {
		s.printf("failed: %s\n", name)
	}
	if s.tests == 0 {
		s.printf("no test ran\n")
	}
	s.printf("%d tests, %d failed, %d skipped, in %s\n", s.tests, len(s.failed), len(s.skipped), took.Round(100*time.Millisecond))
}

func indent(text string) string {
	if text == "" {
		return ""
	}
	return "        " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n        ") + "\n"
}
