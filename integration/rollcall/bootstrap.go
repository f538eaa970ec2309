package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"rollcall/shared/app"
	"rollcall/shared/directory"
)

// bootstrapCommand creates the first key of an administrator or of the operator of a deployment, by invoking its admin
// function with the caller's own AWS credentials.
func bootstrapCommand(p *program) *cobra.Command {
	var function, region, tenant string
	var asJSON bool
	var request app.BootstrapRequest
	c := &cobra.Command{
		Use: "bootstrap", GroupID: groupRun, Short: "Create the first administrator's or operator's key of a deployment in AWS",
		Long: "Creates the first key of an administrator, or of the operator, of a deployment in AWS. It invokes the admin function\n" +
			"with your own AWS credentials, which need the IAM permission to do so.",
		Example: "  rollcall bootstrap --function Rollcall-admin --region eu-west-1", Args: usage(cobra.NoArgs), DisableFlagsInUseLine: true,
	}
	set := c.Flags()
	set.StringVar(&function, "function", "Rollcall-admin", "`name` of the admin function; RollcallGov-admin in GovCloud")
	set.StringVar(&region, "region", "", "AWS `region` (default: from the AWS configuration)")
	set.BoolVar(&request.Operator, "operator", false,
		"create the operator's key, which creates and removes tenants, instead of an administrator's")
	set.StringVar(&tenant, "tenant", "", "`id` of the tenant of the administrator's key (default: the tenant default)")
	set.BoolVar(&request.NewKey, "new-key", false, "create a key even if there is one already")
	set.BoolVar(&asJSON, "json", false, "print the response as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		request.Tenant = directory.TenantID(tenant)
		answer, err := p.bootstrap(c.Context(), function, region, request)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(p.stdout).Encode(answer)
		}
		whose, next := "an administrator of tenant "+string(answer.Tenant), `provider create "Entra ID"`
		if request.Operator {
			whose, next = "an operator of the deployment", `tenant create "Coast Guard"`
		}
		if answer.AdminToken == "" {
			fmt.Fprintf(p.stderr, "There is already a key of %s; --new-key creates another.\n", whose)
			return nil
		}
		fmt.Fprintf(p.stderr, "A key of %s, shown only once:\n", whose)
		fmt.Fprintln(p.stdout, answer.AdminToken)
		fmt.Fprintf(p.stderr, "Next, store it in a profile with the stack's output AdminURL, and continue:\n"+
			"  rollcall profile set aws --url <AdminURL>\n  rollcall %s\n", next)
		return nil
	}
	return c
}

// lambdaEndpoint returns Lambda's endpoint: the FIPS one in the United States, commercial and GovCloud.
func lambdaEndpoint(region string) string {
	if strings.HasPrefix(region, "us-") {
		return "https://lambda-fips." + region + ".amazonaws.com"
	}
	return "https://lambda." + region + ".amazonaws.com"
}

// bootstrap invokes the function with one signed request. AWS's client for Lambda would be the largest module of this
// command.
func (p *program) bootstrap(ctx context.Context, function, region string, request app.BootstrapRequest) (app.BootstrapAnswer, error) {
	var out app.BootstrapAnswer
	var with []func(*config.LoadOptions) error
	if region != "" {
		with = append(with, config.WithRegion(region))
	}
	c, err := config.LoadDefaultConfig(ctx, with...)
	if err != nil {
		return out, fmt.Errorf("load AWS configuration: %w", err)
	}
	if c.Region == "" {
		return out, errors.New("no region: give --region, or set AWS_REGION")
	}
	credentials, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return out, fmt.Errorf("find AWS credentials: %w", err)
	}
	body, err := json.Marshal(app.BootstrapEvent{Bootstrap: &request})
	if err != nil {
		return out, err
	}
	base := cmp.Or(aws.ToString(c.BaseEndpoint), lambdaEndpoint(c.Region))
	address := strings.TrimSuffix(base, "/") + "/2015-03-31/functions/" + url.PathEscape(function) + "/invocations"
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), "lambda", c.Region, p.now()); err != nil {
		return out, fmt.Errorf("sign: %w", err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return out, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return out, err
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("X-Amz-Function-Error") != "" {
		return out, fmt.Errorf("invoke %s: %s: %s", function, answer.Status, text)
	}
	if err := json.Unmarshal(text, &out); err != nil || out.Tenant == "" {
		return out, fmt.Errorf("%s did not respond like the admin function", function)
	}
	return out, nil
}
