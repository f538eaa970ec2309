//go:build deploy

package deploy_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// apply maps a group to an organization, checks the preview, applies it through the state machine, and undoes it.
func (d *deployment) apply(t *testing.T) {
	p := string(d.provisioned)
	group, members := "", 0
	for _, g := range d.listed(t, "group", "list", p) {
		if n := int(g["memberCount"].(float64)); n > members && n < 60 {
			group, members = g["id"].(string), n
		}
	}
	home := d.object(t, "org-mapping", "show", p)["organizationId"].(string)
	org := d.object(t, "org", "create", "Mapped")["id"].(string)
	d.rollcall(t, "org-mapping", "set", p, "--method", "groups", "--org", home)
	d.rollcall(t, "org-mapping", "add", p, "--groups", group, "--org", org)
	inOrg := func() map[string]bool {
		all := map[string]bool{}
		for _, u := range d.listed(t, "org", "members", org, "--limit", "1000") {
			all[u["userName"].(string)] = true
		}
		return all
	}
	run := d.object(t, "apply", "plan", p)
	counts, _ := run["counts"].(object)
	moves := int(counts["moves"].(float64))
	if run["state"] != "planned" || moves == 0 || moves > members || len(inOrg()) != 0 {
		t.Fatalf("a group of %d was mapped, the plan is %v, and %d people are in the organization", members, run, len(inOrg()))
	}
	t.Logf("the preview of a group of %d: %v", members, counts)
	id := run["id"].(string)
	planned := map[string]bool{}
	for _, row := range d.listed(t, "apply", "diff", p, id, "--limit", "1000") {
		if row["from"] != row["to"] { // the others keep their organization, by another rule than before
			planned[row["userName"].(string)] = true
		}
	}
	if done := d.object(t, "apply", "start", p, id, "--yes"); done["state"] != "completed" {
		t.Fatalf("applied: %v", done)
	}
	moved := inOrg()
	if len(moved) != moves || len(planned) != moves {
		t.Errorf("the plan has %d moves and %d rows, %d people have moved", moves, len(planned), len(moved))
	}
	for u := range moved {
		if !planned[u] {
			t.Error("a person has moved who was not in the preview")
		}
	}
	undo := d.object(t, "apply", "undo", p, id, "--yes")
	if undo["state"] != "completed" || len(inOrg()) != 0 {
		t.Errorf("undone: %v, and %d people are still in the organization", undo, len(inOrg()))
	}
	found := d.executions(t, "Rollcall-apply")
	for _, n := range []string{id + "-plan", id + "-apply", undo["id"].(string) + "-plan"} {
		if found[n] != types.ExecutionStatusSucceeded {
			t.Errorf("the execution %s is %q; there are %v", n, found[n], found)
		}
	}
}

// executions returns the state of all executions of a state machine.
func (d *deployment) executions(t *testing.T, machine string) map[string]types.ExecutionStatus {
	t.Helper()
	client := sfn.NewFromConfig(d.cloud.Config())
	all, err := client.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: d.machine(t, machine)})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]types.ExecutionStatus{}
	for _, x := range all.Executions {
		found[*x.Name] = x.Status
	}
	return found
}

// machine returns the ARN of a state machine.
func (d *deployment) machine(t *testing.T, name string) *string {
	t.Helper()
	machines, err := sfn.NewFromConfig(d.cloud.Config()).ListStateMachines(t.Context(), &sfn.ListStateMachinesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range machines.StateMachines {
		if *m.Name == name {
			return m.StateMachineArn
		}
	}
	t.Fatalf("there is no state machine %s", name)
	return nil
}
