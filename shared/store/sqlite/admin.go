package sqlite

import (
	"context"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// SearchUsers implements directory.Users: a walk over the homes of the tenant.
func (s *Store) SearchUsers(ctx context.Context, t directory.TenantID, q directory.UserSearch) (out []directory.User, next string, err error) {
	h, uid, _ := strings.Cut(q.After, " ")
	if q.After == "" {
		h = home(t, "", false)
	} else if !strings.HasPrefix(h, string(t)+"/") {
		return nil, "", directory.Errorf(directory.Invalid, "no position of a search in this tenant")
	}
	for seen := 0; seen < directory.MaxWalk && len(out) < q.Count; {
		var homes []string
		var us []directory.User
		err := s.read(ctx, func() error {
			return s.exec(`SELECT `+userColumns+`, home FROM users WHERE (home, uid) > (?, ?) AND home < ? ORDER BY home, uid LIMIT 500`, func(r *sqlite.Stmt) error {
				u, err := scanUser(r)
				us, homes = append(us, u), append(homes, r.ColumnText(14))
				return err
			}, h, uid, string(t)+"0") // "0" follows "/"
		})
		if err != nil || len(us) == 0 {
			return out, "", err
		}
		for i, u := range us {
			if h, uid = homes[i], string(u.ID); !q.Matches(u) {
				continue
			}
			if out = append(out, u); len(out) == q.Count {
				break
			}
		}
		seen += len(us)
	}
	return out, h + " " + uid, nil
}

// UpdateCollision implements directory.Collisions.
func (s *Store) UpdateCollision(ctx context.Context, t directory.TenantID, id string, update func(directory.Collision) (directory.Collision, *directory.LogEntry, error)) (c directory.Collision, err error) {
	err = s.write(ctx, func() error {
		var old directory.Collision
		if err := s.exec(`SELECT record FROM collisions WHERE tenant = ? AND id = ?`,
			func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), &old) }, string(t), id); err != nil {
			return err
		}
		var e *directory.LogEntry
		if c, e, err = update(old); err != nil {
			return err
		}
		b, err := encode(c)
		if err != nil {
			return err
		}
		if err := s.exec(`INSERT INTO collisions (tenant, id, state, record) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET state = ?3, record = ?4`,
			nil, string(t), id, string(c.State), b); err != nil || e == nil {
			return err
		}
		return s.append(t, *e)
	})
	return c, err
}

// ListCollisions implements directory.Collisions.
func (s *Store) ListCollisions(ctx context.Context, t directory.TenantID, state directory.CollisionState, after string, count int) (out []directory.Collision, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT record FROM collisions WHERE tenant = ? AND id > ? AND (? = '' OR state = ?) ORDER BY id LIMIT ?+0`, func(r *sqlite.Stmt) error {
			var c directory.Collision
			err := decode(columnBytes(r, 0), &c)
			out = append(out, c)
			return err
		}, string(t), after, string(state), string(state), count)
	})
	return out, err
}

// CreateAPIKey implements directory.APIKeys.
func (s *Store) CreateAPIKey(ctx context.Context, t directory.TenantID, k directory.APIKey, e directory.LogEntry) error {
	return s.write(ctx, func() error {
		b, err := encode(k)
		if err != nil {
			return err
		}
		if err := s.exec(`INSERT INTO api_keys (tenant, id, hash, record) VALUES (?,?,?,?)`, nil, string(t), k.ID, k.Hash[:], b); err != nil {
			return err
		}
		return s.append(t, e)
	})
}

func (s *Store) apiKeys(query string, args ...any) (out []directory.APIKey, err error) {
	err = s.exec(query, func(r *sqlite.Stmt) error {
		var k directory.APIKey
		err := decode(columnBytes(r, 0), &k)
		out = append(out, k)
		return err
	}, args...)
	return out, err
}

// APIKeyByHash implements directory.APIKeys.
func (s *Store) APIKeyByHash(ctx context.Context, t directory.TenantID, h directory.TokenHash) (k directory.APIKey, err error) {
	err = s.read(ctx, func() error {
		ks, err := s.apiKeys(`SELECT record FROM api_keys WHERE hash = ? AND tenant = ?`, h[:], string(t))
		if err == nil && len(ks) == 0 {
			err = notFound("API key")
		}
		if err == nil {
			k = ks[0]
		}
		return err
	})
	return k, err
}

// ListAPIKeys implements directory.APIKeys.
func (s *Store) ListAPIKeys(ctx context.Context, t directory.TenantID) (ks []directory.APIKey, err error) {
	err = s.read(ctx, func() error {
		ks, err = s.apiKeys(`SELECT record FROM api_keys WHERE tenant = ? ORDER BY id`, string(t))
		return err
	})
	return ks, err
}

// UpdateAPIKey implements directory.APIKeys.
func (s *Store) UpdateAPIKey(ctx context.Context, t directory.TenantID, id string, update func(directory.APIKey) (directory.APIKey, *directory.LogEntry, error)) (k directory.APIKey, err error) {
	err = s.write(ctx, func() error {
		ks, err := s.apiKeys(`SELECT record FROM api_keys WHERE tenant = ? AND id = ?`, string(t), id)
		if err == nil && len(ks) == 0 {
			err = notFound("API key")
		}
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if k, e, err = update(ks[0]); err != nil || e == nil {
			return err
		}
		b, err := encode(k)
		if err != nil {
			return err
		}
		if err := s.exec(`UPDATE api_keys SET record = ? WHERE tenant = ? AND id = ?`, nil, b, string(t), id); err != nil {
			return err
		}
		return s.append(t, *e)
	})
	return k, err
}

// BeginReplay implements directory.Replays.
func (s *Store) BeginReplay(ctx context.Context, t directory.TenantID, r directory.Replay, now time.Time) (old directory.Replay, found bool, err error) {
	err = s.write(ctx, func() error {
		err := s.exec(`SELECT request, answer, expires FROM replays WHERE tenant = ? AND key = ? AND expires > ?`, func(row *sqlite.Stmt) error {
			found = true
			old = directory.Replay{Key: r.Key, Request: row.ColumnText(0), Answer: columnBytes(row, 1), Expires: fromMillis(row.ColumnInt64(2))}
			return nil
		}, string(t), r.Key, millis(now))
		if err != nil || found {
			return err
		}
		if err := s.exec(`DELETE FROM replays WHERE expires <= ?`, nil, millis(now)); err != nil {
			return err
		}
		return s.exec(`INSERT INTO replays (tenant, key, request, answer, expires) VALUES (?,?,?,?,?)`, nil, string(t), r.Key, r.Request, blob(r.Answer), millis(r.Expires))
	})
	return old, found, err
}

// FinishReplay implements directory.Replays.
func (s *Store) FinishReplay(ctx context.Context, t directory.TenantID, r directory.Replay) error {
	return s.write(ctx, func() error {
		if r.Answer == nil {
			return s.exec(`DELETE FROM replays WHERE tenant = ? AND key = ?`, nil, string(t), r.Key)
		}
		return s.exec(`UPDATE replays SET answer = ?, expires = ? WHERE tenant = ? AND key = ?`, nil, r.Answer, millis(r.Expires), string(t), r.Key)
	})
}
