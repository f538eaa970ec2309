package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"rollcall/shared/directory"
)

func webhookVerbs() []adminVerb {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	list := columns("ID id, NAME displayName, URL url, STATE state, TYPES types, CHANGED modifiedAt")
	one := columns("Id id, Name displayName, URL url, State state, Types types, Secret secret, Created createdAt, Changed modifiedAt, Version version")
	types := adminFlag{name: "types", member: "types", usage: "`types` of events, separated by commas (default: all)", kind: listFlag}
	return []adminVerb{
		{name: "list", summary: "list the webhooks", method: get, path: "/webhooks", list: true, show: list},
		{name: "create", summary: "create a webhook; prints its secret, once", method: post, path: "/webhooks", show: one, flags: []adminFlag{
			{name: "name", member: "displayName", usage: "display `name`", required: true},
			{name: "to", member: "url", usage: "`URL`, https", required: true}, types,
		}},
		{name: "show", args: "WEBHOOK", summary: "show a webhook", method: get, path: "/webhooks/%s", show: one},
		{name: "change", args: "WEBHOOK", summary: "change a webhook", method: patch, path: "/webhooks/%s", show: one, flags: []adminFlag{
			{name: "name", member: "displayName", usage: "display `name`"}, {name: "to", member: "url", usage: "`URL`, https"}, types,
			{name: "state", member: "state", usage: "active or paused"},
		}},
		{name: "rotate", args: "WEBHOOK", summary: "make a new secret; prints it, once", method: post, path: "/webhooks/%s:rotate", show: one, flags: []adminFlag{
			{name: "overlap", member: "overlapSeconds", usage: "`time` both secrets sign, 0s to 168h (default 24h)", kind: durationFlag},
		}},
		{name: "test", args: "WEBHOOK", summary: "have a test event sent", method: post, path: "/webhooks/%s:test", show: one},
		{name: "replay", args: "WEBHOOK", summary: "have the deliveries of a span of time sent again", method: post, path: "/webhooks/%s:replay", show: one, flags: []adminFlag{
			{name: "since", member: "since", usage: "not before this `time`", required: true}, {name: "until", member: "until", usage: "before this `time`", required: true},
		}},
		{name: "delete", args: "WEBHOOK", summary: "delete a webhook", method: del, path: "/webhooks/%s", show: one},
	}
}

func deliveryVerbs() []adminVerb {
	list := columns("ID id, WEBHOOK webhook, EVENT type, STATE state, TRIES tries, STATUS status, CAUSE cause, NEXT dueAt, DONE doneAt")
	one := columns("Id id, Webhook webhook, Event type, Entry entry, State state, Tries tries, Status status, Cause cause, Next dueAt, Done doneAt")
	return []adminVerb{
		{name: "list", summary: "list deliveries, the newest first", method: http.MethodGet, path: "/deliveries", list: true, show: list, flags: append(spanFlags(),
			adminFlag{name: "webhook", member: "webhook", usage: "of one `webhook`"}, adminFlag{name: "state", member: "state", usage: "pending, delivered or dead"})},
		{name: "show", args: "DELIVERY", summary: "show a delivery", method: http.MethodGet, path: "/deliveries/%s", show: one},
		{name: "replay", args: "DELIVERY", summary: "have a delivery sent again", method: http.MethodPost, path: "/deliveries/%s:replay", show: one},
	}
}

func spanFlags() []adminFlag {
	return []adminFlag{
		{name: "since", member: "since", usage: "not before this `time`, such as 2027-01-31T12:00:00Z"},
		{name: "until", member: "until", usage: "before this `time`"},
	}
}

func logFlags() []adminFlag {
	return append(spanFlags(),
		adminFlag{name: "provider", member: "provider", usage: "of one `provider`"},
		adminFlag{name: "user", member: "user", usage: "about one `user`"},
		adminFlag{name: "group", member: "group", usage: "about one `group`"},
		adminFlag{name: "action", member: "action", usage: "`action`, such as user.disabled"},
		adminFlag{name: "effect", member: "effect", usage: "`effect`, such as blocked"},
		adminFlag{name: "org", member: "organization", usage: "about users who came to this `organization` or left it"},
		adminFlag{name: "role", member: "role", usage: "about users whose `role` changed"},
		adminFlag{name: "cause", member: "cause", usage: "`what` led to it: directory, administrator, operator, wake-up, sweep, guard, apply, retention or rule"},
		adminFlag{name: "result", member: "result", usage: "success or conflict"},
		adminFlag{name: "search", member: "search", usage: "`part` of the name at the time"},
	)
}

func logVerbs(path string) []adminVerb {
	list := columns("TIME at, ACTION action, EFFECTS effects, CAUSE cause, NAME name, USER user, GROUP group, TARGET target, BY actor.kind, BY_ID actor.id, REASON actor.reason")
	verified := columns("Right ok, Signed signed, Chains chains, Blocks blocks, Entries entries, Not_sealed_yet unsealed, Checkpoints checkpoints, Last_checkpoint lastCheckpoint, Line line, Detail detail")
	return []adminVerb{
		{name: "list", summary: "search the log, the newest first", method: http.MethodGet, path: path, list: true, show: list, flags: logFlags()},
		{name: "verify", summary: "have the server verify the hash chain", method: http.MethodGet, path: path + ":verify", show: verified, flags: spanFlags()},
	}
}

// runLog runs `rollcall log`, whose verbs write a file in place of an answer.
func runLog(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] != "export" && args[0] != "key" {
		fmt.Fprintln(stderr, `usage: rollcall log export [flags]   write the Sync Log (or, with -audit, the Audit Log) to a file
       rollcall log key [flags]      write the public key that exports are verified with
(-h shows the flags)`)
		return exitUsage
	}
	c := adminCall{given: map[string]string{}, stdout: stdout, diags: stderr, now: time.Now}
	flags := []adminFlag{{name: "out", usage: "`file` to write (default: standard output)"}}
	if args[0] == "export" {
		flags = append(append(flags, logFlags()...), adminFlag{name: "format", member: "format", usage: "jsonl (default; can be verified) or csv"},
			adminFlag{name: "audit", usage: "`yes` for the Audit Log"})
	}
	c.verb = adminVerb{name: args[0], method: http.MethodGet, flags: flags}
	err := c.parse("log", args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err == nil {
		err = c.writeLog(ctx)
	}
	return exitCode(stderr, "rollcall log "+args[0], err)
}

// exitCode prints an error and returns its code.
func exitCode(stderr io.Writer, what string, err error) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "%s: %v\n", what, err)
	var known *adminError
	if errors.As(err, &known) {
		return known.code
	}
	return exitFailed
}

func (c *adminCall) writeLog(ctx context.Context) (err error) {
	client, err := newAdminClient(c.url, c.file)
	if err != nil {
		return err
	}
	out := c.stdout
	if name := c.given["out"]; name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // G304: the user names the file
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	if c.verb.name == "key" {
		key, err := client.send(ctx, http.MethodGet, "/log-key", nil, nil)
		if err != nil {
			return err
		}
		text, _ := key["publicKey"].(string)
		_, err = io.WriteString(out, text)
		return err
	}
	query := url.Values{}
	for _, f := range c.verb.flags {
		if v, ok := c.given[f.name]; ok && f.member != "" {
			query.Set(f.member, v)
		}
	}
	path := "/sync-log:export"
	if c.given["audit"] == "yes" {
		path = "/audit-log:export"
	}
	return client.download(ctx, path, query, out)
}

// download copies an answer that is no JSON object.
func (c *adminClient) download(ctx context.Context, path string, query url.Values, out io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	endless := *c.http
	endless.Timeout = 0
	answer, err := endless.Do(r)
	if err != nil {
		return adminErrorf(exitNoAccess, "could not reach %s", c.base)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		problem, err := readObject(answer.Body)
		if err != nil {
			problem = nil
		}
		return refusal(answer.StatusCode, problem)
	}
	if _, err := io.Copy(out, answer.Body); err != nil {
		return fmt.Errorf("the export was cut off: %w", err)
	}
	return nil
}

// runVerify checks an exported log: exit code 0 when it is as it was written, 1 when it is not.
func runVerify(_ context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("rollcall verify", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: rollcall verify -key FILE EXPORT\nchecks an export in JSON Lines; it needs no server")
		fs.PrintDefaults()
	}
	keyFile := fs.String("key", "", "`file` with the public key, as rollcall log key wrote it when it was trusted")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if fs.NArg() != 1 || *keyFile == "" {
		fs.Usage()
		return exitUsage
	}
	v, err := verifyFile(fs.Arg(0), *keyFile)
	if err != nil {
		fmt.Fprintf(stderr, "rollcall verify: %s: NOT as it was written: %v\n", fs.Arg(0), err)
		return exitFailed
	}
	fmt.Fprintf(stdout, "%s is as it was written: %d entries in %d blocks of %d chains, %d checkpoints, the last at %s; %d entries were not sealed yet\n",
		fs.Arg(0), v.Entries, v.Blocks, v.Chains, v.Checkpoints, v.LastCheckpoint.Format(time.RFC3339), v.Unsealed)
	return exitOK
}

// maxExportLine is the longest line of an export: an entry of 20,000 members.
const maxExportLine = 4 << 20

func verifyFile(name, keyFile string) (directory.Verified, error) {
	text, err := os.ReadFile(keyFile) //nolint:gosec // G304: the user names the file
	if err != nil {
		return directory.Verified{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return directory.Verified{}, errors.New("the key file holds no PEM block")
	}
	v, err := directory.NewVerifier(block.Bytes)
	if err != nil {
		return directory.Verified{}, err
	}
	f, err := os.Open(name) //nolint:gosec // G304: the user names the file
	if err != nil {
		return directory.Verified{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxExportLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		if err := v.Line(lines.Bytes()); err != nil {
			return directory.Verified{}, err
		}
	}
	if err := lines.Err(); err != nil {
		return directory.Verified{}, err
	}
	return v.End()
}

// wholeLines splits at line feeds and nothing else; text without one at the end is no line.
func wholeLines(data []byte, end bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if end && len(data) > 0 {
		return 0, nil, errors.New("the last line has no end")
	}
	return 0, nil, nil
}
