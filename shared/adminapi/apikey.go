package adminapi

import (
	"context"
	"net/http"
	"slices"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func apiKeyRoutes() []route {
	return []route{
		{Route{get, "/api-keys", "listApiKeys", orOperator(readers)}, append(slices.Clone(pageQuery), "usage"), (*request).listAPIKeys},
		{Route{post, "/api-keys", "createApiKey", administrators}, dryQuery, (*request).createAPIKey},
		{Route{post, "/api-keys/{id}:confirm", "confirmApiKey", administrators}, dryQuery, (*request).confirmAPIKey},
		{Route{del, "/api-keys/{id}", "revokeApiKey", orOperator(administrators)}, dryQuery, (*request).revokeAPIKey},
	}
}

type apiKey struct {
	ID          directory.CredentialID    `json:"id,omitempty"`
	DisplayName string                    `json:"displayName"`
	Role        directory.AdminRole       `json:"role"`
	LastFour    string                    `json:"lastFour,omitempty"`
	State       directory.CredentialState `json:"state"`
	CreatedAt   instant                   `json:"createdAt"`
	CreatedBy   string                    `json:"createdBy,omitempty"`
	ConfirmedBy string                    `json:"confirmedBy,omitempty"` // the second person who said that it is somebody else's
	ExpiresAt   *instant                  `json:"expiresAt,omitempty"`
	LastUsedAt  *instant                  `json:"lastUsedAt,omitempty"` // only if asked for
	Version     int64                     `json:"version"`
	Token       string                    `json:"token,omitempty"` // clear text, only in the answer that created it
	DryRun      bool                      `json:"dryRun,omitempty"`
}

func (r *request) viewAPIKey(k directory.APIKey) apiKey {
	return apiKey{
		ID: k.ID, DisplayName: k.DisplayName, Role: k.Role, LastFour: k.LastFour, State: k.StateAt(r.api.svc.Now()),
		CreatedAt: instant{k.CreatedAt}, CreatedBy: k.CreatedBy,
		ConfirmedBy: k.ConfirmedBy, ExpiresAt: timeOrNil(k.ExpiresAt), Version: k.Version,
	}
}

func (r *request) listAPIKeys() (answer, error) {
	usage, err := r.choice("usage", "true", "false")
	if err != nil {
		return answer{}, err
	}
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	all, err := r.as().APIKeys.List(r.ctx())
	if err != nil {
		return answer{}, err
	}
	ks, next := pageAfter(all, func(k directory.APIKey) string { return string(k.ID) }, after, limit)
	items := mapSlice(ks, r.viewAPIKey)
	if usage == "true" {
		uses, err := r.as().APIKeys.Uses(r.ctx())
		if err != nil {
			return answer{}, err
		}
		for i := range items {
			items[i].LastUsedAt = timeOrNil(uses[items[i].ID].LastAt)
		}
	}
	return answer{body: page[apiKey]{Items: items, NextCursor: r.cursor(next)}}, nil
}

func (r *request) createAPIKey() (answer, error) {
	var n administration.NewAPIKey
	var role string
	words := mapSlice(directory.AdminRoles(), func(role directory.AdminRole) string { return string(role) })
	err := r.read(members{
		"displayName": text(set(&n.DisplayName), 1, 100), "role": word(set(&role), words...), "expiresAt": moment(set(&n.ExpiresAt)),
	}, "displayName", "role")
	if err != nil {
		return answer{}, err
	}
	n.Role = directory.AdminRole(role)
	k, clear, err := r.as().APIKeys.Create(r.ctx(), n)
	return r.answerNewKey(k, clear), err
}

// answerNewKey shows a key that was just created, with its clear text.
func (r *request) answerNewKey(k directory.APIKey, clear string) answer {
	v := r.viewAPIKey(k)
	v.Token, v.DryRun = r.clearText(clear), r.admin.DryRun
	if v.DryRun {
		v.ID, v.LastFour = "", ""
	}
	return answer{status: http.StatusCreated, version: k.Version, location: "/api-keys", body: v}
}

// confirmAPIKey says that a key is somebody else's than the one that it was made with.
func (r *request) confirmAPIKey() (answer, error) {
	return r.changeAPIKey(r.as().APIKeys.Confirm)
}

func (r *request) revokeAPIKey() (answer, error) {
	return r.changeAPIKey(r.as().APIKeys.Revoke)
}

func (r *request) changeAPIKey(
	change func(context.Context, directory.CredentialID, func(directory.APIKey) error) (directory.APIKey, error),
) (answer, error) {
	id, err := pathID[directory.CredentialID](r, 0, "API key")
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	k, err := change(r.ctx(), id, func(k directory.APIKey) error { return r.ifMatch(k.Version) })
	v := r.viewAPIKey(k)
	v.DryRun = r.admin.DryRun
	return answer{version: k.Version, body: v}, err
}
