package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"rollcall/shared/directory"
)

// errStale reports that a condition of a transaction failed because the data it was computed from has changed: it is
// computed again.
var errStale = errors.New("the record has changed")

// errDone reports that what a transaction is to do was done before, by it or by another one.
var errDone = errors.New("this was done before")

// errCommitted reports that a log entry of a transaction exists: it was carried out before. Only commit sees it.
var errCommitted = errors.New("the transaction was carried out before")

// lockedError is errStale with the reason: a large change of a group is committed and not rolled forward yet.
type lockedError struct {
	tenant directory.TenantID
	entry  string // the change's entryRef
}

func (e *lockedError) Error() string { return "a large change of the group is in progress" }

func isLocked(err error) bool {
	var locked *lockedError
	return errors.As(err, &locked)
}

// inDoubt reports whether a call may have been carried out although it failed: the service is down, or answered that the
// same call is still in progress.
func inDoubt(err error) bool {
	var api smithy.APIError
	return isDown(err) || errors.As(err, &api) && api.ErrorCode() == "TransactionInProgressException"
}

// isDown reports whether the service did not answer, or answered that it failed itself.
func isDown(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return isNetwork(err)
	}
	return api.ErrorCode() == "InternalServerError" || api.ErrorCode() == "ServiceUnavailable"
}

// transientCodes are the codes of DynamoDB for calls that may succeed when repeated.
var transientCodes = map[string]bool{
	"ProvisionedThroughputExceededException": true, "ThrottlingException": true, "RequestLimitExceeded": true,
	"TransactionInProgressException": true, "TransactionConflictException": true, "InternalServerError": true,
	"ServiceUnavailable": true, "LimitExceededException": true, "ReplicatedWriteConflictException": true,
}

// transient reports whether the same call may succeed when repeated.
func transient(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && transientCodes[api.ErrorCode()]
}

// fault wraps the error of a call.
func fault(call string, err error) error {
	if err == nil {
		return nil
	}
	var known *directory.Error
	if errors.As(err, &known) {
		return err
	}
	var api smithy.APIError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), isCanceled(err):
		return &directory.Error{Kind: directory.Unavailable, Detail: "the request was cancelled", Err: err,
			Fault: errors.Is(err, context.DeadlineExceeded)}
	case transient(err), !errors.As(err, &api) && isNetwork(err):
		return &directory.Error{Kind: directory.Unavailable, Detail: "the store is busy; try again", Err: fmt.Errorf("%s: %w", call, err),
			Fault: isDown(err)}
	}
	return fmt.Errorf("%s: %w", call, err)
}

func isCanceled(err error) bool {
	var c *aws.RequestCanceledError
	return errors.As(err, &c)
}

// isNetwork reports whether the service did not answer.
func isNetwork(err error) bool {
	var op *smithy.OperationError
	return errors.As(err, &op)
}

func contended(call string) error {
	return directory.Errorf(directory.Unavailable, "too many changes of the same record at the same time (%s); try again", call)
}

func notFound(noun string) error { return directory.Errorf(directory.NotFound, "no such %s", noun) }

// A transaction that conflicts with another is repeated after a random pause, whose limit doubles up to longestPause;
// sixteen writers of one record all succeed.
const (
	maxTries     = 40
	firstPause   = 4 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// pause waits before try n+1, or until ctx ends.
func pause(ctx context.Context, n int) error {
	longest := min(longestPause, firstPause<<min(n, 10))
	timer := time.NewTimer(rand.N(longest)) //nolint:gosec // G404: jitter needs no secret randomness
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault("wait", ctx.Err())
	}
}

// rerun repeats try while it returns errStale. A locked group is finished first.
func (s *Store) rerun(ctx context.Context, noun string, try func(n int) error) error {
	for n := range maxTries {
		err := try(n)
		var locked *lockedError
		switch {
		case errors.As(err, &locked):
			if _, err := s.finishMembers(ctx, locked.tenant, locked.entry, everything); err != nil {
				return err
			}
		case !errors.Is(err, errStale):
			return err
		}
		if err := pause(ctx, n); err != nil {
			return err
		}
	}
	return contended(noun)
}
