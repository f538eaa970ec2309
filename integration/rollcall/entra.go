package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"rollcall/integration/entra"
)

// entraUsage opens the help of "rollcall entra".
const entraUsage = `Usage: rollcall entra [flags]

Plays Entra ID's provisioning service against a SCIM server: invents a directory, provisions it,
lets it live for some cycles, restarts the job, and compares the whole server with the directory
after every cycle. Each run brings a population of its own and leaves everything else alone.

Exit status: 0 no difference, 1 differences, 2 usage, 3 could not run (credentials, connection).

`

// entraFlags are the settings of one run.
type entraFlags struct {
	url, token, dialect, prefix       string
	users, groups, cycles, concurrent int
	seed                              uint64
	rate                              float64
	asJSON, cleanup                   bool
}

// entraOutcome is what -json prints.
type entraOutcome struct {
	Equal   bool           `json:"equal"`
	Stories []entra.Report `json:"stories"`
	Error   string         `json:"error,omitempty"`
}

// runEntra is "rollcall entra": see entraUsage. Cancelling ctx stops it with status 3.
func runEntra(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := parseEntra(args, stderr)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "rollcall entra:", err)
			return 2
		}
		return 0
	}
	out := stdout
	if f.asJSON {
		out = stderr // stdout holds the one JSON object
	}
	outcome := entraOutcome{Equal: true, Stories: []entra.Report{}}
	dialects := []entra.Dialect{entra.Dialect(f.dialect)}
	if f.dialect == "both" {
		dialects = []entra.Dialect{entra.Legacy, entra.Compliant}
	}
	for _, dialect := range dialects {
		report, failed := f.tell(ctx, dialect, out, stderr)
		outcome.Stories = append(outcome.Stories, report)
		outcome.Equal = outcome.Equal && failed == nil && len(report.Differences) == 0 && len(report.Unresolved) == 0
		if !f.asJSON {
			printEntraStory(stdout, report)
		}
		if failed != nil {
			outcome.Error = failed.Error()
			break
		}
	}
	if f.asJSON {
		if err := json.NewEncoder(stdout).Encode(outcome); err != nil {
			fmt.Fprintln(stderr, "rollcall entra:", err)
			return 3
		}
	}
	switch {
	case outcome.Error != "":
		fmt.Fprintln(stderr, "rollcall entra: could not go on:", outcome.Error)
		return 3
	case !outcome.Equal:
		return 1
	}
	return 0
}

// tell runs one story in one dialect, with progress on stderr and its lines on out.
func (f entraFlags) tell(ctx context.Context, dialect entra.Dialect, out, stderr io.Writer) (entra.Report, error) {
	bar := newEntraBar(stderr)
	defer bar.close()
	story := entra.Story{
		Job:       &entra.Job{BaseURL: f.url, Token: f.token, Dialect: dialect, Concurrency: f.concurrent, Rate: f.rate, Progress: bar.show},
		Directory: entra.Options{Users: f.users, Groups: f.groups, Seed: f.seed, Population: f.prefix + "-" + string(dialect[0])},
		Cycles:    f.cycles,
		Cleanup:   f.cleanup,
		Log: func(line string) {
			bar.clear()
			fmt.Fprintln(out, line)
		},
	}
	return story.Run(ctx)
}

func parseEntra(args []string, stderr io.Writer) (entraFlags, error) {
	var f entraFlags
	set := flag.NewFlagSet("entra", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprint(stderr, entraUsage)
		set.PrintDefaults()
	}
	set.StringVar(&f.url, "url", "", "SCIM base `URL`; without it the provider of the token on http://127.0.0.1:8080")
	set.StringVar(&f.token, "token", "", "bearer token; better in the environment variable ROLLCALL_SCIM_TOKEN")
	set.IntVar(&f.users, "users", 1000, "people in the directory")
	set.IntVar(&f.groups, "groups", 50, "groups in the directory")
	set.Uint64Var(&f.seed, "seed", 1, "the same seed invents the same directory and the same life")
	set.IntVar(&f.cycles, "cycles", 3, "cycles after the initial one, each after a change of the directory")
	set.StringVar(&f.dialect, "dialect", "both", "PATCH form: legacy, compliant, or both (two stories in two populations)")
	set.IntVar(&f.concurrent, "concurrency", 8, "requests at the same time")
	set.Float64Var(&f.rate, "rate", 0, "requests per second; 0 is no limit")
	set.StringVar(&f.prefix, "prefix", "", "`name` of the population; empty invents one, so that runs do not meet")
	set.BoolVar(&f.cleanup, "cleanup", false, "delete the population at the end and compare again")
	set.BoolVar(&f.asJSON, "json", false, "print one JSON object on stdout, progress on stderr")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return f, err
		}
		return f, errors.New("see rollcall entra -help") // the flag package has named the fault
	}
	return f.complete(set.Args())
}

var (
	entraPopulation = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)
	entraToken      = regexp.MustCompile(`^rc_([0-9a-z]+)_`)
)

// complete fills what was left out and refuses what cannot be.
func (f entraFlags) complete(rest []string) (entraFlags, error) {
	if f.token == "" {
		f.token = os.Getenv("ROLLCALL_SCIM_TOKEN")
	}
	if m := entraToken.FindStringSubmatch(f.token); f.url == "" && m != nil {
		f.url = "http://127.0.0.1:8080/scim/v2/" + m[1]
	}
	if f.prefix == "" {
		f.prefix = fmt.Sprintf("r%x", rand.Uint32())
	}
	base, err := url.Parse(f.url)
	switch {
	case len(rest) > 0:
		return f, fmt.Errorf("unexpected argument %q", rest[0])
	case f.token == "":
		return f, errors.New("no token: set ROLLCALL_SCIM_TOKEN or -token")
	case f.url == "":
		return f, errors.New("no -url, and the token does not tell its provider")
	case err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.RawQuery != "":
		return f, errors.New("-url must be an http or https URL without a query")
	case f.dialect != "both" && f.dialect != string(entra.Legacy) && f.dialect != string(entra.Compliant):
		return f, fmt.Errorf("-dialect %q: want legacy, compliant or both", f.dialect)
	case f.users < 0 || f.groups < 0 || f.cycles < 0 || f.rate < 0:
		return f, errors.New("-users, -groups, -cycles and -rate cannot be negative")
	case f.concurrent < 1:
		return f, errors.New("-concurrency must be at least 1")
	case !entraPopulation.MatchString(f.prefix):
		return f, errors.New("-prefix takes lower-case letters, digits and hyphens")
	}
	return f, nil
}

// printEntraStory prints the table of operations, the first differences and the verdict.
func printEntraStory(w io.Writer, r entra.Report) {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "operation\trequests\tfailed\tp50 ms\tp90 ms\tp99 ms\tmax ms\t")
	requests := 0
	for _, o := range r.Operations {
		requests += o.Requests
		fmt.Fprintf(table, "%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", o.Operation, o.Requests, o.Failed, o.P50, o.P90, o.P99, o.Max)
	}
	if err := table.Flush(); err != nil {
		return // nobody reads any more
	}
	fmt.Fprintln(w)
	printEntraList(w, "difference", r.Differences, entra.Difference.String)
	printEntraList(w, "unresolved failure", r.Unresolved, func(f entra.Failure) string { return f.Object + " " + f.Error() })
	verdict := "equal"
	if len(r.Differences)+len(r.Unresolved) > 0 {
		verdict = "NOT EQUAL"
	}
	took := time.Duration(r.Seconds * float64(time.Second)).Round(100 * time.Millisecond)
	fmt.Fprintf(w, "%s (%s): %s. %d people, %d groups, %d memberships; %d requests in %s, %.0f per second\n\n", r.Population, r.Dialect, verdict,
		r.People, r.Groups, r.Memberships, requests, took, float64(requests)/max(r.Seconds, 0.001))
}

func printEntraList[T any](w io.Writer, what string, list []T, text func(T) string) {
	const shown = 20
	for _, item := range list[:min(len(list), shown)] {
		fmt.Fprintf(w, "%s: %s\n", what, strings.TrimSpace(text(item)))
	}
	if len(list) > shown {
		fmt.Fprintf(w, "%d more of kind %s\n", len(list)-shown, what)
	}
}
