// Package app is the composition root: configuration, logger, clock, ids, AWS clients, and the two doors
// through which the same handlers are reached (API Gateway and a local server). It is the only package
// that reads the environment. It holds no rule of the business.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"rollcall/shared/directory"
	"rollcall/shared/reqlog"
)

// Environment variables of the functions.
const (
	EnvTable  = "TABLE_NAME"
	EnvOrigin = "PUBLIC_ORIGIN"
)

// Config is what a function reads from its environment.
type Config struct {
	Table string // TABLE_NAME: the DynamoDB table; required
	// PUBLIC_ORIGIN: the public URL that /scim and /api are below; required. Scheme and host, and the stage
	// where API Gateway has no domain of its own; without a slash at the end.
	Origin string
}

// Load reads the configuration through getenv and reports all problems together.
func Load(getenv func(string) string) (Config, error) {
	c := Config{Table: getenv(EnvTable), Origin: strings.TrimSuffix(getenv(EnvOrigin), "/")}
	var problems []error
	if c.Table == "" {
		problems = append(problems, fmt.Errorf("%s must name the DynamoDB table", EnvTable))
	}
	if u, err := url.Parse(c.Origin); err != nil || u.Scheme == "" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		problems = append(problems, fmt.Errorf("%s must be the public URL: scheme, host and perhaps a path", EnvOrigin))
	}
	return c, errors.Join(problems...)
}

// Middleware is what both doors put around a handler: the request event, its id, panic recovery.
func Middleware(h http.Handler, log *slog.Logger, function string, panicked func(http.ResponseWriter, *http.Request)) http.Handler {
	return reqlog.Handler(h, reqlog.Options{Log: log, Function: function, NewID: directory.RandomID, Panicked: panicked})
}

// NewLog returns the JSON logger of a function or server.
func NewLog(w interface{ Write([]byte) (int, error) }) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, nil))
}

// GatewayFunc answers one event of an API Gateway REST API with proxy integration.
type GatewayFunc func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)

// Gateway is the Lambda door: h behind API Gateway. A path that is no URL is escaped first, because the
// adapter would answer 504 and print it.
func Gateway(h http.Handler) GatewayFunc {
	adapter := httpadapter.New(h)
	return func(ctx context.Context, e events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		if _, err := url.ParseRequestURI(e.Path); err != nil || strings.ContainsAny(e.Path, "?# ") {
			e.Path = (&url.URL{Path: e.Path}).EscapedPath()
		}
		return adapter.ProxyWithContext(ctx, e)
	}
}
