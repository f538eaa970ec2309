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

// StepFunctions starts executions of the state machine of apply runs.
type StepFunctions struct {
	Client  *sfn.Client
	Machine string // the state machine's ARN
}

// StartRun implements directory.RunStarter. The execution is named after run and phase, so that a second start finds
// the first.
func (m StepFunctions) StartRun(ctx context.Context, ref directory.RunRef) error {
	in, err := json.Marshal(Input{Tenant: ref.Tenant, Provider: ref.Provider, Run: ref.Run, Phase: ref.Phase})
	if err != nil {
		return fmt.Errorf("encode input of the execution: %w", err)
	}
	_, err = m.Client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &m.Machine, Name: aws.String(string(ref.Run) + "-" + string(ref.Phase)), Input: aws.String(string(in)),
	})
	var exists *types.ExecutionAlreadyExists
	if err == nil || errors.As(err, &exists) {
		return nil
	}
	return fmt.Errorf("start execution: %w", err)
}
