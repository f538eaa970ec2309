package directory

import (
	"context"
	"maps"
	"time"
)

// Usage is when a provider and its tokens were used. It is telemetry: the last minute may be missing, and a process
// that dies loses the uses it has not stored.
type Usage struct {
	FirstRequestAt time.Time                 `json:",omitzero"`
	LastRequestAt  time.Time                 `json:",omitzero"`  // with a valid token
	LastWriteAt    time.Time                 `json:",omitzero"`  // that changed something
	LastErrorAt    time.Time                 `json:",omitzero"`  // answered with an error, to a valid token
	Tokens         map[CredentialID]TokenUse `json:",omitempty"` // by id
}

// APIKeyUsage stands for a provider's id where the usage of a tenant's API keys is stored.
const APIKeyUsage ProviderID = "apikeys"

// UsageEvery is the least time between two writes of the same usage by a process.
const UsageEvery = time.Minute

// RecordUsage adds to a stored usage, within a second. It is called after a request, outside its budgets; usage that
// cannot be written is lost.
func RecordUsage(s Usages, t TenantID, p ProviderID, u Usage) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.AddUsage(ctx, t, p, u)
}

// RecordRequests is RecordUsage for a report of requests.
func RecordRequests(s Usages, t TenantID, p ProviderID, r RequestReport) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.AddRequests(ctx, t, p, r)
}

// TokenUse is when and how often a token was used.
type TokenUse struct {
	LastAt time.Time
	Count  int64
}

// Merge returns u with the usage in v added.
func (u Usage) Merge(v Usage) Usage {
	if u.FirstRequestAt.IsZero() || !v.FirstRequestAt.IsZero() && v.FirstRequestAt.Before(u.FirstRequestAt) {
		u.FirstRequestAt = v.FirstRequestAt
	}
	u.LastRequestAt, u.LastWriteAt, u.LastErrorAt = Latest(u.LastRequestAt, v.LastRequestAt), Latest(u.LastWriteAt, v.LastWriteAt),
		Latest(u.LastErrorAt, v.LastErrorAt)
	tokens := map[CredentialID]TokenUse{}
	maps.Copy(tokens, u.Tokens)
	u.Tokens = tokens
	for id, t := range v.Tokens {
		old := u.Tokens[id]
		u.Tokens[id] = TokenUse{Latest(old.LastAt, t.LastAt), old.Count + t.Count}
	}
	return u
}

// Health is the health of a provider's connection.
type Health string

// The healths.
const (
	HealthNever   Health = "never-used"
	HealthQuiet   Health = "quiet"   // no request for two hours: Entra's cycle takes 40 minutes
	HealthFailing Health = "failing" // the last request was answered with an error
	HealthGood    Health = "healthy"
)

const quietAfter = 2 * time.Hour

// Health judges the usage.
func (u Usage) Health(now time.Time) Health {
	switch {
	case u.LastRequestAt.IsZero():
		return HealthNever
	case now.Sub(u.LastRequestAt) > quietAfter:
		return HealthQuiet
	case !u.LastErrorAt.Before(u.LastRequestAt):
		return HealthFailing
	}
	return HealthGood
}
