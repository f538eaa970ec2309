package sqlite

// ledgerTables hold webhooks, the work that follows from the log, and the chains that seal it. due_at is 0
// for a delivery that is not pending.
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
