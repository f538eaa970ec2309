// Package scim is RFC 7643 and RFC 7644 as pure functions: JSON values, schemas, attribute trees, filters, sorting,
// PATCH, projection and protocol messages. Data goes in, data comes out; nothing here reads a clock, a network or a
// store, and everything is safe for concurrent use.
//
// It is not an HTTP server (shared/scimapi) and knows no users, groups or rules of the business (shared/directory).
// Out of the box it does what the RFC says; what a client needs beyond that is handed in as a Tolerance, which
// shared/entra fills per provider profile.
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
	// MaxElements is how many elements of multi-valued attributes one request may carry (contract C10): what a
	// client may change in one transaction-like step without the answer taking minutes.
	MaxElements = 10000
	// MaxOperations is how many operations one PATCH may carry: the same bound, one element per operation.
	MaxOperations = 10000
	// MaxVisits bounds how often one PATCH looks at an element: operations times elements, well under a second of work.
	// A thousand operations on a thousand elements pass.
	MaxVisits = 2000000
	// MaxStringBytes bounds one string value (C19): far above any name or address, far below a stored item's limit.
	MaxStringBytes = 4096
	// MaxFilterBytes, MaxFilterDepth and MaxFilterTerms bound a filter: real ones have three terms and one level.
	MaxFilterBytes = 8192
	MaxFilterDepth = 32
	MaxFilterTerms = 100
	// MaxDepth bounds the nesting of a JSON text: SCIM needs five levels.
	MaxDepth = 64
)
