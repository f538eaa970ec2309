package constructs

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// Stage is the one stage of the API, and so the first segment of its own URL.
const Stage = "live"

// API is a Regional REST API: the gateway that has a firewall, and error answers we can word.
type API struct {
	awsapigateway.RestApi
	Access    awslogs.LogGroup
	resources []node
}

// node is a resource that was made, by its path.
type node struct {
	path     string
	resource awsapigateway.IResource
}

// APIOptions are the choices of an API.
type APIOptions struct {
	Key       awskms.IKey
	OwnDomain bool // the API is reached under a domain of its own only
	LogRole   bool // set the account's role for the logs of all its APIs
}

// NewAPI returns an API without routes. Its access log holds no query and no header; the log of its own errors no body.
func NewAPI(scope constructs.Construct, o APIOptions) *API {
	stack := awscdk.Stack_Of(scope)
	access := NewLogGroup(scope, "AccessLogs", o.Key, nil)
	a := &API{Access: access, RestApi: awsapigateway.NewRestApi(scope, jsii.String("Api"), &awsapigateway.RestApiProps{
		RestApiName: stack.StackName(), Description: jsii.String("Rollcall: SCIM 2.0 and the admin API."),
		EndpointTypes:             &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		DisableExecuteApiEndpoint: jsii.Bool(o.OwnDomain),
		CloudWatchRole:            jsii.Bool(o.LogRole), CloudWatchRoleRemovalPolicy: roleRemoval(o.LogRole),
		DeployOptions: &awsapigateway.StageOptions{
			StageName: jsii.String(Stage), TracingEnabled: jsii.Bool(true), MetricsEnabled: jsii.Bool(true),
			LoggingLevel: awsapigateway.MethodLoggingLevel_ERROR, DataTraceEnabled: jsii.Bool(false),
			// A cell is made for 5,000 requests a second (ADR 8).
			ThrottlingRateLimit: jsii.Number(5000), ThrottlingBurstLimit: jsii.Number(2500),
			AccessLogDestination: awsapigateway.NewLogGroupLogDestination(access),
			AccessLogFormat:      awsapigateway.AccessLogFormat_Custom(jsii.String(accessLine())),
		},
	})}
	a.Node().TryRemoveChild(jsii.String("Endpoint")) // an output that is not the public URL
	// API Gateway makes this group itself unless it is there before the stage: so it is ours, encrypted and with an end.
	own := NewLogGroup(scope, "GatewayLogs", o.Key, awscdk.Fn_Join(jsii.String(""), &[]*string{
		jsii.String("API-Gateway-Execution-Logs_"), a.RestApiId(), jsii.String("/" + Stage),
	}))
	a.DeploymentStage().Node().AddDependency(own)
	a.AddRequestValidator(jsii.String("Validator"),
		&awsapigateway.RequestValidatorOptions{ValidateRequestParameters: jsii.Bool(true), ValidateRequestBody: jsii.Bool(true)})
	a.wordErrors()
	return a
}

func roleRemoval(made bool) awscdk.RemovalPolicy {
	if made {
		return awscdk.RemovalPolicy_RETAIN // other APIs of the account may write their logs with it
	}
	return ""
}

// accessLine is a line of the access log: what, when, from where, and how it went.
func accessLine() string {
	fields := []string{
		"requestId", "requestTime", "httpMethod", "resourcePath", "status", "responseLength", "responseLatency",
		"integrationLatency", "identity.sourceIp", "identity.userAgent", "error.responseType", "waf.status", "xrayTraceId",
	}
	var b strings.Builder
	for i, f := range fields {
		b.WriteString(string("{,"[min(i, 1)]))
		name, _ := json.Marshal(f[strings.LastIndex(f, ".")+1:])
		if f == "waf.status" {
			name = []byte(`"wafStatus"`)
		}
		b.Write(name)
		b.WriteString(`:"$context.` + f + `"`)
	}
	return b.String() + "}"
}

// Serve lets f answer every method of a path; the function knows itself which it has.
func (a *API) Serve(path string, f Function) {
	a.at(path).AddMethod(jsii.String("ANY"), awsapigateway.NewLambdaIntegration(f.Function, &awsapigateway.LambdaIntegrationOptions{
		ScopePermissionToMethod: jsii.Bool(false), // a statement for each method would not fit the function's policy
	}), &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE})
}

// at returns the resource of a path, made with those above it.
func (a *API) at(path string) awsapigateway.IResource {
	if path == "" {
		return a.Root()
	}
	for _, n := range a.resources {
		if n.path == path {
			return n.resource
		}
	}
	i := strings.LastIndex(path, "/")
	r := a.at(path[:i]).AddResource(jsii.String(path[i+1:]), nil)
	a.resources = append(a.resources, node{path, r})
	return r
}

// NewDomain gives the API a host name of its own, with TLS 1.2 or newer.
func NewDomain(a *API, host, certificate string) awsapigateway.CfnDomainName {
	stack := awscdk.Stack_Of(a.RestApi)
	d := awsapigateway.NewCfnDomainName(stack, jsii.String("Domain"), &awsapigateway.CfnDomainNameProps{
		DomainName: jsii.String(host), RegionalCertificateArn: jsii.String(certificate), SecurityPolicy: jsii.String("TLS_1_2"),
		EndpointConfiguration: map[string]any{"types": []string{"REGIONAL"}},
	})
	m := awsapigateway.NewCfnBasePathMapping(stack, jsii.String("DomainMapping"), &awsapigateway.CfnBasePathMappingProps{
		DomainName: d.Ref(), RestApiId: a.RestApiId(), Stage: a.DeploymentStage().StageName(),
	})
	m.Node().AddDependency(a.DeploymentStage())
	return d
}
