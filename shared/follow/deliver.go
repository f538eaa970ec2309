package follow

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"rollcall/shared/directory"
)

const (
	holdFor    = time.Minute      // how long a queue is leased; it is leased again after half of it
	lastTry    = 20 * time.Second // no try starts with less left of the lease: a try takes less
	mostQueues = 500              // held by a process at the same time
	readAhead  = 16               // deliveries of a webhook in memory
	believed   = time.Second      // how long what was read of a webhook is true: it may be paused, moved or deleted
	lookAgain  = 250 * time.Millisecond
	releases   = 5  // tries to release a queue that keeps changing
	noteTries  = 15 // further tries to note the outcome of a try
)

// downFor is how long the deliveries of a webhook wait after its first failure in a row, its second, and so on.
var downFor = []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute}

// Delivered is what DeliverDue did.
type Delivered struct {
	Tried int           // deliveries
	Late  time.Duration // the longest that a queue which was due had waited to be taken up
}

// DeliverDue sends the deliveries of all webhooks that are due, and those that become due meanwhile, until there are none
// or stop returns true. One process at a time sends those of a webhook. A webhook has two tries at a time, up to eight
// while no other one waits for a sender and it answers within a second, and one while it is failing; then its other
// deliveries wait, for one try each pause. Its error is for the log, since failed deliveries are tried again.
func (s *Service) DeliverDue(ctx context.Context, stop func() bool) (Delivered, error) {
	r := &round{s: s, holder: s.rt.NewID(), changed: make(chan struct{}, 1), lines: map[queueKey]*line{}, others: map[queueKey]time.Time{}}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for look := true; ctx.Err() == nil && !stop(); {
		if look || r.idle() {
			found, err := r.look(ctx)
			if r.fault(err) || found == 0 && r.idle() {
				break
			}
			look = false
		}
		r.start(ctx)
		select {
		case <-again.C:
			look = true
		case <-r.changed:
		case <-ctx.Done():
		}
	}
	r.end(ctx)
	return r.done, errors.Join(r.errs...)
}

// round is one run of DeliverDue.
type round struct {
	s       *Service
	holder  string
	changed chan struct{} // receives when there may be something to start
	work    sync.WaitGroup

	mu     sync.Mutex
	lines  map[queueKey]*line
	turns  turns
	others map[queueKey]time.Time // until when queues are left alone: another process has them, or the store failed
	flying int
	done   Delivered
	errs   []error
}

type queueKey struct {
	tenant  directory.TenantID
	webhook directory.WebhookID
}

func keyOf(q directory.Queue) queueKey { return queueKey{q.Tenant, q.Webhook} }

func (r *round) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lines) == 0
}

// fault keeps an error for the log, and reports whether there is one.
func (r *round) fault(err error) bool {
	if err == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
	return true
}

// look takes up the queues that are due, and returns how many.
func (r *round) look(ctx context.Context) (found int, err error) {
	now := r.s.rt.Time()
	r.mu.Lock()
	count := 100 + len(r.lines) + len(r.others)
	r.mu.Unlock()
	due, err := r.s.ports.Deliveries.DueQueues(ctx, now, count)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		l.more = l.more || len(l.flying) > 0 // others may have arrived while a receiver takes its time
	}
	for _, q := range due {
		if r.lines[keyOf(q)] != nil || r.others[keyOf(q)].After(now) || len(r.lines) >= mostQueues {
			continue
		}
		found++
		q = directory.Queue{Tenant: q.Tenant, Webhook: q.Webhook, DueAt: q.DueAt} // another process's lease is not ours
		l := &line{queue: q, flying: map[directory.DeliveryID]bool{}, secrets: map[string]string{}, more: true}
		r.lines[keyOf(q)] = l
		r.turns.add(l)
		r.run(l, func() { r.read(ctx, l) })
	}
	return found, err
}

// run does something with a line that nothing else does at the same time. The lock must be held.
func (r *round) run(l *line, do func()) {
	l.busy = true
	r.work.Go(func() {
		do()
		r.mu.Lock()
		defer r.mu.Unlock()
		l.busy = false
		r.notify()
	})
}

func (r *round) notify() {
	select {
	case r.changed <- struct{}{}:
	default: // start will see this, too
	}
}

// start starts what can be started: tries in turn, and reading, leasing and releasing queues.
func (r *round) start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.s.rt.Time()
	for _, l := range slices.Collect(maps.Values(r.lines)) {
		switch {
		case l.busy:
		case l.lost:
			if len(l.flying) == 0 {
				r.drop(l)
			}
		case len(l.flying) == 0 && (l.closed || len(l.waiting) == 0 && !l.more):
			r.run(l, func() { r.release(ctx, l) })
		case l.needsReading(now), l.queue.Until.Sub(now) < holdFor/2:
			r.run(l, func() { r.read(ctx, l) })
		}
	}
	for r.flying < senders {
		l := r.turns.next(func(l *line) bool { return l.queue.Until.Sub(now) > lastTry && now.Sub(l.readAt) < believed })
		if l == nil {
			return
		}
		d, w, q := l.waiting[0], l.webhook, l.queue
		l.waiting, l.flying[d.ID] = l.waiting[1:], true
		r.flying++
		r.work.Go(func() { r.try(ctx, l, q, w, d) })
	}
}

// drop forgets a line. The lock must be held.
func (r *round) drop(l *line) {
	delete(r.lines, keyOf(l.queue))
	r.turns.remove(l)
}

// lose leaves a queue to other processes, and to this one when its lease has ended.
func (r *round) lose(l *line, err error) {
	if !directory.IsKind(err, directory.NotFound) {
		r.fault(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l.lost, l.waiting = true, nil
	r.others[keyOf(l.queue)] = directory.Latest(l.queue.Until, r.s.rt.Time().Add(lookAgain))
}

// hold leases a queue, and reports whether this process has it.
func (r *round) hold(ctx context.Context, l *line) bool {
	now := r.s.rt.Time()
	q, err := r.s.ports.Deliveries.LeaseQueue(ctx, l.queue.Tenant, l.queue.Webhook, r.holder, now, now.Add(holdFor))
	r.mu.Lock()
	if err == nil {
		if l.queue.Holder == r.holder && !q.DueAt.After(l.queue.DueAt) { // not resumed: what was seen since the first lease is newer
			q.Failures, q.Status, q.Cause = l.queue.Failures, l.queue.Status, l.queue.Cause
		} else if q.Holder == r.holder && l.queue.Holder == "" {
			r.done.Late = max(r.done.Late, now.Sub(q.DueAt))
		}
		l.queue = q
	}
	r.mu.Unlock()
	if err != nil || q.Holder != r.holder {
		r.lose(l, err)
		return false
	}
	return true
}

// read leases a line's queue, if it is not leased for long enough, and reads its webhook and, unless some are waiting,
// what is due.
func (r *round) read(ctx context.Context, l *line) {
	now := r.s.rt.Time()
	if l.queue.Until.Sub(now) < holdFor/2 && !r.hold(ctx, l) {
		return
	}
	r.mu.Lock()
	skip, room, t, id := maps.Clone(l.flying), readAhead, l.queue.Tenant, l.queue.Webhook
	if l.queue.Failures > 0 {
		room = 1
	}
	closed, full := l.closed, len(l.waiting) > 0
	r.mu.Unlock()
	if closed {
		return
	}
	w, err := r.s.ports.Webhooks.Webhook(ctx, t, id)
	gone := directory.IsKind(err, directory.NotFound) || w.State == directory.WebhookEnded
	var ds []directory.Delivery
	var next time.Time
	if err == nil && w.State == directory.WebhookActive && !full {
		ds, next, err = r.s.ports.Deliveries.QueuedDeliveries(ctx, t, id, now, room+len(skip))
	}
	if err != nil && !gone {
		r.lose(l, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l.webhook, l.readAt = w, r.s.rt.Time()
	switch {
	case l.closed, full && !gone && w.State == directory.WebhookActive:
	case gone:
		l.close(time.Time{})
	case w.State != directory.WebhookActive:
		l.queue.Failures = 0 // when it is resumed, it is tried at once
		l.close(now.Add(pausedFor))
	default:
		l.resume, l.more = next, len(ds) == room+len(skip)
		l.waiting = slices.DeleteFunc(ds, func(d directory.Delivery) bool { return skip[d.ID] })
	}
}

// release gives a queue up, unless something new is in it.
func (r *round) release(ctx context.Context, l *line) {
	for range releases {
		r.mu.Lock()
		q := l.queue
		q.DueAt = l.resume
		r.mu.Unlock()
		err := r.s.ports.Deliveries.ReleaseQueue(ctx, q)
		if err == nil {
			r.mu.Lock()
			r.drop(l)
			r.mu.Unlock()
			return
		}
		if !directory.IsKind(err, directory.Conflict) {
			r.lose(l, err)
			return
		}
		if !r.hold(ctx, l) {
			return
		}
		r.mu.Lock()
		l.more = true
		closed := l.closed
		if l.queue.Failures == 0 && l.resume.After(l.queue.DueAt) {
			l.resume = l.queue.DueAt // the webhook may have been resumed
		}
		r.mu.Unlock()
		if !closed {
			return // it is read again
		}
	}
}

// try tries a delivery and notes the outcome.
func (r *round) try(ctx context.Context, l *line, q directory.Queue, w directory.Webhook, d directory.Delivery) {
	began := r.s.rt.Time()
	after := r.s.attempt(ctx, l, q, w, d)
	took := r.s.rt.Time().Sub(began)
	err := ctx.Err() // the answer is unknown
	if err == nil && after.Status == http.StatusGone && after.State == directory.DeliveryDead && after.Tries > d.Tries {
		err = r.s.endWebhook(ctx, q.Tenant, after)
	}
	for n := 0; err == nil; n++ {
		err = r.s.ports.Deliveries.FinishDelivery(ctx, q.Tenant, after, d.DueAt)
		if err == nil || n == noteTries || !directory.IsKind(err, directory.Unavailable) {
			break
		}
		select { // what is not noted would be sent again
		case <-time.After(time.Second):
			err = nil
		case <-ctx.Done():
		}
	}
	if err != nil {
		r.lose(l, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(l, q, d, after, took)
	delete(l.flying, d.ID)
	r.flying--
	r.notify()
}

// note draws the conclusions of a try, with its queue when it began, for its webhook: tries under way together fail as one.
// The lock must be held.
func (r *round) note(l *line, q directory.Queue, d, after directory.Delivery, took time.Duration) {
	now := r.s.rt.Time()
	if after.Tries > d.Tries {
		r.done.Tried++
	}
	switch {
	case after.State == directory.DeliveryDelivered:
		l.quick = took < quickAnswer
		if l.queue.Failures > 0 {
			l.queue.Failures, l.closed, l.more = 0, false, true
		}
	case after.Tries == d.Tries: // given up without a try
		l.more = true
	case after.Status == http.StatusGone && after.State == directory.DeliveryDead:
		l.close(time.Time{})
	default:
		if l.queue.Failures <= q.Failures {
			l.queue.Failures++
		}
		l.queue.Status, l.queue.Cause = after.Status, after.Cause
		l.close(now.Add(downFor[min(l.queue.Failures, len(downFor))-1]))
	}
}

// end lets what is in progress finish, and releases the queues that this process still holds.
func (r *round) end(ctx context.Context) {
	r.mu.Lock()
	now := r.s.rt.Time()
	for _, l := range r.lines {
		if !l.closed {
			l.close(now)
		}
	}
	r.mu.Unlock()
	r.work.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookAgain*releases)
	defer cancel()
	for _, l := range slices.Collect(maps.Values(r.lines)) {
		if !l.lost {
			r.work.Go(func() { r.release(ctx, l) })
		}
	}
	r.work.Wait()
}
