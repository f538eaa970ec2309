package main

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

func reportVerbs() []adminVerb {
	list := columns("USER user.id, USER_NAME user.userName, PROVIDER user.provider, KINDS kinds, SINCE since, DAYS days")
	provider := adminFlag{name: "provider", member: "provider", usage: "of one `provider`"}
	verb := func(name, summary string, more ...adminFlag) adminVerb {
		return adminVerb{name: name, summary: summary, method: http.MethodGet, path: "/reports/" + name, list: true, show: list, flags: append(more, provider)}
	}
	return []adminVerb{
		verb("drift", "list users who are not as the directory and the rules say"),
		verb("overrides", "list users whom the directory disabled and an administrator keeps active"),
		verb("stale", "list users who were deactivated long ago", adminFlag{name: "days", member: "days", usage: "at least so many `days` ago (default 90)"}),
		{name: "country-values", summary: "list what directories send as a country and is none", method: http.MethodGet, path: "/reports/country-values", list: true,
			show: columns("PROVIDER provider, VALUE value, USERS users, SINCE firstAt"), flags: []adminFlag{provider}},
	}
}

func settingsVerbs() []adminVerb {
	one := columns("Tenant id, Name displayName, Dual_control dualControl, End_asked_for_by dualControlEndedBy, Users_are_kept_(days) userRetentionDays, Log_is_kept_(days) logRetentionDays, Version version")
	return []adminVerb{
		{name: "show", summary: "show the tenant's settings", method: http.MethodGet, path: "/settings", show: one},
		{name: "set", summary: "change them; to end dual control takes two administrators", method: http.MethodPatch, path: "/settings", show: one, flags: []adminFlag{
			{name: "dual-control", member: "dualControl", usage: "`true`: privileged roles take a second administrator", kind: boolFlag},
			{name: "keep-users", member: "userRetentionDays", usage: "`days` the personal data of deactivated users is kept whom no directory knows any more", kind: numberFlag},
			{name: "keep-log", member: "logRetentionDays", usage: "`days` the log is kept, at most as long as the deployment keeps it", kind: numberFlag},
		}},
	}
}

// preApprove sends the user names in a CSV file, batch after batch, and shows what became of each.
func preApprove(ctx context.Context, c *adminCall, client *adminClient) error {
	f, err := os.Open(c.given["file"])
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	names, err := userNamesOf(f)
	if err != nil {
		return err
	}
	var rows []any
	for batch := range slices.Chunk(names, 200) {
		query := url.Values{}
		if c.dry {
			query.Set("dryRun", "true")
		}
		answer, err := client.send(ctx, http.MethodPost, c.verb.path, query, map[string]any{"provider": c.given["provider"], "userNames": batch, "reason": c.given["reason"]})
		if err != nil {
			return err
		}
		items, _ := answer["items"].([]any)
		rows = append(rows, items...)
	}
	return c.print(map[string]any{"items": rows})
}

// userNamesOf reads the column userName of a CSV file, or its only column.
func userNamesOf(r io.Reader) ([]string, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	rows, err := in.ReadAll()
	if err != nil {
		return nil, err
	}
	var names []string
	column := 0
	for i, row := range rows {
		if i == 0 {
			if at := slices.IndexFunc(row, func(h string) bool { return strings.EqualFold(strings.Trim(h, " \ufeff"), "userName") }); at >= 0 {
				column = at
				continue
			}
			if len(row) > 1 {
				return nil, errors.New("the first line must name a column userName")
			}
		}
		if column < len(row) && strings.TrimSpace(row[column]) != "" {
			names = append(names, strings.TrimSpace(row[column]))
		}
	}
	if len(names) == 0 {
		return nil, errors.New("the file holds no user names")
	}
	return names, nil
}
