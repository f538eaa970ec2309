package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	ours "rollcall/infra/constructs"
)

// monitored holds the resources that the alarms and the dashboard read metrics of.
type monitored struct {
	api       *ours.API
	functions []ours.Function
	table     awsdynamodb.Table
	dead      awssqs.Queue
	runs      ours.StateMachine // of apply runs
	tasks     ours.StateMachine
}

// failedLines matches the lines of the access log about requests that failed by a fault. A function that answers 503
// decided so (paused, busy), or has logged its fault at level ERROR, which is an alarm of its own; 501 is for /Me. A 503
// of the gateway itself, which has a response type, means that a function died or was too slow.
const failedLines = `{ ($.status = "5*") && ($.status != "501") && (($.status != "503") || ($.responseType != "-")) }`

// newAlarms adds the alarms, each with an answer in docs/operations.md, and a dashboard.
func newAlarms(stack awscdk.Stack, m monitored, topic awssns.Topic) {
	api := []*string{jsii.String("ApiName"), m.api.RestApiName(), jsii.String("Stage"), jsii.String(ours.Stage)}
	table := []*string{jsii.String("TableName"), m.table.TableName()}
	refused := count(ours.NewLineCount(m.api.Access, "Refused", `{ ($.status = "401") || ($.status = "403") }`))
	throttled := count(ours.NewLineCount(m.api.Access, "Throttled", `{ $.status = "429" }`))
	all5xx := ours.Metric("AWS/ApiGateway", "5XXError", "Sum", api...)
	failed := count(ours.NewLineCount(m.api.Access, "Failed", failedLines))
	latency := ours.Metric("AWS/ApiGateway", "Latency", "p99", api...)
	alarms := []ours.AlarmSpec{
		{ID: "GatewayErrors", Means: "Requests were answered 5xx, not counting a function's 503 and 501.", Metric: failed, Above: 5},
		{ID: "GatewaySlow", Means: "One request in a hundred takes longer than 3 seconds.", Metric: latency, Above: 3000, Periods: 3},
		{ID: "GatewayRefused", Means: "Many requests were answered 401 or 403.", Metric: refused, Above: 50},
		{ID: "GatewayThrottled", Means: "Requests were answered 429.", Metric: throttled, Above: 100, Periods: 3},
		{ID: "TableThrottled", Means: "The table throttled writes: a partition key is too hot, or the account's limit is reached.",
			Metric: ours.Metric("AWS/DynamoDB", "WriteThrottleEvents", "Sum", table...), Above: 10},
		{ID: "DeadLetters", Means: "A log entry could not be processed after all attempts.",
			Metric: ours.Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", jsii.String("QueueName"), m.dead.QueueName()), Above: 0},
		{ID: "ChangesLate", Means: "Log entries are processed more than five minutes late.",
			Metric: ours.Metric("AWS/Lambda", "IteratorAge", "Maximum", jsii.String("FunctionName"), named(m.functions, "changes").FunctionName()),
			Above:  5 * 60 * 1000},
		{ID: "DeliveriesLate", Means: "A webhook whose deliveries were due waited more than five minutes for its turn.",
			Metric: ours.Metric("Rollcall", "DeliveryDelay", "Maximum"), Above: 5 * 60 * 1000},
		{ID: "RunsFailed", Means: "An apply run failed before it was complete.", Metric: executions(m.runs, "ExecutionsFailed"), Above: 0},
	}
	alarms = append(alarms, taskAlarms(m.tasks)...)
	invocations, durations := []awscloudwatch.IMetric{}, []awscloudwatch.IMetric{}
	for _, f := range m.functions {
		of := []*string{jsii.String("FunctionName"), f.FunctionName()}
		alarms = append(alarms, functionAlarms(f, of...)...)
		invocations = append(invocations, ours.Metric("AWS/Lambda", "Invocations", "Sum", of...))
		durations = append(durations, ours.Metric("AWS/Lambda", "Duration", "p90", of...))
	}
	under := constructs.NewConstruct(stack, jsii.String("Alarm"))
	for _, a := range alarms {
		ours.NewAlarm(under, a, topic)
	}
	graph := func(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(title), Width: jsii.Number(12), Left: &metrics})
	}
	d := awscloudwatch.NewDashboard(stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: stack.StackName()})
	d.AddWidgets(graph("Requests", ours.Metric("AWS/ApiGateway", "Count", "Sum", api...), refused, throttled, all5xx),
		graph("Latency", latency))
	d.AddWidgets(graph("Invocations", invocations...), graph("Duration, p90", durations...))
	d.AddWidgets(
		graph("Units of the table", ours.Metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", "Sum", table...),
			ours.Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Sum", table...)),
		graph("Delay of changes",
			ours.Metric("AWS/Lambda", "IteratorAge", "Maximum", jsii.String("FunctionName"), named(m.functions, "changes").FunctionName())))
	d.AddWidgets(graph("Apply runs", allExecutions(m.runs)...), graph("Long tasks", allExecutions(m.tasks)...))
}

func executions(of ours.StateMachine, name string) awscloudwatch.Metric {
	return ours.Metric("AWS/States", name, "Sum", jsii.String("StateMachineArn"), of.Ref())
}

func allExecutions(of ours.StateMachine) (all []awscloudwatch.IMetric) {
	for _, name := range []string{"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted"} {
		all = append(all, executions(of, name))
	}
	return all
}

// taskAlarms returns the alarms of long tasks, with or without the state machine that carries them.
func taskAlarms(machine ours.StateMachine) []ours.AlarmSpec {
	return []ours.AlarmSpec{
		{ID: "TasksFailed", Means: "The execution of a long task failed.", Metric: executions(machine, "ExecutionsFailed"), Above: 0},
		{ID: "TasksStuck", Means: "A long task failed ten times in a row and waits for a person.",
			Metric: ours.Metric("Rollcall", "TasksStuck", "Sum"), Above: 0},
		{ID: "TasksLate", Means: "A long task has waited for its next step for more than a quarter of an hour.",
			Metric: ours.Metric("Rollcall", "TaskSeconds", "Maximum"), Above: 15 * 60},
	}
}

// functionAlarms returns the alarms of a function, whose metrics have the dimensions.
func functionAlarms(f ours.Function, of ...*string) []ours.AlarmSpec {
	name := f.Spec.Name
	alarms := []ours.AlarmSpec{
		{ID: "Errors-" + name, Means: "The function " + name + " returned an error or timed out.",
			Metric: ours.Metric("AWS/Lambda", "Errors", "Sum", of...), Above: 0},
		{ID: "Logged-" + name, Means: "The function " + name + " logged an error that a person must look at.",
			Metric: count(ours.NewLineCount(f.Logs, "Logged-"+name, `{ $.level = "ERROR" }`)), Above: 0},
	}
	if f.Spec.Patience > 0 { // one that is started more often than it can run is throttled every day
		return alarms
	}
	return append(alarms, ours.AlarmSpec{ID: "Throttles-" + name, Means: "The function " + name + " was throttled by its concurrency limit.",
		Metric: ours.Metric("AWS/Lambda", "Throttles", "Sum", of...), Above: 10})
}

func count(f interface {
	Metric(*awscloudwatch.MetricOptions) awscloudwatch.Metric
}) awscloudwatch.Metric {
	return f.Metric(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: awscdk.Duration_Minutes(jsii.Number(5))})
}
