package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// column is one column of a table, or one line about a single thing.
type column struct{ title, path string }

// columns reads "TITLE path, TITLE path".
func columns(text string) []column {
	var out []column
	for part := range strings.SplitSeq(text, ",") {
		title, path, _ := strings.Cut(strings.TrimSpace(part), " ")
		out = append(out, column{strings.ReplaceAll(title, "_", " "), path})
	}
	return out
}

// member returns a member by path, such as "holder.userName", as text that is safe on a terminal.
func member(v any, path string) string {
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return printable(v)
}

// printable is a JSON value on one line. What could move the cursor or turn the text around is replaced:
// names come from outside.
func printable(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = printable(e)
		}
		return strings.Join(parts, " ")
	case map[string]any:
		if s, ok := x["value"]; ok {
			return printable(s)
		}
		b, err := json.Marshal(x)
		if err != nil {
			return ""
		}
		return printable(string(b))
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029' {
			return '�'
		}
		return r
	}, fmt.Sprint(v))
}

// printTable writes one line for each item under a line of titles.
func printTable(w io.Writer, cols []column, items []any) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, c := range cols {
		fmt.Fprint(tw, separator(i), c.title)
	}
	fmt.Fprintln(tw)
	for _, item := range items {
		for i, c := range cols {
			fmt.Fprint(tw, separator(i), orDash(member(item, c.path)))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return "\t"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printOne writes what is known about one thing, a line each.
func printOne(w io.Writer, cols []column, item map[string]any) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range cols {
		if v := member(item, c.path); v != "" {
			fmt.Fprintf(tw, "%s\t%s\n", c.title, v)
		}
	}
	return tw.Flush()
}
