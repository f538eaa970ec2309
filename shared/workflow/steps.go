package workflow

import (
	"context"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// Input is the input of one step of the state machine of apply runs: the phase of a run, and the step.
type Input struct {
	Step     string // begin, range or end
	Tenant   directory.TenantID
	Provider directory.ProviderID
	Run      directory.RunID
	Phase    directory.RunPhase
	Range    int // for range
}

// The steps.
const (
	StepBegin = "begin"
	StepRange = "range"
	StepEnd   = "end"
)

// Output is the result of a step for the state machine.
type Output struct {
	Ranges []int              // of begin: those with work
	Done   bool               // of range: it is done
	Phase  directory.RunPhase // of end: the phase that follows automatically, "" for none
}

// Ref names the phase of the input.
func (in Input) Ref() directory.RunRef {
	return directory.RunRef{Tenant: in.Tenant, Provider: in.Provider, Run: in.Run, Phase: in.Phase}
}

// Do carries out a step.
// Errors: Invalid for an unknown step; Unavailable and other temporary ones: try again.
func Do(ctx context.Context, svc *follow.Service, in Input) (out Output, err error) {
	switch in.Step {
	case StepBegin:
		out.Ranges, err = svc.BeginRun(ctx, in.Ref())
	case StepRange:
		out.Done, err = svc.StepRun(ctx, in.Ref(), in.Range)
	case StepEnd:
		out.Phase, err = svc.EndRun(ctx, in.Ref())
	default:
		err = directory.Errorf(directory.Invalid, "no such step")
	}
	if out.Ranges == nil {
		out.Ranges = []int{} // the state machine maps over it
	}
	return out, err
}

// TaskInput is the input of an execution of the state machine of tasks, and of each step of it.
type TaskInput struct {
	directory.TaskRef

	Steps int // done before
}

// TaskOutput is the result of a step for the state machine: the input of the next one, and whether and when there is one.
type TaskOutput struct {
	TaskInput

	Again   bool
	Seconds int64 // until then
	Failed  bool  // the task waits for a person
}

// CarryTask carries out a step of a task. Its result is right with an error, too.
// Errors: those of follow.Service.CarryTask.
func CarryTask(ctx context.Context, svc *follow.Service, in TaskInput) (TaskOutput, error) {
	next, err := svc.CarryTask(ctx, in.TaskRef, in.Steps)
	in.Steps++
	return TaskOutput{in, next.Again, int64((next.After + time.Second - 1) / time.Second), next.Failed}, err
}
