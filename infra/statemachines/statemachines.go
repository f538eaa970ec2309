// Package statemachines holds the definitions of the state machines, in the Amazon States Language.
package statemachines

import _ "embed"

// The definitions of the state machines of apply runs and of tasks. The construct replaces ${Partition} and ${FunctionArn}.
var (
	//go:embed apply.asl.json
	Apply string
	//go:embed tasks.asl.json
	Tasks string
)
