package workflow

import (
	"context"
	"errors"
	"net/http"
)

// Refuses reports whether the sender refuses to connect to an address, whatever name led there.
func (w *Webhooks) Refuses(ctx context.Context, address string) bool {
	c, err := w.client.Transport.(*http.Transport).DialContext(ctx, "tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return errors.Is(err, errAddress)
}

// Left is how many scheduled times are still to come.
func (l *Local) Left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.times)
}
