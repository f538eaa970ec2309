//go:build templates

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"rollcall/integration/tools/pytools"
)

// command returns a command from a Python tool's environment that runs in the folder of the templates.
func command(t *testing.T, tool, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(filepath.Join(filepath.Dir(pytools.Python(t, tool)), name), args...)
	cmd.Dir = made.dir
	cmd.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0", "AWS_DEFAULT_REGION=us-east-1", "BC_API_KEY=", "LOG_LEVEL=ERROR")
	return cmd
}

func templatesOf(name string) []string {
	return []string{name + "Data.template.json", name + ".template.json", name + "Firewall.template.json"}
}

// TestOutsideCfnLint: errors and warnings, for each region of the partition.
func TestOutsideCfnLint(t *testing.T) {
	var found []finding
	for _, p := range partitions() {
		args := append([]string{"--format", "json", "--regions"}, p.Regions...)
		out, _ := command(t, "cfn-lint", "cfn-lint", append(append(args, "--template"), templatesOf(p.Name)...)...).Output()
		var answer []struct {
			Filename string
			Level    string
			Location struct{ Path []any }
			Message  string
			Rule     struct {
				ID string `json:"Id"`
			}
		}
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, a := range answer {
			if a.Level == "Informational" {
				continue
			}
			where := a.Filename
			if len(a.Location.Path) > 1 {
				where, _ = a.Location.Path[1].(string)
			}
			t.Logf("%s %s %s: %s", p.Name, a.Rule.ID, where, a.Message)
			found = append(found, finding{"cfn-lint", a.Rule.ID, where})
		}
	}
	unsuppressed(t, "cfn-lint", found)
}

// TestOutsideCheckov holds the templates to checkov's rules for CloudFormation.
func TestOutsideCheckov(t *testing.T) {
	args := []string{"--framework", "cloudformation", "--skip-download", "--compact", "--quiet", "--output", "json"}
	for _, name := range stackNames() {
		args = append(args, "--file", name+".template.json")
	}
	out, _ := command(t, "checkov", "checkov", args...).Output()
	var answer struct {
		Results struct {
			Failed []struct {
				Check    string `json:"check_id"`
				Name     string `json:"check_name"`
				Resource string
			} `json:"failed_checks"`
		}
		Summary struct{ Passed, Failed, ParsingErrors int }
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var found []finding
	for _, f := range answer.Results.Failed {
		t.Logf("%s %s: %s", f.Check, f.Resource, f.Name)
		found = append(found, finding{"checkov", f.Check, f.Resource})
	}
	if answer.Summary.Passed < 100 {
		t.Errorf("only %d checks passed: it did not read the templates", answer.Summary.Passed)
	}
	unsuppressed(t, "checkov", found)
}

// TestOutsideSam runs `sam validate --lint` with our samconfig.toml, as a developer would after `make synth`.
func TestOutsideSam(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("../samconfig.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "samconfig.toml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "cdk.out"), os.DirFS(made.dir)); err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"default", "gov"} {
		cmd := command(t, "aws-sam-cli", "sam", "validate", "--config-env", env)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("sam validate --config-env %s: %v\n%s", env, err, out)
		}
	}
}
