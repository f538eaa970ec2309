package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"rollcall/shared/directory"
)

var replayChapter = []promise{
	{"replays/one begins, the others find it", replays},
	{"replays/a race has one winner", raceReplays},
	{"replays/expired ones are dropped", expiredReplays},
}

func (w *world) begin(key, request string, now time.Time) (directory.Replay, bool) {
	w.Helper()
	r, found, err := w.Replays.BeginReplay(w.ctx, w.tenant, directory.Replay{Key: key, Request: request, Expires: now.Add(time.Hour)}, now)
	w.must(err)
	return r, found
}

// replayNow returns the real time: a store may drop expired replays by its own clock.
func replayNow() time.Time { return time.Now().UTC().Truncate(time.Second) }

func replays(w *world) {
	now := replayNow()
	if _, found := w.begin("a", "r1", now); found {
		w.Error("the first found a record")
	}
	running := directory.Replay{Key: "a", Request: "r1", Expires: now.Add(time.Hour)}
	got, found := w.begin("a", "r2", now.Add(time.Second))
	w.equal("while it runs", got, running)
	w.equal("while it runs", found, true)
	done := running
	done.Answer, done.Expires = []byte{0, 1, 2, 0xff}, now.Add(2*time.Hour)
	w.must(w.Replays.FinishReplay(w.ctx, w.tenant, done))
	got, found = w.begin("a", "r1", now.Add(90*time.Minute))
	w.equal("its answer", got, done)
	w.equal("its answer", found, true)
	if _, found := w.begin("b", "r1", now); found {
		w.Error("another key found the record")
	}
	w.must(w.Replays.FinishReplay(w.ctx, w.tenant, directory.Replay{Key: "b", Request: "r1"}))
	if _, found := w.begin("b", "r3", now); found {
		w.Error("a record without an answer was not removed")
	}
}

func raceReplays(w *world) {
	now := replayNow()
	var won atomic.Int32
	errs := race(racers, func(i int) error {
		old, found, err := w.Replays.BeginReplay(w.ctx, w.tenant,
			directory.Replay{Key: "k", Request: fmt.Sprint(i), Expires: now.Add(time.Hour)}, now)
		if err == nil && !found {
			won.Add(1)
		}
		if found && old.Key != "k" {
			return fmt.Errorf("the record found is %+v", old)
		}
		return err
	})
	w.must(errors.Join(errs...))
	w.equal("winners", won.Load(), int32(1))
}

func expiredReplays(w *world) {
	now := replayNow()
	w.begin("k", "r1", now)
	if _, found := w.begin("k", "r2", now.Add(time.Hour-time.Second)); !found {
		w.Error("dropped before its time")
	}
	if _, found := w.begin("k", "r2", now.Add(time.Hour)); found {
		w.Error("kept after its time")
	}
	got, found := w.begin("k", "r3", now.Add(time.Hour))
	w.equal("the next", got, directory.Replay{Key: "k", Request: "r2", Expires: now.Add(2 * time.Hour)})
	w.equal("the next", found, true)
}

func (x intruder) replaysRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Replays.BeginReplay": func() {
			if r, found := x.begin("key", "mine", v.now); found {
				x.Errorf("BeginReplay found another tenant's record: %+v", r)
			}
		},
		"Replays.FinishReplay": func() {
			x.must(x.Replays.FinishReplay(ctx, t, directory.Replay{Key: "key"}))
			x.must(x.Replays.FinishReplay(ctx, t, directory.Replay{Key: "key", Answer: []byte("x"), Expires: v.now}))
		},
	}
}
