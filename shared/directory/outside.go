package directory

import "context"

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
