package parallel_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"rollcall/shared/parallel"
)

func TestInTurn(t *testing.T) {
	t.Parallel()
	second := errors.New("second")
	var did []int // without a lock
	err := parallel.Each(parallel.InTurn(t.Context()), 3, 3, func(_ context.Context, i int) error {
		did = append(did, i)
		return []error{nil, second, errors.New("third")}[i]
	})
	if !errors.Is(err, second) || !slices.Equal(did, []int{0, 1, 2}) {
		t.Errorf("%v, did %v", err, did)
	}
}

// steps counts the calls of one function after the other, and those of functions at the same time as the most of one.
type steps struct{ n int }

func (s *steps) Branch() parallel.Counter { return &steps{} }

func (s *steps) Join(branches []parallel.Counter) {
	most := 0
	for _, b := range branches {
		most = max(most, b.(*steps).n)
	}
	s.n += most
}

func call(ctx context.Context, n int) error {
	parallel.CounterOf(ctx).(*steps).n += n
	return nil
}

func TestRunCountsTheLongest(t *testing.T) {
	t.Parallel()
	var s steps
	ctx := parallel.With(t.Context(), &s)
	if err := call(ctx, 1); err != nil {
		t.Fatal(err)
	}
	calls := func(ns ...int) error {
		return parallel.Each(ctx, 2, len(ns), func(ctx context.Context, i int) error { return call(ctx, ns[i]) })
	}
	if err := calls(1, 5, 2); err != nil {
		t.Fatal(err)
	}
	if err := parallel.Run(ctx, 2, func(context.Context) error { return calls(1, 1) }); err != nil {
		t.Fatal(err)
	}
	if s.n != 7 {
		t.Errorf("%d steps, want 1 + 5 + 1", s.n)
	}
}

func TestRunEndsAllAndReturnsTheFirstError(t *testing.T) {
	t.Parallel()
	first, second := errors.New("first"), errors.New("second")
	var running, most, ended atomic.Int64
	errs := slices.Repeat([]error{nil, first, second}, 10)
	err := parallel.Each(t.Context(), 3, len(errs), func(_ context.Context, i int) error {
		n := running.Add(1)
		for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
		}
		for range 100 {
			runtime.Gosched()
		}
		running.Add(-1)
		ended.Add(1)
		return errs[i]
	})
	if !errors.Is(err, first) || ended.Load() != 30 || most.Load() > 3 {
		t.Errorf("%v, %d ended, %d at once", err, ended.Load(), most.Load())
	}
}
