package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rollcall/integration/entra"
)

// entraFlags are the settings of one run.
type entraFlags struct {
	url, token, tokenFile             string
	dialect, prefix                   string
	profile                           string
	users, groups, cycles, concurrent int
	writes                            int
	seed                              uint64
	rate                              float64
	asJSON, cleanup, readBack         bool
}

// entraOutcome is the object that --json prints.
type entraOutcome struct {
	Equal   bool           `json:"equal"`
	Stories []entra.Report `json:"stories"`
	// Mixed is the outcome of --dialect mixed, which plays no story.
	Mixed *entra.ReadBackReport `json:"mixed,omitempty"`
	Error string                `json:"error,omitempty"`
}

// entraCommand simulates Entra ID's provisioning service.
func entraCommand(p *program) *cobra.Command {
	var f entraFlags
	c := &cobra.Command{
		Use: "entra", GroupID: groupRun, Short: "Provision a generated directory as Entra ID does, and compare", Args: usage(cobra.NoArgs),
		DisableFlagsInUseLine: true,
		Long: "Simulates Entra ID's provisioning service against a SCIM server: generates a directory, provisions it, changes it over\n" +
			"some cycles, restarts the job, and compares the whole server with the directory after every cycle. Each run creates\n" +
			"its own users and groups and does not change others.\n\n" +
			"With --read-back it reads every resource back after writing it, and reports what is not as the response said. With\n" +
			"--dialect mixed it does so for --writes requests in all forms that clients are known to use, mixed at random, some\n" +
			"of which the server has to refuse without a change.\n\n" +
			"The token is read from the environment variable ROLLCALL_SCIM_TOKEN, or from the file of --token-file.\n\n" +
			"Exit codes: 0 no difference, 1 differences, 2 usage, 3 could not run (credentials, connection).",
		Example: "  ROLLCALL_SCIM_TOKEN=rc_... rollcall entra --users 500 --groups 20 --cycles 1\n" +
			"  ROLLCALL_SCIM_TOKEN=rc_... rollcall entra --dialect mixed --writes 10000",
		RunE: func(c *cobra.Command, _ []string) error {
			full, err := f.complete(p)
			if err != nil {
				return err
			}
			if full.dialect == "mixed" {
				return p.mixed(c.Context(), full)
			}
			return p.play(c.Context(), full)
		},
	}
	set := c.Flags()
	set.StringVar(&f.url, "url", "", "SCIM base `URL` (default: the token's provider on ROLLCALL_ADMIN_URL, or "+defaultURL+")")
	set.StringVar(&f.tokenFile, "token-file", "", "`file` with the bearer token")
	set.IntVar(&f.users, "users", 1000, "`number` of people in the directory")
	set.IntVar(&f.groups, "groups", 50, "`number` of groups in the directory")
	set.Uint64Var(&f.seed, "seed", 1, "the same `number` generates the same directory and the same changes")
	set.IntVar(&f.cycles, "cycles", 3, "`number` of cycles after the initial one, each with changes to the directory")
	set.StringVar(&f.dialect, "dialect", "both", "`form` of writes: legacy, compliant, both, one after the other, okta, or mixed")
	set.BoolVar(&f.readBack, "read-back", false, "read every resource back after a write, and compare")
	set.IntVar(&f.writes, "writes", 10_000, "`number` of writes of --dialect mixed")
	set.StringVar(&f.profile, "profile", "entra", "the provider's `profile`, which decides what --dialect mixed may send")
	set.IntVar(&f.concurrent, "concurrency", 8, "`number` of concurrent requests")
	set.Float64Var(&f.rate, "rate", 0, "requests per second; 0 is no limit")
	set.StringVar(&f.prefix, "prefix", "", "`name` that identifies the run's users and groups (default: random)")
	set.BoolVar(&f.cleanup, "cleanup", false, "delete the population at the end and compare again")
	set.BoolVar(&f.asJSON, "json", false, "print one JSON object on stdout, progress on stderr")
	complete(c, "dialect", p, func(context.Context, *call, string) []string {
		return []string{"legacy", "compliant", "both", "okta", "mixed"}
	})
	return c
}

// play runs a story in each dialect and reports whether the server was equal to the directory.
func (p *program) play(ctx context.Context, f entraFlags) error {
	out := p.stdout
	if f.asJSON {
		out = p.stderr // stdout has only the JSON object
	}
	outcome := entraOutcome{Equal: true, Stories: []entra.Report{}}
	dialects := []entra.Dialect{entra.Dialect(f.dialect)}
	if f.dialect == "both" {
		dialects = []entra.Dialect{entra.Legacy, entra.Compliant}
	}
	for _, dialect := range dialects {
		report, failed := f.story(ctx, p, dialect, out)
		if failed != nil {
			report = createdOnly(report)
		}
		outcome.Stories = append(outcome.Stories, report)
		outcome.Equal = outcome.Equal && failed == nil && len(report.Differences) == 0 && len(report.Unresolved) == 0
		if !f.asJSON {
			printStory(p.stdout, report, failed == nil)
		}
		if failed != nil {
			outcome.Error = failed.Error()
			break
		}
	}
	if f.asJSON {
		if err := json.NewEncoder(p.stdout).Encode(outcome); err != nil {
			return err
		}
	}
	switch {
	case outcome.Error != "":
		return failf(exitNoAccess, "%s: could not continue: %s", f.url, outcome.Error)
	case !outcome.Equal:
		return failf(exitFailed, "the server differs from the directory")
	}
	return nil
}

// mixed writes in all forms and reads back.
func (p *program) mixed(ctx context.Context, f entraFlags) error {
	b := p.newBar()
	run := entra.ReadBack{BaseURL: f.url, Token: f.token, Profile: f.profile, Writes: f.writes, Workers: f.concurrent, Seed: f.seed,
		Population: f.prefix, Progress: func(done, total int) { b.show(done, total, fmt.Sprintf("%d of %d writes", done, total)) }}
	report, err := run.Run(ctx)
	b.clear()
	outcome := entraOutcome{Equal: err == nil && report.Differences == 0, Stories: []entra.Report{}, Mixed: &report}
	if err != nil {
		outcome.Error = err.Error()
	}
	if f.asJSON {
		if err := json.NewEncoder(p.stdout).Encode(outcome); err != nil {
			return err
		}
	} else {
		for _, d := range report.First {
			fmt.Fprintf(p.stdout, "difference: %s\n", d)
		}
		fmt.Fprintf(p.stdout, "%d writes in %d forms, %d refused as they had to be, %d repeated, %d read back: %d differences\n",
			report.Writes, len(report.Forms), report.Refused, report.Repeated, report.Reads, report.Differences)
	}
	switch {
	case err != nil:
		return failf(exitNoAccess, "%s: could not continue: %v", f.url, err)
	case !outcome.Equal:
		return failf(exitFailed, "the server does not hold what it accepted")
	}
	return nil
}

// createdOnly counts the objects that an aborted story created on the server, instead of those in its directory.
func createdOnly(r entra.Report) entra.Report {
	r.People, r.Groups, r.Memberships = 0, 0, 0
	for _, cycle := range r.Cycles {
		r.People += cycle.Counts["users created"]
		r.Groups += cycle.Counts["groups created"]
		r.Memberships += cycle.Counts["members added"]
	}
	return r
}

// story runs one story in one dialect, with progress on stderr and its lines on out.
func (f entraFlags) story(ctx context.Context, p *program, dialect entra.Dialect, out io.Writer) (entra.Report, error) {
	b := p.newBar()
	defer b.clear()
	show := func(x entra.Progress) {
		b.show(x.Done, x.Total, fmt.Sprintf("%s %d of %d, %d requests, %d failed", x.Phase, x.Done, x.Total, x.Requests, x.Failures))
	}
	story := entra.Story{
		Job: &entra.Job{BaseURL: f.url, Token: f.token, Dialect: dialect, Concurrency: f.concurrent, Rate: f.rate,
			ReadBack: f.readBack, Progress: show},
		Directory: entra.Options{Users: f.users, Groups: f.groups, Seed: f.seed, Population: f.prefix + "-" + string(dialect[0])},
		Cycles:    f.cycles,
		Cleanup:   f.cleanup,
		Log: func(line string) {
			b.clear()
			fmt.Fprintln(out, line)
		},
	}
	return story.Run(ctx)
}

var (
	entraPopulation = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)
	entraToken      = regexp.MustCompile(`^rc_([0-9a-z]+)_`)
)

// complete fills in defaults and refuses impossible values.
func (f entraFlags) complete(p *program) (entraFlags, error) {
	f.token = p.getenv("ROLLCALL_SCIM_TOKEN")
	if f.tokenFile != "" {
		text, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return f, failf(exitNoAccess, "read the token: %v", err)
		}
		f.token = strings.TrimSpace(string(text))
	}
	if m := entraToken.FindStringSubmatch(f.token); f.url == "" && m != nil {
		f.url = base(cmp.Or(p.getenv("ROLLCALL_ADMIN_URL"), defaultURL)) + "/scim/v2/" + m[1]
	}
	if f.prefix == "" {
		f.prefix = fmt.Sprintf("r%x", rand.Uint32())
	}
	target, err := url.Parse(f.url)
	switch {
	case f.token == "":
		return f, usagef("no token: set ROLLCALL_SCIM_TOKEN, or give a file with --token-file")
	case f.url == "":
		return f, usagef("--url is missing, and the token does not contain a provider's id")
	case err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" || target.RawQuery != "":
		return f, usagef("--url must be an http or https URL without a query")
	case !slices.Contains([]string{"legacy", "compliant", "both", "okta", "mixed"}, f.dialect):
		return f, usagef("--dialect must be legacy, compliant, both, okta or mixed, not %q", f.dialect)
	case !slices.Contains([]string{"", "entra", "entra-gov", "okta", "generic"}, f.profile):
		return f, usagef("--profile must be entra, entra-gov, okta or generic, not %q", f.profile)
	case f.users < 0 || f.groups < 0 || f.cycles < 0 || f.rate < 0 || f.writes < 0:
		return f, usagef("--users, --groups, --cycles, --rate and --writes cannot be negative")
	case f.concurrent < 1:
		return f, usagef("--concurrency must be at least 1")
	case !entraPopulation.MatchString(f.prefix):
		return f, usagef("--prefix must consist of lower-case letters, digits and hyphens")
	}
	return f, nil
}

// printStory prints the table of operations, the first differences, and the verdict.
func printStory(w io.Writer, r entra.Report, ended bool) {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "operation\trequests\tfailed\tp50 ms\tp90 ms\tp99 ms\tmax ms\t")
	requests := 0
	for _, o := range r.Operations {
		requests += o.Requests
		fmt.Fprintf(table, "%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", o.Operation, o.Requests, o.Failed, o.P50, o.P90, o.P99, o.Max)
	}
	if err := table.Flush(); err != nil {
		return // the output is closed
	}
	fmt.Fprintln(w)
	printEntraList(w, "difference", r.Differences, entra.Difference.String)
	printEntraList(w, "unresolved failure", r.Unresolved, func(f entra.Failure) string { return f.Object + " " + f.Error() })
	verdict := "equal"
	switch {
	case len(r.Differences)+len(r.Unresolved) > 0:
		verdict = "NOT EQUAL"
	case !ended:
		verdict = "aborted, not compared"
	}
	took := time.Duration(r.Seconds * float64(time.Second)).Round(100 * time.Millisecond)
	fmt.Fprintf(w, "%s (%s): %s. %d people, %d groups, %d memberships; %d requests in %s, %.0f per second\n\n", r.Population, r.Dialect,
		verdict,
		r.People, r.Groups, r.Memberships, requests, took, float64(requests)/max(r.Seconds, 0.001))
}

func printEntraList[T any](w io.Writer, what string, list []T, text func(T) string) {
	const shown = 20
	for _, item := range list[:min(len(list), shown)] {
		fmt.Fprintf(w, "%s: %s\n", what, strings.TrimSpace(text(item)))
	}
	if len(list) > shown {
		fmt.Fprintf(w, "%d more %ss\n", len(list)-shown, what)
	}
}
