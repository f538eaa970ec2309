package constructs

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewDeadLetters returns the queue for events that failed after all attempts; it keeps them for two weeks.
func NewDeadLetters(scope constructs.Construct, key awskms.IKey) awssqs.Queue {
	return awssqs.NewQueue(scope, jsii.String("DeadLetters"), &awssqs.QueueProps{
		Encryption: awssqs.QueueEncryption_KMS, EncryptionMasterKey: key, EnforceSSL: jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
	})
}

// FollowStream passes f the records of a DynamoDB stream that match the filter, in order within a partition key. A
// failing batch is halved until the failing record is alone; that record is retried for 23 hours, of the 24 for which the
// stream keeps it, then a reference to it is sent to dead.
func FollowStream(f Function, stream *string, filter any, dead awssqs.Queue) {
	stack := awscdk.Stack_Of(f.Function)
	allow(f.Role, []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}, stream)
	allow(f.Role, []string{"dynamodb:ListStreams"}, jsii.String("*"))
	allow(f.Role, []string{"sqs:SendMessage", "sqs:GetQueueAttributes"}, dead.QueueArn())
	pattern, err := json.Marshal(filter)
	if err != nil {
		panic(err) // the filter is a constant of ours
	}
	m := awslambda.NewCfnEventSourceMapping(stack, jsii.String("Follow"), &awslambda.CfnEventSourceMappingProps{
		FunctionName: f.FunctionName(), EventSourceArn: stream, StartingPosition: jsii.String("TRIM_HORIZON"),
		BatchSize: jsii.Number(100), ParallelizationFactor: jsii.Number(10),
		BisectBatchOnFunctionError: true, FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
		MaximumRetryAttempts: jsii.Number(-1), MaximumRecordAgeInSeconds: jsii.Number(23 * 60 * 60),
		FilterCriteria:    map[string]any{"filters": []any{map[string]any{"pattern": string(pattern)}}},
		DestinationConfig: map[string]any{"onFailure": map[string]any{"destination": dead.QueueArn()}},
	})
	m.Node().AddDependency(f.Role.Node().FindChild(jsii.String("DefaultPolicy"))) // Lambda refuses a stream that the role cannot read
}
