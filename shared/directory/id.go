package directory

import (
	"encoding/base32"
	"hash/fnv"
	"strings"
)

// The identifiers. They are types so that the compiler keeps them apart. All are opaque to clients and
// hold no personal data, so they are safe in logs.
type (
	// TenantID names a tenant: 5 to 7 characters of 0-9a-z. The first tenant is "default".
	TenantID string
	// ProviderID names a provisioning provider: its tenant's id and 5 random characters of 0-9a-z,
	// so the tenant is known without a look-up. The zero value stands for no provider: local users.
	ProviderID string
	// UserID is the permanent internal id of a user (uid).
	UserID string
	// ScimID is the id of a user or group in SCIM, and in memberships and manager references. It begins with "u"
	// for users and "g" for groups.
	ScimID string
	// GroupID is the id of a group, internally and in SCIM.
	GroupID string
	// EntryID names a log entry; following an entry is idempotent by it. The entries of one user or group have ids that
	// Spread puts into the same of LogShards parts.
	EntryID string
)

// DefaultTenant is the tenant a fresh deployment has.
const DefaultTenant TenantID = "default"

// OperatorScope is where the API keys of a deployment's operators and their log are stored. It is too long to be a
// tenant's id, so that an operator's key cannot read the data of a tenant.
const OperatorScope TenantID = "operator"

// ProviderSuffix is the number of random characters in a provider's id.
const ProviderSuffix = 5

// Tenant returns the tenant the provider belongs to, and false when p cannot be a provider's id.
func (p ProviderID) Tenant() (TenantID, bool) {
	if len(p) <= ProviderSuffix || !alphanumeric(string(p)) {
		return "", false
	}
	t := TenantID(p[:len(p)-ProviderSuffix])
	return t, t.Valid()
}

// Valid reports whether t has the form of a tenant id.
func (t TenantID) Valid() bool {
	return len(t) >= 5 && len(t) <= 7 && alphanumeric(string(t))
}

// IsUser reports whether id has the form of a user's SCIM id.
func (id ScimID) IsUser() bool { return validID(string(id), 'u') }

// IsGroup reports whether id has the form of a group's SCIM id.
func (id ScimID) IsGroup() bool { return validID(string(id), 'g') }

// idEncoding preserves the order of the bytes it encodes.
var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// NewID encodes 16 random bytes as the 25 characters that follow the letter of an id.
func NewID(random [16]byte) string { return idEncoding.EncodeToString(random[:])[:IDLength-1] }

// IDLength is the length of user and group ids: a letter for the kind and 25 random characters of
// 0-9a-v, which carry 125 bits and sort as the bits do, so that ranges of ids are ranges of users.
const IDLength = 26

// LogShards is how many parts a store may spread the log of a day over, by the ids of entries. The entries of one user or
// group are in one part (LogEntry.OfUser), so a store that keeps the order in a part follows them in order.
const LogShards = 8

// Spread chooses one of n parts by an id, evenly.
func Spread(id string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))        // never fails
	return int(h.Sum32() % uint32(n)) //nolint:gosec // G115: n is a small constant
}

// beside returns the id in the log shard of its entry's subject: with another last character, where it must. Of eight
// that follow each other one at least is right, since the last bits of the hash are those of the character.
func (id EntryID) beside(subject string) EntryID {
	if id == "" || subject == "" {
		return id
	}
	const digits = "0123456789abcdefghijklmnopqrstuv"
	out, want := []byte(id), Spread(subject, LogShards)
	for i := max(0, strings.IndexByte(digits, id[len(id)-1])); Spread(string(out), LogShards) != want; i++ {
		out[len(out)-1] = digits[i%len(digits)]
	}
	return EntryID(out)
}

func validID(id string, kind byte) bool {
	if len(id) != IDLength || id[0] != kind {
		return false
	}
	for i := 1; i < len(id); i++ {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'v') {
			return false
		}
	}
	return true
}

func alphanumeric(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') }) < 0
}

// OrgID names an organization: "o" and 25 random characters of 0-9a-v, or DefaultOrg.
type OrgID string

// RoleID names a role of the catalogue: a slug such as "desktop-user".
type RoleID string

// MappingID names a mapping: "m" and 25 random characters of 0-9a-v.
type MappingID string

// RunID names an apply run: "r", nine digits of base 36 that sort by time, and random characters.
type RunID string

// WatchlistID names a watchlist: "w" and 25 random characters of 0-9a-v.
type WatchlistID string

// The identifiers of other records: a letter for the kind and 25 random characters, unless a comment says otherwise.
type (
	// CredentialID names a provider's token or client secret, or an API key.
	CredentialID string
	// ConflictID names a conflict: it is derived from the subject of the conflict (ConflictIDOf).
	ConflictID string
	// MatterID names a legal hold matter.
	MatterID string
	// GuardEventID names an event of a mass-change guard; ids sort as the events happened.
	GuardEventID string
	// WebhookID names a webhook.
	WebhookID string
	// DeliveryID names a delivery: the same for the same work, in the order of the entries' times.
	DeliveryID string
	// ProposalID names a proposal: "p" and 25 random characters, or the mapping's or the run's that it is about.
	ProposalID string
	// TaskID names a piece of background work of a tenant.
	TaskID string
	// RequestID names a request: by our own id, or by the client's.
	RequestID string
)
