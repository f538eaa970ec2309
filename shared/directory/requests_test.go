package directory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// A report keeps the latest refusals and drops the oldest; names without room or that are too long are left out.
func TestRequestReportIsBounded(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	var r directory.RequestReport
	for i := range 3 * directory.MaxUnreadNames {
		now := at.Add(time.Duration(i) * time.Second)
		r = r.Merge(directory.RequestReport{
			Refused: 1, Refusals: []directory.RefusedRequest{{Method: "PATCH", ID: directory.ScimID(fmt.Sprint(i)), Status: 400, Count: 1,
				FirstAt: now, LastAt: now}},
			Unread: []directory.UnreadAttribute{{Name: fmt.Sprint("a", i), Count: 1, LastAt: now}},
		})
	}
	r = r.Merge(directory.RequestReport{Unread: []directory.UnreadAttribute{{Name: strings.Repeat("x", directory.MaxUnreadName+1), Count: 1}}})
	if len(r.Refusals) != directory.MaxRefusals || r.Refusals[0].ID != directory.ScimID(fmt.Sprint(3*directory.MaxUnreadNames-1)) ||
		r.Refused != 3*directory.MaxUnreadNames {
		t.Errorf("%d refusals, the first %+v, %d in all", len(r.Refusals), r.Refusals[0], r.Refused)
	}
	if len(r.Unread) != directory.MaxUnreadNames {
		t.Errorf("%d names", len(r.Unread))
	}
}
