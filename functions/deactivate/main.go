// Command deactivate deactivates the users who are due: woken by the schedule of a due minute, and every five
// minutes by the sweep, which finds what no wake-up came for.
package main

import "rollcall/shared/app"

func main() {
	a := app.MustStart("deactivate")
	a.ServeEvent(app.Deactivate(a.Follow(), a.Log))
}
