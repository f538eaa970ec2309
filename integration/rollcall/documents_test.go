package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The commands under "Administer it" in the README work, one after the other, on a new service.
func TestReadmeWorks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Administer it")
	_, block, _ := strings.Cut(section, "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	s, folder, n := startServer(t), t.TempDir(), 0
	for line := range strings.Lines(block) {
		line, ours := strings.CutPrefix(strings.TrimSpace(line), "rollcall ")
		if !ours {
			continue
		}
		line, _, _ = strings.Cut(line, " #")
		line = strings.ReplaceAll(strings.TrimSpace(line), " log.", " "+folder+"/log.")
		if strings.HasPrefix(line, "entra") {
			line += " --url " + s.SCIMURL
		}
		s.answering("y").want(0, line)
		if n++; strings.HasPrefix(line, "entra") {
			s.settled()
		}
	}
	if n < 20 {
		t.Errorf("only %d commands", n)
	}
	s.want(0, `apply show Demo latest`, "Undoes", "completed")
}

var shownCommand = regexp.MustCompile("(?m)(?:`|^ *)(?:bin/)?rollcall ([a-z][^`\n]*)")

// The commands and flags in the documents exist.
func TestDocumentsShowCommandsThatExist(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../docs/adr/*.md")
	if err != nil {
		t.Fatal(err)
	}
	p, n := &program{now: noClock}, 0
	for _, file := range append(append(files, more...), "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range shownCommand.FindAllStringSubmatch(string(text), -1) {
			line, _, _ := strings.Cut(m[1], " #")
			root := p.root()
			cmd, rest, err := root.Find(words(strings.TrimRight(line, "\\ ")))
			if err != nil || cmd == root {
				t.Errorf("%s: rollcall %s: there is no such command", filepath.Base(file), line)
				continue
			}
			err = cmd.ParseFlags(rest)
			var missing *pflag.ValueRequiredError // the sentence continues after the flag
			if errors.As(err, &missing) || errors.Is(err, pflag.ErrHelp) {
				err = nil
			}
			if err != nil || cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
				t.Errorf("%s: rollcall %s: %v", filepath.Base(file), line, err)
			}
			n++
		}
	}
	if n < 40 {
		t.Errorf("only %d commands", n)
	}
}
