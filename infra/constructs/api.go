package constructs

import (
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

// API is a Regional REST API: the kind of gateway that supports a firewall and error texts of our own.
type API struct {
	awsapigateway.RestApi
	Access    awslogs.LogGroup
	resources []node
}

// node is a resource of the API and its path.
type node struct {
	path     string
	resource awsapigateway.IResource
}

// APIOptions are the choices of an API.
type APIOptions struct {
	Key       awskms.IKey
	OwnDomain bool // the API is reachable only under a domain of its own
	LogRole   bool // set the account's role for the logs of all its APIs
}

// NewAPI returns an API without routes. Its access log contains no query and no header, its error log no body.
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
			// A cell is designed for 5,000 requests a second (ADR 8).
			ThrottlingRateLimit: jsii.Number(5000), ThrottlingBurstLimit: jsii.Number(2500),
			AccessLogDestination: awsapigateway.NewLogGroupLogDestination(access),
			AccessLogFormat:      awsapigateway.AccessLogFormat_Custom(jsii.String(accessLine())),
		},
	})}
	a.Node().TryRemoveChild(jsii.String("Endpoint")) // an output that is not the public URL
	// API Gateway would create this group itself, unencrypted and without expiry, if it did not exist before the stage.
	own := NewLogGroup(scope, "GatewayLogs", o.Key, awscdk.Fn_Join(jsii.String(""), &[]*string{
		jsii.String("API-Gateway-Execution-Logs_"), a.RestApiId(), jsii.String("/" + Stage),
	}))
	a.DeploymentStage().Node().AddDependency(own)
	a.AddRequestValidator(jsii.String("Validator"),
		&awsapigateway.RequestValidatorOptions{ValidateRequestParameters: jsii.Bool(true), ValidateRequestBody: jsii.Bool(true)})
	a.wordErrors()
	return a
}

func roleRemoval(created bool) awscdk.RemovalPolicy {
	if created {
		return awscdk.RemovalPolicy_RETAIN // other APIs of the account may write their logs with it
	}
	return ""
}

// accessLine is the format of a line of the access log: the request, its time, its source and its result.
func accessLine() string {
	fields := []string{
		"requestId", "requestTime", "httpMethod", "resourcePath", "status", "responseLength", "responseLatency",
		"integrationLatency", "identity.sourceIp", "identity.userAgent", "error.responseType", "waf.status", "xrayTraceId",
	}
	var members []string
	for _, f := range fields {
		name := f[strings.LastIndex(f, ".")+1:]
		if f == "waf.status" {
			name = "wafStatus"
		}
		members = append(members, `"`+name+`":"$context.`+f+`"`)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// Serve routes every method of a path to f, which refuses the methods it does not support.
func (a *API) Serve(path string, f Function) {
	a.at(path).AddMethod(jsii.String("ANY"), awsapigateway.NewLambdaIntegration(f.Function, &awsapigateway.LambdaIntegrationOptions{
		ScopePermissionToMethod: jsii.Bool(false), // a statement for each method would not fit the function's policy
	}), &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE})
}

// at returns the resource of a path; it creates the resource and its parents when they are missing.
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
