package constructs

import (
	"cmp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewAlarmTopic returns the encrypted topic of the alarms, with a subscription unless email is "".
func NewAlarmTopic(scope constructs.Construct, key awskms.IKey, email string) awssns.Topic {
	stack := awscdk.Stack_Of(scope)
	topic := awssns.NewTopic(scope, jsii.String("Alarms"), &awssns.TopicProps{MasterKey: key, EnforceSSL: jsii.Bool(true)})
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("Alarms"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"), Resources: &[]*string{topic.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
	}))
	if email != "" {
		awssns.NewSubscription(scope, jsii.String("AlarmEmail"), &awssns.SubscriptionProps{
			Topic: topic, Protocol: awssns.SubscriptionProtocol_EMAIL, Endpoint: jsii.String(email),
		})
	}
	return topic
}

// AlarmSpec describes one alarm. Its name is its id, which never contains the name of a tenant or person.
type AlarmSpec struct {
	ID, Means string
	Metric    awscloudwatch.IMetric
	Above     float64
	Periods   int // in a row; 0 is 1
}

// NewAlarm returns an alarm that notifies topic when the metric rises above its threshold and when it recovers. Missing
// data raises no alarm.
func NewAlarm(scope constructs.Construct, s AlarmSpec, topic awssns.ITopic) awscloudwatch.Alarm {
	a := awscloudwatch.NewAlarm(scope, jsii.String(s.ID), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(s.Means), Metric: s.Metric, Threshold: jsii.Number(s.Above),
		EvaluationPeriods:  jsii.Number(cmp.Or(s.Periods, 1)),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	notify := awscloudwatchactions.NewSnsAction(topic)
	a.AddAlarmAction(notify)
	a.AddOkAction(notify)
	return a
}

// Metric returns a metric with a period of five minutes. Dimensions alternate between name and value.
func Metric(namespace, name, statistic string, dimensions ...*string) awscloudwatch.Metric {
	of := map[string]*string{}
	for i := 0; i < len(dimensions); i += 2 {
		of[*dimensions[i]] = dimensions[i+1]
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(namespace), MetricName: jsii.String(name), Statistic: jsii.String(statistic),
		Period: awscdk.Duration_Minutes(jsii.Number(5)), DimensionsMap: &of,
	})
}
