// Command admin serves the admin REST API, /api/v1, behind API Gateway.
package main

import (
	"rollcall/shared/adminapi"
	"rollcall/shared/app"
)

func main() {
	a := app.MustStart("admin")
	h := adminapi.Handler(a.Directory(), adminapi.Options{Origin: a.Config.Origin, LogRetention: a.Config.LogRetention})
	a.ServeHTTP(h, adminapi.Panicked)
}
