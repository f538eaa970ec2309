// Command changes follows the log: it reads the table's stream and carries out the steps that follow from each entry,
// such as completing large changes, publishing events and counting. A schedule invokes it to try again the steps that were
// set aside.
package main

import (
	"rollcall/shared/app"
	"rollcall/shared/invoke"
)

func main() {
	a := app.MustStart("changes", app.Wakeups, app.Runs, app.Bus, invoke.Delivering, invoke.Tasks)
	a.ServeEvent(app.ChangesOrWork(a.Follow(), a.Log))
}
