package directory

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"
)

// LogExported says that an administrator exported a log; Target says which.
const LogExported Action = "log.exported"

// LogExport is what is exported: the Sync Log or the Audit Log.
type LogExport struct {
	Filter    LogFilter
	Audit     bool
	Retention time.Duration // how long entries are kept; 0: DefaultLogRetention
}

// whole reports whether every entry of its chains is exported.
func (x LogExport) whole() bool {
	f := x.Filter
	f.Since, f.Until = time.Time{}, time.Time{}
	if !x.Audit {
		f.Provider = ""
	}
	return f == LogFilter{}
}

// keep reports whether an entry of a chain is exported. Without filters a provider's chain, and for the Audit
// Log the tenant's own, is exported as it is, so that it can be proved to be whole.
func (x LogExport) keep(e LogEntry) bool {
	switch {
	case x.whole() && (x.Audit || e.Provider != ""):
		return true
	case x.Audit:
		return e.Audit && x.Filter.matches(e)
	}
	return e.SyncEntry() && x.Filter.matches(e)
}

// exportChains are the chains of an export.
func (s *Service) exportChains(ctx context.Context, t TenantID, x LogExport) ([]ProviderID, error) {
	switch {
	case x.Audit:
		return []ProviderID{""}, nil
	case x.Filter.Provider != "":
		return []ProviderID{x.Filter.Provider}, nil
	}
	return s.chains(ctx, t)
}

// BeginExport notes in the Audit Log that a log is exported.
func (s *Service) BeginExport(ctx context.Context, a Admin, x LogExport, format string) error {
	e := s.adminEntry(a, LogExported)
	e.Target = "sync-log"
	if x.Audit {
		e.Target = "audit-log"
	}
	e.Changes = []Change{change("format", nil, format), change("since", nil, x.Filter.Since), change("until", nil, x.Filter.Until), change("provider", nil, x.Filter.Provider)}
	return s.Log.AppendEntry(ctx, a.Tenant, e)
}

// exportBatch is how many entries of an export are in memory.
const exportBatch = 500

// EachEntry hands the entries of an export on, chain after chain, in each the oldest first. The error of fn
// ends it.
func (s *Service) EachEntry(ctx context.Context, t TenantID, x LogExport, fn func(LogEntry) error) error {
	ps, err := s.exportChains(ctx, t, x)
	if err != nil {
		return err
	}
	for _, p := range ps {
		err := s.eachAfter(ctx, t, p, lowest(x.Filter.Since), x.Filter.Until, func(e LogEntry) error {
			if !x.keep(e) {
				return nil
			}
			return fn(e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lowest is the position before all entries of a time.
func lowest(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return LogEntry{At: at}.Position()
}

// eachAfter hands on the entries of p behind a position and before a time.
func (s *Service) eachAfter(ctx context.Context, t TenantID, p ProviderID, after string, until time.Time, fn func(LogEntry) error) error {
	for {
		es, err := s.Log.EntriesAfter(ctx, t, p, after, lowest(until), exportBatch)
		if err != nil {
			return err
		}
		for _, e := range es {
			if err := fn(e); err != nil {
				return err
			}
			after = e.Position()
		}
		if len(es) < exportBatch {
			return nil
		}
	}
}

// ExportLog writes an export that a Verifier can check, in JSON Lines.
func (s *Service) ExportLog(ctx context.Context, t TenantID, x LogExport, w io.Writer) error {
	if x.Retention == 0 {
		x.Retention = DefaultLogRetention
	}
	ps, err := s.exportChains(ctx, t, x)
	if err != nil {
		return err
	}
	out := exporter{s: s, ctx: ctx, t: t, x: x, w: w, digest: sha256.New()}
	for _, p := range ps {
		if err := out.chain(p); err != nil {
			return err
		}
	}
	return out.end()
}

// exporter writes one export.
type exporter struct {
	s      *Service
	ctx    context.Context //nolint:containedctx // of one call of ExportLog
	t      TenantID
	x      LogExport
	w      io.Writer
	lines  int
	digest hash.Hash
}

func (o *exporter) line(l exportLine) error {
	text, err := l.text()
	if err != nil {
		return fmt.Errorf("encode line: %w", err)
	}
	text = append(text, '\n')
	o.lines++
	o.digest.Write(text)
	_, err = o.w.Write(text)
	return err
}

func (o *exporter) entry(e LogEntry, c ExportChain) error {
	if !o.x.keep(e) || !c.covers(e.Position()) {
		return nil
	}
	return o.line(exportLine{Entry: e.AppendJSON(nil)})
}

// chain writes the part of a chain that the export is about.
func (o *exporter) chain(p ProviderID) error {
	f := o.x.Filter
	c := ExportChain{
		Tenant: o.t, Provider: p, Since: f.Since, Until: f.Until, Kept: o.s.Now().Add(-o.x.Retention),
		Filtered: !o.x.whole() || !o.x.Audit && p == "",
	}
	if err := o.line(exportLine{Chain: &c}); err != nil {
		return err
	}
	head, err := o.s.Ledger.Chain(o.ctx, o.t, p)
	if err != nil {
		return err
	}
	from, mark, err := o.first(p, head, c)
	if err != nil {
		return err
	}
	for more := true; more; {
		bs, err := o.s.Ledger.Blocks(o.ctx, o.t, p, from, 10)
		if err != nil {
			return err
		}
		more = len(bs) == 10
		for _, b := range bs {
			if b.Seq > head.Seq {
				break // the chain grew meanwhile; what follows is not sealed as far as this export tells
			}
			if err := o.block(p, c, b, mark); err != nil {
				return err
			}
			from, mark = b.Seq+1, b.Mark
		}
	}
	return o.s.eachAfter(o.ctx, o.t, p, max(mark, lowest(c.Since)), c.Until, func(e LogEntry) error { return o.entry(e, c) })
}

// first is the number of the first block of the export, and the mark before it.
func (o *exporter) first(p ProviderID, head ChainHead, c ExportChain) (from int64, mark string, err error) {
	if c.Since.IsZero() || head.Seq == 0 {
		return 1, "", nil
	}
	b, err := o.s.blockOf(o.ctx, o.t, p, head, lowest(c.Since))
	if err != nil {
		return 0, "", err
	}
	if b.Seq == 0 {
		return head.Seq + 1, head.Mark, nil
	}
	before, err := o.s.Ledger.Blocks(o.ctx, o.t, p, b.Seq-1, 1)
	if err == nil && len(before) > 0 && before[0].Seq == b.Seq-1 {
		mark = before[0].Mark
	}
	return b.Seq, mark, err
}

// block writes a block and the entries that it seals.
func (o *exporter) block(p ProviderID, c ExportChain, b Block, mark string) error {
	if err := o.line(exportLine{Block: &b}); err != nil {
		return err
	}
	if len(b.Seals) > 0 {
		es, err := o.s.Log.EntriesAfter(o.ctx, o.t, p, mark, b.Mark+"!", 2*maxSeals) // and those that came late
		if err != nil {
			return err
		}
		for _, e := range es {
			if !slices.ContainsFunc(b.Seals, func(s Seal) bool { return s.Position == e.Position() }) {
				continue
			}
			if err := o.entry(e, c); err != nil {
				return err
			}
		}
	}
	for _, s := range b.Late {
		e, err := o.s.entryAt(o.ctx, o.t, p, s.Position)
		if IsKind(err, NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := o.entry(e, c); err != nil {
			return err
		}
	}
	return nil
}

func (o *exporter) end() error {
	end := ExportEnd{Lines: o.lines, Digest: o.digest.Sum(nil)}
	if signer := o.s.out.Signer; signer != nil {
		der, err := signer.PublicKey(o.ctx)
		if err != nil {
			return err
		}
		end.Key = KeyID(der)
		if end.Signature, err = signer.Sign(o.ctx, end.digest()); err != nil {
			return err
		}
	}
	return o.line(exportLine{End: &end})
}

// SigningKey is the public key that checkpoints and exports are signed with, in DER (PKIX).
// Errors: NotFound where nothing is signed.
func (s *Service) SigningKey(ctx context.Context) ([]byte, error) {
	if s.out.Signer == nil {
		return nil, Errorf(NotFound, "this deployment signs nothing")
	}
	return s.out.Signer.PublicKey(ctx)
}

// VerifyLog checks a log as an export of it would be checked, against this deployment's own key.
// Errors: *VerifyError.
func (s *Service) VerifyLog(ctx context.Context, t TenantID, x LogExport) (Verified, error) {
	var keys [][]byte
	if s.out.Signer != nil {
		der, err := s.out.Signer.PublicKey(ctx)
		if err != nil {
			return Verified{}, err
		}
		keys = append(keys, der)
	}
	v, err := NewVerifier(keys...)
	if err != nil {
		return Verified{}, err
	}
	if err := s.ExportLog(ctx, t, x, lineWriter{v}); err != nil {
		return v.seen, err
	}
	return v.End()
}

// lineWriter hands whole lines, as ExportLog writes them, to a verifier.
type lineWriter struct{ v *Verifier }

func (w lineWriter) Write(line []byte) (int, error) {
	return len(line), w.v.Line(line[:len(line)-1])
}
