package follow

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// resolver resolves people of one provider after one log entry or for one apply run. Not for concurrent use.
type resolver struct {
	s        *Service
	tenant   directory.TenantID
	provider directory.Provider
	rules    directory.Rules
	lists    []directory.Watchlist
	origin   origin

	approved bool      // what the guard held back is carried out: it asks no more
	left     int       // moves that it may make before it asks the guard again
	counted  time.Time // moves before are counted
}

// resolver reads what resolutions depend on.
// Errors: NotFound when the provider was removed.
func (s *Service) resolver(ctx context.Context, t directory.TenantID, p directory.ProviderID, o origin) (*resolver, error) {
	o.provider = p
	r := &resolver{s: s, tenant: t, origin: o}
	var err error
	if r.lists, err = s.ports.Watchlists.ListWatchlists(ctx, t); err != nil || p == "" {
		return r, err
	}
	if r.provider, err = s.ports.Providers.Provider(ctx, t, p); err != nil {
		return r, err
	}
	r.rules = directory.Rules{
		Config: r.provider.ConfigVersion, Org: r.provider.OrgMapping, Role: r.provider.RoleMapping,
		Orgs: map[directory.OrgID]directory.Organization{}, Named: map[string]directory.OrgID{},
	}
	if r.rules.Mappings, err = s.ports.Mappings.MappingSet(ctx, t, p); err != nil {
		return r, err
	}
	if r.rules.Roles, err = s.ports.Roles.Catalogue(ctx, t); err != nil {
		return r, err
	}
	ids := []directory.OrgID{directory.DefaultOrg, r.rules.Org.Org, r.rules.Org.Template}
	for _, m := range r.rules.Mappings.Orgs {
		ids = append(ids, m.Org)
	}
	r.rules.Orgs, err = s.ports.Organizations.OrganizationsByID(ctx, t,
		slices.DeleteFunc(ids, func(id directory.OrgID) bool { return id == "" }))
	return r, err
}

// loadOrganizations reads the organizations that a person's record names, once each.
func (r *resolver) loadOrganizations(ctx context.Context, u directory.User) error {
	if _, known := r.rules.Orgs[u.OrgID]; !known && u.OrgID != "" {
		by, err := r.s.ports.Organizations.OrganizationsByID(ctx, r.tenant, []directory.OrgID{u.OrgID})
		if err != nil {
			return err
		}
		maps.Copy(r.rules.Orgs, by)
	}
	name := directory.AttributeValue(u.Attributes, r.rules.Org.Path())
	if _, known := r.rules.Named[directory.OrgNameKey(name)]; known || name == "" {
		return nil
	}
	o, err := r.s.ports.Organizations.OrganizationByName(ctx, r.tenant, directory.OrgNameKey(name))
	if directory.IsKind(err, directory.NotFound) {
		return nil
	}
	if err == nil {
		r.rules.Orgs[o.ID], r.rules.Named[directory.OrgNameKey(name)] = o, o.ID
	}
	return err
}

var errUserChanged = errors.New("the user has changed since it was read")

// resolve brings one person to where the rules say, and reads again until nothing is left to do: so whoever
// writes last has seen the last change of the person's groups.
func (r *resolver) resolve(ctx context.Context, read func(context.Context) (directory.UserView, error), on directory.Occasion) error {
	const tries = 20
	for range tries {
		v, err := read(ctx)
		if err != nil {
			return directory.IgnoreNotFound(err)
		}
		changed, err := r.applyOnce(ctx, v, on)
		switch {
		case err == nil && !changed:
			return nil
		case err != nil && !errors.Is(err, errUserChanged):
			return directory.IgnoreNotFound(err)
		}
		if on == directory.OnCreate { // what is new is so once
			on = directory.OnEvent
		}
	}
	return directory.Errorf(directory.Unavailable, "the user keeps changing; try again")
}

// resolution resolves a person as read, and makes the organizations this takes.
func (r *resolver) resolution(ctx context.Context, v directory.UserView, on directory.Occasion) (directory.Resolution, error) {
	if v.Provider != r.provider.ID || r.provider.ID == "" {
		return directory.Resolution{Placement: v.Account.Placement()}, nil
	}
	if err := r.loadOrganizations(ctx, v.User); err != nil {
		return directory.Resolution{}, err
	}
	d := r.rules.Resolve(v.User, v.Groups, on, r.s.rt.Time())
	if d.Create != "" {
		if err := r.makeOrganization(ctx, v.User, d.Create); err != nil {
			return directory.Resolution{}, err
		}
		d = r.rules.Resolve(v.User, v.Groups, on, r.s.rt.Time())
	}
	if d.Create != "" { // made and gone again
		return directory.Resolution{}, errUserChanged
	}
	if d.Capped {
		return d, r.raiseCap(ctx, v.User)
	}
	return d, nil
}

// applyOnce writes what the rules say of a person as read, unless that is so already. What the guard does not allow is
// noted instead of being done.
func (r *resolver) applyOnce(ctx context.Context, v directory.UserView, on directory.Occasion) (changed bool, err error) {
	now := v.Account.Placement()
	d := directory.Resolution{Placement: now}
	if v.FollowsRules() {
		if d, err = r.resolution(ctx, v, on); err != nil {
			return false, err
		}
	}
	lists := watchlistsFor(v.User, v.Groups, r.lists)
	if v.Removed() {
		lists = v.Watchlists
	}
	action, review := directory.UserResolved, directory.GuardEventID("")
	if !r.approved && now.LosesAccessTo(d.Placement) && r.s.rt.Time().Sub(v.Created) >= directory.GuardGrace {
		action = directory.UserReassigned
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
		r.left--
	}
	return err == nil, err
}

// reservedMoves is how many people a resolver moves before it looks at the guard again. Entries are followed in several
// processes side by side, and each of them may pass the limit by as many.
const reservedMoves = 16

// reserveMove lets the guard look at one more move. It returns the event that the move has to wait for, "" for none.
func (r *resolver) reserveMove(ctx context.Context) (directory.GuardEventID, error) {
	if r.left > 0 {
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
	r.left = reservedMoves
	room := reading.limit - reading.count + 1
	if room > 0 {
		r.left = min(room, r.left)
	}
	return "", nil
}

// countMoves counts the moves since the entry that the resolver follows, also its own and those of a process that
// died: their entries may not be followed yet. At most a thousand entries are looked at.
func (r *resolver) countMoves(ctx context.Context) error {
	r.counted = directory.Latest(r.counted, r.origin.at)
	es, err := r.s.ports.Log.EntriesAfter(ctx, r.tenant, r.provider.ID, directory.PositionAt(r.counted), "", 1000)
	if err != nil {
		return err
	}
	for _, e := range es {
		if r.counted = e.At; e.Action != directory.UserReassigned {
			continue
		}
		if err := r.s.ports.Counts.CountEntry(ctx, r.tenant, e); err != nil {
			return err
		}
	}
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

// followUser links managers, and resolves a person who is new, is back, or has a change of an attribute that rules look
// at.
func (s *Service) followUser(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	if e.User == "" {
		return nil
	}
	if err := s.linkManagers(ctx, t, e); err != nil {
		return err
	}
	r, err := s.resolver(ctx, t, e.Provider, fromEntry(e))
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	on := directory.OnEvent
	if e.Action == directory.UserCreated {
		on = directory.OnCreate
	}
	back := slices.Contains([]directory.Action{directory.UserCreated, directory.UserEnabled, directory.UserRestored}, e.Action) ||
		slices.Contains(e.Effects, directory.EffectReactivated)
	path := r.rules.Org.Path()
	switch {
	case back || path != "" && changes(e, path):
		return r.resolve(ctx, r.user(e.User), on)
	case changes(e, directory.AttrDepartment):
		r.rules.Org, r.rules.Role = directory.OrgSettings{}, directory.RoleSettings{} // watchlists only
		return r.resolve(ctx, r.user(e.User), directory.OnEvent)
	}
	return nil
}

// followMembers resolves everybody who joined or left a group.
func (s *Service) followMembers(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	if len(e.Added)+len(e.Removed) == 0 {
		return nil
	}
	r, err := s.resolver(ctx, t, e.Provider, fromEntry(e))
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	for _, id := range slices.Concat(e.Added, e.Removed) {
		if id.IsUser() {
			if err := r.resolve(ctx, r.member(id), directory.OnEvent); err != nil {
				return err
			}
		}
	}
	return nil
}

// followGroupDeleted resolves everybody who has something from the deleted group, if a mapping or watchlist names it.
func (s *Service) followGroupDeleted(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	r, err := s.resolver(ctx, t, e.Provider, fromEntry(e))
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	org, role := r.rules.Mappings.Uses(e.Group)
	listed := "group:" + string(e.Group)
	linked := slices.ContainsFunc(r.lists, func(w directory.Watchlist) bool {
		return slices.ContainsFunc(w.Groups, func(g directory.WatchlistGroup) bool { return g.ID == e.Group })
	})
	if org == "" && role == "" && !linked {
		return nil
	}
	return directory.EachUser(ctx, s.ports.Users, t, directory.UserSearch{Provider: e.Provider}, func(u directory.User) error {
		has := org != "" && u.OrgSource == directory.OrgSource(org) ||
			role != "" && slices.ContainsFunc(u.RoleGrants, func(g directory.RoleGrant) bool { return g.Source == directory.RoleSource(role) }) ||
			slices.ContainsFunc(u.Watchlists, func(w directory.OnWatchlist) bool { return w.Why == listed })
		if !has || u.Removed() {
			return nil
		}
		return r.resolve(ctx, r.user(u.ID), directory.OnEvent)
	})
}

// RulesFor reads the rules that hold for a user now, without changing anything; the zero Provider when no provider that
// exists manages the user.
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
