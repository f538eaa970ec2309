package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/infra/stacks"
	"rollcall/shared/app"
	"rollcall/shared/scimapi"
	"rollcall/shared/store/dynamo"
)

// eachPartition runs a test on the stacks of each partition.
func eachPartition(t *testing.T, test func(t *testing.T, data, service, firewall template)) {
	t.Helper()
	for _, p := range partitions() {
		t.Run(p.Name, func(t *testing.T) {
			test(t, made.stack[p.Name+"Data"], made.stack[p.Name], made.stack[p.Name+"Firewall"])
		})
	}
}

// want fails the test unless the property has the value, written as JSON.
func want(t *testing.T, r resource, value string, path ...string) {
	t.Helper()
	if got := at(r.Properties, path...); got != value {
		t.Errorf("%s: %s is %s, want %s", r.Type, strings.Join(path, "."), got, value)
	}
}

func TestTable(t *testing.T) {
	eachPartition(t, func(t *testing.T, data, _, _ template) {
		table := data.the(t, "AWS::DynamoDB::Table")
		spec := dynamo.TableSpec()
		want(t, table, `"PAY_PER_REQUEST"`, "BillingMode")
		want(t, table, `true`, "DeletionProtectionEnabled")
		want(t, table, `true`, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")
		want(t, table, `"KMS"`, "SSESpecification", "SSEType")
		want(t, table, `"`+spec.Stream+`"`, "StreamSpecification", "StreamViewType")
		want(t, table, `{"AttributeName":"`+spec.TTL+`","Enabled":true}`, "TimeToLiveSpecification")
		indexes := at(table.Properties, "GlobalSecondaryIndexes")
		for _, i := range spec.Indexes {
			if !strings.Contains(indexes, `"IndexName":"`+i.Name+`"`) ||
				strings.Count(indexes, `"ProjectionType":"KEYS_ONLY"`) != len(spec.Indexes) {
				t.Errorf("index %s is not as described: %s", i.Name, indexes)
			}
		}
		if at(table.Properties,
			"KeySchema") != `[{"AttributeName":"`+spec.PartitionKey+`","KeyType":"HASH"},{"AttributeName":"`+spec.SortKey+`","KeyType":"RANGE"}]` {
			t.Errorf("the key is %s", at(table.Properties, "KeySchema"))
		}
	})
}

// TestDataIsKept: the resources of the stateful stack are kept when it is deleted.
func TestDataIsKept(t *testing.T) {
	eachPartition(t, func(t *testing.T, data, _, _ template) {
		for id, r := range data.Resources {
			kept := r.DeletionPolicy == "Retain" && r.UpdateReplacePolicy == "Retain"
			if !kept && r.Type != "AWS::S3::BucketPolicy" {
				t.Errorf("%s %s is deleted with its stack", r.Type, id)
			}
		}
	})
}

// TestKeys: one key encrypts the data at rest, one signs the log, one encrypts the secrets of webhooks. Each function may
// use only the keys it needs, only for what it needs, and knows no other key.
func TestKeys(t *testing.T) {
	eachPartition(t, func(t *testing.T, data, service, _ template) {
		keys := data.of("AWS::KMS::Key")
		if len(keys) != 3 {
			t.Errorf("there are %d keys", len(keys))
		}
		purpose := map[string]string{} // logical id to the purpose of the key
		for id, key := range keys {
			policy := at(key.Properties, "KeyPolicy")
			switch {
			case strings.HasPrefix(id, "SigningKey"):
				want(t, key, `"ECC_NIST_P256"`, "KeySpec")
				want(t, key, `"SIGN_VERIFY"`, "KeyUsage")
			case strings.HasPrefix(id, "SecretsKey"):
				want(t, key, `true`, "EnableKeyRotation")
			default:
				want(t, key, `true`, "EnableKeyRotation")
				if !strings.Contains(policy, `["logs",{"Ref":"AWS::Region"},"amazonaws.com"]`) {
					t.Errorf("CloudWatch Logs, whose principal has the region in it, may not use the key: %s", policy)
				}
				continue
			}
			if strings.Contains(policy, `"Service"`) {
				t.Errorf("a service of AWS may use %s: %s", id, policy)
			}
			purpose[id] = strings.TrimSuffix(id[:len("SigningKey")], "Key")
		}
		may := map[string]string{}
		for id, p := range service.of("AWS::IAM::Policy") {
			function, _, _ := strings.Cut(id, "Role")
			document, _ := p.Properties["PolicyDocument"].(map[string]any)
			statements, _ := document["Statement"].([]any)
			for _, s := range statements {
				for key, name := range purpose {
					if on := at(s, "Resource"); strings.Contains(on, key) {
						may[function+" "+name] = at(s, "Action")
					}
				}
			}
		}
		if want := map[string]string{
			"admin Signing": `["kms:GetPublicKey","kms:Sign"]`, "jobs Signing": `["kms:GetPublicKey","kms:Sign"]`,
			"admin Secrets": `"kms:Encrypt"`, "deliver Secrets": `"kms:Decrypt"`,
		}; !maps.Equal(may, want) {
			t.Errorf("functions may %v, want %v", may, want)
		}
		for _, f := range service.of("AWS::Lambda::Function") {
			name := strings.TrimPrefix(f.Properties["Description"].(string), "Rollcall: ")
			for variable, key := range map[string]string{app.EnvSigningKey: "Signing", app.EnvSecretsKey: "Secrets"} {
				given := strings.Contains(at(f.Properties, "Environment", "Variables", variable), key+"Key")
				if used := may[name+" "+key] != ""; given != used {
					t.Errorf("%s knows the key %s: %v, and may use it: %v", name, key, given, used)
				}
			}
		}
	})
}

// TestStateMachines: each has a log and traces, and may call the function of its steps and no other. Only the function that
// follows the log starts that of apply runs, and only the one of jobs that of tasks, which starts nothing itself.
func TestStateMachines(t *testing.T) {
	eachPartition(t, func(t *testing.T, _, service, _ template) {
		policies := service.of("AWS::IAM::Policy")
		found := map[string]bool{}
		for id, m := range service.of("AWS::StepFunctions::StateMachine") {
			_, purpose, _ := strings.Cut(m.Properties["StateMachineName"].(string), "-")
			found[purpose] = true
			of, ok := map[string]struct{ steps, starter, variable string }{
				"apply": {"apply", "changes", app.EnvApply}, "tasks": {"jobs", "jobs", app.EnvCarrier},
			}[purpose]
			if !ok {
				t.Fatalf("the state machine %s is unknown", id)
			}
			want(t, m, `"STANDARD"`, "StateMachineType")
			want(t, m, `{"Enabled":true}`, "TracingConfiguration")
			want(t, m, `"ALL"`, "LoggingConfiguration", "Level")
			want(t, m, `false`, "LoggingConfiguration", "IncludeExecutionData")
			definition := at(m.Properties, "DefinitionString")
			if !strings.Contains(definition, `["`+of.steps+`Function`) || !strings.Contains(definition, `{"Ref":"AWS::Partition"}`) ||
				strings.Contains(definition, "${") {
				t.Errorf("its definition is %s", definition)
			}
			suffix := ":stateMachine:" + m.Properties["StateMachineName"].(string) + `"]]}`
			for _, f := range service.of("AWS::Lambda::Function") {
				arn := at(f.Properties, "Environment", "Variables", of.variable)
				if starts := f.Properties["Description"] == "Rollcall: "+of.starter; strings.HasSuffix(arn, suffix) != starts {
					t.Errorf("%s starts %q, the state machine is %s", f.Properties["Description"], arn, purpose)
				}
			}
			for id, p := range policies {
				document := at(p.Properties, "PolicyDocument")
				itself := strings.HasPrefix(id, "StateMachine"+purpose)
				starts := strings.HasPrefix(id, of.starter+"Role") || itself && purpose == "apply"
				if got := strings.Contains(document, `"states:StartExecution"`) && strings.Contains(document, suffix); got != starts {
					t.Errorf("%s may start %s: %v", id, purpose, got)
				}
				if itself && strings.Count(document, `"lambda:InvokeFunction","Effect":"Allow","Resource":{"Fn::GetAtt":["`+of.steps+`Function`) !=
					strings.Count(document, "lambda:") {
					t.Errorf("%s may call other functions: %s", purpose, document)
				}
			}
		}
		if len(found) != 2 {
			t.Errorf("found %v", found)
		}
	})
}

func TestArchive(t *testing.T) {
	for _, p := range partitions() {
		locked := 0
		for _, bucket := range made.stack[p.Name+"Data"].of("AWS::S3::Bucket") {
			want(t, bucket, `{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}`,
				"PublicAccessBlockConfiguration")
			want(t, bucket, `{"Status":"Enabled"}`, "VersioningConfiguration")
			if at(bucket.Properties, "ObjectLockEnabled") == "true" {
				locked++
				if r := at(bucket.Properties, "ObjectLockConfiguration", "Rule", "DefaultRetention"); !strings.Contains(r, `"Mode":"COMPLIANCE"`) {
					t.Errorf("%s: objects are kept by %s", p.Name, r)
				}
			}
		}
		if locked != 1 {
			t.Errorf("%s: %d buckets are locked, want the archive", p.Name, locked)
		}
	}
}

// TestFunctions: there is one for each folder, each with a role of its own, which has only the permissions it needs.
func TestFunctions(t *testing.T) {
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, m := range mains {
		folders = append(folders, filepath.Base(filepath.Dir(m)))
	}
	if declared := slices.Sorted(slices.Values(stacks.FunctionNames())); !slices.Equal(declared, folders) {
		t.Fatalf("stacks/functions.go declares %v, functions/ has %v", declared, folders)
	}
	eachPartition(t, func(t *testing.T, _, service, _ template) {
		roles := map[string]bool{}
		for _, f := range service.of("AWS::Lambda::Function") {
			roles[at(f.Properties, "Role")] = true
			want(t, f, `"provided.al2023"`, "Runtime")
			want(t, f, `["arm64"]`, "Architectures")
			want(t, f, `{"Mode":"Active"}`, "TracingConfig")
			for _, p := range []string{"KmsKeyArn", "ReservedConcurrentExecutions"} {
				if at(f.Properties, p) == "" {
					t.Errorf("%s has no %s", at(f.Properties, "Description"), p)
				}
			}
		}
		if len(roles) != len(folders) {
			t.Errorf("%d functions have %d roles", len(folders), len(roles))
		}
		for id, p := range service.of("AWS::IAM::Policy") {
			checkPolicy(t, id, p)
		}
	})
}

var anyResource = []string{
	"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets", "dynamodb:ListStreams",
	"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
	"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
}

func checkPolicy(t *testing.T, id string, p resource) {
	t.Helper()
	document, _ := p.Properties["PolicyDocument"].(map[string]any)
	statements, _ := document["Statement"].([]any)
	if len(statements) == 0 {
		t.Errorf("%s has no statement", id)
	}
	for _, s := range statements {
		m, _ := s.(map[string]any)
		actions, ok := m["Action"].([]any)
		if !ok {
			actions = []any{m["Action"]}
		}
		for _, a := range actions {
			name, _ := a.(string)
			if strings.Contains(name, "*") || name == "dynamodb:DeleteTable" || name == "dynamodb:Scan" && !strings.HasPrefix(id, "jobs") {
				t.Errorf("%s allows %s", id, name)
			}
			if m["Resource"] == "*" && !slices.Contains(anyResource, name) {
				t.Errorf("%s allows %s on everything", id, name)
			}
		}
	}
	readOnly := strings.HasPrefix(id, "discovery") || strings.HasPrefix(id, "ScheduleRole") || strings.HasPrefix(id, "StateMachine")
	if writes := strings.Contains(at(p.Properties, "PolicyDocument"), "dynamodb:PutItem"); writes == readOnly {
		t.Errorf("%s may write: %v", id, writes)
	}
}

// TestRoutes: each path of the handlers' route tables is a path of the API and leads to the function that serves it.
func TestRoutes(t *testing.T) {
	eachPartition(t, func(t *testing.T, _, service, _ template) {
		want(t, service.the(t, "AWS::ApiGateway::RestApi"), `["REGIONAL"]`, "EndpointConfiguration", "Types")
		resources := service.of("AWS::ApiGateway::Resource")
		paths := map[string]string{} // path to the id of its resource
		for id := range resources {
			path, at := "", id
			for at != "" {
				r := resources[at]
				path = "/" + r.Properties["PathPart"].(string) + path
				parent, _ := r.Properties["ParentId"].(map[string]any)
				at, _ = parent["Ref"].(string)
			}
			paths[path] = id
		}
		answers := map[string]string{} // id of a resource to its integration
		for _, m := range service.of("AWS::ApiGateway::Method") {
			want(t, m, `"ANY"`, "HttpMethod")
			ref, _ := m.Properties["ResourceId"].(map[string]any)
			id, _ := ref["Ref"].(string)
			answers[id] = at(m.Properties, "Integration", "Uri")
		}
		for _, r := range scimapi.Routes() {
			path := scimapi.BasePath + "{providerId}" + r.Path
			if uri := answers[paths[path]]; !strings.Contains(uri, `["`+r.Function+`Function`) {
				t.Errorf("%s is answered by %q, want the function %s", path, uri, r.Function)
			}
		}
		for path, function := range map[string]string{"/api/v1/{proxy+}": "admin", "/scim/v2/{providerId}/{proxy+}": "bulk"} {
			if uri := answers[paths[path]]; !strings.Contains(uri, `["`+function+`Function`) {
				t.Errorf("%s is answered by %q, want the function %s", path, uri, function)
			}
		}
	})
}

// TestGatewayErrors: the gateway's own errors are SCIM errors with their status and, where a retry helps, Retry-After.
func TestGatewayErrors(t *testing.T) {
	body := regexp.MustCompile(`^\{"schemas":\["urn:ietf:params:scim:api:messages:2\.0:Error"\],"status":"(\d{3})","detail":"[^"]+"\}$`)
	eachPartition(t, func(t *testing.T, _, service, _ template) {
		kinds := map[string]string{}
		for _, r := range service.of("AWS::ApiGateway::GatewayResponse") {
			kind, _ := r.Properties["ResponseType"].(string)
			status, _ := r.Properties["StatusCode"].(string)
			kinds[kind] = status
			want(t, r, `"'application/scim+json'"`, "ResponseParameters", "gatewayresponse.header.Content-Type")
			want(t, r, `"'no-store'"`, "ResponseParameters", "gatewayresponse.header.Cache-Control")
			want(t, r, `"'nosniff'"`, "ResponseParameters", "gatewayresponse.header.X-Content-Type-Options")
			templates, _ := r.Properties["ResponseTemplates"].(map[string]any)
			text, _ := templates["application/json"].(string)
			if m := body.FindStringSubmatch(text); m == nil || m[1] != status {
				t.Errorf("%s, status %s: %s", kind, status, text)
			}
			waits := at(r.Properties, "ResponseParameters", "gatewayresponse.header.Retry-After") != ""
			if due := status == "429" || status[0] == '5'; waits != due {
				t.Errorf("%s, status %s: Retry-After %v", kind, status, waits)
			}
		}
		for kind, status := range map[string]string{
			"UNAUTHORIZED": "401", "ACCESS_DENIED": "403", "WAF_FILTERED": "403", "MISSING_AUTHENTICATION_TOKEN": "404", "REQUEST_TOO_LARGE": "413",
			"THROTTLED": "429", "DEFAULT_4XX": "400", "DEFAULT_5XX": "500", "INTEGRATION_FAILURE": "503", "INTEGRATION_TIMEOUT": "503",
		} {
			if kinds[kind] != status {
				t.Errorf("%s is %q, want %s", kind, kinds[kind], status)
			}
		}
	})
}

func TestStream(t *testing.T) {
	eachPartition(t, func(t *testing.T, _, service, _ template) {
		m := service.the(t, "AWS::Lambda::EventSourceMapping")
		want(t, m, `true`, "BisectBatchOnFunctionError")
		want(t, m, `["ReportBatchItemFailures"]`, "FunctionResponseTypes")
		want(t, m, `[{"Pattern":"{\"dynamodb\":{\"NewImage\":{\"e\":{\"S\":[{\"exists\":true}]}}},\"eventName\":[\"INSERT\"]}"}]`,
			"FilterCriteria", "Filters")
		if at(m.Properties, "DestinationConfig", "OnFailure", "Destination") == "" || at(m.Properties, "MaximumRetryAttempts") == "" {
			t.Error("a record that cannot be processed blocks its shard")
		}
		queue := service.the(t, "AWS::SQS::Queue")
		if at(queue.Properties, "KmsMasterKeyId") == "" {
			t.Error("the dead-letter queue is not encrypted with our key")
		}
	})
}

// TestLogs: every log group, including those of the gateway and the state machines, is encrypted and keeps its lines for a year.
func TestLogs(t *testing.T) {
	eachPartition(t, func(t *testing.T, _, service, firewall template) {
		groups := service.of("AWS::Logs::LogGroup")
		if wanted := len(stacks.FunctionNames()) + 4; len(groups) != wanted {
			t.Errorf("%d log groups, want %d", len(groups), wanted)
		}
		groups["firewall"] = firewall.the(t, "AWS::Logs::LogGroup")
		for id, g := range groups {
			want(t, g, `365`, "RetentionInDays")
			if at(g.Properties, "KmsKeyId") == "" {
				t.Errorf("%s is not encrypted with our key", id)
			}
		}
		for _, s := range service.of("AWS::ApiGateway::Stage") {
			line := at(s.Properties, "AccessLogSetting", "Format")
			if !strings.Contains(line, "$context.status") || strings.Contains(line, "$context.path") || strings.Contains(line, "querystring") {
				t.Errorf("a line of the access log is %s", line)
			}
			if all := at(s.Properties, "MethodSettings"); !strings.Contains(all, `"DataTraceEnabled":false`) {
				t.Errorf("bodies may be logged: %s", all)
			}
		}
	})
}

// TestFirewall: the web ACL protects the stage, writes a log without tokens and filters, and refuses no request because
// of a person's name.
func TestFirewall(t *testing.T) {
	eachPartition(t, func(t *testing.T, _, _, firewall template) {
		acl := firewall.the(t, "AWS::WAFv2::WebACL")
		want(t, acl, `"REGIONAL"`, "Scope")
		rules := at(acl.Properties, "Rules")
		for _, group := range []string{"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet",
			"AWSManagedRulesCommonRuleSet", `"AggregateKeyType":"IP"`} {
			if !strings.Contains(rules, group) {
				t.Errorf("there is no rule %s", group)
			}
		}
		if !strings.Contains(rules, `{"ActionToUse":{"Count":{}},"Name":"SizeRestrictions_BODY"}`) {
			t.Error("bodies over 8 KB are refused: a group with its members is larger")
		}
		on := firewall.the(t, "AWS::WAFv2::WebACLAssociation")
		if !strings.Contains(at(on.Properties, "ResourceArn"), "/stages/") {
			t.Errorf("it protects %s", at(on.Properties, "ResourceArn"))
		}
		if hidden := at(firewall.the(t, "AWS::WAFv2::LoggingConfiguration").Properties, "RedactedFields"); !strings.Contains(hidden,
			"authorization") || !strings.Contains(hidden, "QueryString") {
			t.Errorf("the log hides %s", hidden)
		}
	})
}

// TestAlarms: every alarm notifies the topic and has an answer in docs/operations.md.
func TestAlarms(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^### `([A-Za-z]+)`").FindAllSubmatch(text, -1) {
		documented[string(m[1])] = true
	}
	used := map[string]bool{}
	eachPartition(t, func(t *testing.T, _, service, _ template) {
		for id, a := range service.of("AWS::CloudWatch::Alarm") {
			path, _ := a.Metadata["aws:cdk:path"].(string)
			name, _, _ := strings.Cut(strings.Split(path, "/")[2], "-")
			used[name] = true
			if !documented[name] {
				t.Errorf("docs/operations.md has no answer to %s", name)
			}
			if at(a.Properties, "AlarmActions") == "" || at(a.Properties, "OKActions") == "" || at(a.Properties, "AlarmDescription") == "" {
				t.Errorf("%s has no action or no description", id)
			}
			want(t, a, `"notBreaching"`, "TreatMissingData")
		}
		topic := service.the(t, "AWS::SNS::Topic")
		if at(topic.Properties, "KmsMasterKeyId") == "" {
			t.Error("the topic is not encrypted")
		}
	})
	for name := range documented {
		if !used[name] {
			t.Errorf("docs/operations.md answers %s, which is no alarm", name)
		}
	}
}

// TestSchedules: only their services, on behalf of this account, may assume the roles of wake-ups and the state machine.
func TestSchedules(t *testing.T) {
	eachPartition(t, func(t *testing.T, _, service, _ template) {
		service.the(t, "AWS::Scheduler::ScheduleGroup")
		service.the(t, "AWS::Events::EventBus")
		for _, r := range service.of("AWS::IAM::Role") {
			trust := at(r.Properties, "AssumeRolePolicyDocument")
			for _, by := range []string{"scheduler.amazonaws.com", "states.amazonaws.com"} {
				if strings.Contains(trust, by) && !strings.Contains(trust, `"aws:SourceAccount":{"Ref":"AWS::AccountId"}`) {
					t.Errorf("%s may assume it for any account: %s", by, trust)
				}
			}
		}
	})
}
