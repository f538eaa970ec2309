package sqlite

import "rollcall/shared/directory"

// seen keeps users as ReadUser last found them, with their groups: directories read a user again and again,
// and before each change. Whoever writes a user's row or membership forgets the user, in the same
// transaction; only reads outside of transactions fill it, so it holds nothing that was never committed.
type seen map[seenKey]directory.UserView

type seenKey struct {
	home string
	id   directory.ScimID
}

// maxSeen is how many are kept: some 8 MB.
const maxSeen = 4096

func (s seen) keep(h string, v directory.UserView) {
	if len(s) >= maxSeen {
		for k := range s {
			delete(s, k) // any
			break
		}
	}
	s[seenKey{h, v.ScimID}] = v
}

func (s seen) forget(h string, id directory.ScimID) { delete(s, seenKey{h, id}) }
