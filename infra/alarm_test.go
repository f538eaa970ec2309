package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestGatewayErrorsAreFaults: the alarm counts failures of the gateway and unknown errors, but not what a function
// decided: a pause, a busy table, a request that nobody can answer.
func TestGatewayErrorsAreFaults(t *testing.T) {
	eachPartition(t, func(t *testing.T, _, service, _ template) {
		pattern := ""
		for _, f := range service.of("AWS::Logs::MetricFilter") {
			if strings.Contains(at(f.Properties, "MetricTransformations"), `"MetricName":"Failed"`) {
				pattern, _ = f.Properties["FilterPattern"].(string)
			}
		}
		metric := ""
		for _, a := range service.of("AWS::CloudWatch::Alarm") {
			if path, _ := a.Metadata["aws:cdk:path"].(string); strings.Contains(path, "GatewayErrors") {
				metric = at(a.Properties, "MetricName")
			}
		}
		if metric != `"Failed"` {
			t.Fatalf("the alarm is on %s", metric)
		}
		for _, c := range []struct {
			name, status, responseType string
			want                       bool
		}{
			{"a success", "200", "-", false},
			{"a refusal of the gateway", "404", "MISSING_AUTHENTICATION_TOKEN", false},
			{"an unknown error of a function", "500", "-", true},
			{"a paused provider", "503", "-", false},
			{"/Me", "501", "-", false},
			{"a function that cannot start", "503", "INTEGRATION_FAILURE", true},
			{"a function that was too slow", "503", "INTEGRATION_TIMEOUT", true},
			{"a wrong integration", "500", "API_CONFIGURATION_ERROR", true},
			{"an answer that is none", "502", "-", true},
		} {
			if got := matchesLine(t, pattern, map[string]string{"status": c.status, "responseType": c.responseType}); got != c.want {
				t.Errorf("%s: counted %v, want %v by %s", c.name, got, c.want, pattern)
			}
		}
	})
}

var (
	filterTerm  = regexp.MustCompile(`^\(?\s*\$\.(\w+)\s*(!?=)\s*"([^"]*)"\s*\)?$`)
	filterGroup = regexp.MustCompile(`\(([^()]*)\)`)
)

// matchesLine evaluates a filter pattern of CloudWatch Logs on a JSON line of texts: terms with = and !=, a star at the
// end, && and ||, brackets.
func matchesLine(t *testing.T, pattern string, line map[string]string) bool {
	t.Helper()
	expr := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(pattern), "{"), "}"))
	for {
		reduced := filterGroup.ReplaceAllStringFunc(expr, func(group string) string { return evaluate(t, group[1:len(group)-1], line) })
		if reduced == expr {
			return evaluate(t, expr, line) == "true"
		}
		expr = reduced
	}
}

// evaluate returns "true" or "false" for an expression without brackets.
func evaluate(t *testing.T, expr string, line map[string]string) string {
	t.Helper()
	for alternative := range strings.SplitSeq(expr, "||") {
		all := true
		for term := range strings.SplitSeq(alternative, "&&") {
			term = strings.TrimSpace(term)
			if term == "true" || term == "false" {
				all = all && term == "true"
				continue
			}
			m := filterTerm.FindStringSubmatch(term)
			if m == nil {
				t.Fatalf("the term %q is not understood", term)
			}
			prefix, starred := strings.CutSuffix(m[3], "*")
			equal := line[m[1]] == m[3] || starred && strings.HasPrefix(line[m[1]], prefix)
			all = all && equal == (m[2] == "=")
		}
		if all {
			return "true"
		}
	}
	return "false"
}
