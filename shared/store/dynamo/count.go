package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// countedFor is how long an entry is remembered as counted: longer than the stream keeps it.
const countedFor = 32 * 24 * time.Hour

// CountEntry implements directory.Counts.
func (s *Store) CountEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	minute := minuteOf(e.At)
	x := &tx{}
	ttl := num(s.now().Add(countedFor).Unix())
	x.put(s, countedKey(t, e.Provider, minute, e.ID), item{"ttl": ttl}, absent, func(item) error { return errDone })
	shard := spread(string(e.ID), countShards)
	x.update(s, countKey(t, e.Provider, minute, shard), edit{add: map[string]int64{countAttr(e.Action): 1}}, always, nil)
	for key, n := range e.Tally() {
		x.update(s, tallyKey(t, key, spread(string(e.ID), tallyShards)), edit{add: map[string]int64{"n": int64(n)}}, always, nil)
	}
	if err := s.commit(ctx, "count", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// Counts implements directory.Counts.
func (s *Store) Counts(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, since time.Time,
) (map[directory.Action]int, error) {
	out := map[directory.Action]int{}
	ms, err := s.Timeline(ctx, t, p, since)
	for _, m := range ms {
		for a, n := range m.Counts {
			out[a] += n
		}
	}
	return out, err
}

// Timeline implements directory.Counts.
func (s *Store) Timeline(ctx context.Context, t directory.TenantID, p directory.ProviderID, since time.Time) ([]directory.Minute, error) {
	var shards [countShards][]item
	var fns []func(context.Context) error
	for i := range countShards {
		k := countKey(t, p, minuteOf(since), i)
		fns = append(fns, func(ctx context.Context) (err error) {
			shards[i], _, err = s.query(ctx, span{pk: k.pk, lo: k.sk})
			return err
		})
	}
	if err := parallel(ctx, fns...); err != nil {
		return nil, err
	}
	minutes := map[string]map[directory.Action]int{}
	for _, it := range slices.Concat(shards[:]...) {
		sk := text(it, "SK")
		if minutes[sk] == nil {
			minutes[sk] = map[directory.Action]int{}
		}
		for name := range it {
			if a, ok := actionOf(name); ok {
				minutes[sk][a] += int(number(it, name))
			}
		}
	}
	var out []directory.Minute
	for _, sk := range slices.Sorted(maps.Keys(minutes)) {
		at, err := time.Parse(minuteForm, sk)
		if err != nil {
			return nil, fmt.Errorf("decode minute: %w", err)
		}
		out = append(out, directory.Minute{At: at, Counts: minutes[sk]})
	}
	return out, nil
}

// Tallies implements directory.Counts.
func (s *Store) Tallies(ctx context.Context, t directory.TenantID, names []string) (map[string]int, error) {
	of := map[key]string{}
	for _, n := range names {
		for i := range tallyShards {
			of[tallyKey(t, n, i)] = n
		}
	}
	got, err := s.get(ctx, slices.Collect(maps.Keys(of))...)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for k, it := range got {
		out[of[k]] += int(number(it, "n"))
	}
	return out, nil
}
