package workflow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// Scheduler is directory.Wakeups on EventBridge Scheduler: one schedule for each due minute, named after it, for all
// tenants. A schedule invokes its target at least once, and is then deleted. Safe for concurrent use.
type Scheduler struct {
	Client     *scheduler.Client
	Group      string // of the schedules
	Target     string // ARN of functions/deactivate
	Role       string // ARN of the role that may invoke it
	DeadLetter string // ARN of the queue for wake-ups that could not be delivered
	Now        func() time.Time

	mu        sync.Mutex
	scheduled map[time.Time]bool // minutes that this process has scheduled, or found scheduled
}

const (
	// scheduleRetries and scheduleAge bound how often and how long a wake-up is tried: by then the sweep has done its
	// work.
	scheduleRetries = 10
	scheduleAge     = 15 * time.Minute
	// knownMinutes bounds the memory of a long-lived process.
	knownMinutes = 10_000
)

// ScheduleName is the name of the schedule of a minute.
func ScheduleName(minute time.Time) string { return "due-" + minute.UTC().Format("20060102T1504") }

// WakeAt implements directory.Wakeups. An existing schedule will do.
func (s *Scheduler) WakeAt(ctx context.Context, at time.Time) error {
	minute := Minute(at, s.Now())
	if s.known(minute) {
		return nil
	}
	_, err := s.Client.CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		Name: aws.String(ScheduleName(minute)), GroupName: &s.Group,
		ScheduleExpression:         aws.String("at(" + minute.Format("2006-01-02T15:04:05") + ")"),
		ScheduleExpressionTimezone: aws.String("UTC"),
		FlexibleTimeWindow:         &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion:      types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn: &s.Target, RoleArn: &s.Role, Input: aws.String(`{"minute":"` + minute.Format(time.RFC3339) + `"}`),
			RetryPolicy: &types.RetryPolicy{
				MaximumRetryAttempts: aws.Int32(scheduleRetries), MaximumEventAgeInSeconds: aws.Int32(int32(scheduleAge / time.Second)),
			},
			DeadLetterConfig: &types.DeadLetterConfig{Arn: &s.DeadLetter},
		},
	})
	var exists *types.ConflictException
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("schedule the wake-up of %s: %w", minute.Format(time.RFC3339), err)
	}
	s.remember(minute)
	return nil
}

func (s *Scheduler) known(minute time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scheduled[minute]
}

func (s *Scheduler) remember(minute time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scheduled == nil || len(s.scheduled) > knownMinutes {
		s.scheduled = map[time.Time]bool{}
	}
	s.scheduled[minute] = true
}
