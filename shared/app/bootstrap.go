package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"rollcall/shared/directory"
)

// BootstrapEvent is what `rollcall bootstrap` invokes the admin function with. API Gateway cannot send it,
// because what clients say is below "body" there: so IAM decides who may.
type BootstrapEvent struct {
	Bootstrap *BootstrapRequest `json:"bootstrap"`
}

// BootstrapRequest asks for the first administrator's key.
type BootstrapRequest struct {
	NewKey bool `json:"newKey"` // make a key even when there is one, for who lost it
}

// BootstrapAnswer is the answer to a BootstrapEvent; AdminToken is "" when there was a key already.
type BootstrapAnswer struct {
	Tenant     directory.TenantID `json:"tenant"`
	AdminToken string             `json:"adminToken"`
}

// FirstKey brings an empty store to its first state: tenant "default" and an administrator's key, whose
// clear text is returned. When there is a key, none is made, and "" returned, unless fresh. Keys made
// before keep working. The key is an entry of the Audit Log.
func FirstKey(ctx context.Context, svc *directory.Service, fresh bool) (string, error) {
	admin := bootstrapper()
	if _, err := svc.Tenants.Tenant(ctx, admin.Tenant); directory.IsKind(err, directory.NotFound) {
		if _, err := svc.CreateTenant(ctx, admin, "Default"); err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	} else if err := svc.SeedTenant(ctx, admin, "Default"); err != nil {
		return "", err
	}
	keys, err := svc.APIKeys.ListAPIKeys(ctx, admin.Tenant)
	if err != nil || len(keys) > 0 && !fresh {
		return "", err
	}
	_, token, err := svc.CreateAPIKey(ctx, admin, directory.NewAPIKey{DisplayName: "Administrator", Role: directory.RoleAdministrator})
	return token, err
}

func bootstrapper() directory.Admin {
	return directory.Admin{Tenant: directory.DefaultTenant, Actor: directory.Actor{Kind: directory.ActorSystem, ID: "bootstrap"}}
}

// ServeAdmin is ServeHTTP for the admin function, which answers BootstrapEvents too.
func (a *App) ServeAdmin(h http.Handler, panicked func(http.ResponseWriter, *http.Request)) {
	lambda.Start(Admin(a.svc, Gateway(Middleware(h, a.Log, a.function, panicked))))
}

// Admin answers a BootstrapEvent itself and everything else through gateway.
func Admin(svc *directory.Service, gateway GatewayFunc) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		var b BootstrapEvent
		if err := json.Unmarshal(event, &b); err != nil {
			return nil, fmt.Errorf("decode event: %w", err)
		}
		if b.Bootstrap != nil {
			token, err := FirstKey(ctx, svc, b.Bootstrap.NewKey)
			return BootstrapAnswer{Tenant: directory.DefaultTenant, AdminToken: token}, err
		}
		var e events.APIGatewayProxyRequest
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, fmt.Errorf("decode event: %w", err)
		}
		return gateway(ctx, e)
	}
}
