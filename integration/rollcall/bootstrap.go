package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"

	"rollcall/shared/app"
	"rollcall/shared/directory"
)

// runBootstrap makes the first key of an administrator, or of the operator of a deployment, by invoking its admin
// function with the caller's own AWS credentials.
func runBootstrap(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("rollcall bootstrap", flag.ContinueOnError)
	fs.SetOutput(stderr)
	function := fs.String("function", "Rollcall-admin", "`name` of the admin function; GovCloud's is RollcallGov-admin")
	region := fs.String("region", "", "AWS `region` (default: as every AWS tool finds it)")
	operator := fs.Bool("operator", false, "make the operator's key, which makes and removes tenants, in place of an administrator's")
	tenant := fs.String("tenant", "", "`id` of the tenant whose administrator's key is made (default: the tenant default)")
	newKey := fs.Bool("new-key", false, "make a key even when there is one")
	asJSON := fs.Bool("json", false, "print the answer as JSON")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	answer, err := bootstrap(ctx, *function, *region, app.BootstrapRequest{NewKey: *newKey, Operator: *operator, Tenant: directory.TenantID(*tenant)})
	if err != nil {
		fmt.Fprintln(stderr, "rollcall bootstrap:", err)
		return exitFailed
	}
	switch {
	case *asJSON:
		if err := json.NewEncoder(stdout).Encode(answer); err != nil {
			fmt.Fprintln(stderr, "rollcall bootstrap:", err)
			return exitFailed
		}
	case answer.AdminToken == "" && *operator:
		fmt.Fprintln(stderr, "There is an operator's key already; -new-key makes another.")
	case answer.AdminToken == "":
		fmt.Fprintf(stderr, "Tenant %s has an administrator's key already; -new-key makes another.\n", answer.Tenant)
	case *operator:
		fmt.Fprintln(stderr, "A key of an operator of the deployment, shown this once:")
		fmt.Fprintln(stdout, answer.AdminToken)
		fmt.Fprintf(stderr, "Next: put it into ROLLCALL_ADMIN_TOKEN, the stack's output AdminURL into ROLLCALL_ADMIN_URL, and run\n  rollcall tenant create -name \"Coast Guard\"\n")
	default:
		fmt.Fprintf(stderr, "A key of an administrator of tenant %s, shown this once:\n", answer.Tenant)
		fmt.Fprintln(stdout, answer.AdminToken)
		fmt.Fprintf(stderr, "Next: put it into ROLLCALL_ADMIN_TOKEN, the stack's output AdminURL into ROLLCALL_ADMIN_URL, and run\n  rollcall provider create -name Entra\n")
	}
	return exitOK
}

// lambdaEndpoint returns Lambda's FIPS endpoint where there is one: in the United States, commercial and GovCloud.
func lambdaEndpoint(region string) string {
	if strings.HasPrefix(region, "us-") {
		return "https://lambda-fips." + region + ".amazonaws.com"
	}
	return "https://lambda." + region + ".amazonaws.com"
}

// bootstrap invokes the function. The Lambda API is one signed request; the client that AWS has for it would be the
// largest module of this command.
func bootstrap(ctx context.Context, function, region string, request app.BootstrapRequest) (app.BootstrapAnswer, error) {
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
		return out, errors.New("no region: say -region, or set AWS_REGION")
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
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), "lambda", c.Region, time.Now()); err != nil {
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
		return out, fmt.Errorf("%s did not answer as the admin function does", function)
	}
	return out, nil
}
