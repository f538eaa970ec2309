package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Target is the server under test: an empty provider of profile "entra" in an empty tenant.
type Target struct {
	// Do sends a request: the Do of an http.Client, or a handler called directly.
	Do func(*http.Request) (*http.Response, error)
	// BaseURL is the SCIM base URL as pasted into Entra; Token a bearer token that is valid there.
	BaseURL, Token string
	// Has names the features of this deployment: "custom-extension", "oauth", "federation". Cases that need another feature
	// do not apply, or expect a refusal.
	Has map[string]bool
	// Vars are further placeholders: tokenPath (absolute URL of the token endpoint), clientId, clientSecret,
	// signedAssertion.
	Vars map[string]string
}

// Result counts the cases of one replay. NotApplicable cases need a feature that Target.Has does not name. Failed cases
// are not counted.
type Result struct{ Passed, NotApplicable int }

// Exchange is the response to a case, or to the GET that follows it (Case then ends in " / then").
type Exchange struct {
	Case   string
	Status int
	Header http.Header // without Date, Content-Length and the headers of a single connection
	Body   []byte
}

// Replay sends all cases in order, one subtest each. In addition to the assertions of its case, every response must meet
// the rules for all SCIM responses: media type, form of errors and lists, no body in a 204, Location of a 201.
func Replay(t *testing.T, target Target) Result {
	t.Helper()
	cases, err := loadCases()
	if err != nil {
		t.Fatal(err)
	}
	return replay(t, target, cases)
}

func replay(t *testing.T, target Target, cases []wireCase) Result {
	t.Helper()
	var result Result
	r := newRunner(target)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			c, applies := c.forTarget(target)
			if !applies {
				result.NotApplicable++
				t.Logf("not applicable: this target has no %s", c.Requires)
				return
			}
			errs := r.run(c)
			for _, err := range errs {
				t.Error(err)
			}
			if len(errs) == 0 {
				result.Passed++
			}
		})
	}
	t.Logf("wire cases: %d passed, %d not applicable, %d in total", result.Passed, result.NotApplicable, len(cases))
	return result
}

// Record sends all cases that apply, in order, and returns the responses without checking them, so that two doors or two
// stores can be compared (Diff). With the same ids, clock and BaseURL on both sides they are equal byte for byte;
// otherwise see Normalize. An error means that a request could not be sent or an id could not be captured.
func Record(target Target) ([]Exchange, error) {
	cases, err := loadCases()
	if err != nil {
		return nil, err
	}
	var out []Exchange
	r := newRunner(target)
	r.seen = func(e Exchange) { out = append(out, e) }
	for _, c := range cases {
		c, applies := c.forTarget(target)
		if !applies {
			continue
		}
		answer, err := r.send(c.Name, c.Request)
		if err != nil {
			return out, fmt.Errorf("case %s: %w", c.Name, err)
		}
		if err := r.capture(c, answer); err != nil {
			return out, fmt.Errorf("case %s: %w", c.Name, err)
		}
		if c.Then != nil {
			if _, err := r.send(c.Name+" / then", r.get(c, *c.Then)); err != nil {
				return out, fmt.Errorf("case %s: %w", c.Name, err)
			}
		}
	}
	return out, nil
}

// forTarget returns the case with the expectation for this target, or false when the case does not apply.
func (c wireCase) forTarget(target Target) (wireCase, bool) {
	if c.Requires == "" || target.Has[c.Requires] {
		return c, true
	}
	if c.Otherwise == nil {
		return c, false
	}
	c.Expect, c.Then, c.Capture = c.Otherwise.Expect, c.Otherwise.Then, nil
	return c, true
}

// runner keeps the captured variables between cases.
type runner struct {
	target Target
	vars   map[string]string
	seen   func(Exchange)
}

func newRunner(target Target) *runner {
	vars := map[string]string{"token": target.Token}
	maps.Copy(vars, target.Vars)
	return &runner{target: target, vars: vars, seen: func(Exchange) {}}
}

// run sends a case and returns all violations in its responses.
func (r *runner) run(c wireCase) []error {
	answer, err := r.send(c.Name, c.Request)
	if err != nil {
		return []error{err}
	}
	errs := r.judge(answer, c.Expect, !c.aboutTokens())
	if err := r.capture(c, answer); err != nil {
		errs = append(errs, err)
	}
	if c.Then == nil {
		return errs
	}
	answer, err = r.send(c.Name+" / then", r.get(c, *c.Then))
	if err != nil {
		return append(errs, fmt.Errorf("then: %w", err))
	}
	for _, err := range r.judge(answer, expectation{Status: c.Then.Status, JSON: c.Then.JSON}, true) {
		errs = append(errs, fmt.Errorf("then: %w", err))
	}
	return errs
}

// get returns the request of a follow-up, with the credentials of its case.
func (r *runner) get(c wireCase, f followUp) request {
	headers := map[string]string{"Accept": "application/scim+json"}
	if auth, ok := c.Request.Headers["Authorization"]; ok {
		headers["Authorization"] = auth
	}
	return request{Method: http.MethodGet, Path: f.Path, Headers: headers}
}

func (r *runner) send(name string, q request) (Exchange, error) {
	address, err := r.expand(q.Path)
	if err != nil {
		return Exchange{}, err
	}
	if strings.HasPrefix(address, "/") {
		address = strings.TrimSuffix(r.target.BaseURL, "/") + address
	}
	body, err := r.body(q)
	if err != nil {
		return Exchange{}, err
	}
	req, err := http.NewRequest(q.Method, address, body)
	if err != nil {
		return Exchange{}, fmt.Errorf("build request: %w", err)
	}
	for name, value := range q.Headers {
		if value, err = r.expand(value); err != nil {
			return Exchange{}, err
		}
		req.Header.Set(name, value)
	}
	resp, err := r.target.Do(req)
	if err != nil {
		return Exchange{}, fmt.Errorf("send request: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return Exchange{}, fmt.Errorf("read response: %w", err)
	}
	header := resp.Header.Clone()
	for _, drop := range []string{"Date", "Content-Length", "Connection", "Keep-Alive", "Transfer-Encoding"} {
		header.Del(drop)
	}
	e := Exchange{Case: name, Status: resp.StatusCode, Header: header, Body: data}
	r.seen(e)
	return e, nil
}

// body renders the request body.
func (r *runner) body(q request) (io.Reader, error) {
	switch {
	case q.Form != nil:
		form := url.Values{}
		for name, value := range q.Form {
			value, err := r.expand(value)
			if err != nil {
				return nil, err
			}
			form.Set(name, value)
		}
		return strings.NewReader(form.Encode()), nil
	case q.Body != nil:
		var compact bytes.Buffer
		if err := json.Compact(&compact, q.Body); err != nil {
			return nil, err
		}
		text, err := r.expandWith(compact.String(), jsonEscape)
		if err != nil {
			return nil, err
		}
		return strings.NewReader(text), nil
	}
	return http.NoBody, nil // never nil: Target.Do may be a handler
}

func (r *runner) capture(c wireCase, answer Exchange) error {
	if len(c.Capture) == 0 {
		return nil
	}
	var doc any
	if err := json.Unmarshal(answer.Body, &doc); err != nil {
		return fmt.Errorf("capture: the response with status %d is not JSON", answer.Status)
	}
	for name, pointer := range c.Capture {
		v, _ := resolve(doc, pointer)
		text, ok := v.(string)
		if !ok || text == "" {
			return fmt.Errorf("capture %s: nothing at %s", name, pointer)
		}
		r.vars[name] = text
	}
	return nil
}

// judge checks a response against the expectation of its case and, for SCIM, the rules for every response.
func (r *runner) judge(answer Exchange, want expectation, scim bool) []error {
	var errs []error
	if !slices.Contains(want.Status, answer.Status) {
		errs = append(errs, fmt.Errorf("status is %d, want %v; body: %.500s", answer.Status, []int(want.Status), answer.Body))
	}
	for name, text := range want.Headers {
		got := answer.Header.Get(name)
		if got == "" || (text != "present" && !strings.Contains(got, text)) {
			errs = append(errs, fmt.Errorf("header %s is %q, want %q", name, got, text))
		}
	}
	var doc any
	if len(answer.Body) > 0 {
		if err := json.Unmarshal(answer.Body, &doc); err != nil {
			return append(errs, fmt.Errorf("the body is not JSON: %w", err))
		}
	}
	for _, a := range want.JSON {
		errs = append(errs, a.check(doc, r.expand)...)
	}
	if scim {
		return append(errs, invariants(answer, doc)...)
	}
	if mediaType(answer) != "application/json" {
		errs = append(errs, errors.New("the media type of the token endpoint must be application/json"))
	}
	return errs
}

// invariants checks the rules for every SCIM response (RFC 7644 §3.1, §3.3, §3.4.2, §3.12).
func invariants(answer Exchange, doc any) []error {
	if len(answer.Body) == 0 {
		return nil
	}
	if answer.Status == http.StatusNoContent {
		return []error{errors.New("a 204 must not have a body")}
	}
	var errs []error
	if m := mediaType(answer); m != "application/scim+json" {
		errs = append(errs, fmt.Errorf("media type is %q, want application/scim+json", m))
	}
	object, _ := doc.(map[string]any)
	schemas, _ := object["schemas"].([]any)
	switch {
	case answer.Status >= 400:
		if !holds(schemas, "urn:ietf:params:scim:api:messages:2.0:Error") || object["status"] != fmt.Sprint(answer.Status) {
			errs = append(errs, fmt.Errorf("not an error body with status %q: %.300s", fmt.Sprint(answer.Status), answer.Body))
		}
	case answer.Status == http.StatusCreated:
		if location, ok := resolve(doc, "/meta/location"); !ok || location != answer.Header.Get("Location") {
			errs = append(errs, fmt.Errorf("header Location %q differs from meta.location %s", answer.Header.Get("Location"), show(location, ok)))
		}
	case holds(schemas, "urn:ietf:params:scim:api:messages:2.0:ListResponse"):
		resources, ok := object["Resources"].([]any)
		total, _ := object["totalResults"].(float64)
		items, there := object["itemsPerPage"].(float64)
		if !ok || (there && int(items) != len(resources)) || int(total) < len(resources) {
			errs = append(errs,
				fmt.Errorf("list of %d with itemsPerPage %s and totalResults %v", len(resources), show(object["itemsPerPage"], there), total))
		}
	}
	return errs
}

func mediaType(e Exchange) string {
	m, _, err := mime.ParseMediaType(e.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return m
}

var (
	placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)
	basicPair   = regexp.MustCompile(`^basic\((\w+):(\w+)\)$`)
)

func (r *runner) expand(text string) (string, error) {
	return r.expandWith(text, func(s string) string { return s })
}

// expandWith replaces ${name} and ${basic(name:name)}; a name without a value is an error.
func (r *runner) expandWith(text string, escape func(string) string) (string, error) {
	var missing []string
	value := func(name string) string {
		v, ok := r.vars[name]
		if !ok {
			missing = append(missing, name)
		}
		return v
	}
	out := placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		if pair := basicPair.FindStringSubmatch(name); pair != nil {
			// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
			joined := url.QueryEscape(value(pair[1])) + ":" + url.QueryEscape(value(pair[2]))
			return base64.StdEncoding.EncodeToString([]byte(joined))
		}
		return escape(value(name))
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("no value for %s: an earlier case failed, or Target.Vars lacks it", strings.Join(missing, ", "))
	}
	return out, nil
}

func jsonEscape(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(quoted[1 : len(quoted)-1])
}
