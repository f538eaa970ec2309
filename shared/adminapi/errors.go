package adminapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/reqlog"
)

// statuses maps the kinds of business errors to HTTP, here and nowhere else.
var statuses = map[directory.Kind]int{
	directory.Invalid:         http.StatusBadRequest,
	directory.NotFound:        http.StatusNotFound,
	directory.Conflict:        http.StatusConflict,
	directory.VersionMismatch: http.StatusPreconditionFailed,
	directory.Unauthenticated: http.StatusUnauthorized,
	directory.Forbidden:       http.StatusForbidden,
	directory.TooLarge:        http.StatusRequestEntityTooLarge,
	directory.TooMany:         http.StatusBadRequest,
	directory.Unavailable:     http.StatusServiceUnavailable,
}

// problemTypes holds the name of each status for programs: urn:rollcall:problem:<name>.
var problemTypes = map[int]string{
	http.StatusBadRequest:            "invalid",
	http.StatusUnauthorized:          "unauthenticated",
	http.StatusForbidden:             "forbidden",
	http.StatusNotFound:              "not-found",
	http.StatusMethodNotAllowed:      "method-not-allowed",
	http.StatusConflict:              "conflict",
	http.StatusPreconditionFailed:    "version-mismatch",
	http.StatusRequestEntityTooLarge: "too-large",
	http.StatusUnsupportedMediaType:  "unsupported-media-type",
	http.StatusUnprocessableEntity:   "idempotency-key-reused",
	http.StatusServiceUnavailable:    "unavailable",
	http.StatusInternalServerError:   "internal",
}

// fieldError is the error in one member of the body or one parameter.
type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// problem is the answer to a request that failed (RFC 9457).
type problem struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail"`
	Instance string       `json:"instance"` // the request's id
	Errors   []fieldError `json:"errors,omitempty"`
}

// fault is a protocol error with its status.
type fault struct {
	status int
	detail string
	fields []fieldError
}

func (f *fault) Error() string { return f.detail }

func faultf(status int, format string, a ...any) *fault {
	return &fault{status: status, detail: fmt.Sprintf(format, a...)}
}

// invalid returns the fault for wrong members or parameters.
func invalid(fields ...fieldError) *fault {
	return &fault{status: http.StatusBadRequest, detail: "the request is not valid; see errors", fields: fields}
}

// toProblem converts any error to the one that the client sees. Errors of unknown kind show no detail.
func toProblem(err error) problem {
	p := problem{Status: http.StatusInternalServerError, Detail: "an internal error occurred; it was logged under the request's id"}
	var f *fault
	var business *directory.Error
	var config administration.ConfigErrors
	switch {
	case errors.As(err, &f):
		p.Status, p.Detail, p.Errors = f.status, f.detail, f.fields
	case errors.As(err, &config):
		p.Status, p.Detail, p.Errors = ofConfig(config)
	case errors.As(err, &business):
		status, known := statuses[business.Kind]
		if !known {
			break
		}
		p.Status, p.Detail = status, business.Detail
		if p.Detail == "" {
			p.Detail = business.Kind.String()
		}
		if business.Attr != "" {
			p.Errors = []fieldError{{business.Attr, p.Detail}}
		}
	}
	p.Type, p.Title = "urn:rollcall:problem:"+problemTypes[p.Status], http.StatusText(p.Status)
	return p
}

// maxConfigErrors is how many errors of a configuration an answer lists.
const maxConfigErrors = 200

// ofConfig converts the errors of a configuration: 400, unless the state forbids all that is wrong with it.
func ofConfig(all administration.ConfigErrors) (status int, detail string, fields []fieldError) {
	status, detail = statuses[all[0].Kind], "the configuration is not valid, and nothing was changed; see errors"
	for i, e := range all {
		if statuses[e.Kind] != status {
			status = http.StatusBadRequest
		}
		if i < maxConfigErrors {
			fields = append(fields, fieldError{e.Attr, e.Detail})
		}
	}
	if len(all) == 1 {
		detail = all[0].Detail
	}
	if more := len(all) - maxConfigErrors; more > 0 {
		detail += fmt.Sprintf(" (%d more are not listed)", more)
	}
	return status, detail, fields
}

// rendered is an answer ready to be written, or to be kept for a repeated request.
type rendered struct {
	Status int
	Header map[string]string
	Body   []byte
}

// renderError returns the answer to an error, and logs the cause of a fault.
func renderError(r *http.Request, instance string, err error) rendered {
	p := toProblem(err)
	p.Instance = instance
	out := rendered{Status: p.Status, Header: map[string]string{"Content-Type": "application/problem+json"}}
	switch p.Status {
	case http.StatusUnauthorized:
		out.Header["WWW-Authenticate"] = `Bearer realm="rollcall"`
	case http.StatusServiceUnavailable:
		out.Header["Retry-After"] = "5"
	}
	reqlog.Set(r.Context(), "problem", problemTypes[p.Status])
	if p.Status >= http.StatusInternalServerError && directory.IsFault(err) {
		reqlog.Fail(r.Context(), err)
	}
	out.Body = encode(p)
	return out
}

// encode returns the JSON of an answer; it fails for none of our types.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(b, '\n')
}

func (out rendered) write(w http.ResponseWriter) {
	for name, value := range out.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(out.Status)
	_, _ = w.Write(out.Body) // fails only if the client has disconnected
}

func (r *request) fail(err error) { renderError(r.r, r.id, err).write(r.w) }

// Panicked answers a request whose handler panicked; reqlog calls it.
func Panicked(w http.ResponseWriter, r *http.Request) {
	renderError(r, reqlog.RequestID(r.Context()), errors.New("panic")).write(w)
}
