package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Schedules is where wake-ups are kept, and the role they are carried out with.
type Schedules struct {
	Group awsscheduler.CfnScheduleGroup
	Role  awsiam.Role
}

// NewSchedules returns a group without schedules and a role that may do nothing until a function is woken by it. The
// schedules are made by the functions, one for each due minute.
func NewSchedules(scope constructs.Construct) Schedules {
	stack := awscdk.Stack_Of(scope)
	return Schedules{
		Group: awsscheduler.NewCfnScheduleGroup(scope, jsii.String("Schedules"), &awsscheduler.CfnScheduleGroupProps{Name: stack.StackName()}),
		Role: awsiam.NewRole(scope, jsii.String("ScheduleRole"), &awsiam.RoleProps{
			Description: jsii.String("Of Rollcall's wake-ups: invokes the functions they wake."),
			AssumedBy: awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), &awsiam.ServicePrincipalOpts{
				Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
			}),
		}),
	}
}

// Wake lets schedules invoke f.
func (s Schedules) Wake(f Function) {
	allow(s.Role, []string{"lambda:InvokeFunction"}, f.FunctionArn())
}
