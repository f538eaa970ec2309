package administration

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
)

const (
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
	rollcallURN   = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User:"
)

// MatchingPaths are the text attributes of the published schemas that a provider may match by, none of which is
// case-sensitive. The text attributes of its own extensions are others.
func MatchingPaths() []string {
	out := []string{
		"displayName", "locale", "name.familyName", "name.formatted", "name.givenName", "name.honorificPrefix", "name.honorificSuffix",
		"name.middleName", "nickName", "preferredLanguage", "timezone", "title", "userType",
	}
	for _, name := range []string{"costCenter", "department", "division", "employeeNumber", "organization"} {
		out = append(out, enterpriseURN+name)
	}
	return append(out, rollcallURN+"orgName", rollcallURN+"employeeType")
}

// matchingAttribute returns the attribute of p with a path, which may be an enterprise attribute's name alone.
func matchingAttribute(p directory.Provider, path string) (directory.MatchingAttribute, error) {
	m := directory.MatchingAttribute{Since: p.Modified}
	is := func(full string) bool { return casefold.Equal(full, path) || casefold.Equal(full, enterpriseURN+path) }
	if i := slices.IndexFunc(MatchingPaths(), is); i >= 0 {
		m.Path = MatchingPaths()[i]
		return m, nil
	}
	for _, e := range p.Extensions {
		for _, a := range e.Attributes {
			if a.Type == "string" && casefold.Equal(e.URN+":"+a.Name, path) {
				m.Path, m.CaseExact = e.URN+":"+a.Name, a.CaseExact
				return m, nil
			}
		}
	}
	detail := "%s is no text attribute of users with one value, such as employeeNumber, title or, under its full name, an attribute of " +
		"the provider's extensions"
	for _, always := range []string{directory.AttrID, directory.AttrUserName, directory.AttrExternalID} {
		if casefold.Equal(always, path) {
			detail = "%s is always indexed and need not be named"
		}
	}
	detail = fmt.Sprintf(detail, strings.ToValidUTF8(path, ""))
	return m, &directory.Error{Kind: directory.Invalid, Attr: directory.AttrMatching, Detail: detail}
}

// match returns p with the matching attributes of the paths, from the change with the entry on; those it has already
// stay as they are.
func match(p directory.Provider, paths []string, change directory.EntryID) (directory.Provider, error) {
	if len(paths) > directory.MaxMatchingAttributes {
		return p, &directory.Error{Kind: directory.Invalid, Attr: directory.AttrMatching, Detail: "a provider has at most 2 matching attributes"}
	}
	var ms []directory.MatchingAttribute
	for _, path := range paths {
		m, err := matchingAttribute(p, path)
		if err != nil {
			return p, err
		}
		if old, ok := p.Indexed(m.Path); ok && old.CaseExact == m.CaseExact {
			m = old
		}
		if !slices.ContainsFunc(ms, func(o directory.MatchingAttribute) bool { return o.Path == m.Path }) {
			ms = append(ms, m)
		}
	}
	if !slices.Equal(ms, p.Matching) {
		p.Matching, p.MatchingRun = ms, change
	}
	return p, nil
}

// patchMatching gives p the matching attributes of the paths; nil keeps them, with what an extension now says about
// them. It returns the changes with its own.
func patchMatching(
	p *directory.Provider, paths *[]string, changes []directory.Change, e directory.LogEntry,
) ([]directory.Change, error) {
	before := matchingPaths(*p)
	if paths == nil {
		paths = &before
	}
	old := p.Matching
	p.Modified = e.At
	n, err := match(*p, *paths, e.ID)
	if err != nil || slices.Equal(n.Matching, old) {
		return changes, err
	}
	*p = n
	return append(changes, directory.NewChange(directory.AttrMatching, before, matchingPaths(n))), nil
}

func matchingPaths(p directory.Provider) []string {
	out := make([]string, len(p.Matching))
	for i, m := range p.Matching {
		out[i] = m.Path
	}
	return out
}

// MatchingProgress returns how many of a provider's users are indexed by its matching attributes, of how many.
func (s Providers) MatchingProgress(ctx context.Context, p directory.Provider) (done, total int, err error) {
	return directory.MatchingProgress(ctx, s.ports.Tasks, s.ports.Users, s.tenant, p)
}
