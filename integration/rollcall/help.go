package main

// topic is a page of the help that belongs to no command.
type topic struct{ name, short, text string }

var topics = []topic{
	{"exit-codes", "The exit codes of every command", `Every command ends with one of these codes:

  0  done; for serve, a clean stop
  1  the server refused or failed, what was verified is not right, an apply run had errors, or a question was
     answered with no; for entra, the server differs from the invented directory
  2  usage: a mistyped command or flag, a missing argument, a name that several things have, or a question that
     could not be asked because there was no terminal and no --yes
  3  the server was not reached, or did not accept the key; the address is named
  4  not found: nothing has this name or id`},
	{"names", "How things are named", `Wherever a command takes a provider, an organization, a group, a role, a user, a watchlist,
a webhook, a legal hold matter, an API key or a tenant, it takes the name or the id. Names are compared ignoring
case. A user is named by the user name or a whole e-mail address, a mapping by one of its groups, a token by its
last four characters; "latest" is the newest apply run, guard event or delivery.

When several things have the name, nothing is done and their ids are printed.

A list of names is separated by commas. A name that holds a comma stands in double quotes, or alone in a flag of
its own:

  rollcall org-mapping add Demo --groups "Sales,Marketing" --org Business
  rollcall org-mapping add Demo --groups "Sales, EMEA" --groups Marketing --org Business`},
	{"output", "Formats, columns and times", `-o table    aligned columns (default)
-o json     what the admin API answered; lists are {"items": [...]}
-o yaml     the same as YAML
-o csv      the columns of the table, with cells that no spreadsheet runs as formulas
-o name     only the names, one a line

--columns chooses the columns of a table or of CSV; a name that does not exist is answered with those that do.

Times are relative on a terminal ("3 minutes ago") and in UTC to the second elsewhere. Flags for times take a
duration (90m, 1h, 7d), a date (2026-01-31) or a time (2026-01-31T12:00:00Z).`},
	{"environment", "Environment variables, profiles and keys", `ROLLCALL_ADMIN_URL    address of the server
ROLLCALL_ADMIN_TOKEN  API key
ROLLCALL_SCIM_TOKEN   token of a provider, for rollcall entra
XDG_CONFIG_HOME       folder of rollcall/profiles.yaml (default: the system's folder for settings)

An address is looked for in --url, the environment, the profile (--profile, or the one in use); a key in
--token-file, the environment, the profile. No command takes a key as an argument: other users of the machine
could read it there.`},
	{"words", "The words that Rollcall uses", `provider     the connection of a directory such as Entra ID; it has a base URL and tokens
organization where a person belongs; mappings and administrators decide
group        a group that a directory sent; mappings and watchlists use it
role         what a person may do; privileged roles need a confirmation
mapping      a rule by which groups or attributes decide about organizations or roles
apply run    brings the people who are there already in line with the mappings, after a preview
block        a blocked person cannot sign in; an administrator or the directory blocks
deactivate   ends an account: no access and no licence, until it is reactivated
delay        the time between blocking and deactivating a person whom the directory disabled
pending      blocked, and waiting for the delay, a legal hold or a review before being deactivated
pin          keeps a person in an organization, whatever the mappings say
legal hold   a matter, such as a case, and its custodians: people whom nothing deactivates meanwhile
guard        holds deactivations or moves back for review when a directory sends too many of them
override     a person whom an administrator keeps active although the directory disabled them
conflict     a directory asks for a user name that somebody else has
watchlist    people to look after, from groups, departments and by name
webhook      an address that is sent a message, a delivery, for each change
dual control privileged changes wait for a second administrator
seal         the log is a chain of sealed blocks with signed checkpoints; changing it breaks the chain`},
}
