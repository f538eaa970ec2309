// Command admin serves the admin REST API, /api/v1, behind API Gateway, and answers `rollcall bootstrap`, which
// invokes it directly.
package main

import (
	"rollcall/shared/adminapi"
	"rollcall/shared/app"
	"rollcall/shared/kmskeys"
	"rollcall/shared/random"
)

// maxExport is in bytes: an export of this size, escaped as a JSON string, fits into a Lambda response of 6 MB.
const maxExport = 4 << 20

func main() {
	a := app.MustStart("admin", kmskeys.Keys)
	h := adminapi.Handler(a.Administration(), adminapi.Options{Origin: a.Config.Origin, NewID: random.ID, MaxExport: maxExport})
	a.ServeAdmin(h, adminapi.Panicked)
}
