package integration_test

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// row says what the production code of a package, and of those below it, may import besides the standard library and
// itself: our own packages by their folder, and modules; and why no more.
type row struct {
	why string
	may []string
}

const (
	aws    = "github.com/aws/aws-sdk-go-v2"
	smithy = "github.com/aws/smithy-go"
)

// mayImport has a row for each package. Imports point inward: functions, then the protocols, then the services, then the
// nouns; a store or a workflow knows the nouns only. Tests may import what they need.
var mayImport = map[string]row{
	"shared/casefold":  {"it is below everything", []string{"golang.org/x/text"}},
	"shared/scim":      {"the protocol's own rules know neither storage nor HTTP", []string{"shared/casefold", "golang.org/x/text"}},
	"shared/entra":     {"what Entra does differently is about the protocol alone", []string{"shared/scim", "shared/casefold"}},
	"shared/directory": {"nouns and pure rules stand below everything that acts on them", []string{"shared/casefold"}},
	"shared/random":    {"it draws for package directory", []string{"shared/directory"}},
	"shared/verify":    {"a log is checked without a server", []string{"shared/directory"}},
	"shared/provisioning": {"what a directory may ask does not depend on what an administrator may, nor on what follows",
		[]string{"shared/casefold", "shared/directory"}},
	"shared/follow": {"what follows is derived from entries alone, whoever made them",
		[]string{"shared/casefold", "shared/directory", "golang.org/x/sync"}},
	"shared/administration": {"an administrator may ask for what must be settled at once, nothing else sideways",
		[]string{"shared/casefold", "shared/directory", "shared/follow", "shared/verify", "golang.org/x/sync"}},
	"shared/scimapi": {"SCIM over HTTP reaches the provisioning rules, never a store or an administrator's rule",
		[]string{"shared/casefold", "shared/scim", "shared/entra", "shared/directory", "shared/provisioning", "shared/reqlog"}},
	"shared/adminapi": {"the admin API reaches the administration rules, never a store or what directories may ask",
		[]string{"shared/directory", "shared/administration", "shared/verify", "shared/release", "shared/reqlog"}},
	"shared/store/dynamo": {"a store knows the nouns and its database", []string{"shared/directory", "shared/random", aws, smithy}},
	"shared/store/sqlite": {"a store knows the nouns and its database",
		[]string{"shared/directory", "zombiezen.com/go/sqlite", "modernc.org/sqlite"}},
	"shared/store/storetest": {"the contract of stores is proved through the services, not through a protocol",
		[]string{"shared/directory", "shared/directorytest", "shared/administration", "shared/proof", "shared/provisioning", "shared/random",
			"github.com/google/go-cmp", "pgregory.net/rapid"}},
	"shared/directorytest": {"it assembles the services for tests",
		[]string{"shared/directory", "shared/administration", "shared/provisioning", "shared/follow", "shared/random"}},
	"shared/country": {"it is a table", []string{"github.com/biter777/countries"}},
	"shared/workflow": {"it carries out what follow says, in AWS or in this process",
		[]string{"shared/directory", "shared/follow", aws, smithy}},
	"shared/keys":    {"keys know what is signed and encrypted with them only as bytes", []string{"shared/directory", aws, smithy}},
	"shared/release": {"it reads what the linker wrote", nil},
	"shared/reqlog":  {"a log line knows nothing of what it is about", nil},
	"shared/golden":  {"it compares files", []string{"github.com/google/go-cmp"}},
	"shared/proof":   {"it counts", []string{"pgregory.net/rapid"}},
	"shared/app": {"the composition root is the only package that knows the protocols' neighbours, the stores and the environment",
		[]string{"shared/administration", "shared/provisioning", "shared/follow", "shared/country", "shared/directory", "shared/entra",
			"shared/keys",
			"shared/random", "shared/release", "shared/reqlog", "shared/store", "shared/workflow", aws, smithy, "github.com/aws/aws-lambda-go",
			"github.com/awslabs/aws-lambda-go-api-proxy"}},
	"functions": {"a main wires and starts",
		[]string{"shared/scimapi", "shared/adminapi", "shared/app", "shared/random", "github.com/aws/aws-lambda-go"}},
	"integration/entra": {"an Entra of our own making proves something only while it shares nothing with the service",
		[]string{"golang.org/x/sync", "golang.org/x/term"}},
}

func fileRules(s source) []string {
	var found []string
	if n := s.lines(); n > fileLines && !generated.Match(s.text) {
		found = append(found, fmt.Sprintf("%s has %d lines, more than %d: split it by what it is about", s.name, n, fileLines))
	}
	if n := s.lines(); n > mainLines && strings.HasPrefix(s.name, "functions/") && path.Base(s.name) == "main.go" {
		found = append(found, fmt.Sprintf("%s has %d lines, more than %d: a main wires and starts, what deserves a test lives in shared/",
			s.name, n, mainLines))
	}
	for _, group := range s.ast.Comments {
		for _, c := range group.List {
			if laterMark.MatchString(c.Text) {
				found = append(found, s.line(c.Pos())+" puts work off in a comment: do it, or open an issue")
			}
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
			return true
		}
		if on, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"t", "b", "f", "tb"}, on.Name) {
			found = append(found, s.line(n.Pos())+" skips a test: a test that lacks its tool fails and says what to install")
		}
		return true
	})
	return found
}

func importRules(s source) []string {
	var found []string
	deployed := strings.HasPrefix(s.name, "shared/") || strings.HasPrefix(s.name, "functions/")
	row := longest(s.dir(), mayImport)
	if deployed && row == "" {
		return []string{
			s.name + " is of a package without a row in mayImport: say there what it may import, and why it is no file of another package",
		}
	}
	for _, p := range s.imports() {
		if deployed && strings.HasPrefix(p, "github.com/aws/aws-cdk-go") {
			found = append(found, fmt.Sprintf("%s imports %s: what is deployed must not know how it is deployed", s.name, p))
			continue
		}
		own := strings.HasPrefix(p, "rollcall/")
		outside := strings.Contains(strings.Split(p, "/")[0], ".")
		if row == "" || s.test() || !own && !outside {
			continue
		}
		p = strings.TrimPrefix(p, "rollcall/")
		if !slices.ContainsFunc(append([]string{row}, mayImport[row].may...), func(ok string) bool { return within(p, ok) }) {
			found = append(found, fmt.Sprintf("%s imports %s: %s may import %s only, since %s",
				s.name, p, row, strings.Join(mayImport[row].may, ", "), mayImport[row].why))
		}
	}
	return found
}

// within reports whether the path is dir or lies below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// longest returns the longest key that p lies within, or "".
func longest[V any](p string, keys map[string]V) string {
	best := ""
	for k := range keys {
		if len(k) > len(best) && within(p, k) {
			best = k
		}
	}
	return best
}
