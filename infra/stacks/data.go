package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	ours "rollcall/infra/constructs"
	"rollcall/shared/store/dynamo"
)

// Data is the stateful stack. Its resources are kept when the stack is deleted.
type Data struct {
	Stack   awscdk.Stack
	Key     awskms.Key // encrypts everything at rest
	Signing awskms.Key // signs the log
	Secrets awskms.Key // encrypts the secrets of webhooks
	Table   awsdynamodb.Table
	Archive awss3.Bucket
}

func newData(scope constructs.Construct, p Partition) Data {
	stack := awscdk.NewStack(scope, jsii.String(p.Name+"Data"), &awscdk.StackProps{
		Description:           jsii.String("Rollcall: the table, the keys and the archive of the log."),
		TerminationProtection: jsii.Bool(true),
	})
	key := ours.NewKey(stack)
	d := Data{
		Stack: stack, Key: key, Signing: ours.NewSigningKey(stack), Secrets: ours.NewSecretsKey(stack),
		Table: ours.NewTable(stack, key, dynamo.TableSpec()), Archive: ours.NewArchive(stack, key, p.ArchiveMonths),
	}
	output(stack, "TableName", "The table's name; needed to restore it.", d.Table.TableName())
	output(stack, "SigningKeyArn", "The key that signs the log; `aws kms get-public-key` returns what `rollcall verify` needs.",
		d.Signing.KeyArn())
	output(stack, "ArchiveName", "The archive of the log.", d.Archive.BucketName())
	return d
}

func output(stack awscdk.Stack, name, description string, value *string) {
	awscdk.NewCfnOutput(stack, jsii.String(name), &awscdk.CfnOutputProps{Value: value, Description: jsii.String(description)})
}
