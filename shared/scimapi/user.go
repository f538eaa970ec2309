package scimapi

import (
	"net/http"

	"rollcall/shared/directory"
	"rollcall/shared/reqlog"
	"rollcall/shared/scim"
)

const managerName = scim.EnterpriseURN + ":manager.displayName"

// userWant returns the data needed beyond the user to answer a request about one user.
func (r *request) userWant() directory.UserWant {
	hint, _ := r.projection(baseUser) // admitFor reports its error
	return directory.UserWant{Groups: hint.Wants("groups"), ManagerName: hint.Named(managerName)}
}

// answerUser writes the resource; status 201 and 200 carry ETag and Location.
func (r *request) answerUser(status int, v directory.UserView) {
	body, err := r.renderUser(v, r.proj)
	if err != nil {
		r.fail(err)
		return
	}
	r.respondResource(status, v.Version, r.location("/Users/", string(v.ScimID)), body)
}

// typicalUser is the typical size of a user's JSON, in bytes.
const typicalUser = 1536

// renderUser returns the JSON of the attributes that the projection selects.
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

func (r *request) getUser(id string) {
	v, err := r.api.svc.User(r.context(), r.caller, directory.ScimID(id), r.userWant(), r.admitFor(userKind{}, nil))
	if err != nil {
		r.fail(err)
		return
	}
	beyond := len(v.Groups) > 0 && r.proj.Wants("groups") || r.proj.Named(managerName)
	if r.notModified(v.Version, r.location("/Users/", string(v.ScimID)), beyond) {
		return
	}
	r.answerUser(http.StatusOK, v)
}

func (r *request) createUser() {
	body, bodyErr := r.body()
	u, err := r.api.svc.CreateUser(r.context(), r.caller, body.Get("externalId").Text(), r.admitFor(userKind{}, bodyErr),
		func(directory.Provider) (directory.Profile, []directory.Change, error) {
			tree, err := r.decodeUser(body, true) // rule C13
			if err != nil {
				return directory.Profile{}, nil, err
			}
			return userProfile(tree), changes(scim.Value{}, tree), nil
		})
	if err != nil {
		r.fail(err)
		return
	}
	r.logResource("create", string(u.ScimID))
	r.answerUser(http.StatusCreated, directory.UserView{User: u})
}

// decodeUser decodes a body. A body without `active` gets the given value: a replace that does not mention it must
// never enable or disable a user.
func (r *request) decodeUser(body scim.Value, active bool) (scim.Value, error) {
	tree, err := r.types.user.Decode(body, r.types.tolerance)
	if err == nil && tree.Get("active").IsNull() {
		tree = tree.With("active", scim.BoolValue(active))
	}
	return tree, err
}

// updateUser runs an edit of the user's tree and answers with the resource.
func (r *request) updateUser(id string, want directory.UserWant, bodyErr error, disables func() bool, edit func(before scim.Value,
	old directory.UserView) (after scim.Value, err error)) {
	v, _, err := r.api.svc.UpdateUser(r.context(), r.caller, directory.ScimID(id), want, r.admitFor(userKind{}, bodyErr),
		func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
			if err := r.ifMatch(old.Version); err != nil {
				return old.Profile, nil, err
			}
			before, err := userTree(old.Profile)
			if err != nil {
				return old.Profile, nil, err
			}
			after, err := edit(before, old)
			if err != nil || after.Equal(before) {
				return old.Profile, nil, err
			}
			return userProfile(after), changes(before, after), nil
		})
	if err != nil {
		r.disableRefused(directory.ScimID(id), err, disables)
		r.fail(err)
		return
	}
	r.answerUser(http.StatusOK, v)
}

// disableRefused carries out the disable of a request that is refused for what stands beside it (C22). It is for answers
// that speak of the content of the request; the answer stays as it is, so that the client tries again.
func (r *request) disableRefused(id directory.ScimID, refused error, disables func() bool) {
	e := toSCIM(refused)
	if e.Status != http.StatusBadRequest && e.Status != http.StatusConflict && e.Status != http.StatusRequestEntityTooLarge ||
		r.types == nil || !disables() {
		return
	}
	why := directory.Refusal{Attribute: attributeOf(refused, r.types.user), ScimType: e.Type}
	err := r.api.svc.DisableRefused(r.context(), r.caller, id, why)
	if err != nil && !directory.IsKind(err, directory.NotFound) {
		reqlog.Fail(r.context(), err) // somebody who left may still sign in
	}
}

func (r *request) putUser(id string) {
	body, bodyErr := r.body()
	disables := func() bool { return r.types.user.Inactive(body.Get("active"), r.types.tolerance) }
	r.updateUser(id, r.userWant(), bodyErr, disables, func(_ scim.Value, old directory.UserView) (scim.Value, error) {
		return r.decodeUser(body, old.Active)
	})
}

func (r *request) patchUser(id string) {
	body, patch, bodyErr := r.patchBody()
	disables := func() bool { return r.types.user.Disables(body, r.types.tolerance) }
	want := r.userWant()
	want.Groups = want.Groups || patch.Mentions("groups") // to compare them, whatever the response shows
	r.updateUser(id, want, bodyErr, disables, func(before scim.Value, old directory.UserView) (scim.Value, error) {
		resource, err := r.completeUser(before, old)
		if err != nil {
			return before, err
		}
		res, err := r.types.user.Apply(before, readOnly(resource, "groups"), patch, r.types.tolerance)
		if err != nil || !res.Changed {
			return before, err
		}
		return res.Attributes, nil
	})
}

func (r *request) deleteUser(id string) {
	r.answerDelete(r.api.svc.DeleteUser(r.context(), r.caller, directory.ScimID(id),
		func(u directory.User) error { return r.ifMatch(u.Version) }))
}
