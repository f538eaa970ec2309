package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

func (s *Store) chain(t directory.TenantID, p directory.ProviderID) (h directory.ChainHead, err error) {
	h.Provider = p
	err = s.exec(`SELECT head FROM chains WHERE tenant = ? AND provider = ?`,
		func(r *sqlite.Stmt) error { return decode(columnBytes(r, 0), &h) }, string(t), string(p))
	return h, err
}

// chainStore implements directory.Chains.
type chainStore struct{ *Store }

func (s chainStore) ChainHead(ctx context.Context, t directory.TenantID, p directory.ProviderID) (h directory.ChainHead, err error) {
	err = s.read(ctx, func() error {
		h, err = s.chain(t, p)
		return err
	})
	return h, err
}

func (s chainStore) ChainHeads(ctx context.Context, t directory.TenantID) ([]directory.ChainHead, error) {
	return readRecords[directory.ChainHead](ctx, s.Store, `SELECT head FROM chains WHERE tenant = ? ORDER BY provider`, string(t))
}

func (s chainStore) AppendBlock(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, b directory.Block, settled []string,
) error {
	return s.write(ctx, func() error {
		h, err := s.chain(t, p)
		if err != nil {
			return err
		}
		if h.Seq+1 != b.Seq {
			return directory.Errorf(directory.Conflict, "the chain has moved on")
		}
		h = h.Next(b)
		if err := s.putRecord(`INSERT INTO chains (tenant, provider, seq, head) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET seq `+
			`= ?3, head = ?4`,
			h, string(t), string(p), h.Seq); err != nil {
			return err
		}
		for _, position := range settled {
			if err := s.exec(`UPDATE late SET settled = 1 WHERE tenant = ? AND provider = ? AND position = ?`, nil, string(t), string(p),
				position); err != nil {
				return err
			}
		}
		return s.putBlock(t, p, b)
	})
}

func (s *Store) putBlock(t directory.TenantID, p directory.ProviderID, b directory.Block) error {
	return s.putRecord(`INSERT INTO blocks (tenant, provider, seq, block) VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET block = ?4`,
		b, string(t), string(p), b.Seq)
}

const selectBlocks = `SELECT block FROM blocks WHERE tenant = ? AND provider = ? AND seq >= ? ORDER BY seq LIMIT ?+0`

func (s chainStore) Blocks(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, from int64, count int,
) ([]directory.Block, error) {
	return readRecords[directory.Block](ctx, s.Store, selectBlocks, string(t), string(p), from, count)
}

func (s chainStore) AddLate(ctx context.Context, t directory.TenantID, p directory.ProviderID, position string) error {
	return s.write(ctx, func() error {
		return s.exec(`INSERT OR IGNORE INTO late (tenant, provider, position, settled) VALUES (?,?,?,0)`, nil, string(t), string(p), position)
	})
}

func (s chainStore) Late(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) (out []string, err error) {
	err = s.read(ctx, func() error {
		return s.exec(`SELECT position FROM late WHERE tenant = ? AND provider = ? AND settled = 0 ORDER BY position LIMIT ?+0`,
			func(r *sqlite.Stmt) error {
				out = append(out, r.ColumnText(0))
				return nil
			}, string(t), string(p), count)
	})
	return out, err
}

func (s chainStore) MarkGrown(ctx context.Context, t directory.TenantID, p directory.ProviderID, due time.Time) error {
	return s.write(ctx, func() error {
		return s.exec(`INSERT INTO grown_chains (tenant, provider, due, last, version) VALUES (?1,?2,?3,?3,1) ON CONFLICT DO UPDATE `+
			`SET due = min(due, ?3), last = max(last, ?3), version = version + 1`, nil, string(t), string(p), millis(due))
	})
}

func (s chainStore) GrownChains(
	ctx context.Context, now time.Time, after directory.GrownChain, count int,
) (out []directory.GrownChain, err error) {
	from := int64(0)
	if !after.Due.IsZero() {
		from = millis(after.Due)
	}
	err = s.read(ctx, func() error {
		return s.exec(`SELECT tenant, provider, due, last, version FROM grown_chains WHERE due <= ?1 AND (due, tenant, provider) > (?2, ?3, ?4) `+
			`ORDER BY due, tenant, provider LIMIT ?5+0`,
			func(r *sqlite.Stmt) error {
				out = append(out, directory.GrownChain{
					Tenant: directory.TenantID(r.ColumnText(0)), Provider: directory.ProviderID(r.ColumnText(1)), Due: fromMillis(r.ColumnInt64(2)),
					Last: fromMillis(r.ColumnInt64(3)), Version: r.ColumnInt64(4),
				})
				return nil
			}, millis(now), from, string(after.Tenant), string(after.Provider), count)
	})
	return out, err
}

func (s chainStore) ClearGrown(ctx context.Context, g directory.GrownChain, next time.Time) error {
	return s.write(ctx, func() error {
		if next.IsZero() {
			return s.exec(`DELETE FROM grown_chains WHERE tenant = ? AND provider = ? AND version = ? AND due = ?`, nil,
				string(g.Tenant), string(g.Provider), g.Version, millis(g.Due))
		}
		return s.exec(`UPDATE grown_chains SET due = ?5, last = ?5, version = version + 1 WHERE tenant = ?1 AND provider = ?2 `+
			`AND version = ?3 AND due = ?4`, nil, string(g.Tenant), string(g.Provider), g.Version, millis(g.Due), millis(next))
	})
}

func (s chainStore) EraseEntry(ctx context.Context, t directory.TenantID, stub directory.LogEntry, block int64) error {
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
		bs, err := records[directory.Block](s.Store, selectBlocks, string(t), string(stub.Provider), block, 1)
		if err != nil {
			return err
		}
		s.recent.forget()
		if err := s.exec(`UPDATE log SET entry = ? WHERE tenant = ? AND provider = ? AND position = ?`, nil,
			stub.AppendJSON(nil), string(t), string(stub.Provider), stub.Position()); err != nil {
			return err
		}
		if err := s.noteErased(); err != nil || block == 0 || len(bs) == 0 || bs[0].Seq != block {
			return err
		}
		return s.putBlock(t, stub.Provider, bs[0].Unsalted(stub.Position()))
	})
}
