package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"rollcall/shared/directory"
)

func TestErrorsAreInternalUnlessTheySayOtherwise(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	e := &directory.Error{Kind: directory.Conflict, Attr: "userName", Detail: "taken", Err: cause}
	if !errors.Is(e, cause) || e.Error() != "conflict userName: taken: cause" {
		t.Errorf("got %q", e.Error())
	}
	for err, want := range map[error]directory.Kind{cause: directory.Internal, e: directory.Conflict, &directory.Error{}: directory.Internal,
		&directory.TakenError{}: directory.Internal} {
		if directory.KindOf(err) != want || !directory.IsKind(err, want) {
			t.Errorf("%v: kind %v, want %v", err, directory.KindOf(err), want)
		}
	}
	if directory.IsKind(nil, directory.Internal) {
		t.Error("no error is an internal one")
	}
	kinds := map[string]bool{}
	for k := directory.Internal; k <= directory.Unavailable; k++ {
		kinds[k.String()] = true
	}
	if len(kinds) != 10 || slices.Contains([]bool{kinds["internal"], kinds["unavailable"]}, false) {
		t.Errorf("kinds are called %v", kinds)
	}
}

// An alarm is for what a person must look at, however the error is wrapped.
func TestFaultsAreWhatAPersonMustLookAt(t *testing.T) {
	t.Parallel()
	busy, full := directory.Errorf(directory.Unavailable, "busy"), &directory.Error{Kind: directory.Unavailable, Fault: true}
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"nothing", nil, false},
		{"an unknown error", errors.New("no such table"), true},
		{"busy", busy, false},
		{"a full disk", full, true},
		{"a conflict nobody expects", directory.Errorf(directory.Conflict, "taken"), true},
		{"the end of the request", fmt.Errorf("read: %w", context.Canceled), false},
		{"the deadline", context.DeadlineExceeded, true},
		{"busy, wrapped", fmt.Errorf("seal: %w", busy), false},
		{"busy twice", errors.Join(busy, nil, busy), false},
		{"busy and full", fmt.Errorf("deliver: %w", errors.Join(busy, full)), true},
		{"a decision with a cause", &directory.Error{Kind: directory.Unavailable, Err: errors.New("cause")}, false},
	} {
		if got := directory.IsFault(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
