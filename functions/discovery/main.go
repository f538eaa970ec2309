// Command discovery serves what describes the service behind API Gateway: /ServiceProviderConfig, /ResourceTypes,
// /Schemas and /Me (RFC 7644 §4).
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
