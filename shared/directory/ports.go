package directory

import (
	"context"
	"time"
)

// Ports are what Rollcall needs from storage. store/sqlite and store/dynamo implement all of them;
// store/storetest is their contract. In both, the file named after a port has its methods.
//
// Every method sees one tenant only. Times come from the caller, cut to milliseconds. Errors are *Error: those in the
// method's comment, Unavailable when the store is throttled or contended, and Internal for all others. Methods are safe
// for concurrent use. The functions they are given must not call them: a store may hold a lock. Slices and pointers in
// the returned records may be the store's own: replace them, never change them.
type Ports struct {
	Users         Users
	Leavers       Leavers
	Groups        Groups
	Providers     Providers
	Usages        Usages
	Tenants       Tenants
	APIKeys       APIKeys
	Replays       Replays
	Conflicts     Conflicts
	Aliases       Aliases
	LegalHolds    LegalHolds
	Guards        Guards
	Organizations Organizations
	Roles         Roles
	Proposals     Proposals
	Mappings      Mappings
	Watchlists    Watchlists
	Countries     Countries
	ApplyRuns     ApplyRuns
	Log           Log
	Feed          Feed
	Completion    Completion
	Counts        Counts
	Chains        Chains
	Webhooks      Webhooks
	Deliveries    Deliveries
	SetAsides     SetAsides
	Tasks         Tasks
}

// Update computes the new state of a record and the log entry of the change. It is pure and may run several times. Its
// error changes nothing and is returned unchanged. A nil entry writes nothing, and the old record is returned, unless
// the port's method says otherwise.
type Update[T any] func(old T) (T, *LogEntry, error)

// Check decides by all records of a kind, as they are before a change, whether it may be made. It is a condition of the
// write: of two changes with a Check at the same time, one sees the other. Its error changes nothing and is returned
// unchanged. It is pure, may run several times, and is not called when the update has no entry; nil admits everything.
type Check[T any] func(all []T) error

// Admit is called with the provider record that a request names, read strongly consistent together with the first
// record of the request and before any further read. The zero Provider stands for one that does not exist. Its error
// ends the read and is returned unchanged. A nil Admit admits everything (admin use).
type Admit func(Provider) error

// Users stores users.
type Users interface {
	// ReadUser reads a present user of provider p by SCIM id, together with p.
	// NotFound: unknown, removed, or another provider's.
	ReadUser(ctx context.Context, t TenantID, p ProviderID, id ScimID, want UserWant, admit Admit) (UserView, error)
	// FindUsers reads the present users of p that have the key: userName, externalId or a Lookup, in the
	// order of their ids, at most limit; together with p.
	FindUsers(ctx context.Context, t TenantID, p ProviderID, key Lookup, limit int, want UserWant, admit Admit) ([]UserView, error)
	// UserIDs reads the ids of the present users of p that FindUsers would read for an externalId or a manager, at most
	// limit. It is for hints, and costs less: one that got or lost the key a moment ago may be missing or still among
	// them, but no report of a manager is missing.
	UserIDs(ctx context.Context, t TenantID, p ProviderID, key Lookup, limit int) ([]UserID, error)
	// PresentUsers reads the present users of p, "" for local ones, with the ids or SCIM ids, together, and their groups if
	// they are wanted; ids of others are left out.
	PresentUsers(ctx context.Context, t TenantID, p ProviderID, ids []string, groups bool) (map[string]UserView, error)
	// ListUsers reads a page of the present users of p in the order of UserID, and how many there are.
	ListUsers(ctx context.Context, t TenantID, p ProviderID, page Page, want UserWant, admit Admit) (UserPage, error)
	// MemberUsers reads, together with p, a page of the users who are members of a group of p, by SCIM id after
	// page.After, and how many there are. The zero page when p has no such group.
	MemberUsers(ctx context.Context, t TenantID, p ProviderID, id GroupID, page Page, want UserWant, admit Admit) (UserPage, error)
	// CreateUser stores a new user with its entry in one transaction. create is called once with the
	// provider. TakenError when the userName belongs to another user of the tenant.
	CreateUser(ctx context.Context, t TenantID, p ProviderID, admit Admit, create func(Provider) (User, LogEntry, error)) (User, error)
	// UpdateUser replaces old by update(old), with its userName, look-ups and entry, in one transaction, also when
	// the user becomes another provider's, local or removed. When old's version is not the stored one, the user is
	// read again. A user who is removed or leaves the provider leaves all groups and is cleared as the manager of
	// others (ManagerCleared), which every read shows immediately. NotFound; TakenError.
	UpdateUser(ctx context.Context, t TenantID, old User, update Update[User]) (User, error)
	// IndexUser replaces the Lookups of a user by keys(old), which follow from the rest of the record: version, times and
	// log do not change. When old is not as stored, the user is read again. keys is pure and may run several times.
	// NotFound.
	IndexUser(ctx context.Context, t TenantID, old User, keys func(User) []Lookup) error
	// RekeyUser stores the keys of a user's userName and manager as UserNameKey and ManagerKey have them now; nothing else
	// changes. It does nothing where they are right. TakenError when another user has the key: nothing is changed then,
	// and the user is found by its ids alone.
	RekeyUser(ctx context.Context, t TenantID, u User) error
	// UserByID reads any user of the tenant, also local and removed ones. NotFound.
	UserByID(ctx context.Context, t TenantID, id UserID) (UserView, error)
	// SearchUsers reads users of the tenant for administrators, origin by origin, and the position to continue
	// after: "" at the end. A page may hold fewer than asked for when MaxWalk users were read. Invalid: After is
	// not a position of this tenant.
	SearchUsers(ctx context.Context, t TenantID, q UserSearch) ([]User, string, error)
}

// Leavers restores removed users and finds pending deactivations.
type Leavers interface {
	// CreateOrRestoreUser is Users.CreateUser for a user with an externalId. create also gets the removed users of p
	// that had it, the last removed first, at most ten, and may run several times. Returning one of them, changed,
	// restores that record.
	CreateOrRestoreUser(ctx context.Context, t TenantID, p ProviderID, externalID string, admit Admit,
		create func(Provider, []User) (User, LogEntry, error)) (User, error)
	// DueUsers calls fn with the stored users of all tenants whose deactivation is due by until and whose gates are
	// open, possibly in several concurrent calls. One whose deactivation was scheduled a moment ago may be missing.
	// The first error of fn ends it.
	DueUsers(ctx context.Context, until time.Time, fn func(context.Context, []DueUser) error) error
	// PendingUsers reads users of the tenant with a pending deactivation, as DueUsers does, by due time, and the
	// position to continue after: "" at the end. Invalid: After is not a position.
	PendingUsers(ctx context.Context, t TenantID, q PendingQuery) ([]User, string, error)
}

// Groups stores groups and their members.
type Groups interface {
	// ReadGroup reads a group of p together with p. NotFound; TooMany (GroupWant.AllMembers).
	ReadGroup(ctx context.Context, t TenantID, p ProviderID, id GroupID, want GroupWant, admit Admit) (GroupView, error)
	// FindGroups reads the groups of p that have the key: displayName (folded), externalId or a member
	// (AttrMember with the member's SCIM id), in the order of their ids; at most limit.
	FindGroups(ctx context.Context, t TenantID, p ProviderID, key Lookup, limit int, want GroupWant, admit Admit) ([]GroupView, error)
	// ListGroups reads a page of the groups of p in the order of their ids, and how many there are.
	// TooMany when AllMembers would return more than MaxMembersShown in all.
	ListGroups(ctx context.Context, t TenantID, p ProviderID, page Page, want GroupWant, admit Admit) (GroupPage, error)
	// RekeyGroup is Users.RekeyUser for a group's displayName.
	RekeyGroup(ctx context.Context, t TenantID, g Group) error
	// Members reads a page of a group's members, in order, after the given one ("" from the first).
	Members(ctx context.Context, t TenantID, p ProviderID, id GroupID, after ScimID, count int) ([]ScimID, error)
	// CreateGroup stores a new group with its members and entry, atomically in effect. create is called
	// with the provider once. Invalid (ErrUnknownMember); TakenError for displayName.
	CreateGroup(ctx context.Context, t TenantID, p ProviderID, admit Admit,
		create func(Provider) (Group, []ScimID, LogEntry, error)) (Group, error)
	// UpdateGroup applies update(old), atomically in effect, whatever the number of members. The entry gets its version by
	// GroupChange.EntryOf. The returned group has the version after the change if want.Pins it, else 0: no store needs
	// to know how many others there were at the same time.
	// When old is stale it is read again with the same want; update is pure and may run several times.
	// NotFound; Invalid (ErrUnknownMember); TakenError for displayName.
	UpdateGroup(ctx context.Context, t TenantID, old GroupView, want GroupWant, update func(GroupView) (GroupChange, error)) (Group, error)
	// MissingMembers returns those of the ids that name no user or group that p has, in order: former ones are ids that p
	// once gave out, unknown ones all others. Former ids are kept when users and groups are deleted, restored under a
	// new id, or leave p; the log answers for those before that.
	MissingMembers(ctx context.Context, t TenantID, p ProviderID, ids []ScimID) (former, unknown []ScimID, err error)
	// DeleteGroup removes a group, its memberships and its memberships in others, with its entry: every read
	// shows it immediately. del is pure and may run several times. NotFound.
	DeleteGroup(ctx context.Context, t TenantID, old Group, del func(Group) (LogEntry, error)) error
}

// Providers stores provisioning providers.
type Providers interface {
	// CreateProvider stores a provider with its entry. TakenError for displayName.
	CreateProvider(ctx context.Context, t TenantID, p Provider, e LogEntry) error
	// Provider reads one. NotFound.
	Provider(ctx context.Context, t TenantID, id ProviderID) (Provider, error)
	// ListProviders reads all of a tenant, by id.
	ListProviders(ctx context.Context, t TenantID) ([]Provider, error)
	// UpdateProvider replaces a provider with its entry. NotFound; TakenError.
	UpdateProvider(ctx context.Context, t TenantID, id ProviderID, update Update[Provider]) (Provider, error)
	// RemoveProvider archives the record of a provider that has no users or groups left, with the time of the entry. Its
	// displayName is free. NotFound.
	RemoveProvider(ctx context.Context, t TenantID, id ProviderID, e LogEntry) error
	// ArchivedProviders reads all archived providers of a tenant, by id.
	ArchivedProviders(ctx context.Context, t TenantID) ([]ArchivedProvider, error)
	// RestoreProvider replaces an archived provider by the one that update returns, with its entry; the pages stay.
	// NotFound; TakenError.
	RestoreProvider(ctx context.Context, t TenantID, id ProviderID,
		update func(ArchivedProvider) (Provider, LogEntry, error)) (Provider, error)
	// PutArchivePage stores a page of an archive, replacing the one with its key. A store may drop it after the time.
	PutArchivePage(ctx context.Context, t TenantID, id ProviderID, page ArchivePage, until time.Time) error
	// ArchivePages reads pages of an archive in the order of their keys, after the given key.
	ArchivePages(ctx context.Context, t TenantID, id ProviderID, after string, count int) ([]ArchivePage, error)
	// DropArchive removes the pages of an archive and, if the provider is archived, it and its mappings; repeatable.
	DropArchive(ctx context.Context, t TenantID, id ProviderID) error
}

// Usages stores when providers were used, separate from their records.
type Usages interface {
	// AddUsage merges u into the usage of a provider, without an entry.
	AddUsage(ctx context.Context, t TenantID, p ProviderID, u Usage) error
	// Usage reads it; the zero one when there is none.
	Usage(ctx context.Context, t TenantID, p ProviderID) (Usage, error)
	// AddRequests merges r into the report of a provider's requests, without an entry.
	AddRequests(ctx context.Context, t TenantID, p ProviderID, r RequestReport) error
	// Requests reads it; the zero one when there is none.
	Requests(ctx context.Context, t TenantID, p ProviderID) (RequestReport, error)
}

// Tenants stores the tenants of a deployment.
type Tenants interface {
	// CreateTenant stores a tenant. Conflict (ErrTenantTaken).
	CreateTenant(ctx context.Context, t Tenant, e LogEntry) error
	// Tenant reads one. NotFound.
	Tenant(ctx context.Context, id TenantID) (Tenant, error)
	// ListTenants reads all, by id, after the given one.
	ListTenants(ctx context.Context, after TenantID, count int) ([]Tenant, error)
	// UpdateTenant replaces a tenant with its entry. A nil entry stores without one (progress of a removal).
	// NotFound.
	UpdateTenant(ctx context.Context, id TenantID, update Update[Tenant]) (Tenant, error)
	// EraseTenant removes some of the records of a tenant that the store can name, except the one of CreateTenant, and
	// returns how many, and the position to go on at: "" at the end. It may be repeated.
	EraseTenant(ctx context.Context, id TenantID, after string) (next string, n int, err error)
	// EraseRest looks at some of all data, after a position ("" from the first), for records of the tenants that
	// EraseTenant has left, removes them, and returns how many of each, and the position to continue after: "" at the end.
	EraseRest(ctx context.Context, ids []TenantID, after string) (next string, found map[TenantID]int, err error)
	// RemoveTenant removes the record of CreateTenant; its entry goes to the log of OperatorScope. NotFound.
	RemoveTenant(ctx context.Context, id TenantID, e LogEntry) error
}

// APIKeys stores the API keys of tenants.
type APIKeys interface {
	// CreateAPIKey stores a key with its entry.
	CreateAPIKey(ctx context.Context, t TenantID, k APIKey, check Check[APIKey], e LogEntry) error
	// APIKeyByHash reads the key with the hash. NotFound.
	APIKeyByHash(ctx context.Context, t TenantID, h TokenHash) (APIKey, error)
	// ListAPIKeys reads all keys of a tenant, by id.
	ListAPIKeys(ctx context.Context, t TenantID) ([]APIKey, error)
	// UpdateAPIKey replaces a key with its entry. NotFound.
	UpdateAPIKey(ctx context.Context, t TenantID, id CredentialID, check Check[APIKey], update Update[APIKey]) (APIKey, error)
}

// Replays stores answers to repeatable requests.
type Replays interface {
	// BeginReplay stores r unless an unexpired record with its key exists, which is returned with true.
	BeginReplay(ctx context.Context, t TenantID, r Replay, now time.Time) (Replay, bool, error)
	// FinishReplay stores the answer, or removes the record when the answer is nil.
	FinishReplay(ctx context.Context, t TenantID, r Replay) error
}

// Conflicts stores conflicts.
type Conflicts interface {
	// Conflict reads one. NotFound.
	Conflict(ctx context.Context, t TenantID, id ConflictID) (ConflictCase, error)
	// UpdateConflict replaces a conflict; old is zero when there is none. A nil entry stores without one (a
	// repeated attempt), and returning old stores nothing.
	UpdateConflict(ctx context.Context, t TenantID, id ConflictID, update Update[ConflictCase]) (ConflictCase, error)
	// ListConflicts reads conflicts by id, after the given one, in the state ("" for all).
	ListConflicts(ctx context.Context, t TenantID, state ConflictState, after ConflictID, count int) ([]ConflictCase, error)
}

// Aliases stores former userNames.
type Aliases interface {
	// AddAlias makes the user findable under the key until a time, or until a later time already stored.
	AddAlias(ctx context.Context, t TenantID, key string, id UserID, until time.Time) error
	// AliasesOf reads users that had the key, by id, at most count; expired ones are skipped, and one of a moment ago may be
	// missing.
	AliasesOf(ctx context.Context, t TenantID, key string, now time.Time, count int) ([]UserID, error)
}

// LegalHolds stores legal hold matters and their custodians.
type LegalHolds interface {
	// Matter reads one. NotFound.
	Matter(ctx context.Context, t TenantID, id MatterID) (Matter, error)
	// UpdateMatter replaces a matter with its entry; old is zero when there is none.
	UpdateMatter(ctx context.Context, t TenantID, id MatterID, update Update[Matter]) (Matter, error)
	// ListMatters reads matters by id, after the given one.
	ListMatters(ctx context.Context, t TenantID, after MatterID, count int) ([]Matter, error)
	// Custodian reads a matter's record of a user; the zero Custodian when there is none.
	Custodian(ctx context.Context, t TenantID, matter MatterID, id UserID) (Custodian, error)
	// UpdateCustodian replaces a user and a matter's record of it, with the entry, in one transaction that
	// conflicts with any change of the matter. The zero Custodian stands for none; the user keeps its provider and
	// userName. NotFound (matter, user).
	UpdateCustodian(ctx context.Context, t TenantID, matter MatterID, id UserID, update CustodianUpdate) (Custodian, User, error)
	// Custodians reads a matter's custodians, also former ones, by user id, after the given one.
	Custodians(ctx context.Context, t TenantID, matter MatterID, after UserID, count int) ([]Custodian, error)
}

// CustodianUpdate is an Update of a custodian and the user.
type CustodianUpdate func(Matter, Custodian, User) (Custodian, User, *LogEntry, error)

// Guards stores the events of mass-change guards.
type Guards interface {
	// GuardEvent reads one event of a provider. NotFound.
	GuardEvent(ctx context.Context, t TenantID, p ProviderID, id GuardEventID) (GuardEvent, error)
	// UpdateGuard replaces a provider and one of its guard's events, with the entry, in one transaction; the
	// event is zero when there is none. NotFound (the provider).
	UpdateGuard(ctx context.Context, t TenantID, p ProviderID, id GuardEventID, update GuardUpdate) (GuardEvent, error)
	// GuardEvents reads a provider's events, the newest first, before the given one ("" from the newest).
	GuardEvents(ctx context.Context, t TenantID, p ProviderID, before GuardEventID, count int) ([]GuardEvent, error)
}

// GuardUpdate is an Update of a provider and one of its guard's events.
type GuardUpdate func(Provider, GuardEvent) (Provider, GuardEvent, *LogEntry, error)

// Organizations stores organizations.
type Organizations interface {
	// CreateOrganization stores one with its entry. Conflict when the id is taken; TakenError (name) when its name or
	// an alias belongs to another; TooMany when the quota, unless nil, is used up.
	CreateOrganization(ctx context.Context, t TenantID, o Organization, q *Quota, e LogEntry) error
	// UpdateOrganization replaces one with its entry. NotFound; TakenError (name).
	UpdateOrganization(ctx context.Context, t TenantID, id OrgID, update Update[Organization]) (Organization, error)
	// OrganizationsByID reads those of the ids that exist.
	OrganizationsByID(ctx context.Context, t TenantID, ids []OrgID) (map[OrgID]Organization, error)
	// OrganizationByName reads the one whose name or alias has the OrgNameKey. NotFound.
	OrganizationByName(ctx context.Context, t TenantID, key string) (Organization, error)
	// ListOrganizations reads organizations by id, after the given one.
	ListOrganizations(ctx context.Context, t TenantID, after OrgID, count int) ([]Organization, error)
}

// Roles stores the roles of tenants.
type Roles interface {
	// Catalogue reads the roles of a tenant; the zero value when none were ever stored.
	Catalogue(ctx context.Context, t TenantID) (Catalogue, error)
	// UpdateCatalogue replaces the roles with their entry.
	UpdateCatalogue(ctx context.Context, t TenantID, update Update[Catalogue]) (Catalogue, error)
}

// Proposals stores what waits for a second person.
type Proposals interface {
	// ListProposals reads those of a tenant; the zero value when none were ever stored.
	ListProposals(ctx context.Context, t TenantID) (ProposalList, error)
	// UpdateProposals replaces them with their entry.
	UpdateProposals(ctx context.Context, t TenantID, update Update[ProposalList]) (ProposalList, error)
}

// Mappings stores the mappings of providers.
type Mappings interface {
	// MappingSet reads a provider's; the zero value when there are none.
	MappingSet(ctx context.Context, t TenantID, p ProviderID) (MappingSet, error)
	// Ground reads what following an entry of a provider depends on, "" for those of the tenant.
	Ground(ctx context.Context, t TenantID, p ProviderID) (Ground, error)
	// UpdateMappings replaces a provider and its mappings, with the entry, in one transaction. The display name must
	// not change. NotFound.
	UpdateMappings(ctx context.Context, t TenantID, p ProviderID, update MappingUpdate) (Provider, MappingSet, error)
}

// Ground is what following entries of a provider depends on besides the entries themselves.
type Ground struct {
	Provider Provider // the zero one for "" and when there is none
	// Rules is raised by every entry with LogEntry.ChangesRules, in its transaction: while it is the same, what such entries
	// are about is, too.
	Rules int64
	Mark  string // ChainHead.Mark of the provider's chain
	// NamesManagers reports whether a user of the tenant may have named a manager by userName. It is true before there is one.
	NamesManagers bool
}

// MappingUpdate is an Update of a provider and its mappings.
type MappingUpdate func(Provider, MappingSet) (Provider, MappingSet, *LogEntry, error)

// Watchlists stores watchlists.
type Watchlists interface {
	// ListWatchlists reads all of a tenant, by id.
	ListWatchlists(ctx context.Context, t TenantID) ([]Watchlist, error)
	// UpdateWatchlist replaces one with its entry; old is zero when there is none, and returning the zero value
	// removes it.
	UpdateWatchlist(ctx context.Context, t TenantID, id WatchlistID, check Check[Watchlist], update Update[Watchlist]) (Watchlist, error)
}

// Countries stores the unknown countries that directories sent.
type Countries interface {
	// UpdateCountryValue replaces the record of a provider's value with its entry; old is zero when there is none, and
	// returning the zero value, without an entry, removes it.
	UpdateCountryValue(ctx context.Context, t TenantID, p ProviderID, value string, update Update[CountryValue]) (CountryValue, error)
	// CountryValue reads the record of a provider's value. NotFound.
	CountryValue(ctx context.Context, t TenantID, p ProviderID, value string) (CountryValue, error)
	// CountryValues reads the values of a provider, at most count, in any order.
	CountryValues(ctx context.Context, t TenantID, p ProviderID, count int) ([]CountryValue, error)
}

// ApplyRuns stores apply runs, their progress and their changes.
type ApplyRuns interface {
	// People reads present users of a provider with their groups, for planning: those of one part of RunRanges, in
	// the store's own order, after a position ("" from the first), and the position to continue after: "" at the
	// end. At most count; there may be none although more follow. Positions sort in that order. A user who is present
	// throughout is in exactly one part, once, whatever is added and removed meanwhile.
	People(ctx context.Context, t TenantID, p ProviderID, part int, after string, count int) ([]UserView, string, error)
	// Run reads one of a provider. NotFound.
	Run(ctx context.Context, t TenantID, p ProviderID, id RunID) (ApplyRun, error)
	// UpdateRun replaces one, with an entry unless it is nil; old is zero when there is none. Returning old stores
	// nothing.
	UpdateRun(ctx context.Context, t TenantID, p ProviderID, id RunID, update Update[ApplyRun]) (ApplyRun, error)
	// ListRuns reads a provider's runs, the newest first, before the given one ("" from the newest).
	ListRuns(ctx context.Context, t TenantID, p ProviderID, before RunID, count int) ([]ApplyRun, error)
	// Ranges reads the ranges of a run that were stored, by number.
	Ranges(ctx context.Context, t TenantID, id RunID) ([]RunRange, error)
	// UpdateRange replaces range n by update(old); old is zero when there is none. update is pure and may run
	// several times.
	UpdateRange(ctx context.Context, t TenantID, id RunID, n int, update func(RunRange) (RunRange, error)) (RunRange, error)
	// PutPage stores a page of changes, replacing the one with its key.
	PutPage(ctx context.Context, t TenantID, id RunID, page RunPage) error
	// Pages reads pages of a run in the order of their keys, after the given key.
	Pages(ctx context.Context, t TenantID, id RunID, after string, count int) ([]RunPage, error)
}
