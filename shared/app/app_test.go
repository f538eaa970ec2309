package app_test

import (
	"strings"
	"testing"

	"rollcall/shared/app"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, table, origin, want, problem string }{
		{"a host of its own", "t", "https://scim.example.com", "https://scim.example.com", ""},
		{"a slash at the end", "t", "https://scim.example.com/", "https://scim.example.com", ""},
		{"the stage of a gateway", "t", "https://a.example.com/live", "https://a.example.com/live", ""},
		{"no scheme", "t", "scim.example.com", "", "PUBLIC_ORIGIN must be"},
		{"a query", "t", "https://a.example.com?x", "", "PUBLIC_ORIGIN must be"},
		{"no table", "", "https://a.example.com", "", "TABLE_NAME must name"},
		{"everything wrong", "", "", "", "TABLE_NAME must name the DynamoDB table\nPUBLIC_ORIGIN must be"},
	} {
		env := map[string]string{"TABLE_NAME": c.table, "PUBLIC_ORIGIN": c.origin}
		got, err := app.Load(func(name string) string { return env[name] })
		if c.problem == "" && (err != nil || got.Origin != c.want) {
			t.Errorf("%s: origin %q, error %v", c.name, got.Origin, err)
		}
		if c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.problem)
		}
	}
}
