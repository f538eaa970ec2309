// Command deliver sends events to webhooks. A schedule invokes it every minute, and the function that follows the log
// when there is something new.
package main

import "rollcall/shared/app"

func main() {
	a := app.MustStart("deliver", app.Keys)
	a.ServeEvent(app.Deliver(a.Follow(), a.Log))
}
