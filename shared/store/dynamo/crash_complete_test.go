package dynamo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/proof"
)

// completing completes the newest entries of the provider, about limit members at a time, and returns how many calls had
// something left.
func (c *crashes) completing(ctx context.Context, es []directory.LogEntry, limit int) (calls int, err error) {
	for _, e := range es {
		for more := true; more; {
			if more, err = c.svc.Completion.CompleteEntry(ctx, tenantOf(c.caller), e, limit); err != nil {
				return calls, err
			}
			if calls++; calls > 1000 {
				return calls, errors.New("it does not end")
			}
		}
	}
	return calls, nil
}

// TestCompletingStepByStep ends the process of a large change right after its commit. What is left is completed at once, a
// little at a time, by two processes at the same time, and by processes that die before each of their writes: the state is
// the same.
func TestCompletingStepByStep(t *testing.T) {
	t.Parallel()
	all := newCrashes(t)
	for _, st := range stories {
		if !strings.Contains(st.name, "members") && !strings.Contains(st.name, "reports") || strings.HasPrefix(st.name, "create") {
			continue
		}
		t.Run(st.name, func(t *testing.T) {
			c := all.process(t, nil)
			change, state := st.prepare(c)
			before, _ := state(c)
			c.must(change(c))
			after, want := state(c)
			// committed returns the state right after the commit of a new one, and its entries.
			committed := func() (es []directory.LogEntry, state func(*crashes) (string, string)) {
				for k := 1; ; k++ {
					change, state := st.prepare(c)
					left := k
					_ = change(c.process(t, &left))
					if now, _ := state(c); now != before {
						es, err := c.svc.Log.Entries(c.Context(), tenantOf(c.caller), directory.LogQuery{Provider: c.caller.Provider, Count: 3})
						c.must(err)
						return es, state
					}
				}
			}
			ends := func(what string, state func(*crashes) (string, string), es []directory.LogEntry) {
				t.Helper()
				if in, got := state(c.process(t, nil)); in != after || got != want {
					t.Errorf("%s:\n got %s\nwant %s", what, got, want)
				}
				for _, e := range es {
					more, err := c.svc.Completion.CompleteEntry(c.Context(), tenantOf(c.caller), e, 0)
					if c.must(err); more {
						t.Errorf("%s: something is left", what)
					}
				}
			}
			es, state := committed()
			calls, err := c.completing(c.Context(), es, 5)
			c.must(err)
			ends("a little at a time", state, es)
			if calls <= len(es) {
				t.Errorf("%d entries were completed in %d calls", len(es), calls)
			}
			es, state = committed()
			errs := make(chan error)
			for range 2 {
				p := c.process(t, nil)
				go func() {
					_, err := p.completing(c.Context(), es, 5)
					errs <- err
				}()
			}
			c.must(errors.Join(<-errs, <-errs))
			ends("by two", state, es)
			for k := 0; ; k += proof.Size(3, 1) {
				es, state = committed()
				left := k
				_, _ = c.process(t, &left).completing(c.Context(), es, 5)
				_, err := c.process(t, nil).completing(c.Context(), es, 5)
				c.must(err)
				ends("after a crash", state, es)
				if left >= 0 {
					t.Logf("%d calls, %d writes", calls, k-left)
					break
				}
			}
		})
	}
}
