package directory

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"math/big"
	"strings"
	"time"
)

// Service is the business of Rollcall on its ports. Safe for concurrent use.
type Service struct {
	Ports
	out       Outside
	now       func() time.Time
	newID     func() string
	newSecret func() string
	country   func(string) string
	starter   Starter
	usage     usageMeter
}

// Config is what a Service is made of besides its ports.
type Config struct {
	Now       func() time.Time // nil: time.Now
	NewID     func() string    // 25 random characters of 0-9a-v; nil: RandomID
	NewSecret func() string    // 43 random base62 characters; nil: RandomSecret
	Outside   Outside

	Country func(name string) string // ISO 3166-1 alpha-2 of a country's name or code, "" when unknown; nil: knows none
	Starter Starter                  // runs apply runs in the background; nil: they run where their entry is followed
}

// New returns the service on the ports.
func New(p Ports, c Config) *Service {
	s := &Service{
		Ports: p, out: c.Outside, now: c.Now, newID: c.NewID, newSecret: c.NewSecret, country: c.Country, starter: c.Starter,
	}
	if c.Country != nil {
		with := countryUsers{p.Users, p.Leavers}
		s.Users, s.Leavers = with, with
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.newID == nil {
		s.newID = RandomID
	}
	if s.newSecret == nil {
		s.newSecret = RandomSecret
	}
	return s
}

var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// RandomID returns 25 random characters of 0-9a-v: 125 bits.
func RandomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	return idEncoding.EncodeToString(b[:])[:IDLength-1]
}

// RandomSecret returns 43 random base62 characters: 256 bits.
func RandomSecret() string {
	var b strings.Builder
	base := big.NewInt(int64(len(base62)))
	for range secretSize {
		n, err := rand.Int(rand.Reader, base)
		if err != nil {
			panic(err) // crypto/rand ends the program before it returns an error
		}
		b.WriteByte(base62[n.Int64()])
	}
	return b.String()
}

// Caller is who sends a provisioning request: the provider named in the URL, the bearer token, and the
// request's ids for the log.
type Caller struct {
	Provider        ProviderID
	Token           string
	RequestID       string
	ClientRequestID string
}

// session is one provisioning request.
type session struct {
	s        *Service
	caller   Caller
	tenant   TenantID
	now      time.Time
	actor    Actor
	provider Provider // once admitted
}

func (s *Service) session(c Caller) session {
	t, _ := c.Provider.Tenant() // "" reads nothing: no provider can exist there
	return session{s: s, caller: c, tenant: t, now: s.Now(), actor: Actor{
		Kind: ActorProvider, RequestID: c.RequestID, ClientRequestID: c.ClientRequestID,
	}}
}

// admit returns the Admit of the session: it authenticates the caller, and then lets also decide.
func (x *session) admit(also Admit) Admit {
	return func(p Provider) error {
		cred, err := p.Authenticate(x.caller.Token, x.now)
		if err != nil {
			return err
		}
		if err := p.serves(); err != nil {
			return err
		}
		x.actor.ID, x.provider = cred.ID, p
		x.noteRequest(cred.ID)
		if also != nil {
			return also(p)
		}
		return nil
	}
}

// entry starts a log entry of the session.
func (x *session) entry(a Action) LogEntry {
	x.s.usage.note(x.caller.Provider, func(u *Usage) { u.LastWriteAt = later(u.LastWriteAt, x.now) })
	return LogEntry{ID: x.s.entryID(), At: x.now, Provider: x.caller.Provider, Actor: x.actor, Action: a}
}

// Now is the service's clock: UTC, cut to milliseconds.
func (s *Service) Now() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func (s *Service) entryID() EntryID { return EntryID("e" + s.newID()) }

// Authorize admits a provisioning request that reads no record: discovery and unknown endpoints.
func (s *Service) Authorize(ctx context.Context, c Caller, also Admit) error {
	x := s.session(c)
	if x.tenant == "" {
		return errUnauthenticated()
	}
	p, err := s.Providers.Provider(ctx, x.tenant, c.Provider)
	if err != nil && !IsKind(err, NotFound) {
		return err
	}
	return x.admit(also)(p)
}
