package adminapi

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// reader reads one member of a JSON object, at a path such as "emails[0].value".
type reader func(at string, raw json.RawMessage) []fieldError

// members holds the readers of an object's members; any other member is refused.
type members map[string]reader

// read reads the body as an object with these members; the required ones must be present.
func (r *request) read(m members, required ...string) error {
	if !json.Valid(r.body) { // first, so that a syntax error is not reported for a member
		return faultf(http.StatusBadRequest, "the body is not a JSON object")
	}
	if bad := m.object("", r.body, required...); len(bad) > 0 {
		return invalid(sorted(bad)...)
	}
	return nil
}

// readNothing refuses any body except an empty object.
func (r *request) readNothing() error {
	if len(r.body) == 0 {
		return nil
	}
	return r.read(nil)
}

func sorted(bad []fieldError) []fieldError {
	slices.SortFunc(bad, func(a, b fieldError) int { return strings.Compare(a.Field, b.Field) })
	return bad
}

func refuse(at, detail string) []fieldError { return []fieldError{{at, detail}} }

func (m members) object(at string, raw json.RawMessage, required ...string) (bad []fieldError) {
	given := readAttributes(raw)
	if given == nil {
		return refuse(at, "must be an object")
	}
	if at != "" {
		at += "."
	}
	seen := map[string]bool{}
	for _, a := range given {
		name := strings.ToLower(a.name)
		if seen[name] {
			bad = append(bad, fieldError{at + shorten(a.name), "is given twice"})
		}
		seen[name] = true
	}
	if len(bad) > 0 {
		return bad
	}
	for _, a := range given {
		if read, ok := m[a.name]; ok {
			bad = append(bad, read(at+a.name, a.value)...)
		} else {
			bad = append(bad, fieldError{at + shorten(a.name), "unknown member"})
		}
	}
	for _, name := range required {
		if !slices.ContainsFunc(given, func(a attribute) bool { return a.name == name }) {
			bad = append(bad, fieldError{at + name, "is required"})
		}
	}
	return bad
}

// shorten keeps an error about a huge name small.
func shorten(name string) string {
	if len(name) <= 64 {
		return name
	}
	return strings.ToValidUTF8(name[:64], "") + "…"
}

// object reads a nested object; prepare is called before its members are read.
func object(prepare func() members, required ...string) reader {
	return func(at string, raw json.RawMessage) []fieldError { return prepare().object(at, raw, required...) }
}

// list reads an array of at most limit elements.
func list(limit int, element func(at string, raw json.RawMessage) []fieldError) reader {
	return func(at string, raw json.RawMessage) (bad []fieldError) {
		var elements []json.RawMessage
		if json.Unmarshal(raw, &elements) != nil || elements == nil {
			return refuse(at, "must be an array")
		}
		if len(elements) > limit {
			return refuse(at, "has more than "+strconv.Itoa(limit)+" elements")
		}
		for i, e := range elements {
			bad = append(bad, element(at+"["+strconv.Itoa(i)+"]", e)...)
		}
		return bad
	}
}

// text reads a string of low to high characters without control characters, not all blank when low is at least 1.
func text(to func(string), low, high int) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			return refuse(at, "must be a string")
		}
		n := utf8.RuneCountInString(*s)
		if n < low || n > high || low > 0 && strings.TrimSpace(*s) == "" {
			return refuse(at, "must have "+strconv.Itoa(low)+" to "+strconv.Itoa(high)+" characters, not all of them blank")
		}
		if strings.ContainsFunc(*s, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }) {
			return refuse(at, "must have no control characters")
		}
		to(*s)
		return nil
	}
}

// phrase reads a name that was typed as a confirmation: whatever a record may be called, so of any length.
func phrase(to func(string)) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil || *s == "" {
			return refuse(at, "must be a string that is not empty")
		}
		to(*s)
		return nil
	}
}

// word reads one of some strings.
func word(to func(string), words ...string) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil || !slices.Contains(words, *s) {
			return refuse(at, "must be one of "+strings.Join(words, ", "))
		}
		to(*s)
		return nil
	}
}

// boolean reads true or false.
func boolean(to func(bool)) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		var b *bool
		if json.Unmarshal(raw, &b) != nil || b == nil {
			return refuse(at, "must be true or false")
		}
		to(*b)
		return nil
	}
}

// seconds reads a whole number of seconds, at most longest.
func seconds(to func(time.Duration), longest time.Duration) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		var n *float64
		if json.Unmarshal(raw, &n) != nil || n == nil || *n != math.Trunc(*n) || *n < 0 || *n > longest.Seconds() {
			return refuse(at, "must be a whole number from 0 to "+strconv.Itoa(int(longest.Seconds())))
		}
		to(time.Duration(*n) * time.Second)
		return nil
	}
}

// moment reads a time (RFC 3339), kept in UTC to the millisecond.
func moment(to func(time.Time)) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			return refuse(at, "must be a time such as 2027-01-31T12:00:00Z")
		}
		t, ok := parseTime(*s)
		if !ok {
			return refuse(at, "must be a time such as 2027-01-31T12:00:00Z")
		}
		to(t)
		return nil
	}
}

// parseTime reads a time of RFC 3339, in which t and z may be lower case.
func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, strings.ToUpper(s))
	t = t.UTC().Truncate(time.Millisecond)
	return t, err == nil && t.Year() >= 1 && t.Year() <= 9999
}

// clearable calls clear for null, and reads any other value with read.
func clearable(clear func(), read reader) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		if string(raw) == "null" {
			clear()
			return nil
		}
		return read(at, raw)
	}
}

// set returns a function that stores a value.
func set[T any](p *T) func(T) { return func(v T) { *p = v } }

// setPtr returns a function that stores a pointer to a value.
func setPtr[T any](p **T) func(T) { return func(v T) { *p = &v } }
