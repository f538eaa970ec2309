package sqlite

import "rollcall/shared/directory"

// seen keeps users as ReadUser last found them, with their groups: directories read a user again and again,
// and before each change. Whoever writes a user's row or membership forgets the user in the same transaction.
// A row that was replaced is kept in place of the old one once its transaction has committed: so seen never
// holds what was not.
type seen struct {
	users    map[seenKey]directory.UserView
	replaced map[seenKey]directory.UserView // by the running transaction
}

type seenKey struct {
	home string
	id   directory.ScimID
}

// maxSeen is how many are kept: some 8 MB.
const maxSeen = 4096

func newSeen() seen {
	return seen{map[seenKey]directory.UserView{}, map[seenKey]directory.UserView{}}
}

func (s seen) get(h string, id directory.ScimID) (directory.UserView, bool) {
	v, ok := s.users[seenKey{h, id}]
	return v, ok
}

func (s seen) keep(h string, v directory.UserView) {
	if len(s.users) >= maxSeen {
		for k := range s.users {
			delete(s.users, k) // any
			break
		}
	}
	s.users[seenKey{h, v.ScimID}] = v
}

// replace takes u for the user of the same home and id, whose groups stay.
func (s seen) replace(h string, u directory.User) {
	k := seenKey{h, u.ScimID}
	v, ok := s.users[k]
	if !ok {
		v, ok = s.replaced[k]
	}
	s.forget(h, u.ScimID)
	if ok {
		v.User = u
		s.replaced[k] = v
	}
}

func (s seen) forget(h string, id directory.ScimID) {
	delete(s.users, seenKey{h, id})
	delete(s.replaced, seenKey{h, id})
}

func (s seen) forgetAll() {
	clear(s.users)
	clear(s.replaced)
}

// settle ends what a transaction has replaced.
func (s seen) settle(committed bool) {
	if committed {
		for k, v := range s.replaced {
			s.users[k] = v
		}
	}
	clear(s.replaced)
}
