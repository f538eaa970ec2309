// Package verify checks, without a server, an exported log against its hash chain and signatures: every entry is
// present, unchanged and in its place. It defines the lines of an export; package administration writes them.
package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"hash"
	"time"

	"rollcall/shared/directory"
)

// Line is one line of an export in JSON Lines: exactly one member is set. The lines of a chain are its head, then each
// block with the entries it seals, then the entries that no block holds; End is the last line of the file.
type Line struct {
	Chain *Chain           `json:"chain,omitempty"`
	Block *directory.Block `json:"block,omitempty"`
	Entry json.RawMessage  `json:"entry,omitempty"` // LogEntry.AppendJSON
	End   *End             `json:"end,omitempty"`
}

// Text is the line as written. It holds an entry byte for byte as it was hashed, which encoding/json would not
// preserve.
func (l Line) Text() ([]byte, error) {
	if l.Entry != nil {
		return append(append([]byte(`{"entry":`), l.Entry...), '}'), nil
	}
	return json.Marshal(l)
}

// Chain describes the part of a chain that follows.
type Chain struct {
	Tenant   directory.TenantID   `json:"tenant"`
	Provider directory.ProviderID `json:"provider,omitempty"`
	Since    time.Time            `json:"since,omitzero"`     // inclusive
	Until    time.Time            `json:"until,omitzero"`     // exclusive
	Kept     time.Time            `json:"kept"`               // older entries may be missing: they have expired
	Filtered bool                 `json:"filtered,omitempty"` // entries that do not match the filter are left out
}

// Covers reports whether the entry at a position belongs in the export.
func (c Chain) Covers(position string) bool {
	return (c.Since.IsZero() || position >= directory.LogEntry{At: c.Since}.Position()) && (c.Until.IsZero() ||
		position < directory.LogEntry{At: c.Until}.Position())
}

// optional reports whether a sealed entry may be missing.
func (c Chain) optional(position string) bool {
	return c.Filtered || !c.Covers(position) || position < directory.LogEntry{At: c.Kept}.Position()
}

// End is the last line: how many lines precede it, and a signature on all of their bytes.
type End struct {
	Lines     int              `json:"lines"`
	Digest    directory.Digest `json:"digest"`
	Key       string           `json:"key,omitempty"` // "" where nothing is signed
	Signature directory.Digest `json:"signature,omitempty"`
}

// Result counts what a Verifier has verified.
type Result struct {
	Chains, Blocks, Entries, Unsealed int
	Behind                            int // of the unsealed entries: older than the newest sealed one, and in no block
	Checkpoints                       int
	LastCheckpoint                    time.Time
	Signed                            bool // every signature was checked, and there was one
}

// Error says in which line, counted from 1, an export differs from what was written.
type Error struct {
	Line   int
	Detail string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Detail) }

// Verifier checks an export line by line, without a server. Not for concurrent use.
type Verifier struct {
	keys   map[string]*ecdsa.PublicKey
	lines  int
	digest hash.Hash
	seen   Result
	ended  bool

	chain *Chain
	block *directory.Block // the newest of the chain
	wait  []directory.Seal // of the newest block, whose entries have not been read
	mark  string           // the newest position among the entries not sealed
}

// New returns a verifier that trusts the public keys, in DER (PKIX). Without one, signatures are not checked, and the
// result says so.
// Errors: a key is not an ECDSA key.
func New(keys ...[]byte) (*Verifier, error) {
	v := &Verifier{keys: map[string]*ecdsa.PublicKey{}, digest: sha256.New()}
	for _, der := range keys {
		k, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			return nil, fmt.Errorf("read public key: %w", err)
		}
		public, ok := k.(*ecdsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("read public key: it is not an ECDSA key")
		}
		v.keys[directory.KeyID(der)] = public
	}
	return v, nil
}

// Line checks the next line, given without its line break.
// Errors: *Error.
func (v *Verifier) Line(text []byte) error {
	v.lines++
	if v.ended {
		return v.fail("there is a line after the end")
	}
	var l Line
	if err := json.Unmarshal(text, &l); err != nil {
		return v.fail("it is not a line of an export")
	}
	if again, err := l.Text(); err != nil || !bytes.Equal(again, text) {
		return v.fail("it is not as an export writes it")
	}
	var err error
	switch {
	case l.End != nil:
		return v.end(*l.End)
	case l.Chain != nil:
		err = v.begin(*l.Chain)
	case v.chain == nil:
		return v.fail("it belongs to no chain")
	case l.Block != nil:
		err = v.link(*l.Block)
	default:
		err = v.entry(l.Entry)
	}
	v.digest.Write(append(text, '\n'))
	return err
}

// End checks that the export is complete, and returns the result.
// Errors: *Error.
func (v *Verifier) End() (Result, error) {
	if !v.ended {
		v.lines++
		return v.seen, v.fail("the end is missing: the export was cut off")
	}
	return v.seen, nil
}

// Result is the result so far.
func (v *Verifier) Result() Result { return v.seen }

func (v *Verifier) fail(format string, a ...any) error {
	return &Error{Line: v.lines, Detail: fmt.Sprintf(format, a...)}
}

// requireEntries fails when a sealed entry of the newest block is missing.
func (v *Verifier) requireEntries() error {
	for _, s := range v.wait {
		if !v.chain.optional(s.Position) {
			return v.fail("the entry at %s is missing before it", s.Position)
		}
	}
	v.wait = nil
	return nil
}

func (v *Verifier) begin(c Chain) error {
	if err := v.requireEntries(); err != nil {
		return err
	}
	v.seen.Chains++
	v.chain, v.block, v.mark = &c, nil, ""
	return nil
}

// link checks a block against the one before.
func (v *Verifier) link(b directory.Block) error {
	if err := v.requireEntries(); err != nil {
		return err
	}
	before := ""
	if v.block != nil {
		before = v.block.Mark
		if b.Seq != v.block.Seq+1 || !b.Prev.Equal(v.block.Hash) || b.At.Before(v.block.At) {
			return v.fail("block %d does not follow block %d", b.Seq, v.block.Seq)
		}
	}
	switch {
	case !b.Hash.Equal(b.HashOf(v.chain.Tenant, v.chain.Provider)):
		return v.fail("block %d does not have the hash it states", b.Seq)
	case v.mark != "":
		return v.fail("block %d comes after entries that are not sealed", b.Seq)
	}
	for _, s := range b.Seals {
		if s.Position <= before || s.Position > b.Mark {
			return v.fail("block %d does not keep the order of the entries", b.Seq)
		}
		before = s.Position
	}
	if b.Checkpoint != nil {
		if err := v.signature(b.Checkpoint.Key, b.CheckpointDigest(v.chain.Tenant, v.chain.Provider), b.Checkpoint.Signature); err != nil {
			return err
		}
		v.seen.Checkpoints++
		v.seen.LastCheckpoint = b.At
	}
	v.seen.Blocks++
	v.block, v.wait = &b, append(append([]directory.Seal(nil), b.Seals...), b.Late...)
	return nil
}

func (v *Verifier) entry(text []byte) error {
	var e directory.LogEntry
	if err := json.Unmarshal(text, &e); err != nil || !bytes.Equal(e.AppendJSON(nil), text) {
		return v.fail("the entry is not as an export writes it")
	}
	position := e.Position()
	if e.Provider != v.chain.Provider || !v.chain.Covers(position) {
		return v.fail("the entry does not belong here")
	}
	v.seen.Entries++
	for len(v.wait) > 0 {
		s := v.wait[0]
		v.wait = v.wait[1:]
		switch {
		case s.Position == position && s.Hash.Equal(e.SealHash(v.chain.Tenant, s.Salt)):
			return nil
		case s.Position == position:
			return v.fail("the entry is not the one that was sealed")
		case !v.chain.optional(s.Position):
			return v.fail("the entry at %s should be here", s.Position)
		}
	}
	if position <= v.mark {
		return v.fail("the entry is in the wrong place")
	}
	if v.block != nil && position <= v.block.Mark {
		v.seen.Behind++
	}
	v.mark = position
	v.seen.Unsealed++
	return nil
}

func (v *Verifier) signature(key string, digest, signature directory.Digest) error {
	if len(v.keys) == 0 {
		return nil
	}
	k, ok := v.keys[key]
	if !ok {
		return v.fail("it is signed with the key %s, which is not among the trusted ones", key)
	}
	if !ecdsa.VerifyASN1(k, digest, signature) {
		return v.fail("the signature is not valid")
	}
	return nil
}

func (v *Verifier) end(e End) error {
	if err := v.requireEntries(); err != nil {
		return err
	}
	sum := directory.Digest(v.digest.Sum(nil))
	if e.Lines != v.lines-1 || !e.Digest.Equal(sum) {
		return v.fail("the lines before it are not those that were written")
	}
	if err := v.signature(e.Key, e.SigningDigest(), e.Signature); err != nil {
		return err
	}
	v.ended, v.seen.Signed = true, len(v.keys) > 0
	return nil
}

// SigningDigest is the digest that the signature of the end signs.
func (e End) SigningDigest() directory.Digest {
	sum := sha256.Sum256(fmt.Appendf(nil, "rollcall export 1\n%d\n%x\n%s", e.Lines, []byte(e.Digest), e.Key))
	return sum[:]
}
