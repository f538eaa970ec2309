package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"rollcall/shared/directory"
)

// StepFunctions starts executions of a state machine: that of apply runs, or that of tasks.
type StepFunctions struct {
	Client  *sfn.Client
	Machine string // the state machine's ARN
}

// StartRun implements directory.RunStarter. The execution is named after run and phase, so that a second start finds
// the first.
func (m StepFunctions) StartRun(ctx context.Context, ref directory.RunRef) error {
	return m.start(ctx, string(ref.Run)+"-"+string(ref.Phase),
		Input{Tenant: ref.Tenant, Provider: ref.Provider, Run: ref.Run, Phase: ref.Phase})
}

// CarryTask implements directory.TaskCarrier.
func (m StepFunctions) CarryTask(ctx context.Context, ref directory.TaskRef) error {
	return m.start(ctx, ref.Execution, TaskInput{TaskRef: ref})
}

func (m StepFunctions) start(ctx context.Context, name string, input any) error {
	in, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("encode input of the execution: %w", err)
	}
	_, err = m.Client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &m.Machine, Name: &name, Input: aws.String(string(in))})
	var exists *types.ExecutionAlreadyExists
	if err == nil || errors.As(err, &exists) {
		return nil
	}
	return fmt.Errorf("start execution: %w", err)
}
