package main

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Exit codes of every command; `rollcall help exit-codes` explains them.
const (
	exitOK       = 0
	exitFailed   = 1 // the server refused or failed, or a verification failed
	exitUsage    = 2
	exitNoAccess = 3 // the server could not be reached, or did not accept the key
	exitNotFound = 4
)

// failure is an error with its exit code.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

func failf(code int, format string, a ...any) error {
	return &failure{code, fmt.Sprintf(format, a...)}
}

func usagef(format string, a ...any) error { return failf(exitUsage, format, a...) }

// exitCode returns the exit code of an error.
func exitCode(err error) int {
	var f *failure
	var r *refusal
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &f):
		return f.code
	case errors.As(err, &r):
		return r.code()
	}
	return exitFailed
}

// refusal is an error response of the admin API (RFC 9457).
type refusal struct {
	status  int
	problem object
	op      operation
	address string
}

func (r *refusal) code() int {
	switch r.status {
	case http.StatusUnauthorized:
		return exitNoAccess
	case http.StatusNotFound:
		return exitNotFound
	}
	return exitFailed
}

func (r *refusal) Error() string { return r.text(nil) }

// field returns the problem's detail about a member, or "".
func (r *refusal) field(name string) string {
	for _, f := range list(r.problem, "errors") {
		if text(f, "field") == name {
			return text(f, "detail")
		}
	}
	return ""
}

// text returns the message for the user, with the names of flags instead of members.
func (r *refusal) text(flags []flag) string {
	detail := text(r.problem, "detail")
	if detail == "" {
		detail = http.StatusText(r.status)
	}
	var lines []string
	for _, f := range list(r.problem, "errors") {
		member, about := text(f, "field"), text(f, "detail")
		name, _, _ := strings.Cut(member, "[")
		line := member + ": " + about
		if i := slices.IndexFunc(flags, func(f flag) bool { return f.member == name || f.name == name }); i >= 0 {
			line = "--" + flags[i].name + ": " + withFlags(inUnits(name, withoutMember(name, about)), flags)
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = []string{withFlags(detail, flags)}
	}
	switch {
	case r.status == http.StatusForbidden && len(r.op.roles) > 0:
		lines = append(lines, "This needs a key with the role "+orList(r.op.roles)+".")
	case r.status == http.StatusUnauthorized:
		lines = append(lines, "The server is "+r.address+".")
	case r.status == http.StatusPreconditionFailed:
		lines = append(lines, "Another administrator changed it in the meantime: nothing was written. Check it, and run the command again.")
	case r.status >= http.StatusInternalServerError && text(r.problem, "instance") != "":
		lines = append(lines, "The cause is in the server's log, under request "+text(r.problem, "instance")+".")
	}
	return strings.Join(lines, "\n  ")
}

// withoutMember removes the member's name, or its last part, from the beginning of a detail.
func withoutMember(member, about string) string {
	first, rest, found := strings.Cut(about, " ")
	if found && strings.HasSuffix(strings.ToLower(member), strings.ToLower(first)) {
		return rest
	}
	return about
}

var secondsRange = regexp.MustCompile(`a whole number from (\d+) to (\d+)`)

// inUnits writes limits in seconds as flags take them.
func inUnits(member, about string) string {
	limits := secondsRange.FindStringSubmatch(about)
	if limits == nil || !strings.HasSuffix(member, "Seconds") {
		return about
	}
	return strings.Replace(about, limits[0], "from "+showSeconds(limits[1])+" to "+showSeconds(limits[2]), 1)
}

// withFlags replaces the names of members by those of their flags, at the beginning and wherever the name cannot be an
// English word.
func withFlags(s string, flags []flag) string {
	for _, f := range flags {
		if rest, ok := strings.CutPrefix(s, f.member+" "); ok && f.member != "" {
			s = "--" + f.name + " " + rest
		}
		if strings.ContainsFunc(f.member, unicode.IsUpper) {
			s = strings.ReplaceAll(s, f.member, "--"+f.name)
		}
	}
	return s
}

// orList returns "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// nearest returns the candidate that differs least from a mistyped word, or "" when none is near.
func nearest(word string, candidates []string) string {
	best, least := "", min(2, max(1, len(word)/2-1))+1
	for _, c := range candidates {
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if len(word) > 1 && strings.HasPrefix(strings.ToLower(c), strings.ToLower(word)) {
			d = 1
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance returns the number of letters to insert, delete, replace or swap with a neighbour to turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}

// didYouMean returns the end of a message about a mistyped word, or "".
func didYouMean(word string, candidates []string) string {
	if n := nearest(word, candidates); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}
