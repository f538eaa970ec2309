package administration

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
	"rollcall/shared/verify"
)

// LogExported records that an administrator exported a log, named by Target.
const LogExported directory.Action = "log.exported"

// LogExport selects what to export: the Sync Log or the Audit Log.
type LogExport struct {
	Filter LogFilter
	Audit  bool
}

// whole reports whether every entry of the chains is exported.
func (x LogExport) whole() bool {
	f := x.Filter
	f.Since, f.Until = time.Time{}, time.Time{}
	if !x.Audit {
		f.Provider = ""
	}
	return f == LogFilter{}
}

// keep reports whether an entry of a chain is exported. Without filters, a provider's chain, and for the Audit Log the
// tenant's own, is exported unchanged, so that it can be proved complete.
func (x LogExport) keep(e directory.LogEntry) bool {
	switch {
	case x.whole() && (x.Audit || e.Provider != ""):
		return true
	case x.Audit:
		return e.Audit && x.Filter.matches(e)
	}
	return e.SyncEntry() && x.Filter.matches(e)
}

// exportChains returns the chains of an export.
func (s Logs) exportChains(ctx context.Context, x LogExport) ([]directory.ProviderID, error) {
	switch {
	case x.Audit:
		return []directory.ProviderID{""}, nil
	case x.Filter.Provider != "":
		return []directory.ProviderID{x.Filter.Provider}, nil
	}
	return find.ChainsOf(ctx, s.ports.Providers, s.ports.Chains, s.tenant)
}

// BeginExport records in the Audit Log that a log is exported.
func (s Logs) BeginExport(ctx context.Context, x LogExport, format string) error {
	e := s.entry(LogExported)
	e.Target = "sync-log"
	if x.Audit {
		e.Target = "audit-log"
	}
	e.Changes = []directory.Change{directory.NewChange("format", nil, format), directory.NewChange("provider", nil, x.Filter.Provider)}
	if since := x.Filter.Since; !since.IsZero() {
		e.Changes = append(e.Changes, directory.NewChange("since", nil, since))
	}
	if until := x.Filter.Until; !until.IsZero() {
		e.Changes = append(e.Changes, directory.NewChange("until", nil, until))
	}
	return s.ports.Log.AppendEntry(ctx, s.tenant, e)
}

// exportBatch is how many entries of an export are in memory at a time.
const exportBatch = 500

// EachEntry calls fn for the entries of an export, chain after chain, the oldest first in each. An error of fn ends it.
func (s Logs) EachEntry(ctx context.Context, x LogExport, fn func(directory.LogEntry) error) error {
	ps, err := s.exportChains(ctx, x)
	if err != nil {
		return err
	}
	for _, p := range ps {
		since, until := directory.PositionAt(x.Filter.Since), directory.PositionAt(x.Filter.Until)
		err := s.eachNumbered(ctx, p, since, until, func(e directory.LogEntry) error {
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

// errUnnumbered ends an export at an entry that has no number yet: no export shows it in another form than the next one.
var errUnnumbered = errors.New("an entry has no number yet")

// eachNumbered is eachAfter up to the first entry that has no number yet.
func (s Logs) eachNumbered(
	ctx context.Context, p directory.ProviderID, after, before string, fn func(directory.LogEntry) error,
) error {
	err := s.eachAfter(ctx, p, after, before, func(e directory.LogEntry) error {
		if e.Unnumbered {
			return errUnnumbered
		}
		return fn(e)
	})
	if errors.Is(err, errUnnumbered) {
		return nil
	}
	return err
}

// eachAfter calls fn for the entries of p after a position and before another one ("" to the end).
func (s Logs) eachAfter(
	ctx context.Context, p directory.ProviderID, after, before string, fn func(directory.LogEntry) error,
) error {
	for {
		es, err := s.ports.Log.EntriesAfter(ctx, s.tenant, p, after, before, exportBatch)
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

// Export writes an export that a Verifier can check, in JSON Lines.
func (s Logs) Export(ctx context.Context, x LogExport, w io.Writer) error {
	ps, err := s.exportChains(ctx, x)
	if err != nil {
		return err
	}
	out := exporter{Logs: s, x: x, w: w, digest: sha256.New()}
	for _, p := range ps {
		if err := out.chain(ctx, p); err != nil {
			return err
		}
	}
	return out.end(ctx)
}

// exporter writes one export.
type exporter struct {
	Logs
	x      LogExport
	w      io.Writer
	lines  int
	digest hash.Hash
	behind map[string]bool // positions in the present chain that the blocks so far have passed and do not hold
}

func (o *exporter) line(l verify.Line) error {
	text, err := l.Text()
	if err != nil {
		return fmt.Errorf("encode line: %w", err)
	}
	text = append(text, '\n')
	o.lines++
	o.digest.Write(text)
	_, err = o.w.Write(text)
	return err
}

func (o *exporter) writeEntry(e directory.LogEntry, c verify.Chain) error {
	if !o.x.keep(e) || !c.Covers(e.Position()) {
		return nil
	}
	return o.line(verify.Line{Entry: e.AppendJSON(nil)})
}

// chain writes the exported part of a chain.
func (o *exporter) chain(ctx context.Context, p directory.ProviderID) error {
	f := o.x.Filter
	c := verify.Chain{
		Tenant: o.tenant, Provider: p, Since: f.Since, Until: f.Until, Kept: o.rt.Time().Add(-o.rt.Retention()),
		Filtered: !o.x.whole() || !o.x.Audit && p == "",
	}
	if err := o.line(verify.Line{Chain: &c}); err != nil {
		return err
	}
	head, err := o.ports.Chains.ChainHead(ctx, o.tenant, p)
	if err != nil {
		return err
	}
	o.behind = map[string]bool{}
	from, mark, err := o.first(ctx, p, head, c)
	if err != nil {
		return err
	}
	for more := true; more; {
		bs, err := o.ports.Chains.Blocks(ctx, o.tenant, p, from, 10)
		if err != nil {
			return err
		}
		more = len(bs) == 10
		for _, b := range bs {
			if b.Seq > head.Seq {
				break // the chain grew meanwhile; the export has the entries of newer blocks as unsealed
			}
			if err := o.block(ctx, p, c, b, mark); err != nil {
				return err
			}
			from, mark = b.Seq+1, b.Mark
		}
	}
	for _, position := range slices.Sorted(maps.Keys(o.behind)) {
		if err := o.writeAt(ctx, p, c, position); err != nil {
			return err
		}
	}
	return o.eachNumbered(ctx, p, max(mark, directory.PositionAt(c.Since)), directory.PositionAt(c.Until),
		func(e directory.LogEntry) error { return o.writeEntry(e, c) })
}

// writeAt writes the entry at a position, if it has not expired.
func (o *exporter) writeAt(ctx context.Context, p directory.ProviderID, c verify.Chain, position string) error {
	e, err := find.EntryAt(ctx, o.ports.Log, o.tenant, p, position)
	if err != nil {
		return directory.IgnoreNotFound(err)
	}
	if e.Unnumbered {
		return nil
	}
	return o.writeEntry(e, c)
}

// first returns the number of the first block of the export, and the mark before it.
func (o *exporter) first(
	ctx context.Context, p directory.ProviderID, head directory.ChainHead, c verify.Chain,
) (from int64, mark string, err error) {
	if c.Since.IsZero() || head.Seq == 0 {
		return 1, "", nil
	}
	b, err := find.BlockAt(ctx, o.ports.Chains, o.tenant, p, head, directory.PositionAt(c.Since))
	if err != nil {
		return 0, "", err
	}
	if b.Seq == 0 {
		return head.Seq + 1, head.Mark, nil
	}
	before, err := o.ports.Chains.Blocks(ctx, o.tenant, p, b.Seq-1, 1)
	if err == nil && len(before) > 0 && before[0].Seq == b.Seq-1 {
		mark = before[0].Mark
	}
	return b.Seq, mark, err
}

// block writes a block and the entries that it seals.
func (o *exporter) block(ctx context.Context, p directory.ProviderID, c verify.Chain, b directory.Block, mark string) error {
	if err := o.line(verify.Line{Block: &b}); err != nil {
		return err
	}
	if b.Mark > mark {
		sealed := map[string]bool{}
		for _, s := range b.Seals {
			sealed[s.Position] = true
		}
		err := o.eachAfter(ctx, p, mark, b.Mark+"!", func(e directory.LogEntry) error {
			if !sealed[e.Position()] {
				o.behind[e.Position()] = true
				return nil
			}
			return o.writeEntry(e, c)
		})
		if err != nil {
			return err
		}
	}
	for _, s := range b.Late {
		delete(o.behind, s.Position)
		if err := o.writeAt(ctx, p, c, s.Position); err != nil {
			return err
		}
	}
	return nil
}

func (o *exporter) end(ctx context.Context) error {
	end := verify.End{Lines: o.lines, Digest: o.digest.Sum(nil)}
	if signer := o.rt.Signer; signer != nil {
		der, err := signer.PublicKey(ctx)
		if err != nil {
			return err
		}
		end.Key = directory.KeyID(der)
		if end.Signature, err = signer.Sign(ctx, end.SigningDigest()); err != nil {
			return err
		}
	}
	return o.line(verify.Line{End: &end})
}

// SigningKey returns the public key of checkpoints and exports, in DER (PKIX).
// Errors: NotFound in a deployment that signs nothing.
func (s Logs) SigningKey(ctx context.Context) ([]byte, error) {
	if s.rt.Signer == nil {
		return nil, directory.Errorf(directory.NotFound, "this deployment signs nothing")
	}
	return s.rt.Signer.PublicKey(ctx)
}

// Verify checks an export of a log against this deployment's own key.
// Errors: *verify.Error.
func (s Logs) Verify(ctx context.Context, x LogExport) (verify.Result, error) {
	var keys [][]byte
	if s.rt.Signer != nil {
		der, err := s.rt.Signer.PublicKey(ctx)
		if err != nil {
			return verify.Result{}, err
		}
		keys = append(keys, der)
	}
	v, err := verify.New(keys...)
	if err != nil {
		return verify.Result{}, err
	}
	if err := s.Export(ctx, x, lineWriter{v}); err != nil {
		return v.Result(), err
	}
	return v.End()
}

// lineWriter passes whole lines, as Export writes them, to a verifier.
type lineWriter struct{ v *verify.Verifier }

func (w lineWriter) Write(line []byte) (int, error) {
	return len(line), w.v.Line(line[:len(line)-1])
}
