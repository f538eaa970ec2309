package sqlite

// appID marks a database file as Rollcall's ("rlcl").
const appID = 0x726c636c

// migrations bring a database to the newest tables, one after the other; a released one never changes.
//
// "home" is tenant/provider (tenant/ for local users, …/removed for deleted ones): keys begin with it, so a list is a
// range. Times are Unix milliseconds, 0 for none. Users are stored in the order of arrival, not clustered by their
// random ids: inserting wide rows at random positions kept splitting pages, and each such transaction scanned the whole
// page cache.
var migrations = []string{`
CREATE TABLE tenants (id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE providers (
	id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name_key TEXT NOT NULL, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX providers_name ON providers (tenant, name_key);

CREATE TABLE users (
	arrival INTEGER PRIMARY KEY, home TEXT NOT NULL, uid TEXT NOT NULL, tenant TEXT NOT NULL, provider TEXT NOT NULL,
	scim_id TEXT NOT NULL, user_name TEXT NOT NULL, name_key TEXT NOT NULL, external_id TEXT NOT NULL,
	active INTEGER NOT NULL, manager TEXT NOT NULL, attributes BLOB, lookups TEXT, account TEXT,
	version INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL, gone_at INTEGER NOT NULL,
	UNIQUE (home, uid)
);
CREATE UNIQUE INDEX users_name ON users (tenant, name_key) WHERE gone_at = 0;
CREATE INDEX users_alias ON users (home, scim_id) WHERE scim_id <> uid;
CREATE INDEX users_manager ON users (home, manager, uid) WHERE manager <> '';
CREATE TABLE lookups (
	home TEXT NOT NULL, attr TEXT NOT NULL, value TEXT NOT NULL, uid TEXT NOT NULL,
	PRIMARY KEY (home, attr, value, uid)
) WITHOUT ROWID;

CREATE TABLE groups (
	home TEXT NOT NULL, gid TEXT NOT NULL, provider TEXT NOT NULL, display_name TEXT NOT NULL, name_key TEXT NOT NULL,
	external_id TEXT NOT NULL, attributes BLOB, members INTEGER NOT NULL,
	version INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
	PRIMARY KEY (home, gid)
) WITHOUT ROWID;
CREATE UNIQUE INDEX groups_name ON groups (home, name_key);
CREATE INDEX groups_external ON groups (home, external_id) WHERE external_id <> '';
CREATE TABLE memberships (
	home TEXT NOT NULL, gid TEXT NOT NULL, member TEXT NOT NULL, PRIMARY KEY (home, gid, member)
) WITHOUT ROWID;
CREATE UNIQUE INDEX memberships_reverse ON memberships (home, member, gid);

CREATE TABLE log (
	seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, provider TEXT NOT NULL, position TEXT NOT NULL,
	uid TEXT, gid TEXT, entry BLOB NOT NULL
);
CREATE INDEX log_provider ON log (tenant, provider, position);
CREATE INDEX log_user ON log (uid, position) WHERE uid IS NOT NULL;
CREATE INDEX log_group ON log (gid, position) WHERE gid IS NOT NULL;
CREATE TABLE followed (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
INSERT INTO followed VALUES (1, 0);
CREATE TABLE unfollowed (seq INTEGER PRIMARY KEY, tries INTEGER NOT NULL, retry_at INTEGER NOT NULL, error TEXT NOT NULL);
CREATE TABLE counted (tenant TEXT NOT NULL, provider TEXT NOT NULL, minute INTEGER NOT NULL, id TEXT NOT NULL, action TEXT NOT NULL,
	PRIMARY KEY (tenant, provider, minute, id)) WITHOUT ROWID;

CREATE TABLE collisions (
	tenant TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE TABLE api_keys (
	tenant TEXT NOT NULL, id TEXT NOT NULL, hash BLOB NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE TABLE replays (
	tenant TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, answer BLOB, expires INTEGER NOT NULL, PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
`, lifecycleTables, ledgerTables, mappingTables, renames, formerIDs, namelessCopies, visibleNames, countedRows, grownChains, webhookQueues,
	setAsideTable, groupEntries, taskTable}

// ledgerTables hold webhooks, their deliveries, and the chains that seal the log. due_at is 0 for a delivery that is
// not pending.
const ledgerTables = `
CREATE TABLE webhooks (
	tenant TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE TABLE deliveries (
	tenant TEXT NOT NULL, id TEXT NOT NULL, due_at INTEGER NOT NULL, created INTEGER NOT NULL, record BLOB NOT NULL,
	PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at > 0;
CREATE INDEX deliveries_created ON deliveries (created);
CREATE TABLE chains (
	tenant TEXT NOT NULL, provider TEXT NOT NULL, seq INTEGER NOT NULL, head BLOB NOT NULL, PRIMARY KEY (tenant, provider)
) WITHOUT ROWID;
CREATE TABLE blocks (
	tenant TEXT NOT NULL, provider TEXT NOT NULL, seq INTEGER NOT NULL, block BLOB NOT NULL, PRIMARY KEY (tenant, provider, seq)
) WITHOUT ROWID;
CREATE TABLE late (
	tenant TEXT NOT NULL, provider TEXT NOT NULL, position TEXT NOT NULL, settled INTEGER NOT NULL, PRIMARY KEY (tenant, provider, position)
) WITHOUT ROWID;
`

// lifecycleTables hold pending deactivations, legal holds and guard events. gate is what delays a user's deactivation
// (gateNone …); due_at is 0 if none is pending.
const lifecycleTables = `
ALTER TABLE users ADD COLUMN gate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN due_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_due ON users (gate, due_at, uid) WHERE gate > 0;
CREATE INDEX users_pending ON users (tenant, due_at, uid) WHERE gate > 0;
CREATE INDEX users_frozen ON users (tenant, due_at, uid) WHERE gate = 3;

CREATE TABLE matters (
	tenant TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE TABLE custodians (
	tenant TEXT NOT NULL, matter TEXT NOT NULL, uid TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, matter, uid)
) WITHOUT ROWID;
CREATE TABLE guard_events (
	tenant TEXT NOT NULL, provider TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, provider, id)
) WITHOUT ROWID;
`

// mappingTables hold organizations and the records that placement depends on. The kind of a document is "roles", "proposals", "task"
// "archive" or "watchlist" (no owner), "mappings", "run", "country" or "archived" (owned by a provider), "range" or "page"
// (owned by a run).
// Documents have row ids because a page is tens of kilobytes: without them, finding a key reads every record on the
// way, which took two thirds of the time of planning.
const mappingTables = `
CREATE TABLE organizations (tenant TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
CREATE TABLE organization_names (tenant TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE TABLE quotas (tenant TEXT NOT NULL, key TEXT NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE TABLE aliases (tenant TEXT NOT NULL, key TEXT NOT NULL, uid TEXT NOT NULL, until INTEGER NOT NULL,
	PRIMARY KEY (tenant, key, uid)) WITHOUT ROWID;
CREATE INDEX aliases_until ON aliases (until);
CREATE TABLE tallies (tenant TEXT NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE TABLE documents (
	tenant TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL,
	PRIMARY KEY (tenant, kind, owner, id)
);
`

// renames gives tables, columns and homes the names of release 0.1.0.
const renames = `
ALTER TABLE collisions RENAME TO conflicts;
ALTER TABLE users RENAME COLUMN gone_at TO removed_at;
UPDATE users SET home = substr(home, 1, length(home) - length('/gone')) || '/removed' WHERE removed_at > 0 AND home LIKE '%/gone';
`

// formerIDs holds the SCIM ids that a provider gave out and that name nobody it has now.
const formerIDs = `
CREATE TABLE former_ids (home TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (home, id)) WITHOUT ROWID;
INSERT INTO former_ids SELECT DISTINCT tenant || '/' || provider, scim_id FROM users
	WHERE removed_at > 0 AND scim_id <> '' AND provider <> '';
`

// namelessCopies replaces the keys of aliases by their hashes and drops the names from apply runs, so that no name
// outlives the erasure of its person there. erasures has a row until what was erased is also out of the file's bytes.
const namelessCopies = `
UPDATE aliases SET key = hash(key);
UPDATE documents SET record = CAST(json_set(CAST(record AS TEXT), '$.Rows', (
	SELECT json_group_array(json_remove(value, '$.Name')) FROM json_each(CAST(record AS TEXT), '$.Rows')
)) AS BLOB) WHERE kind = 'page' AND json_type(CAST(record AS TEXT), '$.Rows') = 'array';
UPDATE documents SET record = CAST(json_set(CAST(record AS TEXT), '$.Tally.Samples', (
	SELECT json_group_array(json_remove(value, '$.Name')) FROM json_each(CAST(record AS TEXT), '$.Tally.Samples')
)) AS BLOB) WHERE kind = 'range' AND json_type(CAST(record AS TEXT), '$.Tally.Samples') = 'array';
CREATE TABLE erasures (one INTEGER PRIMARY KEY CHECK (one = 1));
INSERT INTO erasures VALUES (1);
`

// visibleNames leaves out what cannot be seen at the ends of names from their keys. Of two that become equal, one keeps
// its old key, by which nobody looks. Managers are found by the key of a name, too.
const visibleNames = `
UPDATE users SET name_key = name(name_key) WHERE removed_at > 0 AND name_key <> name(name_key);
UPDATE OR IGNORE users SET name_key = name(name_key) WHERE removed_at = 0 AND name_key <> name(name_key);
UPDATE OR IGNORE groups SET name_key = name(name_key) WHERE name_key <> name(name_key);
ALTER TABLE users ADD COLUMN manager_key TEXT NOT NULL DEFAULT '';
UPDATE users SET manager_key = manager(manager) WHERE manager <> '';
DROP INDEX users_manager;
CREATE INDEX users_manager ON users (home, manager_key, uid) WHERE manager_key <> '';
`

// countedRows replaces a row with the action of each counted entry by the sums that the guard reads, and by the number of
// its row in the log, which goes with that row.
const countedRows = `
CREATE TABLE counts (
	tenant TEXT NOT NULL, provider TEXT NOT NULL, minute INTEGER NOT NULL, action TEXT NOT NULL, n INTEGER NOT NULL,
	PRIMARY KEY (tenant, provider, minute, action)
) WITHOUT ROWID;
INSERT INTO counts SELECT tenant, provider, minute, action, count(*) FROM counted GROUP BY tenant, provider, minute, action;
ALTER TABLE counted RENAME TO counted_before;
CREATE INDEX counted_id ON counted_before (tenant, id);
CREATE TABLE counted (seq INTEGER PRIMARY KEY);
INSERT INTO counted SELECT l.seq FROM log l WHERE EXISTS (
	SELECT 1 FROM counted_before c WHERE c.tenant = l.tenant AND c.id = substr(l.position, instr(l.position, '.') + 1)
);
DROP TABLE counted_before;
CREATE TRIGGER log_counted AFTER DELETE ON log BEGIN DELETE FROM counted WHERE seq = old.seq; END;
`

// grownChains holds the chains that have something to seal.
const grownChains = `
CREATE TABLE grown_chains (
	tenant TEXT NOT NULL, provider TEXT NOT NULL, due INTEGER NOT NULL, last INTEGER NOT NULL, version INTEGER NOT NULL,
	PRIMARY KEY (tenant, provider)
) WITHOUT ROWID;
CREATE INDEX grown_chains_due ON grown_chains (due, tenant, provider);
`

// webhookQueues gives each webhook with pending deliveries a queue; due_at of deliveries without one stays their index.
const webhookQueues = `
ALTER TABLE deliveries ADD COLUMN webhook TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET webhook = coalesce(json_extract(CAST(record AS TEXT), '$.Webhook'), '');
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE webhook = '' AND due_at > 0;
CREATE INDEX deliveries_queue ON deliveries (tenant, webhook, due_at, id) WHERE webhook <> '' AND due_at > 0;
CREATE TABLE queues (
	tenant TEXT NOT NULL, webhook TEXT NOT NULL, due_at INTEGER NOT NULL, failures INTEGER NOT NULL DEFAULT 0,
	status INTEGER NOT NULL DEFAULT 0, cause TEXT NOT NULL DEFAULT '', holder TEXT NOT NULL DEFAULT '', until INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL, PRIMARY KEY (tenant, webhook)
) WITHOUT ROWID;
CREATE INDEX queues_due ON queues (due_at);
INSERT INTO queues (tenant, webhook, due_at, revision)
	SELECT tenant, webhook, min(due_at), 1 FROM deliveries WHERE webhook <> '' AND due_at > 0 GROUP BY tenant, webhook;
`

// setAsideTable holds the steps of entries that failed. Entries that waited to be followed again become such work, with
// every step.
const setAsideTable = `
CREATE TABLE set_aside (
	tenant TEXT NOT NULL, id TEXT NOT NULL, due_at INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX set_aside_due ON set_aside (due_at);
INSERT OR IGNORE INTO set_aside SELECT tenant, json_extract(record, '$.ID'), at, CAST(record AS BLOB) FROM (
	SELECT tenant, at, aside(provider, position, at) AS record FROM (
		SELECT l.tenant, l.provider, l.position, unixepoch() * 1000 AS at FROM unfollowed u CROSS JOIN log l ON l.seq = u.seq
	)
);
DROP TABLE unfollowed;
`

// groupEntries counts the entries of each group, which are numbered by it. Earlier numbers were versions.
const groupEntries = `
ALTER TABLE groups ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
UPDATE groups SET entries = version;
`

// taskTable holds long work and the progress of jobs, which was among the documents before.
const taskTable = `
CREATE TABLE tasks (
	tenant TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL DEFAULT '', due_at INTEGER NOT NULL DEFAULT 0, record BLOB NOT NULL,
	PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX tasks_due ON tasks (due_at) WHERE due_at > 0;
INSERT INTO tasks (tenant, id, record) SELECT tenant, id, record FROM documents WHERE kind = 'task';
DELETE FROM documents WHERE kind = 'task';
`
