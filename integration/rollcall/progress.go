package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

// bar shows progress: a bar that is redrawn if the writer is a terminal, otherwise a line every five seconds. It is not
// safe for concurrent use.
type bar struct {
	w        io.Writer
	now      func() time.Time
	terminal bool
	width    int
	last     time.Time
	drawn    bool
}

func (p *program) newBar() *bar {
	b := &bar{w: p.stderr, now: p.now, width: 80, last: p.now()}
	file, ok := p.stderr.(*os.File)
	if !ok {
		return b
	}
	fd := int(file.Fd())
	if b.terminal = term.IsTerminal(fd); b.terminal {
		if width, _, err := term.GetSize(fd); err == nil && width > 0 {
			b.width = width
		}
	}
	return b
}

// show shows the progress, at most once in an interval.
func (b *bar) show(done, total int, text string) {
	interval := 5 * time.Second
	if b.terminal {
		interval = 100 * time.Millisecond
	}
	if b.now().Sub(b.last) < interval && (!b.terminal || done < total) {
		return
	}
	b.last = b.now()
	if !b.terminal {
		fmt.Fprintln(b.w, text)
		return
	}
	if length := min(30, b.width-len(text)-4); length > 5 {
		full := min(length, length*done/max(total, 1))
		text = "[" + strings.Repeat("#", full) + strings.Repeat(".", length-full) + "] " + text
	}
	fmt.Fprint(b.w, "\r\x1b[K", text[:min(len(text), b.width-1)])
	b.drawn = true
}

// clear removes the bar, so that a line can be printed in its place.
func (b *bar) clear() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}

// progress returns how much of the work of a task is done.
func progress(item object) string { return ofAbout(text(item, "done"), text(item, "total")) }

func ofAbout(done, total string) string {
	if total == "" || total == "0" {
		return thousands(done)
	}
	return thousands(done) + " of about " + thousands(total)
}

// thousands returns a number with a comma after each three digits.
func thousands(number string) string {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1000 {
		return number
	}
	return thousands(strconv.Itoa(n/1000)) + "," + number[len(number)-3:]
}
