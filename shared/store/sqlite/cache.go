package sqlite

import "rollcall/shared/directory"

// userCache keeps users as ReadUser last returned them, with their groups: directories read a user again and again,
// also before each change. A transaction that writes a user's row or membership forgets the user. A replaced row is
// cached once its transaction has committed, so the cache never has uncommitted data.
type userCache struct {
	users    map[cacheKey]directory.UserView
	replaced map[cacheKey]directory.UserView // by the running transaction
}

type cacheKey struct {
	home string
	id   directory.ScimID
}

// maxCached limits the users in the cache: about 8 MB.
const maxCached = 4096

func newUserCache() userCache {
	return userCache{map[cacheKey]directory.UserView{}, map[cacheKey]directory.UserView{}}
}

func (c userCache) get(h string, id directory.ScimID) (directory.UserView, bool) {
	v, ok := c.users[cacheKey{h, id}]
	return v, ok
}

func (c userCache) keep(h string, v directory.UserView) {
	if len(c.users) >= maxCached {
		for k := range c.users {
			delete(c.users, k) // any one
			break
		}
	}
	c.users[cacheKey{h, v.ScimID}] = v
}

// replace caches u with the groups of the user it replaces, once the transaction has committed.
func (c userCache) replace(h string, u directory.User) {
	k := cacheKey{h, u.ScimID}
	v, ok := c.users[k]
	if !ok {
		v, ok = c.replaced[k]
	}
	c.forget(h, u.ScimID)
	if ok {
		v.User = u
		c.replaced[k] = v
	}
}

func (c userCache) forget(h string, id directory.ScimID) {
	delete(c.users, cacheKey{h, id})
	delete(c.replaced, cacheKey{h, id})
}

func (c userCache) forgetAll() {
	clear(c.users)
	clear(c.replaced)
}

// finish ends a transaction.
func (c userCache) finish(committed bool) {
	if committed {
		for k, v := range c.replaced {
			c.users[k] = v
		}
	}
	clear(c.replaced)
}
