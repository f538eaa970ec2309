package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"rollcall/integration/entra"
)

// entraBar shows the progress of a run: a bar that is redrawn when the writer is a terminal, else a line every five
// seconds. It must not be used by two goroutines at once.
type entraBar struct {
	w        io.Writer
	terminal bool
	width    int
	last     time.Time
	drawn    bool
}

func newEntraBar(w io.Writer) *entraBar {
	b := &entraBar{w: w, width: 80, last: time.Now()}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		b.terminal = true
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			b.width = width
		}
	}
	return b
}

func (b *entraBar) show(p entra.Progress) {
	interval := 5 * time.Second
	if b.terminal {
		interval = 100 * time.Millisecond
	}
	if time.Since(b.last) < interval && (!b.terminal || p.Done < p.Total) {
		return
	}
	b.last = time.Now()
	text := fmt.Sprintf("%s %d of %d, %d requests, %d failed", p.Phase, p.Done, p.Total, p.Requests, p.Failures)
	if !b.terminal {
		fmt.Fprintln(b.w, text)
		return
	}
	length := min(30, b.width-len(text)-4)
	if length > 5 {
		full := length * p.Done / max(p.Total, 1)
		text = "[" + strings.Repeat("#", full) + strings.Repeat(".", length-full) + "] " + text
	}
	fmt.Fprint(b.w, "\r\x1b[K", text[:min(len(text), b.width-1)])
	b.drawn = true
}

// clear removes the bar so that a line can be printed in its place.
func (b *entraBar) clear() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}

func (b *entraBar) close() { b.clear() }
