package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"rollcall/shared/store/dynamo"
)

// NewTable returns the table that the store describes: on demand, encrypted with key, restorable to any second of the
// last 35 days, protected from deletion, and kept when its stack is deleted. It is not a global table: with a key of
// ours, the template of a global table would name its region, and a cell lives in one region (ADR 8).
func NewTable(scope constructs.Construct, key awskms.IKey, spec dynamo.Spec) awsdynamodb.Table {
	text := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	table := awsdynamodb.NewTable(scope, jsii.String("Table"), &awsdynamodb.TableProps{
		PartitionKey: text(spec.PartitionKey), SortKey: text(spec.SortKey),
		TimeToLiveAttribute:              jsii.String(spec.TTL),
		Stream:                           awsdynamodb.StreamViewType(spec.Stream),
		BillingMode:                      awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:                       awsdynamodb.TableEncryption_CUSTOMER_MANAGED,
		EncryptionKey:                    key,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)},
		DeletionProtection:               jsii.Bool(true),
		RemovalPolicy:                    awscdk.RemovalPolicy_RETAIN,
	})
	for _, i := range spec.Indexes {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: jsii.String(i.Name), PartitionKey: text(i.PartitionKey), SortKey: text(i.SortKey),
			ProjectionType: awsdynamodb.ProjectionType(i.Projection),
		})
	}
	return table
}
