package adminapi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"rollcall/shared/directory"
)

// exportTable is the table of docs/operations.md that says how the members of an entry are called: those of the admin
// API and the column of the CSV, by the member in JSON Lines.
func exportTable(t *testing.T) map[string][2]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- entry -->\n")
	table, _, _ = strings.Cut(table, "<!-- /entry -->")
	out := map[string][2]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| (?:`([^`]+)`|not stored) \\| ([^|]*) \\| ([^|]*?) ?\\|$").FindAllStringSubmatch(table, -1) {
		out[m[1]] = [2]string{m[2], strings.TrimSpace(m[3])}
	}
	return out
}

// members lists the members of a type's JSON.
func membersOf(t reflect.Type, at string) (out []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		switch f.Type {
		case reflect.TypeFor[directory.Actor]():
			out = append(out, membersOf(f.Type, at+name+".")...)
		case reflect.TypeFor[[]directory.Change]():
			out = append(out, membersOf(f.Type.Elem(), at+name+"[].")...)
		default:
			out = append(out, at+name)
		}
	}
	return out
}

// Every member of an exported entry is explained, and so is every member that the admin API shows, but for that of an entry
// that no export has.
func TestMembersOfAnExportAreExplained(t *testing.T) {
	t.Parallel()
	table := exportTable(t)
	fields := membersOf(reflect.TypeFor[directory.LogEntry](), "")
	for _, field := range fields {
		if _, ok := table[field]; !ok {
			t.Errorf("docs/operations.md does not explain %s", field)
		}
	}
	if len(table) != len(fields)+1 {
		t.Errorf("%d rows for %d members and the result", len(table), len(fields))
	}
	explained := fmt.Sprint(table)
	schemas := asMap(asMap(document()["components"])["schemas"])
	for schema, prefix := range map[string]string{"LogEntry": "", "Actor": "actor.", "Change": "changes[]."} {
		for name := range asMap(asMap(schemas[schema])["properties"]) {
			if name != "actor" && name != "changes" && name != "unnumbered" && !strings.Contains(explained, "`"+prefix+name+"`") {
				t.Errorf("docs/operations.md does not name %s%s", prefix, name)
			}
		}
	}
	const columns = "time action effects result provider user group target name attributes before after added removed actor version entry " +
		"cause erased people"
	for column := range strings.FieldsSeq(columns) {
		if !strings.Contains(explained, " "+column+"]") {
			t.Errorf("docs/operations.md does not name the column %s", column)
		}
	}
}

// What an exported entry holds under a name is what the admin API shows under the name of the table.
func TestMembersOfAnExportHaveTheirNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	f.want(200, "POST", "/users/"+w.local+":block", `{"reason":"a reason"}`)
	table := exportTable(t)
	shown := map[string]map[string]any{}
	for _, item := range f.want(200, "GET", "/sync-log?limit=200", "").items() {
		shown[asMap(item)["id"].(string)] = asMap(item)
	}
	compared := map[string]bool{}
	for line := range strings.Lines(f.want(200, "GET", "/sync-log:export", "").raw) {
		var l struct{ Entry map[string]any }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Entry == nil || shown[fmt.Sprint(l.Entry["ID"])] == nil {
			continue
		}
		of := shown[fmt.Sprint(l.Entry["ID"])]
		for name, v := range l.Entry {
			for leaf, v := range leaves(name, v) {
				path, _, _ := strings.Cut(strings.TrimPrefix(table[leaf][0], "`"), "`")
				if leaf == "At" || leaf == "Actor.Origin" || strings.HasPrefix(path, "not shown") {
					continue
				}
				compared[leaf] = true
				if got := member(of, path); fmt.Sprint(got) != fmt.Sprint(v) {
					t.Errorf("%s is %v in the export, %s is %v in the log", leaf, v, path, got)
				}
			}
		}
	}
	if len(compared) < 12 {
		t.Errorf("only %v were compared", compared)
	}
}

// leaves returns the members of a value by their names in the table: of a list of objects, of the first one.
func leaves(name string, v any) map[string]any {
	out := map[string]any{}
	switch x := v.(type) {
	case map[string]any:
		for inner, v := range x {
			out[name+"."+inner] = v
		}
	case []any:
		if first, ok := x[0].(map[string]any); ok {
			for inner, v := range first {
				out[name+"[]."+inner] = v
			}
			return out
		}
		out[name] = v
	default:
		out[name] = v
	}
	return out
}

func member(of map[string]any, path string) any {
	head, rest, nested := strings.Cut(path, ".")
	if !nested {
		return of[head]
	}
	if list, ok := of[strings.TrimSuffix(head, "[]")].([]any); ok {
		return member(asMap(list[0]), rest)
	}
	return member(asMap(of[head]), rest)
}
