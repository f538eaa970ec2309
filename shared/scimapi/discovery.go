package scimapi

import (
	"net/http"

	"rollcall/shared/casefold"
	"rollcall/shared/scim"
)

// discover answers the endpoints that describe the service. They include the provider's own extensions and require its
// token.
func (r *request) discover(maxSegments int, answer func() (scim.Value, error)) {
	if len(r.segments) > maxSegments {
		r.refuse(scim.Errorf(http.StatusNotFound, "", "no such endpoint"))
		return
	}
	if !r.allow(http.MethodGet) {
		return
	}
	err := r.api.svc.Authorize(r.context(), r.caller, r.admit(func() error {
		if r.r.URL.Query().Has("filter") {
			return scim.Errorf(http.StatusForbidden, "", "this endpoint cannot be filtered (RFC 7644 section 4)")
		}
		return nil
	}))
	if err != nil {
		r.fail(err)
		return
	}
	v, err := answer()
	if err != nil {
		r.fail(err)
		return
	}
	if location := v.Get("meta").Get("location").Text(); location != "" { // a list has none
		r.w.Header().Set("Content-Location", location)
	}
	r.respond(http.StatusOK, v.Append(nil))
}

func (a *API) serviceProviderConfig(r *request) {
	r.discover(1, func() (scim.Value, error) {
		return scim.ServiceProviderConfig(r.base + "/ServiceProviderConfig"), nil
	})
}

// oneOrAll returns the value named in the path, or the list of all.
func (r *request) oneOrAll(kind string, ids []string, value func(i int) scim.Value) (scim.Value, error) {
	if len(r.segments) == 2 {
		for i, id := range ids {
			if casefold.Equal(id, r.segments[1]) {
				return value(i), nil
			}
		}
		return scim.Value{}, scim.Errorf(http.StatusNotFound, "", "no such %s", kind)
	}
	out := make([][]byte, len(ids))
	for i := range ids {
		out[i] = value(i).Append(nil)
	}
	return scim.Parse(scim.AppendList(nil, scim.ListInfo{Total: len(ids), StartIndex: 1}, out))
}

func (a *API) resourceTypes(r *request) {
	r.discover(2, func() (scim.Value, error) {
		rts := []*scim.ResourceType{r.types.user, r.types.group}
		return r.oneOrAll("resource type", []string{rts[0].ID(), rts[1].ID()}, func(i int) scim.Value {
			return rts[i].Value(r.base + "/ResourceTypes/" + rts[i].ID())
		})
	})
}

func (a *API) schemas(r *request) {
	r.discover(2, func() (scim.Value, error) {
		schemas := append(append([]*scim.Schema{}, r.types.user.Schemas()...), r.types.group.Schemas()...)
		ids := make([]string, len(schemas))
		for i, s := range schemas {
			ids[i] = s.ID
		}
		return r.oneOrAll("schema", ids, func(i int) scim.Value { return schemas[i].Value(r.base + "/Schemas/" + ids[i]) })
	})
}

// me answers 501: no credential is bound to a user (RFC 7644 §3.11).
func (a *API) me(r *request) {
	r.refuse(scim.Errorf(http.StatusNotImplemented, "", "the credential is not bound to a user"))
}
