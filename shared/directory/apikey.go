package directory

import (
	"slices"
	"time"
)

// AdminRole decides what an API key may do.
type AdminRole string

// The roles of API keys.
const (
	RoleAdministrator AdminRole = "identity-management-administrator"
	RoleViewer        AdminRole = "identity-management-viewer"
	RoleLegalHold     AdminRole = "legal-hold-administrator"
	RoleAuditor       AdminRole = "auditor"
	RoleHelpDesk      AdminRole = "help-desk"
	RoleOperator      AdminRole = "operator" // of the deployment: creates, pauses and removes tenants, but cannot read their data
)

// AdminRoles returns the roles of a tenant's keys, without the operator's.
func AdminRoles() []AdminRole {
	return []AdminRole{RoleAdministrator, RoleViewer, RoleLegalHold, RoleAuditor, RoleHelpDesk}
}

// APIKey is a tenant's key to the admin API, with one role.
type APIKey struct {
	Credential
	Tenant      TenantID
	DisplayName string
	Role        AdminRole
	// MadeWith is the tenant's key that it was made with, "" for a first key; ConfirmedBy is the key of the second
	// person who said that it is somebody else's.
	MadeWith    string `json:",omitempty"`
	ConfirmedBy string `json:",omitempty"`
	Version     int64
}

// PersonOf returns the first key of the person who has a key, for dual control that is on since a time: until a second
// person confirms it, a key made since counts as the one it was made with.
func PersonOf(keys []APIKey, since time.Time, id string) string {
	for range keys {
		i := slices.IndexFunc(keys, func(k APIKey) bool { return string(k.ID) == id })
		if i < 0 || keys[i].MadeWith == "" || keys[i].ConfirmedBy != "" || keys[i].CreatedAt.Before(since) {
			break
		}
		id = keys[i].MadeWith
	}
	return id
}

// Exceeds reports whether a role has rights that an administrator's key lacks.
func (r AdminRole) Exceeds() bool { return r == RoleLegalHold }

// TenantOfAPIKey returns the tenant, or OperatorScope, written in a well-formed API key. It checks only the form.
func TenantOfAPIKey(token string) (TenantID, bool) {
	scope, ok := scopeOfToken(TokenPrefixAPIKey, token)
	if t := TenantID(scope); ok && (t.Valid() || t == OperatorScope) {
		return t, true
	}
	return "", false
}
