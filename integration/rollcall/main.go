// Command rollcall runs Rollcall on one machine (`rollcall serve`), simulates Entra ID against a SCIM server
// (`rollcall entra`), and calls the admin API of a deployment (most other commands).
package main

import (
	"bufio"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	terminal := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	p := &program{
		called: called(os.Args[0]), stdin: bufio.NewReader(os.Stdin), stdout: os.Stdout, stderr: os.Stderr, now: time.Now, getenv: os.Getenv,
		asks: terminal(os.Stdin) && terminal(os.Stderr), terminal: terminal(os.Stdout),
		secret: func() (string, error) {
			key, err := term.ReadPassword(int(os.Stdin.Fd()))
			return string(key), err
		},
	}
	state, err := term.GetState(int(os.Stdin.Fd()))
	code := p.execute(ctx, os.Args[1:])
	stop()
	if err == nil { // an interrupted question for a key leaves the terminal without echo
		_ = term.Restore(int(os.Stdin.Fd()), state)
	}
	os.Exit(code)
}

// called returns the name by which the user can call the program again: its path, if it was called by a relative path.
func called(arg string) string {
	if filepath.Base(arg) == arg || filepath.IsLocal(arg) {
		return arg
	}
	return filepath.Base(arg)
}
