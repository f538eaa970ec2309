package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// machine runs the definition of a state machine as Step Functions does. It supports the states and the parts of the
// language that our definition uses; anything else is an error.
type machine struct {
	invoke func(context.Context, workflow.Input) (workflow.Output, error)
	steps  int
}

func (m *machine) run(ctx context.Context, definition object, input any) (any, error) {
	states := definition["States"].(object)
	at := definition["StartAt"].(string)
	for {
		if m.steps++; m.steps > 5000 {
			return nil, fmt.Errorf("the machine does not end")
		}
		state, ok := states[at].(object)
		if !ok {
			return nil, fmt.Errorf("no state %q", at)
		}
		var err error
		next, _ := state["Next"].(string)
		switch state["Type"] {
		case "Succeed":
			return input, nil
		case "Pass":
			input = fill(state["Parameters"], input, nil)
		case "Choice":
			if next, err = choose(state, input); err != nil {
				return nil, err
			}
		case "Task":
			var out any
			for try := 0; ; try++ { // every task is retried
				if out, err = m.task(ctx, fill(state["Parameters"].(object)["Payload"], input, nil)); err == nil {
					break
				}
				if state["Retry"] == nil || try == 8 {
					return nil, err
				}
			}
			input = put(input, state["ResultPath"].(string), fill(state["ResultSelector"], object{"Payload": out}, nil))
		case "Map":
			if state["ItemBatcher"] != nil || state["ItemProcessor"].(object)["ProcessorConfig"].(object)["Mode"] != "DISTRIBUTED" {
				return nil, fmt.Errorf("the map is not distributed, or has batches")
			}
			for _, item := range lookup(input, state["ItemsPath"].(string)).([]any) {
				if _, err := m.run(ctx, state["ItemProcessor"].(object), fill(state["ItemSelector"], input, item)); err != nil &&
					state["ToleratedFailurePercentage"] == nil {
					return nil, err
				}
			}
		default:
			return nil, fmt.Errorf("a state of type %v", state["Type"])
		}
		at = next
	}
}

func (m *machine) task(ctx context.Context, payload any) (any, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	var in workflow.Input
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	out, err := m.invoke(ctx, in)
	if err != nil {
		return nil, err
	}
	if text, err = json.Marshal(out); err != nil {
		return nil, err
	}
	var back any
	return back, json.Unmarshal(text, &back)
}

// lookup reads a path such as $.a.b.
func lookup(v any, path string) any {
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "$"), ".") {
		if name != "" {
			v = v.(object)[name]
		}
	}
	return v
}

// fill replaces members that end in ".$" by the values at their paths.
func fill(template, input, item any) any {
	out := object{}
	for name, v := range template.(object) {
		if short, isPath := strings.CutSuffix(name, ".$"); isPath {
			if out[short] = item; v != "$$.Map.Item.Value" {
				out[short] = lookup(input, v.(string))
			}
			continue
		}
		out[name] = v
	}
	return out
}

func put(input any, path string, v any) any {
	out := object{}
	for name, old := range input.(object) {
		out[name] = old
	}
	out[strings.TrimPrefix(path, "$.")] = v
	return out
}

func choose(state object, input any) (string, error) {
	for _, c := range state["Choices"].([]any) {
		choice := c.(object)
		v := lookup(input, choice["Variable"].(string))
		want, ok := choice["BooleanEquals"]
		if !ok {
			want, ok = choice["StringEquals"]
		}
		if !ok {
			return "", fmt.Errorf("an unsupported choice: %v", choice)
		}
		if v == want {
			return choice["Next"].(string), nil
		}
	}
	return state["Default"].(string), nil
}

// The state machine has the same result as the process by itself, also when every third step fails.
func TestStateMachineAppliesAndUndoes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../infra/statemachines/apply.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	var definition object
	if err := json.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	starts := &executions{}
	s := stack.New(t, stack.Options{External: directory.External{Runs: starts}})
	c := newPopulation(t, s, 40)
	before := c.accounts()
	calls := 0
	m := &machine{invoke: func(ctx context.Context, in workflow.Input) (workflow.Output, error) {
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
