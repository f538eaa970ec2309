package reqlog

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// The limits of a Buffer.
const (
	bufferSize = 32 << 10
	bufferTime = 100 * time.Millisecond
)

// Buffer collects log lines and writes them together: after 100 ms, at 32 KB, at once with a line of level ERROR, and when
// Flush is called. It is for a server that goes on running: a function may be frozen before the time is over. Safe for
// concurrent use.
type Buffer struct {
	to    io.Writer
	mu    sync.Mutex
	lines []byte
}

// NewBuffer returns a buffer before w.
func NewBuffer(w io.Writer) *Buffer { return &Buffer{to: w, lines: make([]byte, 0, bufferSize)} }

// Write takes one line of a JSON log. Its error is of the lines that it writes, not of those that wait.
func (b *Buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) == 0 {
		time.AfterFunc(bufferTime, func() { _ = b.Flush() }) // a log that cannot be written must not fail a request
	}
	b.lines = append(b.lines, line...)
	if len(b.lines) >= bufferSize || bytes.Contains(line, []byte(`"level":"ERROR"`)) {
		return len(line), b.flush()
	}
	return len(line), nil
}

// Flush writes the lines that wait.
func (b *Buffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flush()
}

func (b *Buffer) flush() error {
	if len(b.lines) == 0 {
		return nil
	}
	_, err := b.to.Write(b.lines)
	b.lines = b.lines[:0]
	return err
}
