package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// follower resolves people of one provider after one log entry or for one apply run. Not for concurrent use.
type follower struct {
	s        *Service
	tenant   TenantID
	provider Provider
	rules    Rules
	lists    []Watchlist
	because  LogEntry

	approved bool      // what the guard held back is carried out: it asks no more
	left     int       // moves that it may make before it asks the guard again
	counted  time.Time // moves before are counted
}

// follower reads what resolutions depend on. NotFound when the provider is gone.
func (s *Service) follower(ctx context.Context, t TenantID, p ProviderID, because LogEntry) (*follower, error) {
	f := &follower{s: s, tenant: t, because: because}
	var err error
	if f.lists, err = s.Settings.Watchlists(ctx, t); err != nil || p == "" {
		return f, err
	}
	if f.provider, err = s.Providers.Provider(ctx, t, p); err != nil {
		return f, err
	}
	f.rules = Rules{
		Config: f.provider.ConfigVersion, Org: f.provider.OrgMapping, Role: f.provider.RoleMapping,
		Orgs: map[OrgID]Organization{}, Named: map[string]OrgID{},
	}
	if f.rules.Mappings, err = s.Settings.Mappings(ctx, t, p); err != nil {
		return f, err
	}
	if f.rules.Roles, err = s.Settings.Catalogue(ctx, t); err != nil {
		return f, err
	}
	ids := []OrgID{DefaultOrg, f.rules.Org.Org, f.rules.Org.Template}
	for _, m := range f.rules.Mappings.Orgs {
		ids = append(ids, m.Org)
	}
	f.rules.Orgs, err = s.Organizations.OrganizationsByID(ctx, t, slices.DeleteFunc(ids, func(id OrgID) bool { return id == "" }))
	return f, err
}

// know reads the organizations that a person's record names, once each.
func (f *follower) know(ctx context.Context, u User) error {
	if _, known := f.rules.Orgs[u.OrgID]; !known && u.OrgID != "" {
		by, err := f.s.Organizations.OrganizationsByID(ctx, f.tenant, []OrgID{u.OrgID})
		if err != nil {
			return err
		}
		maps.Copy(f.rules.Orgs, by)
	}
	name := attributeValue(u.Attributes, f.rules.Org.Path())
	if _, known := f.rules.Named[OrgNameKey(name)]; known || name == "" {
		return nil
	}
	o, err := f.s.Organizations.OrganizationByName(ctx, f.tenant, OrgNameKey(name))
	if IsKind(err, NotFound) {
		return nil
	}
	if err == nil {
		f.rules.Orgs[o.ID], f.rules.Named[OrgNameKey(name)] = o, o.ID
	}
	return err
}

var errMoved = errors.New("the user has changed since it was read")

// resolve brings one person to where the rules say, and reads again until nothing is left to do: so whoever
// writes last has seen the last change of the person's groups.
func (f *follower) resolve(ctx context.Context, read func(context.Context) (UserView, error), on Occasion) error {
	const tries = 20
	for range tries {
		v, err := read(ctx)
		if err != nil {
			return ignoreGone(err)
		}
		changed, err := f.once(ctx, v, on)
		switch {
		case err == nil && !changed:
			return nil
		case err != nil && !errors.Is(err, errMoved):
			return ignoreGone(err)
		}
		if on == OnCreate { // what is new is so once
			on = OnEvent
		}
	}
	return Errorf(Unavailable, "the user keeps changing; try again")
}

// decide resolves a person as read, and makes the organizations this takes.
func (f *follower) decide(ctx context.Context, v UserView, on Occasion) (Resolution, error) {
	if v.Provider != f.provider.ID || f.provider.ID == "" {
		return Resolution{Placement: v.Account.Placement()}, nil
	}
	if err := f.know(ctx, v.User); err != nil {
		return Resolution{}, err
	}
	d := f.rules.Resolve(v.User, v.Groups, on, f.s.Now())
	if d.Create != "" {
		if err := f.makeOrg(ctx, v.User, d.Create); err != nil {
			return Resolution{}, err
		}
		d = f.rules.Resolve(v.User, v.Groups, on, f.s.Now())
	}
	if d.Create != "" { // made and gone again
		return Resolution{}, errMoved
	}
	if d.Capped {
		return d, f.raiseCap(ctx, v.User)
	}
	return d, nil
}

// once writes what the rules say of a person as read, if that is another thing than what is. What the guard
// does not allow is noted in place of being done.
func (f *follower) once(ctx context.Context, v UserView, on Occasion) (changed bool, err error) {
	now := v.Account.Placement()
	d := Resolution{Placement: now}
	if v.resolves() {
		if d, err = f.decide(ctx, v, on); err != nil {
			return false, err
		}
	}
	lists := watchlistsOf(v.User, v.Groups, f.lists)
	if v.Gone() {
		lists = v.Watchlists
	}
	action, review := UserResolved, ""
	if !f.approved && now.displacedBy(d.Placement) && f.s.Now().Sub(v.Created) >= guardGrace {
		action = UserReassigned
		if review, err = f.askGuard(ctx); err != nil {
			return false, err
		}
		if review != "" {
			action, d.Placement = UserHeldBack, now
		}
	}
	if d.Same(now) && slices.Equal(lists, v.Watchlists) && (review == "" || review == v.Review) {
		return false, nil
	}
	_, err = f.s.Users.UpdateUser(ctx, f.tenant, v.User, func(old User) (User, *LogEntry, error) {
		if old.Version != v.Version {
			return old, nil, errMoved
		}
		n := old.placed(d.Placement)
		n.Watchlists, n.Review = lists, review
		return f.s.systemChange(f.because, old, n, action)
	})
	if err == nil && action == UserReassigned {
		f.left--
	}
	return err == nil, err
}

// movesAtOnce is how many people a follower moves before it looks at the guard again: entries are followed at
// once in several processes, each of which may pass the limit by as many.
const movesAtOnce = 16

// askGuard lets the guard look at one more move. It returns the event that the move has to wait for, "" for none.
func (f *follower) askGuard(ctx context.Context) (string, error) {
	if f.left > 0 {
		return "", nil
	}
	p, err := f.s.Providers.Provider(ctx, f.tenant, f.provider.ID)
	if err != nil || p.Guard.Moves.Tripped() {
		return p.Guard.Moves.Event, err
	}
	if err := f.countMoves(ctx); err != nil {
		return "", err
	}
	l, err := f.s.lookAt(ctx, f.tenant, p, GuardMoves, f.because.ID, 1)
	if err != nil || l.provider.Guard.Moves.Tripped() {
		return l.provider.Guard.Moves.Event, err
	}
	f.left = movesAtOnce
	if room := l.limit - l.count + 1; room > 0 {
		f.left = min(room, f.left)
	}
	return "", nil
}

// countMoves counts the moves since the entry that the follower follows, also its own and those of a process that
// died: their entries may not be followed yet. At most a thousand entries are looked at.
func (f *follower) countMoves(ctx context.Context) error {
	f.counted = later(f.counted, f.because.At)
	es, err := f.s.Log.EntriesAfter(ctx, f.tenant, f.provider.ID, lowest(f.counted), "", 1000)
	if err != nil {
		return err
	}
	for _, e := range es {
		if f.counted = e.At; e.Action != UserReassigned {
			continue
		}
		if err := f.s.Follow.Count(ctx, f.tenant, e); err != nil {
			return err
		}
	}
	return nil
}

// member reads a member of the provider's groups.
func (f *follower) member(id ScimID) func(context.Context) (UserView, error) {
	return func(ctx context.Context) (UserView, error) {
		return f.s.Users.ReadUser(ctx, f.tenant, f.provider.ID, id, UserWant{Groups: true}, nil)
	}
}

func (f *follower) user(id UserID) func(context.Context) (UserView, error) {
	return func(ctx context.Context) (UserView, error) { return f.s.Users.UserByID(ctx, f.tenant, id) }
}

// followPlacement does what an entry leads to for organizations, roles, watchlists and managers. It depends on
// what is stored now, not on the entry alone, so that repeating it does no harm.
func (s *Service) followPlacement(ctx context.Context, t TenantID, e LogEntry) error {
	switch e.Action {
	case UserCreated:
		return s.followUser(ctx, t, e, OnCreate)
	case UserEnabled, UserRestored:
		return s.followUser(ctx, t, e, OnEvent)
	case GroupCreated, GroupUpdated, MembersChanged:
		return s.followMembers(ctx, t, e)
	case GroupDeleted:
		return s.followGroupDeleted(ctx, t, e)
	case WatchlistUpdated:
		return s.followWatchlist(ctx, t, e)
	case OrganizationUpdated:
		return s.emptyOrganization(ctx, t, e)
	case MappingsUpdated:
		return s.followMappings(ctx, t, e)
	case ApplyPlanned:
		return s.startRun(ctx, t, e, PhasePlan)
	case ApplyStarted:
		return s.startRun(ctx, t, e, PhaseApply)
	}
	if e.User != "" && (slices.Contains(e.Effects, EffectReactivated) || e.Action == UserUpdated || e.Action == UserDisabled) {
		return s.followUser(ctx, t, e, OnEvent)
	}
	return nil
}

// followUser resolves a person who is new, is back, or of whom an attribute changed that rules look at.
func (s *Service) followUser(ctx context.Context, t TenantID, e LogEntry, on Occasion) error {
	if err := s.linkManagers(ctx, t, e); err != nil {
		return err
	}
	f, err := s.follower(ctx, t, e.Provider, e)
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	back := slices.Contains([]Action{UserCreated, UserEnabled, UserRestored}, e.Action) || slices.Contains(e.Effects, EffectReactivated)
	concerns := func(path string) bool {
		return path != "" && slices.ContainsFunc(e.Changes, func(c Change) bool { return c.Attr == path })
	}
	switch {
	case back || concerns(f.rules.Org.Path()):
		return f.resolve(ctx, f.user(e.User), on)
	case concerns(attrDepartment):
		f.rules.Org, f.rules.Role = OrgSettings{}, RoleSettings{} // watchlists only
		return f.resolve(ctx, f.user(e.User), OnEvent)
	}
	return nil
}

// followMembers resolves those who joined or left a group.
func (s *Service) followMembers(ctx context.Context, t TenantID, e LogEntry) error {
	if len(e.Added)+len(e.Removed) == 0 {
		return nil
	}
	f, err := s.follower(ctx, t, e.Provider, e)
	if err != nil {
		return ignoreGone(err)
	}
	for _, id := range slices.Concat(e.Added, e.Removed) {
		if id.IsUser() {
			if err := f.resolve(ctx, f.member(id), OnEvent); err != nil {
				return err
			}
		}
	}
	return nil
}

// followGroupDeleted resolves those who have something from the deleted group: the mappings and watchlists
// that name it tell whom to look at.
func (s *Service) followGroupDeleted(ctx context.Context, t TenantID, e LogEntry) error {
	f, err := s.follower(ctx, t, e.Provider, e)
	if err != nil {
		return ignoreGone(err)
	}
	org, role := f.rules.Mappings.Uses(e.Group)
	listed := "group:" + string(e.Group)
	linked := slices.ContainsFunc(f.lists, func(w Watchlist) bool {
		return slices.ContainsFunc(w.Groups, func(g WatchedGroup) bool { return g.ID == e.Group })
	})
	if org == "" && role == "" && !linked {
		return nil
	}
	return s.walkUsers(ctx, t, UserSearch{Provider: e.Provider}, func(u User) error {
		has := org != "" && u.OrgSource == sourceGroup+string(org) ||
			role != "" && slices.ContainsFunc(u.RoleGrants, func(g RoleGrant) bool { return g.Source == sourceMapping+string(role) }) ||
			slices.ContainsFunc(u.Watchlists, func(w Watched) bool { return w.Why == listed })
		if !has || u.Gone() {
			return nil
		}
		return f.resolve(ctx, f.user(u.ID), OnEvent)
	})
}
