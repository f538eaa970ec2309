package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// ratePerFiveMinutes is the limit of one address. Entra calls from few addresses, with 200 requests a second for a
// large tenant.
const ratePerFiveMinutes = 300_000

// ruleSet is a group of AWS's managed rules. Requests that match a rule in counted are counted and allowed.
type ruleSet struct {
	name    string
	counted []string
}

// ruleSets only count requests whose names, group titles or filters look like an attack: a wrong 403 stops a person's
// provisioning, and the service itself parses, limits and escapes every value.
var ruleSets = []ruleSet{
	{"AWSManagedRulesAmazonIpReputationList", nil},
	{"AWSManagedRulesKnownBadInputsRuleSet", nil},
	{"AWSManagedRulesCommonRuleSet", []string{
		"SizeRestrictions_BODY",        // from 8 KB; a group with its members is larger
		"SizeRestrictions_QUERYSTRING", // from 2 KB; the service checks our limit of a filter
		"NoUserAgent_HEADER",           // scripts of administrators
		"CrossSiteScripting_BODY", "CrossSiteScripting_QUERYARGUMENTS",
		"GenericLFI_BODY", "GenericLFI_QUERYARGUMENTS",
		"GenericRFI_BODY", "GenericRFI_QUERYARGUMENTS", // a value may be a URL
		"EC2MetaDataSSRF_BODY", "EC2MetaDataSSRF_QUERYARGUMENTS",
	}},
}

// NewFirewall returns a web ACL on the API's stage, with its log. When entra is given, requests from other addresses
// are counted, not refused.
func NewFirewall(scope constructs.Construct, api *API, key awskms.IKey, entra []string) awswafv2.CfnWebACL {
	stack := awscdk.Stack_Of(scope)
	visible := func(name string) map[string]any {
		return map[string]any{"cloudWatchMetricsEnabled": true, "metricName": name, "sampledRequestsEnabled": false}
	}
	rules := []any{map[string]any{
		"name": "Rate", "priority": 0, "action": map[string]any{"block": map[string]any{}}, "visibilityConfig": visible("Rate"),
		"statement": map[string]any{"rateBasedStatement": map[string]any{"limit": ratePerFiveMinutes, "aggregateKeyType": "IP"}},
	}}
	for _, s := range ruleSets {
		counted := []any{}
		for _, c := range s.counted {
			counted = append(counted, map[string]any{"name": c, "actionToUse": map[string]any{"count": map[string]any{}}})
		}
		rules = append(rules, map[string]any{
			"name": s.name, "priority": len(rules), "overrideAction": map[string]any{"none": map[string]any{}}, "visibilityConfig": visible(s.name),
			"statement": map[string]any{
				"managedRuleGroupStatement": map[string]any{"vendorName": "AWS", "name": s.name, "ruleActionOverrides": counted},
			},
		})
	}
	if len(entra) > 0 {
		set := awswafv2.NewCfnIPSet(scope, jsii.String("EntraRanges"), &awswafv2.CfnIPSetProps{
			Scope: jsii.String("REGIONAL"), IpAddressVersion: jsii.String("IPV4"), Addresses: jsii.Strings(entra...),
			Description: jsii.String("Addresses that Entra ID provisions from."),
		})
		in := map[string]any{"ipSetReferenceStatement": map[string]any{"arn": set.AttrArn()}}
		rules = append(rules, map[string]any{
			"name": "NotEntra", "priority": len(rules), "action": map[string]any{"count": map[string]any{}}, "visibilityConfig": visible("NotEntra"),
			"statement": map[string]any{"notStatement": map[string]any{"statement": in}},
		})
	}
	acl := awswafv2.NewCfnWebACL(scope, jsii.String("Firewall"), &awswafv2.CfnWebACLProps{
		Scope: jsii.String("REGIONAL"), DefaultAction: map[string]any{"allow": map[string]any{}},
		VisibilityConfig: visible("Firewall"), Rules: rules,
	})
	stage := api.DeploymentStage()
	on := awswafv2.NewCfnWebACLAssociation(scope, jsii.String("FirewallOn"), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: stage.StageArn(), WebAclArn: acl.AttrArn(),
	})
	on.Node().AddDependency(stage)
	// WAF writes only to groups whose name begins with aws-waf-logs.
	logs := NewLogGroup(scope, "FirewallLogs", key,
		awscdk.Fn_Join(jsii.String("-"), &[]*string{jsii.String("aws-waf-logs"), stack.StackName()}))
	arn := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: logs.LogGroupName(),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	awswafv2.NewCfnLoggingConfiguration(scope, jsii.String("FirewallLogging"), &awswafv2.CfnLoggingConfigurationProps{
		ResourceArn: acl.AttrArn(), LogDestinationConfigs: &[]any{arn},
		RedactedFields: []any{
			map[string]any{"singleHeader": map[string]any{"Name": "authorization"}},
			map[string]any{"singleHeader": map[string]any{"Name": "cookie"}},
			map[string]any{"queryString": map[string]any{}}, // filters hold names and addresses
		},
	})
	return acl
}
