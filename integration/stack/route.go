package stack

import (
	"strings"

	"rollcall/shared/scimapi"
)

// functionOf finds the Lambda function of a path in the route table, as the gateway does. A path without a route is sent
// to the function for the rest, as the gateway's proxy route does.
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
	return scimapi.Rest
}
