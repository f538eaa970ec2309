package follow

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// betweenPasses is the time between two passes over a tenant's records: work that was running when the tenant was
// removed, such as following a log entry, is done by then.
const betweenPasses = time.Hour

// SettleTenant copies the state of a tenant to its providers, whose requests read it there. The operator's request does
// so before it answers; if that was interrupted, following the entry does.
func (s *Service) SettleTenant(ctx context.Context, id directory.TenantID, cause directory.LogEntry) error {
	t, err := s.ports.Tenants.Tenant(ctx, id)
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	ps, err := s.ports.Providers.ListProviders(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range ps {
		_, err := s.ports.Providers.UpdateProvider(ctx, id, p.ID, func(old directory.Provider) (directory.Provider, *directory.LogEntry, error) {
			if old.TenantState == t.State {
				return old, nil, nil
			}
			n := old
			n.TenantState, n.Version, n.Modified = t.State, old.Version+1, directory.Latest(old.Modified, s.rt.Time())
			e := s.entry(fromEntry(cause), directory.ProviderUpdated)
			e.Audit, e.Target, e.Name, e.Version = true, string(n.ID), n.DisplayName, n.Version
			e.Changes = []directory.Change{directory.NewChange("tenantState", old.TenantState, n.TenantState)}
			return n, &e, nil
		})
		if err := directory.IgnoreNotFound(err); err != nil {
			return err
		}
	}
	return nil
}

// settleTenant is SettleTenant for the tenant of an entry.
func (x *portion) settleTenant(ctx context.Context) error {
	return x.end(x.s.SettleTenant(ctx, x.tenant, x.entry))
}

// EraseTenants erases the records of removed tenants, step by step, until no work remains or stop returns true: first those
// of each tenant that can be named, an hour later whatever is left of all of them, by passes over all data. It is meant to
// be called every few minutes; several processes may call it at the same time. A tenant is erased when a whole pass found
// none of its records. One that fails stops no other.
func (s *Service) EraseTenants(ctx context.Context, stop func() bool) error {
	var errs []error
	removing := false
	err := find.EachTenant(ctx, s.ports.Tenants, func(t directory.Tenant) (err error) {
		removing = removing || t.State == directory.TenantRemoving
		for err == nil && t.State == directory.TenantRemoving && !t.Removal.Swept && !s.rt.Time().Before(t.Removal.Next) && !stop() {
			t, err = s.eraseStep(ctx, t)
		}
		errs = append(errs, err)
		return nil
	})
	if err == nil && removing {
		err = s.eraseRest(ctx, stop)
	}
	return errors.Join(append(errs, err)...)
}

// eraseStep erases the next records of a tenant.
func (s *Service) eraseStep(ctx context.Context, t directory.Tenant) (directory.Tenant, error) {
	next, _, err := s.ports.Tenants.EraseTenant(ctx, t.ID, t.Removal.After)
	if err != nil {
		return t, err
	}
	from := t.Removal.After
	return s.noteRemoval(ctx, t.ID, func(r *directory.TenantRemoval) {
		if r.Swept || r.After != from { // another process has continued from here
			return
		}
		if r.After = next; next == "" {
			r.Swept, r.Next = true, s.rt.Time().Add(betweenPasses)
		}
	})
}

// noteRemoval stores the progress of a removal; it returns the zero Tenant when it has ended.
func (s *Service) noteRemoval(
	ctx context.Context, id directory.TenantID, note func(*directory.TenantRemoval),
) (directory.Tenant, error) {
	t, err := s.ports.Tenants.UpdateTenant(ctx, id, func(old directory.Tenant) (directory.Tenant, *directory.LogEntry, error) {
		r := *old.Removal
		note(&r)
		old.Removal = &r
		return old, nil, nil
	})
	if directory.IsKind(err, directory.NotFound) {
		return directory.Tenant{}, nil
	}
	return t, err
}

// eraseRest does steps of the pass over all data that erases what is left of removed tenants. The tenants that it looks for
// are those whose time had come when it began; it is the data of the job's task, with how much it found of each.
func (s *Service) eraseRest(ctx context.Context, stop func() bool) error {
	task, err := s.ports.Tasks.Task(ctx, directory.OperatorScope, passOf(directory.JobErase))
	for ; err == nil && !stop(); task, err = s.eraseRestStep(ctx, task) {
		if len(task.Data) > 0 {
			continue
		}
		found := map[directory.TenantID]int{}
		err := find.EachTenant(ctx, s.ports.Tenants, func(t directory.Tenant) error {
			if t.State == directory.TenantRemoving && t.Removal.Swept && !s.rt.Time().Before(t.Removal.Next) {
				found[t.ID] = 0
			}
			return nil
		})
		if err != nil || len(found) == 0 {
			return err
		}
		if task.Data, err = json.Marshal(found); err != nil {
			return err
		}
	}
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}

// eraseRestStep does a step of the pass in task, and ends it after the last one.
func (s *Service) eraseRestStep(ctx context.Context, task directory.Task) (directory.Task, error) {
	sought := map[directory.TenantID]int{}
	if err := json.Unmarshal(task.Data, &sought); err != nil {
		return task, err
	}
	ids := slices.Sorted(maps.Keys(sought))
	next, found, err := s.ports.Tenants.EraseRest(ctx, ids, task.After)
	if err != nil {
		return task, err
	}
	for id, n := range found {
		sought[id] += n
	}
	if next == "" {
		for _, id := range ids {
			if err := s.endRemoval(ctx, id, sought[id] == 0); err != nil {
				return task, err
			}
		}
	}
	id := passOf(directory.JobErase)
	return s.ports.Tasks.UpdateTask(ctx, directory.OperatorScope, id, func(old directory.Task) (directory.Task, error) {
		if old.Version != task.Version { // another process has done the step, too
			return old, errTaken
		}
		n := directory.Task{ID: id, Version: old.Version + 1, After: next}
		if next == "" {
			n.DoneAt = s.rt.Time()
			return n, nil
		}
		var err error
		n.Data, err = json.Marshal(sought)
		return n, err
	})
}

// endRemoval removes the record of a tenant of which a pass found nothing; otherwise another one looks for it later.
func (s *Service) endRemoval(ctx context.Context, id directory.TenantID, nothing bool) error {
	t, err := s.ports.Tenants.Tenant(ctx, id)
	if err != nil || t.Removal == nil {
		return directory.IgnoreNotFound(err)
	}
	if nothing {
		e := s.entry(origin{by: t.Removal.By}, directory.TenantErased)
		e.Audit, e.Target, e.Name = true, string(t.ID), t.DisplayName
		return directory.IgnoreNotFound(s.ports.Tenants.RemoveTenant(ctx, t.ID, e))
	}
	_, err = s.noteRemoval(ctx, id, func(r *directory.TenantRemoval) { r.Next = s.rt.Time().Add(betweenPasses) })
	return err
}
