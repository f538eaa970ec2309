package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// assertion is a condition on the JSON document of a response. If it has several kinds, all must hold.
type assertion struct {
	At      string          `json:"at"` // JSON Pointer (RFC 6901)
	Is      json.RawMessage `json:"is"`
	IsNot   json.RawMessage `json:"isNot"`
	Present bool            `json:"present"`
	Absent  bool            `json:"absent"`
	Size    *int            `json:"size"` // of an array; a missing array has size 0
	Has     json.RawMessage `json:"has"`  // the array contains this text, or an object with at least these members
	HasNot  json.RawMessage `json:"hasNot"`
	Min     *float64        `json:"min"`
	Max     *float64        `json:"max"`
}

func (a assertion) kinds() int {
	n := 0
	for _, set := range []bool{a.Is != nil, a.IsNot != nil, a.Present, a.Absent, a.Size != nil, a.Has != nil, a.HasNot != nil, a.Min != nil,
		a.Max != nil} {
		if set {
			n++
		}
	}
	return n
}

// check evaluates the assertion on a decoded document; expand replaces the placeholders of expected values.
func (a assertion) check(doc any, expand func(string) (string, error)) []error {
	at, err := expand(a.At)
	if err != nil {
		return []error{err}
	}
	got, found := resolve(doc, at)
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{at}, args...)...))
	}
	want := func(raw json.RawMessage) any {
		v, err := expected(raw, expand)
		if err != nil {
			fail("%w", err)
		}
		return v
	}
	if a.Is != nil {
		if w := want(a.Is); !found || !reflect.DeepEqual(got, w) {
			fail("is %s, want %s", show(got, found), show(w, true))
		}
	}
	if a.IsNot != nil {
		if w := want(a.IsNot); found && reflect.DeepEqual(got, w) {
			fail("is %s, which it must not be", show(got, found))
		}
	}
	if a.Present && (!found || got == nil) {
		fail("is %s, want it present", show(got, found))
	}
	if a.Absent && found {
		fail("is %s, want it absent", show(got, found))
	}
	list, isList := got.([]any)
	if (a.Size != nil || a.Has != nil || a.HasNot != nil) && found && !isList {
		fail("is %s, want an array", show(got, found))
		return errs
	}
	if a.Size != nil && len(list) != *a.Size {
		fail("has %d elements, want %d", len(list), *a.Size)
	}
	if a.Has != nil {
		if w := want(a.Has); !holds(list, w) {
			fail("is %s, want it to contain %s", show(got, found), show(w, true))
		}
	}
	if a.HasNot != nil {
		if w := want(a.HasNot); holds(list, w) {
			fail("contains %s, which it must not", show(w, true))
		}
	}
	return append(errs, a.checkRange(at, got)...)
}

func (a assertion) checkRange(at string, got any) []error {
	if a.Min == nil && a.Max == nil {
		return nil
	}
	n, ok := got.(float64)
	switch {
	case !ok:
		return []error{fmt.Errorf("%s: is %s, want a number", at, show(got, true))}
	case a.Min != nil && n < *a.Min:
		return []error{fmt.Errorf("%s: is %v, want at least %v", at, n, *a.Min)}
	case a.Max != nil && n > *a.Max:
		return []error{fmt.Errorf("%s: is %v, want at most %v", at, n, *a.Max)}
	}
	return nil
}

// resolve follows a JSON Pointer (RFC 6901 §4) through a decoded document.
func resolve(doc any, pointer string) (any, bool) {
	if pointer == "" {
		return doc, true
	}
	if !strings.HasPrefix(pointer, "/") {
		return nil, false
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, token := range strings.Split(pointer[1:], "/") {
		token = unescape.Replace(token)
		switch node := doc.(type) {
		case map[string]any:
			v, ok := node[token]
			if !ok {
				return nil, false
			}
			doc = v
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			doc = node[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

// holds reports whether an element equals want or is an object with at least the members of want.
func holds(list []any, want any) bool {
	for _, e := range list {
		if reflect.DeepEqual(e, want) {
			return true
		}
		object, ok := e.(map[string]any)
		members, wantObject := want.(map[string]any)
		if !ok || !wantObject {
			continue
		}
		all := true
		for name, w := range members {
			v, there := object[name]
			all = all && there && reflect.DeepEqual(v, w)
		}
		if all {
			return true
		}
	}
	return false
}

// expected decodes an expected value and replaces its placeholders.
func expected(raw json.RawMessage, expand func(string) (string, error)) (any, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	return expandAll(v, expand)
}

func expandAll(v any, expand func(string) (string, error)) (any, error) {
	var err error
	switch node := v.(type) {
	case string:
		return expand(node)
	case []any:
		for i := range node {
			if node[i], err = expandAll(node[i], expand); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name := range node {
			if node[name], err = expandAll(node[name], expand); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func show(v any, found bool) string {
	if !found {
		return "missing"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
