package directory

import (
	"encoding/json"
	"strconv"
	"time"
)

// object writes a JSON object and omits members with a zero value.
type object struct {
	dst   []byte
	start int
}

func newObject(dst []byte) object { return object{dst, len(dst)} }

func (o *object) name(name string) {
	o.dst = append(append(append(o.dst, ',', '"'), name...), '"', ':')
}

func (o *object) text(name, value string) {
	if value != "" {
		o.name(name)
		o.dst = appendText(o.dst, value)
	}
}

func (o *object) raw(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.name(name)
		o.dst = append(o.dst, value...)
	}
}

func (o *object) number(name string, n int64) {
	if n != 0 {
		o.name(name)
		o.dst = strconv.AppendInt(o.dst, n, 10)
	}
}

func (o *object) flag(name string, set bool) {
	if set {
		o.name(name)
		o.dst = append(o.dst, "true"...)
	}
}

func (o *object) time(name string, t time.Time) {
	if !t.IsZero() {
		o.name(name)
		o.dst = append(t.AppendFormat(append(o.dst, '"'), time.RFC3339Nano), '"')
	}
}

// open begins an object as a member of the current one, to which close returns.
func (o *object) open(name string) (outer int) {
	o.name(name)
	return o.begin()
}

func (o *object) begin() (outer int) {
	outer, o.start = o.start, len(o.dst)
	return outer
}

func (o *object) close(outer int) { o.dst, o.start = o.end(), outer }

// end closes the object and returns what it was appended to.
func (o *object) end() []byte {
	if len(o.dst) == o.start {
		return append(o.dst, '{', '}')
	}
	o.dst[o.start] = '{' // replaces the first comma
	return append(o.dst, '}')
}

// appendTexts writes a member with an array of strings, unless it is empty.
func appendTexts[T ~string](o *object, name string, texts []T) {
	if len(texts) == 0 {
		return
	}
	o.name(name)
	o.dst = append(o.dst, '[')
	for _, t := range texts {
		o.dst = append(appendText(o.dst, string(t)), ',')
	}
	o.dst[len(o.dst)-1] = ']' // replaces the last comma
}

// appendObjects writes a member with an array of objects, unless it is empty.
func appendObjects[T any](o *object, name string, all []T, members func(*object, T)) {
	if len(all) == 0 {
		return
	}
	o.name(name)
	o.dst = append(o.dst, '[')
	for _, v := range all {
		outer := o.begin()
		members(o, v)
		o.close(outer)
		o.dst = append(o.dst, ',')
	}
	o.dst[len(o.dst)-1] = ']' // replaces the last comma
}

// appendText appends s as a JSON string.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
