// Package invoke starts functions/deliver and functions/jobs from functions/changes. It is not part of package workflow
// because the client of Lambda is large: no other function links it.
package invoke

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"rollcall/shared/app"
	"rollcall/shared/directory"
)

// Delivering lets the function start functions/deliver, and so have webhooks receive its events.
func Delivering(c app.Config, cfg aws.Config, out *directory.External) {
	if c.Deliver != "" {
		out.Delivering = Invoker{Client: lambda.NewFromConfig(cfg), Function: c.Deliver,
			Event: `{"Do":"` + string(directory.JobDeliver) + `"}`}
	}
}

// Tasks lets the function start functions/jobs, which does the tasks that are due.
func Tasks(c app.Config, cfg aws.Config, out *directory.External) {
	if c.Tasks != "" {
		out.Tasks = Invoker{Client: lambda.NewFromConfig(cfg), Function: c.Tasks, Event: `{"Do":"` + string(directory.JobTasks) + `"}`}
	}
}

// Invoker is directory.DeliveryStarter and directory.TaskStarter on a Lambda function, which is invoked without waiting for it.
type Invoker struct {
	Client   *lambda.Client
	Function string // name or ARN
	Event    string // JSON
}

// StartDelivering implements directory.DeliveryStarter.
func (i Invoker) StartDelivering(ctx context.Context) error { return i.invoke(ctx) }

// StartTasks implements directory.TaskStarter.
func (i Invoker) StartTasks(ctx context.Context) error { return i.invoke(ctx) }

func (i Invoker) invoke(ctx context.Context) error {
	_, err := i.Client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(i.Function), InvocationType: types.InvocationTypeEvent,
		Payload: []byte(i.Event)})
	if err != nil {
		return fmt.Errorf("invoke %s: %w", i.Function, err)
	}
	return nil
}
