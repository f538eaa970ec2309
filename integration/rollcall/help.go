package main

// topic is a help page that belongs to no command.
type topic struct{ name, short, text string }

var topics = []topic{
	{"exit-codes", "The exit codes of every command", `Every command ends with one of these codes:

  0  done; for serve, a clean stop
  1  the server refused or failed, a verification failed, an apply run had errors, or a question was answered
     with no; for entra, the server differs from the generated directory; for fsck, something is broken
  2  usage: a mistyped command or flag, a missing argument, an ambiguous name, or a question that could not be
     asked because there was no terminal and no --yes
  3  the server could not be reached, or did not accept the key; the message has the address; for fsck, the data
     could not be read
  4  not found: no record has this name or id`},
	{"names", "How to refer to people, groups and other records", `Records have names and ids, and commands accept both: for
providers, organizations, groups, roles, users, watchlists, webhooks, legal hold matters, API keys and tenants.
Names ignore case. A user can be given by user name or complete e-mail address, a mapping by one of its groups,
a token by its last four characters; "latest" stands for the newest apply run, guard event or delivery.

If a name is ambiguous, the command changes nothing and prints the ids of all matches.

Separate the names in a list by commas. Put a name that contains a comma in double quotes, or give it alone in a
flag of its own:

  rollcall org-mapping add Demo --groups "Sales,Marketing" --org Business
  rollcall org-mapping add Demo --groups "Sales, EMEA" --groups Marketing --org Business`},
	{"output", "Formats, columns and times", `-o table    aligned columns (default)
-o json     the response of the admin API; lists are {"items": [...]}
-o yaml     the same as YAML
-o csv      the columns of the table; cells are escaped so that spreadsheets do not run them as formulas
-o name     only the names, one per line

--columns selects the columns of a table or CSV; an unknown name prints the available ones.

Times are relative on a terminal ("3 minutes ago"), otherwise in UTC to the second. Flags for times accept a
duration (90m, 1h, 7d), a date (2026-01-31) or a time (2026-01-31T12:00:00Z).`},
	{"environment", "Environment variables, profiles and keys", `ROLLCALL_ADMIN_URL    address of the server
ROLLCALL_ADMIN_TOKEN  API key
ROLLCALL_SCIM_TOKEN   token of a provider, for rollcall entra
XDG_CONFIG_HOME       folder of rollcall/profiles.yaml (default: the system's configuration folder)

The address comes from --url, the environment or the profile (--profile, or the current one), in this order; the
key comes from --token-file, the environment or the profile. No command accepts a key as an argument, because
other users of the machine could read it.`},
	{"words", "The words that Rollcall uses", `provider     the connection of a directory such as Entra ID; it has a base URL and tokens
organization a unit of the tenant; each person belongs to one, by mappings or an administrator's decision
group        a group that a directory sent; used by mappings and watchlists
role         a set of permissions; privileged roles need a confirmation
mapping      a rule that assigns an organization or roles by groups or attributes
apply run    applies the mappings to existing people, after a preview
block        a blocked person cannot sign in; an administrator or the directory can block a person
deactivate   end an account: no access and no licence, until it is reactivated
delay        the time between blocking and deactivating a person when the directory disables them
pending      blocked, and waiting for the delay, a legal hold or a review before being deactivated
pin          keep a person in an organization, whatever the mappings say
legal hold   a matter, such as a case, and its custodians: people who are not deactivated until it is closed
guard        holds back deactivations or moves for review when a directory sends too many of them
override     a person who is kept active by an administrator although the directory disabled them
conflict     a directory sent a user name that another user already has
watchlist    people to pay attention to, by group, department or name
webhook      a URL that receives a message, a delivery, for each change
dual control privileged changes need the approval of a second administrator
seal         the log is a chain of sealed blocks with signed checkpoints; changing it breaks the chain`},
}
