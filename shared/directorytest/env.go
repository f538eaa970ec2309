// Package directorytest puts the three services on one store, for tests.
package directorytest

import (
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
)

type (
	// Provisioning is the service for directories, under a name that Env can embed.
	Provisioning = provisioning.Service
	// Administration is the service for administrators.
	Administration = administration.Service
	// Follow is the service that follows log entries.
	Follow = follow.Service
)

// Env is the services and their shared ports.
type Env struct {
	directory.Ports
	*Provisioning
	*Administration
	*Follow
	Runtime directory.Runtime
}

// New returns the services on the ports, with the machine's clock and randomness unless rt has its own.
func New(p directory.Ports, rt directory.Runtime) *Env {
	if rt.Now == nil {
		rt.Now = time.Now //nolint:forbidigo // for tests
	}
	if rt.NewID == nil {
		rt.NewID = random.ID
	}
	if rt.Random == nil {
		rt.Random = random.Fill
	}
	return &Env{p, provisioning.New(p, rt), administration.New(p, rt), follow.New(p, rt), rt}
}

// Now is the current time as stored in records.
func (e *Env) Now() time.Time { return e.Runtime.Time() }
