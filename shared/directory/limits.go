package directory

import "time"

// Limits and defaults of the business rules. Protocol limits are package scim's.
const (
	// MaxWalk is how many records a request may read when no index answers it: about a second and 2,500 read units
	// on DynamoDB.
	MaxWalk = 10_000
	// MaxMembersShown is how many members one answer may hold.
	MaxMembersShown = 10_000
	// MaxMemberChange is how many members one request may name.
	MaxMemberChange = 10_000
	// MaxAliases is how many former users of a userName are considered.
	MaxAliases = 20
	// MaxUsableCredentials is how many credentials of a provider work at the same time.
	MaxUsableCredentials = 2
	// DefaultLogRetention is how long log entries are kept unless the deployment says otherwise.
	DefaultLogRetention = 400 * 24 * time.Hour
)
