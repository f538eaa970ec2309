package follow

import (
	"context"
	"errors"
	"slices"
	"sync"

	"rollcall/shared/directory"
)

// wish asks for the resolution of a user after an entry. Those of a batch for the same user are folded into one.
type wish struct {
	id        string // of the user, or the SCIM id
	on        directory.Occasion
	listsOnly bool   // only watchlists can change
	cause     origin // the newest entry
}

// wishes are those of a batch for the users of one provider, in the order of their first entries.
type wishes struct {
	r   *resolver
	all []wish
	at  map[string]int
}

// add adds a wish, the causes of which come in the order of the log: a user is new only once, and rules for everything
// include those for watchlists.
func (ws *wishes) add(w wish) {
	i, known := ws.at[w.id]
	if !known {
		ws.at[w.id] = len(ws.all)
		ws.all = append(ws.all, w)
		return
	}
	if old := ws.all[i]; old.on == directory.OnCreate {
		w.on = old.on
	}
	w.listsOnly = w.listsOnly && ws.all[i].listsOnly
	ws.all[i] = w
}

// wishesOf are the wishes of a batch by provider.
type wishesOf struct {
	order []*wishes
	by    map[directory.ProviderID]*wishes
}

// of returns those for the provider of a resolver, whose origin is that of a wish that is to be added.
func (all *wishesOf) of(r *resolver) *wishes {
	ws := all.by[r.provider.ID]
	if ws == nil {
		ws = &wishes{r: r, at: map[string]int{}}
		if all.by == nil {
			all.by = map[directory.ProviderID]*wishes{}
		}
		all.by[r.provider.ID], all.order = ws, append(all.order, ws)
	}
	return ws
}

func (all *wishesOf) resolve(ctx context.Context) error {
	return forEach(ctx, all.order, func(ctx context.Context, ws *wishes) error { return ws.r.resolveAll(ctx, ws.all) })
}

// followUsers links managers, and resolves the users of a tenant's entries who are new, returned, have another home
// (whatever led to it), or have a change of an attribute that rules use: each once.
func (c *course) followUsers(ctx context.Context, t directory.TenantID, es []directory.LogEntry) error {
	awaited, err := c.awaited(ctx, t, es)
	if err != nil {
		return err
	}
	rs, all := c.resolvers(t), wishesOf{}
	for _, e := range es {
		if err := c.s.followUser(ctx, t, e, rs, awaited[e.User], &all); err != nil {
			return err
		}
	}
	return all.resolve(ctx)
}

// followUser links the managers of an entry and adds the wish that follows from it, if one does.
func (s *Service) followUser(
	ctx context.Context, t directory.TenantID, e directory.LogEntry, rs resolvers, awaited bool, all *wishesOf,
) error {
	if e.User == "" {
		return nil
	}
	on, converted := directory.OnEvent, slices.Contains(e.Effects, directory.EffectConverted)
	if converted {
		v, err := s.ports.Users.UserByID(ctx, t, e.User)
		if err != nil {
			return directory.IgnoreNotFound(err)
		}
		e.Provider = v.Provider // of now: the entry is that of the home that they left
		if v.OrgID == "" {
			on = directory.OnCreate // no rule has placed them
		}
	}
	if err := s.linkManagers(ctx, t, e, awaited); err != nil {
		return err
	}
	r, err := rs.of(ctx, e.Provider, e)
	if err != nil || r == nil {
		return err
	}
	if e.Action == directory.UserCreated {
		on = directory.OnCreate
	}
	returned := converted ||
		slices.Contains([]directory.Action{directory.UserCreated, directory.UserEnabled, directory.UserRestored}, e.Action) ||
		slices.Contains(e.Effects, directory.EffectReactivated)
	path := r.rules.Org.Path()
	switch {
	case r.leaves(e):
	case returned || path != "" && changes(e, path):
		all.of(r).add(wish{id: string(e.User), on: on, cause: r.origin})
	case changes(e, directory.AttrDepartment):
		all.of(r).add(wish{id: string(e.User), on: directory.OnEvent, listsOnly: true, cause: r.origin})
	}
	return nil
}

// followMembers resolves the users added to or removed from groups by a tenant's entries: each once, after the newest.
func (c *course) followMembers(ctx context.Context, t directory.TenantID, es []directory.LogEntry) error {
	rs, all := c.resolvers(t), wishesOf{}
	for _, e := range es {
		if len(e.Added)+len(e.Removed) == 0 {
			continue
		}
		r, err := rs.of(ctx, e.Provider, e)
		if err != nil {
			return err
		}
		if r == nil || !r.heeds(e.Group) {
			continue
		}
		for _, id := range slices.Concat(e.Added, e.Removed) {
			if id.IsUser() {
				all.of(r).add(wish{id: string(id), on: directory.OnEvent, cause: r.origin})
			}
		}
	}
	return all.resolve(ctx)
}

// resolveMembers resolves the users among members of groups.
func (r *resolver) resolveMembers(ctx context.Context, ids []directory.ScimID) error {
	var ws []wish
	for _, id := range ids {
		if id.IsUser() {
			ws = append(ws, wish{id: string(id), on: directory.OnEvent, cause: r.origin})
		}
	}
	return r.resolveAll(ctx, ws)
}

// resolveAll is resolve for several users, who are read together and changed at the same time; who left the provider has
// an entry of that. What depends on how many others there were, a move or a new organization, is decided for one after
// the other: so the guard's limit is not passed by all of them at once.
func (r *resolver) resolveAll(ctx context.Context, ws []wish) error {
	if r.provider.Restoring() {
		return nil // decided once the groups are back, too
	}
	var inTurn []wish
	for try := 0; len(ws) > 0; try++ {
		if try == tries {
			return directory.Errorf(directory.Unavailable, "the users keep changing; try again")
		}
		again, later, err := r.resolveOnce(ctx, ws)
		if err != nil {
			return err
		}
		ws, inTurn = again, append(inTurn, later...)
	}
	cause := r.origin
	defer func() { r.origin = cause }()
	for _, w := range inTurn {
		r.origin = w.cause
		err := r.resolve(ctx, func(ctx context.Context) (directory.UserView, error) {
			vs, err := r.read(ctx, []wish{w})
			v, ok := vs[w.id]
			if err == nil && !ok {
				err = directory.Errorf(directory.NotFound, "no such user")
			}
			return v, err
		}, w.on)
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads the users of wishes who are the provider's.
func (r *resolver) read(ctx context.Context, ws []wish) (map[string]directory.UserView, error) {
	ids := make([]string, len(ws))
	for i, w := range ws {
		ids[i] = w.id
	}
	return r.s.ports.Users.PresentUsers(ctx, r.tenant, r.provider.ID, ids, r.usesGroups())
}

// usesGroups reports whether anything is decided by groups.
func (r *resolver) usesGroups() bool {
	return r.rules.Org.Method == directory.OrgGroups || r.rules.Role.Mode == directory.RolesGroups ||
		slices.ContainsFunc(r.lists, func(w directory.Watchlist) bool { return len(w.Groups) > 0 })
}

// resolveOnce reads the users of wishes and changes them by the rules. It returns the wishes of those whom it changed, or
// who changed meanwhile, to be looked at again, and of those to be decided in turn.
func (r *resolver) resolveOnce(ctx context.Context, ws []wish) (again, inTurn []wish, err error) {
	vs, err := r.read(ctx, ws)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range vs {
		if err := r.loadOrganizations(ctx, v.User); err != nil {
			return nil, nil, err
		}
	}
	ws = slices.DeleteFunc(slices.Clone(ws), func(w wish) bool { _, ok := vs[w.id]; return !ok })
	var mu sync.Mutex
	outcome := map[string]error{} // of those not settled
	err = forEach(ctx, ws, func(ctx context.Context, w wish) error {
		one := *r
		one.together, one.origin = true, w.cause
		if w.listsOnly {
			one.rules.Org, one.rules.Role = directory.OrgSettings{}, directory.RoleSettings{}
		}
		changed, err := one.decide(ctx, vs[w.id], w.on)
		if err == nil && changed {
			err = errUserChanged
		}
		mu.Lock()
		defer mu.Unlock()
		if outcome[w.id] = err; errors.Is(err, errUserChanged) || errors.Is(err, errInTurn) {
			return nil
		}
		return directory.IgnoreNotFound(err)
	})
	for _, w := range ws {
		switch changed := outcome[w.id]; {
		case errors.Is(changed, errInTurn):
			inTurn = append(inTurn, w)
		case errors.Is(changed, errUserChanged):
			w.on = directory.OnEvent // a user is new only once
			again = append(again, w)
		}
	}
	return again, inTurn, err
}

// decide is applyOnce for an occasion that may have passed.
func (r *resolver) decide(ctx context.Context, v directory.UserView, on directory.Occasion) (changed bool, err error) {
	if on == directory.OnCreate {
		if on, err = r.stillNew(ctx, v.User); err != nil {
			return false, err
		}
	}
	return r.applyOnce(ctx, v, on)
}
