package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

// EntriesAfter implements directory.Log.
func (s *Store) EntriesAfter(ctx context.Context, t directory.TenantID, p directory.ProviderID, after, before string, count int) (out []directory.LogEntry, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT entry FROM log WHERE tenant = ?1 AND provider = ?2 AND position > ?3 AND (?4 = '' OR position < ?4) ORDER BY position LIMIT ?5+0`,
			func(r *sqlite.Stmt) error {
				var e directory.LogEntry
				err := decode(columnBytes(r, 0), &e)
				out = append(out, e)
				return err
			}, string(t), string(p), after, before, count)
	})
	return out, err
}

// AppendEntry implements directory.Log.
func (s *Store) AppendEntry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	return s.write(ctx, func() error { return s.append(t, e) })
}

// DropEntries implements directory.Log.
func (s *Store) DropEntries(ctx context.Context, t directory.TenantID, p directory.ProviderID, before time.Time, count int) (n int, err error) {
	err = s.write(ctx, func() error {
		err := s.exec(`DELETE FROM log WHERE seq IN (
			SELECT seq FROM log WHERE tenant = ? AND provider = ? AND position < ?
			AND seq <= (SELECT seq FROM followed) AND seq NOT IN (SELECT seq FROM unfollowed) ORDER BY position LIMIT ?+0)`, nil,
			string(t), string(p), directory.LogEntry{At: before}.Position(), count)
		n = s.conn.Changes()
		return err
	})
	return n, err
}

func (s *Store) chain(t directory.TenantID, p directory.ProviderID) (h directory.ChainHead, err error) {
	h.Provider = p
	err = s.exec(`SELECT head FROM chains WHERE tenant = ? AND provider = ?`,
		func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), &h) }, string(t), string(p))
	return h, err
}

// Chain implements directory.Ledger.
func (s *Store) Chain(ctx context.Context, t directory.TenantID, p directory.ProviderID) (h directory.ChainHead, err error) {
	err = s.read(ctx, func() error {
		h, err = s.chain(t, p)
		return err
	})
	return h, err
}

// Chains implements directory.Ledger.
func (s *Store) Chains(ctx context.Context, t directory.TenantID) (out []directory.ChainHead, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT head FROM chains WHERE tenant = ? ORDER BY provider`, func(r *sqlite.Stmt) error {
			var h directory.ChainHead
			err := decode(columnBytes(r, 0), &h)
			out = append(out, h)
			return err
		}, string(t))
	})
	return out, err
}

// AppendBlock implements directory.Ledger.
func (s *Store) AppendBlock(ctx context.Context, t directory.TenantID, p directory.ProviderID, b directory.Block, settled []string) error {
	return s.write(ctx, func() error {
		h, err := s.chain(t, p)
		if err != nil {
			return err
		}
		if h.Seq+1 != b.Seq {
			return directory.Errorf(directory.Conflict, "the chain has moved on")
		}
		h = h.Next(b)
		head, err := encode(h)
		if err != nil {
			return err
		}
		if err := s.exec(`INSERT INTO chains (tenant, provider, seq, head) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET seq = ?3, head = ?4`,
			nil, string(t), string(p), h.Seq, head); err != nil {
			return err
		}
		for _, position := range settled {
			if err := s.exec(`UPDATE late SET settled = 1 WHERE tenant = ? AND provider = ? AND position = ?`, nil, string(t), string(p), position); err != nil {
				return err
			}
		}
		return s.putBlock(t, p, b)
	})
}

func (s *Store) putBlock(t directory.TenantID, p directory.ProviderID, b directory.Block) error {
	block, err := encode(b)
	if err != nil {
		return err
	}
	return s.exec(`INSERT INTO blocks (tenant, provider, seq, block) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET block = ?4`,
		nil, string(t), string(p), b.Seq, block)
}

func (s *Store) blocks(t directory.TenantID, p directory.ProviderID, from int64, count int) (out []directory.Block, err error) {
	err = s.exec(`SELECT block FROM blocks WHERE tenant = ? AND provider = ? AND seq >= ? ORDER BY seq LIMIT ?+0`, func(r *sqlite.Stmt) error {
		var b directory.Block
		err := decode(columnBytes(r, 0), &b)
		out = append(out, b)
		return err
	}, string(t), string(p), from, count)
	return out, err
}

// Blocks implements directory.Ledger.
func (s *Store) Blocks(ctx context.Context, t directory.TenantID, p directory.ProviderID, from int64, count int) (out []directory.Block, err error) {
	err = s.read(ctx, func() error {
		out, err = s.blocks(t, p, from, count)
		return err
	})
	return out, err
}

// AddLate implements directory.Ledger.
func (s *Store) AddLate(ctx context.Context, t directory.TenantID, p directory.ProviderID, position string) error {
	return s.write(ctx, func() error {
		return s.exec(`INSERT OR IGNORE INTO late (tenant, provider, position, settled) VALUES (?,?,?,0)`, nil, string(t), string(p), position)
	})
}

// Late implements directory.Ledger.
func (s *Store) Late(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) (out []string, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT position FROM late WHERE tenant = ? AND provider = ? AND settled = 0 ORDER BY position LIMIT ?+0`, func(r *sqlite.Stmt) error {
			out = append(out, r.ColumnText(0))
			return nil
		}, string(t), string(p), count)
	})
	return out, err
}

// EraseEntry implements directory.Ledger.
func (s *Store) EraseEntry(ctx context.Context, t directory.TenantID, stub directory.LogEntry, block int64) error {
	return s.write(ctx, func() error {
		found := false
		err := s.exec(`SELECT 1 FROM log WHERE tenant = ? AND provider = ? AND position = ?`, func(*sqlite.Stmt) error {
			found = true
			return nil
		}, string(t), string(stub.Provider), stub.Position())
		if err == nil && !found {
			err = notFound("log entry")
		}
		if err != nil {
			return err
		}
		bs, err := s.blocks(t, stub.Provider, block, 1)
		if err != nil {
			return err
		}
		if err := s.exec(`UPDATE log SET entry = ? WHERE tenant = ? AND provider = ? AND position = ?`, nil,
			stub.AppendJSON(nil), string(t), string(stub.Provider), stub.Position()); err != nil {
			return err
		}
		if block == 0 || len(bs) == 0 || bs[0].Seq != block {
			return nil
		}
		return s.putBlock(t, stub.Provider, bs[0].Unsalted(stub.Position()))
	})
}
