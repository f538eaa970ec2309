package dynamo

import (
	"context"
	"errors"
	"reflect"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// record reads a JSON record and its revision, 0 when there is none.
func (s *Store) record(ctx context.Context, k schema.Key, v any) (rev int64, err error) {
	it, err := s.getOne(ctx, k)
	if err != nil || it == nil {
		return 0, err
	}
	if err := checkVersion(it); err != nil {
		return 0, err
	}
	return number(it, "rev"), getJSON(it, "r", v)
}

// readRecord reads a JSON record by ids that a client may have invented.
// Errors: NotFound.
func readRecord[T any](ctx context.Context, s *Store, noun string, k schema.Key, ids ...string) (v T, rev int64, err error) {
	for _, id := range ids {
		if !schema.Usable(id) {
			return v, 0, notFound(noun)
		}
	}
	rev, err = s.record(ctx, k, &v)
	if err == nil && rev == 0 {
		err = notFound(noun)
	}
	return v, rev, err
}

// putRecord adds a JSON record that replaces the revision, 0 for a new one.
func (x *tx) putRecord(s *Store, k schema.Key, v any, rev int64) {
	it := item{"v": num(schemaVersion), "rev": num(rev + 1)}
	if err := putJSON(it, "r", v); err != nil {
		x.err = err
		return
	}
	c := absent
	if rev > 0 {
		c = when("#rev = :rev", item{":rev": num(rev)})
	}
	x.put(s, k, it, c, nil)
}

// recordRule describes the exceptions for a kind of record.
type recordRule int

const (
	mustExist     recordRule = 1 << iota // NotFound when there is none; else the update gets the zero record
	entryOptional                        // a nil entry stores a changed record without an entry; else it stores nothing
	zeroRemoves                          // the zero record removes it
)

// updateRecord replaces a JSON record by update(old), with its entry.
func updateRecord[T any](
	ctx context.Context, s *Store, t directory.TenantID, noun string, k schema.Key, rule recordRule, update directory.Update[T],
	conditions ...func(context.Context, *tx) error,
) (v T, err error) {
	err = s.rerun(ctx, noun, func(int) error {
		var old T
		rev, err := s.record(ctx, k, &old)
		if err == nil && rev == 0 && rule&mustExist != 0 {
			err = notFound(noun)
		}
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		v, e, err = update(old)
		if rule&entryOptional == 0 && e == nil {
			v = old
		}
		if err != nil || rule&entryOptional == 0 && e == nil || rule&entryOptional != 0 && reflect.DeepEqual(v, old) {
			return err
		}
		x := &tx{}
		for _, add := range conditions {
			if err := add(ctx, x); err != nil {
				return err
			}
		}
		if rule&zeroRemoves != 0 && reflect.ValueOf(v).IsZero() {
			x.delete(s, k, when("#rev = :rev", item{":rev": num(rev)}), nil)
		} else {
			x.putRecord(s, k, v, rev)
		}
		if e != nil {
			x.log(s, t, *e, remainder{})
		}
		return s.commit(ctx, "update "+noun, x)
	})
	return v, err
}

// checking returns a function that adds to a transaction the condition that check, which decides by the records of a
// partition, has seen all other changes with a check of the same kind: each raises one number, read before the records.
func checking[T any](s *Store, check directory.Check[T], number schema.Key, partition string) func(context.Context, *tx) error {
	return func(ctx context.Context, x *tx) error {
		if check == nil {
			return nil
		}
		it, err := s.getOne(ctx, number)
		if err != nil {
			return err
		}
		records, err := all[T](ctx, s, span{pk: partition})
		if err == nil {
			err = check(records)
		}
		if err != nil {
			return err
		}
		c := absent
		if it != nil {
			c = when("#ver = :ver", item{":ver": it["ver"]})
		}
		x.update(s, number, edit{add: map[string]int64{"ver": 1}}, c, nil)
		return nil
	}
}

// rewriteRecord replaces a record by update(old), without an entry; old is zero when there is none.
func rewriteRecord[T any](ctx context.Context, s *Store, noun string, k schema.Key, update func(T) (T, error)) (v T, err error) {
	err = s.rerun(ctx, noun, func(int) error {
		var old T
		rev, err := s.record(ctx, k, &old)
		if err != nil {
			return err
		}
		if v, err = update(old); err != nil {
			return err
		}
		x := &tx{}
		x.putRecord(s, k, v, rev)
		return s.commit(ctx, "rewrite "+noun, x)
	})
	return v, err
}

// decodeRecords reads the JSON of records.
func decodeRecords[T any](its []item) ([]T, error) {
	out := make([]T, len(its))
	for i, it := range its {
		if err := errors.Join(checkVersion(it), getJSON(it, "r", &out[i])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// page reads the JSON records of a span, which has a limit.
func page[T any](ctx context.Context, s *Store, r span) ([]T, error) {
	if r.limit < 1 {
		return nil, nil
	}
	return all[T](ctx, s, r)
}

// all reads the JSON records of a span.
func all[T any](ctx context.Context, s *Store, r span) ([]T, error) {
	its, _, err := s.query(ctx, r)
	if err != nil {
		return nil, err
	}
	return decodeRecords[T](its)
}
