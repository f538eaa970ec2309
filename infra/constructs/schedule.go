package constructs

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Schedules is the group that holds the schedules of wake-ups, and the role that they run with.
type Schedules struct {
	Group awsscheduler.CfnScheduleGroup
	Role  awsiam.Role
}

// NewSchedules returns a group without schedules and a role that may invoke no function until Wake allows it. The
// functions create the schedules, one for each due minute.
func NewSchedules(scope constructs.Construct, dead awssqs.Queue, key awskms.IKey) Schedules {
	stack := awscdk.Stack_Of(scope)
	s := Schedules{
		Group: awsscheduler.NewCfnScheduleGroup(scope, jsii.String("Schedules"), &awsscheduler.CfnScheduleGroupProps{Name: stack.StackName()}),
		Role: awsiam.NewRole(scope, jsii.String("ScheduleRole"), &awsiam.RoleProps{
			Description: jsii.String("Role of Rollcall's wake-ups: invokes the functions that they wake."),
			AssumedBy: awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), &awsiam.ServicePrincipalOpts{
				Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
			}),
		}),
	}
	allow(s.Role, []string{"sqs:SendMessage"}, dead.QueueArn())
	allow(s.Role, []string{"kms:Decrypt", "kms:GenerateDataKey"}, key.KeyArn())
	return s
}

// Wake lets schedules invoke f.
func (s Schedules) Wake(f Function) {
	allow(s.Role, []string{"lambda:InvokeFunction"}, f.FunctionArn())
}

// Every sends f the event at the given rate, which is in whole minutes.
func Every(scope constructs.Construct, name string, rate time.Duration, f Function, event map[string]any) {
	awsevents.NewRule(scope, jsii.String(name), &awsevents.RuleProps{
		Schedule: awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(rate.Minutes()))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f.Function, &awseventstargets.LambdaFunctionProps{
			Event: awsevents.RuleTargetInput_FromObject(event),
		})},
	})
}
