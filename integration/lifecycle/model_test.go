package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"
)

// account is the model of one account: an independent implementation of the rules under "Leaving" in docs/data-model.md.
type account struct {
	life       byte // A active, D deactivated
	idp        byte // T active, F inactive, G removed, L local
	adm, hold  bool
	pend       int // 0 none, 1 not due, 2 due
	frz, guard bool
}

func (s account) String() string {
	return fmt.Sprintf("%c%c adm=%t hold=%t pend=%d frz=%t guard=%t", s.life, s.idp, s.adm, s.hold, s.pend, s.frz, s.guard)
}

func (s account) deactivated() account { s.life, s.pend, s.frz = 'D', 0, false; return s }

func (s account) completedIfDue() account {
	if s.pend == 2 && !s.hold && !s.frz {
		return s.deactivated()
	}
	return s
}

func (s account) scheduled(pend int) account {
	if s.life == 'D' || s.pend > 0 {
		return s
	}
	s.pend, s.frz = pend, s.guard
	return s.completedIfDue()
}

func (s account) cancelled() account { s.pend, s.frz = 0, false; return s }

// local returns an account that the directory removed as a local one.
func (s account) local() account {
	if s.idp == 'G' {
		s.idp = 'L'
	}
	return s
}

// after returns the account after an event, and false if the event is refused.
func (s account) after(event string) (account, bool) {
	if strings.HasPrefix(event, "scim") && (s.idp == 'G' || s.idp == 'L') {
		return s, false
	}
	pend := 1
	if strings.HasSuffix(event, " immediately") {
		pend = 2
	}
	switch strings.TrimSuffix(event, " immediately") {
	case "scim enable":
		if s.idp != 'T' {
			s = s.cancelled()
			s.life, s.idp = 'A', 'T'
		}
	case "scim disable":
		if s.idp != 'F' {
			s.idp = 'F'
			s = s.scheduled(pend)
		}
	case "scim delete":
		s.idp = 'G'
		s = s.scheduled(pend)
	case "recreate":
		if s.idp != 'G' {
			return s, false
		}
		s = s.cancelled()
		s.life, s.idp = 'A', 'T'
	case "recreate inactive":
		if s.idp != 'G' {
			return s, false
		}
		s.idp = 'F'
	case "block":
		s.adm = true
	case "unblock":
		s.adm = false
		s = s.cancelled().local()
	case "cancel-deactivation":
		if s.pend == 0 {
			return s, false
		}
		s = s.cancelled()
		s.adm = true
	case "deactivate", "deactivate-and-block":
		if s.hold {
			return s, false
		}
		if s.life == 'A' {
			s = s.deactivated()
		}
		s.adm = s.adm || event == "deactivate-and-block"
	case "reactivate", "reactivate-and-unblock":
		if s.life == 'A' {
			return s, false
		}
		s.life = 'A'
		s = s.local()
		s.adm = s.adm && event == "reactivate"
	case "hold":
		if s.life == 'D' {
			return s, false
		}
		s.hold = true
	case "release":
		if !s.hold {
			return s, false
		}
		s.hold = false
		s = s.completedIfDue()
	case "time", "delay shorter":
		if s.pend == 1 {
			s.pend = 2
		}
	case "delay longer":
		if s.pend == 2 {
			s.pend = 1
		}
	case "fire", "sweep":
		s = s.completedIfDue()
	case "guard trips":
		s.guard, s.frz = true, s.pend > 0
	case "guard approved":
		if s.guard {
			if s.guard = false; s.frz && s.pend == 2 {
				s.pend = 1 // a minute to withdraw the decision
			}
			s.frz = false
		}
	case "guard rejected":
		if s.guard {
			if s.guard = false; s.frz {
				if s = s.cancelled(); s.idp == 'G' {
					s.idp = 'F'
				}
			}
		}
	case "scim attribute", "stale fire":
	default:
		panic(event)
	}
	return s, true
}

// broken returns the invariant that the step from s to t by an event violates, or "".
func (s account) broken(event string, t account) string {
	signin := t.life == 'A' && !t.adm && t.pend == 0
	scim := strings.HasPrefix(event, "scim") || strings.HasPrefix(event, "recreate")
	switch {
	case scim && s.adm && !t.adm:
		return "SCIM lifted an administrator's block"
	case t.hold && t.life == 'D':
		return "deactivated on hold"
	case s.idp == 'T' && (strings.HasPrefix(event, "scim disable") || strings.HasPrefix(event, "scim delete")) && signin:
		return "a leaver may sign in"
	case s.frz && t.life == 'D' && !strings.HasPrefix(event, "deactivate"):
		return "deactivated while frozen"
	case t.pend > 0 && t.life != 'A':
		return "pending but not active"
	case t.frz && t.pend == 0:
		return "frozen without pending"
	case t.idp == 'G' && t.life == 'A' && t.pend == 0 && signin:
		return "removed, active and not local"
	}
	return ""
}

// TestModelKeepsItsInvariants checks every reachable state of the model.
func TestModelKeepsItsInvariants(t *testing.T) {
	t.Parallel()
	events := append([]string{"scim disable immediately", "scim delete immediately"}, allEvents...)
	todo := []account{{life: 'A', idp: 'T'}, {life: 'D', idp: 'F'}, {life: 'A', idp: 'L'}}
	seen := map[account]bool{}
	for len(todo) > 0 {
		s := todo[0]
		if todo = todo[1:]; seen[s] {
			continue
		}
		seen[s] = true
		for _, e := range events {
			next, ok := s.after(e)
			if why := s.broken(e, next); why != "" {
				t.Errorf("%v, %s: %s", s, e, why)
			}
			if !ok && next != s {
				t.Errorf("%v, %s: refused, but the account becomes %v", s, e, next)
			}
			todo = append(todo, next)
		}
		if s.pend > 0 { // it completes when nothing holds it any more
			end := s
			for _, e := range []string{"guard approved", "time", "release", "fire"} {
				end, _ = end.after(e)
			}
			if end.life != 'D' {
				t.Errorf("%v never completes: %v", s, end)
			}
		}
		if s.idp == 'F' && s.pend == 2 {
			a, _ := s.after("fire")
			a, _ = a.after("scim enable")
			b, _ := s.after("scim enable")
			b, _ = b.after("fire")
			if a != b {
				t.Errorf("%v: the order of enable and wake-up matters", s)
			}
		}
	}
	t.Logf("%d states", len(seen))
}
