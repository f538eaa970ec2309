package app

import (
	"context"

	"rollcall/shared/follow"
	"rollcall/shared/workflow"
)

// Apply answers the state machine of apply runs: each event is one step. The state machine repeats a failed step.
func Apply(svc *follow.Service) func(context.Context, workflow.Input) (workflow.Output, error) {
	return func(ctx context.Context, in workflow.Input) (workflow.Output, error) {
		return workflow.Do(ctx, svc, in)
	}
}
