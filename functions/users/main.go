// Command users serves /scim/v2/{providerId}/Users (RFC 7644 §3) behind API Gateway.
package main

import (
	"rollcall/shared/app"
	"rollcall/shared/scimapi"
)

func main() {
	a := app.MustStart("users")
	h := scimapi.Users(a.Provisioning(), scimapi.Options{Origin: a.Config.Origin})
	a.ServeHTTP(h, scimapi.Panicked)
}
