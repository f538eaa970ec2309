package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
)

// span returns the flags of a time span.
func span() []flag {
	return []flag{
		{"since", "since", "not before this `time`: 1h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z"},
		{"until", "until", "before this `time`"},
	}
}

// logFilter returns the flags that filter the entries of a log.
func logFilter() []flag {
	return append(span(),
		flag{"provider", "provider", "only of this `provider`"}, flag{"user", "user", "only about this `user`"},
		flag{"group", "group", "only about this `group`"},
		flag{"action", "action", "`action`, such as user.disabled"}, flag{"effect", "effect", "`effect`, such as blocked"},
		flag{"org", "organization", "only about people who joined or left this `organization`"},
		flag{"role", "role", "only about people who got or lost this `role`"},
		flag{"cause", "cause", "only with this `cause`"}, flag{"result", "result", "only with this `result`"},
		flag{"search", "search", "`part` of the name at the time of the entry"},
	)
}

func logOf(name, title, search, verify string, spanOf []flag) noun {
	return noun{
		name: name, group: groupRecords, short: "Search the " + title + ", and verify that it is intact",
		actions: []action{
			{name: "list", op: search, short: "Search the log, newest entry first", example: "--since 1h", flags: logFilter(),
				columns: "TIME at, ACTION action, NAME name, EFFECTS effects, CAUSE cause, BY @by, REASON actor.reason; CHANGES @changes, " +
					"EXPLANATION explanation, RESULT result, PROVIDER provider, USER user:, GROUP group:, TARGET target, REQUEST actor.requestId, ID id"},
			{name: "verify", op: verify, short: "Verify the chain of the log on the server; exit code 1 if it is broken", example: "--since 7d",
				flags: spanOf,
				columns: "Result @verdict, Signed signed, Chains chains, Blocks blocks, Entries entries, Not_sealed_yet unsealed, " +
					"Checkpoints checkpoints, Last_checkpoint lastCheckpoint, Line line, Detail detail", judge: judgeLog},
		},
	}
}

func syncLogNoun() noun {
	n := logOf("sync-log", "Sync Log", "listSyncLog", "verifySyncLog",
		append(span(), flag{"provider", "provider", "only of this `provider`"}))
	n.actions[0].flags = append(n.actions[0].flags, flag{"user-names", "userNames", "look up the present user name of each person"})
	n.actions[0].columns += ", USER_NAME_NOW userNameNow"
	return n
}

func auditLogNoun() noun {
	return logOf("audit-log", "Audit Log", "listAuditLog", "verifyAuditLog", span())
}

// judgeLog returns an error if the chain is broken.
func judgeLog(v object) error {
	if v["ok"] != true {
		return failf(exitFailed, "the log is NOT intact: %s", text(v, "detail"))
	}
	return nil
}

// verdict describes a verification without a failure. While no entry is sealed, no entry was checked.
func verdict(entries, unsealed int) string {
	if entries <= unsealed {
		return fmt.Sprintf("nothing is sealed yet: %s, not checked", count(unsealed, "entry", "entries"))
	}
	return "intact"
}

// outFlag adds the flag that writeOut reads.
func outFlag(f *pflag.FlagSet) { f.String("out", "", "`file` to write (default: standard output)") }

// exportTable writes the response, which is CSV.
func exportTable(ctx context.Context, c *call) error {
	x := exchange{op: c.op, ids: c.ids, query: c.query}
	return c.writeOut(func(w io.Writer) error { return c.download(ctx, &x, w) })
}

func logNoun() noun {
	out := outFlag
	return noun{
		name: "log", group: groupRecords, short: "Export a log to a file, and the key that verifies it",
		actions: []action{
			{name: "export", op: "exportSyncLog", short: "Export the Sync Log, or with --audit the Audit Log",
				example: "--since 30d --out log.jsonl", also: []string{"exportAuditLog"},
				flags: append(logFilter(), flag{"format", "format", "JSON Lines (jsonl, the default), which can be verified, or csv"}),
				local: func(f *pflag.FlagSet) {
					out(f)
					f.Bool("audit", false, "the Audit Log")
				}, do: exportLog},
			{name: "key", op: "getLogKey", short: "Write the public key for verifying exports", example: "--out log.pem", local: out,
				do: func(ctx context.Context, c *call) error {
					key, err := c.get(ctx, c.op.id)
					if err != nil {
						return err
					}
					return c.writeOut(func(w io.Writer) error {
						text, _ := key["publicKey"].(string)
						_, err := io.WriteString(w, text)
						return err
					})
				}},
		},
	}
}

func exportLog(ctx context.Context, c *call) error {
	if c.terminal && c.flag("out") == "" {
		return usagef("an export is not for a terminal: give a file with --out, or use a pipe")
	}
	x := exchange{op: c.op, query: c.query}
	if c.flag("audit") == "true" {
		x.op = operations()["exportAuditLog"]
	}
	return c.writeOut(func(w io.Writer) error { return c.download(ctx, &x, w) })
}

// writeOut writes to the file of --out, or to standard output. A file that exists is replaced only once all is written.
func (c *call) writeOut(write func(io.Writer) error) error {
	name := c.flag("out")
	if name == "" {
		return write(c.stdout)
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // such as /dev/null or a pipe
		f, err := os.OpenFile(name, os.O_WRONLY, 0) //nolint:gosec // G304: the user names the file
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	return replaceFile(name, write)
}

// replaceFile writes a file that only the user can read, and gives it its name at the end.
func replaceFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
