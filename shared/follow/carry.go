package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/shared/directory"
)

const (
	// carriedSteps is how many steps an execution does before another one goes on. With every step tried again as often as
	// the state machine does, this stays below the 25,000 events of its history.
	carriedSteps = 600
	// carriedLease is how long a task waits for the next step of its execution before another process takes it.
	carriedLease = 5 * time.Minute
	carryAgain   = time.Minute     // how long a process hands nothing over after that failed
	stepAgain    = 5 * time.Second // how long an execution waits after the store could not be reached
)

// NextStep returns when the next step of a task may be done, by whoever has it.
func NextStep(k directory.Task) time.Time {
	if k.State == directory.TaskRunning && k.Execution != "" {
		return k.DueAt.Add(-carriedLease)
	}
	return k.DueAt
}

// CarriedStep is what an execution does after a step of the task that it carries: nothing, if all are false.
type CarriedStep struct {
	Again  bool // another step, after a time
	After  time.Duration
	Failed bool // the task waits for a person
}

// CarryTask does the next step of a task that an execution carries; steps is how many that has done. A step that is repeated
// does no harm. What follows is said with errors, too.
// Errors: TasksError when the step failed, or the task could not be handed over; those of the store.
func (s *Service) CarryTask(ctx context.Context, ref directory.TaskRef, steps int) (CarriedStep, error) {
	k, err := s.stepTask(ctx, ref, steps)
	var failed TasksError
	if err != nil && !errors.As(err, &failed) {
		return CarriedStep{Again: steps < carriedSteps, After: stepAgain}, err
	}
	if k.ID == "" { // perhaps its answer to the last step was lost
		old, readErr := s.ports.Tasks.Task(ctx, ref.Tenant, ref.Task)
		return CarriedStep{Failed: old.State == directory.TaskWaiting && old.Execution == ref.Execution}, readErr
	}
	switch {
	case k.State == directory.TaskWaiting:
		return CarriedStep{Failed: true}, err
	case k.State == directory.TaskRunning && k.Execution == ref.Execution:
		return CarriedStep{Again: true, After: max(0, NextStep(k).Sub(s.rt.Time()))}, err
	}
	return CarriedStep{}, err
}

// carried is a task after a step with who has it from now on: the execution that does, for a limited number of steps, or
// another one when the next step may follow at once.
func (s *Service) carried(k directory.Task, steps int) directory.Task {
	if k.State != directory.TaskRunning {
		return k
	}
	now := s.rt.Time()
	if k.Execution != "" && steps+1 < carriedSteps {
		k.DueAt = k.DueAt.Add(carriedLease)
		return k
	}
	k.Execution = ""
	if s.rt.Carrier != nil && !k.DueAt.After(now) && now.UnixNano() >= s.alone.Load() {
		k.Execution, k.DueAt = fmt.Sprintf("%s-%d", k.ID, k.Version), now.Add(carriedLease)
	}
	return k
}

// handOver starts the execution that a task names. If that fails, the task is due at once, and this process hands none over
// for a while.
func (s *Service) handOver(ctx context.Context, t directory.TenantID, k directory.Task) (directory.Task, error) {
	if k.Execution == "" {
		return k, nil
	}
	cause := s.rt.Carrier.CarryTask(ctx, directory.TaskRef{Tenant: t, Task: k.ID, Execution: k.Execution})
	if cause == nil {
		return k, nil
	}
	s.alone.Store(s.rt.Time().Add(carryAgain).UnixNano())
	n, err := s.ports.Tasks.UpdateTask(ctx, t, k.ID, func(old directory.Task) (directory.Task, error) {
		if old.Execution != k.Execution || old.Version != k.Version {
			return old, errTaken
		}
		old.Execution, old.DueAt, old.Version = "", s.rt.Time(), old.Version+1
		return old, nil
	})
	if errors.Is(err, errTaken) { // the execution was started all the same
		return k, nil
	}
	if err != nil {
		return directory.Task{}, err
	}
	return n, TasksError{{t, n, fmt.Errorf("hand it over: %w", cause)}}
}
