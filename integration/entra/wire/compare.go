package wire

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var (
	createdID   = regexp.MustCompile(`"id"\s*:\s*"([^":]+)"`)
	accessToken = regexp.MustCompile(`("access_token"\s*:\s*)"[^"]*"`)
	instant     = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)
)

// Normalize returns the exchanges with placeholders for values that differ between deployments: the base URL, the ids of
// created resources (numbered in order of creation), times and access tokens. Request ids are removed. baseURL is the
// Target.BaseURL of the recording.
func Normalize(baseURL string, exchanges []Exchange) []Exchange {
	var pairs []string
	for _, e := range exchanges {
		if e.Status != http.StatusCreated {
			continue
		}
		if m := createdID.FindSubmatch(e.Body); m != nil {
			pairs = append(pairs, string(m[1]), fmt.Sprintf("${id%d}", len(pairs)/2+1))
		}
	}
	pairs = append(pairs, strings.TrimSuffix(baseURL, "/"), "${base}")
	replacer := strings.NewReplacer(pairs...)
	clean := func(s string) string {
		s = accessToken.ReplaceAllString(replacer.Replace(s), `$1"${token}"`)
		return instant.ReplaceAllString(s, "${time}")
	}
	out := make([]Exchange, len(exchanges))
	for i, e := range exchanges {
		header := http.Header{}
		for name, values := range e.Header {
			if strings.HasSuffix(name, "Request-Id") || strings.HasSuffix(name, "Requestid") {
				continue
			}
			for _, v := range values {
				header.Add(name, clean(v))
			}
		}
		out[i] = Exchange{Case: e.Case, Status: e.Status, Header: header, Body: []byte(clean(string(e.Body)))}
	}
	return out
}

// Diff compares two recordings and returns one line for each difference in status, headers or body.
func Diff(a, b []Exchange) []string {
	var out []string
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i].Case != b[i].Case {
			return append(out, fmt.Sprintf("exchange %d: the recordings have different cases (%d and %d exchanges)", i+1, len(a), len(b)))
		}
		if a[i].Status != b[i].Status {
			out = append(out, fmt.Sprintf("%s: status %d and %d", a[i].Case, a[i].Status, b[i].Status))
		}
		names := slices.Sorted(maps.Keys(a[i].Header))
		for name := range b[i].Header {
			if _, ok := a[i].Header[name]; !ok {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			if x, y := a[i].Header.Values(name), b[i].Header.Values(name); !slices.Equal(x, y) {
				out = append(out, fmt.Sprintf("%s: header %s %q and %q", a[i].Case, name, x, y))
			}
		}
		if !bytes.Equal(a[i].Body, b[i].Body) {
			out = append(out, fmt.Sprintf("%s: body %.400s and %.400s", a[i].Case, a[i].Body, b[i].Body))
		}
	}
	return out
}
