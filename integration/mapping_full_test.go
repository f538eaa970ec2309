//go:build conformance

package integration_test

import (
	"testing"
	"time"

	"rollcall/integration/stack"
	"rollcall/shared/directory"
)

// TestMappingJourneyInFull is TestMappingJourney with 2,000 people and 40 groups on DynamoDB Local, which takes
// minutes. The table has no stream: with one, DynamoDB Local is many times slower.
func TestMappingJourneyInFull(t *testing.T) {
	begin := time.Now()
	s := stack.New(t, stack.Options{Ports: stack.DynamoDB})
	stepsJourney(t, s, 2000, 40)
	t.Logf("2,000 people and 40 groups: %v", time.Since(begin).Round(time.Second))
}
