package scim

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Parse reads one JSON text by RFC 8259, strictly. Refused with 400 invalidSyntax: invalid UTF-8 and lone surrogates,
// trailing text, nesting deeper than MaxDepth, and two members whose names differ at most by case, because two readers
// of such an object could see different values. Strings share the memory of one copy of data.
func Parse(data []byte) (Value, error) {
	if !utf8.Valid(data) {
		return Value{}, badSyntax("the body is not UTF-8")
	}
	p := parser{s: string(data)}
	p.blanks()
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	if p.blanks(); p.i < len(p.s) {
		return Value{}, p.fail("text after the JSON value")
	}
	return v, nil
}

// parser collects elements and members on two stacks, so that each finished container is copied once, at its size.
type parser struct {
	s       string
	i       int
	elems   []Value
	members []Member
}

func (p *parser) fail(problem string) *Error {
	return badSyntax("the body is not JSON: %s at byte %d", problem, p.i)
}

func (p *parser) blanks() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (Value, error) {
	if p.i >= len(p.s) {
		return Value{}, p.fail("end of text")
	}
	switch c := p.s[p.i]; c {
	case '{', '[':
		if depth >= MaxDepth {
			return Value{}, p.fail("more than " + strconv.Itoa(MaxDepth) + " levels")
		}
		p.i++
		if c == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case '"':
		s, err := p.str()
		return StringValue(s), err
	case 't':
		return BoolValue(true), p.word("true")
	case 'f':
		return BoolValue(false), p.word("false")
	case 'n':
		return Value{}, p.word("null")
	}
	n := numberLen(p.s[p.i:])
	if n == 0 {
		return Value{}, p.fail("unexpected character")
	}
	p.i += n
	return NumberValue(p.s[p.i-n : p.i]), nil
}

func (p *parser) word(w string) error {
	if len(p.s)-p.i < len(w) || p.s[p.i:p.i+len(w)] != w {
		return p.fail("unexpected character")
	}
	p.i += len(w)
	return nil
}

func (p *parser) array(depth int) (Value, error) {
	base := len(p.elems)
	if p.blanks(); p.i < len(p.s) && p.s[p.i] == ']' {
		p.i++
		return Value{kind: Array}, nil
	}
	for {
		p.blanks()
		v, err := p.value(depth)
		if err != nil {
			return Value{}, err
		}
		p.elems = append(p.elems, v)
		done, err := p.next(']')
		if err != nil {
			return Value{}, err
		}
		if done {
			elems := make([]Value, len(p.elems)-base)
			copy(elems, p.elems[base:])
			p.elems = p.elems[:base]
			return ArrayValue(elems...), nil
		}
	}
}

func (p *parser) object(depth int) (Value, error) {
	base := len(p.members)
	if p.blanks(); p.i < len(p.s) && p.s[p.i] == '}' {
		p.i++
		return Value{kind: Object}, nil
	}
	for {
		p.blanks()
		if p.i >= len(p.s) || p.s[p.i] != '"' {
			return Value{}, p.fail("a member name is missing")
		}
		name, err := p.str()
		if err != nil {
			return Value{}, err
		}
		if p.blanks(); p.i >= len(p.s) || p.s[p.i] != ':' {
			return Value{}, p.fail("a colon is missing")
		}
		p.i++
		p.blanks()
		v, err := p.value(depth)
		if err != nil {
			return Value{}, err
		}
		p.members = append(p.members, Member{name, v})
		done, err := p.next('}')
		if err != nil {
			return Value{}, err
		}
		if done {
			members := make([]Member, len(p.members)-base)
			copy(members, p.members[base:])
			p.members = p.members[:base]
			if repeated(members) {
				return Value{}, p.fail("a member is given twice in the object that ends")
			}
			return ObjectValue(members...), nil
		}
	}
}

// next consumes the comma or the closing bracket after an element.
func (p *parser) next(closing byte) (done bool, err error) {
	if p.blanks(); p.i >= len(p.s) {
		return false, p.fail("end of text")
	}
	c := p.s[p.i]
	if c != ',' && c != closing {
		return false, p.fail("a comma is missing")
	}
	p.i++
	return c == closing, nil
}

// repeated reports whether two names are the same. Objects of the size usual in SCIM are compared pair by pair, which
// is faster than a map; larger ones use a map, to avoid quadratic time.
func repeated(members []Member) bool {
	if len(members) <= 32 {
		for i := range members {
			for j := range i {
				if sameName(members[i].Name, members[j].Name) {
					return true
				}
			}
		}
		return false
	}
	seen := make(map[string]struct{}, len(members))
	for i := range members {
		name := lowerName(members[i].Name)
		if _, ok := seen[name]; ok {
			return true
		}
		seen[name] = struct{}{}
	}
	return false
}

// str reads a string that starts at the quote.
func (p *parser) str() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return p.s[start : p.i-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.fail("a control character in a string")
		}
		p.i++
	}
	return "", p.fail("end of text in a string")
}

// escaped reads the rest of a string from its first backslash.
func (p *parser) escaped(start int) (string, error) {
	buf := append(make([]byte, 0, p.i-start+32), p.s[start:p.i]...)
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			return string(buf), nil
		case c < 0x20:
			return "", p.fail("a control character in a string")
		case c != '\\':
			buf = append(buf, c)
			p.i++
			continue
		}
		p.i++
		if p.i >= len(p.s) {
			break
		}
		if c = p.s[p.i]; c == 'u' {
			r, ok := p.unicode()
			if !ok {
				return "", p.fail("a wrong \\u escape")
			}
			buf = utf8.AppendRune(buf, r)
			continue
		}
		plain, ok := unescape(c)
		if !ok {
			return "", p.fail("a wrong escape")
		}
		buf = append(buf, plain)
		p.i++
	}
	return "", p.fail("end of text in a string")
}

func unescape(c byte) (byte, bool) {
	switch c {
	case '"', '\\', '/':
		return c, true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	}
	return 0, false
}

// unicode reads uXXXX, or two of them with a backslash between them for a surrogate pair.
func (p *parser) unicode() (rune, bool) {
	r, ok := hex4(p.s, p.i+1)
	if !ok {
		return 0, false
	}
	p.i += 5
	if !utf16.IsSurrogate(r) {
		return r, true
	}
	if p.i+1 >= len(p.s) || p.s[p.i] != '\\' || p.s[p.i+1] != 'u' {
		return 0, false
	}
	low, ok := hex4(p.s, p.i+2)
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, false
	}
	p.i += 6
	return r, true
}

func hex4(s string, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[i : i+4]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
