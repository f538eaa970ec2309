package adminapi

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/spreadsheet"
)

// csvImport reports whether the body of the route's requests is CSV, not JSON.
func (r *request) csvImport() bool { return strings.HasSuffix(r.route.Path, ":import") }

// table returns the answer that streams a table as CSV: each adds the rows.
func table(name string, titles []string, each func(row func(cells ...string) error) error) answer {
	return answer{stream: &stream{media: "text/csv", name: name + ".csv", write: func(w io.Writer) error {
		return writeTable(w, titles, each)
	}}}
}

// writeTable writes a table as CSV (RFC 4180): each adds the rows.
func writeTable(w io.Writer, titles []string, each func(row func(cells ...string) error) error) error {
	row := func(cells ...string) error {
		_, err := io.WriteString(w, spreadsheet.Line(cells...)+"\r\n")
		return err
	}
	if err := row(titles...); err != nil {
		return err
	}
	return each(row)
}

// momentCell returns a time for a cell.
func momentCell(at *instant) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(instantForm)
}

func (r *request) exportPending() (answer, error) {
	q, err := r.pendingQuery()
	if err != nil {
		return answer{}, err
	}
	q.Count = MaxPageSize
	titles := []string{"due", "userName", "name", "state", "provider", "organization", "cause", "requested", "waitingFor", "user"}
	return table("pending-deactivations", titles, func(row func(...string) error) error {
		for {
			us, next, err := r.as().Deactivations.Pending(r.ctx(), q)
			if err != nil {
				return err
			}
			shown, err := r.viewUsers(us)
			if err != nil {
				return err
			}
			for i, u := range us {
				v, p := shown[i], viewPending(u.Account)
				err := row(momentCell(&p.DueAt), v.UserName, v.DisplayName, string(v.ShownState), string(p.Provider), string(u.OrgID), p.Cause,
					momentCell(&p.RequestedAt), joinCell(p.Gates), string(u.ID))
				if err != nil {
					return err
				}
			}
			if next == "" {
				return nil
			}
			q.After = next
		}
	}), nil
}

func (r *request) exportCustodians() (answer, error) {
	id, err := r.matterID()
	if err != nil {
		return answer{}, err
	}
	if _, err := r.as().LegalHolds.ByID(r.ctx(), id); err != nil {
		return answer{}, err
	}
	titles := []string{"userName", "placed", "placedBy", "released", "releasedBy", "user"}
	return table("custodians", titles, func(row func(...string) error) error {
		for after := directory.UserID(""); ; {
			cs, err := r.as().LegalHolds.Custodians(r.ctx(), id, after, MaxPageSize)
			if err != nil {
				return err
			}
			for _, c := range cs {
				u, err := r.as().Users.ByID(r.ctx(), c.User)
				if err := directory.IgnoreNotFound(err); err != nil {
					return err
				}
				v := viewCustodian(c)
				if err := row(u.UserName, momentCell(v.PlacedAt), c.PlacedBy, momentCell(v.ReleasedAt), c.ReleasedBy, string(c.User)); err != nil {
					return err
				}
				after = c.User
			}
			if len(cs) < MaxPageSize {
				return nil
			}
		}
	}), nil
}

// maxImported is how many people one import may name: each is a change of its own.
const maxImported = 500

// importCustodians places the people on hold whom a table names. It is checked as a whole first; an error in any line
// changes nothing.
func (r *request) importCustodians() (answer, error) {
	id, err := r.matterID()
	if err != nil {
		return answer{}, err
	}
	m, err := r.as().LegalHolds.ByID(r.ctx(), id)
	if err == nil && m.State != directory.MatterActive {
		err = directory.Errorf(directory.Conflict, "the legal hold is closed")
	}
	if err != nil {
		return answer{}, err
	}
	byID, lines, err := readColumn(r.body)
	if err != nil {
		return answer{}, err
	}
	find := r.as().LegalHolds.Finder(r.ctx(), id, byID)
	var ids []directory.UserID
	var bad []fieldError
	seen := map[directory.UserID]bool{}
	for _, l := range lines {
		u, err := find(l.value)
		var known *directory.Error
		switch {
		case errors.As(err, &known) && (known.Kind == directory.NotFound || known.Kind == directory.Conflict):
			bad = append(bad, fieldError{l.name(), known.Detail})
		case err != nil:
			return answer{}, err
		case !seen[u]:
			seen[u], ids = true, append(ids, u)
		}
	}
	if len(bad) > 0 {
		return answer{}, invalid(bad...)
	}
	return r.forUsers(ids, func(u directory.UserID) error {
		_, _, err := r.as().LegalHolds.Place(r.ctx(), id, u)
		return err
	})
}

// tableLine is the value in a line of a table.
type tableLine struct {
	line  int
	value string
}

func (l tableLine) name() string { return "line " + strconv.Itoa(l.line) }

// readColumn reads a table with the one column userName or id, and says which it is.
func readColumn(body []byte) (byID bool, lines []tableLine, err error) {
	var bad []fieldError
	first := true
	for i, text := range strings.Split(string(body), "\n") {
		l := tableLine{line: i + 1}
		if text = strings.TrimSuffix(text, "\r"); text == "" {
			continue
		}
		cells, ok := splitCells(text)
		if !ok {
			return false, nil, invalid(append(bad, fieldError{l.name(), "is not CSV (RFC 4180): a quotation mark is wrong"})...)
		}
		l.value = strings.TrimSpace(cells[0])
		switch {
		case first && len(cells) == 1 && strings.EqualFold(l.value, "id"):
			byID = true
		case first && (len(cells) != 1 || !strings.EqualFold(l.value, "userName")):
			return false, nil, invalid(fieldError{l.name(), "must name the one column: userName or id"})
		case first:
		case len(cells) != 1:
			bad = append(bad, fieldError{l.name(), "has " + strconv.Itoa(len(cells)) + " columns instead of one"})
		case l.value == "":
			bad = append(bad, fieldError{l.name(), "is empty"})
		default:
			lines = append(lines, l)
		}
		first = false
	}
	switch {
	case len(bad) > 0:
	case len(lines) == 0:
		bad = []fieldError{{"line 1", "nobody follows: the table needs a line for each person"}}
	case len(lines) > maxImported:
		bad = []fieldError{{lines[maxImported].name(), "a table has at most " + strconv.Itoa(maxImported) + " people"}}
	default:
		return byID, lines, nil
	}
	return false, nil, invalid(bad...)
}

// splitCells parts a line of CSV into its cells. A cell of these tables has no line break.
func splitCells(line string) (cells []string, ok bool) {
	for {
		cell, rest, more := strings.Cut(line, ",")
		if strings.HasPrefix(line, `"`) {
			text := line[1:]
			end := strings.Index(strings.ReplaceAll(text, `""`, "xx"), `"`)
			if end < 0 {
				return nil, false
			}
			cell, rest = strings.ReplaceAll(text[:end], `""`, `"`), text[end+1:]
			if more = strings.HasPrefix(rest, ","); !more && rest != "" {
				return nil, false
			}
			rest = strings.TrimPrefix(rest, ",")
		} else if strings.Contains(cell, `"`) {
			return nil, false
		}
		cells = append(cells, cell)
		if !more {
			return cells, true
		}
		line = rest
	}
}
