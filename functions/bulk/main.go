// Command bulk serves /Bulk and the root /.search (RFC 7644 §3.7, §3.4.3) behind API Gateway.
package main

import (
	"rollcall/shared/app"
	"rollcall/shared/scimapi"
)

func main() {
	a := app.MustStart("bulk")
	h := scimapi.Bulk(a.Provisioning(), scimapi.Options{Origin: a.Config.Origin})
	a.ServeHTTP(h, scimapi.Panicked)
}
