package scimapi

import (
	"errors"
	"net/http"

	"rollcall/shared/directory"
	"rollcall/shared/reqlog"
	"rollcall/shared/scim"
)

// statuses maps the kinds of business errors to HTTP (RFC 7644 §3.12), here and nowhere else.
var statuses = map[directory.Kind]struct {
	status   int
	scimType string
}{
	directory.Invalid:         {http.StatusBadRequest, scim.TypeInvalidValue},
	directory.NotFound:        {http.StatusNotFound, ""},
	directory.Conflict:        {http.StatusConflict, scim.TypeUniqueness},
	directory.VersionMismatch: {http.StatusPreconditionFailed, ""},
	directory.Unauthenticated: {http.StatusUnauthorized, ""},
	directory.Forbidden:       {http.StatusForbidden, ""},
	directory.TooLarge:        {http.StatusRequestEntityTooLarge, ""},
	directory.TooMany:         {http.StatusBadRequest, scim.TypeTooMany},
	directory.Unavailable:     {http.StatusServiceUnavailable, ""},
}

// toSCIM converts any error to the one that the client sees. Errors of unknown kind show no detail.
func toSCIM(err error) *scim.Error {
	var protocol *scim.Error
	if errors.As(err, &protocol) {
		return protocol
	}
	var business *directory.Error
	if errors.As(err, &business) {
		if s, ok := statuses[business.Kind]; ok {
			detail := business.Detail
			if detail == "" {
				detail = business.Kind.String()
			}
			return &scim.Error{Status: s.status, Type: s.scimType, Detail: detail}
		}
	}
	return &scim.Error{Status: http.StatusInternalServerError, Detail: "an internal error occurred; it was logged under the request's id"}
}

// writeError writes every error response.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	e := toSCIM(err)
	h := w.Header()
	switch e.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "5")
		}
	}
	if e.Type != "" {
		reqlog.Set(r.Context(), "scim_type", e.Type)
	}
	if e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented && directory.IsFault(err) {
		reqlog.Fail(r.Context(), err)
	}
	h.Set("Content-Type", mediaType)
	w.WriteHeader(e.Status)
	_, _ = w.Write(e.Append(nil))
}

// Panicked answers a request whose handler panicked; reqlog calls it.
func Panicked(w http.ResponseWriter, r *http.Request) {
	writeError(w, r, errors.New("panic"))
}
