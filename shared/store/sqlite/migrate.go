package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitemigration"
	"zombiezen.com/go/sqlite/sqlitex"

	"rollcall/shared/directory"
)

// releasedFrom is the number of migrations in the first release; before it, tables changed without migrations. An older
// file is brought up to date if its tables are those of the last commit before release 0.1.0, and refused otherwise.
const releasedFrom = 5

// header is part of the header of a database file: https://www.sqlite.org/fileformat2.html#the_database_header
type header struct {
	empty    bool // it has no tables and never had any
	appID    int
	migrated int // number of migrations carried out
}

// readHeader reads the header of the file at path without changing or locking it. A missing file counts as empty. The
// write-ahead log that a killed process may have left is not read.
func readHeader(path string) (header, error) {
	f, err := os.Open(path) //nolint:gosec // G304: the file is the caller's choice
	if errors.Is(err, fs.ErrNotExist) {
		return header{empty: true}, nil
	}
	if err != nil {
		return header{}, err
	}
	defer func() { _ = f.Close() }() // only read
	b := make([]byte, 100)
	switch _, err = io.ReadFull(f, b); {
	case errors.Is(err, io.EOF):
		return header{empty: true}, nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return header{}, err
	case string(b[:16]) != "SQLite format 3\x00":
		return header{}, errors.New("it is not a SQLite database")
	}
	number := func(offset int) int { return int(binary.BigEndian.Uint32(b[offset:])) }
	return header{empty: number(40) == 0, migrated: number(60), appID: number(68)}, nil
}

// check returns an error if this program must not change the file.
func (h header) check() error {
	switch {
	case h.empty:
		return nil
	case h.appID != appID:
		return errors.New("it is a database of another program")
	case h.migrated > len(migrations):
		return fmt.Errorf("it was written by a newer release of Rollcall (tables %d, this program knows %d): use that release", h.migrated,
			len(migrations))
	}
	return nil
}

// connectionHeader returns the header as the connection sees it, including the write-ahead log.
func connectionHeader(conn *sqlite.Conn) (header, error) {
	numbers := make([]int, 0, 3)
	for _, pragma := range []string{"PRAGMA schema_version", "PRAGMA user_version", "PRAGMA application_id"} {
		err := sqlitex.ExecuteTransient(conn, pragma, &sqlitex.ExecOptions{ResultFunc: func(r *sqlite.Stmt) error {
			numbers = append(numbers, r.ColumnInt(0))
			return nil
		}})
		if err != nil {
			return header{}, err
		}
	}
	return header{empty: numbers[0] == 0, migrated: numbers[1], appID: numbers[2]}, nil
}

// examine returns an error if this program must not change the file, and whether it is from before the first release.
func examine(conn *sqlite.Conn) (unreleased bool, err error) {
	h, err := connectionHeader(conn)
	if err == nil {
		err = h.check()
	}
	if err != nil || h.empty || h.migrated >= releasedFrom {
		return false, err
	}
	return true, checkUnreleased(conn, h.migrated)
}

// migrate carries out the migrations that the file lacks.
func migrate(conn *sqlite.Conn, migrations []string) error {
	err := conn.CreateFunction("hash", &sqlite.FunctionImpl{NArgs: 1, Deterministic: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			return sqlite.TextValue(sum(args[0].Text())), nil
		}})
	if err != nil {
		return err
	}
	err = conn.CreateFunction("name", &sqlite.FunctionImpl{NArgs: 1, Deterministic: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			return sqlite.TextValue(directory.UserNameKey(args[0].Text())), nil
		}})
	if err != nil {
		return err
	}
	err = conn.CreateFunction("manager", &sqlite.FunctionImpl{NArgs: 1, Deterministic: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			return sqlite.TextValue(directory.ManagerKey(args[0].Text())), nil
		}})
	if err != nil {
		return err
	}
	err = conn.CreateFunction("aside", &sqlite.FunctionImpl{NArgs: 3, Deterministic: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			e := directory.EntryOfPosition(directory.ProviderID(args[0].Text()), args[1].Text())
			b, err := encode(directory.NewDelivery(e, "", string(e.ID), fromMillis(args[2].Int64())))
			return sqlite.TextValue(string(b)), err
		}})
	if err != nil {
		return err
	}
	return sqlitemigration.Migrate(context.Background(), conn, sqlitemigration.Schema{AppID: appID, Migrations: migrations})
}

// checkUnreleased returns an error if the tables are not those that the first migrations create today.
func checkUnreleased(conn *sqlite.Conn, migrated int) error {
	got, err := tables(conn)
	if err != nil {
		return err
	}
	fresh, err := sqlite.OpenConn(Memory)
	if err != nil {
		return err
	}
	err = migrate(fresh, migrations[:migrated])
	var want []string
	if err == nil {
		want, err = tables(fresh)
	}
	if err = errors.Join(err, fresh.Close()); err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return errors.New("it is from a build before release 0.1.0 whose tables are no longer known: " +
			"keep it for that build, and start this one with a new file, which Entra ID fills again when provisioning is restarted")
	}
	return nil
}

// tables returns the text of everything in the schema, ordered by name and with normalized white space.
func tables(conn *sqlite.Conn) ([]string, error) {
	var out []string
	err := sqlitex.ExecuteTransient(conn, "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name",
		&sqlitex.ExecOptions{ResultFunc: func(r *sqlite.Stmt) error {
			out = append(out, strings.Join(strings.Fields(r.ColumnText(0)), " "))
			return nil
		}})
	return out, err
}
