// Command changes follows the log: it reads the table's stream and does what each entry leads to, such as
// completing large changes and counting.
package main

import "rollcall/shared/app"

func main() {
	a := app.MustStart("changes")
	a.ServeEvent(app.Changes(a.Directory(), a.Log))
}
