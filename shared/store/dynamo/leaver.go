package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// A pending deactivation is stored in three attributes, because a record has to fit in 1 KB: due and dueAt are the key
// of the due index, pd has the other fields: requested at, generation, cause, provider ("=" for the user's own),
// frozen, staged or neither, request id.
const (
	ownProvider = "="
	frozen      = "f"
	staged      = "s"
	notFrozen   = "-"
)

func putPending(it item, t directory.TenantID, u directory.User) {
	p := u.Pending
	if p == nil {
		return
	}
	due, at := schema.DueKeys(t, u)
	it["due"], it["dueAt"] = str(due), str(at)
	provider, state := string(p.Provider), notFrozen
	if p.Provider == u.Provider {
		provider = ownProvider
	}
	if p.Staged {
		state = staged
	} else if p.Frozen {
		state = frozen
	}
	it["pd"] = str(strings.Join([]string{
		schema.DueAt(p.RequestedAt), strconv.FormatInt(p.Generation, 10), schema.Escape(p.Cause), provider, state, string(p.RequestID),
	}, " "))
}

func getPending(it item, u *directory.User) error {
	if it["pd"] == nil {
		return nil
	}
	const parts = 6
	f := strings.SplitN(text(it, "pd"), " ", parts)
	if len(f) != parts {
		return fmt.Errorf("decode pending deactivation: %d parts", len(f))
	}
	requested, err := timeAt(f[0])
	if err != nil {
		return err
	}
	due, err := timeAt(text(it, "dueAt"))
	if err != nil {
		return err
	}
	generation, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return fmt.Errorf("decode pending deactivation: %w", err)
	}
	p := &directory.PendingDeactivation{
		RequestedAt: requested, DueAt: due, Generation: generation, Cause: f[2], Provider: directory.ProviderID(f[3]), Frozen: f[4] == frozen ||
			f[4] == staged, Staged: f[4] == staged, RequestID: directory.RequestID(f[5]),
	}
	if f[3] == ownProvider {
		p.Provider = u.Provider
	}
	u.Pending = p
	return nil
}

// timeAt is the inverse of dueAt.
func timeAt(position string) (time.Time, error) {
	n, err := strconv.ParseInt(position, 36, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("decode time: %w", err)
	}
	return time.UnixMilli(n).UTC(), nil
}

// countDueWrites counts the writes of a user's change in the due index: one to add an entry, one to remove the old.
func (x *tx) countDueWrites(t directory.TenantID, old, u directory.User) {
	wasDue, wasAt := schema.DueKeys(t, old)
	isDue, isAt := schema.DueKeys(t, u)
	if wasDue == isDue && wasAt == isAt {
		return
	}
	for _, due := range []string{wasDue, isDue} {
		if due != "" {
			x.indexed++
		}
	}
}

// duePage reads one page of a partition of the due index up to a time, after an entry of the index, and returns the
// start of the next page: nil at the end. The index lags slightly behind the table.
func (s *Store) duePage(ctx context.Context, due, until string, from item, limit int) ([]item, item, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, IndexName: aws.String(indexDue), ExclusiveStartKey: from,
		KeyConditionExpression:    aws.String("#due = :due AND #dueAt <= :until"),
		ExpressionAttributeNames:  names("#due #dueAt"),
		ExpressionAttributeValues: item{":due": str(due), ":until": str(until)},
	}
	if limit > 0 {
		in.Limit = aws.Int32(int32(limit)) //nolint:gosec // G115: a page, at most a few thousand
	}
	res, err := s.client.Query(ctx, in)
	if err != nil {
		return nil, nil, fault("query due index", err)
	}
	size := 0
	for _, it := range res.Items {
		size += meter.ItemSize(it)
	}
	meter.Count(ctx, meter.ReadUnits(size)/2, 0)
	if len(res.LastEvaluatedKey) == 0 {
		return res.Items, nil, nil
	}
	return res.Items, res.LastEvaluatedKey, nil
}

// pendingOf reads the users of index entries, and returns those whose deactivation is still pending.
func (s *Store) pendingOf(ctx context.Context, its []item) ([]directory.DueUser, error) {
	keys := make([]schema.Key, len(its))
	for i, it := range its {
		keys[i] = keyOf(it)
	}
	got, err := s.get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var out []directory.DueUser
	for _, k := range keys {
		u, ok, err := decodeUser(got[k])
		if err != nil {
			return nil, err
		}
		if ok && u.Pending != nil {
			out = append(out, directory.DueUser{Tenant: schema.TenantOfUser(k.PK), User: u})
		}
	}
	return out, nil
}

// leaverStore implements directory.Leavers.
type leaverStore struct{ *Store }

// DueUsers implements directory.Leavers: it reads the shards of the index in parallel, page by page.
func (s leaverStore) DueUsers(ctx context.Context, until time.Time, fn func(context.Context, []directory.DueUser) error) error {
	var fns []func(context.Context) error
	for i := range schema.DueShards {
		fns = append(fns, func(ctx context.Context) error {
			return s.dueOfShard(ctx, schema.DueShard(i), schema.DueAt(until), until, fn)
		})
	}
	return meter.Parallel(ctx, fns...)
}

func (s *Store) dueOfShard(
	ctx context.Context, shard, hi string, until time.Time, fn func(context.Context, []directory.DueUser) error,
) error {
	for from := item(nil); ; {
		its, next, err := s.duePage(ctx, shard, hi, from, maxBatchGet)
		if err != nil {
			return err
		}
		us, err := s.pendingOf(ctx, its)
		if err != nil {
			return err
		}
		us = slices.DeleteFunc(us, func(u directory.DueUser) bool { return !u.Open() || u.Pending.DueAt.After(until) })
		if len(us) > 0 {
			if err := fn(ctx, us); err != nil {
				return err
			}
		}
		from = next
		if from == nil {
			return nil
		}
	}
}

// endOfTime sorts after every time.
const endOfTime = "~"

// PendingUsers implements directory.Leavers. The open shards have the users of all tenants: it reads their keys, a few
// thousand per page, but only the records of its own tenant.
func (s leaverStore) PendingUsers(ctx context.Context, t directory.TenantID, q directory.PendingQuery) ([]directory.User, string, error) {
	if q.After != "" && strings.Count(q.After, " ") != 1 {
		return nil, "", directory.Errorf(directory.Invalid, "not a position in this list")
	}
	var partitions []string
	if q.Gate == "" || q.Gate == directory.GateTimer {
		for i := range schema.DueShards {
			partitions = append(partitions, schema.DueShard(i))
		}
	}
	if q.Gate != directory.GateTimer {
		partitions = append(partitions, schema.FrozenKey(t))
	}
	if q.Gate == "" || q.Gate == directory.GateHold {
		partitions = append(partitions, schema.HeldKey(t))
	}
	parts := make([][]item, len(partitions))
	fns := make([]func(context.Context) error, len(partitions))
	for i, p := range partitions {
		fns[i] = func(ctx context.Context) (err error) {
			parts[i], err = s.pendingKeys(ctx, t, p)
			return err
		}
	}
	if err := meter.Parallel(ctx, fns...); err != nil {
		return nil, "", err
	}
	all := slices.Concat(parts...)
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(pendingPosition(a), pendingPosition(b)) })
	i, found := slices.BinarySearchFunc(all, q.After, func(it item, after string) int { return strings.Compare(pendingPosition(it), after) })
	if found {
		i++
	}
	var out []directory.User
	for chunk := range slices.Chunk(all[i:], maxBatchGet) {
		us, err := s.pendingOf(ctx, chunk)
		if err != nil {
			return nil, "", err
		}
		for _, u := range us {
			if !u.WaitsFor(q.Gate) || q.Provider != "" && u.Pending.Provider != q.Provider {
				continue
			}
			if len(out) == q.Count {
				last := out[len(out)-1]
				return out, schema.DueAt(last.Pending.DueAt) + " " + string(last.ID), nil
			}
			out = append(out, u.User)
		}
	}
	return out, "", nil
}

func pendingPosition(it item) string { return text(it, "dueAt") + " " + text(it, "SK") }

// pendingKeys reads all entries of a tenant in a partition of the due index.
func (s *Store) pendingKeys(ctx context.Context, t directory.TenantID, partition string) (out []item, err error) {
	for from := item(nil); ; {
		its, next, err := s.duePage(ctx, partition, endOfTime, from, 0)
		if err != nil {
			return nil, err
		}
		for _, it := range its {
			if schema.TenantOfUser(text(it, "PK")) == t {
				out = append(out, it)
			}
		}
		from = next
		if from == nil {
			return out, nil
		}
	}
}

// maxRestorable limits the removed users with one externalId that are read.
const maxRestorable = 10

// CreateOrRestoreUser implements directory.Leavers: the look-up of removed users is read in parallel with the provider.
func (s leaverStore) CreateOrRestoreUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, externalID string, admit directory.Admit,
	create func(directory.Provider, []directory.User) (directory.User, directory.LogEntry, error),
) (u directory.User, err error) {
	h := schema.HomeFor(t, p, true)
	l := directory.Lookup{Attr: directory.AttrExternalID, Value: externalID}
	err = s.rerun(ctx, "user", func(int) error {
		var its []item
		rec, _, err := s.readAdmitted(ctx, t, p, admit, nil, func(ctx context.Context) (err error) {
			its, _, err = s.query(ctx, span{pk: h.Lookup(l), limit: maxRestorable})
			return err
		})
		if err != nil {
			return err
		}
		removed, err := s.removedUsers(ctx, h, its, externalID)
		if err != nil {
			return err
		}
		var e directory.LogEntry
		if u, e, err = create(rec, removed); err != nil {
			return err
		}
		for _, old := range removed {
			if old.ID == u.ID {
				return s.replaceUser(ctx, t, old, u, e)
			}
		}
		return s.insertUser(ctx, t, u, e)
	})
	return u, err
}

// removedUsers reads the removed users of look-up items, the latest first.
func (s *Store) removedUsers(ctx context.Context, h schema.Home, lookups []item, externalID string) ([]directory.User, error) {
	us, err := s.usersOf(ctx, h, lookups, func(u directory.User) bool { return u.Removed() && u.ExternalID == externalID })
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(us, func(a, b directory.User) int { return b.RemovedAt.Compare(a.RemovedAt) })
	return us, nil
}
