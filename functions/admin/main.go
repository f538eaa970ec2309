// Command admin serves the admin REST API, /api/v1, behind API Gateway, and answers `rollcall bootstrap`, which
// invokes it directly.
package main

import (
	"rollcall/shared/adminapi"
	"rollcall/shared/app"
)

func main() {
	a := app.MustStart("admin", app.Keys)
	h := adminapi.Handler(a.Directory(), adminapi.Options{Origin: a.Config.Origin, LogRetention: a.Config.LogRetention})
	a.ServeAdmin(h, adminapi.Panicked)
}
