package sqlite

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// table is a table of JSON records, in column "record", by a key of text columns: its statements.
type table struct{ get, put, remove, after string }

// tableOf writes the statements of a table. after lists records behind a value of the last column of the key.
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

// documents are records that nothing is looked up by but their key. kind says what one is and owner whose.
var documents = tableOf("documents", "tenant", "kind", "owner", "id")

// key is the key of a record.
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

// record is the first of records.
// Errors: NotFound.
func record[T any](s *Store, what, query string, args ...any) (v T, err error) {
	all, err := records[T](s, query, args...)
	if err == nil && len(all) == 0 {
		err = notFound(what)
	}
	if err != nil {
		return v, err
	}
	return all[0], nil
}

// readRecords is records with the connection to itself.
func readRecords[T any](ctx context.Context, s *Store, query string, args ...any) (out []T, err error) {
	err = s.read(ctx, func() error {
		out, err = records[T](s, query, args...)
		return err
	})
	return out, err
}

// readRecord is record with the connection to itself.
func readRecord[T any](ctx context.Context, s *Store, what, query string, args ...any) (v T, err error) {
	err = s.read(ctx, func() error {
		v, err = record[T](s, what, query, args...)
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

// recordRule says what is special about a kind of record.
type recordRule int

const (
	mustExist   recordRule = 1 << iota // NotFound when there is none; else the update gets the zero record
	quietly                            // a nil entry stores without one, and the old record stores nothing; else a nil entry does not
	zeroRemoves                        // the zero record removes it
)

// updateRecord replaces the record of a table by what update makes of it, with its entry.
func updateRecord[T any](
	ctx context.Context, s *Store, t directory.TenantID, what string, tb table, key []any, rule recordRule, update directory.Update[T],
) (v T, err error) {
	return changeRecord(ctx, s, t, func() (T, error) {
		old, err := record[T](s, what, tb.get, key...)
		if rule&mustExist == 0 {
			err = directory.IgnoreNotFound(err)
		}
		return old, err
	}, rule, update, func(_, v T) error {
		if rule&zeroRemoves != 0 && reflect.ValueOf(v).IsZero() {
			return s.exec(tb.remove, nil, key...)
		}
		return s.putRecord(tb.put, v, key...)
	})
}

// changeRecord reads a record, and stores what update makes of it with its entry, in one transaction.
func changeRecord[T any](
	ctx context.Context, s *Store, t directory.TenantID, read func() (T, error), rule recordRule, update directory.Update[T],
	put func(old, v T) error,
) (v T, err error) {
	err = s.write(ctx, func() error {
		old, err := read()
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		v, e, err = update(old)
		if rule&quietly == 0 && e == nil {
			v = old
		}
		if err != nil || rule&quietly == 0 && e == nil || rule&quietly != 0 && reflect.DeepEqual(v, old) {
			return err
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
