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
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/provisioning"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/workflow"
)

// App is a started function.
type App struct {
	Config   Config
	Log      *slog.Logger
	function string
	ports    directory.Ports
	runtime  directory.Runtime
}

// Part is an external system that a function uses in addition to the table. A function names its parts in its main, so
// that its bundle lacks the clients of the others; a part that is not configured adds nothing.
type Part func(c Config, cfg aws.Config, out *directory.External)

// Wakeups lets the function schedule wake-ups (EventBridge Scheduler).
func Wakeups(c Config, cfg aws.Config, out *directory.External) {
	if w := c.Wake; w != (Wake{}) {
		out.Wakeups = &workflow.Scheduler{
			Client: scheduler.NewFromConfig(cfg), Group: w.Group, Target: w.Target, Role: w.Role, DeadLetter: w.DeadLetter, Now: time.Now,
		}
	}
}

// Runs lets the function start apply runs (Step Functions).
func Runs(c Config, cfg aws.Config, out *directory.External) {
	if c.Apply != "" {
		out.Runs = workflow.StepFunctions{Client: sfn.NewFromConfig(cfg), Machine: c.Apply}
	}
}

// Carrier lets the function hand long tasks over (Step Functions).
func Carrier(c Config, cfg aws.Config, out *directory.External) {
	if c.Carrier != "" {
		out.Carrier = workflow.StepFunctions{Client: sfn.NewFromConfig(cfg), Machine: c.Carrier}
	}
}

// Bus lets the function publish events (EventBridge).
func Bus(c Config, cfg aws.Config, out *directory.External) {
	if c.Bus != "" {
		out.Bus = workflow.NewBus(eventbridge.NewFromConfig(cfg), c.Bus)
	}
}

// Emulated reports whether AWS is an emulator on this machine, which then also has the receivers of webhooks.
func Emulated(cfg aws.Config) bool {
	u, err := url.Parse(aws.ToString(cfg.BaseEndpoint))
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

// Start creates the App of a function, without network calls.
func Start(ctx context.Context, function string, getenv func(string) string, parts ...Part) (*App, error) {
	c, err := Load(getenv)
	if err != nil {
		return nil, err
	}
	cfg, err := awsConfig(getenv)
	if err != nil {
		return nil, err
	}
	store, err := dynamo.Open(ctx,
		dynamo.Config{Now: time.Now, Client: dynamodb.NewFromConfig(cfg), Table: c.Table, LogRetention: c.LogRetention})
	if err != nil {
		return nil, err
	}
	var out directory.External
	for _, add := range parts {
		add(c, cfg, &out)
	}
	log := NewLog(os.Stderr)
	LogStart(ctx, log, function)
	return &App{Config: c, Log: log, function: function, ports: store.Ports(), runtime: NewRuntime(c.LogRetention, reported(log, out))}, nil
}

// MustStart is Start with the process's environment; if that fails, it prints one line and ends the process.
func MustStart(function string, parts ...Part) *App {
	a, err := Start(context.Background(), function, os.Getenv, parts...)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s cannot start: %s\n", function, strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
	return a
}

// Provisioning returns the service for directories.
func (a *App) Provisioning() *provisioning.Service { return provisioning.New(a.ports, a.runtime) }

// Administration returns the service for administrators.
func (a *App) Administration() *administration.Service {
	return administration.New(a.ports, a.runtime)
}

// Follow returns the service that follows log entries.
func (a *App) Follow() *follow.Service { return follow.New(a.ports, a.runtime) }

// ServeHTTP answers API Gateway's events with h until the process ends. panicked answers a request whose
// handler panicked, in the API's own error form.
func (a *App) ServeHTTP(h http.Handler, panicked func(http.ResponseWriter, *http.Request)) {
	lambda.Start(Gateway(Middleware(h, a.Log, a.function, panicked)))
}
