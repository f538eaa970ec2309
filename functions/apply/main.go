// Command apply carries out the steps of the state machine of apply runs, infra/statemachines/apply.asl.json.
package main

import "rollcall/shared/app"

func main() {
	a := app.MustStart("apply")
	a.ServeEvent(app.Apply(a.Follow()))
}
