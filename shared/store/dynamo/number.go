package dynamo

import (
	"context"
	"errors"
	"slices"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// logGroup adds the entry of a group, whose number is given when it is followed. above is a number that no entry of the
// group exceeds which an earlier release numbered; it counts until the group has a record of its last number.
func (x *tx) logGroup(s *Store, t directory.TenantID, e directory.LogEntry, r remainder, above int64) {
	e.Version = 0
	it := encodeEntry(t, e, r)
	it["nn"] = num(above)
	x.logItem(s, t, e, it)
}

// floor is a number that no entry of the group exceeds whose number was not given by NumberEntries: earlier releases took
// versions.
func (g groupHead) floor() int64 {
	if g.nf == nil {
		return g.Version
	}
	return number(g.nf, "nf")
}

// decodeNumber sets the number of an entry: nn marks one that gets it later, in n.
func decodeNumber(it item, e *directory.LogEntry) {
	switch {
	case it["n"] != nil:
		e.Version = number(it, "n")
	case it["nn"] != nil:
		e.Unnumbered = true
	}
}

// numbering gives numbers to entries of a group.
type numbering struct {
	*Store
	t     directory.TenantID
	group directory.GroupID
	left  []directory.LogEntry
	given map[directory.EntryID]int64 // 0: the entry is no longer in the log
	last  lastNumber
}

// lastNumber is the number of a group's newest entry.
type lastNumber struct {
	n      int64
	stored bool
}

// numberedMembers is how many members the entries of one transaction have at most, unless it is one entry: a transaction
// is at most 4 MB large.
const numberedMembers = 100_000

func (n *numbering) all(ctx context.Context) error {
	if err := n.known(ctx); err != nil {
		return err
	}
	for try := 0; len(n.left) > 0; {
		x, these := n.next()
		err := n.commit(ctx, "number entries", x)
		switch {
		case err == nil:
			for i, e := range these {
				n.given[e.ID] = n.last.n + int64(i) + 1
			}
			n.learn(lastNumber{n.last.n + int64(len(these)), true})
			n.left, try = n.left[len(these):], 0
			continue
		case !errors.Is(err, errStale):
			return err
		}
		n.left = slices.DeleteFunc(n.left, func(e directory.LogEntry) bool { _, done := n.given[e.ID]; return done })
		if try++; try == maxTries {
			return contended("number entries")
		}
		if try > 1 { // the first refusal tells what is stored
			if err := pause(ctx, try); err != nil {
				return err
			}
		}
	}
	return nil
}

// known finds the group's last number: the one this process has seen, or the stored one. Of a group without one it is that
// of earlier releases, which its first entry has.
func (n *numbering) known(ctx context.Context) error {
	k := schema.NumberKey(n.t, n.group)
	n.mu.Lock()
	at, ok := n.numbers[k]
	n.mu.Unlock()
	if ok {
		n.last = lastNumber{at, true}
		return nil
	}
	first := schema.EntryKey(n.t, n.left[0].Provider, n.left[0].At, n.left[0].ID)
	got, err := n.get(ctx, k, first)
	if err != nil {
		return err
	}
	if it := got[k]; it != nil {
		n.learn(lastNumber{number(it, "last"), true})
	} else {
		n.last = lastNumber{n: number(got[first], "nn")}
	}
	return nil
}

// learn notes the last number.
func (n *numbering) learn(l lastNumber) {
	const remembered = 10_000
	n.last = l
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.numbers) >= remembered {
		clear(n.numbers)
	}
	n.numbers[schema.NumberKey(n.t, n.group)] = l.n
}

// next returns a transaction that numbers entries, and which these are.
func (n *numbering) next() (*tx, []directory.LogEntry) {
	x, members, count := &tx{}, 0, 0
	for count < min(len(n.left), n.maxOps-1) {
		e := n.left[count]
		if members += len(e.Added) + len(e.Removed); members > numberedMembers && count > 0 {
			break
		}
		count++
	}
	these := n.left[:count]
	is, e := absent, edit{set: item{"last": num(n.last.n + int64(count))}, remove: []string{"ttl"}}
	if n.last.stored {
		is = when("#last = :last", item{":last": num(n.last.n)})
	}
	if these[count-1].Action == directory.GroupDeleted { // the group may be restored while its entries are kept
		e = edit{set: e.set}
		e.set["ttl"] = num(n.now().Add(max(n.retention, countedFor)).Unix())
	}
	x.update(n.Store, schema.NumberKey(n.t, n.group), e, is, func(old item) error {
		if len(old) > 0 {
			n.learn(lastNumber{number(old, "last"), true})
		} else {
			n.last.stored = false // it expired
		}
		return errStale
	})
	for i, e := range these {
		k := schema.EntryKey(n.t, e.Provider, e.At, e.ID)
		x.update(n.Store, k, edit{set: item{"n": num(n.last.n + int64(i) + 1)}}, exists.and(when("attribute_not_exists(#n)", nil)),
			func(old item) error {
				n.given[e.ID] = number(old, "n") // 0 of one that was dropped
				return errStale
			})
	}
	return x, these
}
