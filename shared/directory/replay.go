package directory

import "time"

// Replay is the stored answer to a request that carried an Idempotency-Key.
type Replay struct {
	Key     string // hash of caller and key
	Request string // hash of method, path and body: another request with the same key is refused
	Answer  []byte // encrypted by the caller; empty while the request is still running
	Expires time.Time
}
