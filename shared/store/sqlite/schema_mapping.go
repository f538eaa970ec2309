package sqlite

// mappingTables hold organizations and what resolutions depend on. Of a document, kind says what it is and
// owner whose: "roles" of the tenant, "mappings" of a provider, "watchlist", "run" of a provider, "range" and
// "page" of a run, "country" of a provider. They have row ids, since a page is tens of kilobytes: else finding a key
// reads every record on the way to it, which was two thirds of planning.
const mappingTables = `
CREATE TABLE organizations (tenant TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
CREATE TABLE organization_names (tenant TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE TABLE quotas (tenant TEXT NOT NULL, key TEXT NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE TABLE aliases (tenant TEXT NOT NULL, key TEXT NOT NULL, uid TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (tenant, key, uid)) WITHOUT ROWID;
CREATE INDEX aliases_until ON aliases (until);
CREATE TABLE tallies (tenant TEXT NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE TABLE documents (
	tenant TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (tenant, kind, owner, id)
);
`
