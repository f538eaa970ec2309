package constructs

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// StateMachine is a state machine with its role, which nothing else uses.
type StateMachine struct {
	awsstepfunctions.CfnStateMachine
	Name *string
	Role awsiam.Role
}

// StateMachineARN returns the ARN of the state machine <stack>-<name>, for callers that need it before it exists.
func StateMachineARN(stack awscdk.Stack, name string) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("states"), Resource: jsii.String("stateMachine"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		ResourceName: machineName(stack, name),
	})
}

func machineName(stack awscdk.Stack, name string) *string {
	return awscdk.Fn_Join(jsii.String("-"), &[]*string{stack.StackName(), jsii.String(name)})
}

// NewStateMachine returns the standard state machine <stack>-<name>, whose steps call f. Its distributed maps, if it has
// any, run as executions of its own. Its log contains the events but no input or output. In the definition, ${Partition} stands
// for the partition and ${FunctionArn} for f.
func NewStateMachine(scope constructs.Construct, name, definition string, f Function, key awskms.IKey) StateMachine {
	stack := awscdk.Stack_Of(scope)
	scope = constructs.NewConstruct(scope, jsii.String("StateMachine-"+name))
	named := machineName(stack, name)
	// Names under /aws/vendedlogs need no statement in the account's resource policy for logs (5,120 characters at most).
	logs := NewLogGroup(scope, "Logs", key, awscdk.Fn_Join(jsii.String("/"), &[]*string{jsii.String("/aws/vendedlogs/states"), named}))
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Role of Rollcall's state machine " + name + "."),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("states.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
		}),
	})
	executions := func(pattern string) *string {
		return stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("states"), Resource: jsii.String("execution"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
			ResourceName: awscdk.Fn_Join(jsii.String(""), &[]*string{named, jsii.String(pattern)}),
		})
	}
	allow(role, []string{"lambda:InvokeFunction"}, f.FunctionArn())
	if strings.Contains(definition, `"DISTRIBUTED"`) {
		allow(role, []string{"states:StartExecution"}, StateMachineARN(stack, name))
		allow(role, []string{"states:DescribeExecution", "states:StopExecution"}, executions(":*"))
		allow(role, []string{"states:RedriveExecution"}, executions("/*"))
	}
	// Both accept only "*" as resource: "Logging using CloudWatch Logs" and "X-Ray", Step Functions Developer Guide.
	allow(role, []string{
		"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
		"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
	}, jsii.String("*"))
	allow(role, []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"},
		jsii.String("*"))
	definition = strings.NewReplacer("${Partition}", *stack.Partition(), "${FunctionArn}", *f.FunctionArn()).Replace(definition)
	m := awsstepfunctions.NewCfnStateMachine(scope, jsii.String("Machine"), &awsstepfunctions.CfnStateMachineProps{
		StateMachineName: named, StateMachineType: jsii.String("STANDARD"), RoleArn: role.RoleArn(),
		DefinitionString:     jsii.String(definition),
		TracingConfiguration: map[string]any{"enabled": true},
		LoggingConfiguration: map[string]any{
			"level": "ALL", "includeExecutionData": false,
			"destinations": []any{map[string]any{"cloudWatchLogsLogGroup": map[string]any{"logGroupArn": logs.LogGroupArn()}}},
		},
	})
	m.Node().AddDependency(role.Node().FindChild(jsii.String("DefaultPolicy"))) // it is refused unless its role may write the log
	return StateMachine{m, named, role}
}
