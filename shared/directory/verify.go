package directory

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"hash"
	"time"
)

// exportLine is one line of an export in JSON Lines: exactly one member is set. The lines of a chain are its
// head, then each block with the entries it seals, then what is not sealed yet; End closes the file.
type exportLine struct {
	Chain *ExportChain    `json:"chain,omitempty"`
	Block *Block          `json:"block,omitempty"`
	Entry json.RawMessage `json:"entry,omitempty"` // LogEntry.AppendJSON
	End   *ExportEnd      `json:"end,omitempty"`
}

// text is the line as it is written. An entry stands in it byte for byte as it was hashed, which encoding/json
// would not keep.
func (l exportLine) text() ([]byte, error) {
	if l.Entry != nil {
		return append(append([]byte(`{"entry":`), l.Entry...), '}'), nil
	}
	return json.Marshal(l)
}

// ExportChain says which part of which chain follows.
type ExportChain struct {
	Tenant   TenantID   `json:"tenant"`
	Provider ProviderID `json:"provider,omitempty"`
	Since    time.Time  `json:"since,omitzero"`     // inclusive
	Until    time.Time  `json:"until,omitzero"`     // exclusive
	Kept     time.Time  `json:"kept"`               // what is older may be missing: it is kept no longer
	Filtered bool       `json:"filtered,omitempty"` // entries that match no filter are left out
}

// covers reports whether the entry at a position belongs in the export.
func (c ExportChain) covers(position string) bool {
	return (c.Since.IsZero() || position >= LogEntry{At: c.Since}.Position()) && (c.Until.IsZero() || position < LogEntry{At: c.Until}.Position())
}

// optional reports whether an entry that is sealed may be missing.
func (c ExportChain) optional(position string) bool {
	return c.Filtered || !c.covers(position) || position < LogEntry{At: c.Kept}.Position()
}

// ExportEnd is the last line: how many lines came before, and a signature on all of their bytes.
type ExportEnd struct {
	Lines     int    `json:"lines"`
	Digest    Digest `json:"digest"`
	Key       string `json:"key,omitempty"` // "" where nothing is signed
	Signature Digest `json:"signature,omitempty"`
}

// Verified is what a Verifier has seen and found right.
type Verified struct {
	Chains, Blocks, Entries, Unsealed int
	Checkpoints                       int
	LastCheckpoint                    time.Time
	Signed                            bool // every signature was checked, and there was one
}

// VerifyError says in which line, counted from 1, an export is not what was written.
type VerifyError struct {
	Line   int
	Detail string
}

func (e *VerifyError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Detail) }

// Verifier checks an export line by line, without a server. Not for concurrent use.
type Verifier struct {
	keys   map[string]*ecdsa.PublicKey
	lines  int
	digest hash.Hash
	seen   Verified
	ended  bool

	chain *ExportChain
	block *Block // the newest of the chain
	wait  []Seal // of the newest block, whose entries have not come
	mark  string // of what is not sealed: the newest position
}

// NewVerifier returns a verifier that trusts the public keys, in DER (PKIX). Without one, signatures are not
// checked, and the result says so.
// Errors: a key is none on P-256.
func NewVerifier(keys ...[]byte) (*Verifier, error) {
	v := &Verifier{keys: map[string]*ecdsa.PublicKey{}, digest: sha256.New()}
	for _, der := range keys {
		k, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			return nil, fmt.Errorf("read public key: %w", err)
		}
		public, ok := k.(*ecdsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("read public key: it is no ECDSA key")
		}
		v.keys[KeyID(der)] = public
	}
	return v, nil
}

// Line checks the next line, which comes without its end.
// Errors: *VerifyError.
func (v *Verifier) Line(text []byte) error {
	v.lines++
	if v.ended {
		return v.fail("there is a line behind the end")
	}
	var l exportLine
	if err := json.Unmarshal(text, &l); err != nil {
		return v.fail("it is no line of an export")
	}
	if again, err := l.text(); err != nil || !bytes.Equal(again, text) {
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

// End checks that the export is whole, and returns what was verified.
// Errors: *VerifyError.
func (v *Verifier) End() (Verified, error) {
	if !v.ended {
		v.lines++
		return v.seen, v.fail("the end is missing: the export was cut off")
	}
	return v.seen, nil
}

func (v *Verifier) fail(format string, a ...any) error {
	return &VerifyError{Line: v.lines, Detail: fmt.Sprintf(format, a...)}
}

// none fails when an entry that is sealed has not come.
func (v *Verifier) none() error {
	for _, s := range v.wait {
		if !v.chain.optional(s.Position) {
			return v.fail("the entry at %s is missing before it", s.Position)
		}
	}
	v.wait = nil
	return nil
}

func (v *Verifier) begin(c ExportChain) error {
	if err := v.none(); err != nil {
		return err
	}
	v.seen.Chains++
	v.chain, v.block, v.mark = &c, nil, ""
	return nil
}

// link checks a block against the one before.
func (v *Verifier) link(b Block) error {
	if err := v.none(); err != nil {
		return err
	}
	before := ""
	if v.block != nil {
		if before = v.block.Mark; b.Seq != v.block.Seq+1 || !b.Prev.equal(v.block.Hash) || b.At.Before(v.block.At) {
			return v.fail("block %d does not follow block %d", b.Seq, v.block.Seq)
		}
	}
	switch {
	case !b.Hash.equal(b.HashOf(v.chain.Tenant, v.chain.Provider)):
		return v.fail("block %d has not the hash it says", b.Seq)
	case v.mark != "":
		return v.fail("block %d comes behind entries that are not sealed", b.Seq)
	}
	for _, s := range b.Seals {
		if s.Position <= before || s.Position > b.Mark {
			return v.fail("block %d does not keep the order of the entries", b.Seq)
		}
		before = s.Position
	}
	if b.Checkpoint != nil {
		if err := v.signature(b.Checkpoint.Key, b.checkpointDigest(v.chain.Tenant, v.chain.Provider), b.Checkpoint.Signature); err != nil {
			return err
		}
		v.seen.Checkpoints++
		v.seen.LastCheckpoint = b.At
	}
	v.seen.Blocks++
	v.block, v.wait = &b, append(append([]Seal(nil), b.Seals...), b.Late...)
	return nil
}

func (v *Verifier) entry(text []byte) error {
	var e LogEntry
	if err := json.Unmarshal(text, &e); err != nil || !bytes.Equal(e.AppendJSON(nil), text) {
		return v.fail("the entry is not as an export writes it")
	}
	position := e.Position()
	if e.Provider != v.chain.Provider || !v.chain.covers(position) {
		return v.fail("the entry does not belong here")
	}
	v.seen.Entries++
	for len(v.wait) > 0 {
		s := v.wait[0]
		v.wait = v.wait[1:]
		switch {
		case s.Position == position && s.Hash.equal(e.SealHash(v.chain.Tenant, s.Salt)):
			return nil
		case s.Position == position:
			return v.fail("the entry is not the one that was sealed")
		case !v.chain.optional(s.Position):
			return v.fail("the entry at %s should be here", s.Position)
		}
	}
	if v.block != nil && position <= v.block.Mark || position <= v.mark {
		return v.fail("the entry was not sealed, or stands at the wrong place")
	}
	v.mark = position
	v.seen.Unsealed++
	return nil
}

func (v *Verifier) signature(key string, digest, signature Digest) error {
	if len(v.keys) == 0 {
		return nil
	}
	k, ok := v.keys[key]
	if !ok {
		return v.fail("it is signed with the key %s, which is not among the trusted ones", key)
	}
	if !ecdsa.VerifyASN1(k, digest, signature) {
		return v.fail("the signature does not hold")
	}
	return nil
}

func (v *Verifier) end(e ExportEnd) error {
	if err := v.none(); err != nil {
		return err
	}
	sum := Digest(v.digest.Sum(nil))
	if e.Lines != v.lines-1 || !e.Digest.equal(sum) {
		return v.fail("the lines before it are not those that were written")
	}
	if err := v.signature(e.Key, e.digest(), e.Signature); err != nil {
		return err
	}
	v.ended, v.seen.Signed = true, len(v.keys) > 0
	return nil
}

// digest is what the signature of the end signs.
func (e ExportEnd) digest() Digest {
	sum := sha256.Sum256(fmt.Appendf(nil, "rollcall export 1\n%d\n%x\n%s", e.Lines, []byte(e.Digest), e.Key))
	return sum[:]
}
