package directory

import "context"

// Quota bounds how many organizations are made under one key.
type Quota struct {
	Key string
	Max int
}

// Organizations stores organizations.
type Organizations interface {
	// CreateOrganization stores one with its entry. Conflict when the id is taken; TakenError (name) when its
	// name or an alias is another one's; TooMany when the quota, unless nil, is used up.
	CreateOrganization(ctx context.Context, t TenantID, o Organization, q *Quota, e LogEntry) error
	// UpdateOrganization replaces one by update(old) with its entry; a nil entry writes nothing. update is pure
	// and may run several times. NotFound; TakenError (name).
	UpdateOrganization(ctx context.Context, t TenantID, id OrgID, update func(Organization) (Organization, *LogEntry, error)) (Organization, error)
	// OrganizationsByID reads those of the ids that exist.
	OrganizationsByID(ctx context.Context, t TenantID, ids []OrgID) (map[OrgID]Organization, error)
	// OrganizationByName reads the one whose name or alias has the OrgNameKey. NotFound.
	OrganizationByName(ctx context.Context, t TenantID, key string) (Organization, error)
	// ListOrganizations reads organizations by id, after the given one.
	ListOrganizations(ctx context.Context, t TenantID, after OrgID, count int) ([]Organization, error)
}

// Settings stores what resolutions depend on. Updates are pure and may run several times; a nil entry writes
// nothing.
type Settings interface {
	// Catalogue reads the roles of a tenant; the zero value when none were ever stored.
	Catalogue(ctx context.Context, t TenantID) (Catalogue, error)
	// UpdateCatalogue replaces the roles by update(old) with its entry.
	UpdateCatalogue(ctx context.Context, t TenantID, update func(Catalogue) (Catalogue, *LogEntry, error)) (Catalogue, error)
	// Mappings reads a provider's; the zero value when there are none.
	Mappings(ctx context.Context, t TenantID, p ProviderID) (Mappings, error)
	// UpdateMappings replaces a provider and its mappings by update(old) with its entry, in one transaction.
	// The display name must stay. NotFound.
	UpdateMappings(ctx context.Context, t TenantID, p ProviderID, update func(Provider, Mappings) (Provider, Mappings, *LogEntry, error)) (Provider, Mappings, error)
	// Watchlists reads all of a tenant, by id.
	Watchlists(ctx context.Context, t TenantID) ([]Watchlist, error)
	// UpdateWatchlist replaces one by update(old) with its entry; old is zero when there is none, and returning
	// the zero value removes it.
	UpdateWatchlist(ctx context.Context, t TenantID, id WatchlistID, update func(Watchlist) (Watchlist, *LogEntry, error)) (Watchlist, error)
}

// ApplyRuns stores apply runs, how far they are, and their changes.
type ApplyRuns interface {
	// People reads present users of a provider with their groups, for planning: of one part of RunRanges, in the
	// order in which the store reads them best, behind a position ("" from the first), and where to go on: "" at
	// the end. At most count; there may be none although more follow. Positions sort as the order does. Who is
	// there all the time, whatever comes and goes meanwhile, is in one part, once.
	People(ctx context.Context, t TenantID, p ProviderID, part int, after string, count int) ([]UserView, string, error)
	// Run reads one of a provider. NotFound.
	Run(ctx context.Context, t TenantID, p ProviderID, id RunID) (ApplyRun, error)
	// UpdateRun replaces one by update(old), with an entry unless it is nil; old is zero when there is none.
	// Returning old stores nothing. update is pure and may run several times.
	UpdateRun(ctx context.Context, t TenantID, p ProviderID, id RunID, update func(ApplyRun) (ApplyRun, *LogEntry, error)) (ApplyRun, error)
	// ListRuns reads a provider's runs, the newest first, from before the given one on ("" from the newest).
	ListRuns(ctx context.Context, t TenantID, p ProviderID, before RunID, count int) ([]ApplyRun, error)
	// Ranges reads the ranges of a run that were stored, by number.
	Ranges(ctx context.Context, t TenantID, id RunID) ([]RunRange, error)
	// UpdateRange replaces range n by update(old); old is zero when there is none. update is pure and may run
	// several times.
	UpdateRange(ctx context.Context, t TenantID, id RunID, n int, update func(RunRange) (RunRange, error)) (RunRange, error)
	// PutPage stores a page of changes in place of the one with its key.
	PutPage(ctx context.Context, t TenantID, id RunID, page RunPage) error
	// Pages reads pages of a run in the order of their keys, after the given key.
	Pages(ctx context.Context, t TenantID, id RunID, after string, count int) ([]RunPage, error)
}

// Reports stores what reports are made of besides tallies.
type Reports interface {
	// UpdateCountryValue replaces what is kept about a value of a provider by update(old) with its entry; old is zero
	// when there is none. A nil entry writes nothing. update is pure and may run several times.
	UpdateCountryValue(ctx context.Context, t TenantID, p ProviderID, value string, update func(CountryValue) (CountryValue, *LogEntry, error)) (CountryValue, error)
	// CountryValues reads the values of a provider, at most count, in an order of the store's own.
	CountryValues(ctx context.Context, t TenantID, p ProviderID, count int) ([]CountryValue, error)
}
