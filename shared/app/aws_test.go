package app_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"rollcall/shared/app"
)

// A function is configured by the environment that Lambda sets, including the endpoints of its clients.
func TestAWSConfig(t *testing.T) {
	t.Parallel()
	lambda := map[string]string{"AWS_REGION": "us-gov-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
		"AWS_SESSION_TOKEN": "c"}
	get := func(more ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(more); i += 2 {
				if more[i] == name {
					return more[i+1]
				}
			}
			return lambda[name]
		}
	}
	cfg, err := app.AWSConfig(get())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := cfg.Credentials.Retrieve(t.Context()); err != nil || c.AccessKeyID != "a" || c.SecretAccessKey != "b" ||
		c.SessionToken != "c" {
		t.Errorf("credentials %v, %v", c.Source, err)
	}
	for _, c := range []struct {
		name            string
		env             []string
		table, schedule string // endpoints
		fips            aws.FIPSEndpointState
	}{
		{"AWS", nil, "", "", aws.FIPSEndpointStateUnset},
		{"GovCloud", []string{"AWS_USE_FIPS_ENDPOINT", "true"}, "", "", aws.FIPSEndpointStateEnabled},
		{"an emulator", []string{"AWS_ENDPOINT_URL", "http://127.0.0.1:1"}, "http://127.0.0.1:1", "http://127.0.0.1:1",
			aws.FIPSEndpointStateUnset},
		{"another endpoint of Scheduler", []string{"AWS_ENDPOINT_URL_SCHEDULER", "https://s.example"}, "", "https://s.example",
			aws.FIPSEndpointStateUnset},
	} {
		cfg, err := app.AWSConfig(get(c.env...))
		if err != nil {
			t.Fatal(err)
		}
		d, s := dynamodb.NewFromConfig(cfg).Options(), scheduler.NewFromConfig(cfg).Options()
		if aws.ToString(d.BaseEndpoint) != c.table || aws.ToString(s.BaseEndpoint) != c.schedule || d.Region != "us-gov-west-1" ||
			d.EndpointOptions.UseFIPSEndpoint != c.fips {
			t.Errorf("%s: %v %v %s, FIPS %v", c.name, aws.ToString(d.BaseEndpoint), aws.ToString(s.BaseEndpoint), d.Region,
				d.EndpointOptions.UseFIPSEndpoint)
		}
	}
	_, err = app.AWSConfig(func(name string) string { return map[string]string{"AWS_USE_FIPS_ENDPOINT": "yes"}[name] })
	if err == nil {
		t.Fatal("an empty environment is accepted")
	}
	for _, want := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_USE_FIPS_ENDPOINT"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
	if _, err := app.Start(context.Background(), "test", func(string) string { return "" }); err == nil {
		t.Error("a function starts without configuration")
	}
}
