package adminapi

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
)

// page is one page of a list, the answer of every list.
type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"nextCursor,omitempty"` // absent at the end
}

// secret derives a key for one purpose from the caller's API key, so that no key has to be stored and no other caller
// can use the protected data.
func (r *request) secret(salt, purpose string) []byte {
	k, err := hkdf.Key(sha256.New, []byte(r.token), []byte(salt), "rollcall admin api "+purpose, 32)
	if err != nil {
		panic(err) // only for a key longer than HKDF supports
	}
	return k
}

// cursor returns the signed text of a position in the list that the request reads, "" for "".
func (r *request) cursor(position string) string {
	if position == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(position)) + "." + r.signCursor(position)
}

// signCursor binds a position to the caller, the path and the filters.
func (r *request) signCursor(position string) string {
	mac := hmac.New(sha256.New, r.secret("", "cursor"))
	filters := r.query.Encode() // in the order of the names
	kept := make([]string, 0, len(r.query))
	for f := range strings.SplitSeq(filters, "&") {
		if !strings.HasPrefix(f, "cursor=") && !strings.HasPrefix(f, "limit=") {
			kept = append(kept, f)
		}
	}
	mac.Write([]byte(r.r.URL.EscapedPath() + "\x00" + strings.Join(kept, "&") + "\x00" + position))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// position returns the start of the requested page: "" for the first one.
func (r *request) position() (string, error) {
	if !r.query.Has("cursor") {
		return "", nil
	}
	text, signature, _ := strings.Cut(r.query.Get("cursor"), ".")
	position, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(position) == 0 || !hmac.Equal([]byte(signature), []byte(r.signCursor(string(position)))) {
		return "", invalid(fieldError{"cursor", "the cursor does not belong to this key and query"})
	}
	return string(position), nil
}

// pageQuery reads the parameters cursor and limit.
func (r *request) pageQuery() (after string, limit int, err error) {
	if limit, err = r.limit(); err != nil {
		return "", 0, err
	}
	after, err = r.position()
	return after, limit, err
}

// pageAfter returns one page of a complete list in the order of its ids.
func pageAfter[T any](all []T, id func(T) string, after string, limit int) (out []T, next string) {
	for i, v := range all {
		if id(v) <= after {
			continue
		}
		out = append(out, v)
		if len(out) == limit {
			if i+1 < len(all) {
				next = id(v)
			}
			break
		}
	}
	return out, next
}

// mapSlice converts records to the items of a page; the result is never nil.
func mapSlice[T, V any](records []T, view func(T) V) []V {
	out := make([]V, len(records))
	for i, x := range records {
		out[i] = view(x)
	}
	return out
}

// nonNil returns v, or an empty list for nil, so that its JSON is never null.
func nonNil[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

// instantForm is the form of times in answers: always with milliseconds, so that times sort as text.
const instantForm = "2006-01-02T15:04:05.000Z07:00"

// instant is a time in an answer, in UTC.
type instant struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (i instant) MarshalJSON() ([]byte, error) {
	return i.UTC().AppendFormat(nil, `"`+instantForm+`"`), nil
}
