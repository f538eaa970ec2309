package directory

import (
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/shared/casefold"
)

// ProviderState is the state of a provider.
type ProviderState string

// The states of a provider: setup → live ⇄ paused → deleting. SCIM works in setup and live, answers
// 503 when paused and 401 when deleting.
const (
	ProviderSetup    ProviderState = "setup"
	ProviderLive     ProviderState = "live"
	ProviderPaused   ProviderState = "paused"
	ProviderDeleting ProviderState = "deleting"
)

// AuthType is how the directory signs in to a provider.
type AuthType string

// The authentication types of a provider.
const (
	AuthOAuthToken        AuthType = "oauth-token"
	AuthClientCredentials AuthType = "oauth-client-credentials"
)

// Provider is one configured connection of a directory such as Entra ID. Its record is read with every request,
// strongly consistent, so it is kept below 4 KB: mappings are separate records.
type Provider struct {
	ID          ProviderID
	Tenant      TenantID
	DisplayName string // unique in the tenant ignoring case, 1 to 100 characters
	Profile     string // entra, entra-gov, okta or generic: package entra's names
	AuthType    AuthType
	State       ProviderState
	Resume      ProviderState // the state to return to from paused
	TenantState TenantState   `json:",omitempty"` // a copy of the tenant's, so that requests need not read the tenant

	Credentials []Credential // usable ones and the latest others
	SigningKey  []byte       // 32 random bytes: cursors and access tokens of this provider

	DeactivationDelay time.Duration // 0 to MaxDeactivationDelay
	Extensions        []Extension   // custom User extensions, registered by an administrator

	Matching    []MatchingAttribute `json:",omitempty"` // at most MaxMatchingAttributes
	MatchingRun EntryID             `json:",omitempty"` // the entry of their last change, while users have older look-ups

	OrgMapping     OrgSettings
	RoleMapping    RoleSettings
	ConfigVersion  int64 // +1 with every change of a mapping
	AppliedVersion int64

	// NoRelink lets a group that comes back not take the place of its deleted one (C32).
	NoRelink bool `json:",omitempty"`

	Deletion    *ProviderDeletion    // set while deleting
	Restoration *ProviderRestoration `json:",omitempty"` // set once it was restored after a deletion

	LiveAt      time.Time `json:",omitzero"`  // when it went live
	DelayChange EntryID   `json:",omitempty"` // the entry of the last change of the delay that also applies to pending deactivations
	Guard       Guard     `json:",omitzero"`  // the mass-change guard

	Version            int64
	Created, Modified  time.Time
	CreatedBy          string
	CredentialsVersion int64 // +1 with every change of credentials
}

// UserFate is what happens to a deleted provider's users.
type UserFate string

// The fates of a deleted provider's users (default: local).
const (
	FateLocal      UserFate = "local"      // they become local
	FateDeactivate UserFate = "deactivate" // they are blocked and deactivated after the delay, then local
	FateMove       UserFate = "move"       // they are moved to another provider of the tenant
)

// ProviderDeletion records how a provider is being deleted.
type ProviderDeletion struct {
	Users         UserFate
	MoveTo        ProviderID // for FateMove
	CancelPending bool       // cancel pending deactivations instead of letting them continue
	RequestedAt   time.Time
	RequestedBy   string
	UserCount     int    `json:",omitempty"` // when it was requested
	GroupCount    int    `json:",omitempty"`
	Task          TaskID `json:",omitempty"` // that carries it out
}

// DisplayNameKey is the form under which the display name is unique.
func (p Provider) DisplayNameKey() string { return casefold.Fold(p.DisplayName) }

// Authenticate returns the provider's usable credential for a token at a time. Every failure is the same
// Unauthenticated error, so that answers do not reveal whether the provider, the token or its expiry was at fault.
func (p Provider) Authenticate(token string, now time.Time) (Credential, error) {
	scope, ok := scopeOfToken(TokenPrefixProvider, token)
	if !ok || ProviderID(scope) != p.ID || p.State == ProviderDeleting || p.TenantState == TenantRemoving {
		return Credential{}, ErrUnauthenticated()
	}
	c, ok := MatchCredential(p.Credentials, HashToken(token), now)
	if !ok {
		return Credential{}, ErrUnauthenticated()
	}
	return c, nil
}

// ErrUnauthenticated returns the error for a request without a valid token.
func ErrUnauthenticated() *Error {
	return Errorf(Unauthenticated, "a valid bearer token of this provider is required")
}

// Serves returns the Unavailable error of a paused provider or tenant, nil for one that answers requests.
func (p Provider) Serves() error {
	if p.TenantState == TenantPaused {
		return Errorf(Unavailable, "the tenant is paused by the operator of this deployment")
	}
	if p.State == ProviderPaused {
		return Errorf(Unavailable, "provisioning is paused by an administrator")
	}
	return nil
}

// ValidDisplayName trims and checks a display name.
func ValidDisplayName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n < 1 || n > 100 || strings.ContainsFunc(name, IsControl) {
		return "", &Error{Kind: Invalid, Attr: "displayName", Detail: "displayName must have 1 to 100 characters and no control characters"}
	}
	return name, nil
}

// IsControl reports whether r is a control character.
func IsControl(r rune) bool { return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 }

// Check refuses settings outside their limits.
func (p Provider) Check() error {
	switch {
	case p.DeactivationDelay < 0 || p.DeactivationDelay > MaxDeactivationDelay:
		return &Error{Kind: Invalid, Attr: "deactivationDelay", Detail: "deactivationDelay must be between 0 seconds and 30 days"}
	case p.AuthType != AuthOAuthToken && p.AuthType != AuthClientCredentials:
		return &Error{Kind: Invalid, Attr: "authType", Detail: "authType must be oauth-token or oauth-client-credentials"}
	}
	return checkExtensions(p.Extensions)
}
