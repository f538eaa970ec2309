package follow

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"rollcall/shared/directory"
)

// completePage is how much of a change is completed, or how many members are placed, in one go.
const completePage = 250

// errTaskGoesOn is the result of a step whose work a task goes on with.
var errTaskGoesOn = errors.New("a task goes on with it")

// complete completes a change of memberships, or of references to a user, that was too large for its transaction. Where
// much is left of it, or follows for very many members, it stores a task that does so, and then whatever needs that.
func (s *Service) complete(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	more, err := s.ports.Completion.CompleteEntry(ctx, t, e, completePage)
	if err != nil {
		return err
	}
	if !more && len(e.Added)+len(e.Removed) > stepRecords {
		r, err := s.memberRules(ctx, t, e)
		if err != nil {
			return err
		}
		more = r != nil
	}
	if !more {
		return nil
	}
	w := workOf(TaskComplete)
	if w.of = "group"; e.Group == "" {
		w.of = "user"
	}
	if err := s.startTask(ctx, t, e, w); err != nil {
		return err
	}
	return errTaskGoesOn
}

// memberRules returns the resolver for the members of an entry's group, nil when no rule heeds the group.
func (s *Service) memberRules(ctx context.Context, t directory.TenantID, e directory.LogEntry) (*resolver, error) {
	r, err := (&course{s: s}).resolvers(t).of(ctx, e.Provider, e)
	if err != nil || r == nil || !r.heeds(e.Group) {
		return nil, err
	}
	return r, nil
}

// completeChange completes a large change, runs the steps that need that, and places the members last, who may be many.
func (x *portion) completeChange(ctx context.Context) error {
	members := slices.Concat(x.entry.Added, x.entry.Removed)
	x.Total = len(members)
	return x.stages(ctx,
		stage{"complete", func(ctx context.Context, _ string) (string, bool, error) {
			more, err := x.s.ports.Completion.CompleteEntry(ctx, x.tenant, x.entry, completePage)
			x.did(completePage)
			return "", !more, err
		}},
		stage{"steps", func(ctx context.Context, _ string) (string, bool, error) { return "", true, x.runCompleted(ctx) }},
		stage{"members", func(ctx context.Context, after string) (string, bool, error) {
			from, _ := strconv.Atoi(after)
			some := members[min(from, len(members)):min(from+completePage, len(members))]
			if len(some) == 0 {
				return "", true, nil
			}
			r, err := x.s.memberRules(ctx, x.tenant, x.entry)
			if err == nil && r != nil {
				err = r.resolveMembers(ctx, some)
			}
			x.did(len(some))
			x.Done = from + len(some)
			return strconv.Itoa(x.Done), x.Done == len(members), err
		}},
	)
}

// runCompleted runs the steps that need complete memberships, without the one that places members.
func (x *portion) runCompleted(ctx context.Context) error {
	c := &course{s: x.s, batch: []directory.TenantEntry{{Tenant: x.tenant, Entry: x.entry}}}
	for _, st := range steps() {
		if st.name == stepPlace || !slices.Contains(st.needs, stepComplete) || !st.on.matches(x.entry) {
			continue
		}
		c.forgetGrounds()
		if err := errors.Join(st.run(c, ctx, c.batch)...); err != nil {
			return err
		}
	}
	return nil
}
