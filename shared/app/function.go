package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"rollcall/shared/country"
	"rollcall/shared/directory"
	"rollcall/shared/keys"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/workflow"
)

// App is a started function.
type App struct {
	Config   Config
	Log      *slog.Logger
	function string
	svc      *directory.Service
}

// Start makes the App of a function; no network call is made.
func Start(ctx context.Context, function string, getenv func(string) string) (*App, error) {
	c, err := Load(getenv)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	store, err := dynamo.Open(ctx, dynamo.Config{Client: dynamodb.NewFromConfig(cfg), Table: c.Table, LogRetention: c.LogRetention})
	if err != nil {
		return nil, err
	}
	ports := store.Ports()
	if w := c.Wake; w != (Wake{}) {
		ports.Wakeups = &workflow.Scheduler{Client: scheduler.NewFromConfig(cfg), Group: w.Group, Target: w.Target, Role: w.Role, DeadLetter: w.DeadLetter}
	}
	rules := directory.Config{Country: country.Code, Outside: outside(c, cfg)}
	if c.Apply != "" {
		rules.Starter = workflow.StepFunctions{Client: sfn.NewFromConfig(cfg), Machine: c.Apply}
	}
	return &App{Config: c, Log: NewLog(os.Stderr), function: function, svc: directory.New(ports, rules)}, nil
}

// outside is what the configuration says a function reaches.
func outside(c Config, cfg aws.Config) (out directory.Outside) {
	k := keys.NewKMS(keys.KMSConfig{Client: kms.NewFromConfig(cfg), Signing: c.Sign, Sealing: c.Seal})
	if c.Bus != "" {
		out.Bus = workflow.NewBus(eventbridge.NewFromConfig(cfg), c.Bus)
	}
	if c.Sign != "" {
		out.Signer = k
	}
	if c.Seal != "" {
		out.Vault, out.Sender = k, workflow.NewWebhooks(workflow.WebhookConfig{})
	}
	return out
}

// MustStart is Start with the process's environment; it ends the process with one line when it cannot.
func MustStart(function string) *App {
	a, err := Start(context.Background(), function, os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s cannot start: %s\n", function, strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
	return a
}

// Directory returns the business service.
func (a *App) Directory() *directory.Service { return a.svc }

// ServeHTTP answers API Gateway's events with h until the process ends. panicked answers a request whose
// handler panicked, in the API's own error form.
func (a *App) ServeHTTP(h http.Handler, panicked func(http.ResponseWriter, *http.Request)) {
	lambda.Start(Gateway(Middleware(h, a.Log, a.function, panicked)))
}
