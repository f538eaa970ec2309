package directory

import (
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

// Now is the service's clock: UTC, cut to milliseconds.
func (s *Service) Now() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func (s *Service) entryID() EntryID { return EntryID("e" + s.newID()) }
