package administration

import (
	"context"
	"maps"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// preview returns ports that read from p and write nothing: an update computes the new record, and checks that unique
// values are free. Changed organizations and roles are remembered for later steps of the same request. Writes that no
// administrator's request makes are refused.
func preview(p directory.Ports) directory.Ports {
	out := p
	orgs := &previewOrganizations{Organizations: p.Organizations, changed: map[directory.OrgID]directory.Organization{}}
	out.Users = previewUsers{p.Users, p.Providers}
	out.Groups = previewGroups{p.Groups}
	out.Leavers = previewLeavers{p.Leavers}
	out.Providers = previewProviders{p.Providers}
	out.Tenants = previewTenants{p.Tenants}
	out.APIKeys = previewAPIKeys{p.APIKeys}
	out.Conflicts = previewConflicts{p.Conflicts}
	out.Aliases = previewAliases{p.Aliases}
	out.LegalHolds = previewLegalHolds{p.LegalHolds, p.Users}
	out.Guards = previewGuards{p.Guards, p.Providers}
	out.Organizations = orgs
	out.Roles = &previewRoles{Roles: p.Roles}
	out.Proposals = previewProposals{p.Proposals}
	out.Mappings = previewMappings{p.Mappings, p.Providers}
	out.Watchlists = previewWatchlists{p.Watchlists}
	out.Countries = previewCountries{p.Countries}
	out.ApplyRuns = previewApplyRuns{p.ApplyRuns}
	out.Log = previewLog{p.Log}
	out.Counts = previewCounts{p.Counts}
	out.Chains = previewChains{p.Chains}
	out.Webhooks = previewWebhooks{p.Webhooks}
	out.Deliveries = previewDeliveries{p.Deliveries}
	out.SetAsides = previewSetAsides{p.SetAsides}
	out.Usages, out.Tasks = previewUsages{p.Usages}, previewTasks{p.Tasks}
	out.Replays, out.Completion, out.Feed = nil, nil, nil
	return out
}

// errPreview is the error of a write that no administrator's request makes.
var errPreview = directory.Errorf(directory.Internal, "a preview does not write this")

// tryUpdate computes an update of a record as read by a port; a nil entry leaves it unchanged.
func tryUpdate[T any](old T, err error, update directory.Update[T]) (T, *directory.LogEntry, error) {
	if err != nil {
		return old, nil, err
	}
	n, e, err := update(old)
	if err == nil && e == nil {
		n = old
	}
	return n, e, err
}

type previewUsers struct {
	directory.Users
	providers directory.Providers
}

func (p previewUsers) CreateUser(
	ctx context.Context, t directory.TenantID, _ directory.ProviderID, _ directory.Admit,
	create func(directory.Provider) (directory.User, directory.LogEntry, error),
) (directory.User, error) {
	u, _, err := create(directory.Provider{})
	if err == nil {
		err = find.UserNameFree(ctx, p.Users, p.providers, t, u.ID, u.UserName)
	}
	return u, err
}

func (p previewUsers) UpdateUser(
	ctx context.Context, t directory.TenantID, old directory.User, update directory.Update[directory.User],
) (directory.User, error) {
	u, e, err := update(old)
	if err == nil && e != nil && !u.Removed() {
		err = find.UserNameFree(ctx, p.Users, p.providers, t, u.ID, u.UserName)
	}
	return u, err
}

func (p previewUsers) IndexUser(context.Context, directory.TenantID, directory.User, func(directory.User) []directory.Lookup) error {
	return errPreview
}

type previewProviders struct{ directory.Providers }

func (p previewProviders) CreateProvider(ctx context.Context, t directory.TenantID, n directory.Provider, _ directory.LogEntry) error {
	return p.displayNameFree(ctx, t, n)
}

func (p previewProviders) UpdateProvider(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, update directory.Update[directory.Provider],
) (directory.Provider, error) {
	old, err := p.Provider(ctx, t, id)
	n, e, err := tryUpdate(old, err, update)
	if err == nil && e != nil {
		err = p.displayNameFree(ctx, t, n)
	}
	return n, err
}

func (p previewProviders) displayNameFree(ctx context.Context, t directory.TenantID, n directory.Provider) error {
	all, err := p.ListProviders(ctx, t)
	for _, q := range all {
		if q.ID != n.ID && q.DisplayNameKey() == n.DisplayNameKey() {
			return &directory.TakenError{Attr: directory.AttrDisplayName, Holder: string(q.ID)}
		}
	}
	return err
}

func (p previewProviders) RemoveProvider(context.Context, directory.TenantID, directory.ProviderID, directory.LogEntry) error {
	return errPreview
}

func (p previewProviders) RestoreProvider(
	ctx context.Context, t directory.TenantID, id directory.ProviderID,
	update func(directory.ArchivedProvider) (directory.Provider, directory.LogEntry, error),
) (directory.Provider, error) {
	all, err := p.ArchivedProviders(ctx, t)
	if err != nil {
		return directory.Provider{}, err
	}
	i := slices.IndexFunc(all, func(a directory.ArchivedProvider) bool { return a.ID == id })
	if i < 0 {
		return directory.Provider{}, directory.Errorf(directory.NotFound, "no such deleted provider")
	}
	n, _, err := update(all[i])
	if err == nil {
		err = p.displayNameFree(ctx, t, n)
	}
	return n, err
}

func (p previewProviders) PutArchivePage(
	context.Context, directory.TenantID, directory.ProviderID, directory.ArchivePage, time.Time,
) error {
	return errPreview
}

func (p previewProviders) DropArchive(context.Context, directory.TenantID, directory.ProviderID) error {
	return errPreview
}

type previewTenants struct{ directory.Tenants }

func (p previewTenants) CreateTenant(ctx context.Context, t directory.Tenant, _ directory.LogEntry) error {
	_, err := p.Tenant(ctx, t.ID)
	if err == nil {
		return directory.ErrTenantTaken()
	}
	return directory.IgnoreNotFound(err)
}

func (p previewTenants) UpdateTenant(
	ctx context.Context, id directory.TenantID, update directory.Update[directory.Tenant],
) (directory.Tenant, error) {
	old, err := p.Tenant(ctx, id)
	if err != nil {
		return old, err
	}
	t, _, err := update(old)
	return t, err
}

func (p previewTenants) EraseTenant(context.Context, directory.TenantID, string) (string, int, error) {
	return "", 0, errPreview
}

func (p previewTenants) EraseRest(context.Context, []directory.TenantID, string) (string, map[directory.TenantID]int, error) {
	return "", nil, errPreview
}

func (p previewTenants) RemoveTenant(context.Context, directory.TenantID, directory.LogEntry) error {
	return errPreview
}

type previewAPIKeys struct{ directory.APIKeys }

func (p previewAPIKeys) CreateAPIKey(
	ctx context.Context, t directory.TenantID, _ directory.APIKey, check directory.Check[directory.APIKey], _ directory.LogEntry,
) error {
	ks, err := p.ListAPIKeys(ctx, t)
	return tryCheck(check, ks, err)
}

// tryCheck runs a check on the records that a port read.
func tryCheck[T any](check directory.Check[T], all []T, err error) error {
	if err == nil && check != nil {
		err = check(all)
	}
	return err
}

func (p previewAPIKeys) UpdateAPIKey(
	ctx context.Context, t directory.TenantID, id directory.CredentialID, check directory.Check[directory.APIKey],
	update directory.Update[directory.APIKey],
) (directory.APIKey, error) {
	ks, err := p.ListAPIKeys(ctx, t)
	if err != nil {
		return directory.APIKey{}, err
	}
	i := slices.IndexFunc(ks, func(k directory.APIKey) bool { return k.ID == id })
	if i < 0 {
		return directory.APIKey{}, directory.Errorf(directory.NotFound, "no such API key")
	}
	k, e, err := update(ks[i])
	if e != nil {
		err = tryCheck(check, ks, err)
	}
	return k, err
}

type previewConflicts struct{ directory.Conflicts }

func (p previewConflicts) UpdateConflict(
	ctx context.Context, t directory.TenantID, id directory.ConflictID, update directory.Update[directory.ConflictCase],
) (directory.ConflictCase, error) {
	old, err := p.Conflict(ctx, t, id)
	if directory.IgnoreNotFound(err) != nil {
		return old, err
	}
	c, _, err := update(old)
	return c, err
}

type previewLegalHolds struct {
	directory.LegalHolds
	users directory.Users
}

func (p previewLegalHolds) UpdateMatter(
	ctx context.Context, t directory.TenantID, id directory.MatterID, update directory.Update[directory.Matter],
) (directory.Matter, error) {
	old, err := p.Matter(ctx, t, id)
	m, _, err := tryUpdate(old, directory.IgnoreNotFound(err), update)
	return m, err
}

func (p previewLegalHolds) UpdateCustodian(
	ctx context.Context, t directory.TenantID, matter directory.MatterID, id directory.UserID, update directory.CustodianUpdate,
) (directory.Custodian, directory.User, error) {
	m, err := p.Matter(ctx, t, matter)
	if err != nil {
		return directory.Custodian{}, directory.User{}, err
	}
	v, err := p.users.UserByID(ctx, t, id)
	if err != nil {
		return directory.Custodian{}, directory.User{}, err
	}
	old, err := p.Custodian(ctx, t, matter, id)
	if err != nil {
		return old, v.User, err
	}
	c, u, _, err := update(m, old, v.User)
	return c, u, err
}

type previewGuards struct {
	directory.Guards
	providers directory.Providers
}

func (p previewGuards) UpdateGuard(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, event directory.GuardEventID, update directory.GuardUpdate,
) (directory.GuardEvent, error) {
	provider, err := p.providers.Provider(ctx, t, id)
	if err != nil {
		return directory.GuardEvent{}, err
	}
	old, err := p.GuardEvent(ctx, t, id, event)
	if directory.IgnoreNotFound(err) != nil {
		return old, err
	}
	_, v, _, err := update(provider, old)
	return v, err
}

type previewOrganizations struct {
	directory.Organizations
	changed map[directory.OrgID]directory.Organization // created or changed by this request
}

func (p *previewOrganizations) CreateOrganization(
	ctx context.Context, t directory.TenantID, o directory.Organization, _ *directory.Quota, _ directory.LogEntry,
) error {
	known, err := p.OrganizationsByID(ctx, t, []directory.OrgID{o.ID})
	if err != nil {
		return err
	}
	if _, taken := known[o.ID]; taken {
		return directory.Errorf(directory.Conflict, "the organization's id is taken")
	}
	return p.keep(ctx, t, o)
}

func (p *previewOrganizations) UpdateOrganization(
	ctx context.Context, t directory.TenantID, id directory.OrgID, update directory.Update[directory.Organization],
) (directory.Organization, error) {
	known, err := p.OrganizationsByID(ctx, t, []directory.OrgID{id})
	if err != nil {
		return directory.Organization{}, err
	}
	old, found := known[id]
	if !found {
		return old, directory.Errorf(directory.NotFound, "no such organization")
	}
	o, e, err := update(old)
	if err == nil && e != nil {
		err = p.keep(ctx, t, o)
	}
	return o, err
}

// keep remembers an organization whose names are free.
func (p *previewOrganizations) keep(ctx context.Context, t directory.TenantID, o directory.Organization) error {
	for _, key := range o.NameKeys() {
		holder, err := p.OrganizationByName(ctx, t, key)
		if err == nil && holder.ID != o.ID {
			return &directory.TakenError{Attr: "name", Holder: string(holder.ID)}
		}
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
	}
	p.changed[o.ID] = o
	return nil
}

func (p *previewOrganizations) OrganizationsByID(
	ctx context.Context, t directory.TenantID, ids []directory.OrgID,
) (map[directory.OrgID]directory.Organization, error) {
	out, err := p.Organizations.OrganizationsByID(ctx, t, ids)
	if err != nil {
		return nil, err
	}
	out = maps.Clone(out)
	for _, id := range ids {
		if o, found := p.changed[id]; found {
			out[id] = o
		}
	}
	return out, nil
}

func (p *previewOrganizations) OrganizationByName(ctx context.Context, t directory.TenantID, key string) (directory.Organization, error) {
	for _, o := range p.changed {
		if slices.Contains(o.NameKeys(), key) {
			return o, nil
		}
	}
	return p.Organizations.OrganizationByName(ctx, t, key)
}

type previewRoles struct {
	directory.Roles
	changed *directory.Catalogue // by this request
}

func (p *previewRoles) Catalogue(ctx context.Context, t directory.TenantID) (directory.Catalogue, error) {
	if p.changed != nil {
		return *p.changed, nil
	}
	return p.Roles.Catalogue(ctx, t)
}

func (p *previewRoles) UpdateCatalogue(
	ctx context.Context, t directory.TenantID, update directory.Update[directory.Catalogue],
) (directory.Catalogue, error) {
	old, err := p.Catalogue(ctx, t)
	c, _, err := tryUpdate(old, err, update)
	if err == nil {
		p.changed = &c
	}
	return c, err
}

type previewProposals struct{ directory.Proposals }

func (p previewProposals) UpdateProposals(
	ctx context.Context, t directory.TenantID, update directory.Update[directory.ProposalList],
) (directory.ProposalList, error) {
	old, err := p.ListProposals(ctx, t)
	ps, _, err := tryUpdate(old, err, update)
	return ps, err
}

type previewMappings struct {
	directory.Mappings
	providers directory.Providers
}

func (p previewMappings) UpdateMappings(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, update directory.MappingUpdate,
) (directory.Provider, directory.MappingSet, error) {
	provider, err := p.providers.Provider(ctx, t, id)
	if err != nil {
		return provider, directory.MappingSet{}, err
	}
	old, err := p.MappingSet(ctx, t, id)
	if err != nil {
		return provider, old, err
	}
	provider, m, _, err := update(provider, old)
	return provider, m, err
}

type previewWatchlists struct{ directory.Watchlists }

func (p previewWatchlists) UpdateWatchlist(
	ctx context.Context, t directory.TenantID, id directory.WatchlistID, check directory.Check[directory.Watchlist],
	update directory.Update[directory.Watchlist],
) (directory.Watchlist, error) {
	all, err := p.ListWatchlists(ctx, t)
	if err != nil {
		return directory.Watchlist{}, err
	}
	var old directory.Watchlist
	if i := slices.IndexFunc(all, func(w directory.Watchlist) bool { return w.ID == id }); i >= 0 {
		old = all[i]
	}
	w, e, err := update(old)
	if e != nil {
		err = tryCheck(check, all, err)
	}
	return w, err
}

type previewApplyRuns struct{ directory.ApplyRuns }

func (p previewApplyRuns) UpdateRun(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, run directory.RunID, update directory.Update[directory.ApplyRun],
) (directory.ApplyRun, error) {
	old, err := p.Run(ctx, t, id, run)
	if directory.IgnoreNotFound(err) != nil {
		return old, err
	}
	r, _, err := update(old)
	return r, err
}

func (p previewApplyRuns) UpdateRange(
	context.Context, directory.TenantID, directory.RunID, int, func(directory.RunRange) (directory.RunRange, error),
) (directory.RunRange, error) {
	return directory.RunRange{}, errPreview
}

func (p previewApplyRuns) PutPage(context.Context, directory.TenantID, directory.RunID, directory.RunPage) error {
	return errPreview
}

type previewWebhooks struct{ directory.Webhooks }

func (p previewWebhooks) CreateWebhook(
	ctx context.Context, t directory.TenantID, _ directory.Webhook, check directory.Check[directory.Webhook], _ directory.LogEntry,
) error {
	ws, err := p.ListWebhooks(ctx, t)
	return tryCheck(check, ws, err)
}

func (p previewWebhooks) UpdateWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, update directory.Update[directory.Webhook],
) (directory.Webhook, error) {
	old, err := p.Webhook(ctx, t, id)
	w, _, err := tryUpdate(old, err, update)
	return w, err
}

func (p previewWebhooks) DeleteWebhook(
	ctx context.Context, t directory.TenantID, id directory.WebhookID, del func(directory.Webhook) (directory.LogEntry, error),
) error {
	old, err := p.Webhook(ctx, t, id)
	if err == nil {
		_, err = del(old)
	}
	return err
}

type previewLog struct{ directory.Log }

func (previewLog) AppendEntry(context.Context, directory.TenantID, directory.LogEntry) error {
	return nil
}

func (previewLog) DropEntries(context.Context, directory.TenantID, directory.ProviderID, time.Time, int) (int, error) {
	return 0, errPreview
}
