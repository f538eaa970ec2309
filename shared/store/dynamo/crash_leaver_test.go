package dynamo_test

import (
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/store/storetest"
)

// processes returns what starts a process on the data of the previous one.
func processes(t *testing.T) func(*testing.T, func(string) error) directory.Ports {
	t.Helper()
	table := newTable(t)
	return func(t *testing.T, stop func(string) error) directory.Ports {
		t.Helper()
		s := open(t, table)
		s.StopBefore(stop)
		return s.Ports()
	}
}

func TestCrashesOfLeavers(t *testing.T) {
	t.Parallel()
	storetest.Crashes(t, proof.Size(3, 13), processes(t))
}

func TestCrashedBatches(t *testing.T) {
	t.Parallel()
	storetest.CrashedBatches(t, proof.Size(15, 5), processes(t))
}
