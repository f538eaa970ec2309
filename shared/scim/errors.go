package scim

import (
	"fmt"
	"strconv"
	"strings"
)

// The scimType keywords of RFC 7644 §3.12 (table 9) and RFC 9865 §3.
const (
	TypeInvalidFilter = "invalidFilter"
	TypeTooMany       = "tooMany"
	TypeUniqueness    = "uniqueness"
	TypeMutability    = "mutability"
	TypeInvalidSyntax = "invalidSyntax"
	TypeInvalidPath   = "invalidPath"
	TypeNoTarget      = "noTarget"
	TypeInvalidValue  = "invalidValue"
	TypeInvalidVers   = "invalidVers"
	TypeSensitive     = "sensitive"
	TypeInvalidCursor = "invalidCursor"
	TypeExpiredCursor = "expiredCursor"
	TypeInvalidCount  = "invalidCount"
)

// Error is a protocol error that a client may see (RFC 7644 §3.12). Detail names attributes and limits, never values a
// client sent.
type Error struct {
	Status int    // HTTP status
	Type   string // scimType, or "" where the RFC defines none
	Detail string
}

// Errorf returns an Error with a formatted detail. scimType may be "".
func Errorf(status int, scimType, format string, a ...any) *Error {
	return &Error{Status: status, Type: scimType, Detail: fmt.Sprintf(format, a...)}
}

// Error implements error.
func (e *Error) Error() string {
	if e.Type == "" {
		return strconv.Itoa(e.Status) + ": " + e.Detail
	}
	return strconv.Itoa(e.Status) + " " + e.Type + ": " + e.Detail
}

// Subject returns the attribute that the error is about, by the name with which its detail begins, or "".
func (e *Error) Subject(rt *ResourceType) string {
	word, _, _ := strings.Cut(e.Detail, " ")
	if _, fault := rt.resolve(word, true); fault == pathOK || fault == pathUnknown && e.Type == TypeInvalidPath && len(word) > len("the") {
		return word
	}
	return ""
}

// Append appends the error message of RFC 7644 §3.12 to dst. The status is a JSON string, as the RFC requires.
func (e *Error) Append(dst []byte) []byte {
	dst = append(dst, `{"schemas":["`+ErrorURN+`"],"status":"`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, '"')
	if e.Type != "" {
		dst = append(dst, `,"scimType":`...)
		dst = appendString(dst, e.Type)
	}
	if e.Detail != "" {
		dst = append(dst, `,"detail":`...)
		dst = appendString(dst, e.Detail)
	}
	return append(dst, '}')
}

func badSyntax(format string, a ...any) *Error { return Errorf(400, TypeInvalidSyntax, format, a...) }
func badValue(format string, a ...any) *Error  { return Errorf(400, TypeInvalidValue, format, a...) }
func badPath(format string, a ...any) *Error   { return Errorf(400, TypeInvalidPath, format, a...) }
func badFilter(format string, a ...any) *Error { return Errorf(400, TypeInvalidFilter, format, a...) }

// shown returns a name from a client if it may appear in an error detail: attribute names, operators and URNs may,
// anything that could be personal data may not.
func shown(name string) string {
	if len(name) == 0 || len(name) > 128 {
		return "the given name"
	}
	for i := range len(name) {
		if c := name[i]; !isNameByte(c) && c != '.' && c != ':' {
			return "the given name"
		}
	}
	return name
}
