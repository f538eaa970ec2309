package follow

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// resolver resolves users of one provider after one log entry or for one apply run. Not for concurrent use.
type resolver struct {
	s        *Service
	tenant   directory.TenantID
	provider directory.Provider
	kept     *rules
	rules    directory.Rules
	lists    []directory.Watchlist
	origin   origin

	together bool      // others are resolved at the same time: what has to be decided in turn is refused (errInTurn)
	approved bool      // the moves were approved: the guard is not evaluated
	reserved int       // moves it may make before it evaluates the guard again
	counted  time.Time // moves before then are counted
}

// resolver reads the records that resolutions depend on.
// Errors: NotFound when the provider was removed.
func (s *Service) resolver(ctx context.Context, t directory.TenantID, p directory.ProviderID, o origin) (*resolver, error) {
	g, err := s.ports.Mappings.Ground(ctx, t, p)
	if err != nil {
		return &resolver{}, err
	}
	return s.resolverOn(ctx, t, p, g, o)
}

// resolverOn is resolver for what is known of the provider.
func (s *Service) resolverOn(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, g directory.Ground, o origin,
) (*resolver, error) {
	o.provider = p
	kept, err := s.rules(ctx, t, p, g)
	if err != nil {
		return &resolver{}, err
	}
	provider := g.Provider
	r := &resolver{s: s, tenant: t, provider: provider, kept: kept, lists: kept.lists, origin: o}
	r.rules = directory.Rules{
		Config: provider.ConfigVersion, Org: provider.OrgMapping, Role: provider.RoleMapping, Mappings: kept.mappings, Roles: kept.roles,
		Orgs: kept.organizations(), Named: map[string]directory.OrgID{},
	}
	return r, nil
}

// loadOrganizations reads the organizations that a user's record names, once each.
func (r *resolver) loadOrganizations(ctx context.Context, u directory.User) error {
	if _, known := r.rules.Orgs[u.OrgID]; !known && u.OrgID != "" {
		o, err := r.s.organization(ctx, r.tenant, r.kept, u.OrgID)
		if err != nil {
			return err
		}
		r.learn(o)
	}
	name := directory.AttributeValue(u.Attributes, r.rules.Org.Path())
	key := directory.OrgNameKey(name)
	if _, known := r.rules.Named[key]; known || name == "" {
		return nil
	}
	o, err := r.s.organizationNamed(ctx, r.tenant, r.kept, key)
	if o.ID != "" {
		r.learn(o)
		r.rules.Named[key] = o.ID
	}
	return err
}

// learn adds an organization that exists to the rules.
func (r *resolver) learn(o directory.Organization) {
	if o.ID != "" {
		r.rules.Orgs[o.ID] = o
	}
}

var (
	errUserChanged = errors.New("the user has changed since it was read")
	errInTurn      = errors.New("this is decided for one user after the other")
)

// tries is how often a user is looked at who keeps changing.
const tries = 20

// resolve applies the rules to one user, and reads the user again until nothing changes, so that the last writer has
// seen the last change of the user's groups.
func (r *resolver) resolve(ctx context.Context, read func(context.Context) (directory.UserView, error), on directory.Occasion) error {
	if r.provider.Restoring() {
		return nil // decided once the groups are back, too
	}
	for range tries {
		v, err := read(ctx)
		if err != nil {
			return directory.IgnoreNotFound(err)
		}
		changed, err := r.decide(ctx, v, on)
		switch {
		case err == nil && !changed:
			return nil
		case err != nil && !errors.Is(err, errUserChanged):
			return directory.IgnoreNotFound(err)
		}
		if on == directory.OnCreate { // a user is new only once
			on = directory.OnEvent
		}
	}
	return directory.Errorf(directory.Unavailable, "the user keeps changing; try again")
}

// stillNew returns OnCreate for a user whose roles nothing decided since the entry that is followed. If something did, it
// is followed again, and what an administrator took since must not come back.
func (r *resolver) stillNew(ctx context.Context, u directory.User) (directory.Occasion, error) {
	if u.Version == 1 || len(u.RoleGrants) > 0 {
		return directory.OnCreate, nil
	}
	es, err := r.s.ports.Log.Entries(ctx, r.tenant, directory.LogQuery{User: u.ID, Since: r.origin.at, Count: 100})
	if slices.ContainsFunc(es, func(e directory.LogEntry) bool { return slices.Contains(e.Effects, directory.EffectRoles) }) {
		return directory.OnEvent, err
	}
	return directory.OnCreate, err
}

// resolution resolves a user as read, and creates the organization this needs.
func (r *resolver) resolution(ctx context.Context, v directory.UserView, on directory.Occasion) (directory.Resolution, error) {
	if v.Provider != r.provider.ID || r.provider.ID == "" {
		return directory.Resolution{Placement: v.Account.Placement()}, nil
	}
	if !r.together { // else they are loaded
		if err := r.loadOrganizations(ctx, v.User); err != nil {
			return directory.Resolution{}, err
		}
	}
	d := r.rules.Resolve(v.User, v.Groups, on, r.s.rt.Time())
	if r.together && (d.Create != "" || d.Capped) {
		return d, errInTurn
	}
	if d.Create != "" {
		if err := r.createOrganization(ctx, v.User, d.Create); err != nil {
			return directory.Resolution{}, err
		}
		d = r.rules.Resolve(v.User, v.Groups, on, r.s.rt.Time())
	}
	if d.Create != "" { // another process created it, and it no longer has the name
		return directory.Resolution{}, errUserChanged
	}
	if d.Capped {
		return d, r.openCapConflict(ctx, v.User)
	}
	return d, nil
}

// applyOnce writes the result of the rules for a user as read, if it changes the user. A move that the guard does not
// allow is recorded as held instead.
func (r *resolver) applyOnce(ctx context.Context, v directory.UserView, on directory.Occasion) (changed bool, err error) {
	now := v.Account.Placement()
	d := directory.Resolution{Placement: now}
	if v.FollowsRules() {
		if d, err = r.resolution(ctx, v, on); err != nil {
			return false, err
		}
		if r.leftBehind(v.User) {
			return true, r.s.deactivateMember(ctx, r.tenant, v.User, v.OrgID, r.origin)
		}
	}
	lists := watchlistsFor(v.User, v.Groups, r.lists)
	if v.Removed() {
		lists = v.Watchlists
	}
	action, review := directory.UserResolved, directory.GuardEventID("")
	if !r.approved && now.LosesAccessTo(d.Placement) && r.s.rt.Time().Sub(v.Created) >= directory.GuardGrace {
		if action = directory.UserReassigned; r.together {
			return false, errInTurn
		}
		if review, err = r.reserveMove(ctx); err != nil {
			return false, err
		}
		if review != "" {
			action, d.Placement = directory.UserReassignmentHeld, now
		}
	}
	if d.Same(now) && slices.Equal(lists, v.Watchlists) && (review == "" || review == v.Review) {
		return false, nil
	}
	_, err = r.s.ports.Users.UpdateUser(ctx, r.tenant, v.User, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		if old.Version != v.Version {
			return old, nil, errUserChanged
		}
		n := old.WithPlacement(d.Placement)
		n.Watchlists, n.Review = lists, review
		return r.s.finish(r.origin, old, n, action)
	})
	if err == nil && action == directory.UserReassigned {
		r.reserved--
	}
	return err == nil, err
}

// reservedMoves is how many users a resolver moves before it evaluates the guard again. Several processes follow
// entries in parallel, and each may exceed the limit by as many.
const reservedMoves = 16

// reserveMove evaluates the guard for one more move. It returns the event that holds the move, "" for none.
func (r *resolver) reserveMove(ctx context.Context) (directory.GuardEventID, error) {
	if r.reserved > 0 {
		return "", nil
	}
	p, err := r.s.ports.Providers.Provider(ctx, r.tenant, r.provider.ID)
	if err != nil || p.Guard.Moves.Tripped() {
		return p.Guard.Moves.Event, err
	}
	if err := r.countMoves(ctx); err != nil {
		return "", err
	}
	reading, err := r.s.evaluateGuard(ctx, r.tenant, p, directory.GuardMoves, r.origin, 1)
	if err != nil || reading.provider.Guard.Moves.Tripped() {
		return reading.provider.Guard.Moves.Event, err
	}
	r.reserved = reservedMoves
	room := reading.limit - reading.count + 1
	if room > 0 {
		r.reserved = min(room, r.reserved)
	}
	return "", nil
}

// countMoves counts the moves since the entry that the resolver follows, also its own and those of a process that died:
// their entries may not be followed yet. At most a thousand entries are read.
func (r *resolver) countMoves(ctx context.Context) error {
	r.counted = directory.Latest(r.counted, r.origin.at)
	es, err := r.s.ports.Log.EntriesAfter(ctx, r.tenant, r.provider.ID, directory.PositionAt(r.counted), "", 1000)
	if err != nil || len(es) == 0 {
		return err
	}
	newest := es[len(es)-1].At
	moves := slices.DeleteFunc(es, func(e directory.LogEntry) bool { return e.Action != directory.UserReassigned })
	if _, err := r.s.ports.Counts.CountEntries(ctx, r.tenant, moves); err != nil {
		return err
	}
	r.counted = newest
	return nil
}

// member reads a member of the provider's groups.
func (r *resolver) member(id directory.ScimID) func(context.Context) (directory.UserView, error) {
	return func(ctx context.Context) (directory.UserView, error) {
		return r.s.ports.Users.ReadUser(ctx, r.tenant, r.provider.ID, id, directory.UserWant{Groups: true}, nil)
	}
}

func (r *resolver) user(id directory.UserID) func(context.Context) (directory.UserView, error) {
	return func(ctx context.Context) (directory.UserView, error) {
		return r.s.ports.Users.UserByID(ctx, r.tenant, id)
	}
}

// resolvers are the resolvers of a tenant's providers, for a step of a batch.
type resolvers struct {
	*course
	t  directory.TenantID
	by map[directory.ProviderID]*resolver
}

func (c *course) resolvers(t directory.TenantID) resolvers {
	return resolvers{c, t, map[directory.ProviderID]*resolver{}}
}

// of returns the resolver of a provider, for the consequences of an entry. nil: the provider was removed.
func (rs resolvers) of(ctx context.Context, p directory.ProviderID, e directory.LogEntry) (*resolver, error) {
	r, known := rs.by[p]
	if !known {
		g, err := rs.ground(ctx, rs.t, p)
		if err != nil {
			return nil, err
		}
		if r, err = rs.s.resolverOn(ctx, rs.t, p, g, fromEntry(e)); directory.IsKind(err, directory.NotFound) {
			r = nil
		} else if err != nil {
			return nil, err
		}
		rs.by[p] = r
	}
	if r != nil {
		r.origin = fromEntry(e)
		r.origin.provider = p
	}
	return r, nil
}

// leaves reports whether the rules leave the new user of an entry as the request created it, by the entry alone: the
// user need not be read, because whatever happened since has an entry of its own. An entry from before the provider's
// last change does not tell how the request placed the user.
func (r *resolver) leaves(e directory.LogEntry) bool {
	if e.Action != directory.UserCreated || r.provider.ID == "" || !e.At.After(r.provider.Modified) {
		return false
	}
	if path := r.rules.Org.Path(); path != "" && changes(e, path) || len(e.Effects) != 1 { // it was created deactivated
		return false
	}
	byDepartment := func(w directory.Watchlist) bool { return len(w.Departments) > 0 }
	if changes(e, directory.AttrDepartment) && slices.ContainsFunc(r.lists, byDepartment) {
		return false
	}
	u := directory.User{Provider: r.provider.ID, Account: r.provider.InitialPlacement()}
	d := r.rules.Resolve(u, nil, directory.OnCreate, e.At)
	return d.Create == "" && !d.Capped && d.Same(u.Account.Placement()) &&
		directory.OrgID(directory.TextOf(after(e, directory.AttrOrganization))) == u.OrgID
}

// after returns the new value of an attribute that an entry changed, nil for none.
func after(e directory.LogEntry, attribute string) json.RawMessage {
	i := slices.IndexFunc(e.Changes, func(c directory.Change) bool { return c.Attr == attribute })
	if i < 0 {
		return nil
	}
	return e.Changes[i].After
}

// heeds reports whether a membership in a group may decide anything about a user. Where groups or attributes decide, it
// ends what was placed by hand, whatever the group. Users without an organization are placed by any event of theirs; a
// provider has none as long as its first mapping is in force.
func (r *resolver) heeds(g directory.GroupID) bool {
	named := func(x directory.WatchlistGroup) bool { return x.Provider == r.provider.ID && x.ID == g }
	if slices.ContainsFunc(r.lists, func(w directory.Watchlist) bool { return slices.ContainsFunc(w.Groups, named) }) {
		return true
	}
	first := r.rules.Org.Method == directory.OrgSingle && r.provider.ConfigVersion == 0
	return r.rules.Role.Mode == directory.RolesGroups || r.rules.Org.Method != "" && !first
}

// groupDecides reports whether rules or watchlists name the group of an entry.
func (s *Service) groupDecides(ctx context.Context, t directory.TenantID, e directory.LogEntry) (bool, error) {
	r, err := s.resolver(ctx, t, e.Provider, fromEntry(e))
	if err != nil {
		return false, directory.IgnoreNotFound(err)
	}
	org, role := r.rules.Mappings.Uses(e.Group)
	return org != "" || role != "" || slices.ContainsFunc(r.lists, func(w directory.Watchlist) bool {
		return slices.ContainsFunc(w.Groups, func(g directory.WatchlistGroup) bool { return g.ID == e.Group })
	}), nil
}

// followGroupDeleted resolves the users whose organization, roles or watchlists came from a deleted group.
func (x *portion) followGroupDeleted(ctx context.Context) error {
	r, err := x.s.resolver(ctx, x.tenant, x.entry.Provider, fromEntry(x.entry))
	if err != nil {
		return x.gone(err)
	}
	org, role := r.rules.Mappings.Uses(x.entry.Group)
	listed := "group:" + string(x.entry.Group)
	return x.eachUser(ctx, directory.UserSearch{Provider: x.entry.Provider}, false, func(ctx context.Context, u directory.User) error {
		has := org != "" && u.OrgSource == directory.OrgSource(org) ||
			role != "" && slices.ContainsFunc(u.RoleGrants, func(g directory.RoleGrant) bool { return g.Source == directory.RoleSource(role) }) ||
			slices.ContainsFunc(u.Watchlists, func(w directory.OnWatchlist) bool { return w.Why == listed })
		if !has || u.Removed() {
			return nil
		}
		return r.resolve(ctx, r.user(u.ID), directory.OnEvent)
	})
}

// RulesFor reads the rules that apply to a user now, without changing anything; the zero Provider when no existing
// provider manages the user.
func (s *Service) RulesFor(ctx context.Context, t directory.TenantID, u directory.User) (directory.Provider, directory.Rules, error) {
	r, err := s.resolver(ctx, t, u.Provider, origin{})
	if err != nil {
		return directory.Provider{}, directory.Rules{}, directory.IgnoreNotFound(err)
	}
	if r.provider.ID != "" {
		err = r.loadOrganizations(ctx, u)
	}
	return r.provider, r.rules, err
}
