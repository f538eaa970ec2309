package scimapi

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/reqlog"
	"rollcall/shared/scim"
)

const mediaType = "application/scim+json"

// request is one SCIM request in progress.
type request struct {
	api      *API
	w        http.ResponseWriter
	r        *http.Request
	base     string // public URL of the provider, without a slash at the end
	segments []string
	payload  payload
	caller   provisioning.Caller

	provider directory.Provider // set by admit
	types    *types
	proj     scim.Projection // of a response with one resource: set by admitFor

	sent  scim.Value // the body of a request that writes, and
	patch scim.Patch // of a PATCH what it holds
}

// allow answers 405 unless the method is one of those allowed.
func (r *request) allow(methods ...string) bool {
	if slices.Contains(methods, r.r.Method) {
		return true
	}
	r.w.Header().Set("Allow", strings.Join(methods, ", "))
	r.refuse(scim.Errorf(http.StatusMethodNotAllowed, "", "method not allowed here"))
	return false
}

// payload is the body of a request, or why it cannot be read.
type payload struct {
	data []byte
	err  error
}

// most is the most memory that is reserved for a body before its bytes have come.
const most = 16 << 10

// receive reads the body. Memory grows with the bytes that come, whatever length was announced.
func receive(w http.ResponseWriter, hr *http.Request) payload {
	if hr.Body == nil || hr.Body == http.NoBody {
		return payload{}
	}
	var data bytes.Buffer
	data.Grow(int(min(max(hr.ContentLength, 0), most)) + bytes.MinRead)
	_, err := data.ReadFrom(http.MaxBytesReader(w, hr.Body, scim.MaxPayloadBytes))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return payload{err: scim.Errorf(http.StatusRequestEntityTooLarge, "", "the request is larger than %d bytes", scim.MaxPayloadBytes)}
	}
	if err != nil {
		return payload{err: scim.Errorf(http.StatusBadRequest, scim.TypeInvalidSyntax, "the body could not be read")}
	}
	return payload{data: bytes.TrimPrefix(data.Bytes(), []byte("\ufeff"))} // a byte order mark says nothing (C33)
}

// body parses the JSON body. Parameters of the media type are ignored: JSON has no other encoding (RFC 8259 §11).
// Errors: 415 for another media type or an encoded body; 413 beyond scim.MaxPayloadBytes; 400 invalidSyntax.
func (r *request) body() (scim.Value, error) {
	if ct := r.r.Header.Get("Content-Type"); ct != "" {
		media, _, err := mime.ParseMediaType(ct)
		if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || media != mediaType && media != "application/json" {
			return scim.Value{},
				scim.Errorf(http.StatusUnsupportedMediaType, "", "the body must be application/scim+json or application/json")
		}
	}
	if encoding := r.r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		r.w.Header().Set("Accept-Encoding", "identity")
		return scim.Value{}, scim.Errorf(http.StatusUnsupportedMediaType, "", "the body must be sent without a Content-Encoding")
	}
	if r.payload.err != nil {
		return scim.Value{}, r.payload.err
	}
	var err error
	r.sent, err = scim.Parse(r.payload.data)
	return r.sent, err
}

// respond writes a JSON response.
func (r *request) respond(status int, body []byte) {
	h := r.w.Header()
	h.Set("Content-Type", mediaType)
	r.w.WriteHeader(status)
	// Writing fails only if the client has disconnected.
	_, _ = r.w.Write(body) //nolint:gosec // G705: JSON, which no browser renders: nosniff is set
}

// fail writes an error.
func (r *request) fail(err error) {
	if r.provider.ID != "" && !directory.IsKind(err, directory.NotFound) { // a 404 is no problem of the provider
		r.api.svc.NoteError(r.provider.ID)
		r.noteRefusal(err)
	}
	writeError(r.w, r.r, err)
}

// noteRefusal reports a request that was refused for what it holds, so that a person can see what a directory tries again
// and again: what it was about and why, and no values.
func (r *request) noteRefusal(err error) {
	e := toSCIM(err)
	if r.api.readOnly ||
		e.Status != http.StatusBadRequest && e.Status != http.StatusConflict && e.Status != http.StatusRequestEntityTooLarge {
		return
	}
	n := directory.RefusedRequest{Method: r.r.Method, Status: e.Status, ScimType: e.Type, RequestID: r.caller.RequestID}
	if rt := r.resourceType(); rt != nil {
		n.ResourceType, n.Attribute = rt.ID(), attributeOf(err, rt)
		if id := directory.ScimID(r.segments[len(r.segments)-1]); id.IsUser() || id.IsGroup() {
			n.ID = id
		}
	}
	var unknown *directory.UnknownMembersError
	if errors.As(err, &unknown) {
		n.MemberCount = len(unknown.IDs)
		for _, id := range unknown.IDs {
			if len(n.Members) < directory.MaxNamedMembers && (id.IsUser() || id.IsGroup()) { // other texts could be anything
				n.Members = append(n.Members, id)
			}
		}
	}
	r.api.svc.NoteRefusal(r.provider.ID, n)
}

// resourceType returns the resource type that a request is about, nil for another endpoint.
func (r *request) resourceType() *scim.ResourceType {
	switch {
	case r.types == nil || len(r.segments) == 0:
	case canonical(r.segments[0]) == "Users":
		return r.types.user
	case canonical(r.segments[0]) == "Groups":
		return r.types.group
	}
	return nil
}

// attributeOf returns what an error refuses, as far as that is known.
func attributeOf(err error, rt *scim.ResourceType) string {
	var business *directory.Error
	if errors.As(err, &business) && business.Attr != "" {
		return business.Attr
	}
	return toSCIM(err).Subject(rt)
}

// noteUnread reports names in a request that no schema has (C23).
func (r *request) noteUnread() {
	rt := r.resourceType()
	if rt == nil || r.provider.ID == "" || r.sent.IsNull() || r.api.readOnly {
		return
	}
	names := rt.Unread(r.sent, r.types.tolerance)
	if r.r.Method == http.MethodPatch {
		names = rt.UnreadIn(r.patch, r.types.tolerance)
	}
	if len(names) == 0 {
		return
	}
	out := make([]directory.UnreadAttribute, len(names))
	for i, n := range names {
		out[i] = directory.UnreadAttribute{Name: n.Name, Boolean: n.Boolean}
	}
	r.api.svc.NoteUnread(r.provider.ID, out)
}

// etag returns the version of a resource in the form of the header and meta.version (RFC 7644 §3.14).
func etag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch refuses a write whose precondition does not hold (RFC 7232 §3.1).
func (r *request) ifMatch(version int64) error {
	want := r.r.Header.Get("If-Match")
	if want == "" || matchesTag(want, etag(version)) {
		return nil
	}
	return directory.Errorf(directory.VersionMismatch, "the version of the resource does not match If-Match")
}

// notModified answers 304 when the client has the version of a resource already. beyond says that the response would show what no
// version covers: a user's groups, a manager's name.
func (r *request) notModified(version int64, location string, beyond bool) bool {
	if have := r.r.Header.Get("If-None-Match"); have == "" || beyond || !matchesTag(have, etag(version)) {
		return false
	}
	r.w.Header().Set("ETag", etag(version))
	r.w.Header().Set("Content-Location", location) // RFC 9110 §15.4.5
	r.w.WriteHeader(http.StatusNotModified)
	return true
}

// matchesTag compares weakly: W/"1" and "1" name the same version.
func matchesTag(list, tag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		t = strings.TrimSpace(t)
		if t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// logResource records the operation and the resource in the request's log event.
func (r *request) logResource(op, id string) {
	reqlog.Set(r.context(), "op", op)
	if directory.ScimID(id).IsUser() || directory.ScimID(id).IsGroup() {
		reqlog.Set(r.context(), "resource_id", id)
	}
}
