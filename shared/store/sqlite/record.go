package sqlite

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// table holds the statements of a table of JSON records (column "record") whose key is columns of text.
type table struct{ get, put, remove, after string }

// tableOf builds the statements of a table. after lists the records after a value of the key's last column.
func tableOf(name string, key ...string) table {
	var columns, values, same strings.Builder
	for i, k := range key {
		at := "?" + strconv.Itoa(i+1)
		columns.WriteString(k + ", ")
		values.WriteString(at + ", ")
		same.WriteString(k + " = " + at + " AND ")
	}
	where := strings.TrimSuffix(same.String(), " AND ")
	last, record := key[len(key)-1], "?"+strconv.Itoa(len(key)+1)
	before := strings.TrimSuffix(where, last+" = ?"+strconv.Itoa(len(key)))
	return table{
		get: `SELECT record FROM ` + name + ` WHERE ` + where,
		put: `INSERT INTO ` + name + ` (` + columns.String() + `record) VALUES (` + values.String() + record +
			`) ON CONFLICT DO UPDATE SET record = ` + record,
		remove: `DELETE FROM ` + name + ` WHERE ` + where,
		after: `SELECT record FROM ` + name + ` WHERE ` + before + last + ` > ?` + strconv.Itoa(len(key)) + ` ORDER BY ` + last +
			` LIMIT ` + record + `+0`,
	}
}

// documents is the table of records that are found only by their key; see mappingTables.
var documents = tableOf("documents", "tenant", "kind", "owner", "id")

// key returns the key of a record of t, as arguments of a statement.
func key[T ~string](t directory.TenantID, id ...T) []any {
	out := []any{string(t)}
	for _, v := range id {
		out = append(out, string(v))
	}
	return out
}

// records runs a query whose first column is the JSON of a T.
func records[T any](s *Store, query string, args ...any) (out []T, err error) {
	err = s.exec(query, func(r *sqlite.Stmt) error {
		var v T
		err := decode(columnBytes(r, 0), &v)
		out = append(out, v)
		return err
	}, args...)
	return out, err
}

// record returns the first of records.
// Errors: NotFound.
func record[T any](s *Store, noun, query string, args ...any) (v T, err error) {
	all, err := records[T](s, query, args...)
	if err == nil && len(all) == 0 {
		err = notFound(noun)
	}
	if err != nil {
		return v, err
	}
	return all[0], nil
}

// readRecords is records under the lock.
func readRecords[T any](ctx context.Context, s *Store, query string, args ...any) (out []T, err error) {
	err = s.read(ctx, func() error {
		out, err = records[T](s, query, args...)
		return err
	})
	return out, err
}

// readRecord is record under the lock.
func readRecord[T any](ctx context.Context, s *Store, noun, query string, args ...any) (v T, err error) {
	err = s.read(ctx, func() error {
		v, err = record[T](s, noun, query, args...)
		return err
	})
	return v, err
}

// putRecord runs a statement whose last parameter is the JSON of v.
func (s *Store) putRecord(query string, v any, args ...any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return s.exec(query, nil, append(args[:len(args):len(args)], b)...)
}

// recordRule is a set of flags for a kind of record.
type recordRule int

const (
	mustExist     recordRule = 1 << iota // NotFound when there is none; else the update gets the zero record
	entryOptional                        // a nil entry stores a changed record without an entry; else it stores nothing
	zeroRemoves                          // the zero record removes it
)

// updateRecord replaces the record of a table by the result of update, with its entry.
func updateRecord[T any](
	ctx context.Context, s *Store, t directory.TenantID, noun string, tb table, key []any, rule recordRule, update directory.Update[T],
	conditions ...func() error,
) (v T, err error) {
	return changeRecord(ctx, s, t, func() (T, error) {
		old, err := record[T](s, noun, tb.get, key...)
		if rule&mustExist == 0 {
			err = directory.IgnoreNotFound(err)
		}
		return old, err
	}, rule, update, func(_, v T) error {
		if rule&zeroRemoves != 0 && reflect.ValueOf(v).IsZero() {
			return s.exec(tb.remove, nil, key...)
		}
		return s.putRecord(tb.put, v, key...)
	}, conditions...)
}

// checking returns the condition of a write that check decides by the records of a query.
func checking[T any](s *Store, check directory.Check[T], query string, args ...any) func() error {
	return func() error {
		if check == nil {
			return nil
		}
		all, err := records[T](s, query, args...)
		if err != nil {
			return err
		}
		return check(all)
	}
}

// changeRecord reads a record and stores the result of update with its entry, in one transaction.
func changeRecord[T any](
	ctx context.Context, s *Store, t directory.TenantID, read func() (T, error), rule recordRule, update directory.Update[T],
	put func(old, v T) error, conditions ...func() error,
) (v T, err error) {
	err = s.write(ctx, func() error {
		old, err := read()
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
		for _, holds := range conditions {
			if err := holds(); err != nil {
				return err
			}
		}
		if err := put(old, v); err != nil || e == nil {
			return err
		}
		return s.append(t, *e)
	})
	return v, err
}

// rewriteRecord replaces a document by update(old), without an entry; old is zero when there is none.
func rewriteRecord[T any](ctx context.Context, s *Store, key []any, update func(T) (T, error)) (v T, err error) {
	err = s.write(ctx, func() error {
		old, err := record[T](s, "document", documents.get, key...)
		if directory.IgnoreNotFound(err) != nil {
			return err
		}
		if v, err = update(old); err != nil {
			return err
		}
		return s.putRecord(documents.put, v, key...)
	})
	return v, err
}
