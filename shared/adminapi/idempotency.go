package adminapi

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/reqlog"
)

// How long an answer is kept, and how long a request may run before its key is free again because its
// process must have died.
const (
	replayWindow = 24 * time.Hour
	runWindow    = 2 * time.Minute
)

var idempotencyKeyForm = regexp.MustCompile(`^[\x20-\x7e]{1,255}$`)

// runOnce runs a changing request; with an Idempotency-Key at most once, and answers its repetitions from what
// was kept. A dry run changes nothing, so it may be repeated anyway.
func (r *request) runOnce() {
	keys, ok := r.r.Header["Idempotency-Key"]
	if ok && (len(keys) != 1 || !idempotencyKeyForm.MatchString(keys[0])) {
		r.fail(invalid(fieldError{"Idempotency-Key", "Idempotency-Key must have 1 to 255 printable ASCII characters"}))
		return
	}
	if !ok || r.admin.DryRun {
		r.run().write(r.w)
		return
	}
	now := r.api.svc.Now()
	mine := directory.Replay{Key: digest(string(r.key.ID), keys[0]), Request: r.fingerprint(), Expires: now.Add(runWindow)}
	kept, found, err := r.api.svc.BeginReplay(r.ctx(), r.key.Tenant, mine)
	if err != nil {
		r.fail(err)
		return
	}
	if found {
		r.replay(kept, mine, keys[0])
		return
	}
	// The answer is kept even when the client has gone: it will ask again.
	ctx := context.WithoutCancel(r.ctx())
	var out rendered
	defer func() {
		mine.Expires = r.api.svc.Now().Add(replayWindow)
		if out.Status == 0 || out.Status >= http.StatusInternalServerError {
			mine.Answer = nil // it panicked or failed: a repetition tries again
		} else {
			mine.Answer = r.encrypt(out, keys[0], mine)
		}
		if err := r.api.svc.FinishReplay(ctx, r.key.Tenant, mine); err != nil {
			reqlog.Fail(ctx, fmt.Errorf("keep answer: %w", err)) // what was done is done: the client gets its answer
		}
		if out.Status != 0 {
			out.write(r.w)
		}
	}()
	out = r.run()
}

// replay answers from what another request with the same key left.
func (r *request) replay(kept, mine directory.Replay, key string) {
	switch {
	case kept.Request != mine.Request:
		r.fail(faultf(http.StatusUnprocessableEntity, "another request was made with this Idempotency-Key"))
		return
	case len(kept.Answer) == 0:
		r.w.Header().Set("Retry-After", "1")
		r.fail(faultf(http.StatusConflict, "the first request with this Idempotency-Key is still running"))
		return
	}
	out, err := r.decrypt(kept, key)
	if err != nil {
		r.fail(err)
		return
	}
	out.Header["Idempotency-Replayed"] = "true"
	out.write(r.w)
}

// fingerprint tells requests apart: what they do and to what, not who they are.
func (r *request) fingerprint() string {
	return digest(r.r.Method, r.r.URL.EscapedPath(), r.query.Encode(), strings.Join(r.r.Header["If-Match"], ","), string(r.body))
}

// digest hashes texts so that no two lists of them meet.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// aead encrypts kept answers: they may hold a token that is shown once, so only who has both the API key
// and the Idempotency-Key can read them again.
func (r *request) aead(key string) cipher.AEAD {
	block, err := aes.NewCipher(r.secret(key, "kept answer"))
	if err != nil {
		panic(err) // only for a key of another length
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a cipher of another block size
	}
	return gcm
}

func (r *request) encrypt(out rendered, key string, about directory.Replay) []byte {
	bound := []byte(about.Key + about.Request)
	return r.aead(key).Seal(nil, nil, encode(out), bound) //nolint:gosec // G407: the cipher makes a random nonce itself
}

func (r *request) decrypt(kept directory.Replay, key string) (out rendered, err error) {
	plain, err := r.aead(key).Open(nil, nil, kept.Answer, []byte(kept.Key+kept.Request))
	if err != nil {
		return out, errors.New("a kept answer cannot be decrypted")
	}
	if err := json.Unmarshal(plain, &out); err != nil {
		return out, fmt.Errorf("read kept answer: %w", err)
	}
	return out, nil
}
