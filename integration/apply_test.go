package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/infra/statemachines"
	"rollcall/integration/stack"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/workflow"
)

// Each sample of a step decodes strictly, and does nothing if its run does not exist.
func TestSampleApplySteps(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	files, err := filepath.Glob("../events/apply.*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		var in workflow.Input
		decodeStrictly(t, file, &in)
		if want := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "apply."), ".json"); in.Step != want {
			t.Errorf("%s is of step %q", file, in.Step)
		}
		out, err := app.Apply(s.Service.Follow)(t.Context(), in)
		if err != nil || len(out.Ranges) > 0 || out.Phase != "" || in.Step == workflow.StepRange && !out.Done {
			t.Errorf("%s: %+v, %v", file, out, err)
		}
	}
}

// The state machine has the same result as the process by itself, also when every third step fails.
func TestStateMachineAppliesAndUndoes(t *testing.T) {
	t.Parallel()
	starts := &executions{}
	s := stack.New(t, stack.Options{External: directory.External{Runs: starts}})
	c := newPopulation(t, s, 40)
	before := c.accounts()
	calls := 0
	definition := definitionOf(t, statemachines.Apply)
	m := &machine{invoke: func(ctx context.Context, payload []byte) (any, error) {
		var in workflow.Input
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, err
		}
		out, err := app.Apply(s.Service.Follow)(ctx, in)
		if calls++; calls%3 == 0 {
			return out, fmt.Errorf("the response was lost")
		}
		return out, err
	}}
	play := func() {
		t.Helper()
		c.follow()
		for _, ref := range starts.refs {
			input := object{"Tenant": string(ref.Tenant), "Provider": string(ref.Provider), "Run": string(ref.Run), "Phase": string(ref.Phase)}
			if _, err := m.run(t.Context(), definition, input); err != nil {
				t.Fatal(err)
			}
		}
		starts.refs = nil
	}
	r, err := s.Service.As(c.admin).ApplyRuns.Create(t.Context(), s.Provider.ID, false)
	c.must(err)
	play()
	if r = c.run(r.ID); r.State != directory.RunPlanned || r.Tally.Changes == 0 {
		t.Fatalf("planned: %+v", r)
	}
	_, err = s.Service.As(c.admin).ApplyRuns.Start(t.Context(), s.Provider.ID, r.ID, func(directory.ApplyRun) error { return nil })
	c.must(err)
	play()
	if got := c.run(r.ID); got.State != directory.RunCompleted || got.Tally.Applied != r.Tally.Changes {
		t.Fatalf("applied: %+v", got)
	}
	undo, err := s.Service.As(c.admin).ApplyRuns.Undo(t.Context(), s.Provider.ID, r.ID, func(directory.ApplyRun) error { return nil })
	c.must(err)
	play()
	if got := c.run(undo.ID); got.State != directory.RunCompleted || got.Tally.Applied != r.Tally.Changes {
		t.Fatalf("undone: %+v", got)
	}
	c.equal("accounts after undo", c.accounts(), before)
}

// executions records the started runs.
type executions struct{ refs []directory.RunRef }

// StartRun implements directory.RunStarter.
func (x *executions) StartRun(_ context.Context, ref directory.RunRef) error {
	x.refs = append(x.refs, ref)
	return nil
}
