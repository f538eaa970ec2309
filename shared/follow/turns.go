package follow

import (
	"slices"
	"sync"
	"time"

	"rollcall/shared/directory"
)

const (
	senders     = 32 // tries of a process at the same time
	perWebhook  = 2  // tries of a webhook at the same time, always
	mostTries   = 8  // the same while no other webhook waits and its answers are quick
	quickAnswer = time.Second
)

// line is a webhook's queue while this process holds it. The round's lock guards it, except for the secrets.
type line struct {
	queue   directory.Queue
	webhook directory.Webhook
	readAt  time.Time                     // when the webhook was
	waiting []directory.Delivery          // read, and not tried yet
	flying  map[directory.DeliveryID]bool // being tried, until that is noted
	quick   bool                          // the last answer was
	busy    bool                          // it is being leased, read or released
	more    bool                          // there may be deliveries that have not been read
	closed  bool                          // no further tries: when none is in progress, the queue is released
	lost    bool                          // no further tries and no release: another process has it, or will
	resume  time.Time                     // when a released queue is due; zero: when there is something new

	mu      sync.Mutex
	secrets map[string]string // in the clear, by their encrypted form
}

// secret returns a secret in the clear, decrypted once.
func (l *line) secret(encrypted []byte, decrypt func() ([]byte, error)) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if plain, ok := l.secrets[string(encrypted)]; ok {
		return plain, nil
	}
	plain, err := decrypt()
	if err == nil {
		l.secrets[string(encrypted)] = string(plain)
	}
	return string(plain), err
}

// close ends the tries of a line, whose queue is due again at a time.
func (l *line) close(resume time.Time) { l.closed, l.waiting, l.resume = true, nil, resume }

// needsReading reports whether a line that may send lacks deliveries, or may know too little of its webhook.
func (l *line) needsReading(now time.Time) bool {
	return len(l.flying) < l.limit(true) && (len(l.waiting) == 0 && l.more || len(l.waiting) > 0 && now.Sub(l.readAt) >= believed)
}

// limit is how many tries of a line may be in progress; spare ones are those that no other line can use.
func (l *line) limit(spare bool) int {
	switch {
	case l.closed, l.lost:
		return 0
	case l.queue.Failures > 0:
		return 1
	case spare && l.quick:
		return mostTries
	}
	return perWebhook
}

// turns decides which line may send next: tenant by tenant, and of a tenant line by line.
type turns struct {
	tenants []*tenantTurns
}

type tenantTurns struct {
	tenant directory.TenantID
	lines  []*line
}

func (t *turns) add(l *line) {
	i := slices.IndexFunc(t.tenants, func(x *tenantTurns) bool { return x.tenant == l.queue.Tenant })
	if i < 0 {
		i = len(t.tenants)
		t.tenants = append(t.tenants, &tenantTurns{tenant: l.queue.Tenant})
	}
	t.tenants[i].lines = append(t.tenants[i].lines, l)
}

func (t *turns) remove(l *line) {
	for i, x := range t.tenants {
		if j := slices.Index(x.lines, l); j >= 0 {
			if x.lines = slices.Delete(x.lines, j, j+1); len(x.lines) == 0 {
				t.tenants = slices.Delete(t.tenants, i, i+1)
			}
			return
		}
	}
}

// next returns the line whose turn it is and moves it to the end; nil when none may send. may says which can be tried.
func (t *turns) next(may func(*line) bool) *line {
	for _, spare := range []bool{false, true} {
		for i, x := range t.tenants {
			for j, l := range x.lines {
				if len(l.waiting) > 0 && len(l.flying) < l.limit(spare) && may(l) {
					x.lines = append(slices.Delete(x.lines, j, j+1), l)
					t.tenants = append(slices.Delete(t.tenants, i, i+1), x)
					return l
				}
			}
		}
	}
	return nil
}
