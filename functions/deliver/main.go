// Command deliver sends events to webhooks. A schedule invokes it every minute, and the function that follows the log
// when there is something new.
package main

import (
	"rollcall/shared/app"
	"rollcall/shared/kmskeys"
)

func main() {
	a := app.MustStart("deliver", kmskeys.Keys)
	a.ServeEvent(app.Deliver(a.Follow(), a.Log))
}
