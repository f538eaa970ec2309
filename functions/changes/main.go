// Command changes follows the log: it reads the table's stream and carries out the steps that follow from each entry,
// such as completing large changes, publishing events and counting. A schedule invokes it to try parked entries again.
package main

import "rollcall/shared/app"

func main() {
	a := app.MustStart("changes", app.Wakeups, app.Runs, app.Bus, app.Delivering, app.Keys)
	a.ServeEvent(app.ChangesOrWork(a.Follow(), a.Log))
}
