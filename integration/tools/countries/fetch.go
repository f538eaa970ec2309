package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"rollcall/shared/country"
)

// The package with the names of territories, and its hash as the npm registry states it.
const (
	version   = "48.2.0"
	address   = "https://registry.npmjs.org/cldr-localenames-full/-/cldr-localenames-full-" + version + ".tgz"
	integrity = "4o0paYDz0UXhfhChAVFkmVl2CP0YTSEqE6WrC0fNafaSC5u5DAXphxH3SZ1Ujczarikr8DToKZfiok6EqWLdNQ=="
)

// locales are English and German, the other languages of the EU, and those of docs/countries.md, with regional forms
// that have other names.
var locales = strings.Fields("en de bg cs da el es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv " +
	"ja zh zh-Hant ko ar tr ru uk nb nn no hi de-AT de-CH en-GB es-419 es-MX fr-CA fr-BE nl-BE pt-PT zh-Hant-HK")

// download returns the extract: a line "locale, code, name" for each name of a country in these locales.
func download() ([]byte, error) {
	res, err := http.Get(address)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	packed, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if sum := sha512.Sum512(packed); res.StatusCode != http.StatusOK || base64.StdEncoding.EncodeToString(sum[:]) != integrity {
		return nil, fmt.Errorf("%s: status %d, or not the pinned file", address, res.StatusCode)
	}
	return extract(packed)
}

func extract(packed []byte) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, c := range country.Countries() {
		known[c.Code] = true
	}
	var lines []string
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		parts := strings.Split(h.Name, "/")
		if len(parts) != 4 || parts[3] != "territories.json" || !slices.Contains(locales, parts[2]) {
			continue
		}
		names, err := territories(files)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		for key, name := range names {
			if code, _, _ := strings.Cut(key, "-"); known[code] {
				lines = append(lines, parts[2]+"\t"+code+"\t"+name)
			}
		}
	}
	rank := func(line string) int { locale, _, _ := strings.Cut(line, "\t"); return slices.Index(locales, locale) }
	slices.SortFunc(lines, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	head := "# Names of countries of the Unicode CLDR " + version + ", made by integration/tools/countries -fetch.\n" +
		"# Copyright 1991-2026 Unicode, Inc., under the Unicode License V3 (https://www.unicode.org/license.txt).\n"
	return []byte(head + strings.Join(slices.Compact(lines), "\n") + "\n"), nil
}

// territories reads the names of one locale.
func territories(r io.Reader) (map[string]string, error) {
	var file struct {
		Main map[string]struct {
			LocaleDisplayNames struct {
				Territories map[string]string `json:"territories"`
			} `json:"localeDisplayNames"`
		} `json:"main"`
	}
	err := json.NewDecoder(r).Decode(&file)
	for _, l := range file.Main {
		return l.LocaleDisplayNames.Territories, err
	}
	return nil, err
}
