package directory

// Role is what an administrator's key may do (product roles of identity administration).
type Role string

// The roles of API keys.
const (
	RoleAdministrator Role = "identity-management-administrator"
	RoleViewer        Role = "identity-management-viewer"
	RoleLegalHold     Role = "legal-hold-administrator"
	RoleAuditor       Role = "auditor"
	RoleHelpDesk      Role = "help-desk"
	RoleOperator      Role = "operator" // of the deployment: makes, pauses and removes tenants, and reads none of their data
)

// Roles returns all roles within a tenant.
func Roles() []Role {
	return []Role{RoleAdministrator, RoleViewer, RoleLegalHold, RoleAuditor, RoleHelpDesk}
}

// APIKey is a tenant's key to the admin API, with one role.
type APIKey struct {
	Credential
	Tenant      TenantID
	DisplayName string
	Role        Role
	Version     int64
}

// TenantOfAPIKey returns the tenant, or OperatorScope, written in a well-formed API key. It proves nothing but the form.
func TenantOfAPIKey(token string) (TenantID, bool) {
	scope, ok := scopeOfToken(prefixAPIKey, token)
	if t := TenantID(scope); ok && (t.Valid() || t == OperatorScope) {
		return t, true
	}
	return "", false
}
