package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// notInGovCloud lists features that GovCloud does not have according to AWS's "GovCloud (US) User Guide", and that
// cfn-lint does not report. The commercial templates must not have them either: they come from the same code.
var notInGovCloud = []struct {
	what string
	text *regexp.Regexp
}{
	{"an ARN of one partition", regexp.MustCompile(`arn:aws(-us-gov)?:`)},
	{"an edge-optimised endpoint", regexp.MustCompile(`"EDGE"`)},
	{"a security policy of the new kind", regexp.MustCompile(`"SecurityPolicy_`)},
	{"Lambda's JSON log format", regexp.MustCompile(`"LogFormat"|"ApplicationLogLevel"`)},
	{"a function URL", regexp.MustCompile(`"AWS::Lambda::Url"`)},
	{"EventBridge Pipes", regexp.MustCompile(`"AWS::Pipes::`)},
	{"an API destination", regexp.MustCompile(`"AWS::Events::(ApiDestination|Connection)"`)},
	{"a customer managed key for a function's package", regexp.MustCompile(`"SourceKMSKeyArn"`)},
	{"an HTTP task of Step Functions", regexp.MustCompile(`states:::http:invoke`)},
	{"a managed rule group of the Marketplace", regexp.MustCompile(`"VendorName": "[^A]`)},
	{"a service principal of one partition", regexp.MustCompile(`amazonaws\.com\.cn|amazonaws-us-gov`)},
}

func TestGovCloud(t *testing.T) {
	for _, name := range stackNames() {
		for _, n := range notInGovCloud {
			if found := n.text.FindString(made.stack[name].text); found != "" {
				t.Errorf("%s has %s: %s", name, n.what, found)
			}
		}
	}
	for _, p := range partitions() {
		for _, f := range made.stack[p.Name].of("AWS::Lambda::Function") {
			fips := at(f.Properties, "Environment", "Variables", "AWS_USE_FIPS_ENDPOINT")
			if (fips == `"true"`) != (p.Name == "RollcallGov") {
				t.Errorf("%s: %s calls FIPS endpoints: %s", p.Name, at(f.Properties, "Description"), fips)
			}
		}
	}
}

// TestNothingOfOnePartitionInSource: an ARN takes its partition from the stack, so no source names one.
func TestNothingOfOnePartitionInSource(t *testing.T) {
	tree := os.DirFS(".")
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && (strings.Contains(lit.Value, "arn:aws") ||
				strings.Contains(lit.Value, `"aws-us-gov`) && name != "main.go") {
				t.Errorf("%s holds %s", name, lit.Value)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDifferencesHaveSources: each difference between the partitions has a source and changes something.
func TestDifferencesHaveSources(t *testing.T) {
	for _, d := range differences {
		if d.what == "" || len(d.source) < 20 {
			t.Errorf("%q has the source %q", d.what, d.source)
		}
		before := partitions()[0]
		after := before
		if d.gov(&after); strings.Join(after.Regions, " ") == strings.Join(before.Regions, " ") && after.Name == before.Name &&
			after.FIPSEndpoints == before.FIPSEndpoints && after.ArchiveMonths == before.ArchiveMonths {
			t.Errorf("%q changes nothing", d.what)
		}
	}
}
