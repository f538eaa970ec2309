package constructs

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

// gatewayError is an error response that API Gateway sends itself. The texts are ours: the gateway's own texts may repeat
// a header, and with it a token.
type gatewayError struct {
	kind   string // GatewayResponse type
	status int
	detail string
	retry  int // seconds to wait; 0 if a retry cannot help
}

// gatewayErrors lists all gateway errors that a client can receive. Entra skips a user for a cycle after some 4xx and
// slows down after 429 and 5xx, so each status must be correct: a wrong path is 404, not the gateway's 403. The defaults
// cover the kinds that are not listed.
var gatewayErrors = []gatewayError{
	{"DEFAULT_4XX", 400, "the request cannot be understood", 0},
	{"DEFAULT_5XX", 500, "internal error", 5},
	{"BAD_REQUEST_PARAMETERS", 400, "the request cannot be understood", 0},
	{"UNAUTHORIZED", 401, "authentication is required", 0},
	{"ACCESS_DENIED", 403, "access is denied", 0},
	{"WAF_FILTERED", 403, "the firewall refused the request", 0},
	{"MISSING_AUTHENTICATION_TOKEN", 404, "no such endpoint", 0},
	{"INVALID_SIGNATURE", 404, "no such endpoint", 0},
	{"RESOURCE_NOT_FOUND", 404, "no such endpoint", 0},
	{"REQUEST_TOO_LARGE", 413, "the request is too large", 0},
	{"UNSUPPORTED_MEDIA_TYPE", 415, "the media type is not supported", 0},
	{"THROTTLED", 429, "too many requests", 1},
	{"QUOTA_EXCEEDED", 429, "too many requests", 60},
	{"API_CONFIGURATION_ERROR", 500, "internal error", 30},
	{"INTEGRATION_FAILURE", 503, "the service is not available", 5},
	{"INTEGRATION_TIMEOUT", 503, "the service took too long", 5},
}

// wordErrors turns the gateway's own errors into SCIM errors (RFC 7644 §3.12).
func (a *API) wordErrors() {
	for _, e := range gatewayErrors {
		headers := map[string]*string{
			"Content-Type": jsii.String("'application/scim+json'"), "Cache-Control": jsii.String("'no-store'"),
			"X-Content-Type-Options": jsii.String("'nosniff'"),
		}
		if e.retry > 0 {
			headers["Retry-After"] = jsii.String(fmt.Sprintf("'%d'", e.retry))
		}
		if e.status == http.StatusUnauthorized {
			headers["WWW-Authenticate"] = jsii.String("'Bearer'")
		}
		body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%d","detail":%q}`, e.status, e.detail)
		a.AddGatewayResponse(jsii.String("Error"+e.kind), &awsapigateway.GatewayResponseOptions{
			Type: awsapigateway.ResponseType_Of(jsii.String(e.kind)), StatusCode: jsii.String(strconv.Itoa(e.status)),
			ResponseHeaders: &headers, Templates: &map[string]*string{"application/json": jsii.String(body)},
		})
	}
}
