package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
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

// Part is what a function reaches besides the table. A function names its parts in its main, so that the clients of the
// others are not in its bundle; the configuration says whether a part is there.
type Part func(c Config, cfg aws.Config, p *directory.Ports, r *directory.Config)

// Wakeups lets the function ask to be woken (EventBridge Scheduler).
func Wakeups(c Config, cfg aws.Config, p *directory.Ports, _ *directory.Config) {
	if w := c.Wake; w != (Wake{}) {
		p.Wakeups = &workflow.Scheduler{Client: scheduler.NewFromConfig(cfg), Group: w.Group, Target: w.Target, Role: w.Role, DeadLetter: w.DeadLetter}
	}
}

// Runs lets the function start apply runs (Step Functions).
func Runs(c Config, cfg aws.Config, _ *directory.Ports, r *directory.Config) {
	if c.Apply != "" {
		r.Starter = workflow.StepFunctions{Client: sfn.NewFromConfig(cfg), Machine: c.Apply}
	}
}

// Bus lets the function publish events (EventBridge).
func Bus(c Config, cfg aws.Config, _ *directory.Ports, r *directory.Config) {
	if c.Bus != "" {
		r.Outside.Bus = workflow.NewBus(eventbridge.NewFromConfig(cfg), c.Bus)
	}
}

// Keys lets the function sign the log, and keep the secrets of webhooks and send to them (KMS).
func Keys(c Config, cfg aws.Config, _ *directory.Ports, r *directory.Config) {
	k := keys.NewKMS(keys.KMSConfig{Client: kms.NewFromConfig(cfg), Signing: c.Sign, Sealing: c.Seal})
	if c.Sign != "" {
		r.Outside.Signer = k
	}
	if c.Seal != "" {
		r.Outside.Vault, r.Outside.Sender = k, workflow.NewWebhooks(workflow.WebhookConfig{Loopback: emulated(cfg)})
	}
}

// emulated reports whether AWS is an emulator on this machine, where receivers are, too.
func emulated(cfg aws.Config) bool {
	u, err := url.Parse(aws.ToString(cfg.BaseEndpoint))
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

// Start makes the App of a function; no network call is made.
func Start(ctx context.Context, function string, getenv func(string) string, parts ...Part) (*App, error) {
	c, err := Load(getenv)
	if err != nil {
		return nil, err
	}
	cfg, err := awsConfig(getenv)
	if err != nil {
		return nil, err
	}
	store, err := dynamo.Open(ctx, dynamo.Config{Client: dynamodb.NewFromConfig(cfg), Table: c.Table, LogRetention: c.LogRetention})
	if err != nil {
		return nil, err
	}
	ports, rules := store.Ports(), directory.Config{Country: country.Code}
	for _, add := range parts {
		add(c, cfg, &ports, &rules)
	}
	return &App{Config: c, Log: NewLog(os.Stderr), function: function, svc: directory.New(ports, rules)}, nil
}

// MustStart is Start with the process's environment; it ends the process with one line when it cannot.
func MustStart(function string, parts ...Part) *App {
	a, err := Start(context.Background(), function, os.Getenv, parts...)
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
