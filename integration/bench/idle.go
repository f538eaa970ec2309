package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/random"
	"rollcall/shared/store/sqlite"
)

const (
	idleStart  = 90 * time.Second // the first minute has the jobs' daily passes
	idleLength = time.Minute      // each job but the sweep runs
)

// idle prints the share of a core that `rollcall serve` takes when nothing happens, on a file with so many entries.
func idle(entries int) {
	dir := filepath.Dir(scratch())
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "idle.db")
	fillLog(file, entries)
	build := buildCommand(dir)
	s := serve(build, "--data", file)
	defer s.close()
	time.Sleep(idleStart)
	before, began := s.cpu(), time.Now()
	time.Sleep(idleLength)
	took, length := s.cpu()-before, time.Since(began)
	fmt.Println("| entries in the file | processor time | share of a core |")
	fmt.Println("|---|---|---|")
	fmt.Printf("| %d | %d ms in %.0f s | %.2f %% |\n\n", entries, took.Milliseconds(), length.Seconds(), 100*took.Seconds()/length.Seconds())
}

// buildCommand builds the rollcall command in a directory.
func buildCommand(dir string) string {
	build := filepath.Join(dir, "rollcall")
	//nolint:gosec // G204: the path is ours
	compile := exec.CommandContext(context.Background(), "go", "build", "-o", build, "./integration/rollcall")
	if out, err := compile.CombinedOutput(); err != nil {
		fail(fmt.Errorf("build the command: %w: %s", err, out))
	}
	return build
}

// fillLog makes a file with 1,000 people and many entries about them, of the last day, which are followed and sealed.
func fillLog(file string, entries int) {
	store, err := sqlite.Open(file, time.Now)
	check(err)
	defer func() { check(store.Close()) }()
	earlier := func() time.Time { return time.Now().Add(-time.Hour) } // what it follows can be sealed at once
	env := directorytest.New(store.Ports(), directory.Runtime{Now: earlier})
	s := newServer("SQLite", env, discard())
	provider := directory.ProviderID(s.base[strings.LastIndexByte(s.base, '/')+1:])
	people := make1000(s)
	const together = 1000
	ctx, at := context.Background(), time.Now().Add(-24*time.Hour)
	for from := 0; from < entries; from += together {
		check(env.Feed.Together(ctx, func(ctx context.Context) error {
			for i := from; i < min(from+together, entries); i++ {
				e := directory.LogEntry{
					ID: "e" + directory.EntryID(random.ID()), At: at.Add(time.Duration(i) * 20 * time.Hour / time.Duration(entries)), Provider: provider,
					Actor: directory.Actor{Kind: directory.ActorSystem, ID: "bench"}, Action: directory.UserUpdated,
					Changes: []directory.Change{directory.NewChange("title", "Analyst", "Director "+strconv.Itoa(i))},
				}.OfUser(directory.UserID(people[i%len(people)]))
				if err := env.Log.AppendEntry(ctx, directory.DefaultTenant, e); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	followAll(env)
	check(directorytest.New(store.Ports(), directory.Runtime{}).SealAll(ctx, func() bool { return false }))
}
