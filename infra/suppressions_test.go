package main

import "regexp"

// suppression is a finding that stays, and why. where is of a construct's path (nag) or a resource's id in the template
// (the others); the stacks of GovCloud have the names of the commercial ones here.
type suppression struct {
	tool, rule string
	where      *regexp.Regexp
	reason     string
}

// suppressions is the whole list. One that suppresses nothing fails the tests.
var suppressions = []suppression{
	{"nag", "AwsSolutions-APIG4", re(`^/Rollcall/Api/Default/`),
		"every request is authenticated by its handler, on the provider's or key's own record, so that revocation is immediate (ADR 7)"},
	{"nag", "AwsSolutions-COG4", re(`^/Rollcall/Api/Default/`),
		"clients are Entra ID and administrators with bearer tokens of ours; there is no Cognito user pool they could be in"},
	{"nag", "AwsSolutions-APIG3", re(`^/Rollcall/Api/DeploymentStage`),
		"the stage's web ACL is in the stack RollcallFirewall, which TestFirewall holds to it"},
	{"nag", "NIST.800.53.R5-APIGWAssociatedWithWAF", re(`^/Rollcall/Api/DeploymentStage`),
		"the stage's web ACL is in the stack RollcallFirewall, which TestFirewall holds to it"},
	{"nag", "NIST.800.53.R5-APIGWCacheEnabledAndEncrypted", re(`^/Rollcall/Api/DeploymentStage`),
		"answers are people's data of one tenant and must be true at once: they are never cached"},
	{"nag", "NIST.800.53.R5-APIGWSSLEnabled", re(`^/Rollcall/Api/DeploymentStage`),
		"a client certificate is for HTTP back ends; ours are Lambda functions, called by IAM"},
	{"nag", "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
		re(`^/Rollcall/Api/CloudWatchRole`), "the account's one role for API Gateway's logs, with the policy that AWS keeps for it"},
	{"nag", "AwsSolutions-IAM5[Resource::*]", re(`^/Rollcall/\w+/Role/DefaultPolicy`),
		"X-Ray's PutTraceSegments and DynamoDB's ListStreams know no resource; TestFunctions allows no other action on *"},
	{"nag",
		"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/lambda/Rollcall-<function>:*]",
		re(`^/Rollcall/\w+/Role/DefaultPolicy`), "Lambda names the log streams itself; the statement is of the function's own log group"},
	{"nag", "NIST.800.53.R5-IAMNoInlinePolicy", re(`^/Rollcall/\w+/Role/DefaultPolicy`),
		"the policy is of one function's role alone and goes with it: a managed policy would invite sharing"},
	{"nag", "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/Rollcall/*]",
		re(`^/Rollcall/changes/Role/DefaultPolicy`),
		"a schedule is named after its due minute; the statement is of the deployment's own group of schedules"},
	{"nag", "NIST.800.53.R5-IAMNoInlinePolicy", re(`^/Rollcall/ScheduleRole/DefaultPolicy`),
		"the policy is of the one role that schedules have and goes with it: a managed policy would invite sharing"},
	{"nag", "AwsSolutions-IAM5[Resource::*]", re(`^/Rollcall/StateMachine-apply/Role/DefaultPolicy`),
		"delivery of logs and X-Ray's actions know no resource; TestFunctions allows no other action on *"},
	{"nag", "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:Rollcall-apply:*]",
		re(`^/Rollcall/StateMachine-apply/Role/DefaultPolicy`),
		"Step Functions names the executions of a distributed map itself; the statement is of the state machine's own"},
	{"nag", "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:Rollcall-apply/*]",
		re(`^/Rollcall/StateMachine-apply/Role/DefaultPolicy`),
		"Step Functions names the executions of a distributed map itself; the statement is of the state machine's own"},
	{"nag", "NIST.800.53.R5-IAMNoInlinePolicy", re(`^/Rollcall/StateMachine-apply/Role/DefaultPolicy`),
		"the policy is of the state machine's role alone and goes with it: a managed policy would invite sharing"},
	{"nag", "NIST.800.53.R5-LambdaDLQ", re(`^/Rollcall/\w+/Function`),
		"functions are called by API Gateway, which waits, by the table's stream or schedules, whose failures go to the queue " +
			"DeadLetters, or at a rate, when the next call does the same"},
	{"nag", "NIST.800.53.R5-LambdaInsideVPC", re(`^/Rollcall/\w+/Function`),
		"nothing they reach is in a VPC; every call goes to an AWS endpoint over TLS with IAM's permission"},
	{"nag", "AwsSolutions-SQS3", re(`^/Rollcall/DeadLetters`),
		"it is the dead-letter queue itself, of an event source that the rule does not look at"},
	{"nag", "NIST.800.53.R5-DynamoDBInBackupPlan", re(`^/RollcallData/Table`),
		"point-in-time recovery restores any second of the last 35 days; TestTable holds the table to it"},
	{"nag", "NIST.800.53.R5-S3BucketReplicationEnabled", re(`^/RollcallData/Archive`),
		"a deployment stays in its region (residency); objects are locked, and the table has them too"},
	{"checkov", "CKV_AWS_59", re(`^AWS::ApiGateway::Method\.Api`),
		"every request is authenticated by its handler, on the provider's or key's own record, so that revocation is immediate (ADR 7)"},
	{"checkov", "CKV_AWS_120", re(`^AWS::ApiGateway::Stage\.Api`),
		"answers are people's data of one tenant and must be true at once: they are never cached"},
	{"checkov", "CKV_AWS_116", re(`^AWS::Lambda::Function\.`),
		"functions are called by API Gateway, which waits, by the table's stream or schedules, whose failures go to the queue " +
			"DeadLetters, or at a rate, when the next call does the same"},
	{"checkov", "CKV_AWS_117", re(`^AWS::Lambda::Function\.`),
		"nothing they reach is in a VPC; every call goes to an AWS endpoint over TLS with IAM's permission"},
	{"checkov", "CKV_AWS_18", re(`^AWS::S3::Bucket\.ArchiveAccess`),
		"it is the bucket of the access logs itself; logging its own deliveries would never end"},
	{"nag", "NIST.800.53.R5-S3DefaultEncryptionKMS", re(`^/RollcallData/ArchiveAccess`),
		"S3 delivers server access logs only to buckets that are encrypted with its own keys"},
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }
