package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"rollcall/shared/verify"
	"strings"
	"testing"
)

// A failed verification has exit code 1, on the server and locally. A log without a seal is not reported as intact.
func TestVerdictsHaveExitCodes(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	broken := s.front(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, ":verify") {
			return false
		}
		_, _ = io.WriteString(w, `{"ok":false,"signed":true,"chains":1,"blocks":1,"entries":3,"unsealed":0,"checkpoints":1,"line":2,`+
			`"detail":"the entry is not the one that was sealed"}`)
		return true
	})
	for _, line := range []string{"sync-log verify", "audit-log verify", "sync-log verify --provider Demo", "audit-log verify -o json"} {
		broken.want(1, line, "NOT intact: the entry is not the one that was sealed")
	}
	young := s.front(func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.WriteString(w, `{"ok":true,"signed":false,"chains":1,"blocks":0,"entries":0,"unsealed":12,"checkpoints":0}`)
		return true
	})
	if out := young.want(0, "audit-log verify", "nothing is sealed yet: 12 entries, not checked"); strings.Contains(out, "0001") {
		t.Errorf("it shows a zero time: %s", out)
	}
	s.want(0, "sync-log verify --since 7d", "Signed")
}

// An export is not printed on a terminal.
func TestExportsAndTerminals(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.person("kim@contoso.example")
	at := *s
	at.terminal = true
	at.want(2, "log export", "--out")
	file := filepath.Join(t.TempDir(), "log.jsonl")
	at.want(0, "log export --since 1h --out "+file)
	if text, err := os.ReadFile(file); err != nil || !bytes.Contains(text, []byte("kim@contoso.example")) {
		t.Errorf("%v %s", err, text)
	}
	if out := s.want(0, "log export --format csv"); !strings.Contains(out, "kim@contoso.example") {
		t.Errorf("into a pipe: %s", out)
	}
	s.want(0, "log export -audit yes --format csv", "provider.created")
	for _, off := range []string{"--audit=false", "-audit false"} {
		if out := s.want(0, "log export "+off+" --format csv"); strings.Contains(out, "provider.created") {
			t.Errorf("%s exports the Audit Log", off)
		}
	}
	s.want(2, "log export --format xml", "--format must be jsonl or csv")
	// An export that fails leaves the file of an earlier one as it is, and nothing beside it.
	kept := writeFile(t, "an earlier export")
	s.want(3, "log export --url http://127.0.0.1:1 --out "+kept)
	s.as("help-desk").want(1, "log export --out "+kept, "with the role")
	earlier, err := os.ReadFile(kept)
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(kept), "*")) // its pattern is valid
	if err != nil || string(earlier) != "an earlier export" || len(files) != 1 {
		t.Errorf("%v %q %v", err, earlier, files)
	}
	s.want(0, "log key --out "+kept)
}

// An export without a seal is not reported as intact.
func TestVerifyOfAnExportWithoutASeal(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.person("kim@contoso.example")
	pem, export := filepath.Join(t.TempDir(), "log.pem"), filepath.Join(t.TempDir(), "log.jsonl")
	s.want(0, "log key --out "+pem)
	s.want(0, "log export --out "+export)
	text, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	said := s.want(0, "verify --key "+pem+" "+export)
	if !bytes.Contains(text, []byte(`"block"`)) && !strings.Contains(said, "nothing is sealed yet: ") || strings.Contains(said, "0001-01-01") {
		t.Errorf("%s of\n%s", said, text)
	}
	for _, line := range []string{"verify --key " + pem + " /nowhere", "verify --key " + export + " " + export} {
		if said := s.fails(2, line); strings.Contains(said, "intact") { // nothing was compared
			t.Errorf("%s: %s", line, said)
		}
	}
	for _, i := range []int{0, len(text) / 2, len(text) - 1} {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		s.want(1, "verify --key "+pem+" "+writeFile(t, string(changed)), "NOT intact")
	}
	sealed := verify.Result{Blocks: 2, Entries: 20, Chains: 1, Checkpoints: 1, LastCheckpoint: noClock(), Unsealed: 3}
	if got, want := verified(sealed), "intact: 17 entries in 2 blocks of 1 chain, 1 checkpoint, "+
		"the last at 2026-01-31T12:00:00Z; 3 entries are not sealed yet"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := verified(verify.Result{Blocks: 2, Entries: 23, Unsealed: 23}),
		"nothing is sealed yet: 23 entries, not checked"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := verified(verify.Result{Blocks: 1, Entries: 1}); strings.Contains(got, "the last at") {
		t.Errorf("without a checkpoint: %q", got)
	}
}
