package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// BootstrapEvent is the event with which `rollcall bootstrap` invokes the admin function. API Gateway cannot send it,
// because it puts the input of clients below "body": IAM decides who may invoke the function.
type BootstrapEvent struct {
	Bootstrap *BootstrapRequest `json:"bootstrap"`
}

// BootstrapRequest asks for the first key of a tenant's administrator, or of the deployment's operator.
type BootstrapRequest struct {
	NewKey   bool               `json:"newKey"` // create a key even if one exists, to replace a lost one
	Operator bool               `json:"operator,omitempty"`
	Tenant   directory.TenantID `json:"tenant,omitempty"` // "": the tenant "default", which is created if missing
}

// BootstrapAnswer is the answer to a BootstrapEvent; AdminToken is "" if a key already existed.
type BootstrapAnswer struct {
	Tenant     directory.TenantID `json:"tenant"` // directory.OperatorScope for the operator
	AdminToken string             `json:"adminToken"`
}

// FirstKey creates the requested key, and the tenant "default" if it is needed and missing. If there are keys already,
// it creates none unless a new one is requested; earlier ones keep working. The key is recorded in the Audit Log.
// Errors: Invalid; NotFound for another tenant that does not exist; Conflict for one that is being removed.
func FirstKey(ctx context.Context, svc *administration.Service, r BootstrapRequest) (BootstrapAnswer, error) {
	admin, n := bootstrapper(), administration.NewAPIKey{DisplayName: "Administrator", Role: directory.RoleAdministrator}
	var err error
	switch {
	case r.Operator && r.Tenant != "":
		err = directory.Errorf(directory.Invalid, "an operator belongs to no tenant")
	case r.Operator:
		admin.Tenant, n.DisplayName, n.Role = directory.OperatorScope, "Operator", directory.RoleOperator
	case r.Tenant != "" && r.Tenant != admin.Tenant:
		admin.Tenant = r.Tenant
		err = requireTenant(ctx, svc, admin)
	default:
		err = ensureDefault(ctx, svc, admin)
	}
	if err != nil {
		return BootstrapAnswer{}, err
	}
	out := BootstrapAnswer{Tenant: admin.Tenant}
	keys, err := svc.As(admin).APIKeys.List(ctx)
	if err != nil || len(keys) > 0 && !r.NewKey {
		return out, err
	}
	_, out.AdminToken, err = svc.As(admin).APIKeys.Create(ctx, n)
	return out, err
}

// requireTenant refuses a tenant that does not exist or is being removed.
func requireTenant(ctx context.Context, svc *administration.Service, admin administration.Admin) error {
	t, err := svc.As(admin).Settings.Get(ctx)
	if err == nil && t.State == directory.TenantRemoving {
		err = directory.Errorf(directory.Conflict, "the tenant is being removed")
	}
	return err
}

// ensureDefault creates the tenant "default", or completes an interrupted creation.
func ensureDefault(ctx context.Context, svc *administration.Service, admin administration.Admin) error {
	err := requireTenant(ctx, svc, admin)
	if directory.IsKind(err, directory.NotFound) {
		_, err = svc.As(admin).Tenants.Create(ctx, "Default")
		return err
	}
	if err != nil {
		return err
	}
	return svc.As(admin).Tenants.Seed(ctx, "Default")
}

func bootstrapper() administration.Admin {
	return administration.Admin{Tenant: directory.DefaultTenant, Actor: directory.JobActor(directory.JobBootstrap)}
}

// ServeAdmin is ServeHTTP for the admin function, which also answers BootstrapEvents.
func (a *App) ServeAdmin(h http.Handler, panicked func(http.ResponseWriter, *http.Request)) {
	lambda.Start(Admin(a.Administration(), Gateway(Middleware(h, a.Log, a.function, panicked))))
}

// Admin answers a BootstrapEvent itself and everything else through gateway.
func Admin(svc *administration.Service, gateway GatewayFunc) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		var b BootstrapEvent
		if err := json.Unmarshal(event, &b); err != nil {
			return nil, fmt.Errorf("decode event: %w", err)
		}
		if b.Bootstrap != nil {
			return FirstKey(ctx, svc, *b.Bootstrap)
		}
		var e events.APIGatewayProxyRequest
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, fmt.Errorf("decode event: %w", err)
		}
		return gateway(ctx, e)
	}
}
