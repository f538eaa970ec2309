// Package scim is RFC 7643 and RFC 7644 as pure functions: JSON values, schemas, attribute trees, filters, sorting,
// PATCH, projection and protocol messages. Data goes in, data comes out; nothing here reads a clock, a network or a
// store, and everything is safe for concurrent use.
//
// It is not an HTTP server (shared/scimapi) and has no business rules (shared/directory). By default it follows the
// RFC; deviations that a client needs are passed in as a Tolerance, which shared/entra fills per provider profile. C1
// to C21 are the rules of that name in docs/divergences.md.
package scim

// Schema URNs of resources (RFC 7643 §10.3) and of this service's own extension.
const (
	UserURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	RollcallURN   = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"
)

// Schema URNs of the discovery resources (RFC 7643 §10.3.1).
const (
	SchemaURN                = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	ResourceTypeURN          = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	ServiceProviderConfigURN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
)

// Message URNs (RFC 7644 §8.2).
const (
	ListResponseURN  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SearchRequestURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	PatchOpURN       = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	BulkRequestURN   = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseURN  = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
	ErrorURN         = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// Limits. They bound the work one request can cause; each is tested at its edge.
const (
	// MaxElements bounds the elements of multi-valued attributes in one request (C10): more would take minutes.
	MaxElements = 10000
	// MaxOperations bounds the operations of one PATCH: the same bound, one element per operation.
	MaxOperations = 10000
	// MaxVisits bounds the elements that one PATCH examines, operations times elements: well under a second of work. A
	// thousand operations on a thousand elements pass.
	MaxVisits = 2000000
	// MaxStringBytes bounds one string value (C19): far above any name or address, far below a stored item's limit.
	MaxStringBytes = 4096
	// MaxLargeBytes bounds one certificate and one photo (C38): a chain of keys, a picture of a badge.
	MaxLargeBytes = 64 << 10
	// MaxFilterBytes, MaxFilterDepth and MaxFilterTerms bound a filter: real ones have three terms and one level.
	MaxFilterBytes = 8192
	MaxFilterDepth = 32
	MaxFilterTerms = 100
	// MaxDepth bounds the nesting of a JSON text: SCIM needs five levels.
	MaxDepth = 64
)
