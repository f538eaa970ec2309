package dynamo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

// deliveryItem is a delivery at a revision. A pending one of a webhook has the sort key of its place in the queue, any
// other pending one is in the due index.
func deliveryItem(d directory.Delivery, rev int64) (item, error) {
	it := item{"v": num(schemaVersion), "rev": num(rev), "ttl": deliveryExpiry(d)}
	switch {
	case d.State != directory.DeliveryPending:
	case d.Webhook != "":
		it["place"] = str(schema.PlaceOf(d))
	default:
		it["due"], it["dueAt"] = str(schema.DueDeliveries(schema.Spread(string(d.ID), schema.DeliveryShards))), str(schema.DueText(d.DueAt))
	}
	return it, putJSON(it, "r", d)
}

func deliveryExpiry(d directory.Delivery) types.AttributeValue {
	return num(d.CreatedAt.Add(directory.DeliveryKept + 24*time.Hour).Unix())
}

// placeItem is the mark of a pending delivery in its webhook's queue, whose sort key is the delivery's place: a mark
// without such a delivery is left over from a change that was cut off, and removed by who finds it.
func placeItem(d directory.Delivery) item {
	return item{"v": num(schemaVersion), "ttl": deliveryExpiry(d)}
}

// deliveryStore implements directory.Deliveries.
type deliveryStore struct{ *Store }

func (s deliveryStore) AddDelivery(ctx context.Context, t directory.TenantID, d directory.Delivery) error {
	it, err := deliveryItem(d, 1)
	if err != nil {
		return err
	}
	if it["due"] != nil {
		meter.Count(ctx, 0, 1)
	}
	err = s.putIf(ctx, "add delivery", schema.DeliveryKey(t, d.ID), it, absent)
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}

// AddDeliveries implements directory.Deliveries. The marks are written after the deliveries, and the queues last: so who
// finds a mark finds its delivery, and who has looked at a queue before sees that it has changed.
func (s deliveryStore) AddDeliveries(ctx context.Context, t directory.TenantID, ds []directory.Delivery) error {
	var items []item
	var places []types.WriteRequest
	due, known := map[directory.WebhookID]time.Time{}, map[directory.DeliveryID]bool{}
	for _, d := range ds {
		if known[d.ID] { // a batch may have an entry twice
			continue
		}
		known[d.ID] = true
		it, err := deliveryItem(d, 1)
		if err != nil {
			return err
		}
		items = append(items, schema.DeliveryKey(t, d.ID).With(it))
		places = append(places, types.WriteRequest{PutRequest: &types.PutRequest{Item: schema.PlaceKey(t, d).With(placeItem(d))}})
		if at, ok := due[d.Webhook]; !ok || d.DueAt.Before(at) {
			due[d.Webhook] = d.DueAt
		}
	}
	err := inCalls(ctx, items, func(ctx context.Context, some []item) error { return s.insertBatch(ctx, "add deliveries", some) })
	if err == nil {
		err = inCalls(ctx, places, func(ctx context.Context, some []types.WriteRequest) error {
			return s.writeBatch(ctx, "queue deliveries", some)
		})
	}
	if err != nil {
		return err
	}
	var queues []func(context.Context) error
	for w, at := range due {
		queues = append(queues, func(ctx context.Context) error { return s.touchQueue(ctx, t, w, at) })
	}
	return meter.Parallel(ctx, queues...)
}

func (s *Store) delivery(ctx context.Context, t directory.TenantID, id directory.DeliveryID) (directory.Delivery, int64, error) {
	return readRecord[directory.Delivery](ctx, s, "delivery", schema.DeliveryKey(t, id), string(id))
}

func (s deliveryStore) Delivery(ctx context.Context, t directory.TenantID, id directory.DeliveryID) (directory.Delivery, error) {
	d, _, err := s.delivery(ctx, t, id)
	return d, err
}

// ListDeliveries implements directory.Deliveries: the shards are merged by id.
func (s deliveryStore) ListDeliveries(
	ctx context.Context, t directory.TenantID, before directory.DeliveryID, count int,
) ([]directory.Delivery, error) {
	return s.newestDeliveries(ctx, schema.DeliveryShards, func(i int) string { return schema.DeliveryShard(t, i) }, before, count)
}

// newestDeliveries reads deliveries from the shards of a list, the newest first, before the given one.
func (s *Store) newestDeliveries(
	ctx context.Context, shards int, shard func(int) string, before directory.DeliveryID, count int,
) ([]directory.Delivery, error) {
	if count < 1 {
		return nil, nil
	}
	all, err := s.shards(ctx, shards, func(ctx context.Context, i int) ([]item, error) {
		return s.newest(ctx, shard(i), "", "", schema.Escape(string(before)), count)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(b, "SK"), text(a, "SK")) })
	return decodeRecords[directory.Delivery](all[:min(count, len(all))])
}

func (s deliveryStore) UpdateDelivery(
	ctx context.Context, t directory.TenantID, id directory.DeliveryID, update func(directory.Delivery) (directory.Delivery, error),
) (d directory.Delivery, err error) {
	var old directory.Delivery
	err = s.rerun(ctx, "delivery", func(int) error {
		stored, rev, err := s.delivery(ctx, t, id)
		if err != nil {
			return err
		}
		if d, err = update(stored); err != nil {
			return err
		}
		old = stored
		it, err := deliveryItem(d, rev+1)
		if err != nil {
			return err
		}
		return s.putIf(ctx, "update delivery", schema.DeliveryKey(t, id), it, when("#rev = :rev", item{":rev": num(rev)}))
	})
	if err != nil || d.Webhook == "" {
		return d, err
	}
	if err := s.moveDelivery(ctx, t, old, d); err != nil || d.State != directory.DeliveryPending {
		return d, err
	}
	return d, s.touchQueue(ctx, t, d.Webhook, d.DueAt)
}

// moveDelivery replaces the mark of a delivery that has been changed from old to d.
func (s *Store) moveDelivery(ctx context.Context, t directory.TenantID, old, d directory.Delivery) error {
	if d.State == directory.DeliveryPending {
		if err := s.put(ctx, "queue delivery", schema.PlaceKey(t, d), placeItem(d)); err != nil || schema.PlaceOf(d) == schema.PlaceOf(old) {
			return err
		}
	}
	if old.State != directory.DeliveryPending {
		return nil
	}
	return s.erase(ctx, "unqueue delivery", []schema.Key{schema.PlaceKey(t, old)})
}

func (s deliveryStore) FinishDelivery(ctx context.Context, t directory.TenantID, d directory.Delivery, was time.Time) error {
	it, err := deliveryItem(d, 0)
	if err != nil {
		return err
	}
	delete(it, "rev")
	e := edit{set: it, add: map[string]int64{"rev": 1}}
	if it["place"] == nil {
		e.remove = []string{"place"}
	}
	old := d
	old.State, old.DueAt = directory.DeliveryPending, was
	c := when("#place = :place", item{":place": str(schema.PlaceOf(old))})
	_, err = s.change(ctx, "finish delivery", schema.DeliveryKey(t, d.ID), e, c)
	if errors.Is(err, errStale) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.moveDelivery(ctx, t, old, d)
}

// QueuedDeliveries implements directory.Deliveries. It corrects the marks that a change has left in the wrong place when
// it was cut off, and then reads again: the right ones may come before.
func (s deliveryStore) QueuedDeliveries(
	ctx context.Context, t directory.TenantID, w directory.WebhookID, now time.Time, count int,
) (ds []directory.Delivery, next time.Time, err error) {
	for last := ""; len(ds) < count; {
		marks, _, err := s.query(ctx, span{pk: schema.Places(t, w), lo: after(last), limit: count - len(ds)})
		if err != nil || len(marks) == 0 {
			return ds, time.Time{}, err
		}
		last = text(marks[len(marks)-1], "SK")
		for i, m := range marks {
			if at := schema.PlaceTime(text(m, "SK")); at.After(now) {
				marks, next = marks[:i], at
				break
			}
		}
		found, corrected, err := s.marked(ctx, t, marks)
		if corrected {
			ds, next, last = nil, time.Time{}, ""
			continue
		}
		if ds = append(ds, found...); err != nil || !next.IsZero() {
			return ds, next, err
		}
	}
	return ds, time.Time{}, nil
}

// marked reads the deliveries of marks, except for marks in the wrong place, which it corrects.
func (s *Store) marked(ctx context.Context, t directory.TenantID, marks []item) (ds []directory.Delivery, corrected bool, err error) {
	due := map[schema.Key]bool{}
	for _, m := range marks {
		due[schema.DeliveryKey(t, schema.PlaceID(text(m, "SK")))] = true
	}
	stored, err := s.get(ctx, slices.Collect(maps.Keys(due))...)
	if err != nil {
		return nil, false, err
	}
	for _, m := range marks {
		it := stored[schema.DeliveryKey(t, schema.PlaceID(text(m, "SK")))]
		var d directory.Delivery
		if err := errors.Join(checkVersion(it), getJSON(it, "r", &d)); err != nil {
			return nil, false, err
		}
		if text(it, "place") == text(m, "SK") {
			ds = append(ds, d)
			continue
		}
		if err := s.correctMark(ctx, t, keyOf(m), d); err != nil {
			return nil, false, err
		}
		corrected = true
	}
	return ds, corrected, nil
}

// correctMark removes a mark that is not of the place of its delivery, after it has set the right one.
func (s *Store) correctMark(ctx context.Context, t directory.TenantID, mark schema.Key, d directory.Delivery) error {
	if d.State == directory.DeliveryPending {
		if err := s.put(ctx, "queue delivery", schema.PlaceKey(t, d), placeItem(d)); err != nil {
			return err
		}
	}
	return s.erase(ctx, "unqueue delivery", []schema.Key{mark})
}

// touchQueue has the queue of a webhook with new pending deliveries looked at: at a time, or when the pause of a failing
// one ends. Its revision changes first, so that nobody takes it for empty meanwhile.
func (s *Store) touchQueue(ctx context.Context, t directory.TenantID, w directory.WebhookID, at time.Time) error {
	k := schema.QueueKey(t, w)
	e := queueDue(t, directory.Delivery{Webhook: w, DueAt: at})
	it, err := s.change(ctx, "touch queue", k, edit{set: item{"v": num(schemaVersion)}, add: e.add}, always)
	if err != nil || it["due"] != nil && (number(it, "failures") > 0 || text(it, "dueAt") <= schema.DueText(at)) {
		return err
	}
	meter.Count(ctx, 0, 1)
	_, err = s.change(ctx, "touch queue", k, edit{set: e.set}, always)
	return err
}

// queueDue is the change of a queue that is looked at when a delivery is due.
func queueDue(t directory.TenantID, d directory.Delivery) edit {
	return edit{set: item{"v": num(schemaVersion), "due": str(schema.DueQueues(t, d.Webhook)), "dueAt": str(schema.DueText(d.DueAt))},
		add: map[string]int64{"rev": 1}}
}

// change changes an item outside a transaction when a condition holds, and returns it.
// Errors: errStale; then the item is the one that broke the condition.
func (s *Store) change(ctx context.Context, name string, k schema.Key, e edit, c cond) (item, error) {
	if err := s.writing(name); err != nil {
		return nil, err
	}
	x := &tx{}
	x.update(s, k, e, c, nil)
	u := x.ops[0].Update
	out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
		ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
		ReturnValues: types.ReturnValueAllNew, ReturnValuesOnConditionCheckFailure: allOld,
	})
	meter.Count(ctx, 0, x.ops[0].units/2)
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return failed.Item, errStale
	}
	if err != nil {
		return nil, fault(name, err)
	}
	return out.Attributes, nil
}

func queueOf(t directory.TenantID, w directory.WebhookID, it item) directory.Queue {
	return directory.Queue{
		Tenant: t, Webhook: w, DueAt: schema.TimeOfDue(text(it, "dueAt")),
		Failures: int(number(it, "failures")), Status: int(number(it, "status")),
		Cause: text(it, "cause"), Holder: text(it, "holder"), Until: timeOf(it, "until"), Revision: number(it, "rev"),
	}
}

func (s deliveryStore) DueQueues(ctx context.Context, now time.Time, count int) (out []directory.Queue, err error) {
	its, err := s.due(ctx, schema.DueQueueShards, schema.DueQueueShard, now, count)
	for _, it := range its {
		t, w := schema.OwnerOfQueue(text(it, "PK"))
		out = append(out, directory.Queue{Tenant: t, Webhook: w, DueAt: schema.TimeOfDue(text(it, "dueAt"))})
	}
	return out, err
}

func (s deliveryStore) LeaseQueue(
	ctx context.Context, t directory.TenantID, w directory.WebhookID, holder string, now, until time.Time,
) (directory.Queue, error) {
	it, err := s.change(ctx, "lease queue", schema.QueueKey(t, w), edit{set: item{"holder": str(holder), "until": num(until.UnixMilli())}},
		when("attribute_exists(#due) AND (attribute_not_exists(#holder) OR #holder = :me OR #until <= :now)",
			item{":me": str(holder), ":now": num(now.UnixMilli())}))
	if it["due"] == nil && (err == nil || errors.Is(err, errStale)) {
		err = notFound("queue")
	}
	if err != nil && !errors.Is(err, errStale) {
		return directory.Queue{}, err
	}
	return queueOf(t, w, it), nil
}

func (s deliveryStore) ReleaseQueue(ctx context.Context, q directory.Queue) error {
	k := schema.QueueKey(q.Tenant, q.Webhook)
	mine := when("#holder = :me AND #rev = :rev", item{":me": str(q.Holder), ":rev": num(q.Revision)})
	var err error
	if q.DueAt.IsZero() {
		meter.Count(ctx, 0, 1)
		err = s.eraseIf(ctx, "end queue", k, mine)
	} else {
		meter.Count(ctx, 0, 2) // its entry in the index is replaced
		_, err = s.change(ctx, "release queue", k, edit{
			set: item{"due": str(schema.DueQueues(q.Tenant, q.Webhook)), "dueAt": str(schema.DueText(q.DueAt)), "failures": num(q.Failures),
				"status": num(q.Status), "cause": str(q.Cause)},
			remove: []string{"holder", "until"},
		}, mine)
	}
	if errors.Is(err, errStale) {
		return conflict("the queue has changed")(nil)
	}
	return err
}

// ResumeQueue implements directory.Deliveries. The queue comes last, so that who looks at it finds all of them due.
func (s deliveryStore) ResumeQueue(ctx context.Context, t directory.TenantID, w directory.WebhookID, now time.Time) error {
	later := span{pk: schema.Places(t, w), lo: schema.DueText(now.Add(time.Millisecond)), limit: 100}
	for {
		marks, _, err := s.query(ctx, later)
		if err != nil {
			return err
		}
		if len(marks) == 0 {
			break
		}
		ds, _, err := s.marked(ctx, t, marks)
		if err != nil {
			return err
		}
		var moves []func(context.Context) error
		for _, d := range ds {
			was := d.DueAt
			d.DueAt = now
			moves = append(moves, func(ctx context.Context) error { return s.FinishDelivery(ctx, t, d, was) })
		}
		if err := meter.Parallel(ctx, moves...); err != nil {
			return err
		}
	}
	e := queueDue(t, directory.Delivery{Webhook: w, DueAt: now})
	e.set["failures"] = num(0)
	meter.Count(ctx, 0, 2) // its entry in the index is replaced
	_, err := s.change(ctx, "resume queue", schema.QueueKey(t, w), e, always)
	return err
}

// due reads the keys of what is due from the shards of the due index, the longest due first.
func (s *Store) due(ctx context.Context, shards int, shard func(int) string, now time.Time, count int) ([]item, error) {
	all, err := s.shards(ctx, shards, func(ctx context.Context, i int) ([]item, error) {
		its, _, err := s.query(ctx, span{pk: shard(i), index: indexDue, hi: schema.DueText(now), limit: count})
		return its, err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(text(a, "dueAt"), text(b, "dueAt")) })
	return all[:min(count, len(all))], nil
}

func (s deliveryStore) DueDeliveries(ctx context.Context, now time.Time, count int) (out []directory.DueDelivery, err error) {
	its, err := s.due(ctx, schema.DeliveryShards, schema.DueDeliveries, now, count)
	return dueOf(its), err
}

// dueOf names the deliveries of keys.
func dueOf(its []item) (out []directory.DueDelivery) {
	for _, it := range its {
		out = append(out, directory.DueDelivery{Tenant: schema.TenantOfDelivery(text(it, "PK")), ID: directory.DeliveryID(text(it, "SK"))})
	}
	return out
}

// DropDeliveries implements directory.Deliveries: the table expires them itself.
func (s deliveryStore) DropDeliveries(context.Context, time.Time, int) (int, error) { return 0, nil }
