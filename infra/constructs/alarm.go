package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewAlarmTopic returns the encrypted topic that alarms go to, with a subscription when email is not "".
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

// AlarmSpec is one alarm. Its name is its id: no name of a tenant or person is ever in it.
type AlarmSpec struct {
	ID, Means string
	Metric    awscloudwatch.IMetric
	Above     float64
	Periods   int // in a row; 0 is 1
}

// NewAlarm returns an alarm that tells topic when the metric is above its threshold, and when it is well again. No data
// is no alarm.
func NewAlarm(scope constructs.Construct, s AlarmSpec, topic awssns.ITopic) awscloudwatch.Alarm {
	a := awscloudwatch.NewAlarm(scope, jsii.String(s.ID), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(s.Means), Metric: s.Metric, Threshold: jsii.Number(s.Above),
		EvaluationPeriods:  jsii.Number(or(s.Periods, 1)),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	tell := awscloudwatchactions.NewSnsAction(topic)
	a.AddAlarmAction(tell)
	a.AddOkAction(tell)
	return a
}

// Metric returns a metric of five minutes. Dimensions are name, value, name, value ...
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
