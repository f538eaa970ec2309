package scim

import (
	"slices"
	"strconv"
)

// Kind is the JSON type of a Value.
type Kind uint8

// The kinds of JSON values. Null is the kind of the zero Value.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is one JSON value. It is immutable: methods that change it return a copy that shares the unchanged parts.
// Members keep their order and numbers their text. The zero Value is null. Safe for concurrent use.
type Value struct {
	kind    Kind
	yes     bool
	text    string // of strings and numbers
	elems   []Value
	members []Member
}

// Member is one name and value of an object.
type Member struct {
	Name  string
	Value Value
}

// StringValue returns s as a JSON string.
func StringValue(s string) Value { return Value{kind: String, text: s} }

// BoolValue returns b as a JSON boolean.
func BoolValue(b bool) Value { return Value{kind: Bool, yes: b} }

// NumberValue returns a JSON number with exactly this text, which must be a number by RFC 8259 §6.
func NumberValue(text string) Value { return Value{kind: Number, text: text} }

// IntValue returns n as a JSON number.
func IntValue(n int64) Value { return NumberValue(strconv.FormatInt(n, 10)) }

// ArrayValue returns a JSON array of the elements. It keeps the slice: the caller must not change it afterwards.
func ArrayValue(elements ...Value) Value { return Value{kind: Array, elems: slices.Clip(elements)} }

// ObjectValue returns a JSON object of the members in this order. Names must differ, ignoring case. It keeps the slice:
// the caller must not change it afterwards.
func ObjectValue(members ...Member) Value { return Value{kind: Object, members: slices.Clip(members)} }

// Kind returns the JSON type.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is null; an absent member reads as null, too.
func (v Value) IsNull() bool { return v.kind == Null }

// Text returns the text of a string or number, and "" for other kinds.
func (v Value) Text() string { return v.text }

// Bool returns a boolean's value, and false for other kinds.
func (v Value) Bool() bool { return v.yes }

// Elements returns an array's elements, and nil for other kinds. The slice is shared: read only.
func (v Value) Elements() []Value { return v.elems }

// Members returns an object's members in order, and nil for other kinds. The slice is shared: read only.
func (v Value) Members() []Member { return v.members }

// Get returns the member of that name, ignoring the case of ASCII letters (RFC 7643 §2.1), or null.
func (v Value) Get(name string) Value {
	if i := v.index(name); i >= 0 {
		return v.members[i].Value
	}
	return Value{}
}

// Has reports whether an object has a member, even null, ignoring case.
func (v Value) Has(name string) bool { return v.index(name) >= 0 }

func (v Value) index(name string) int {
	for i := range v.members {
		if sameName(v.members[i].Name, name) {
			return i
		}
	}
	return -1
}

// With returns a copy of the object with the member set, ignoring the case of its name; null removes it. An existing
// member keeps its position and spelling. On a null Value it starts an object; on other kinds it returns v.
func (v Value) With(name string, value Value) Value {
	if v.kind != Object && v.kind != Null {
		return v
	}
	i := v.index(name)
	switch {
	case i < 0 && value.IsNull():
		return v
	case i < 0:
		members := make([]Member, len(v.members)+1)
		copy(members, v.members)
		members[len(v.members)] = Member{name, value}
		return ObjectValue(members...)
	case value.IsNull():
		members := make([]Member, 0, len(v.members)-1)
		members = append(append(members, v.members[:i]...), v.members[i+1:]...)
		return ObjectValue(members...)
	}
	members := slices.Clone(v.members)
	members[i].Value = value
	return ObjectValue(members...)
}

// Equal reports whether both are the same JSON: numbers by value, arrays in order, objects in any order of their
// members (names ignoring case).
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case Bool:
		return v.yes == w.yes
	case Number:
		return v.text == w.text || compareNumbers(v.text, w.text) == 0
	case String:
		return v.text == w.text
	case Array:
		return slices.EqualFunc(v.elems, w.elems, Value.Equal)
	case Object:
		if len(v.members) != len(w.members) {
			return false
		}
		for i, m := range v.members {
			// Both sides usually have schema order, so the same position is tried before a search.
			j := i
			if !sameName(w.members[j].Name, m.Name) {
				if j = w.index(m.Name); j < 0 {
					return false
				}
			}
			if !m.Value.Equal(w.members[j].Value) {
				return false
			}
		}
	}
	return true
}

// Append appends v as compact JSON (RFC 8259) to dst.
func (v Value) Append(dst []byte) []byte {
	switch v.kind {
	case Bool:
		return strconv.AppendBool(dst, v.yes)
	case Number:
		return append(dst, v.text...)
	case String:
		return appendString(dst, v.text)
	case Array:
		dst = append(dst, '[')
		for i, e := range v.elems {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.Append(dst)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, m := range v.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, m.Name), ':')
			dst = m.Value.Append(dst)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

const hexDigits = "0123456789abcdef"

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// sameName compares attribute names, schema URNs and keywords: ignoring the case of ASCII letters, and only of those,
// because these names are ASCII (RFC 7643 §2.1).
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if x, y := a[i], b[i]; x != y && lowerByte(x) != lowerByte(y) {
			return false
		}
	}
	return true
}

func hasNamePrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && sameName(s[:len(prefix)], prefix)
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// lowerName lower-cases the ASCII letters of s.
func lowerName(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return string(b)
		}
	}
	return s
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '$'
}
