// Command infra is Rollcall's CDK app: it writes the CloudFormation templates of both partitions, commercial and
// GovCloud. It needs no network, no account and no CDK command line, and the same tree gives the same bytes.
//
//	go run ./infra [-out cdk.out] [-c key=value]...
//
// The settings are those of stacks.Settings; docs/deploy.md explains them.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"rollcall/infra/stacks"
)

func main() {
	out := flag.String("out", cmp.Or(os.Getenv("CDK_OUTDIR"), "cdk.out"), "`folder` of the templates")
	assets := flag.String("assets", "dist", "`folder` of the built functions, <architecture>/<name>/bootstrap")
	given := map[string]any{}
	flag.Func("c", "`key=value`, a setting; may be repeated", func(s string) error {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("%q is not key=value", s)
		}
		given[key] = value
		return nil
	})
	flag.Parse()
	err := synthesize(*out, *assets, given)
	jsii.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
}

// synthesize writes the assembly of both partitions.
func synthesize(out, assets string, given map[string]any) error {
	app := newApp(out, given)
	settings, err := stacks.ReadSettings(func(key string) any { return app.Node().TryGetContext(jsii.String(key)) })
	if err != nil {
		return err
	}
	for _, p := range partitions() {
		p.Assets = assets
		stacks.New(app, p, settings)
	}
	app.Synth(nil)
	return nil
}

// newApp returns an app whose templates do not depend on how it is run: it sets what the CDK command line would set.
func newApp(out string, given map[string]any) awscdk.App {
	context := map[string]any{
		"aws:cdk:enable-path-metadata":  true, // lets sam find the functions
		"aws:cdk:enable-asset-metadata": true,
		// Only the partitions that we deploy to.
		"@aws-cdk/core:target-partitions": []string{"aws", "aws-us-gov"},
		// The data stack cannot remove anything that the service stack uses.
		"@aws-cdk/core:defaultCrossStackReferences":       "strong",
		"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": true,
		"@aws-cdk/aws-iam:minimizePolicies":               true,
	}
	for key, value := range given {
		context[key] = value
	}
	return awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(out), AnalyticsReporting: jsii.Bool(false), Context: &context, TreeMetadata: jsii.Bool(false),
	})
}
