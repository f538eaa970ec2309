package directory

import (
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"math/big"
	"strings"
	"time"
)

// Token prefixes: they show the purpose of a secret, also to secret scanners.
const (
	TokenPrefixProvider = "rc" // a provider's SCIM token or client secret
	TokenPrefixAPIKey   = "rk" // a tenant's API key
)

const (
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	secretSize  = 43 // base62 characters: 256 bits
	checkSize   = 6  // base62 characters of the CRC-32
	maxTokenLen = 80 // our tokens are shorter; a longer text is refused unread
)

// TokenHash is the SHA-256 of a token's text. Tokens hold 256 random bits, so a plain hash is enough.
type TokenHash [sha256.Size]byte

// HashToken returns the hash under which a token is stored.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// NewSecret encodes 32 random bytes as 43 base62 characters.
func NewSecret(random [32]byte) string {
	text := new(big.Int).SetBytes(random[:]).Text(62)
	return strings.Repeat("0", secretSize-len(text)) + text
}

// NewToken builds <prefix>_<scope>_<secret><checksum>; secret is 43 random base62 characters.
func NewToken(prefix, scope, secret string) string {
	s := prefix + "_" + scope + "_" + secret
	return s + checksum(s)
}

// checksum is the CRC-32 (IEEE) of s as six base62 characters, most significant first.
func checksum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	var b [checkSize]byte
	for i := checkSize - 1; i >= 0; i-- {
		b[i] = base62[n%62]
		n /= 62
	}
	return string(b[:])
}

// scopeOfToken returns the scope written in a well-formed token of the prefix, and false for any other text. It checks
// only the form; the hash proves the token.
func scopeOfToken(prefix, token string) (string, bool) {
	if len(token) > maxTokenLen {
		return "", false
	}
	rest, ok := strings.CutPrefix(token, prefix+"_")
	if !ok {
		return "", false
	}
	scope, secret, ok := strings.Cut(rest, "_")
	if !ok || len(secret) != secretSize+checkSize {
		return "", false
	}
	cut := len(token) - checkSize
	return scope, checksum(token[:cut]) == token[cut:]
}

// MayHaveIssued reports whether a text has the form of a token of the provider. Only the hash proves a token.
func (p ProviderID) MayHaveIssued(token string) bool {
	scope, ok := scopeOfToken(TokenPrefixProvider, token)
	return ok && scope == string(p)
}

// CredentialState is the state of a credential as set by an administrator; StateAt adds expiry.
type CredentialState string

// The states of a credential. A retiring one works until its RetiresAt.
const (
	CredentialActive   CredentialState = "active"
	CredentialRetiring CredentialState = "retiring"
	CredentialRevoked  CredentialState = "revoked"
	CredentialExpired  CredentialState = "expired" // shown only; computed from ExpiresAt and RetiresAt
)

// Credential is one secret of a provider or tenant. Its clear text exists only in the answer to its creation.
type Credential struct {
	ID        CredentialID
	Hash      TokenHash
	LastFour  string // the last four characters, to recognize it by
	CreatedAt time.Time
	CreatedBy string
	ExpiresAt time.Time // zero: never
	RetiresAt time.Time // zero unless retiring
	State     CredentialState
	Warned    int `json:",omitempty"` // days before ExpiresAt of the latest warning; 0: none yet
}

// StateAt is the state at a time: an active or retiring credential whose time has passed is expired.
func (c Credential) StateAt(now time.Time) CredentialState {
	if c.State != CredentialRevoked &&
		(!c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt) || !c.RetiresAt.IsZero() && !now.Before(c.RetiresAt)) {
		return CredentialExpired
	}
	return c.State
}

// Usable reports whether the credential is accepted at a time.
func (c Credential) Usable(now time.Time) bool {
	s := c.StateAt(now)
	return s == CredentialActive || s == CredentialRetiring
}

// MatchCredential finds the usable credential with the hash, in a time that does not depend on the hash.
func MatchCredential(cs []Credential, h TokenHash, now time.Time) (Credential, bool) {
	found := -1
	for i := range cs {
		if subtle.ConstantTimeCompare(cs[i].Hash[:], h[:]) == 1 && cs[i].Usable(now) {
			found = i
		}
	}
	if found < 0 {
		return Credential{}, false
	}
	return cs[found], true
}

// Check refuses an expiry that is not in the future.
func (c Credential) Check(now time.Time) error {
	if !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(now) {
		return &Error{Kind: Invalid, Attr: "expiresAt", Detail: "expiresAt must be in the future"}
	}
	return nil
}
