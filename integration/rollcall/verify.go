package main

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"rollcall/shared/verify"
	"time"

	"github.com/spf13/cobra"
)

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
