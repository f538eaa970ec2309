package integration_test

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// row lists what the production code of a package and its subpackages may import in addition to the standard library and
// itself, our own packages by their folder, and modules; and the reason for the limit.
type row struct {
	why string
	may []string
}

const (
	aws    = "github.com/aws/aws-sdk-go-v2"
	smithy = "github.com/aws/smithy-go"
)

// mayImport has a row for each package. Imports point inward: functions, then the protocols, then the services, then
// package directory; stores and workflow know only the latter. Tests may import what they need.
var mayImport = map[string]row{
	"shared/casefold":  {"every other package may use it", []string{"golang.org/x/text"}},
	"shared/scim":      {"the protocol's own rules know neither storage nor HTTP", []string{"shared/casefold", "golang.org/x/text"}},
	"shared/entra":     {"what Entra does differently is about the protocol alone", []string{"shared/scim", "shared/casefold"}},
	"shared/directory": {"records and pure rules do not depend on the code that acts on them", []string{"shared/casefold"}},
	"shared/random":    {"it generates ids and secrets for package directory", []string{"shared/directory"}},
	"shared/find":      {"it reads through the ports, whatever store is behind them", []string{"shared/directory"}},
	"shared/fsck": {"what a store has to hold is the same in each, and is checked through the ports where they show it",
		[]string{"shared/directory", "shared/find"}},
	"shared/verify": {"a log is verified without a server", []string{"shared/directory"}},
	"shared/provisioning": {"the operations of a directory depend neither on those of an administrator nor on the steps that follow",
		[]string{"shared/casefold", "shared/directory"}},
	"shared/follow": {"steps are derived from entries alone, whoever wrote them",
		[]string{"shared/casefold", "shared/directory", "shared/find", "shared/parallel"}},
	"shared/parallel": {"the actors and the stores run calls at the same time by one piece of code, which counts them", nil},
	"shared/administration": {"some operations of an administrator run steps immediately; they need no other service",
		[]string{"shared/casefold", "shared/directory", "shared/find", "shared/follow", "shared/verify", "golang.org/x/sync"}},
	"shared/scimapi": {"SCIM over HTTP calls the provisioning service, never a store or the administration service",
		[]string{"shared/casefold", "shared/scim", "shared/entra", "shared/directory", "shared/provisioning", "shared/reqlog"}},
	"shared/adminapi": {"the admin API calls the administration service, never a store or the provisioning service",
		[]string{"shared/directory", "shared/administration", "shared/spreadsheet", "shared/verify", "shared/release", "shared/reqlog"}},
	"shared/store/dynamo": {"a store knows package directory, what it must report about itself, and its database",
		[]string{"shared/directory", "shared/find", "shared/fsck", "shared/parallel", "shared/random", aws, smithy}},
	"shared/store/sqlite": {"a store knows package directory, what it must report about itself, and its database",
		[]string{"shared/directory", "shared/fsck", "shared/parallel", "zombiezen.com/go/sqlite", "modernc.org/sqlite"}},
	"shared/store/storetest": {"the contract of stores is tested through the services, not through a protocol",
		[]string{"shared/directory", "shared/find", "shared/directorytest", "shared/administration", "shared/follow", "shared/fsck",
			"shared/parallel", "shared/proof", "shared/provisioning", "shared/random", "github.com/google/go-cmp", "pgregory.net/rapid"}},
	"shared/directorytest": {"it assembles the services for tests",
		[]string{"shared/directory", "shared/administration", "shared/provisioning", "shared/follow", "shared/random"}},
	"shared/country": {"it is only a table", []string{"shared/casefold", "golang.org/x/text"}},
	"shared/workflow": {"it runs the work of package follow, in AWS or in this process",
		[]string{"shared/directory", "shared/follow", aws, smithy}},
	"shared/keys":        {"keys sign and encrypt bytes, whatever these mean", []string{"shared/directory", aws, smithy}},
	"shared/spreadsheet": {"the admin API and the command line write CSV by one rule, and it is about text alone", nil},
	"shared/release":     {"it only reads values that the linker set", nil},
	"shared/reqlog":      {"a log line does not depend on the code that it describes", nil},
	"shared/golden":      {"it only compares files", []string{"github.com/google/go-cmp"}},
	"shared/proof":       {"it only sets the size of proofs", []string{"pgregory.net/rapid"}},
	"shared/app": {"the composition root is the only package that knows the services, the stores and the environment",
		[]string{"shared/administration", "shared/provisioning", "shared/follow", "shared/country", "shared/directory", "shared/entra",
			"shared/keys",
			"shared/random", "shared/release", "shared/reqlog", "shared/store", "shared/workflow", aws, smithy, "github.com/aws/aws-lambda-go",
			"github.com/awslabs/aws-lambda-go-api-proxy"}},
	"shared/invoke": {"the client of Lambda is large, and only functions/changes starts a function",
		[]string{"shared/app", "shared/directory", aws}},
	"shared/kmskeys": {"the client of KMS is large, and not every function needs a key",
		[]string{"shared/app", "shared/directory", "shared/workflow", aws}},
	"functions": {"a main only wires and starts",
		[]string{"shared/scimapi", "shared/adminapi", "shared/app", "shared/invoke", "shared/kmskeys",
			"shared/random", "github.com/aws/aws-lambda-go"}},
	"integration/entra": {"a simulated Entra is an independent test only if it shares nothing with the service",
		[]string{"golang.org/x/sync", "golang.org/x/term"}},
}

func fileRules(s source) []string {
	var found []string
	if n := s.lines(); n > fileLines && !generated.Match(s.text) {
		found = append(found, fmt.Sprintf("%s has %d lines, more than %d: split it by topic", s.name, n, fileLines))
	}
	if n := s.lines(); n > mainLines && strings.HasPrefix(s.name, "functions/") && path.Base(s.name) == "main.go" {
		found = append(found, fmt.Sprintf("%s has %d lines, more than %d: a main only wires and starts, other code belongs in shared/",
			s.name, n, mainLines))
	}
	for _, group := range s.ast.Comments {
		for _, c := range group.List {
			if laterMark.MatchString(c.Text) {
				found = append(found, s.line(c.Pos())+" postpones work in a comment: do it, or open an issue")
			}
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
			return true
		}
		if on, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"t", "b", "f", "tb"}, on.Name) {
			found = append(found, s.line(n.Pos())+" skips a test: a test without its tool must fail and say what to install")
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
			s.name + " belongs to a package without a row in mayImport: add one with its imports and the reason for a package of its own",
		}
	}
	for _, p := range s.imports() {
		if deployed && strings.HasPrefix(p, "github.com/aws/aws-cdk-go") {
			found = append(found, fmt.Sprintf("%s imports %s: deployed code must not depend on deployment code", s.name, p))
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

// within reports whether the path is dir or below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// longest returns the longest key that contains p, or "".
func longest[V any](p string, keys map[string]V) string {
	best := ""
	for k := range keys {
		if len(k) > len(best) && within(p, k) {
			best = k
		}
	}
	return best
}
