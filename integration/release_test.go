package integration_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEachReleaseIsKept: each release of the changelog has left data of both stores, which their tests read.
func TestEachReleaseIsKept(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	releases := regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$`).FindAllSubmatch(text, -1)
	if len(releases) == 0 {
		t.Fatal("the changelog has no release")
	}
	for _, r := range releases {
		for _, file := range []string{"sqlite/testdata/releases/v%.db.gz", "dynamo/testdata/releases/v%.json.gz"} {
			name := strings.Replace(file, "%", string(r[1]), 1)
			if _, err := os.Stat(filepath.Join("../shared/store", name)); err != nil {
				t.Errorf("release %s has left no data: %v", r[1], err)
			}
		}
	}
}
