// Command jobs does the work of schedules: long work that follows from the log, step by step; it seals the log, purges and
// drops what has expired, gives codes to countries, and erases removed tenants. Each event of a schedule names one job. The
// function that follows the log starts it, too, and the state machine of tasks, infra/statemachines/tasks.asl.json, calls it
// for each step.
package main

import (
	"rollcall/shared/app"
	"rollcall/shared/kmskeys"
)

func main() {
	a := app.MustStart("jobs", kmskeys.Keys, app.Carrier)
	a.ServeEvent(app.Jobs(a.Follow(), a.Log))
}
