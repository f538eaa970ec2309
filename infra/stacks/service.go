package stacks

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	ours "rollcall/infra/constructs"
	"rollcall/infra/statemachines"
	"rollcall/shared/app"
	"rollcall/shared/follow"
	"rollcall/shared/scimapi"
	"rollcall/shared/store/dynamo"
)

// Deployment is the stacks of one partition.
type Deployment struct {
	Partition Partition
	Data      Data
	Service   awscdk.Stack
	Firewall  awscdk.Stack // separate, so that the service can be deployed to an emulator without it
}

// New adds the stacks of a partition to an app.
func New(scope constructs.Construct, p Partition, s Settings) Deployment {
	data := newData(scope, p)
	stack := awscdk.NewStack(scope, jsii.String(p.Name), &awscdk.StackProps{
		Description: jsii.String("Rollcall: SCIM 2.0 service for Microsoft Entra ID."),
	})
	api := ours.NewAPI(stack, ours.APIOptions{Key: data.Key, OwnDomain: s.Domain != "", LogRole: s.LogRole})
	origin := publicOrigin(stack, api, s)
	dead := ours.NewDeadLetters(stack, data.Key)
	schedules := ours.NewSchedules(stack, dead, data.Key)
	bus := awsevents.NewEventBus(stack, jsii.String("Events"), &awsevents.EventBusProps{
		EventBusName: stack.StackName(), Description: jsii.String("Rollcall: what happened to users, groups and accounts."),
	})
	all := newFunctions(stack, data, p, s, origin, follower(stack, schedules, dead, bus))
	for _, r := range routes() {
		api.Serve(r.path, named(all, r.function))
	}
	for i, f := range functions() {
		if f.follows {
			ours.FollowStream(all[i], data.Table.TableStreamArn(), dynamo.EntryFilter(), dead)
		}
		if f.woken {
			schedules.Wake(all[i])
		}
		for _, j := range follow.Jobs() {
			if j.Function == f.Name {
				name := string(j.Name)
				ours.Every(stack, strings.ToUpper(name[:1])+name[1:], j.Every, all[i], f.eventOf(j))
			}
		}
	}
	runs := ours.NewStateMachine(stack, applyMachine, statemachines.Apply, named(all, "apply"), data.Key)
	tasks := ours.NewStateMachine(stack, taskMachine, statemachines.Tasks, named(all, "jobs"), data.Key)
	newAlarms(stack, monitored{api, all, data.Table, dead, runs, tasks}, ours.NewAlarmTopic(stack, data.Key, s.AlarmEmail))
	outputs(stack, origin)
	output(stack, "ApiId", "Id of the REST API, as in its own URL and its logs.", api.RestApiId())
	output(stack, "ApiStage", "The stage of the REST API.", jsii.String(ours.Stage))
	firewall := awscdk.NewStack(scope, jsii.String(p.Name+"Firewall"), &awscdk.StackProps{
		Description: jsii.String("Rollcall: the firewall in front of its API."),
	})
	ours.NewFirewall(firewall, api, data.Key, s.EntraRanges)
	return Deployment{p, data, stack, firewall}
}

// publicOrigin is the URL under which clients reach the service; locations in its responses begin with it.
func publicOrigin(stack awscdk.Stack, api *ours.API, s Settings) *string {
	switch {
	case s.Domain != "":
		d := ours.NewDomain(api, s.Domain, s.Certificate)
		output(stack, "DomainTarget", "The domain's DNS record must point to this name.", d.AttrRegionalDomainName())
		return jsii.String("https://" + s.Domain)
	case s.Origin != "":
		return jsii.String(s.Origin)
	}
	// Not api.Url(): it depends on the functions, which depend on the origin.
	return awscdk.Fn_Join(jsii.String(""), &[]*string{
		jsii.String("https://"), api.RestApiId(), jsii.String(".execute-api."), stack.Region(), jsii.String("."), stack.UrlSuffix(),
		jsii.String("/" + ours.Stage),
	})
}

// The state machines <stack>-<name>: of apply runs, and of long tasks.
const (
	applyMachine = "apply"
	taskMachine  = "tasks"
)

// follower is what the function that follows the log uses in addition to the table: it creates schedules for wake-ups,
// starts apply runs, publishes events and has them sent to webhooks.
func follower(stack awscdk.Stack, schedules ours.Schedules, dead awssqs.Queue, bus awsevents.EventBus) ours.FunctionSpec {
	// By name: the function depends on the role that may invoke it.
	byName := func(name string) *string {
		return stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("lambda"), Resource: jsii.String("function"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
			ResourceName: awscdk.Fn_Join(jsii.String("-"), &[]*string{stack.StackName(), jsii.String(name)}),
		})
	}
	target, deliver, jobs := byName("deactivate"), byName("deliver"), byName("jobs")
	ownSchedules := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("scheduler"), Resource: jsii.String("schedule"),
		ResourceName: awscdk.Fn_Join(jsii.String("/"), &[]*string{stack.StackName(), jsii.String("*")}),
	})
	return ours.FunctionSpec{
		Env: []ours.Variable{
			{Name: app.EnvScheduleGroup, Value: stack.StackName()}, {Name: app.EnvScheduleTarget, Value: target},
			{Name: app.EnvScheduleRole, Value: schedules.Role.RoleArn()}, {Name: app.EnvScheduleDeadLetter, Value: dead.QueueArn()},
			{Name: app.EnvBus, Value: bus.EventBusName()}, {Name: app.EnvApply, Value: ours.StateMachineARN(stack, applyMachine)},
			{Name: app.EnvDeliver, Value: deliver}, {Name: app.EnvTasks, Value: jobs},
		},
		Permissions: []ours.Permission{
			{Actions: []string{"scheduler:CreateSchedule"}, Resources: []*string{ownSchedules}},
			{Actions: []string{"iam:PassRole"}, Resources: []*string{schedules.Role.RoleArn()}},
			{Actions: []string{"lambda:InvokeFunction"}, Resources: []*string{deliver, jobs}},
			{Actions: []string{"events:PutEvents"}, Resources: []*string{bus.EventBusArn()}},
			{Actions: []string{"states:StartExecution"}, Resources: []*string{ours.StateMachineARN(stack, applyMachine)}},
		},
	}
}

func newFunctions(stack awscdk.Stack, data Data, p Partition, s Settings, origin *string, follower ours.FunctionSpec) []ours.Function {
	env := []ours.Variable{{Name: app.EnvTable, Value: data.Table.TableName()}, {Name: app.EnvOrigin, Value: origin}}
	if p.FIPSEndpoints {
		env = append(env, ours.Variable{Name: "AWS_USE_FIPS_ENDPOINT", Value: jsii.String("true")})
	}
	shared := ours.FunctionShared{Assets: p.Assets, Arch: s.Arch, Reserve: s.Reserve, Key: data.Key, Table: data.Table, Env: env}
	for _, i := range dynamo.TableSpec().Indexes {
		shared.Indexes = append(shared.Indexes, i.Name)
	}
	var all []ours.Function
	for _, f := range functions() {
		if f.follows {
			f.Env, f.Permissions = follower.Env, follower.Permissions
		}
		f.use(data, ours.StateMachineARN(stack, taskMachine))
		all = append(all, ours.NewFunction(stack, f.FunctionSpec, shared))
	}
	return all
}

// use grants the function the keys and the state machine of tasks, if it uses them; no other function knows their ARNs. And
// it grants the permission that erasing needs.
func (f *function) use(data Data, tasks *string) {
	if f.hands {
		f.Env = append(f.Env, ours.Variable{Name: app.EnvCarrier, Value: tasks})
		f.Permissions = append(f.Permissions, ours.Permission{Actions: []string{"states:StartExecution"}, Resources: []*string{tasks}})
	}
	if f.erases {
		f.Table = append(slices.Clone(f.Table), "dynamodb:Scan")
	}
	if f.signs {
		f.Env = append(f.Env, ours.Variable{Name: app.EnvSigningKey, Value: data.Signing.KeyArn()})
		f.Permissions = append(f.Permissions,
			ours.Permission{Actions: []string{"kms:Sign", "kms:GetPublicKey"}, Resources: []*string{data.Signing.KeyArn()}})
	}
	if len(f.secrets) > 0 {
		f.Env = append(f.Env, ours.Variable{Name: app.EnvSecretsKey, Value: data.Secrets.KeyArn()})
		f.Permissions = append(f.Permissions, ours.Permission{Actions: f.secrets, Resources: []*string{data.Secrets.KeyArn()}})
	}
}

func named(all []ours.Function, name string) ours.Function {
	return all[slices.IndexFunc(all, func(f ours.Function) bool { return f.Spec.Name == name })]
}

func outputs(stack awscdk.Stack, origin *string) {
	join := func(parts ...*string) *string { return awscdk.Fn_Join(jsii.String(""), &parts) }
	output(stack, "ScimURL", "Entra's tenant URL is this URL followed by a provider's id.", join(origin, jsii.String(scimapi.BasePath)))
	output(stack, "AdminURL", "Value of ROLLCALL_ADMIN_URL for the rollcall command.", origin)
	bootstrap := func(flag string) *string {
		return join(jsii.String("rollcall bootstrap "+flag+"--function "), stack.StackName(), jsii.String("-admin --region "), stack.Region())
	}
	output(stack, "FirstStep", "Creates the first administrator's key; run it with the credentials of this AWS account.", bootstrap(""))
	output(stack, "OperatorStep", "Creates the operator's key, which can create further tenants; needed only for more than one tenant.",
		bootstrap("--operator "))
}
