package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/fsck"
	"rollcall/shared/verify"
)

// fsckCommand checks the data of a server that is not running: exit code 0 if it is sound, 1 if something is broken.
func fsckCommand(p *program) *cobra.Command {
	var f serveFlags
	var repair bool
	c := &cobra.Command{
		Use: "fsck", GroupID: groupRecords, Short: "Check the stored data for anything broken, without a server", Args: usage(cobra.NoArgs),
		Long: "Reads everything that is stored and reports what is broken: look-ups, counters and indexes that differ from their\n" +
			"records, records that contradict each other, a chain that does not fit the log, and people and groups that are not\n" +
			"as the log left them. It changes nothing, unless --repair is given, which corrects what is derived. Stop the server\n" +
			"first.\n\n" +
			"Exit code 1 means that something is broken, 3 that the data could not be read.",
		Example: "  rollcall fsck --data rollcall.db\n  rollcall fsck --store dynamodb --table rollcall -o json", DisableFlagsInUseLine: true,
		Annotations: map[string]string{"columns": findingColumns},
		RunE:        func(c *cobra.Command, _ []string) error { return p.fsck(c, f, repair) },
	}
	set := c.Flags()
	dataFlags(c, p, &f)
	set.BoolVar(&repair, "repair", false, "correct what is derived from other records")
	set.StringVarP(&p.set.output, "output", "o", "table", "output `format`: "+orList(formats))
	set.BoolVar(&p.set.json, "json", false, "the same as --output json")
	set.StringSliceVar(&p.set.columns, "columns", nil, "`names` of the columns to show, separated by commas")
	complete(c, "output", p, func(context.Context, *call, string) []string { return formats })
	return c
}

// followCommand has entries followed that were lost on the way to their follower.
func followCommand(p *program) *cobra.Command {
	var f serveFlags
	var since string
	c := &cobra.Command{
		Use: "follow", GroupID: groupRecords, Short: "Have lost log entries followed, without a server", Args: usage(cobra.NoArgs),
		Long: "Looks for entries of the log since a time that were never followed: their changes are done, and what follows from them is\n" +
			"missing, such as placement, events and webhooks. It sets them aside, and the service follows them within a minute,\n" +
			"or, for a database file, after its next start. Entries that are an hour old are found without this command.",
		Example:               "  rollcall follow --store dynamodb --table rollcall --since 6h",
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := readTime(since, p.now(), -1)
			if err != nil {
				return usagef("--since %v", err)
			}
			return p.follow(c.Context(), f, fmt.Sprint(from))
		},
	}
	set := c.Flags()
	set.StringVar(&since, "since", "25h", "`time` of the oldest entry: 6h, 2026-01-31, 2026-01-31T12:00:00Z")
	dataFlags(c, p, &f)
	return c
}

func (p *program) follow(ctx context.Context, f serveFlags, since string) error {
	at, err := time.Parse(time.RFC3339, since)
	if err != nil {
		return err
	}
	ports, closeStore, err := p.openForFsck(ctx, f, true)
	if err != nil {
		return err
	}
	defer closeStore()
	n, err := app.NewLocal(ports, f.retention, directory.External{}, nil).Follow.FollowSince(ctx, at)
	if n > 0 || err == nil {
		fmt.Fprintf(p.stdout, "Never followed since %s: %s.\n", since, count(n, "entry", "entries"))
	}
	if err != nil {
		return failf(exitNoAccess, "the data could not be read: %v", err)
	}
	return nil
}

// dataFlags adds the flags that name stored data.
func dataFlags(c *cobra.Command, p *program, f *serveFlags) {
	set := c.Flags()
	set.StringVar(&f.data, "data", "rollcall.db", "database `file`")
	set.StringVar(&f.store, "store", "sqlite", "`store`: sqlite, or dynamodb, configured by the AWS environment variables")
	set.StringVar(&f.table, "table", "rollcall", "DynamoDB `table`")
	set.DurationVar(&f.retention, "log-retention", directory.DefaultLogRetention, "`time` for which log entries are kept")
	complete(c, "store", p, func(context.Context, *call, string) []string { return []string{"sqlite", "dynamodb"} })
}

const findingColumns = "Kind kind, Subject subject, ID id:, Detail detail, Repairable repairable, Repaired repaired; Tenant tenant:"

func (p *program) fsck(cmd *cobra.Command, f serveFlags, repair bool) error {
	x := &call{program: p, cmd: cmd, act: action{columns: findingColumns}}
	if err := x.checkFormat(); err != nil {
		return err
	}
	ports, closeStore, err := p.openForFsck(cmd.Context(), f, repair)
	if err != nil {
		return err
	}
	defer closeStore()
	var found []fsck.Finding
	n, err := fsck.CheckAll(cmd.Context(), ports, fsck.Options{Now: p.now(), Retention: f.retention, Repair: repair},
		func(f fsck.Finding) { found = append(found, f) })
	if err != nil {
		return failf(exitNoAccess, "the data could not be read: %v", err)
	}
	slices.SortStableFunc(found, fsck.Finding.Compare)
	var items []any
	left, repairable := 0, 0
	for _, f := range found {
		item, err := objectOf(f)
		if err != nil {
			return err
		}
		items = append(items, item)
		if !f.Repaired {
			left++
		}
		if f.Repairable && !f.Repaired {
			repairable++
		}
	}
	if len(items) == 0 && p.set.output == "table" {
		fmt.Fprintf(p.stdout, "Nothing is broken in the data of %s.\n", count(n, "tenant", "tenants"))
		return nil
	}
	if err := x.printList(cmd.Context(), findingColumns, append([]any{}, items...)); err != nil || left == 0 {
		return err
	}
	return failf(exitFailed, "%s; --repair can correct %d of them", count(left, "thing is broken", "things are broken"), repairable)
}

// objectOf returns a value as a response of the admin API would have it.
func objectOf(v any) (object, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var o object
	return o, json.Unmarshal(text, &o)
}

// verifyCommand verifies an exported log: exit code 0 if it is intact, 1 if it is not.
func verifyCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "verify EXPORT", GroupID: groupRecords, Short: "Verify an exported log without a server",
		Long: "Verifies an export in JSON Lines, written by rollcall log export, with the key that rollcall log key wrote while the\n" +
			"server was trusted. It needs no server. Exit code 1 means that the export is not intact.",
		Example: "  rollcall verify --key log.pem log.jsonl", DisableFlagsInUseLine: true, Args: usage(cobra.ExactArgs(1)),
	}
	key := c.Flags().String("key", "", "`file` with the public key")
	c.RunE = func(_ *cobra.Command, args []string) error {
		if *key == "" {
			return usagef("--key is missing: give the file that rollcall log key wrote")
		}
		v, err := verifyFile(args[0], *key)
		var wrong *verify.Error
		switch {
		case errors.As(err, &wrong):
			return failf(exitFailed, "%s is NOT intact: %v", args[0], err)
		case err != nil:
			return usagef("not verified: %v", err)
		}
		fmt.Fprintf(p.stdout, "%s: %s\n", args[0], verified(v))
		return nil
	}
	return c
}

// verified describes an intact export.
func verified(v verify.Result) string {
	result := verdict(v.Entries, v.Unsealed)
	if v.Entries <= v.Unsealed {
		return result
	}
	last := ""
	if !v.LastCheckpoint.IsZero() {
		last = ", the last at " + v.LastCheckpoint.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s: %s in %s of %s, %s%s; %s not sealed yet", result, count(v.Entries-v.Unsealed, "entry", "entries"),
		count(v.Blocks, "block", "blocks"), count(v.Chains, "chain", "chains"), count(v.Checkpoints, "checkpoint", "checkpoints"), last,
		count(v.Unsealed, "entry is", "entries are"))
}

// maxExportLine is the longest line of an export: an entry of 20,000 members.
const maxExportLine = 4 << 20

func verifyFile(name, keyFile string) (verify.Result, error) {
	text, err := os.ReadFile(keyFile) //nolint:gosec // G304: the user names the file
	if err != nil {
		return verify.Result{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return verify.Result{}, errors.New("the key file contains no PEM block")
	}
	v, err := verify.New(block.Bytes)
	if err != nil {
		return verify.Result{}, err
	}
	f, err := os.Open(name) //nolint:gosec // G304: the user names the file
	if err != nil {
		return verify.Result{}, err
	}
	defer func() { _ = f.Close() }() // it was opened for reading
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxExportLine)
	lines.Split(wholeLines)
	read := 0
	for ; lines.Scan(); read++ {
		if err := v.Line(lines.Bytes()); err != nil {
			return verify.Result{}, err
		}
	}
	err = lines.Err()
	if errors.Is(err, errTruncated) || errors.Is(err, bufio.ErrTooLong) {
		err = &verify.Error{Line: read + 1, Detail: err.Error()}
	}
	if err != nil {
		return verify.Result{}, err
	}
	return v.End()
}

var errTruncated = errors.New("the line is truncated")

// wholeLines splits at line feeds only; text without a line feed at the end is an error.
func wholeLines(data []byte, end bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if end && len(data) > 0 {
		return 0, nil, errTruncated
	}
	return 0, nil, nil
}
