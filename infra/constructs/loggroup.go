package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewLogGroup returns an encrypted log group that keeps its lines for a year. It is deleted with its stack: records that
// must outlive a deployment are in the table and the archive.
func NewLogGroup(scope constructs.Construct, id string, key awskms.IKey, name *string) awslogs.LogGroup {
	return awslogs.NewLogGroup(scope, jsii.String(id), &awslogs.LogGroupProps{
		LogGroupName: name, EncryptionKey: key, Retention: awslogs.RetentionDays_ONE_YEAR, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
}

// NewLineCount returns a metric filter that counts the lines of a log group that match a pattern.
func NewLineCount(group awslogs.LogGroup, id, pattern string) awslogs.MetricFilter {
	stack := awscdk.Stack_Of(group)
	return awslogs.NewMetricFilter(group, jsii.String(id), &awslogs.MetricFilterProps{
		LogGroup: group, FilterPattern: awslogs.FilterPattern_Literal(jsii.String(pattern)),
		MetricNamespace: awscdk.Fn_Join(jsii.String("/"), &[]*string{jsii.String("Rollcall"), stack.StackName()}),
		MetricName:      jsii.String(id), MetricValue: jsii.String("1"), DefaultValue: jsii.Number(0),
	})
}
