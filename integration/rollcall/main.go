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
		{"log", "export the Sync Log or the Audit Log to a file, and the key to verify it with", runLog},
		{"verify", "check an exported log without a server", runVerify},
		{"bootstrap", "make the first key of an administrator, or of the operator, of a deployment in AWS", runBootstrap},
		{"entra", "provision an invented directory as Entra ID does, and compare", runEntra},
	}
	for _, c := range []command{
		{name: "provider", summary: "list, create, rename, pause and delete provisioning providers"},
		{name: "token", summary: "list, create and revoke a provider's tokens"},
		{name: "user", summary: "find, create, block, deactivate and bring back users"},
		{name: "group", summary: "list a provider's groups and their members"},
		{name: "conflict", summary: "list people whose user name is taken, and settle them"},
		{name: "pending", summary: "list and cancel pending deactivations"},
		{name: "hold", summary: "manage legal holds and their custodians"},
		{name: "guard", summary: "review the mass-change guard; set the deactivation delay"},
		{name: "webhook", summary: "list, create, test, rotate, replay and delete webhooks"},
		{name: "delivery", summary: "list what was sent to webhooks, and send it again"},
		{name: "sync-log", summary: "search the Sync Log, and verify its hash chain"},
		{name: "audit-log", summary: "search the Audit Log, and verify its hash chain"},
		{name: "org", summary: "list, make, rename, block and end organizations"},
		{name: "role", summary: "list and change the catalogue of roles"},
		{name: "watchlist", summary: "list and change watchlists"},
		{name: "org-mapping", summary: "map groups or attributes to organizations"},
		{name: "role-mapping", summary: "map groups to roles"},
		{name: "apply", summary: "plan, preview, apply, approve, cancel and undo the mappings"},
		{name: "report", summary: "list what is worth a look: countries that nobody knows"},
		{name: "settings", summary: "show and change the tenant's settings"},
		{name: "config", summary: "export, plan and apply organizations, roles and mappings as YAML"},
		{name: "report", summary: "list overrides, drift, and users who are long gone"},
		{name: "tenant", summary: "show the tenant; set how long it keeps what"},
		{name: "apikey", summary: "list, create and revoke keys of the admin API"},
		{name: "tenant", summary: "make, list, pause and remove tenants, with an operator's key"},
	} {
		c.run = func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
			return runAdmin(ctx, c.name, args, stdout, stderr)
		}
		all = append(all, c)
	}
	all = append(all, command{"country", "print Entra's expression for country codes, or the code of a country", runCountry})
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
		fmt.Fprintf(stderr, "  %-12s %s\n", c.name, c.summary)
	}
	if len(args) == 1 && (args[0] == "-h" || args[0] == "help") {
		return 0
	}
	return 2
}
