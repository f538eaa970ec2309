// Command discovery serves the endpoints that describe the service, /ServiceProviderConfig, /ResourceTypes, /Schemas
// and /Me (RFC 7644 §4), behind API Gateway.
package main

import (
	"rollcall/shared/app"
	"rollcall/shared/scimapi"
)

func main() {
	a := app.MustStart("discovery")
	h := scimapi.Discovery(a.Provisioning(), scimapi.Options{Origin: a.Config.Origin})
	a.ServeHTTP(h, scimapi.Panicked)
}
