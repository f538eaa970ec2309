package constructs

import (
	"cmp"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// FunctionSpec holds the properties of one function. All others are the same for every function.
type FunctionSpec struct {
	Name        string   // the folder under functions/
	Table       []string // DynamoDB actions that it may use on the table and its indexes
	Env         []Variable
	Permissions []Permission
	MemoryMB    int // 0: 256
	Seconds     int // timeout; 0: 15
	Reserved    int // concurrent executions, reserved for it and its maximum; 0: 20
	Patience    int // seconds that an event which nobody waits for waits for an execution, once; 0: Lambda's six hours, three times
}

// Variable is an environment variable; its name is a constant of shared/app.
type Variable struct {
	Name  string
	Value *string
}

// Permission is a permission of a function in addition to those on the table. Resources are ARNs.
type Permission struct {
	Actions   []string
	Resources []*string
}

// FunctionShared holds the properties that all functions of a deployment share.
type FunctionShared struct {
	Assets  string // folder of <architecture>/<name>/bootstrap
	Arch    string // arm64 or amd64
	Reserve bool
	Key     awskms.IKey
	Table   awsdynamodb.ITable
	Indexes []string // of the table
	Env     []Variable
}

// Function is a function with its log group and its role, which no other function has.
type Function struct {
	awslambda.Function
	Spec FunctionSpec
	Logs awslogs.LogGroup
	Role awsiam.Role
}

// NewFunction returns a function named <stack>-<name>. Its role may write its own log group and trace, use the key,
// and has the permissions in spec.
func NewFunction(scope constructs.Construct, spec FunctionSpec, shared FunctionShared) Function {
	stack := awscdk.Stack_Of(scope)
	scope = constructs.NewConstruct(scope, jsii.String(spec.Name))
	name := awscdk.Fn_Join(jsii.String("-"), &[]*string{stack.StackName(), jsii.String(spec.Name)})
	// The name is Lambda's default, so that no LoggingConfig is needed, which GovCloud does not have in full.
	logs := NewLogGroup(scope, "Logs", shared.Key, awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("/aws/lambda/"), name}))
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("Role of Rollcall's function " + spec.Name + "."),
	})
	allow(role, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, streamsOf(stack, name))
	allow(role, []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DescribeKey"}, shared.Key.KeyArn())
	if len(spec.Table) > 0 {
		arn := shared.Table.TableArn()
		on := []*string{arn}
		for _, name := range shared.Indexes {
			on = append(on, awscdk.Fn_Join(jsii.String("/index/"), &[]*string{arn, jsii.String(name)}))
		}
		allow(role, spec.Table, on...)
	}
	for _, p := range spec.Permissions {
		allow(role, p.Actions, p.Resources...)
	}
	env := map[string]*string{}
	for _, v := range append(shared.Env, spec.Env...) {
		env[v.Name] = v.Value
	}
	props := &awslambda.FunctionProps{
		FunctionName: name, Description: jsii.String("Rollcall: " + spec.Name),
		Runtime: awslambda.Runtime_PROVIDED_AL2023(), Handler: jsii.String("bootstrap"),
		Architecture: architecture(shared.Arch),
		Code:         awslambda.Code_FromAsset(jsii.String(filepath.Join(shared.Assets, shared.Arch, spec.Name)), nil),
		MemorySize:   jsii.Number(cmp.Or(spec.MemoryMB, 256)), Timeout: awscdk.Duration_Seconds(jsii.Number(cmp.Or(spec.Seconds, 15))),
		Role: role.WithoutPolicyUpdates(nil), Environment: &env, EnvironmentEncryption: shared.Key,
		Tracing: awslambda.Tracing_ACTIVE,
	}
	allow(role, []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, jsii.String("*"))
	if shared.Reserve {
		props.ReservedConcurrentExecutions = jsii.Number(cmp.Or(spec.Reserved, 20))
	}
	if spec.Patience > 0 {
		props.MaxEventAge, props.RetryAttempts = awscdk.Duration_Seconds(jsii.Number(spec.Patience)), jsii.Number(0)
	}
	f := awslambda.NewFunction(scope, jsii.String("Function"), props)
	// The log group and the permissions must exist before the first invocation. CDK's own list also names the role, which
	// cfn-lint rightly reports as redundant.
	f.Node().DefaultChild().(awslambda.CfnFunction).AddOverride(jsii.String("DependsOn"), []*string{
		stack.GetLogicalId(role.Node().FindChild(jsii.String("DefaultPolicy")).Node().DefaultChild().(awscdk.CfnElement)),
		stack.GetLogicalId(logs.Node().DefaultChild().(awscdk.CfnElement)),
	})
	return Function{f, spec, logs, role}
}

func streamsOf(stack awscdk.Stack, function *string) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("logs"), Resource: jsii.String("log-group"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		ResourceName: awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("/aws/lambda/"), function, jsii.String(":*")}),
	})
}

func allow(role awsiam.Role, actions []string, resources ...*string) {
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources}))
}

func architecture(arch string) awslambda.Architecture {
	if arch == "amd64" {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}
