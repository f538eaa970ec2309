package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"rollcall/shared/country"
)

const folder = "../../../shared/country/"

func cldr(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(folder + "testdata/cldr.tsv")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The table in the repository is the one that the generator makes, of the pinned version of the CLDR.
func TestTableIsGenerated(t *testing.T) {
	t.Parallel()
	want, err := generate(cldr(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(folder + "table.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("shared/country/table.tsv is not what go run ./integration/tools/countries makes")
	}
	if !strings.Contains(cldr(t), "Unicode CLDR "+version+",") {
		t.Errorf("testdata/cldr.tsv is not of the CLDR %s: go run ./integration/tools/countries -fetch", version)
	}
}

// Each name of the CLDR gives its country, in every locale, or none if it is also the name of another one.
func TestNamesOfTheCLDR(t *testing.T) {
	t.Parallel()
	seen, unknown := map[string]int{}, 0
	for line := range strings.Lines(cldr(t)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 3 {
			continue
		}
		seen[cells[0]]++
		switch got := country.Code(cells[2]); {
		case got == cells[1]:
		case got == "" && cells[0] != "en" && cells[0] != "de":
			unknown++
			t.Logf("%s: %q is the name of several countries", cells[0], cells[2])
		case cells[0] == "en" || cells[0] == "de":
			t.Errorf("%s: %q is %q, want %s", cells[0], cells[2], got, cells[1])
		default:
			t.Logf("%s: %q, of %s, is the English or German name of %s", cells[0], cells[2], cells[1], got)
			unknown++
		}
	}
	if unknown > 30 {
		t.Errorf("%d names do not give their country", unknown)
	}
	for _, l := range locales {
		if seen[l] == 0 || !strings.Contains(l, "-") && l != "no" && seen[l] < 250 {
			t.Errorf("%d names in %s", seen[l], l)
		}
	}
}

// A name of two countries gives the English or German one, else none; our own names come first.
func TestNamesOfSeveralCountries(t *testing.T) {
	t.Parallel()
	table, err := generate("fr\tFR\tXland\nes\tES\tXland\nen\tUS\tYland\nfr\tFR\tYland\nfr\tFR\tGermany\n" +
		"it\tIT\tZland (Wland)\nfr\tFR\tWland\nfr\tFR\tVland\n" +
		"fr\tES\tVland du Sud\nit\tIT\tCongo (Republic)\n")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"xland": "", "yland": "US", "germany": "DE", "zland": "IT", "wland": "FR", "zlandwland": "IT",
		"vland": "fr", "vlanddusud": "ES", "republic": ""} {
		_, rest, found := strings.Cut("\n"+table, "\n"+key+"\t")
		if got, _, _ := strings.Cut(rest, "\n"); found && got != want || !found && want != "" {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if _, err := generate("fr\tFR\n"); err == nil {
		t.Error("a broken line is taken")
	}
}

// The extract has the names of the known locales and countries, in order, once each.
func TestExtract(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	files := tar.NewWriter(zipped)
	names := func(locale, territories string) string {
		return `{"main":{"` + locale + `":{"localeDisplayNames":{"territories":` + territories + `}}}}`
	}
	for name, text := range map[string]string{
		"package/main/de/territories.json": names("de", `{"DE":"Deutschland","001":"Welt","DE-alt-short":"D"}`),
		"package/main/en/territories.json": names("en", `{"FR":"France","DE":"Germany","XK":"Kosovo"}`),
		"package/main/xx/territories.json": `{`,
		"package/main/en/languages.json":   `{`,
	} {
		if err := files.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := extract(packed.Bytes())
	want := "en\tDE\tGermany\nen\tFR\tFrance\nen\tXK\tKosovo\nde\tDE\tD\nde\tDE\tDeutschland\n"
	if err != nil || !strings.HasSuffix(string(got), "txt).\n"+want) {
		t.Errorf("got %q, %v", got, err)
	}
}
