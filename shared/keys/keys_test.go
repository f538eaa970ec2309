package keys_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/keys"
)

// both is the interface of both keys.
type both interface {
	directory.LogSigner
	directory.SecretBox
}

// hold proves that a pair of keys keeps its promises; again is the same pair in another process.
func hold(t *testing.T, k, again both) {
	t.Helper()
	ctx := t.Context()
	der, err := k.PublicKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("text"))
	signature, err := again.Sign(ctx, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), sum[:], signature) {
		t.Error("the signature is not valid")
	}
	encrypted, err := k.Encrypt(ctx, []byte("secret"), "t/w1")
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := again.Decrypt(ctx, encrypted, "t/w1"); err != nil || string(plain) != "secret" {
		t.Errorf("decrypted %q, %v", plain, err)
	}
	if _, err := again.Decrypt(ctx, encrypted, "t/w2"); err == nil {
		t.Error("it is decrypted as about something else")
	}
	encrypted[len(encrypted)-1] ^= 1
	if _, err := again.Decrypt(ctx, encrypted, "t/w1"); err == nil {
		t.Error("it is decrypted though it was changed")
	}
}

func TestKeysInAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.key")
	k, err := keys.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	hold(t, k, again)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.OpenFile(path); err == nil {
		t.Error("a file without a key is accepted")
	}
}

func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	a, err := keys.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	b, err := keys.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := a.Encrypt(t.Context(), []byte("secret"), "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Decrypt(t.Context(), encrypted, "x"); err == nil {
		t.Error("other keys decrypt it")
	}
}
