package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"rollcall/shared/casefold"
	"rollcall/shared/spreadsheet"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"
)

// formats are the values of --output.
var formats = []string{"table", "json", "yaml", "csv", "name"}

// column is one column of a table, or one line of a single record.
type column struct{ title, path string }

// columns parses "TITLE path, TITLE path; TITLE path". Columns after the semicolon are shown only by --columns.
func columns(spec string) (shown, all []column) {
	first, more, _ := strings.Cut(spec, ";")
	for i, part := range strings.Split(first+","+more, ",") {
		title, path, _ := strings.Cut(strings.TrimSpace(part), " ")
		if title == "" {
			continue
		}
		all = append(all, column{strings.ReplaceAll(title, "_", " "), strings.TrimSpace(path)})
		if i <= strings.Count(first, ",") {
			shown = all
		}
	}
	return shown, all
}

// id returns the name of a column in --columns.
func (c column) id() string { return strings.ToLower(strings.ReplaceAll(c.title, " ", "-")) }

// chosen returns the columns to show: those of --columns, or the default ones.
func (c *call) chosen(spec string) ([]column, error) {
	shown, all := columns(spec)
	if len(c.set.columns) == 0 {
		return shown, nil
	}
	var out []column
	ids := columnIDs(all)
	for _, name := range c.set.columns {
		i := slices.Index(ids, strings.ToLower(strings.TrimSpace(name)))
		if i < 0 {
			return nil, usagef("there is no column %q%s\n  The available columns are %s.", name, didYouMean(name, ids), strings.Join(ids, ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

func columnIDs(all []column) []string {
	var ids []string
	for _, c := range all {
		ids = append(ids, c.id())
	}
	return ids
}

// printList shows the items of a list.
func (c *call) printList(ctx context.Context, spec string, items []any) error {
	switch c.set.output {
	case "json", "yaml":
		return c.printValue(object{"items": items})
	case "name":
		for _, item := range items {
			c.printName(item)
		}
		return nil
	}
	cols, err := c.chosen(spec)
	if err != nil {
		return err
	}
	return c.printTable(ctx, cols, items)
}

// sortByName sorts the items of a table whose first column is a name by this name. Other lists keep their order, such as
// newest first.
func sortByName(spec string, items []any) {
	cols, _ := columns(spec)
	if !slices.Contains([]string{"userName", "displayName", "name", "title"}, cols[0].path) {
		return
	}
	slices.SortStableFunc(items, func(a, b any) int {
		return strings.Compare(casefold.Fold(text(a, cols[0].path)), casefold.Fold(text(b, cols[0].path)))
	})
}

// printOne shows one record, with a line for each column, followed by its lists.
func (c *call) printOne(ctx context.Context, spec string, tables []table, item object) error {
	switch c.set.output {
	case "json", "yaml":
		return c.printValue(item)
	case "name":
		c.printName(item)
		return nil
	}
	cols, err := c.chosen(spec)
	if err != nil {
		return err
	}
	if c.set.output == "csv" {
		return c.printTable(ctx, cols, []any{item})
	}
	cells, err := c.cells(ctx, cols, []any{item})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for i, col := range cols {
		if cells[0][i] != "" {
			fmt.Fprintf(w, "%s\t%s\n", col.title, cells[0][i])
		}
	}
	if err := w.Flush(); err != nil || len(c.set.columns) > 0 {
		return err
	}
	for _, t := range tables {
		head, leaf, nested := strings.Cut(t.path, ".")
		at := item
		if nested {
			at, _ = item[head].(object)
			head = leaf
		}
		items := list(at, head)
		if len(items) == 0 {
			continue
		}
		fmt.Fprintf(c.stdout, "\n%s\n", t.title)
		shown, _ := columns(t.columns)
		if err := c.printTable(ctx, shown, items); err != nil {
			return err
		}
	}
	return nil
}

// printName writes the name of a record that has one.
func (c *call) printName(item any) {
	if name := nameOf(item); name != "" {
		fmt.Fprintln(c.stdout, name)
	}
}

// printTable writes a line for each item under a line of titles.
func (c *call) printTable(ctx context.Context, cols []column, items []any) error {
	rows, err := c.cells(ctx, cols, items)
	if err != nil {
		return err
	}
	var titles []string
	for _, col := range cols {
		titles = append(titles, col.title)
	}
	if c.set.output == "csv" {
		return writeCSV(c.stdout, append([][]string{columnIDs(cols)}, rows...))
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{titles}, rows...) {
		for i := range row {
			if row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// cells returns the texts of a table. Rows are built concurrently, because some cells need requests to the server.
func (c *call) cells(ctx context.Context, cols []column, items []any) ([][]string, error) {
	rows := make([][]string, len(items))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(8)
	for i, item := range items {
		rows[i] = make([]string, len(cols))
		o, _ := item.(object)
		work.Go(func() error {
			for j, col := range cols {
				rows[i][j] = c.cell(ctx, o, col.path)
			}
			return ctx.Err()
		})
	}
	return rows, work.Wait()
}

// cell returns the text for a path, with names instead of ids and readable times and durations. A name with an @ is a
// computed text. A kind after a colon means that the value is an id of this kind, a colon alone that it is no id.
func (c *call) cell(ctx context.Context, item object, path string) string {
	leaf := path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		for name := range strings.SplitSeq(path[:i], ".") {
			item, _ = item[name].(object)
		}
		leaf = path[i+1:]
	}
	if strings.HasPrefix(leaf, "@") {
		return c.computed(ctx, item, leaf)
	}
	name, kind, explicit := strings.Cut(leaf, ":")
	if !explicit {
		kind = references[name]
	}
	return c.show(ctx, item[name], name, kind, text(item, "provider"))
}

func (c *call) show(ctx context.Context, v any, name, reference, provider string) string {
	switch x := v.(type) {
	case []any:
		var parts []string
		for _, e := range x {
			parts = append(parts, c.part(c.show(ctx, e, name, reference, provider)))
		}
		return strings.Join(parts, ", ")
	case object:
		if x["deleted"] == true {
			return nameOf(x) + " (deleted in the directory)"
		}
		return nameOf(x)
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case string:
		if reference != "" && x != "" {
			return c.nameFor(ctx, reference, x, provider)
		}
		if strings.HasSuffix(name, "At") || name == "at" || name == "since" || name == "lastCheckpoint" {
			return c.showTime(x)
		}
	case json.Number:
		if strings.HasSuffix(name, "Seconds") {
			return showSeconds(x.String())
		}
	}
	return printable(v)
}

// nameOf returns the best name of a record in a response.
func nameOf(v any) string {
	o, ok := v.(object)
	if !ok {
		return printable(v)
	}
	for _, name := range []string{"userName", "displayName", "title", "name", "value", "lastFour", "id", "user", "version"} {
		if s, ok := o[name].(string); ok && s != "" {
			return printable(s)
		}
	}
	return ""
}

// text returns a member by path, such as "holder.userName", as text that is safe on a terminal.
func text(v any, path string) string {
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(object)
		v = m[name]
	}
	return printable(v)
}

// printable returns a value on one line, with safe characters only, because names come from outside.
func printable(v any) string {
	if v == nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unsafe(r) {
			return '�'
		}
		return r
	}, fmt.Sprint(v))
}

// unsafe reports whether a character could move the cursor or reverse the text on a terminal. The joiners are part of
// names in Persian and in Indian languages, and of emoji.
func unsafe(r rune) bool {
	const nonJoiner, joiner, lineSeparator, paragraphSeparator = '\u200c', '\u200d', '\u2028', '\u2029'
	return unicode.Is(unicode.C, r) && r != nonJoiner && r != joiner || r == lineSeparator || r == paragraphSeparator
}

// escaped returns JSON, or YAML in which texts with unsafe characters are in double quotes, with escape sequences for
// unsafe characters. Those beyond U+FFFF do not move the cursor.
func escaped(text []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(text) {
		if unsafe(r) && r != '\n' && r <= 0xffff {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

// printValue writes a value as JSON, or as YAML.
func (c *call) printValue(v any) error {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if c.terminal && c.set.output == "json" {
		e.SetIndent("", "  ")
	}
	if err := e.Encode(v); err != nil {
		return err
	}
	text := escaped(out.Bytes())
	if c.set.output == "yaml" {
		return writeYAML(c.stdout, text)
	}
	_, err := c.stdout.Write(text)
	return err
}

// writeYAML writes JSON as YAML in block style; JSON is YAML in flow style.
func writeYAML(w io.Writer, text []byte) error {
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return err
	}
	var plain func(*yaml.Node)
	plain = func(n *yaml.Node) {
		n.Style = 0
		if strings.ContainsFunc(n.Value, unsafe) {
			n.Style = yaml.DoubleQuotedStyle
		}
		for _, inner := range n.Content {
			plain(inner)
		}
	}
	plain(&n)
	var buffer bytes.Buffer
	out := yaml.NewEncoder(&buffer)
	out.SetIndent(2)
	if err := errors.Join(out.Encode(&n), out.Close()); err != nil {
		return err
	}
	_, err := w.Write(escaped(buffer.Bytes()))
	return err
}

// writeCSV writes rows as CSV that no spreadsheet runs.
func writeCSV(w io.Writer, rows [][]string) error {
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, spreadsheet.Line(row...)); err != nil {
			return err
		}
	}
	return nil
}

// part returns a text that will be joined to others: harmless on its own in CSV.
func (c *call) part(text string) string {
	if c.set.output == "csv" {
		return spreadsheet.Harmless(text)
	}
	return text
}
