package main

func watchlistNoun() noun {
	const one = "Title title, Id id, Type type, People memberCount, Groups groups, Departments departments, Included included, " +
		"Excluded excluded, Version version"
	settings := []flag{
		{"title", "title", "`title`"}, {"type", "type", "`type`, such as departing or custom"},
		{"groups", "groups", "`groups` whose members are on it"}, {"departments", "departments", "`departments` whose people are on it"},
		{"include", "included", "additional `users`"}, {"exclude", "excluded", "`users` to exclude"},
	}
	return noun{
		name: "watchlist", group: groupPeople, short: "Manage watchlists: people to pay attention to", columns: one,
		actions: []action{
			{name: "list", op: "listWatchlists", short: "List the watchlists",
				columns: "TITLE title, TYPE type, PEOPLE memberCount, GROUPS groups, DEPARTMENTS departments; ID id"},
			{name: "show", op: "getWatchlist", short: "Show a watchlist"},
			{name: "create", op: "createWatchlist", short: "Create a watchlist", free: "title", example: "Leavers --type departing --groups Leavers",
				flags: settings},
			{name: "change", op: "updateWatchlist", short: "Change a watchlist; a given list replaces the previous one",
				example: "Leavers --exclude kim@contoso.example", flags: settings},
			{name: "delete", op: "deleteWatchlist", short: "Delete a watchlist",
				ask: "Delete watchlist {title}? {memberCount person_is people_are} on it."},
			{name: "members", op: "listWatchlistMembers", short: "List its people", columns: people},
		},
	}
}
