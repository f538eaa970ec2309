package reqlog_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/shared/reqlog"
)

// written is what was written since the last take. Safe for concurrent use.
type written struct {
	mu  sync.Mutex
	all []byte
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, b...)
	return len(b), nil
}

func (w *written) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := string(w.all)
	w.all = nil
	return all
}

func TestBufferWritesInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out written
		b := reqlog.NewBuffer(&out)
		write := func(line string) {
			if n, err := b.Write([]byte(line)); n != len(line) || err != nil {
				t.Errorf("wrote %d: %v", n, err)
			}
		}
		want := func(what, want string) {
			t.Helper()
			if got := out.take(); got != want {
				t.Errorf("%s: %d bytes are written, want %d", what, len(got), len(want))
			}
		}
		write("one\n")
		write("two\n")
		want("at once", "")
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		want("after 99 ms", "")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		want("after 100 ms", "one\ntwo\n")

		write("three\n")
		write(`{"level":"ERROR"}` + "\n")
		want("with an error", "three\n{\"level\":\"ERROR\"}\n")

		long := strings.Repeat("x", 8<<10-1) + "\n"
		for range 3 {
			write(long)
		}
		want("below 32 KB", "")
		write(long)
		want("at 32 KB", strings.Repeat(long, 4))

		write("last\n")
		if err := b.Flush(); err != nil {
			t.Error(err)
		}
		want("at the end", "last\n")
		time.Sleep(time.Second)
	})
}
