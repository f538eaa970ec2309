// Package app is the composition root: configuration, logger, clock, ids, AWS clients, and the two doors through which
// the same handlers are reached (API Gateway and a local server). It is the only package that reads the environment. It
// holds no business rules.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"rollcall/shared/country"
	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/release"
	"rollcall/shared/reqlog"
)

// Environment variables of the functions.
const (
	EnvTable  = "TABLE_NAME"
	EnvOrigin = "PUBLIC_ORIGIN"

	EnvScheduleGroup      = "SCHEDULE_GROUP"
	EnvScheduleTarget     = "SCHEDULE_TARGET_ARN"
	EnvScheduleRole       = "SCHEDULE_ROLE_ARN"
	EnvScheduleDeadLetter = "SCHEDULE_DEAD_LETTER_ARN"
	EnvApply              = "APPLY_STATE_MACHINE_ARN"
	EnvBus                = "EVENT_BUS"
	EnvDeliver            = "DELIVER_FUNCTION_ARN"
	EnvTasks              = "TASKS_FUNCTION_ARN"
	EnvCarrier            = "TASKS_STATE_MACHINE_ARN"
	EnvSigningKey         = "LOG_SIGNING_KEY"
	EnvSecretsKey         = "WEBHOOK_SECRETS_KEY"
	EnvLogRetention       = "LOG_RETENTION_DAYS"
)

// Config is a function's configuration, from its environment.
type Config struct {
	Table string // TABLE_NAME: the DynamoDB table; required
	// PUBLIC_ORIGIN: the public URL above /scim and /api; required. Scheme and host, and the stage if API Gateway has
	// no custom domain; without a trailing slash.
	Origin string
	Wake   Wake   // where wake-ups are scheduled; empty: only the sweep finds due deactivations
	Apply  string // APPLY_STATE_MACHINE_ARN: carries out apply runs; needed only by the function changes
	Bus    string // EVENT_BUS: name or ARN of the EventBridge bus; "": no events are published
	// DELIVER_FUNCTION_ARN: functions/deliver; "": deliveries wait for its schedule
	Deliver string
	// TASKS_FUNCTION_ARN: functions/jobs; "": tasks wait for its schedule
	Tasks string
	// TASKS_STATE_MACHINE_ARN: carries long tasks; "": functions/jobs does them itself. Only that function needs it
	Carrier string
	// LOG_SIGNING_KEY: ARN of the KMS key that signs the log; "": nothing is signed
	SigningKey string
	// WEBHOOK_SECRETS_KEY: ARN of the KMS key that encrypts webhook secrets; "": no webhooks
	SecretsKey string
	// LOG_RETENTION_DAYS: how long log entries are kept; 0 and "": directory.DefaultLogRetention
	LogRetention time.Duration
}

// Wake says where and how the schedules of due minutes are created: all fields or none.
type Wake struct {
	Group      string // SCHEDULE_GROUP: the schedules' group
	Target     string // SCHEDULE_TARGET_ARN: functions/deactivate
	Role       string // SCHEDULE_ROLE_ARN: may invoke it
	DeadLetter string // SCHEDULE_DEAD_LETTER_ARN: the queue for wake-ups that were not delivered
}

const maxRetentionDays = 3650

// Load reads the configuration with getenv and reports all problems together.
func Load(getenv func(string) string) (Config, error) {
	c := Config{
		Table: getenv(EnvTable), Origin: strings.TrimSuffix(getenv(EnvOrigin), "/"),
		Wake:  Wake{getenv(EnvScheduleGroup), getenv(EnvScheduleTarget), getenv(EnvScheduleRole), getenv(EnvScheduleDeadLetter)},
		Apply: getenv(EnvApply), Bus: getenv(EnvBus), Deliver: getenv(EnvDeliver), Tasks: getenv(EnvTasks),
		Carrier:    getenv(EnvCarrier),
		SigningKey: getenv(EnvSigningKey), SecretsKey: getenv(EnvSecretsKey),
	}
	var problems []error
	if days := getenv(EnvLogRetention); days != "" {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > maxRetentionDays {
			problems = append(problems, fmt.Errorf("%s must be a number of days from 0 to %d", EnvLogRetention, maxRetentionDays))
		}
		c.LogRetention = time.Duration(n) * 24 * time.Hour
	}
	if c.Table == "" {
		problems = append(problems, fmt.Errorf("%s must name the DynamoDB table", EnvTable))
	}
	if w := c.Wake; w != (Wake{}) && (w.Group == "" || w.Target == "" || w.Role == "" || w.DeadLetter == "") {
		problems = append(problems,
			fmt.Errorf("%s, %s, %s and %s must be given together", EnvScheduleGroup, EnvScheduleTarget, EnvScheduleRole, EnvScheduleDeadLetter))
	}
	if u, err := url.Parse(c.Origin); err != nil || u.Scheme == "" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		problems = append(problems, fmt.Errorf("%s must be the public URL: scheme, host and an optional path", EnvOrigin))
	}
	return c, errors.Join(problems...)
}

// NewRuntime returns a runtime with the machine's clock, the operating system's randomness and the countries. retention
// is how long log entries are kept; 0: directory.DefaultLogRetention.
func NewRuntime(retention time.Duration, external directory.External) directory.Runtime {
	return directory.Runtime{
		Now: time.Now, NewID: random.ID, Random: random.Fill, LogRetention: retention, Country: country.Code,
		CountryTable: country.Version, External: external,
	}
}

// Middleware wraps a handler for both doors: it adds the request event, its id and panic recovery.
func Middleware(h http.Handler, log *slog.Logger, function string, panicked func(http.ResponseWriter, *http.Request)) http.Handler {
	return reqlog.Handler(h, reqlog.Options{Log: log, Function: function, Now: time.Now, NewID: random.ID, Panicked: panicked})
}

// LogStart logs which build starts.
func LogStart(ctx context.Context, log *slog.Logger, function string) {
	b := release.Build()
	log.LogAttrs(ctx, slog.LevelInfo, "start", slog.String("function", function), slog.String("version", b.Version),
		slog.String("revision", b.Revision))
}

// NewLog returns the JSON logger of a function or server.
func NewLog(w interface{ Write([]byte) (int, error) }) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, nil))
}

// GatewayFunc answers one event of an API Gateway REST API with proxy integration.
type GatewayFunc func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)

// Gateway is the Lambda door: h behind API Gateway. A path that is not a URL is escaped first, because the adapter
// would answer 504 and print it.
func Gateway(h http.Handler) GatewayFunc {
	adapter := httpadapter.New(h)
	return func(ctx context.Context, e events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		if _, err := url.ParseRequestURI(e.Path); err != nil || strings.ContainsAny(e.Path, "?# ") {
			e.Path = (&url.URL{Path: e.Path}).EscapedPath()
		}
		return adapter.ProxyWithContext(ctx, e)
	}
}
