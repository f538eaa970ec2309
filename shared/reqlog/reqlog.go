// Package reqlog is an http middleware that writes one structured event per request, filled during the request and
// written at its end. Only keys of its allow-list are written, so that no personal data, filter, body, header or token
// can reach a log by mistake.
package reqlog

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// allowed are the keys that an event may have in addition to those that this package sets.
var allowed = map[string]bool{
	"provider_id": true, "tenant_id": true, "function": true, "resource_type": true, "resource_id": true,
	"op": true, "scim_type": true, "entries": true, "problem": true,
}

type eventKey struct{}

// event is the event of one request. Handlers of one request may fill it concurrently.
type event struct {
	id    string
	mu    sync.Mutex
	attrs []slog.Attr
	room  [6]slog.Attr // for attrs, as many as most requests have
	cause error
}

// Set adds a value to the request's event; a key outside the allow-list and an empty value are dropped.
// Setting a key again replaces it.
func Set(ctx context.Context, key, value string) {
	e, ok := ctx.Value(eventKey{}).(*event)
	if !ok || !allowed[key] || value == "" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.attrs {
		if e.attrs[i].Key == key {
			e.attrs[i].Value = slog.StringValue(value)
			return
		}
	}
	e.attrs = append(e.attrs, slog.String(key, value))
}

// Fail records the cause of an internal error: the event is written at error level, since a person must act.
func Fail(ctx context.Context, err error) {
	if e, ok := ctx.Value(eventKey{}).(*event); ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.cause = err
	}
}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	if e, ok := ctx.Value(eventKey{}).(*event); ok {
		return e.id
	}
	return ""
}

// Options configure Handler.
type Options struct {
	Log      *slog.Logger
	Function string // which Lambda, or "serve"
	Now      func() time.Time
	NewID    func() string                                // makes request ids
	Panicked func(w http.ResponseWriter, r *http.Request) // answers a request whose handler panicked
}

// Handler wraps next: it gives each request an id (answered as X-Request-Id), recovers panics, and
// writes the event "request" when the answer is complete.
func Handler(next http.Handler, o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := o.Now()
		e := &event{id: o.NewID()}
		e.attrs = e.room[:0]
		r = r.WithContext(context.WithValue(r.Context(), eventKey{}, e))
		rec := &recorder{ResponseWriter: w}
		w.Header().Set("X-Request-Id", e.id)
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					e.write(r.Context(), o, rec.status, o.Now().Sub(start))
					panic(p)
				}
				o.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", e.id), slog.String("stack", string(debug.Stack())))
				if rec.status == 0 {
					o.Panicked(rec, r)
				}
			}
			e.write(r.Context(), o, rec.status, o.Now().Sub(start))
		}()
		next.ServeHTTP(rec, r)
		if rec.status == 0 { // nothing written is 200 on a laptop and 504 in Lambda: always write
			rec.WriteHeader(http.StatusOK)
		}
	})
}

func (e *event) write(ctx context.Context, o Options, status int, took time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	level := slog.LevelInfo
	if e.cause != nil {
		level = slog.LevelError
	}
	if !o.Log.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(o.Now(), level, "request", 0) // not LogAttrs, which looks up its caller needlessly
	record.AddAttrs(slog.String("request_id", e.id), slog.String("function", o.Function))
	record.AddAttrs(e.attrs...)
	record.AddAttrs(slog.Int("status", status), slog.Float64("latency_ms", float64(took.Microseconds())/1000))
	if e.cause != nil {
		record.AddAttrs(slog.String("cause", e.cause.Error()))
	}
	_ = o.Log.Handler().Handle(ctx, record) // a log that cannot be written must not fail the request
}

// recorder records the status that was written.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer beneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
