package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// awsConfig reads region, credentials and endpoints from the environment that Lambda sets. The SDK's own search also
// tries files, instance metadata, single sign-on and STS, which never exist here and are a sixth of a bundle.
// Errors: no region, no credentials, a switch that is neither true nor false; all together.
func awsConfig(getenv func(string) string) (aws.Config, error) {
	var problems []error
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if getenv(name) == "" {
			problems = append(problems, fmt.Errorf("%s must be set, as Lambda does", name))
		}
	}
	at := endpoints{getenv: getenv}
	if text := getenv("AWS_USE_FIPS_ENDPOINT"); text != "" {
		fips, err := strconv.ParseBool(text)
		if err != nil {
			problems = append(problems, errors.New("AWS_USE_FIPS_ENDPOINT must be true or false"))
		}
		at.fips = fips
	}
	cfg := aws.Config{
		Region: getenv("AWS_REGION"), ConfigSources: []any{at}, AccountIDEndpointMode: aws.AccountIDEndpointModePreferred,
		Credentials: credentials.NewStaticCredentialsProvider(getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"),
			getenv("AWS_SESSION_TOKEN")),
	}
	if all := getenv("AWS_ENDPOINT_URL"); all != "" {
		cfg.BaseEndpoint = &all
	}
	return cfg, errors.Join(problems...)
}

// endpoints gives AWS clients their endpoints, from the environment variables that AWS documents.
type endpoints struct {
	getenv func(string) string
	fips   bool // AWS_USE_FIPS_ENDPOINT
}

// GetUseFIPSEndpoint is called by every client.
func (e endpoints) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	if e.fips {
		return aws.FIPSEndpointStateEnabled, true, nil
	}
	return aws.FIPSEndpointStateUnset, false, nil
}

// GetServiceBaseEndpoint is called by every client for its own endpoint, such as AWS_ENDPOINT_URL_SCHEDULER.
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	url := e.getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(service, " ", "_")))
	return url, url != "", nil
}
