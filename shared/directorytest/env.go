// Package directorytest puts the three services on one store, for tests.
package directorytest

import (
	"context"
	"errors"
	"fmt"
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

// FollowEntry follows one entry, and returns the errors of its steps.
func (e *Env) FollowEntry(ctx context.Context, t directory.TenantID, entry directory.LogEntry) error {
	return e.FollowAll(ctx, []directory.TenantEntry{{Tenant: t, Entry: entry}})
}

// FollowAll follows a batch and does the tasks that it starts, as far as their time has come. It returns the errors of the
// steps and tasks.
func (e *Env) FollowAll(ctx context.Context, batch []directory.TenantEntry) error {
	var errs []error
	for _, f := range e.FollowBatch(ctx, batch) {
		errs = append(errs, fmt.Errorf("%s: %w", f.Step, f.Err))
	}
	for _, x := range batch {
		for _, id := range follow.TasksOf(x.Entry) {
			for more := true; more; {
				var err error
				if more, err = e.StepTask(ctx, x.Tenant, id); err != nil {
					errs = append(errs, err)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// Now is the current time as stored in records.
func (e *Env) Now() time.Time { return e.Runtime.Time() }
