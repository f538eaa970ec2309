package scimapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/scim"
)

// position is the start of a page by cursor: after a record's id, or, in a sorted list, at an offset.
type position struct {
	after  string
	offset int
}

// cursor returns the signed text of a position: the time, the page size and the position, with a signature that covers
// the rest of the query, too, so that it works for this provider and query only.
func (r *request) cursor(q *query, at position) string {
	plain := fmt.Sprintf("1|%d|%d|%s|%d", r.api.svc.Now().Unix(), q.count(), at.after, at.offset)
	return base64.RawURLEncoding.EncodeToString([]byte(plain)) + "." + r.sign(q, plain)
}

func (r *request) sign(q *query, plain string) string {
	mac := hmac.New(sha256.New, r.provider.SigningKey)
	filter := ""
	if q.Filter != nil {
		filter = *q.Filter
	}
	fmt.Fprintf(mac, "cursor %q %q %q %q %q", q.rt.ID(), filter, q.SortBy, q.SortOrder, plain)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// readCursor returns the position in a request's cursor; the empty cursor is the first page.
func (r *request) readCursor(q *query) (position, error) {
	if !q.cursored {
		return position{}, nil
	}
	if q.Count != nil && (*q.Count < 0 || *q.Count > scim.MaxResults) {
		return position{}, scim.Errorf(http.StatusBadRequest, scim.TypeInvalidCount, "count must be between 0 and %d", scim.MaxResults)
	}
	if *q.Cursor == "" {
		return position{}, nil
	}
	invalid := scim.Errorf(http.StatusBadRequest, scim.TypeInvalidCursor, "the cursor does not belong to this query")
	text, signature, _ := strings.Cut(*q.Cursor, ".")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	plain := string(raw)
	if err != nil || !hmac.Equal([]byte(signature), []byte(r.sign(q, plain))) {
		return position{}, invalid
	}
	parts := strings.Split(plain, "|")
	if len(parts) != 5 {
		return position{}, invalid
	}
	created, err1 := strconv.ParseInt(parts[1], 10, 64)
	count, err2 := strconv.Atoi(parts[2])
	offset, err3 := strconv.Atoi(parts[4])
	switch {
	case err1 != nil || err2 != nil || err3 != nil:
		return position{}, invalid
	case r.api.svc.Now().Sub(time.Unix(created, 0)) > scim.CursorTimeoutSeconds*time.Second:
		return position{}, scim.Errorf(http.StatusBadRequest, scim.TypeExpiredCursor, "the cursor is older than an hour; start again")
	case q.Count != nil && q.count() != count:
		return position{}, scim.Errorf(http.StatusBadRequest, scim.TypeInvalidCount, "count must be the same on every page")
	}
	q.Count = &count
	return position{after: parts[3], offset: offset}, nil
}
