package adminapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/reqlog"
)

// request is one request in progress.
type request struct {
	api   *api
	w     http.ResponseWriter
	r     *http.Request
	id    string
	token string // the API key's clear text, from which secrets of this request derive
	key   directory.APIKey
	route *route
	ids   []string
	query url.Values
	body  []byte
	admin administration.Admin
}

func (r *request) ctx() context.Context { return r.r.Context() }

// as returns the administrator's session; in a dry run it writes nothing. Inlined in every handler it would make the
// admin function 100 KB larger.
//
//go:noinline
func (r *request) as() *administration.Session { return r.api.svc.As(r.admin) }

// clearText returns a secret's clear text, for the answer that created it; a dry run shows none.
func (r *request) clearText(secret string) string {
	if r.admin.DryRun {
		return ""
	}
	return secret
}

// answer is the result of an operation that succeeded.
type answer struct {
	status   int   // 0: 200
	version  int64 // for the ETag; 0: none
	location string
	waits    bool // for a second person: a dry run has the status, too
	body     any
	stream   *stream // instead of body
}

// authenticate sets the key of the request, which alone determines the tenant.
func (r *request) authenticate() error {
	scheme, token, _ := strings.Cut(r.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	r.token = strings.TrimSpace(token)
	key, err := r.api.svc.AuthenticateAPIKey(r.ctx(), r.token)
	if err != nil {
		return err
	}
	r.key = key
	kind := directory.ActorAPIKey
	if key.Role == directory.RoleOperator {
		kind = directory.ActorOperator
	}
	r.admin = administration.Admin{Tenant: key.Tenant,
		Actor: directory.Actor{Kind: kind, ID: string(key.ID), RequestID: directory.RequestID(r.id)}}
	reqlog.Set(r.ctx(), "tenant_id", string(key.Tenant))
	return nil
}

// answer runs the operation and writes what it returns.
func (r *request) answer() {
	if err := r.readQuery(); err != nil {
		r.fail(err)
		return
	}
	if r.r.Method == http.MethodGet {
		r.get()
		return
	}
	if err := r.readMutation(); err != nil {
		r.fail(err)
		return
	}
	r.runOnce()
}

// get answers a request that changes nothing.
func (r *request) get() {
	a, err := r.route.do(r)
	if err == nil && a.stream != nil {
		r.stream(*a.stream)
		return
	}
	r.render(a, err).write(r.w)
}

// run returns the operation's answer or error.
func (r *request) run() rendered { return r.render(r.propose(r.route.do(r))) }

func (r *request) render(a answer, err error) rendered {
	if err != nil {
		return renderError(r.r, r.id, err)
	}
	out := rendered{Status: a.status, Header: map[string]string{"Content-Type": "application/json"}}
	if t, ok := a.body.(textAnswer); ok {
		out.Body, out.Header["Content-Type"] = t.body, t.mediaType
		if t.next != "" {
			out.Header["Next-Cursor"] = t.next
		}
	} else {
		out.Body = encode(a.body)
	}
	if out.Status == 0 || r.admin.DryRun && !a.waits {
		out.Status = http.StatusOK
	}
	if a.version > 0 && !r.admin.DryRun {
		out.Header["ETag"] = etag(a.version)
	}
	if a.location != "" && !r.admin.DryRun {
		out.Header["Location"] = r.api.opts.Origin + strings.TrimSuffix(BasePath, "/") + a.location
	}
	return out
}

// readQuery checks that each parameter is known to the operation, given once and valid UTF-8.
func (r *request) readQuery() error {
	q, err := url.ParseQuery(r.r.URL.RawQuery)
	if err != nil {
		return faultf(http.StatusBadRequest, "the query is malformed")
	}
	var bad []fieldError
	for name, values := range q {
		switch {
		case !utf8.ValidString(name) || !slices.Contains(r.route.query, name):
			bad = append(bad, fieldError{strings.ToValidUTF8(name, "?"), "unknown parameter"})
		case len(values) > 1:
			bad = append(bad, fieldError{name, "the parameter is given more than once"})
		case !utf8.ValidString(values[0]):
			bad = append(bad, fieldError{name, "the parameter is not valid UTF-8"})
		}
	}
	if len(bad) > 0 {
		return invalid(sorted(bad)...)
	}
	r.query = q
	return nil
}

// readMutation reads the parts that only changing requests have: body, dryRun, If-Match.
func (r *request) readMutation() error {
	switch r.query.Get("dryRun") {
	case "true":
		r.admin.DryRun = true
	case "false":
	default:
		if r.query.Has("dryRun") {
			return invalid(fieldError{"dryRun", "dryRun must be true or false"})
		}
	}
	if v, ok := r.r.Header["If-Match"]; ok && !ifMatchForm.MatchString(strings.Join(v, ",")) {
		return invalid(fieldError{"If-Match", "If-Match must be *, or entity tags in the form of ETag"})
	}
	return r.readBody()
}

var ifMatchForm = regexp.MustCompile(`^\s*(\*|(W/)?"[\x21\x23-\x7e]*"(\s*,\s*(W/)?"[\x21\x23-\x7e]*")*)\s*$`)

// readBody reads the JSON body. Parameters of the media type are ignored: JSON has no other encoding (RFC 8259 §11).
func (r *request) readBody() error {
	body, err := io.ReadAll(http.MaxBytesReader(r.w, r.r.Body, MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return faultf(http.StatusRequestEntityTooLarge, "the request is larger than %d bytes", MaxBody)
	}
	if err != nil {
		return faultf(http.StatusBadRequest, "the body could not be read")
	}
	if len(body) == 0 {
		return nil
	}
	media, _, err := mime.ParseMediaType(r.r.Header.Get("Content-Type"))
	ok := media == "application/json" || media == "application/merge-patch+json" && r.r.Method == http.MethodPatch
	if r.csvImport() {
		if ok = media == "text/csv"; !ok {
			return faultf(http.StatusUnsupportedMediaType, "the body must be text/csv")
		}
	}
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || !ok {
		return faultf(http.StatusUnsupportedMediaType, "the body must be application/json")
	}
	if encoding := r.r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		r.w.Header().Set("Accept-Encoding", "identity")
		return faultf(http.StatusUnsupportedMediaType, "the body must be sent without a Content-Encoding")
	}
	if !utf8.Valid(body) {
		return faultf(http.StatusBadRequest, "the body is not valid UTF-8")
	}
	r.body = bytes.TrimPrefix(body, []byte("\ufeff")) // a byte order mark says nothing
	return nil
}

// etag returns the version of a resource in the form of the header. It is weak, because an answer also holds data
// without a version, such as counts.
func etag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch refuses a change whose precondition does not hold (RFC 9110 §13.1.1). Weak tags are compared, too: they
// promise the same version, which is all that the precondition requires.
func (r *request) ifMatch(version int64) error {
	want, ok := r.r.Header["If-Match"]
	if !ok {
		return nil
	}
	for t := range strings.SplitSeq(strings.Join(want, ","), ",") {
		if t = strings.TrimSpace(t); t == "*" || "W/"+strings.TrimPrefix(t, "W/") == etag(version) {
			return nil
		}
	}
	return directory.Errorf(directory.VersionMismatch, "the version of the resource does not match If-Match: read it again")
}

// pathID returns the n-th id of the path; noun names its kind in the error.
// Errors: NotFound for one that cannot exist.
func pathID[T ~string](r *request, n int, noun string) (T, error) {
	if id := r.ids[n]; wellFormed(id) {
		return T(id), nil
	}
	return "", directory.Errorf(directory.NotFound, "no such %s", noun)
}

// providerID returns the provider in the path.
func (r *request) providerID() (directory.ProviderID, error) {
	return pathID[directory.ProviderID](r, 0, "provider")
}

// limit returns the most items that the page may have.
func (r *request) limit() (int, error) {
	if !r.query.Has("limit") {
		return DefaultPageSize, nil
	}
	n, err := strconv.Atoi(r.query.Get("limit"))
	if err != nil || n < 1 || n > MaxPageSize {
		return 0, invalid(fieldError{"limit", "limit must be a number from 1 to " + strconv.Itoa(MaxPageSize)})
	}
	return n, nil
}

// choice returns a parameter that must be one of some words, or "".
func (r *request) choice(name string, words ...string) (string, error) {
	v := r.query.Get(name)
	if r.query.Has(name) && !slices.Contains(words, v) {
		return "", invalid(fieldError{name, name + " must be one of " + strings.Join(words, ", ")})
	}
	return v, nil
}

// searchText returns the parameter search.
func (r *request) searchText() (string, error) {
	v := r.query.Get("search")
	if utf8.RuneCountInString(v) > 200 {
		return "", invalid(fieldError{"search", "search has at most 200 characters"})
	}
	return v, nil
}
