package sqlite

import (
	"sort"

	"rollcall/shared/directory"
)

const (
	maxRecent      = 10_000   // entries in memory
	maxRecentBytes = 16 << 20 // of them, as they are stored
)

// recent are the newest entries of the log, as they were appended, so that the feed need not read and decode them again.
// They are those of all rows after the one with number base: no row between them is missing. What was followed is dropped,
// and everything when a row of the log is changed or removed: an erased entry is read as it is stored.
type recent struct {
	known   bool  // base is
	base    int64 // the number of the newest row that is not among them
	entries []recentEntry
	bytes   int
	pending []recentEntry // of the running transaction
}

type recentEntry struct {
	seq   int64
	entry directory.TenantEntry
	bytes int
}

// add keeps an entry of the running transaction.
func (r *recent) add(seq int64, t directory.TenantID, e directory.LogEntry, bytes int) {
	r.pending = append(r.pending, recentEntry{seq, directory.TenantEntry{Tenant: t, Entry: e}, bytes})
}

// written is how many entries the running transaction has.
func (r *recent) written() int { return len(r.pending) }

// cut drops the entries of the running transaction after the first n.
func (r *recent) cut(n int) { r.pending = r.pending[:min(n, len(r.pending))] }

// finish ends the running transaction.
func (r *recent) finish(committed bool) {
	if committed {
		for _, e := range r.pending {
			r.keep(e)
		}
	}
	clear(r.pending)
	r.pending = r.pending[:0]
}

func (r *recent) keep(e recentEntry) {
	if last := r.base + int64(len(r.entries)); !r.known || e.seq != last+1 {
		*r = recent{known: true, base: e.seq - 1, pending: r.pending}
	}
	r.entries, r.bytes = append(r.entries, e), r.bytes+e.bytes
	for len(r.entries) > maxRecent || r.bytes > maxRecentBytes {
		r.drop(1)
	}
}

// drop drops the oldest n.
func (r *recent) drop(n int) {
	for _, e := range r.entries[:n] {
		r.bytes -= e.bytes
	}
	clear(r.entries[:n])
	r.entries, r.base = r.entries[n:], r.base+int64(n)
}

// forget drops all, because rows of the log were changed or removed.
func (r *recent) forget() { *r = recent{} }

// reached notes that the log has no row after the one with the number.
func (r *recent) reached(seq int64) {
	if !r.known {
		*r = recent{known: true, base: seq}
	}
}

// after returns at most n entries after a row, and reports whether they are the next ones. Those up to the row are dropped.
func (r *recent) after(seq int64, n int) ([]recentEntry, bool) {
	if !r.known || seq < r.base {
		return nil, false
	}
	r.drop(sort.Search(len(r.entries), func(i int) bool { return r.entries[i].seq > seq }))
	return r.entries[:min(n, len(r.entries))], true
}
