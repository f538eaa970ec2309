package sqlite

import (
	"context"
	"errors"
	"time"

	"rollcall/shared/directory"
)

// append writes a log entry inside the transaction of its change.
func (s *Store) append(t directory.TenantID, e directory.LogEntry) error {
	if e.ChangesRules() {
		s.rules[t]++
	}
	b := e.AppendJSON(make([]byte, 0, 1024))
	err := s.exec(`INSERT INTO log (tenant, provider, position, uid, gid, entry) VALUES (?,?,?,?,?,?)`, nil,
		string(t), string(e.Provider), e.Position(), textOrNull(string(e.User)), textOrNull(string(e.Group)), b)
	if err == nil && !s.batch {
		s.recent.add(s.conn.LastInsertRowID(), t, e, len(b))
	}
	return err
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// logStore implements directory.Log.
type logStore struct{ *Store }

// NumberEntries implements directory.Log: entries have their numbers from their transaction on.
func (s logStore) NumberEntries(_ context.Context, _ directory.TenantID, es []directory.LogEntry) ([]directory.LogEntry, error) {
	return es, nil
}

func (s logStore) Entries(ctx context.Context, t directory.TenantID, q directory.LogQuery) ([]directory.LogEntry, error) {
	column, value := "provider = ?2", string(q.Provider)
	switch {
	case q.User != "":
		column, value = "uid = ?2 AND uid IS NOT NULL", string(q.User)
	case q.Group != "":
		column, value = "gid = ?2 AND gid IS NOT NULL", string(q.Group)
	}
	before := "~" // after every position
	if !q.Until.IsZero() {
		before = directory.LogEntry{At: q.Until}.Position()
	}
	if q.Before != "" {
		before = min(before, q.Before)
	}
	since := ""
	if !q.Since.IsZero() {
		since = directory.LogEntry{At: q.Since}.Position()
	}
	return readRecords[directory.LogEntry](ctx, s.Store,
		`SELECT entry FROM log WHERE tenant = ?1 AND `+column+` AND position < ?3 AND position >= ?4 ORDER BY position DESC LIMIT ?5+0`,
		string(t), value, before, since, q.Count)
}

func (s logStore) Entry(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, at time.Time, id directory.EntryID,
) (directory.LogEntry, error) {
	return readRecord[directory.LogEntry](ctx, s.Store, "log entry",
		`SELECT entry FROM log WHERE tenant = ? AND provider = ? AND position = ?`,
		string(t), string(p), directory.LogEntry{At: at, ID: id}.Position())
}

func (s logStore) EntriesAfter(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, count int,
) ([]directory.LogEntry, error) {
	return readRecords[directory.LogEntry](ctx, s.Store,
		`SELECT entry FROM log WHERE tenant = ?1 AND provider = ?2 AND position > ?3 AND (?4 = '' OR position < ?4) ORDER BY position LIMIT ?5+0`,
		string(t), string(p), after, before, count)
}

func (s logStore) AppendEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	return s.write(ctx, func() error { return s.append(t, e) })
}

func (s logStore) DropEntries(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, before time.Time, count int,
) (n int, err error) {
	err = s.write(ctx, func() error {
		err := s.exec(`DELETE FROM log WHERE seq IN (
			SELECT seq FROM log WHERE tenant = ? AND provider = ? AND position < ?
			AND seq <= (SELECT seq FROM followed) ORDER BY position LIMIT ?+0)`, nil,
			string(t), string(p), directory.LogEntry{At: before}.Position(), count)
		if n = s.conn.Changes(); err == nil && n > 0 {
			s.recent.forget()
			err = errors.Join(s.noteErased(), s.followNext())
		}
		return err
	})
	return n, err
}

// followNext moves the mark of followed entries back to the newest that is left: the next entry gets the number after it.
func (s *Store) followNext() error {
	return s.exec(`UPDATE followed SET seq = min(seq, (SELECT coalesce(max(seq), 0) FROM log))`, nil)
}
