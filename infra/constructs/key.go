// Package constructs holds the building blocks of the stacks, a file for each capability. A construct decides how a
// resource is secured (encryption, least privilege, retention); the stacks decide which resources exist.
package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewKey returns the key that encrypts a deployment's data at rest. It is rotated every year and kept when its stack is
// deleted. In addition to the account's own roles, CloudWatch Logs may use it for the account's log groups, and
// CloudWatch to send alarms to an encrypted topic.
func NewKey(scope constructs.Construct) awskms.Key {
	stack := awscdk.Stack_Of(scope)
	key := awskms.NewKey(scope, jsii.String("Key"), &awskms.KeyProps{
		Description:       jsii.String("Rollcall: table, archive, logs, queue, topic, environment of the functions."),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
	})
	groups := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: jsii.String("*"),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	// CloudWatch Logs has one principal for each region, with the same form of name in every partition.
	logs := awscdk.Fn_Join(jsii.String("."), &[]*string{jsii.String("logs"), stack.Region(), jsii.String("amazonaws.com")})
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("Logs"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(logs, nil)},
		Actions:    jsii.Strings("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"),
		Resources:  jsii.Strings("*"),
		Conditions: &map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": groups}},
	}), nil)
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("Alarms"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"),
		Resources:  jsii.Strings("*"),
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
	}), nil)
	return key
}

// NewSigningKey returns the key that signs the log. Its private half never leaves KMS. It cannot be rotated: signatures
// are verified with its public half for as long as the log is kept. It is kept when its stack is deleted.
func NewSigningKey(scope constructs.Construct) awskms.Key {
	return awskms.NewKey(scope, jsii.String("SigningKey"), &awskms.KeyProps{
		Description: jsii.String("Rollcall: signs the checkpoints and exports of its log."),
		KeySpec:     awskms.KeySpec_ECC_NIST_P256, KeyUsage: awskms.KeyUsage_SIGN_VERIFY,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
}

// NewSecretsKey returns the key that encrypts the secrets of webhooks within the table, which is itself encrypted: read
// access to the table does not reveal them. It is rotated every year and kept when its stack is deleted.
func NewSecretsKey(scope constructs.Construct) awskms.Key {
	return awskms.NewKey(scope, jsii.String("SecretsKey"), &awskms.KeyProps{
		Description:       jsii.String("Rollcall: encrypts the secrets of webhooks."),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
	})
}
