package scimapi

import (
	"net/http"

	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// resource holds the handlers of a resource type's endpoints (RFC 7644 §3.2).
type resource struct {
	kind                    kind
	create                  func(*request)
	get, put, patch, delete func(r *request, id string)
}

var (
	users = resource{userKind{}, (*request).createUser, (*request).getUser, (*request).putUser, (*request).patchUser,
		(*request).deleteUser}
	groups = resource{groupKind{}, (*request).createGroup, (*request).getGroup, (*request).putGroup, (*request).patchGroup,
		(*request).deleteGroup}
)

func (rs resource) answer(r *request) {
	switch {
	case len(r.segments) == 1:
		if !r.allow(http.MethodGet, http.MethodPost) {
			return
		}
		if r.r.Method == http.MethodPost {
			r.logResource("create", "")
			rs.create(r)
			r.noteUnread()
			return
		}
		r.list(rs.kind)
	case len(r.segments) == 2 && r.segments[1] == ".search":
		if r.allow(http.MethodPost) {
			r.search(rs.kind)
		}
	case len(r.segments) == 2:
		if r.allow(http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete) {
			rs.answerOne(r, r.segments[1])
		}
	default:
		r.refuse(scim.Errorf(http.StatusNotFound, "", "no such endpoint"))
	}
}

func (rs resource) answerOne(r *request, id string) {
	r.logResource(r.r.Method, id)
	switch r.r.Method {
	case http.MethodGet:
		rs.get(r, id)
	case http.MethodPut:
		rs.put(r, id)
		r.noteUnread()
	case http.MethodPatch:
		rs.patch(r, id)
		r.noteUnread()
	case http.MethodDelete:
		rs.delete(r, id)
	}
}

// projection parses attributes and excludedAttributes of the URL for a resource type.
func (r *request) projection(rt *scim.ResourceType) (scim.Projection, error) {
	if r.r.URL.RawQuery == "" {
		return rt.ParseProjection(nil, nil)
	}
	q := r.r.URL.Query()
	return rt.ParseProjection(scim.SplitNames(q["attributes"]), scim.SplitNames(q["excludedAttributes"]))
}

// admitFor is admit for requests about one resource: it returns the error of the body, if any, after authentication,
// and parses the projection for the provider's types.
func (r *request) admitFor(k kind, bodyErr error) directory.Admit {
	return r.admit(func() (err error) {
		if bodyErr != nil {
			return bodyErr
		}
		r.proj, err = r.projection(k.resourceType(r.types))
		return err
	})
}

// patchBody reads the body of a PATCH, and returns it with the patch that it holds.
func (r *request) patchBody() (body scim.Value, patch scim.Patch, err error) {
	if body, err = r.body(); err == nil {
		patch, err = scim.ParsePatch(body)
		r.patch = patch
	}
	return body, patch, err
}

// answerDelete answers a DELETE.
func (r *request) answerDelete(err error) {
	if err != nil {
		r.fail(err)
		return
	}
	r.w.WriteHeader(http.StatusNoContent)
}

// respondResource writes a resource with its version and location.
func (r *request) respondResource(status int, version int64, location string, body []byte) {
	h, values := r.w.Header(), []string{etag(version), location, location}
	// As Set writes them, at half the cost.
	h["Etag"], h["Location"], h["Content-Location"] = values[:1:1], values[1:2:2], values[2:]
	r.respond(status, body)
}

// readOnly returns the part of a resource that no client may change, for comparison (rule C12).
func readOnly(resource scim.Value, more ...string) scim.Value {
	out := scim.ObjectValue()
	for _, name := range append([]string{"id", "schemas", "meta"}, more...) {
		out = out.With(name, resource.Get(name))
	}
	return out
}
