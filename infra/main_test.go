package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/jsii-runtime-go"

	"rollcall/infra/stacks"
)

// made is the assembly of both partitions with the default settings, synthesized once for all tests: the CDK process
// serves one caller at a time.
var made struct {
	dir   string // templates
	stack map[string]template
}

func TestMain(m *testing.M) {
	code, err := synthesizeAndRun(m)
	jsii.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// synthesizeAndRun fills made, with dummy bundles, and runs the tests.
func synthesizeAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "rollcall-infra")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	made.dir = filepath.Join(dir, "cdk.out")
	if err := synthesize(made.dir, dummies(dir), nil); err != nil {
		return 1, err
	}
	made.stack = map[string]template{}
	for _, name := range stackNames() {
		made.stack[name], err = readTemplate(filepath.Join(made.dir, name+".template.json"))
		if err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// stackNames returns the names of all stacks, those of GovCloud last.
func stackNames() []string {
	var names []string
	for _, p := range partitions() {
		names = append(names, p.Name+"Data", p.Name, p.Name+"Firewall")
	}
	return names
}

// dummies writes dummy bundles, which contain only their function's name, and returns their folder below dir.
func dummies(dir string) string {
	assets := filepath.Join(dir, "dist")
	for _, arch := range []string{"arm64", "amd64"} {
		for _, name := range stacks.FunctionNames() {
			if err := os.MkdirAll(filepath.Join(assets, arch, name), 0o750); err != nil {
				panic(err)
			}
			if err := os.WriteFile(filepath.Join(assets, arch, name, "bootstrap"), []byte(name), 0o600); err != nil {
				panic(err)
			}
		}
	}
	return assets
}

// template is a CloudFormation template.
type template struct {
	Resources map[string]resource
	Outputs   map[string]map[string]any
	text      string
}

type resource struct {
	Type                string
	Properties          map[string]any
	Metadata            map[string]any
	DeletionPolicy      string
	UpdateReplacePolicy string
}

func readTemplate(file string) (template, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return template{}, err
	}
	t := template{text: string(text)}
	return t, json.Unmarshal(text, &t)
}

// of returns the resources of a type by their logical id.
func (t template) of(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// the returns the only resource of a type.
func (t template) the(tb testing.TB, kind string) resource {
	tb.Helper()
	all := t.of(kind)
	if len(all) != 1 {
		tb.Fatalf("there are %d %s, want one", len(all), kind)
	}
	for _, r := range all {
		return r
	}
	panic("not reached")
}

// at returns the value at a path of member names, as JSON.
func at(v any, path ...string) string {
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[p]
	}
	text, err := json.Marshal(v)
	if err != nil || v == nil {
		return ""
	}
	return string(text)
}
