package stack

import (
	"strings"

	"rollcall/shared/scimapi"
)

// functionOf finds the Lambda of a path in the route table, as the gateway does; what no route names goes
// to discovery here, since a gateway would answer it itself.
func functionOf(path string) string {
	rest := strings.TrimPrefix(path, scimapi.BasePath)
	_, rest, _ = strings.Cut(rest, "/")
	segments := strings.FieldsFunc(rest, func(r rune) bool { return r == '/' })
	for _, route := range scimapi.Routes() {
		want := strings.FieldsFunc(route.Path, func(r rune) bool { return r == '/' })
		if len(want) != len(segments) {
			continue
		}
		match := true
		for i := range want {
			match = match && (want[i] == segments[i] || want[i] == "{id}")
		}
		if match {
			return route.Function
		}
	}
	return "discovery"
}
