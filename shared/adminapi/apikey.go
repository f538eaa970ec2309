package adminapi

import (
	"net/http"
	"time"

	"rollcall/shared/directory"
)

type apiKey struct {
	ID          string                    `json:"id,omitempty"`
	DisplayName string                    `json:"displayName"`
	Role        directory.Role            `json:"role"`
	LastFour    string                    `json:"lastFour,omitempty"`
	State       directory.CredentialState `json:"state"`
	CreatedAt   time.Time                 `json:"createdAt"`
	CreatedBy   string                    `json:"createdBy,omitempty"`
	ExpiresAt   *time.Time                `json:"expiresAt,omitempty"`
	Version     int64                     `json:"version"`
	Token       string                    `json:"token,omitempty"` // clear text, in the answer that made it only
	DryRun      bool                      `json:"dryRun,omitempty"`
}

func (r *request) viewAPIKey(k directory.APIKey) apiKey {
	return apiKey{
		ID: k.ID, DisplayName: k.DisplayName, Role: k.Role, LastFour: k.LastFour, State: k.StateAt(r.api.svc.Now()),
		CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy, ExpiresAt: timeOrNil(k.ExpiresAt), Version: k.Version,
	}
}

func (r *request) listAPIKeys() (answer, error) {
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	all, err := r.api.svc.ListAPIKeys(r.r.Context(), r.admin)
	if err != nil {
		return answer{}, err
	}
	ks, next := cut(all, func(k directory.APIKey) string { return k.ID }, after, limit)
	return answer{body: page[apiKey]{Items: show(ks, r.viewAPIKey), NextCursor: r.cursor(next)}}, nil
}

func (r *request) createAPIKey() (answer, error) {
	var n directory.NewAPIKey
	var role string
	words := show(directory.Roles(), func(role directory.Role) string { return string(role) })
	err := r.read(members{
		"displayName": text(set(&n.DisplayName), 1, 100), "role": word(set(&role), words...), "expiresAt": moment(set(&n.ExpiresAt)),
	}, "displayName", "role")
	if err != nil {
		return answer{}, err
	}
	n.Role = directory.Role(role)
	k, clear, err := r.api.svc.CreateAPIKey(r.r.Context(), r.admin, n)
	return r.answerNewKey(k, clear), err
}

// answerNewKey shows a key that was made just now, with its clear text.
func (r *request) answerNewKey(k directory.APIKey, clear string) answer {
	v := r.viewAPIKey(k)
	v.Token, v.DryRun = clear, r.admin.DryRun
	if v.DryRun {
		v.ID, v.LastFour = "", ""
	}
	return answer{status: http.StatusCreated, version: k.Version, location: "/api-keys", body: v}
}

func (r *request) revokeAPIKey() (answer, error) {
	id, err := r.ownID(0, "API key")
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	k, err := r.api.svc.RevokeAPIKey(r.r.Context(), r.admin, id, func(k directory.APIKey) error { return r.ifMatch(k.Version) })
	v := r.viewAPIKey(k)
	v.DryRun = r.admin.DryRun
	return answer{version: k.Version, body: v}, err
}
