package dynamo_test

import (
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/store/storetest"
)

func TestCrashesOfLeavers(t *testing.T) {
	table := newTable(t)
	storetest.Crashes(t, func(t *testing.T, stop func(string) error) directory.Ports {
		s := open(t, table)
		s.StopBefore(stop)
		return s.Ports()
	})
}
