package entra_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"testing"

	"rollcall/shared/entra"
)

// Every rule names a test that exists here, and every switch has a rule.
func TestRulesAreTestedAndComplete(t *testing.T) {
	tests := testNames(t)
	switches := map[string]func(entra.Profile) bool{"GroupPatchNoContent": entra.Profile.GroupPatchNoContent}
	fields := reflect.TypeOf(entra.Profile("").Tolerance())
	for i := range fields.NumField() {
		switches[fields.Field(i).Name] = func(p entra.Profile) bool { return reflect.ValueOf(p.Tolerance()).Field(i).Bool() }
	}
	for _, r := range entra.Rules() {
		if !tests[r.Test] {
			t.Errorf("%s: the test %q does not exist", r.Name, r.Test)
		}
		if r.Deviation == "" || r.Source == "" {
			t.Errorf("%s: without a deviation or a source", r.Name)
		}
		on := switches[r.Name]
		if on == nil {
			t.Errorf("%s: switches nothing, or has two rules", r.Name)
			continue
		}
		for _, p := range entra.Profiles() {
			if on(p) != r.In(p) {
				t.Errorf("%s: profile %s has %v, the rule says %v", r.Name, p, on(p), r.In(p))
			}
		}
		delete(switches, r.Name)
	}
	for name := range switches {
		t.Errorf("%s has no rule", name)
	}
}

// testNames reads the names of the test functions from the package's sources.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

func TestProfiles(t *testing.T) {
	for _, p := range entra.Profiles() {
		if !p.Valid() {
			t.Errorf("%s is not valid", p)
		}
	}
	if p := entra.Profile("other"); p.Valid() || p.Tolerance() != entra.Profile("").Tolerance() || p.Tolerance().BoolText {
		t.Error("an unknown profile is not the RFC")
	}
	generic, full := entra.Generic.Tolerance(), entra.Entra.Tolerance()
	generic.UpsertFilterPath, generic.NumberText, generic.IgnoreReadOnly = true, true, true
	generic.SkipUnknown, generic.NoOperations, generic.WrappedText = true, true, true
	okta := entra.Okta.Tolerance()
	okta.WrappedText = true
	if generic != full || entra.EntraGov.Tolerance() != full || okta != full {
		t.Error("the profiles differ in more than they should")
	}
}
