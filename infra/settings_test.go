package main

import (
	"strings"
	"testing"

	"rollcall/infra/stacks"
)

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name    string
		given   map[string]any
		problem string
	}{
		{"none", nil, ""},
		{"all", everything, ""},
		{"a flag from cdk.json", map[string]any{"logRole": false}, ""},
		{"a domain without a certificate", map[string]any{"domain": "scim.example.com"}, "belong together"},
		{"another architecture", map[string]any{"arch": "x86_64"}, "arm64 or amd64"},
		{"an invalid flag", map[string]any{"reserve": "perhaps"}, "reserve must be true or false"},
		{"an origin with a slash", map[string]any{"origin": "https://a.example.com/"}, "without a slash"},
	} {
		_, err := stacks.ReadSettings(func(key string) any { return c.given[key] })
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.problem)
		}
	}
}
