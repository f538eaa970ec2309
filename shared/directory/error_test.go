package directory_test

import (
	"errors"
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
