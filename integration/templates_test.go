package integration_test

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollcall/shared/scimapi"
)

// The reviewed templates have exactly the functions of functions/, and a path for each SCIM route. That the stacks still
// produce these templates is tested by make templates, which needs CDK.
func TestReviewedTemplatesMatchTheCode(t *testing.T) {
	t.Parallel()
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("%v, %v", mains, err)
	}
	var functions []string
	for _, m := range mains {
		functions = append(functions, path.Base(path.Dir(m)))
	}
	for _, stack := range []string{"Rollcall", "RollcallGov"} {
		text, err := os.ReadFile("../infra/testdata/" + stack + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		var template struct {
			Resources map[string]struct {
				Type       string
				Properties struct {
					FunctionName, ParentId any
					PathPart               string
				}
			}
		}
		if err := json.Unmarshal(text, &template); err != nil {
			t.Fatal(err)
		}
		deployed, paths := map[string]bool{}, map[string]bool{}
		for id, r := range template.Resources {
			switch r.Type {
			case "AWS::Lambda::Function":
				if name, ok := r.Properties.FunctionName.(string); ok {
					_, name, _ = strings.Cut(name, "-")
					deployed[name] = true
				}
			case "AWS::ApiGateway::Resource":
				whole := ""
				for r := template.Resources[id]; r.Type == "AWS::ApiGateway::Resource"; {
					whole = "/" + r.Properties.PathPart + whole
					parent, _ := r.Properties.ParentId.(object)
					parentID, _ := parent["Ref"].(string)
					r = template.Resources[parentID]
				}
				paths[whole] = true
			}
		}
		if got := slices.Sorted(maps.Keys(deployed)); !slices.Equal(got, functions) {
			t.Errorf("%s deploys %v, functions/ has %v", stack, got, functions)
		}
		for _, route := range scimapi.Routes() {
			if whole := scimapi.BasePath + "{providerId}" + route.Path; !paths[whole] {
				t.Errorf("%s has no %s: it has %v", stack, whole, slices.Sorted(maps.Keys(paths)))
			}
		}
	}
}
