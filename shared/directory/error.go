package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Kind classifies an error in business terms. The zero Kind is Internal, so that an error without a chosen Kind never
// shows details to a client.
type Kind uint8

// The kinds of errors.
const (
	Internal        Kind = iota
	Invalid              // the input breaks a rule; nothing changed
	NotFound             // the record does not exist for this caller
	Conflict             // a unique value is taken, or the state forbids it; Attr names the attribute
	VersionMismatch      // the caller's precondition no longer holds
	Unauthenticated      // no valid credential
	Forbidden            // a valid credential that may not do this
	TooLarge             // a documented limit was exceeded
	TooMany              // answering would take more than MaxWalk records or MaxMembersShown members
	Unavailable          // try again later: throttled, contended or paused
)

var kindNames = [...]string{"internal", "invalid", "not found", "conflict", "version mismatch", "unauthenticated", "forbidden",
	"too large", "too many", "unavailable"}

func (k Kind) String() string { return kindNames[k] }

// Error is an error whose Kind, Attr and Detail may be shown to a client. Detail says what was wrong
// and what to do, and holds no personal value and nothing of another provider or tenant.
type Error struct {
	Kind   Kind
	Attr   string // the attribute at fault, in its SCIM spelling, or ""
	Detail string
	Err    error // the cause, for the log only
	Fault  bool  // of an Unavailable: not a decision or too much at once, but a failure that a person must look at
}

func (e *Error) Error() string {
	s := e.Kind.String()
	if e.Attr != "" {
		s += " " + e.Attr
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of a kind with a detail that a client may see.
func Errorf(k Kind, format string, a ...any) *Error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, a...)}
}

// KindOf returns the Kind of err: Internal for an error that has none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// IsKind reports whether err is of Kind k.
func IsKind(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// IgnoreNotFound returns nil for a NotFound error, and any other unchanged.
func IgnoreNotFound(err error) error {
	if IsKind(err, NotFound) {
		return nil
	}
	return err
}

// IsFault reports whether a person must look at the error of a job, or at one that a client sees as 5xx. Those that pass
// by themselves are no faults: Unavailable, unless it says so itself, and the end of a request or of the process. Of
// joined errors one is enough.
func IsFault(err error) bool {
	switch e := err.(type) { //nolint:errorlint // each level is looked at, since joined errors may differ
	case nil:
		return false
	case *Error:
		return e.Kind != Unavailable || e.Fault
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), IsFault)
	case interface{ Unwrap() error }:
		return IsFault(e.Unwrap())
	}
	return !errors.Is(err, context.Canceled)
}

// TakenError says that a unique value belongs to another record. It must not reach a client unchanged.
type TakenError struct {
	Attr     string // userName, displayName or name
	Holder   string // UserID, GroupID, ProviderID or OrgID of the holder
	Provider ProviderID
}

func (e *TakenError) Error() string { return e.Attr + " is taken" }

// AsTaken returns the TakenError that err is or wraps.
func AsTaken(err error) (*TakenError, bool) {
	var taken *TakenError
	return taken, errors.As(err, &taken)
}
