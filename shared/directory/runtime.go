package directory

import (
	"context"
	"time"
)

// Starter carries out phases of apply runs in the background, through BeginRun, StepRun for every range until
// it is done, and EndRun. Starting a phase again does no harm.
type Starter interface {
	StartRun(ctx context.Context, ref RunRef) error
}

// Outside is what a Service reaches besides its store. What is nil is not there: nobody listens, nothing is
// sent, no secret can be kept, nothing is signed.
type Outside struct {
	Bus    Bus
	Sender Sender
	Vault  Vault
	Signer Signer
}

// Bus publishes events to whoever listens.
type Bus interface {
	// Publish hands on all events, or returns an error; then some may have been handed on.
	Publish(ctx context.Context, es []Event) error
}

// Sender posts messages to webhooks.
type Sender interface {
	// Check refuses a URL that nothing may be sent to, as far as its text tells.
	// Errors: Invalid.
	Check(url string) error
	// Send posts a body and returns the status of the answer, or 0 and one of the causes.
	Send(ctx context.Context, url string, header map[string]string, body []byte) (status int, cause string)
}

// Vault encrypts secrets under a key that no store has. What was sealed about one thing cannot be opened as
// about another.
type Vault interface {
	Seal(ctx context.Context, plain []byte, about string) ([]byte, error)
	Open(ctx context.Context, sealed []byte, about string) ([]byte, error)
}

// Signer signs digests with a key that stays where it is: ECDSA on P-256, in ASN.1 DER, as every FIPS 186-5
// module can.
type Signer interface {
	Sign(ctx context.Context, digest Digest) (Digest, error)
	// PublicKey is the public half in DER (PKIX).
	PublicKey(ctx context.Context) ([]byte, error)
}

// Wakeups lets DeactivateDue be called at given times.
type Wakeups interface {
	// WakeAt sees to it that the due deactivations are looked for at a time, or at most a minute later. Asking
	// twice, or for a time that is over, does no harm.
	WakeAt(ctx context.Context, at time.Time) error
}
