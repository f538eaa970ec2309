package administration

import (
	"context"
	"slices"
	"strings"
	"time"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
)

// LogFilter selects log entries for administrators. Empty fields select everything.
type LogFilter struct {
	Provider directory.ProviderID
	User     directory.UserID
	Group    directory.GroupID
	Action   directory.Action
	Effect   directory.Effect
	Result   directory.Result
	Org      directory.OrgID  // users moved to or from it
	Role     directory.RoleID // users with the role whose grants changed
	Cause    directory.Cause
	Text     string    // part of the name at the time, ignoring case
	Since    time.Time // inclusive
	Until    time.Time // exclusive
}

// matches reports whether the filter selects an entry, whatever stream it was read from.
func (f LogFilter) matches(e directory.LogEntry) bool {
	return (f.Cause == "" || e.Cause() == f.Cause) && (f.Org == "" || e.Tallies(directory.AttrOrganization, directory.OrgTally(f.Org))) &&
		(f.Role == "" || e.Tallies(directory.AttrRoleGrants, directory.RoleTally(f.Role))) && (f.User == "" || e.User == f.User) &&
		(f.Group == "" || e.Group == f.Group) &&
		(f.Action == "" || e.Action == f.Action) && (f.Effect == "" || slices.Contains(e.Effects, f.Effect)) &&
		(f.Result == "" || e.Result() == f.Result) && (f.Text == "" || strings.Contains(casefold.Fold(e.Name), casefold.Fold(f.Text)))
}

// Sync reads entries about users and groups, the newest first, before a position, and the position to continue before:
// "" at the end. Without a user, group or provider it merges those of the present providers and of local users; the
// entries of a deleted provider are read by its id. A page may hold fewer than asked for when MaxWalk entries were
// read.
func (s Logs) Sync(ctx context.Context, f LogFilter, before string, count int) ([]directory.LogEntry, string, error) {
	var streams []directory.LogQuery
	switch {
	case f.User != "":
		streams = []directory.LogQuery{{User: f.User}}
	case f.Group != "":
		streams = []directory.LogQuery{{Group: f.Group}}
	case f.Provider != "":
		streams = []directory.LogQuery{{Provider: f.Provider}}
	default:
		ps, err := s.ports.Providers.ListProviders(ctx, s.tenant)
		if err != nil {
			return nil, "", err
		}
		streams = []directory.LogQuery{{}}
		for _, p := range ps {
			streams = append(streams, directory.LogQuery{Provider: p.ID})
		}
	}
	return s.readLog(ctx, f, streams, before, count, func(e directory.LogEntry) bool {
		return e.SyncEntry() && (f.Provider == "" || e.Provider == f.Provider)
	})
}

// Audit reads administrators' changes of anything but users and groups, as Sync does.
func (s Logs) Audit(ctx context.Context, f LogFilter, before string, count int) ([]directory.LogEntry, string, error) {
	return s.readLog(ctx, f, []directory.LogQuery{{}}, before, count, func(e directory.LogEntry) bool {
		about, _, _ := strings.Cut(e.Target, "/")
		return e.Audit && (f.Provider == "" || about == string(f.Provider))
	})
}

// readLog merges streams of entries by their position and keeps some of them.
func (s Logs) readLog(
	ctx context.Context, f LogFilter, streams []directory.LogQuery, before string, count int, keep func(directory.LogEntry) bool,
) ([]directory.LogEntry, string, error) {
	var out []directory.LogEntry
	batch := max(count, 100)
	for seen := 0; seen < directory.MaxWalk; {
		var merged []directory.LogEntry
		for _, q := range streams {
			q.Since, q.Until, q.Before, q.Count = f.Since, f.Until, before, batch
			es, err := s.ports.Log.Entries(ctx, s.tenant, q)
			if err != nil {
				return nil, "", err
			}
			merged = append(merged, es...)
		}
		slices.SortFunc(merged, func(x, y directory.LogEntry) int { return strings.Compare(y.Position(), x.Position()) })
		// Each stream returned its newest entries, so the newest of all are complete.
		last := len(merged) < batch
		merged = merged[:min(batch, len(merged))]
		for i, e := range merged {
			before = e.Position()
			if keep(e) && f.matches(e) {
				out = append(out, e)
			}
			if len(out) == count && (!last || i+1 < len(merged)) {
				return out, before, nil
			}
		}
		if last {
			return out, "", nil
		}
		seen += len(merged)
	}
	return out, before, nil
}
