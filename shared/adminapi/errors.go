package adminapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

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

// problemTypes name each status for programs: urn:rollcall:problem:<name>.
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

// fieldError says what is wrong with one member of the body or one parameter.
type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// problem is an error answer (RFC 9457).
type problem struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail"`
	Instance string       `json:"instance"` // the request's id
	Errors   []fieldError `json:"errors,omitempty"`
}

// fault is an error of the protocol, with its status.
type fault struct {
	status int
	detail string
	fields []fieldError
}

func (f *fault) Error() string { return f.detail }

func faultf(status int, format string, a ...any) *fault {
	return &fault{status: status, detail: fmt.Sprintf(format, a...)}
}

// invalid is the fault of a request whose members or parameters are wrong.
func invalid(fields ...fieldError) *fault {
	return &fault{status: http.StatusBadRequest, detail: "the request is not valid; see errors", fields: fields}
}

// toProblem turns any error into what the client is told. Errors of unknown kind show no detail.
func toProblem(err error) problem {
	p := problem{Status: http.StatusInternalServerError, Detail: "an internal error occurred; it was logged under the request's id"}
	var f *fault
	var business *directory.Error
	switch {
	case errors.As(err, &f):
		p.Status, p.Detail, p.Errors = f.status, f.detail, f.fields
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

// rendered is an answer ready to be written, and to be kept for a repeated request.
type rendered struct {
	Status int
	Header map[string]string
	Body   []byte
}

// renderError makes the answer to an error; the cause of an internal one goes to the log.
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
	if p.Status >= http.StatusInternalServerError {
		reqlog.Fail(r.Context(), err)
	}
	out.Body = encode(p)
	return out
}

// encode is the JSON of our own answers, which always have one.
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
	_, _ = w.Write(out.Body) // a client that went away cannot be told
}

func (r *request) fail(err error) { renderError(r.r, r.id, err).write(r.w) }

// Panicked answers a request whose handler panicked; reqlog calls it.
func Panicked(w http.ResponseWriter, r *http.Request) {
	renderError(r, reqlog.RequestID(r.Context()), errors.New("panic")).write(w)
}
