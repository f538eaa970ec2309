package dynamo_test

import (
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/store/storetest"
)

func TestCrashesOfLeavers(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	storetest.Crashes(t, proof.Size(3, 13), func(t *testing.T, stop func(string) error) directory.Ports {
		s := open(t, table)
		s.StopBefore(stop)
		return s.Ports()
	})
}

func TestCrashedBatches(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	storetest.CrashedBatches(t, proof.Size(15, 5), func(t *testing.T, stop func(string) error) directory.Ports {
		s := open(t, table)
		s.StopBefore(stop)
		return s.Ports()
	})
}
