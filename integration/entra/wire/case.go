// Package wire replays recorded exchanges of Microsoft Entra ID's provisioning client, and of Microsoft's validation of
// SCIM endpoints, against a server. The exchanges in testdata form one story: sent in order to an empty provider of
// profile "entra" in an empty tenant, each must get the response that its case expects.
//
// It knows HTTP and JSON only and imports nothing of the service it tests.
package wire

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed testdata/*.json
var files embed.FS

// wireCase is one file of testdata: a request, its expected response, and optionally a GET that checks the new state.
type wireCase struct {
	Name      string            `json:"name"`
	Source    string            `json:"source"`
	Dialect   string            `json:"dialect"`
	Requires  string            `json:"requires"` // a key of Target.Has, or empty
	Request   request           `json:"request"`
	Expect    expectation       `json:"expect"`
	Capture   map[string]string `json:"capture"` // variable name to JSON Pointer into the response
	Then      *followUp         `json:"then"`
	Otherwise *otherwise        `json:"otherwise"`
}

// otherwise is the expectation where the required feature is missing; without it the case does not apply there.
type otherwise struct {
	Expect expectation `json:"expect"`
	Then   *followUp   `json:"then"`
}

type request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"` // percent-encoded, relative to the base URL, or ${tokenPath}
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	Form    map[string]string `json:"form"`
}

type expectation struct {
	Status  statuses          `json:"status"`
	Headers map[string]string `json:"headers"` // "present", or text the header must contain
	JSON    []assertion       `json:"json"`
	Notes   string            `json:"notes"`
}

// followUp is a GET sent right after the request of its case, with the same credentials.
type followUp struct {
	Path   string      `json:"path"`
	Status statuses    `json:"status"`
	JSON   []assertion `json:"json"`
}

// statuses is one allowed status or a list of them.
type statuses []int

// UnmarshalJSON reads a number or an array of numbers.
func (s *statuses) UnmarshalJSON(data []byte) error {
	var one int
	if json.Unmarshal(data, &one) == nil {
		*s = statuses{one}
		return nil
	}
	var many []int
	if err := json.Unmarshal(data, &many); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	*s = many
	return nil
}

// loadCases reads all cases in the order of their file names. An unknown member is an error: an assertion that is never
// evaluated would always pass.
func loadCases() ([]wireCase, error) {
	entries, err := files.ReadDir("testdata")
	if err != nil {
		return nil, err
	}
	cases := make([]wireCase, 0, len(entries))
	for _, e := range entries {
		data, err := files.ReadFile("testdata/" + e.Name())
		if err != nil {
			return nil, err
		}
		c, err := parseCase(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func parseCase(data []byte) (wireCase, error) {
	var c wireCase
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, err
	}
	if c.Name == "" || c.Request.Method == "" || len(c.Expect.Status) == 0 {
		return c, fmt.Errorf("name, request.method and expect.status are required")
	}
	all := slices.Clone(c.Expect.JSON)
	if c.Then != nil {
		all = append(all, c.Then.JSON...)
	}
	if c.Otherwise != nil {
		all = append(all, c.Otherwise.Expect.JSON...)
		if c.Otherwise.Then != nil {
			all = append(all, c.Otherwise.Then.JSON...)
		}
	}
	for _, a := range all {
		if a.kinds() == 0 {
			return c, fmt.Errorf("the assertion at %q is empty", a.At)
		}
	}
	return c, nil
}

// aboutTokens reports whether the case uses the token endpoint, which speaks OAuth and not SCIM.
func (c wireCase) aboutTokens() bool { return strings.Contains(c.Request.Path, "${tokenPath}") }
