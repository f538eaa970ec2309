// Command changes follows the log: it reads the table's stream and does what each entry leads to, such as
// completing large changes, publishing events and counting. Schedules have it try deliveries that are due, and
// seal the log.
package main

import "rollcall/shared/app"

func main() {
	a := app.MustStart("changes", app.Wakeups, app.Runs, app.Bus, app.Keys)
	a.ServeEvent(app.ChangesOrWork(a.Follow(), a.Log))
}
