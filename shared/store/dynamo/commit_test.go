package dynamo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// answered are the functions that commit outside a rerun, and what becomes there of the marks of a transaction that is stale
// or was done: nobody outside the store knows them.
var answered = map[string]string{
	"commitOnce":   "done if the entry exists, else Unavailable",
	"changeGroup":  "in the rerun of UpdateGroup",
	"removeGroup":  "in the rerun of DeleteGroup",
	"replaceUser":  "in the rerun of its callers",
	"AddAlias":     "done",
	"AppendBlock":  "Conflict",
	"AddLate":      "done",
	"ClearGrown":   "the mark stays",
	"CountEntries": "counted again",
	"all":          "numbered again",
	"finishChunk":  "finishStripe reads how far it is done",
	"unlock":       "done",
	"holdShards":   "no hold",
	"FinishReplay": "it expired",
	"eraseIf":      "its callers read the item again, or answer Conflict",
}

func TestEveryCommitIsAnswered(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !commits(fn.Body) {
				continue
			}
			used[fn.Name.Name] = true
			if answered[fn.Name.Name] == "" {
				t.Errorf("%s: %s commits outside a rerun: use commitOnce, or say what becomes of errStale and errDone", name, fn.Name.Name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(answered)) {
		if !used[name] {
			t.Errorf("%s no longer commits outside a rerun", name)
		}
	}
}

// commits reports whether a function calls commit outside the function that it passes to rerun.
func commits(body ast.Node) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		found = found || sel.Sel.Name == "commit"
		return sel.Sel.Name != "rerun"
	})
	return found
}
