// Command deactivate deactivates the users who are due. The schedule of a due minute wakes it; every five minutes the
// sweep finds the users whose wake-up did not arrive.
package main

import "rollcall/shared/app"

func main() {
	a := app.MustStart("deactivate")
	a.ServeEvent(app.Deactivate(a.Follow(), a.Log))
}
