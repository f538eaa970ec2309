package lifecycle_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"rollcall/shared/directory"
)

// seen is the result of a call: whether an event was accepted, or the account that was read.
type seen struct {
	ok    bool
	state account
}

// linear is the model in the form that porcupine needs. The delay is a millisecond, and each reading advances the clock
// by one: every pending deactivation is due.
var linear = porcupine.NondeterministicModel{
	Init: func() []any { return []any{account{life: 'A', idp: 'T'}} },
	Step: func(state, input, output any) []any {
		s, event, out := state.(account), input.(string), output.(seen)
		if event == "read" {
			if s != out.state {
				return nil
			}
			return []any{s}
		}
		event, missed := strings.CutSuffix(event, mayMiss)
		next, ok := s.after(event)
		if ok != out.ok {
			return nil
		}
		if next.pend == 1 {
			next.pend = 2
		}
		if missed && next != s {
			return []any{next, s}
		}
		return []any{next}
	},
	DescribeOperation: func(input, output any) string {
		out := output.(seen)
		if input != "read" {
			return fmt.Sprint(input, " ", out.ok)
		}
		return out.state.String()
	},
}

// mayMiss marks a wake-up that may have no effect: on an eventually consistent due index, such as DynamoDB's, it may miss
// a user who is changing at the same moment. The sweep does not.
const mayMiss = ", may miss"

// TestRacesHaveAnOrder lets callers race on one account: a directory that enables it and a wake-up, two administrators,
// a directory and administrators. All results together must have an order that the model allows.
func TestRacesHaveAnOrder(t *testing.T) {
	t.Parallel()
	scim := []string{"scim enable", "scim disable", "scim enable", "scim disable", "scim attribute"}
	admin := []string{"block", "unblock", "deactivate", "deactivate-and-block", "reactivate", "reactivate-and-unblock", "cancel-deactivation",
		"hold", "release"}
	for name, callers := range map[string][][]string{
		"enable and wake-up":   {scim, {"fire"}, {"fire"}},
		"two administrators":   {admin, admin},
		"SCIM, administrators": {append(scim, "scim delete"), admin, admin, {"fire"}},
	} {
		for store, open := range stores {
			t.Run(name+" in "+store, func(t *testing.T) {
				t.Parallel()
				rounds := 150
				if store == "DynamoDB" {
					rounds = 4
				}
				ports, model := open(t), linear.ToModel()
				for round := range rounds {
					history := race(ports, callers, uint64(round), store == "DynamoDB")
					if !porcupine.CheckOperations(model, history) {
						for _, o := range history {
							t.Log(o.Call, o.Return, linear.DescribeOperation(o.Input, o.Output))
						}
						t.Fatalf("round %d: no order of these calls explains their results", round)
					}
				}
			})
		}
	}
}

// hesitant yields between a caller's read and its write, so that other callers can run in between.
type hesitant struct{ directory.Users }

func (h hesitant) hesitate() {
	for range 1_000 {
		runtime.Gosched()
	}
}

func (h hesitant) ReadUser(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.ScimID, want directory.UserWant, admit directory.Admit,
) (directory.UserView, error) {
	defer h.hesitate()
	return h.Users.ReadUser(ctx, t, p, id, want, admit)
}

func (h hesitant) UserByID(ctx context.Context, t directory.TenantID, id directory.UserID) (directory.UserView, error) {
	defer h.hesitate()
	return h.Users.UserByID(ctx, t, id)
}

// race lets each caller carry out random ones of its events and read the account after each. eventual says that the
// store's due index is eventually consistent.
func race(ports directory.Ports, callers [][]string, seed uint64, eventual bool) []porcupine.Operation {
	ports.Users = hesitant{ports.Users}
	p := newPerson(ports, "active")
	p.setDelay(time.Millisecond, false)
	var ticks atomic.Int64
	var mu sync.Mutex
	var history []porcupine.Operation
	call := func(client int, event string, do func() seen) {
		o := porcupine.Operation{ClientId: client, Input: event, Call: ticks.Add(1)}
		o.Output = do()
		o.Return = ticks.Add(1)
		mu.Lock()
		defer mu.Unlock()
		history = append(history, o)
	}
	const steps = 5
	var wg sync.WaitGroup
	for client, events := range callers {
		r := rand.New(rand.NewPCG(seed, uint64(client)))
		wg.Go(func() {
			for range steps {
				event := events[r.IntN(len(events))]
				shown := event
				if eventual && event == "fire" {
					shown += mayMiss
				}
				call(client, shown, func() seen { return seen{ok: p.do(event, p.user())} })
				call(client, "read", func() seen {
					s := p.state()
					if s.pend == 1 {
						s.pend = 2
					}
					return seen{state: s}
				})
			}
		})
	}
	wg.Wait()
	return history
}
