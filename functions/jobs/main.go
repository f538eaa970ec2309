// Command jobs does the work of schedules: it seals the log, purges and drops what has expired, gives codes to countries,
// and erases removed tenants. Each event names one job.
package main

import (
	"rollcall/shared/app"
	"rollcall/shared/kmskeys"
)

func main() {
	a := app.MustStart("jobs", kmskeys.Keys)
	a.ServeEvent(app.Jobs(a.Follow(), a.Log))
}
