package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/infra/statemachines"
	"rollcall/integration/stack"
	"rollcall/shared/administration"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/workflow"
)

// machine runs the definition of a state machine as Step Functions does. It supports the states and the parts of the
// language that our definitions use; anything else is an error.
type machine struct {
	invoke func(ctx context.Context, payload []byte) (any, error)
	sleep  func(time.Duration)
	steps  int
}

// errFailed is the error of an execution that ends in a Fail state.
var errFailed = errors.New("the execution has failed")

func definitionOf(t *testing.T, text string) (definition object) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &definition); err != nil {
		t.Fatal(err)
	}
	return definition
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
		case "Fail":
			return input, errFailed
		case "Wait":
			m.sleep(time.Duration(lookup(input, state["SecondsPath"].(string)).(float64)) * time.Second)
		case "Pass":
			input = fill(state["Parameters"], input, nil)
		case "Choice":
			if next, err = choose(state, input); err != nil {
				return nil, err
			}
		case "Task":
			if input, err = m.retried(ctx, state, input); err != nil {
				return nil, err
			}
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

// retried carries out a task, which is retried, and returns the input of the next state.
func (m *machine) retried(ctx context.Context, state object, input any) (any, error) {
	var out any
	var err error
	for try := 0; ; try++ {
		if out, err = m.task(ctx, fill(state["Parameters"].(object)["Payload"], input, nil)); err == nil {
			break
		}
		if state["Retry"] == nil || try == 8 {
			return nil, err
		}
	}
	out = object{"Payload": out}
	if path, ok := state["OutputPath"].(string); ok {
		return lookup(out, path), nil
	}
	return put(input, state["ResultPath"].(string), fill(state["ResultSelector"], out, nil)), nil
}

func (m *machine) task(ctx context.Context, payload any) (any, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	out, err := m.invoke(ctx, text)
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
		known := false
		for _, comparison := range []string{"BooleanEquals", "StringEquals", "NumericEquals"} {
			want, ok := choice[comparison]
			if known = known || ok; ok && v == want {
				return choice["Next"].(string), nil
			}
		}
		if !known {
			return "", fmt.Errorf("an unsupported choice: %v", choice)
		}
	}
	return state["Default"].(string), nil
}

// carriedTask is a task that is handed over to the state machine of tasks.
type carriedTask struct {
	*testing.T
	*stack.Stack
	machine
	refs  []directory.TaskRef // handed over
	calls []int               // of functions/jobs, with how many steps were done
}

// CarryTask implements directory.TaskCarrier.
func (c *carriedTask) CarryTask(_ context.Context, ref directory.TaskRef) error {
	c.refs = append(c.refs, ref)
	return nil
}

// manyLeavers is pages of pending deactivations of people whom nobody has.
type manyLeavers struct {
	directory.Leavers
	pages int
	err   error
}

func (l *manyLeavers) PendingUsers(
	_ context.Context, _ directory.TenantID, q directory.PendingQuery,
) ([]directory.User, string, error) {
	next := q.After + "x"
	if len(next) >= l.pages {
		next = ""
	}
	return make([]directory.User, 200), next, l.err
}

// newCarriedTask starts a task of so many pages of leavers, and has its first step done.
func newCarriedTask(t *testing.T, l *manyLeavers) *carriedTask {
	t.Helper()
	c := &carriedTask{T: t}
	c.Stack = stack.New(t, stack.Options{External: directory.External{Carrier: c}, Ports: func(t testing.TB) directory.Ports {
		ports := stack.SQLite(t)
		l.Leavers, ports.Leavers = ports.Leavers, l
		return ports
	}})
	jobs := app.Jobs(c.Service.Follow, app.NewLog(c.Log))
	c.machine = machine{sleep: c.Clock.Advance, invoke: func(ctx context.Context, payload []byte) (any, error) {
		var e app.JobEvent
		decoder := json.NewDecoder(bytes.NewReader(payload))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil {
			return nil, err
		}
		c.calls = append(c.calls, e.Steps)
		return jobs(ctx, e)
	}}
	c.Clock.Advance(time.Second)
	_, err := c.Service.As(c.Admin).Deactivations.SetDelay(t.Context(), c.Provider.ID, administration.Unchecked, time.Hour, true)
	if err != nil {
		t.Fatal(err)
	}
	c.Follow(t)
	if len(c.refs) != 1 {
		t.Fatalf("handed over: %v", c.refs)
	}
	return c
}

// execute carries out the execution that was handed over.
func (c *carriedTask) execute() error {
	c.Helper()
	text, err := json.Marshal(workflow.TaskInput{TaskRef: c.refs[0]})
	if err != nil {
		return err
	}
	_, err = c.run(c.Context(), definitionOf(c.T, statemachines.Tasks), definitionOf(c.T, string(text)))
	return err
}

// An execution of the state machine of tasks does step after step.
func TestStateMachineCarriesATask(t *testing.T) {
	t.Parallel()
	c := newCarriedTask(t, &manyLeavers{pages: 17})
	if err := c.execute(); err != nil || !slices.Equal(c.calls, []int{0, 1, 2}) {
		t.Errorf("it ends with %v after calls %v", err, c.calls)
	}
	k, err := c.Service.As(c.Admin).Tasks.ByID(t.Context(), c.refs[0].Task)
	if err != nil || k.State != directory.TaskDone || k.Done != 3400 {
		t.Errorf("got %+v, %v", k, err)
	}
	if err := c.execute(); err != nil || len(c.calls) != 4 || len(c.refs) != 1 {
		t.Errorf("one that comes late ends with %v after calls %v", err, c.calls)
	}
	var sample app.JobEvent
	decodeStrictly(t, "../events/jobs.task.json", &sample)
	if sample.Do != app.DoTask || sample.TaskRef == (directory.TaskRef{}) {
		t.Errorf("the sample is %+v", sample)
	}
}

// It waits between steps that fail, and ends in a Fail state when the task waits for a person.
func TestStateMachineOfATaskThatFails(t *testing.T) {
	t.Parallel()
	l := &manyLeavers{pages: 17}
	c := newCarriedTask(t, l)
	l.err = directory.Errorf(directory.Unavailable, "the table is busy")
	began := c.Clock.Now()
	if err := c.execute(); !errors.Is(err, errFailed) || len(c.calls) != directory.MaxTaskFailures {
		t.Errorf("it ends with %v after calls %v", err, c.calls)
	}
	if waited := c.Clock.Now().Sub(began); waited < 20*time.Minute || waited > time.Hour {
		t.Errorf("it waited for %s", waited)
	}
	if text := c.Log.String(); strings.Count(text, `"task failed"`) != 9 || strings.Count(text, `"TasksStuck":1,`) != 1 {
		t.Errorf("logged: %s", text)
	}
}

// Even the longest execution of a task, with every step repeated as often as may be, has fewer events than a history holds: a
// state is entered and left, and a step scheduled, begun and ended.
func TestHistoryOfATaskIsNotFull(t *testing.T) {
	t.Parallel()
	definition := definitionOf(t, statemachines.Tasks)
	states := definition["States"].(object)
	retries := states[definition["StartAt"].(string)].(object)["Retry"].([]any)[0].(object)["MaxAttempts"].(float64)
	const steps, perStep, history = 600, 3, 25_000
	if most := steps*(2*perStep+3*(1+int(retries))) + 4; most > history {
		t.Errorf("an execution may have %d events", most)
	}
}
