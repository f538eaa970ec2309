// Package statemachines holds the definitions of the state machines, in the Amazon States Language.
package statemachines

import _ "embed"

// Apply is the definition of the state machine of apply runs. The construct replaces ${Partition} and ${FunctionArn}.
//
//go:embed apply.asl.json
var Apply string
