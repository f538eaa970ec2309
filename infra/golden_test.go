package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"rollcall/shared/golden"
)

// assetHash matches the hash of a bundle, which golden files do not contain.
var assetHash = regexp.MustCompile(`[0-9a-f]{64}`)

// TestTemplates shows every change of a template in review.
func TestTemplates(t *testing.T) {
	for _, name := range stackNames() {
		golden.Check(t, name, assetHash.ReplaceAll([]byte(made.stack[name].text), []byte("<asset>")))
	}
}

// TestSynthesisRepeats: the same tree gives the same bytes, so that deploying without a change changes nothing.
func TestSynthesisRepeats(t *testing.T) {
	again := filepath.Join(t.TempDir(), "cdk.out")
	if err := synthesize(again, dummies(t.TempDir()), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range stackNames() {
		file := name + ".template.json"
		second, err := os.ReadFile(filepath.Join(again, file))
		if err != nil {
			t.Fatal(err)
		}
		if string(second) != made.stack[name].text {
			t.Errorf("%s differs when it is synthesized again: something depends on the order of a map", file)
		}
	}
}
