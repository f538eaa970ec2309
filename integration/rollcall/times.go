package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// readDuration parses a duration like time.ParseDuration, with optional days in front: 7d, 1d12h.
func readDuration(s string) (time.Duration, error) {
	var days uint64
	if before, after, found := strings.Cut(s, "d"); found {
		var err error
		if days, err = strconv.ParseUint(before, 10, 16); err != nil {
			return 0, err
		}
		s = cmp.Or(after, "0")
	}
	d, err := time.ParseDuration(s)
	if err == nil && d < 0 {
		err = errors.New("must not be negative")
	}
	return time.Duration(days)*24*time.Hour + d, err
}

// readSeconds parses a duration into the seconds of a request.
func readSeconds(s string) (any, error) {
	d, err := readDuration(s)
	if err != nil || d%time.Second != 0 {
		return nil, errors.New("must be whole seconds, such as 15m, 24h or 7d")
	}
	return int64(d / time.Second), nil
}

// readTime parses a date, a time of RFC 3339, or a duration after now; with a negative sign, before now.
func readTime(s string, now time.Time, sign time.Duration) (any, error) {
	if d, err := readDuration(s); err == nil {
		return now.Add(sign * d).UTC().Format(time.RFC3339), nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t.Format(time.RFC3339), nil
	}
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return nil, errors.New("must be a duration such as 1h or 7d, a date such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z")
	}
	return s, nil
}

// showTime formats a time of the API: relative on a terminal, otherwise in UTC to the second, so that columns align.
func (p *program) showTime(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	if p.terminal {
		return relative(t.Sub(p.now()))
	}
	return t.UTC().Format(time.RFC3339)
}

// relative returns "3 minutes ago" or "in 2 hours".
func relative(d time.Duration) string {
	a := d.Abs()
	var n int
	unit := ""
	switch {
	case a < 5*time.Second:
		return "now"
	case a < time.Minute:
		n, unit = int(a/time.Second), "second"
	case a < time.Hour:
		n, unit = int(a/time.Minute), "minute"
	case a < 48*time.Hour:
		n, unit = int(a/time.Hour), "hour"
	default:
		n, unit = int(a/(24*time.Hour)), "day"
	}
	text := count(n, unit, unit+"s")
	if d > 0 {
		return "in " + text
	}
	return text + " ago"
}

// showSeconds formats a number of seconds as readSeconds parses it.
func showSeconds(s string) string {
	n, err := strconv.Atoi(s)
	if err != nil {
		return s
	}
	const day = 24 * 60 * 60
	if n > 0 && n%day == 0 {
		return strconv.Itoa(n/day) + "d"
	}
	text := (time.Duration(n) * time.Second).String() // such as 1h0m0s
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}

// countdown formats the remaining time like a clock: 12:41 or 1:05:00; from 48 hours, in days.
func countdown(d time.Duration) string {
	s := int(d / time.Second)
	h, m, s := s/3600, s/60%60, s%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%d days", h/24)
	case h > 0:
		return fmt.Sprintf("%d:%02d:%02d", h, m, s)
	}
	return fmt.Sprintf("%d:%02d", m, s)
}

// count returns a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
