package directory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// Digest is a SHA-256. Its JSON is hexadecimal.
type Digest []byte

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = hex.AppendDecode(nil, text)
	return err
}

// Block is a link of the hash chain that seals a provider's log: the hashes of entries, in the order of their
// positions, and the hash of the previous block. It is appended in the background, never in a request.
type Block struct {
	Seq  int64     `json:"seq"` // 1, 2, 3 …
	Prev Digest    `json:"prev,omitempty"`
	At   time.Time `json:"at"`
	// Mark is the position up to which every entry is sealed, by this block or an earlier one.
	Mark  string `json:"mark"`
	Seals []Seal `json:"seals,omitempty"` // after the mark of the previous block
	Late  []Seal `json:"late,omitempty"`  // of entries that were written after the chain had passed their positions
	// Checkpoint, in a block that seals nothing, is a signature on the previous block.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	Hash       Digest      `json:"hash"`
}

// MaxSeals is how many entries a block seals at most, which takes 70 KB.
const MaxSeals = 500

// Seal is the hash of one entry. Salt blinds the personal part of the entry; it is not part of the block's hash, so
// that it can be erased together with that part.
type Seal struct {
	Position string `json:"position"`
	Hash     Digest `json:"hash"`
	Salt     Digest `json:"salt,omitempty"`
}

// Checkpoint is a signature on the head of a chain: replacing the chain takes the key.
type Checkpoint struct {
	Key       string `json:"key"` // KeyID
	Signature Digest `json:"signature"`
}

// ChainHead is the end of a chain.
type ChainHead struct {
	Provider      ProviderID
	Seq           int64 // 0: no block yet
	Hash          Digest
	Mark          string
	At            time.Time
	CheckpointSeq int64 // of the last block that is a checkpoint
	CheckpointAt  time.Time
}

// GrownChain is the mark of a chain that has something to seal.
type GrownChain struct {
	Tenant   TenantID
	Provider ProviderID
	Due      time.Time // when it can be sealed
	Last     time.Time // when all for which it was marked can be sealed
	Version  int64     // how often it was marked or moved
}

// Next is the head after b.
func (h ChainHead) Next(b Block) ChainHead {
	h.Seq, h.Hash, h.Mark, h.At = b.Seq, b.Hash, b.Mark, b.At
	if b.Checkpoint != nil {
		h.CheckpointSeq, h.CheckpointAt = b.Seq, b.At
	}
	return h
}

// KeyID names a public key: the beginning of its SHA-256.
func KeyID(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:8])
}

// split separates the permanent part of an entry from the part that can be erased: names, values and the reason.
func (e LogEntry) split() (public, personal LogEntry) {
	personal = LogEntry{Name: e.Name, Changes: e.Changes, Actor: Actor{Reason: e.Actor.Reason}}
	public = e
	public.Name, public.Actor.Reason, public.Remaining, public.Erased = "", "", RemainingNone, nil
	public.Changes = slices.Clone(e.Changes)
	for i, c := range public.Changes {
		public.Changes[i] = Change{Attr: c.Attr}
	}
	return public, personal
}

// personalDigest is the blinded hash of the part that can be erased; an erased entry keeps only this hash.
func (e LogEntry) personalDigest(salt Digest) Digest {
	if len(e.Erased) > 0 {
		return e.Erased
	}
	_, personal := e.split()
	sum := sha256.Sum256(personal.AppendJSON(slices.Clone(salt)))
	return sum[:]
}

// Stub is the entry without its personal part. Under the same salt it has the hash of the whole entry.
func (e LogEntry) Stub(salt Digest) LogEntry {
	public, _ := e.split()
	public.Remaining, public.Erased = e.Remaining, e.personalDigest(salt)
	return public
}

// SealHash is the hash of an entry under a salt. An erased entry needs no salt.
func (e LogEntry) SealHash(t TenantID, salt Digest) Digest {
	public, _ := e.split()
	text := public.AppendJSON([]byte("rollcall entry 1\n" + string(t) + "\n"))
	sum := sha256.Sum256(append(append(text, '\n'), e.personalDigest(salt)...))
	return sum[:]
}

// HashOf is the hash that the block must have in a chain.
func (b Block) HashOf(t TenantID, p ProviderID) Digest {
	b.Hash = nil
	bare := func(seals []Seal) []Seal {
		seals = slices.Clone(seals)
		for i := range seals {
			seals[i].Salt = nil
		}
		return seals
	}
	b.Seals, b.Late = bare(b.Seals), bare(b.Late)
	return digestOf("rollcall block 1", t, p, b)
}

// CheckpointDigest is the digest that a checkpoint signs: of the block without hash and signature.
func (b Block) CheckpointDigest(t TenantID, p ProviderID) Digest {
	b.Hash = nil
	if b.Checkpoint != nil {
		b.Checkpoint = &Checkpoint{Key: b.Checkpoint.Key}
	}
	return digestOf("rollcall checkpoint 1", t, p, b)
}

func digestOf(label string, t TenantID, p ProviderID, b Block) Digest {
	text, err := json.Marshal(b)
	if err != nil {
		panic(err) // a block is plain values
	}
	sum := sha256.Sum256(append([]byte(label+"\n"+string(t)+"\n"+string(p)+"\n"), text...))
	return sum[:]
}

// SealOf finds the seal of the entry at a position.
func (b Block) SealOf(position string) (Seal, bool) {
	for _, seals := range [][]Seal{b.Seals, b.Late} {
		if i := slices.IndexFunc(seals, func(s Seal) bool { return s.Position == position }); i >= 0 {
			return seals[i], true
		}
	}
	return Seal{}, false
}

// Unsalted returns the block without the salt of the entry at a position.
func (b Block) Unsalted(position string) Block {
	for _, seals := range []*[]Seal{&b.Seals, &b.Late} {
		*seals = slices.Clone(*seals)
		for i := range *seals {
			if (*seals)[i].Position == position {
				(*seals)[i].Salt = nil
			}
		}
	}
	return b
}

// Equal reports whether two digests are equal.
func (d Digest) Equal(o Digest) bool { return bytes.Equal(d, o) }

// PositionAt is the position before all entries of a time, "" for the zero time.
func PositionAt(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return LogEntry{At: at}.Position()
}
