package directory

import (
	"cmp"
	"context"
	"time"
)

// Runtime is what services need in addition to storage: time, randomness and external systems. Now, NewID and Random
// are required; they are safe for concurrent use.
type Runtime struct {
	Now    func() time.Time
	NewID  func() string  // 25 characters of 0-9a-v, as NewID makes them
	Random func(b []byte) // fills b with unpredictable bytes; it never fails

	// LogRetention is how long the deployment keeps log entries; 0: DefaultLogRetention.
	LogRetention time.Duration

	// Country returns the ISO 3166-1 alpha-2 code of a country's name or code, XK for Kosovo, "" when unknown; nil: all are
	// unknown. CountryTable names what it knows: with another one, stored users without a code are looked at again; nil: never.
	Country      func(name string) string
	CountryTable func() string

	External
}

// Time is the current time as stored in records: UTC, cut to milliseconds.
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

// External is the systems outside the process. Each may be nil: then no events are published, nothing is sent to
// webhooks, no secret can be stored, nothing is signed, apply runs are carried out where their entry is followed, only
// the sweep finds due deactivations, only the schedules send deliveries and do tasks, and the job that does them hands
// none over.
type External struct {
	Bus     EventBus
	Sender  WebhookSender
	Secrets SecretBox
	Signer  LogSigner
	Runs    RunStarter
	Wakeups Wakeups

	Delivering DeliveryStarter
	Tasks      TaskStarter
	Carrier    TaskCarrier
}

// EventBus publishes events to subscribers.
type EventBus interface {
	// Publish publishes events. With an error it returns the positions of those that were not published.
	Publish(ctx context.Context, es []Event) (refused []int, err error)
}

// WebhookSender posts messages to webhooks.
type WebhookSender interface {
	// Check refuses a URL whose text shows that nothing may be sent to it.
	// Errors: Invalid.
	Check(url string) error
	// Send posts a body and returns the status of the answer, or 0 and one of the causes.
	Send(ctx context.Context, url string, header map[string]string, body []byte) (status int, cause string)
}

// SecretBox encrypts secrets under a key that no store has. Decrypt succeeds only with the same text for about.
type SecretBox interface {
	Encrypt(ctx context.Context, plain []byte, about string) ([]byte, error)
	Decrypt(ctx context.Context, encrypted []byte, about string) ([]byte, error)
}

// LogSigner signs digests with a key that it never hands out: ECDSA on P-256, in ASN.1 DER, which every FIPS 186-5
// module supports.
type LogSigner interface {
	Sign(ctx context.Context, digest Digest) (Digest, error)
	// PublicKey is the public half in DER (PKIX).
	PublicKey(ctx context.Context) ([]byte, error)
}

// RunStarter carries out phases of apply runs in the background: it steps every range that has work until it is done,
// and then ends the phase. Starting a phase again does no harm.
type RunStarter interface {
	StartRun(ctx context.Context, ref RunRef) error
}

// DeliveryStarter has another process send the deliveries that are due, soon. Starting it again does no harm.
type DeliveryStarter interface {
	StartDelivering(ctx context.Context) error
}

// TaskStarter has another process do the tasks that are due, soon. Starting it again does no harm.
type TaskStarter interface {
	StartTasks(ctx context.Context) error
}

// TaskCarrier carries long tasks: it has one step after the other done until the task is done, waits for a person or is
// somebody else's. Handing over the same execution again does no harm.
type TaskCarrier interface {
	CarryTask(ctx context.Context, ref TaskRef) error
}

// Wakeups schedules the search for due deactivations.
type Wakeups interface {
	// WakeAt schedules a search for due deactivations at a time, or at most a minute later. Repeating a call, or
	// naming a time in the past, does no harm.
	WakeAt(ctx context.Context, at time.Time) error
}
