package directory

import (
	"cmp"
	"context"
	"time"
)

// Runtime is what services need besides storage: time, randomness, and what lies outside the process. Now, NewID and
// Random are required; they are safe for concurrent use.
type Runtime struct {
	Now    func() time.Time
	NewID  func() string  // 25 characters of 0-9a-v, as NewID makes them
	Random func(b []byte) // fills b with what nobody can guess; it never fails

	// LogRetention is how long the deployment keeps log entries; 0: DefaultLogRetention.
	LogRetention time.Duration

	Country func(name string) string // ISO 3166-1 alpha-2 of a country's name or code, "" when unknown; nil: knows none

	External
}

// Time is the time as records keep it: UTC, cut to milliseconds.
func (r Runtime) Time() time.Time { return r.Now().UTC().Truncate(time.Millisecond) }

// Retention is how long the deployment keeps log entries.
func (r Runtime) Retention() time.Duration { return cmp.Or(r.LogRetention, DefaultLogRetention) }

// EntryID returns the id of a new log entry.
func (r Runtime) EntryID() EntryID { return EntryID("e" + r.NewID()) }

// Secret returns a new secret: 43 base62 characters, 256 bits.
func (r Runtime) Secret() string {
	var random [32]byte
	r.Random(random[:])
	return NewSecret(random)
}

// External is what lies outside the process. What is nil is not there: nobody listens, nothing is sent, no secret can
// be kept, nothing is signed, apply runs are carried out where their entry is followed, and only the sweep finds
// deactivations that are due.
type External struct {
	Bus     EventBus
	Sender  WebhookSender
	Secrets SecretBox
	Signer  LogSigner
	Runs    RunStarter
	Wakeups Wakeups
}

// EventBus publishes events to everybody who listens.
type EventBus interface {
	// Publish hands on all events, or returns an error; then some may have been handed on.
	Publish(ctx context.Context, es []Event) error
}

// WebhookSender posts messages to webhooks.
type WebhookSender interface {
	// Check refuses a URL that nothing may be sent to, as far as its text shows.
	// Errors: Invalid.
	Check(url string) error
	// Send posts a body and returns the status of the answer, or 0 and one of the causes.
	Send(ctx context.Context, url string, header map[string]string, body []byte) (status int, cause string)
}

// SecretBox encrypts secrets under a key that no store has. What was encrypted about one thing cannot be decrypted as
// about another.
type SecretBox interface {
	Encrypt(ctx context.Context, plain []byte, about string) ([]byte, error)
	Decrypt(ctx context.Context, encrypted []byte, about string) ([]byte, error)
}

// LogSigner signs digests with a key that stays where it is: ECDSA on P-256, in ASN.1 DER, as every FIPS 186-5
// module can.
type LogSigner interface {
	Sign(ctx context.Context, digest Digest) (Digest, error)
	// PublicKey is the public half in DER (PKIX).
	PublicKey(ctx context.Context) ([]byte, error)
}

// RunStarter carries out phases of apply runs in the background: the ranges that begin with work, step by step, until
// each is done, and then the end. Starting a phase again does no harm.
type RunStarter interface {
	StartRun(ctx context.Context, ref RunRef) error
}

// Wakeups has due deactivations looked for at given times.
type Wakeups interface {
	// WakeAt sees to it that the due deactivations are looked for at a time, or at most a minute later. Asking
	// twice, or for a time that is over, does no harm.
	WakeAt(ctx context.Context, at time.Time) error
}
