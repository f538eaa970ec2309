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

// How long an answer is kept, and how long a request may run before its key is released because its process must have
// died.
const (
	replayWindow = 24 * time.Hour
	runWindow    = 2 * time.Minute
)

var idempotencyKeyForm = regexp.MustCompile(`^[\x20-\x7e]{1,255}$`)

// runOnce runs a changing request, with an Idempotency-Key at most once: repetitions get the kept answer. A dry run
// changes nothing, so it may always be repeated.
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
	// The answer is kept even if the client has disconnected: it will ask again.
	ctx := context.WithoutCancel(r.ctx())
	var out rendered
	defer func() {
		mine.Expires = r.api.svc.Now().Add(replayWindow)
		if out.Status == 0 || out.Status >= http.StatusInternalServerError {
			mine.Answer = nil // after a panic or failure a repetition tries again
		} else {
			mine.Answer = r.encrypt(out, keys[0], mine)
		}
		if err := r.api.svc.FinishReplay(ctx, r.key.Tenant, mine); directory.IsFault(err) {
			reqlog.Fail(ctx, fmt.Errorf("keep answer: %w", err)) // the change is committed, so the client gets its answer
		}
		if out.Status != 0 {
			out.write(r.w)
		}
	}()
	out = r.run()
}

// replay answers with the kept answer of an earlier request with the same key.
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

// fingerprint identifies the content of a request, without the caller.
func (r *request) fingerprint() string {
	return digest(r.r.Method, r.r.URL.EscapedPath(), r.query.Encode(), strings.Join(r.r.Header["If-Match"], ","), string(r.body))
}

// digest hashes a list of texts; their lengths are hashed, too, so that different lists differ.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// aead returns the cipher for kept answers. They may contain a token that is shown once, so reading them takes both the
// API key and the Idempotency-Key.
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
	return r.aead(key).Seal(nil, nil, encode(out), bound) //nolint:gosec // G407: the cipher generates a random nonce itself
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
