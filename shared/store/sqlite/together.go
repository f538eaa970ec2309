package sqlite

import (
	"context"
	"errors"
	"sync"
)

// unit is a running call of Together: a transaction that has the connection until it ends.
type unit struct {
	mu     sync.Mutex // of its methods, which several goroutines may call
	over   bool
	wrote  bool
	failed error // SQLite has ended the transaction by itself: nothing in it is stored
}

// unitKey is the key under which a context has the unit of a store.
type unitKey struct{ *Store }

// unitOf returns the unit that ctx was made for, running or not.
func (s *Store) unitOf(ctx context.Context) *unit {
	u, _ := ctx.Value(unitKey{s}).(*unit)
	return u
}

// do runs fn in the unit, and reports whether it is still running.
func (u *unit) do(fn func() error) (open bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.over:
		return false, nil
	case u.failed != nil:
		return true, u.failed
	}
	return true, fn()
}

// endUnit commits a unit, or undoes it if its function returned err.
func (s *Store) endUnit(u *unit, err error) error {
	u.mu.Lock()
	u.over = true
	u.mu.Unlock()
	s.unit = nil
	err = errors.Join(err, u.failed)
	if err == nil && u.wrote && s.step != nil {
		err = s.step("commit")
	}
	if s.memory {
		return errors.Join(err, s.commitUnit())
	}
	if err == nil {
		if err = s.commitUnit(); err == nil {
			return nil
		}
	}
	s.recent.finish(false)
	s.stale = true
	for t := range s.rules { // what was read in it must not be believed
		s.rules[t]++
	}
	if settleErr := s.settle(); settleErr != nil {
		s.stale = true // the next call tries again
	}
	return err
}

func (s *Store) commitUnit() error {
	if s.broken != nil {
		return nil // the error that broke it was returned
	}
	err := s.exec("COMMIT", nil)
	if err != nil && s.memory {
		s.broken = err
	}
	if err == nil {
		s.recent.finish(true)
	}
	return err
}

// part runs fn as a part of a unit: if it fails, it changes nothing, and the unit goes on.
func (s *Store) part(u *unit, fn func() error) (err error) {
	if !s.memory {
		if err := s.exec("SAVEPOINT part", nil); err != nil {
			return err
		}
	}
	s.wrote = false
	written := s.recent.written()
	err = errPanicked
	defer func() { err = s.endPart(u, written, err) }()
	if err = fn(); err == nil && s.wrote && s.step != nil {
		err = s.step("commit")
	}
	return err
}

func (s *Store) endPart(u *unit, written int, err error) error {
	if err == nil {
		u.wrote = u.wrote || s.wrote
		if !s.memory {
			err = s.exec("RELEASE part", nil)
		}
	}
	s.totals.finish(err == nil)
	s.cache.finish(err == nil)
	switch {
	case err == nil:
		return nil
	case s.memory && s.wrote:
		s.broken, u.failed = err, err
		return err
	case s.memory:
		return err
	}
	s.recent.cut(written)
	if s.conn.AutocommitEnabled() { // some errors end the transaction
		u.failed = err
		return err
	}
	if undo := errors.Join(s.exec("ROLLBACK TO part", nil), s.exec("RELEASE part", nil)); undo != nil {
		u.failed = errors.Join(err, undo)
		return u.failed
	}
	return err
}
