package sqlite

// lifecycleTables keep who waits for deactivation, legal holds, and what guards found. gate is what a
// user waits for; due_at is 0 for whoever waits for nothing.
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

// What a user in column gate waits for.
const (
	gateNone   = 0
	gateOpen   = 1 // time alone
	gateHeld   = 2
	gateFrozen = 3 // a guard, perhaps a hold as well
)
