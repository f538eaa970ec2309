package dynamo

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// maxOps is the limit of items in one transaction.
const maxOps = 100

// tx is a transaction being put together. No two of its ops may touch the same item.
type tx struct {
	ops     []op
	days    []schema.Key       // marks that must exist before the log entries of the transaction do
	entries []schema.Key       // its log entries: if one exists, the transaction was carried out
	err     error              // the first failure to build it
	indexed float64            // write units in the due index
	naming  directory.TenantID // whose users name managers
}

// op is one write of a transaction. fail returns the error of the transaction for the item that broke the condition
// (nil when there is none); a nil fail means errStale.
type op struct {
	types.TransactWriteItem
	units float64
	fail  func(old item) error
}

// cond is a condition: attribute names are written #name, values :name.
type cond struct {
	expr string
	vals item
}

func when(expr string, vals item) cond { return cond{expr, vals} }

var (
	always = cond{}
	exists = cond{expr: "attribute_exists(#PK)"}
	absent = cond{expr: "attribute_not_exists(#PK)"}
)

// and joins two conditions.
func (c cond) and(d cond) cond {
	if c.expr == "" {
		return d
	}
	if d.expr == "" {
		return c
	}
	vals := maps.Clone(c.vals)
	if vals == nil {
		vals = item{}
	}
	maps.Copy(vals, d.vals)
	return cond{"(" + c.expr + ") AND (" + d.expr + ")", vals}
}

var nameRef = regexp.MustCompile(`#[A-Za-z0-9]+`)

// names returns the attribute names that expressions refer to.
func names(exprs ...string) map[string]string {
	out := map[string]string{}
	for _, e := range exprs {
		for _, n := range nameRef.FindAllString(e, -1) {
			out[n] = n[1:]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

const allOld = types.ReturnValuesOnConditionCheckFailureAllOld

// put adds a write of a whole item.
func (x *tx) put(s *Store, k schema.Key, it item, c cond, fail func(item) error) {
	full := k.With(it)
	units := 2 * meter.WriteUnits(meter.ItemSize(full))
	if full["S1"] != nil {
		units++ // its entry in the index is below 1 KB
	}
	p := &types.Put{
		TableName: &s.table, Item: full, ConditionExpression: optional(c.expr), ExpressionAttributeNames: names(c.expr),
		ReturnValuesOnConditionCheckFailure: allOld,
	}
	if len(c.vals) > 0 {
		p.ExpressionAttributeValues = c.vals
	}
	x.ops = append(x.ops, op{types.TransactWriteItem{Put: p}, units, fail})
}

// edit is the change of an item's attributes; others are kept.
type edit struct {
	set    item
	remove []string
	add    map[string]int64    // numbers to add; absent ones count from 0
	join   map[string][]string // strings to add to a set
	leave  map[string][]string // strings to remove from a set
}

// update adds a change of an item, which is created if it does not exist and c allows it.
func (x *tx) update(s *Store, k schema.Key, e edit, c cond, fail func(item) error) {
	vals := maps.Clone(c.vals)
	if vals == nil {
		vals = item{}
	}
	var clauses []string
	clause := func(word string, names []string, each func(n string) string) {
		if len(names) == 0 {
			return
		}
		parts := make([]string, len(names))
		for i, n := range names {
			parts[i] = each(n)
		}
		clauses = append(clauses, word+" "+strings.Join(parts, ", "))
	}
	value := func(prefix, n string, v types.AttributeValue) string {
		vals[":"+prefix+n] = v
		return ":" + prefix + n
	}
	clause("SET", slices.Sorted(maps.Keys(e.set)), func(n string) string { return "#" + n + " = " + value("s", n, e.set[n]) })
	clause("REMOVE", e.remove, func(n string) string { return "#" + n })
	clause("ADD", slices.Sorted(maps.Keys(e.add)), func(n string) string { return "#" + n + " " + value("a", n, num(e.add[n])) })
	clause("ADD", slices.Sorted(maps.Keys(e.join)), func(n string) string { return "#" + n + " " + value("j", n, set(e.join[n]...)) })
	clause("DELETE", slices.Sorted(maps.Keys(e.leave)), func(n string) string { return "#" + n + " " + value("l", n, set(e.leave[n]...)) })
	if len(e.add) > 0 && len(e.join) > 0 { // one clause of each kind is allowed
		i := slices.IndexFunc(clauses, func(c string) bool { return strings.HasPrefix(c, "ADD ") })
		clauses[i] += ", " + strings.TrimPrefix(clauses[i+1], "ADD ")
		clauses = slices.Delete(clauses, i+1, i+2)
	}
	expr := strings.Join(clauses, " ")
	u := &types.Update{
		TableName: &s.table, Key: k.Item(), UpdateExpression: &expr, ConditionExpression: optional(c.expr),
		ExpressionAttributeNames: names(expr, c.expr), ReturnValuesOnConditionCheckFailure: allOld,
	}
	if len(vals) > 0 {
		u.ExpressionAttributeValues = vals
	}
	// Unchanged attributes count, too, but only records of at most 1 KB are updated in part.
	x.ops = append(x.ops, op{types.TransactWriteItem{Update: u}, 2 * meter.WriteUnits(meter.ItemSize(k.With(e.set))), fail})
}

// delete adds the removal of an item.
func (x *tx) delete(s *Store, k schema.Key, c cond, fail func(item) error) {
	d := &types.Delete{
		TableName: &s.table, Key: k.Item(), ConditionExpression: optional(c.expr), ExpressionAttributeNames: names(c.expr),
		ReturnValuesOnConditionCheckFailure: allOld,
	}
	if len(c.vals) > 0 {
		d.ExpressionAttributeValues = c.vals
	}
	x.ops = append(x.ops, op{types.TransactWriteItem{Delete: d}, 2, fail})
}

// check adds a condition on an item that does not change.
func (x *tx) check(s *Store, k schema.Key, c cond, fail func(item) error) {
	check := &types.ConditionCheck{
		TableName: &s.table, Key: k.Item(), ConditionExpression: &c.expr, ExpressionAttributeNames: names(c.expr),
		ReturnValuesOnConditionCheckFailure: allOld,
	}
	if len(c.vals) > 0 {
		check.ExpressionAttributeValues = c.vals
	}
	x.ops = append(x.ops, op{types.TransactWriteItem{ConditionCheck: check}, 2, fail})
}

// unansweredTries is how often in a row a transaction may get no answer.
const unansweredTries = 4

// commit carries out the transaction: all or nothing. It is sent again if it only conflicted with another one, or got no
// answer. Then it may have been carried out, so the token stays the same, by which DynamoDB recognizes it; and whatever
// condition fails, it is done if its entry exists.
// Errors: those of op.fail, errStale first; Unavailable.
func (s *Store) commit(ctx context.Context, name string, x *tx) error {
	if x.err != nil {
		return x.err
	}
	if err := s.markDays(ctx, x.days); err != nil {
		return err
	}
	if err := s.markNaming(ctx, x.naming); err != nil {
		return err
	}
	in := &dynamodb.TransactWriteItemsInput{TransactItems: make([]types.TransactWriteItem, len(x.ops)),
		ClientRequestToken: aws.String(random.ID())}
	units := x.indexed
	for i, o := range x.ops {
		in.TransactItems[i] = o.TransactWriteItem
		units += o.units
	}
	doubt, unanswered := false, 0
	for n := range maxTries {
		if n > 0 {
			if err := pause(ctx, max(n, 6*unanswered)); err != nil {
				return err
			}
		}
		if err := s.writing(name); err != nil {
			return err
		}
		_, err := s.client.TransactWriteItems(ctx, in, once)
		meter.Count(ctx, 0, units)
		var canceled *types.TransactionCanceledException
		switch {
		case err == nil:
			return nil
		case errors.As(err, &canceled):
			unanswered = 0
			if err := x.failure(name, canceled); errors.Is(err, errCommitted) {
				return nil
			} else if err != nil {
				return s.orCommitted(ctx, x, doubt, err)
			}
			if !doubt {
				in.ClientRequestToken = aws.String(random.ID())
			}
		case inDoubt(err) && ctx.Err() == nil:
			if doubt, unanswered = true, unanswered+1; unanswered == unansweredTries {
				return fault(name, err)
			}
		case !transient(err):
			return fault(name, err)
		}
	}
	return contended(name)
}

// once keeps the client from repeating a call by itself: commit has to know of answers that were lost.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// orCommitted returns nil instead of err if a transaction that may have been carried out was.
func (s *Store) orCommitted(ctx context.Context, x *tx, doubt bool, err error) error {
	if !doubt || len(x.entries) == 0 {
		return err
	}
	it, readErr := s.getOne(ctx, x.entries[0])
	switch {
	case readErr != nil:
		return readErr
	case it != nil:
		return nil
	}
	return err
}

// commitOnce is commit for a transaction that is not computed again: one that is stale for no reason of its own was
// carried out if its entry exists, and otherwise the caller has to ask again.
func (s *Store) commitOnce(ctx context.Context, name string, x *tx) error {
	err := s.commit(ctx, name, x)
	if errors.Is(err, errStale) || isLocked(err) {
		return s.orCommitted(ctx, x, true, contended(name))
	}
	return err
}

// failure returns the reason why a transaction was cancelled, nil when it may be sent again unchanged: errCommitted
// first, then a lock, then staleness, because the other reasons may change when it is computed again.
func (x *tx) failure(name string, canceled *types.TransactionCanceledException) error {
	var stale, blocked, refused error
	for i, r := range canceled.CancellationReasons {
		switch code := aws.ToString(r.Code); code {
		case "None", "", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
		case "ConditionalCheckFailed":
			err := errStale
			if fail := x.ops[i].fail; fail != nil {
				err = fail(r.Item)
			}
			switch {
			case errors.Is(err, errCommitted):
				return err
			case isLocked(err):
				blocked = err
			case errors.Is(err, errStale):
				stale = err
			case refused == nil:
				refused = err
			}
		default:
			return fault(name+": "+code, canceled)
		}
	}
	return cmp.Or(blocked, stale, refused)
}
