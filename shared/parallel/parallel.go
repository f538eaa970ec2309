// Package parallel runs functions at the same time, so that a counter of their calls knows which did not wait for others.
// It knows nothing of what they do.
package parallel

import (
	"context"
	"sync"
)

// Counter counts what functions do that have it in their context.
type Counter interface {
	// Branch returns a counter for one of several functions that run at the same time.
	Branch() Counter
	// Join adds what the branches counted, after all of their functions have ended.
	Join(branches []Counter)
}

type counterKey struct{}

// With returns a context whose functions c counts.
func With(ctx context.Context, c Counter) context.Context {
	return context.WithValue(ctx, counterKey{}, c)
}

// CounterOf returns the counter of a context, nil for none.
func CounterOf(ctx context.Context) Counter {
	c, _ := ctx.Value(counterKey{}).(Counter)
	return c
}

type inTurnKey struct{}

// InTurn returns a context whose functions run one after the other: because they would only wait for each
// other, or so that what depends on their order can be compared.
func InTurn(ctx context.Context) context.Context {
	return context.WithValue(ctx, inTurnKey{}, true)
}

// Run runs the functions at the same time, at most limit at once, and returns the first error in their order. All are run.
func Run(ctx context.Context, limit int, fns ...func(context.Context) error) error {
	if len(fns) == 1 {
		return fns[0](ctx)
	}
	errs := make([]error, len(fns))
	if ctx.Value(inTurnKey{}) != nil {
		for i, fn := range fns {
			errs[i] = fn(ctx)
		}
		return first(errs)
	}
	all := CounterOf(ctx)
	var branches []Counter
	slots := make(chan struct{}, limit)
	var wg sync.WaitGroup
	for i, fn := range fns {
		c := ctx
		if all != nil {
			branches = append(branches, all.Branch())
			c = With(ctx, branches[i])
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = fn(c)
		})
	}
	wg.Wait()
	if all != nil {
		all.Join(branches)
	}
	return first(errs)
}

func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Each is Run with a function for each of n items. It is not generic: each kind of items would be a copy of it.
func Each(ctx context.Context, limit, n int, fn func(ctx context.Context, i int) error) error {
	fns := make([]func(context.Context) error, n)
	for i := range fns {
		fns[i] = func(ctx context.Context) error { return fn(ctx, i) }
	}
	return Run(ctx, limit, fns...)
}
