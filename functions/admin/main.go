// Command admin serves the admin REST API, /api/v1, behind API Gateway, and answers `rollcall bootstrap`, which
// invokes it directly.
package main

import (
	"rollcall/shared/adminapi"
	"rollcall/shared/app"
)

// maxExport fits, escaped as a JSON string, into the 6 MB that Lambda answers with.
const maxExport = 4 << 20

func main() {
	a := app.MustStart("admin", app.Keys)
	h := adminapi.Handler(a.Directory(), adminapi.Options{Origin: a.Config.Origin, LogRetention: a.Config.LogRetention, MaxExport: maxExport})
	a.ServeAdmin(h, adminapi.Panicked)
}
