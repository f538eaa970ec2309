package scim

import (
	"net/url"
	"strconv"
	"strings"
)

// SearchRequest is a query, from the URL or from the body of a .search request (RFC 7644 §3.4.2, §3.4.3).
type SearchRequest struct {
	Attributes, Excluded []string
	Filter               *string // nil when absent
	SortBy, SortOrder    string
	StartIndex, Count    *int    // nil when absent; StartIndex is at least 1, Count at least 0
	Cursor               *string // nil when absent, "" for the first page (RFC 9865 §2.1)
}

// ParseQuery reads the query parameters of a list request. Unknown parameters are ignored; of a repeated one the first
// counts, and filter, startIndex and count without a value are absent (C33). 400 invalidValue: startIndex or count not an
// integer, cursor together with startIndex. 400 invalidFilter: a filter of blanks.
func ParseQuery(q url.Values) (SearchRequest, error) {
	r := SearchRequest{
		Attributes: SplitNames(q["attributes"]),
		Excluded:   SplitNames(q["excludedAttributes"]),
		SortBy:     q.Get("sortBy"),
		SortOrder:  q.Get("sortOrder"),
	}
	if text := q.Get("filter"); text != "" {
		r.Filter = &text
	}
	if q.Has("cursor") {
		text := q.Get("cursor")
		r.Cursor = &text
	}
	var err error
	if q.Get("startIndex") != "" {
		if r.StartIndex, err = parseCount("startIndex", q.Get("startIndex"), 1); err != nil {
			return SearchRequest{}, err
		}
	}
	if q.Get("count") != "" {
		if r.Count, err = parseCount("count", q.Get("count"), 0); err != nil {
			return SearchRequest{}, err
		}
	}
	if err := r.check(); err != nil {
		return SearchRequest{}, err
	}
	return r, nil
}

// SplitNames splits comma-separated lists of attribute names, as in a query parameter, into one list.
func SplitNames(lists []string) []string {
	var names []string
	for _, list := range lists {
		for name := range splitList(list) {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// splitList yields the parts between commas, but for those within brackets, as in emails[value eq "a,b"].
func splitList(list string) func(func(string) bool) {
	return func(yield func(string) bool) {
		start, inside, quoted := 0, false, false
		for i := 0; i < len(list); i++ {
			switch c := list[i]; {
			case quoted && c == '\\':
				i++
			case inside && c == '"':
				quoted = !quoted
			case quoted:
			case c == '[' || c == ']':
				inside = c == '['
			case c == ',' && !inside:
				if !yield(list[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(list[start:])
	}
}

// parseCount reads an integer, raised to least and cut to the largest int32, which no list reaches.
func parseCount(name, text string, least int) (*int, error) {
	digitsOnly := strings.TrimPrefix(text, "-")
	if digitsOnly == "" || digits(digitsOnly) != len(digitsOnly) {
		return nil, badValue("%s must be an integer", name)
	}
	n, _ := strconv.ParseInt(text, 10, 32) // out of range gives the nearest
	count := max(int(n), least)
	return &count, nil
}

func (r *SearchRequest) check() error {
	if r.Cursor != nil && r.StartIndex != nil {
		return badValue("cursor and startIndex cannot be given together")
	}
	if r.Filter != nil && strings.TrimSpace(*r.Filter) == "" {
		return badFilter("the filter is empty")
	}
	return nil
}

// ParseSearch reads the body of a .search request. 400 invalidSyntax: no object or not the SearchRequest schema. 400
// invalidValue: a member of the wrong type. Otherwise as ParseQuery; null counts as absent.
func ParseSearch(body Value) (SearchRequest, error) {
	var r SearchRequest
	if err := checkMessage(body, SearchRequestURN); err != nil {
		return r, err
	}
	for _, m := range body.members {
		if m.Value.IsNull() || m.Value.kind == String && m.Value.text == "" && lowerName(m.Name) != "cursor" {
			continue
		}
		if err := r.member(m); err != nil {
			return SearchRequest{}, err
		}
	}
	if err := r.check(); err != nil {
		return SearchRequest{}, err
	}
	return r, nil
}

func (r *SearchRequest) member(m Member) (err error) {
	switch lowerName(m.Name) {
	case "attributes":
		r.Attributes, err = nameList(m)
	case "excludedattributes":
		r.Excluded, err = nameList(m)
	case "filter":
		r.Filter, err = textMember(m)
	case "cursor":
		r.Cursor, err = textMember(m)
	case "sortby", "sortorder":
		var text *string
		if text, err = textMember(m); err != nil {
			return err
		}
		if lowerName(m.Name) == "sortby" {
			r.SortBy = *text
		} else {
			r.SortOrder = *text
		}
	case "startindex":
		r.StartIndex, err = countMember("startIndex", m, 1)
	case "count":
		r.Count, err = countMember("count", m, 0)
	}
	return err
}

func textMember(m Member) (*string, error) {
	if m.Value.kind != String {
		return nil, badValue("%s must be a string", shown(m.Name))
	}
	return &m.Value.text, nil
}

func countMember(name string, m Member, least int) (*int, error) {
	if m.Value.kind != Number {
		return nil, badValue("%s must be an integer", name)
	}
	return parseCount(name, m.Value.text, least)
}

func nameList(m Member) ([]string, error) {
	if m.Value.kind != Array {
		return nil, badValue("%s must be an array of strings", shown(m.Name))
	}
	var names []string
	for _, e := range m.Value.elems {
		if e.kind != String {
			return nil, badValue("%s must be an array of strings", shown(m.Name))
		}
		names = append(names, e.text)
	}
	return names, nil
}
