package directory

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
	Version     int64
}

// TenantOfAPIKey returns the tenant, or OperatorScope, written in a well-formed API key. It checks only the form.
func TenantOfAPIKey(token string) (TenantID, bool) {
	scope, ok := scopeOfToken(TokenPrefixAPIKey, token)
	if t := TenantID(scope); ok && (t.Valid() || t == OperatorScope) {
		return t, true
	}
	return "", false
}
