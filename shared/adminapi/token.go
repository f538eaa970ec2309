package adminapi

import (
	"net/http"
	"slices"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func tokenRoutes() []route {
	return []route{
		{Route{get, "/expiring-credentials", "listExpiringCredentials", readers}, []string{"days"}, (*request).listExpiring},
		{Route{get, "/providers/{id}/tokens", "listTokens", readers}, nil, (*request).listTokens},
		{Route{post, "/providers/{id}/tokens", "createToken", administrators}, dryQuery, (*request).createToken},
		{Route{del, "/providers/{id}/tokens/{id}", "revokeToken", administrators}, dryQuery, (*request).revokeToken},
	}
}

type token struct {
	ID         directory.CredentialID    `json:"id,omitempty"`
	LastFour   string                    `json:"lastFour,omitempty"`
	State      directory.CredentialState `json:"state"`
	CreatedAt  instant                   `json:"createdAt"`
	CreatedBy  string                    `json:"createdBy,omitempty"`
	ExpiresAt  *instant                  `json:"expiresAt,omitempty"`
	RetiresAt  *instant                  `json:"retiresAt,omitempty"`
	Token      string                    `json:"token,omitempty"`   // clear text, only in the answer that created it
	BaseURL    string                    `json:"baseUrl,omitempty"` // with the clear text
	DryRun     bool                      `json:"dryRun,omitempty"`
	LastUsedAt *instant                  `json:"lastUsedAt,omitempty"`
	UseCount   int64                     `json:"useCount,omitempty"`
}

// viewTokens shows the credentials of a provider, the newest first.
func (r *request) viewTokens(p directory.Provider) []token {
	now := r.api.svc.Now()
	out := mapSlice(p.Credentials, func(c directory.Credential) token { return viewToken(c, now) })
	slices.Reverse(out)
	return out
}

func viewToken(c directory.Credential, now time.Time) token {
	return token{
		ID: c.ID, LastFour: c.LastFour, State: c.StateAt(now), CreatedAt: instant{c.CreatedAt}, CreatedBy: c.CreatedBy,
		ExpiresAt: timeOrNil(c.ExpiresAt), RetiresAt: timeOrNil(c.RetiresAt),
	}
}

func (r *request) listTokens() (answer, error) {
	p, u, err := r.usedProvider()
	return answer{version: p.Version, body: page[token]{Items: withUsage(r.viewTokens(p), u)}}, err
}

func (r *request) createToken() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	overlap, expires := 24*time.Hour, time.Time{}
	if len(r.body) > 0 {
		err = r.read(members{
			"overlapSeconds": seconds(set(&overlap), 7*24*time.Hour),
			"expiresAt":      moment(set(&expires)),
		})
		if err != nil {
			return answer{}, err
		}
	}
	p, c, clear, err := r.as().Tokens.Create(r.ctx(), id, r.checkProvider, overlap, expires)
	if err != nil {
		return answer{}, err
	}
	v := viewToken(c, r.api.svc.Now())
	v.Token, v.BaseURL, v.DryRun = r.clearText(clear), r.baseURL(p.ID), r.admin.DryRun
	if v.DryRun {
		v.ID, v.LastFour = "", ""
	}
	return answer{status: http.StatusCreated, version: p.Version, location: "/providers/" + string(p.ID) + "/tokens", body: v}, nil
}

func (r *request) revokeToken() (answer, error) {
	id, err := r.providerID()
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	tokenID, err := pathID[directory.CredentialID](r, 1, "token")
	if err != nil {
		return answer{}, err
	}
	p, err := r.as().Tokens.Revoke(r.ctx(), id, tokenID, r.checkProvider)
	if err != nil {
		return answer{}, err
	}
	i := slices.IndexFunc(p.Credentials, func(c directory.Credential) bool { return c.ID == tokenID })
	v := viewToken(p.Credentials[i], r.api.svc.Now())
	v.DryRun = r.admin.DryRun
	return answer{version: p.Version, body: v}, nil
}

// withUsage adds the times and counts of their use to tokens.
func withUsage(tokens []token, u directory.Usage) []token {
	for i, t := range tokens {
		tokens[i].LastUsedAt, tokens[i].UseCount = timeOrNil(u.Tokens[t.ID].LastAt), u.Tokens[t.ID].Count
	}
	return tokens
}

type expiringCredential struct {
	Kind        string                 `json:"kind"`
	ID          directory.CredentialID `json:"id"`
	Provider    directory.ProviderID   `json:"provider,omitempty"`
	DisplayName string                 `json:"displayName"` // of the provider or the key
	LastFour    string                 `json:"lastFour"`
	ExpiresAt   instant                `json:"expiresAt"`
	Days        int                    `json:"days"`
	WarnedDays  int                    `json:"warnedDays,omitempty"`
}

func (r *request) listExpiring() (answer, error) {
	days, err := r.daysQuery(30)
	if err != nil {
		return answer{}, err
	}
	now := r.api.svc.Now()
	cs, err := r.as().Tokens.Expiring(r.ctx(), now.AddDate(0, 0, days))
	return answer{body: page[expiringCredential]{Items: mapSlice(cs, func(c administration.Expiring) expiringCredential {
		kind := "token"
		if c.Provider == "" {
			kind = "api-key"
		}
		return expiringCredential{
			Kind: kind, ID: c.ID, Provider: c.Provider, DisplayName: c.DisplayName, LastFour: c.LastFour, ExpiresAt: instant{c.ExpiresAt},
			Days: int(c.ExpiresAt.Sub(now) / (24 * time.Hour)), WarnedDays: c.Warned,
		}
	})}}, err
}
