package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"rollcall/infra/stacks"
)

// finding is a complaint of a checker: its rule, and the construct or resource of either partition.
type finding struct{ tool, rule, where string }

// ownLogs matches a function's name in the name of its log group.
var ownLogs = regexp.MustCompile(`/Rollcall(Gov)?-\w+:`)

var nagRule = regexp.MustCompile(`^(\S+?(?:\[[^\]]*\])?): `)

// TestNag holds every stack to the AwsSolutions and the NIST 800-53 R5 rules of cdk-nag.
func TestNag(t *testing.T) {
	var found []finding
	for _, c := range []struct {
		name     string
		settings map[string]any
	}{
		{"default settings", nil},
		{"every setting", everything},
	} {
		app := newApp(t.TempDir(), c.settings)
		settings := read(t, c.settings)
		var all []awscdk.Stack
		for _, p := range partitions() {
			p.Assets = dummies(t.TempDir())
			d := stacks.New(app, p, settings)
			all = append(all, d.Data.Stack, d.Service, d.Firewall)
		}
		quiet := &cdknag.NagPackProps{Reports: jsii.Bool(false)}
		awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(quiet), nil)
		awscdk.Aspects_Of(app).Add(cdknag.NewNIST80053R5Checks(quiet), nil)
		for _, stack := range all {
			notes := assertions.Annotations_FromStack(stack)
			whatever := assertions.Match_AnyValue()
			for _, m := range slices.Concat(*notes.FindError(jsii.String("*"), whatever), *notes.FindWarning(jsii.String("*"), whatever)) {
				where, data := *m.Id, m.Entry.Data //nolint:staticcheck // SA1019: deprecated is where the type is defined; there is no other
				text, ok := data.(string)
				rule := nagRule.FindStringSubmatch(text)
				if !ok || rule == nil {
					t.Errorf("%s: %s says %v", c.name, where, data)
					continue
				}
				found = append(found, finding{"nag", rule[1], where})
			}
		}
	}
	unsuppressed(t, "nag", found)
}

// everything holds settings that create every optional resource.
var everything = map[string]any{
	"domain": "scim.example.com", "certificate": "arn:aws:acm:us-east-1:111122223333:certificate/example",
	"alarmEmail": "alarms@example.com", "entraRanges": "192.0.2.0/24,198.51.100.0/24", "arch": "amd64",
}

func read(t *testing.T, given map[string]any) stacks.Settings {
	t.Helper()
	s, err := stacks.ReadSettings(func(key string) any { return given[key] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unsuppressed fails the test for each finding of a tool without a suppression, each suppression without a finding, and
// each suppression without a reason.
func unsuppressed(t *testing.T, tool string, found []finding) {
	t.Helper()
	used := map[int]bool{}
	reported := map[finding]bool{}
	for _, f := range found {
		f.where = strings.ReplaceAll(f.where, "RollcallGov", "Rollcall")
		f.rule = strings.NewReplacer("schedule/RollcallGov/", "schedule/Rollcall/", "execution:RollcallGov-",
			"execution:Rollcall-").Replace(f.rule)
		f.rule = ownLogs.ReplaceAllString(f.rule, "/Rollcall-<function>:")
		ok := false
		for i, s := range suppressions {
			if s.tool == tool && s.rule == f.rule && s.where.MatchString(f.where) {
				ok, used[i] = true, true
			}
		}
		if !ok && !reported[f] {
			reported[f] = true
			t.Errorf("%s %s: %s; fix it, or give the reason for keeping it in suppressions_test.go", f.tool, f.rule, f.where)
		}
	}
	for i, s := range suppressions {
		if s.tool == tool && !used[i] {
			t.Errorf("suppression of %s %s %s suppresses nothing: remove it", s.tool, s.rule, s.where)
		}
		if len(s.reason) < 30 {
			t.Errorf("suppression of %s %s: the reason is too short: %q", s.tool, s.rule, s.reason)
		}
	}
}

// TestSuppressionsAreOfTools: every suppression names a tool that the tests run.
func TestSuppressionsAreOfTools(t *testing.T) {
	for _, s := range suppressions {
		if !slices.Contains([]string{"nag", "cfn-lint", "checkov"}, s.tool) {
			t.Errorf("there is no tool %q", s.tool)
		}
	}
	if _, err := os.Stat(made.dir); err != nil {
		t.Error(err)
	}
}
