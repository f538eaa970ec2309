package scimapi

import (
	"net/http"

	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// users answers /Users and below.
func (a *API) users(r *request) {
	switch {
	case len(r.segments) == 1:
		if !r.allow(http.MethodGet, http.MethodPost) {
			return
		}
		if r.r.Method == http.MethodPost {
			r.createUser()
			return
		}
		r.list(userKind{})
	case len(r.segments) == 2 && r.segments[1] == ".search":
		if r.allow(http.MethodPost) {
			r.search(userKind{})
		}
	case len(r.segments) == 2:
		if !r.allow(http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete) {
			return
		}
		id := directory.ScimID(r.segments[1])
		r.logResource(r.r.Method, string(id))
		switch r.r.Method {
		case http.MethodGet:
			r.getUser(id)
		case http.MethodPut:
			r.putUser(id)
		case http.MethodPatch:
			r.patchUser(id)
		case http.MethodDelete:
			r.deleteUser(id)
		}
	default:
		r.refuse(scim.Errorf(http.StatusNotFound, "", "no such endpoint"))
	}
}

const managerName = scim.EnterpriseURN + ":manager.displayName"

// userWant is what must be read to answer about one user with the projection.
func userWant(p scim.Projection) directory.UserWant {
	return directory.UserWant{Groups: p.Wants("groups"), ManagerName: p.Named(managerName)}
}

// projection parses attributes and excludedAttributes of the URL for a resource type.
func (r *request) projection(rt *scim.ResourceType) (scim.Projection, error) {
	if r.r.URL.RawQuery == "" {
		return rt.ParseProjection(nil, nil)
	}
	q := r.r.URL.Query()
	return rt.ParseProjection(splitNames(q["attributes"]), splitNames(q["excludedAttributes"]))
}

// answerUser writes the resource; status 201 and 200 carry ETag and Location.
func (r *request) answerUser(status int, v directory.UserView, p scim.Projection) {
	body, err := r.renderUser(v, p)
	if err != nil {
		r.fail(err)
		return
	}
	h := r.w.Header()
	h.Set("ETag", etag(v.Version))
	h.Set("Location", r.location("/Users/", string(v.ScimID)))
	r.respond(status, body)
}

// typicalUser is room for a user's JSON, in bytes.
const typicalUser = 1536

// renderUser renders the resource as the projection wants it.
func (r *request) renderUser(v directory.UserView, p scim.Projection) ([]byte, error) {
	dst := make([]byte, 0, typicalUser)
	if p.IsZero() {
		if out, ok := r.appendUser(dst, v); ok {
			return out, nil
		}
	}
	resource, err := r.userResource(v)
	return p.Append(dst, resource), err
}

func (r *request) getUser(id directory.ScimID) {
	hint, _ := r.projection(baseUser)
	var p scim.Projection
	v, err := r.api.svc.User(r.context(), r.caller, id, userWant(hint), r.admit(func() (err error) {
		p, err = r.projection(r.types.user)
		return err
	}))
	if err != nil {
		r.fail(err)
		return
	}
	if r.notModified(v.Version) {
		return
	}
	r.answerUser(http.StatusOK, v, p)
}

func (r *request) createUser() {
	r.logResource("create", "")
	body, bodyErr := r.body()
	var p scim.Projection
	u, err := r.api.svc.CreateUser(r.context(), r.caller, r.admit(func() (err error) {
		if bodyErr != nil {
			return bodyErr
		}
		p, err = r.projection(r.types.user)
		return err
	}), func(directory.Provider) (directory.Profile, []directory.Change, error) {
		tree, err := r.types.user.Decode(body, r.types.tolerance)
		if err != nil {
			return directory.Profile{}, nil, err
		}
		if tree.Get("active").IsNull() {
			tree = tree.With("active", scim.BoolValue(true)) // contract C13
		}
		return userProfile(tree, true), changes(scim.Value{}, tree), nil
	})
	if err != nil {
		r.fail(err)
		return
	}
	r.logResource("create", string(u.ScimID))
	r.answerUser(http.StatusCreated, directory.UserView{User: u}, p)
}

// updateUser runs an edit of the user's tree and answers with the resource.
func (r *request) updateUser(id directory.ScimID, edit func(before scim.Value, old directory.UserView) (directory.Profile, error), bodyErr error) {
	hint, _ := r.projection(baseUser)
	var p scim.Projection
	v, _, err := r.api.svc.UpdateUser(r.context(), r.caller, id, userWant(hint), r.admit(func() (err error) {
		if bodyErr != nil {
			return bodyErr
		}
		p, err = r.projection(r.types.user)
		return err
	}), func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
		if err := r.ifMatch(old.Version); err != nil {
			return old.Profile, nil, err
		}
		before, err := userTree(old.Profile)
		if err != nil {
			return old.Profile, nil, err
		}
		profile, err := edit(before, old)
		if err != nil || profile.Equal(old.Profile) {
			return old.Profile, nil, err
		}
		after, err := userTree(profile)
		if err != nil || after.Equal(before) {
			return old.Profile, nil, err
		}
		return profile, changes(before, after), nil
	})
	if err != nil {
		r.fail(err)
		return
	}
	r.answerUser(http.StatusOK, v, p)
}

func (r *request) putUser(id directory.ScimID) {
	body, bodyErr := r.body()
	r.updateUser(id, func(_ scim.Value, old directory.UserView) (directory.Profile, error) {
		tree, err := r.types.user.Decode(body, r.types.tolerance)
		if err != nil {
			return directory.Profile{}, err
		}
		return userProfile(tree, old.Active), nil
	}, bodyErr)
}

func (r *request) patchUser(id directory.ScimID) {
	body, bodyErr := r.body()
	var patch scim.Patch
	if bodyErr == nil {
		patch, bodyErr = scim.ParsePatch(body)
	}
	r.updateUser(id, func(before scim.Value, old directory.UserView) (directory.Profile, error) {
		resource, err := r.userResource(old)
		if err != nil {
			return directory.Profile{}, err
		}
		res, err := r.types.user.Apply(before, readOnly(resource, "groups"), patch, r.types.tolerance)
		if err != nil || !res.Changed {
			return old.Profile, err
		}
		return userProfile(res.Attributes, old.Active), nil
	}, bodyErr)
}

// readOnly is the part of a resource no client may change, for comparing (contract C12).
func readOnly(resource scim.Value, more ...string) scim.Value {
	out := scim.ObjectValue()
	for _, name := range append([]string{"id", "schemas", "meta"}, more...) {
		out = out.With(name, resource.Get(name))
	}
	return out
}

func (r *request) deleteUser(id directory.ScimID) {
	err := r.api.svc.DeleteUser(r.context(), r.caller, id, func(u directory.User) error { return r.ifMatch(u.Version) })
	if err != nil {
		r.fail(err)
		return
	}
	r.w.WriteHeader(http.StatusNoContent)
}
