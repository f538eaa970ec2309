// Command rollcall runs Rollcall on one machine (`rollcall serve`), plays Entra ID against any SCIM
// server (`rollcall entra`), and speaks the admin API of a deployment (the other sub-commands).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// command is one sub-command: it returns the process's exit code.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

func commands() []command {
	all := []command{
		{"serve", "run the whole service on this machine", runServe},
		{"bootstrap", "make the first administrator's key of a deployment in AWS", runBootstrap},
		{"entra", "provision an invented directory as Entra ID does, and compare", runEntra},
	}
	for _, c := range []command{
		{name: "provider", summary: "list, create, rename, pause and delete provisioning providers"},
		{name: "token", summary: "list, create and revoke a provider's tokens"},
		{name: "user", summary: "find users and create local ones"},
		{name: "group", summary: "list a provider's groups and their members"},
		{name: "conflict", summary: "list people whose user name is taken, and settle them"},
		{name: "apikey", summary: "list, create and revoke keys of the admin API"},
	} {
		c.run = func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
			return runAdmin(ctx, c.name, args, stdout, stderr)
		}
		all = append(all, c)
	}
	return all
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.name == args[0] {
				return c.run(ctx, args[1:], stdout, stderr)
			}
		}
	}
	fmt.Fprintln(stderr, "usage: rollcall <command> [flags]   (rollcall <command> -h shows the flags)")
	for _, c := range commands() {
		fmt.Fprintf(stderr, "  %-10s %s\n", c.name, c.summary)
	}
	if len(args) == 1 && (args[0] == "-h" || args[0] == "help") {
		return 0
	}
	return 2
}
