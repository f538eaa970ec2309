package main

import "regexp"

// suppression is a finding that we accept, and the reason. where matches a construct's path (nag) or a resource's id in
// the template (the others); the names of the GovCloud stacks are replaced by those of the commercial stacks.
type suppression struct {
	tool, rule string
	where      *regexp.Regexp
	reason     string
}

// suppressions is the complete list. A suppression without a finding fails the tests.
var suppressions = []suppression{
	{"nag", "AwsSolutions-APIG4", re(`^/Rollcall/Api/Default/`),
		"every request is authenticated by its handler, on the provider's or key's own record, so that revocation is immediate (ADR 7)"},
	{"nag", "AwsSolutions-COG4", re(`^/Rollcall/Api/Default/`),
		"clients are Entra ID and administrators with our own bearer tokens; there is no Cognito user pool for them"},
	{"nag", "AwsSolutions-APIG3", re(`^/Rollcall/Api/DeploymentStage`),
		"the stage's web ACL is in the stack RollcallFirewall; TestFirewall checks it"},
	{"nag", "NIST.800.53.R5-APIGWAssociatedWithWAF", re(`^/Rollcall/Api/DeploymentStage`),
		"the stage's web ACL is in the stack RollcallFirewall; TestFirewall checks it"},
	{"nag", "NIST.800.53.R5-APIGWCacheEnabledAndEncrypted", re(`^/Rollcall/Api/DeploymentStage`),
		"responses are personal data of one tenant and must be current: they are never cached"},
	{"nag", "NIST.800.53.R5-APIGWSSLEnabled", re(`^/Rollcall/Api/DeploymentStage`),
		"a client certificate is for HTTP back ends; ours are Lambda functions, invoked through IAM"},
	{"nag", "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
		re(`^/Rollcall/Api/CloudWatchRole`), "the account's one role for API Gateway's logs, with the policy that AWS keeps for it"},
	{"nag", "AwsSolutions-IAM5[Resource::*]", re(`^/Rollcall/\w+/Role/DefaultPolicy`),
		"X-Ray's PutTraceSegments and DynamoDB's ListStreams accept no other resource; TestFunctions allows no other action on *"},
	{"nag",
		"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/lambda/Rollcall-<function>:*]",
		re(`^/Rollcall/\w+/Role/DefaultPolicy`),
		"Lambda names the log streams itself; the statement is limited to the function's own log group"},
	{"nag", "NIST.800.53.R5-IAMNoInlinePolicy", re(`^/Rollcall/\w+/Role/DefaultPolicy`),
		"the policy belongs to one function's role and is deleted with it: a managed policy would invite sharing"},
	{"nag", "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/Rollcall/*]",
		re(`^/Rollcall/changes/Role/DefaultPolicy`),
		"a schedule is named after its due minute; the statement is limited to the deployment's own schedule group"},
	{"nag", "NIST.800.53.R5-IAMNoInlinePolicy", re(`^/Rollcall/ScheduleRole/DefaultPolicy`),
		"the policy belongs to the one role of schedules and is deleted with it: a managed policy would invite sharing"},
	{"nag", "AwsSolutions-IAM5[Resource::*]", re(`^/Rollcall/StateMachine-\w+/Role/DefaultPolicy`),
		"the actions of log delivery and X-Ray accept no other resource; TestFunctions allows no other action on *"},
	{"nag", "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:Rollcall-apply:*]",
		re(`^/Rollcall/StateMachine-apply/Role/DefaultPolicy`),
		"Step Functions names the executions of a distributed map itself; the statement is limited to this state machine"},
	{"nag", "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:Rollcall-apply/*]",
		re(`^/Rollcall/StateMachine-apply/Role/DefaultPolicy`),
		"Step Functions names the executions of a distributed map itself; the statement is limited to this state machine"},
	{"nag", "NIST.800.53.R5-IAMNoInlinePolicy", re(`^/Rollcall/StateMachine-\w+/Role/DefaultPolicy`),
		"the policy belongs to the state machine's role and is deleted with it: a managed policy would invite sharing"},
	{"nag", "NIST.800.53.R5-LambdaDLQ", re(`^/Rollcall/\w+/Function`),
		"functions are invoked by API Gateway, which waits, by the stream or schedules, whose failures are sent to the queue " +
			"DeadLetters, or at a rate, where the next invocation does the same work"},
	{"nag", "NIST.800.53.R5-LambdaInsideVPC", re(`^/Rollcall/\w+/Function`),
		"they use nothing inside a VPC; every call goes to an AWS endpoint over TLS and is authorized by IAM"},
	{"nag", "AwsSolutions-SQS3", re(`^/Rollcall/DeadLetters`),
		"it is itself the dead-letter queue of an event source, which the rule does not consider"},
	{"nag", "NIST.800.53.R5-DynamoDBInBackupPlan", re(`^/RollcallData/Table`),
		"point-in-time recovery restores any second of the last 35 days; TestTable holds the table to it"},
	{"nag", "NIST.800.53.R5-S3BucketReplicationEnabled", re(`^/RollcallData/Archive`),
		"a deployment keeps its data in its region (residency); objects are locked, and the table has the same entries"},
	{"checkov", "CKV_AWS_59", re(`^AWS::ApiGateway::Method\.Api`),
		"every request is authenticated by its handler, on the provider's or key's own record, so that revocation is immediate (ADR 7)"},
	{"checkov", "CKV_AWS_120", re(`^AWS::ApiGateway::Stage\.Api`),
		"responses are personal data of one tenant and must be current: they are never cached"},
	{"checkov", "CKV_AWS_116", re(`^AWS::Lambda::Function\.`),
		"functions are invoked by API Gateway, which waits, by the stream or schedules, whose failures are sent to the queue " +
			"DeadLetters, or at a rate, where the next invocation does the same work"},
	{"checkov", "CKV_AWS_117", re(`^AWS::Lambda::Function\.`),
		"they use nothing inside a VPC; every call goes to an AWS endpoint over TLS and is authorized by IAM"},
	{"checkov", "CKV_AWS_18", re(`^AWS::S3::Bucket\.ArchiveAccess`),
		"it is itself the bucket of the access logs; logging its own deliveries would never end"},
	{"nag", "NIST.800.53.R5-S3DefaultEncryptionKMS", re(`^/RollcallData/ArchiveAccess`),
		"S3 delivers server access logs only to buckets that are encrypted with its own keys"},
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }
